"""The rules on who is who in plain words."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lti_service.people import labels
from lti_service.people.kinds.rules import NUMBERS, ROLES, Condition, Field, Kind, Op, ops_of

TITLES: dict[Kind, Any] = {
    Kind.STUDENT: _l("Student, as a mentee"),
    Kind.YOUNG_TEACHER: _l("Young teacher, as a mentee"),
    Kind.TEACHER: _l("Teacher, as a mentor"),
    Kind.EMPLOYER: _l("Employer's mentor"),
    Kind.SENIOR_STUDENT: _l("Senior student, as a mentor"),
}
NAMES: dict[Field, Any] = {
    Field.GROUP: _l("group"),
    Field.SPECIALTY: _l("speciality"),
    Field.DEPARTMENT: _l("department"),
    Field.ORGANISATION: _l("organisation"),
    Field.STUDY_YEAR: _l("year of study"),
    Field.EXPERIENCE: _l("years of teaching"),
    Field.AGE: _l("age"),
}
REASONS: dict[str, Any] = {
    "op": _l("This cannot be compared so."),
    "role": _l("Write the role's short name in Moodle, e.g. teacher."),
    "number": _l("Write a number of full years, e.g. 3."),
    "empty": _l("Write a pattern, e.g. ГТ-4*."),
    "long": _l("A pattern has no more than 200 characters."),
    "many": _l("No more than 20 alternatives, parted by commas."),
    "brace": _l("The signs { and } are only for the year of study."),
    "place": _l("Each alternative needs one place for the year: {курс} or {год}."),
}
"""Why a condition or a pattern cannot be taken."""


def condition(one: Condition) -> str:
    """A condition as a piece of a sentence: `role here: student`, `group like ГТ-4*`, `age at least 18`."""
    if one.field is Field.ROLE:
        role = next(labels.ROLES[role] for role in ROLES if role == one.value)
        return _("role here: %(role)s", role=role) if one.op is Op.IS else _("role here: not %(role)s", role=role)
    if one.field is Field.MOODLE_ROLE:
        told = {"role": one.value}
        return _("role in Moodle: %(role)s", **told) if one.op is Op.IS else _("role in Moodle: not %(role)s", **told)
    name = NAMES[one.field]
    if one.field in NUMBERS:
        told = {"name": name, "number": one.value}
        return (
            _("%(name)s at least %(number)s", **told)
            if one.op is Op.AT_LEAST
            else _("%(name)s at most %(number)s", **told)
        )
    told = {"name": name, "pattern": one.value}
    return (
        _("%(name)s like “%(pattern)s”", **told) if one.op is Op.LIKE else _("%(name)s not like “%(pattern)s”", **told)
    )


def way(conditions: tuple[Condition, ...]) -> str:
    """Conditions that must all hold."""
    return _(" and ").join(condition(one) for one in conditions)


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a condition can be, in sets: values as the form sends them (`field:op`, of roles `field:op:role`)."""
    roles = [
        (f"{Field.ROLE}:{op}:{role}", condition(Condition(Field.ROLE, op, role.value)))
        for op in ops_of(Field.ROLE)
        for role in ROLES
    ]
    in_moodle = [
        (f"{Field.MOODLE_ROLE}:{Op.IS}", _("role in Moodle is")),
        (f"{Field.MOODLE_ROLE}:{Op.IS_NOT}", _("role in Moodle is not")),
    ]
    names, numbers = [], []
    for of, word in NAMES.items():
        if of in NUMBERS:
            numbers += [
                (f"{of}:{Op.AT_LEAST}", _("%(name)s at least", name=word)),
                (f"{of}:{Op.AT_MOST}", _("%(name)s at most", name=word)),
            ]
        else:
            names += [
                (f"{of}:{Op.LIKE}", _("%(name)s like", name=word)),
                (f"{of}:{Op.NOT_LIKE}", _("%(name)s not like", name=word)),
            ]
    return [
        (_("Role here"), roles),
        (_("Role in Moodle"), in_moodle),
        (_("Names"), names),
        (_("Numbers"), numbers),
    ]
