"""How Moodle's JSON becomes the models: keys it may leave out have a default, unknown ones are ignored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from . import models
from .encoding import decode_presentation
from .errors import MalformedResponse


def load(schema: Schema, body: object, *, function: str) -> Any:
    """Turn an answer into the schema's model; a `MalformedResponse` names the key that does not fit."""
    try:
        return schema.load(body)  # type: ignore[arg-type] # whatever JSON held: judging it is the schema's work
    except ValidationError as error:
        key, reason = _first_problem(error.messages)
    raise MalformedResponse(f"{key or 'the answer'}: {reason}", function=function, key=key)


def load_list(schema: Schema, body: object, *, function: str, under: str = "") -> list[Any]:
    """Turn a list, or the one kept `under` a key of the answer, into models."""
    rows = body if not under else body.get(under) if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise MalformedResponse(f"{under or 'the answer'}: not a list", function=function, key=under)
    try:
        return schema.load(rows, many=True)  # type: ignore[no-any-return]
    except ValidationError as error:
        key, reason = _first_problem(error.messages)
    raise MalformedResponse(f"{under}{key}: {reason}", function=function, key=f"{under}{key}")


def _first_problem(messages: object) -> tuple[str, str]:
    """Walk into marshmallow's nested messages: {3: {"id": ["Missing…"]}} → ("[3].id", "Missing…")."""
    path = ""
    while isinstance(messages, Mapping):
        step, messages = next(iter(messages.items()))
        if step != "_schema":
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path, str(messages[0] if isinstance(messages, list) else messages)


class Text(fields.String):
    """A string; Moodle's null is an empty one, and a bare number is what it reads as."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value is None:
            value = ""
        elif type(value) in {int, float}:
            value = str(value)
        return super().deserialize(value, *args, **kwargs)


class Moment(fields.Field[datetime | None]):
    """Epoch seconds as an aware time; Moodle's 0 is "never" and becomes None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime | None:
        try:
            return datetime.fromtimestamp(int(value), UTC) if int(value) else None
        except (TypeError, ValueError, OverflowError, OSError):
            raise ValidationError("Not a time in epoch seconds.") from None


class MoodleSchema(Schema):
    """Ignores what newer Moodles add and hands the rest to `model` by keyword."""

    model: ClassVar[type]

    class Meta:
        unknown = EXCLUDE

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> Any:
        return self.model(**data)


class FunctionSchema(MoodleSchema):
    name = Text(required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> str:
        return str(data["name"])


class SiteInfoSchema(MoodleSchema):
    model = models.SiteInfo

    name = Text(data_key="sitename", required=True)
    url = Text(data_key="siteurl", required=True)
    user_id = fields.Integer(data_key="userid", required=True)
    username = Text(load_default="")
    fullname = Text(load_default="")
    lang = Text(load_default="")
    release = Text(load_default="")
    version = Text(load_default="")
    functions = fields.List(fields.Nested(FunctionSchema), load_default=frozenset, post_load=[frozenset])


class CourseSchema(MoodleSchema):
    model = models.Course

    id = fields.Integer(required=True)
    fullname = Text(required=True)
    shortname = Text(required=True)
    idnumber = Text(load_default="")
    visible = fields.Boolean(load_default=True)
    starts = Moment(data_key="startdate", load_default=None)
    ends = Moment(data_key="enddate", load_default=None)


class CompletionCriterionSchema(MoodleSchema):
    complete = fields.Boolean(required=True)
    time = Moment(data_key="timecompleted", load_default=None, allow_none=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> Any:
        return data["time"] if data["complete"] else None


class CompletionStatusSchema(MoodleSchema):
    completed = fields.Boolean(required=True)
    times = fields.List(fields.Nested(CompletionCriterionSchema), data_key="completions", required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> Any:
        return data


class CourseCompletionSchema(MoodleSchema):
    status = fields.Nested(CompletionStatusSchema, data_key="completionstatus", required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> models.CourseCompletion:
        status = data["status"]
        met = max((time for time in status["times"] if time is not None), default=None)
        return models.CourseCompletion(status["completed"], met if status["completed"] else None)


class GroupSchema(MoodleSchema):
    model = models.Group

    id = fields.Integer(required=True)
    name = Text(required=True)
    idnumber = Text(load_default="")


class GroupMembersSchema(MoodleSchema):
    group_id = fields.Integer(data_key="groupid", required=True)
    user_ids = fields.List(fields.Integer(), data_key="userids", required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> tuple[int, tuple[int, ...]]:
        return data["group_id"], tuple(data["user_ids"])


class RoleSchema(MoodleSchema):
    shortname = Text(required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> str:
        return str(data["shortname"])


class CustomFieldSchema(MoodleSchema):
    shortname = Text(required=True)
    value = Text(load_default="")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> tuple[str, str]:
        return data["shortname"], data["value"]


class UserSchema(MoodleSchema):
    model = models.User

    id = fields.Integer(required=True)
    username = Text(load_default="")
    firstname = Text(load_default="")
    lastname = Text(load_default="")
    fullname = Text(load_default="")
    email = Text(load_default="")
    idnumber = Text(load_default="")
    department = Text(load_default="")
    institution = Text(load_default="")
    suspended = fields.Boolean(load_default=False)
    profile = fields.List(
        fields.Nested(CustomFieldSchema), data_key="customfields", load_default=dict, post_load=[dict]
    )


class EnrolledUserSchema(UserSchema):
    model = models.EnrolledUser

    roles = fields.List(fields.Nested(RoleSchema), load_default=(), post_load=[tuple])
    groups = fields.List(fields.Nested(GroupSchema), load_default=(), post_load=[tuple])


class FeedbackSchema(MoodleSchema):
    model = models.Feedback

    id = fields.Integer(required=True)
    course_id = fields.Integer(data_key="course", required=True)
    course_module_id = fields.Integer(data_key="coursemodule", required=True)
    name = Text(required=True)
    # 1 is anonymous, 2 is named (mod/feedback/lib.php). When unsure, say anonymous: that harms nobody.
    anonymous = fields.Integer(load_default=True, post_load=[lambda value: value != 2])
    opens = Moment(data_key="timeopen", load_default=None)
    closes = Moment(data_key="timeclose", load_default=None)


class FeedbackItemSchema(MoodleSchema):
    id = fields.Integer(required=True)
    name = Text(required=True)
    label = Text(load_default="")
    type = Text(data_key="typ", required=True)
    position = fields.Integer(load_default=0)
    required = fields.Boolean(load_default=False)
    has_value = fields.Boolean(data_key="hasvalue", load_default=True)
    presentation = Text(required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> models.FeedbackItem:
        choices = decode_presentation(data["type"], data.pop("presentation"))
        return models.FeedbackItem(**data, **choices._asdict())


class AnswerSchema(MoodleSchema):
    id = fields.Integer(required=True)
    raw = Text(data_key="rawval", required=True)
    printed = Text(data_key="printval", load_default="")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> tuple[int, models.Answer]:
        return data["id"], models.Answer(raw=data["raw"], printed=data["printed"])


class AttemptSchema(MoodleSchema):
    model = models.FeedbackAttempt

    id = fields.Integer(required=True)
    # 0 is someone who was not logged in.
    user_id = fields.Integer(data_key="userid", load_default=None, post_load=[lambda value: value or None])
    modified = Moment(data_key="timemodified", load_default=None)
    answers = fields.List(fields.Nested(AnswerSchema), data_key="responses", load_default=dict, post_load=[dict])


class FeedbackResponsesSchema(MoodleSchema):
    named = fields.List(fields.Nested(AttemptSchema), data_key="attempts", required=True)
    total_named = fields.Integer(data_key="totalattempts", required=True)
    anonymous = fields.List(fields.Nested(AttemptSchema), data_key="anonattempts", required=True)
    total_anonymous = fields.Integer(data_key="totalanonattempts", required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> models.FeedbackResponses:
        return models.FeedbackResponses(
            attempts=(*data["named"], *data["anonymous"]),
            total_named=data["total_named"],
            total_anonymous=data["total_anonymous"],
        )


class SentMessageSchema(MoodleSchema):
    id = fields.Integer(data_key="msgid", required=True)
    error = Text(data_key="errormessage", load_default="")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: Any) -> tuple[int, str]:
        return data["id"], data["error"]
