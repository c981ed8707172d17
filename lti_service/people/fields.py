"""Profile fields tried out on real people: what Moodle tells in them now, before anybody relies on it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.people import enrolments, rules
from lti_service.people.models import Membership, Person
from lti_service.people.rules import ProfileValueError
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform
from moodle_client import User

SAMPLE = 100
"""People of the course who are asked for; of one that was never loaded the first page of Moodle's list."""
SHOWN = 5
"""Examples of a field that are shown, and people whose values cannot be read."""


@dataclass
class FieldTrial:
    """What one field tells of the people asked for."""

    short_name: str
    filled: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    """Names of people with what is read of them."""
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Names of people with the values that cannot be read; more than are shown are counted."""
    unread_total: int = 0


@dataclass
class FieldsTrial:
    """What the fields tell, by what they are for."""

    people: int
    fields: dict[str, FieldTrial]
    told: list[str]
    """Short names of all the site's own fields that Moodle told of these people."""


def try_out(session: Session, platform: Platform, course_id: int, wanted: Mapping[str, str]) -> FieldsTrial:
    """Ask Moodle for some people of a course and read these fields; nothing is kept.

    Raises NoWebServiceError without a token, MoodleError, DomainError of the way out.
    """
    client = platforms.moodle(platform)
    moodle_id = int(session.get_one(Course, course_id).moodle_id)
    today = datetime.now(ZoneInfo(platform.time_zone)).date()
    known = _sample(session, course_id)
    session.commit()
    if known:
        users: list[User] = client.users_by_field("id", known)
    else:
        with closing(client.iter_enrolled_users(moodle_id, page_size=SAMPLE, only_active=True)) as pages:
            users = list(next(pages, []))
    short_names = enrolments.PROFILE_FIELDS | dict(wanted)
    trials = {name: FieldTrial(short) for name, short in short_names.items()}
    for user in users:
        for name, trial in trials.items():
            _look(trial, name, user, today)
    return FieldsTrial(len(users), trials, sorted({name for user in users for name in user.profile}))


def _sample(session: Session, course_id: int) -> list[str]:
    """Moodle's ids of some who are known in the course: half of them students, for other fields are theirs."""
    learns = cast(Membership.roles, Text).contains(f'"{Role.STUDENT.value}"')
    ids: list[str] = []
    for who in (learns, ~learns):
        found = session.scalars(
            select(Person.moodle_id)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.course_id == course_id, Membership.active, Person.moodle_id.is_not(None), who)
            .order_by(Person.id)
            .limit(SAMPLE // 2)
        )
        ids += [str(moodle_id) for moodle_id in found]
    return ids


def _look(trial: FieldTrial, name: str, user: User, today: date) -> None:
    told = enrolments.told_in(user, trial.short_name).strip()
    try:
        read = _reader(name, today)(told)
    except ProfileValueError:
        trial.filled += 1
        trial.unread_total += 1
        if len(trial.unread) < SHOWN:
            trial.unread.append((user.fullname, told[:80]))
        return
    if read:
        trial.filled += 1
        if len(trial.examples) < SHOWN:
            trial.examples.append((user.fullname, read[:80]))


def _reader(name: str, today: date) -> Callable[[str], str]:
    """How a field's text is read, and shown again; empty: nothing is told."""

    def number(parse: Callable[[str], int | None]) -> Callable[[str], str]:
        return lambda text: "" if (value := parse(text)) is None else str(value)

    def born(text: str) -> str:
        day = rules.parse_birth_date(text, today)
        return day.strftime("%d.%m.%Y") if day else ""

    readers = {
        "birth_date": born,
        "experience": number(rules.parse_experience),
        "study_year": number(rules.parse_study_year),
    }
    return readers.get(name, lambda text: text)
