"""Taking everything that names a person out of every table and of the trail, in the caller's one transaction."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import String, cast, or_, select
from sqlalchemy.orm import Session

from lti_service import audit, looks, personal, queue
from lti_service.audit import AuditEvent
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.people.privacy import identities, rules
from lti_service.personal import Erasing
from lti_service.platforms.models import Course
from lti_service.queue import Run


def erase_person(session: Session, erasing: Erasing, *, stays_away: bool) -> dict[str, int]:
    """Take everything that names a person out of every table and of the trail; says how many rows of each.

    With `stays_away` nothing that Moodle tells comes back before the person says so.
    """
    personal.lock_first(session, erasing)
    person = session.scalars(
        select(Person)
        .where(Person.id == erasing.person_id, Person.platform_id == erasing.platform_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if stays_away and person.moodle_id is not None:
        identities.remember(session, person.platform_id, person.moodle_id)
    names = [*person.family_names, person.email, person.idnumber]
    moodle_id = person.moodle_id
    courses = sorted(
        session.scalars(select(Membership.course_id).where(Membership.person_id == person.id, Membership.active))
    )
    subjects = _subjects(session, person.id)
    gone = personal.erase(session, erasing)
    gone["audit_event"] = _scrub_trail(session, erasing, subjects, names)
    if moodle_id is not None:
        _scrub_runs(session, erasing.platform_id, moodle_id)
    for course_id in courses:
        queue.mark_due(session, course_id)
    audit.record(
        session,
        "person.erased",
        platform_id=erasing.platform_id,
        course_id=erasing.course_id,
        actor_id=erasing.actor_id,
        subject=looks.subject_of(erasing.person_id),
        rows=gone,
    )
    session.flush()
    return gone


def _subjects(session: Session, person_id: int) -> list[str]:
    """How the trail names the person and their records."""
    found = [looks.subject_of(person_id)]
    for base, word in ((Mentee, "mentee"), (Mentor, "mentor")):
        found += [f"{word}:{key}" for key in session.scalars(select(base.id).where(base.person_id == person_id))]
    return found


_WORDS = ("name", "search", "detail", "address")
"""Details of entries about or by the person that somebody typed, or that tell where they were."""


def _scrub_trail(session: Session, erasing: Erasing, subjects: list[str], names: list[str]) -> int:
    """Take out of the trail's details whatever names the person; says from how many entries."""
    wanted = [name for name in names if len(name) > 1]
    details = cast(AuditEvent.details, String)
    # SQLite keeps JSON with its letters escaped, PostgreSQL as they are; neither folds Cyrillic letters.
    spellings = {one for name in wanted for one in (name, name.replace("ё", "е").replace("Ё", "Е"))}
    spelled = {form for name in spellings for form in (name, name.lower(), name.upper(), name.capitalize())}
    texts = spelled | {json.dumps(form)[1:-1] for form in spelled}
    found = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.platform_id == erasing.platform_id,
            or_(
                AuditEvent.subject.in_(subjects),
                AuditEvent.actor_id == erasing.person_id,
                *(details.contains(text, autoescape=True) for text in texts),
            ),
        )
        .execution_options(populate_existing=True)
    )
    scrubbed = 0
    for event in found:
        after: dict[str, Any] = rules.scrubbed(event.details, wanted)
        if event.subject in subjects or event.actor_id == erasing.person_id:
            after = {key: value for key, value in after.items() if key not in _WORDS}
        if after != event.details:
            event.details = after
            scrubbed += 1
    session.flush()
    return scrubbed


def _scrub_runs(session: Session, platform_id: int, moodle_id: str) -> None:
    """Reports of syncs name people with a trouble by Moodle's number."""
    courses = select(Course.id).where(Course.platform_id == platform_id)
    found = session.scalars(
        select(Run).where(Run.course_id.in_(courses), cast(Run.counts, String).contains(f'"{moodle_id}"'))
    )
    for run in found:
        problems = run.counts.get("problems", {})
        run.counts = {
            **run.counts,
            "problems": {
                reason: {**told, "people": [one for one in told.get("people", []) if one != moodle_id]}
                for reason, told in problems.items()
            },
        }
    session.flush()


def erased_ids(session: Session, person_ids: Iterable[int]) -> set[int]:
    """Those of these people whose data were erased: nothing is to be sent to Moodle about them."""
    return set(session.scalars(select(Person.id).where(Person.id.in_(set(person_ids)), Person.erased_at.is_not(None))))
