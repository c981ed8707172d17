"""What a programme preset (config/programmes/*.yaml) must hold to be loaded."""

from marshmallow import EXCLUDE, Schema, fields, validate

from lti_service.programme.models import MenteeKind, MentorKind


class _Part(Schema):
    class Meta:
        # A preset tells more than is loaded today: roles, tasks, the road map.
        unknown = EXCLUDE


class FormSchema(_Part):
    """A form of mentoring."""

    id = fields.String(required=True, validate=validate.Length(1, 60))
    title = fields.String(required=True)
    mentor_kind = fields.Enum(MentorKind, by_value=True, required=True)
    mentee_kind = fields.Enum(MenteeKind, by_value=True, required=True)
    goal = fields.String(load_default="")
    activities = fields.List(fields.String(), load_default=list)
    expected_results = fields.List(fields.String(), load_default=list)
    source = fields.String(load_default="")


class IndicatorSchema(_Part):
    """An indicator with its plan by year."""

    id = fields.String(required=True, validate=validate.Length(1, 20))
    title = fields.String(required=True)
    unit = fields.String(required=True)
    better = fields.String(required=True, validate=validate.OneOf(["more", "less"]))
    source = fields.String(required=True, validate=validate.OneOf(["computed", "manual"]))
    plan = fields.Dict(keys=fields.Integer(), values=fields.Decimal(), required=True)


class PresetSchema(_Part):
    """A whole preset."""

    title = fields.String(required=True)
    organisation = fields.Dict(load_default=dict)
    legal_basis = fields.String(load_default="")
    years = fields.List(fields.Integer(), required=True, validate=validate.Length(min=1))
    forms = fields.List(fields.Nested(FormSchema), required=True, validate=validate.Length(min=1))
    result_indicators = fields.List(fields.Nested(IndicatorSchema), load_default=list)
    effect_indicators = fields.List(fields.Nested(IndicatorSchema), load_default=list)
