"""What a launch's roles mean here: context roles give a role in the course, administrator roles are kept apart."""

from lti_service.access import Role

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
"""Context roles; the specification lets platforms send their short names too."""
ADMINISTRATOR = frozenset(
    {
        "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
        "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",
    }
)
CONTEXT_ROLES = {"Learner": Role.STUDENT, "Instructor": Role.TEACHER}


def course_roles(roles: frozenset[str]) -> list[Role]:
    """Roles in the course, sorted. Institution-level roles (Faculty, Student …) say nothing about it."""
    short = (role.removeprefix(MEMBERSHIP) for role in roles)
    return sorted({CONTEXT_ROLES[name] for name in short if name in CONTEXT_ROLES})


def is_administrator(roles: frozenset[str]) -> bool:
    """Whether the launch is a site administrator's: Moodle sends such a role to nobody else."""
    return not ADMINISTRATOR.isdisjoint(roles)
