"""Erasing one person leaves alone what only looks like them, and nobody does anything with them afterwards."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people import service as people
from lti_service.people import support
from lti_service.people.consents import lists as consent_lists
from lti_service.people.consents import scans
from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Relation, Way
from lti_service.people.consents.service import Paper
from lti_service.people.corrections import service as corrections
from lti_service.people.errors import MoveRefusedError
from lti_service.people.guests import invitations, joining, lists
from lti_service.people.guests import service as guests
from lti_service.people.guests.invitations import Terms
from lti_service.people.guests.lists import Look
from lti_service.people.guests.rules import Factor
from lti_service.people.guests.service import PersonFacts
from lti_service.people.imports import service as imports
from lti_service.people.imports.errors import NothingToApplyError
from lti_service.people.imports.models import ImportPreview, ImportRow, PreviewState, Subject
from lti_service.people.models import MenteeState, MentorState, Person
from lti_service.people.privacy import erasing
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.personal import Erasing
from lti_service.programme.models import MenteeKind, MentorKind
from tests.people.conftest import TODAY, SmallCourse
from tests.people.test_employers import viewer_of

MINER = PersonFacts("Внешний", "Пётр", "miner@example.org", "+79991234567")


def erase(session: Session, small: SmallCourse, person: Person) -> None:
    what = Erasing(small.platform.id, person.id, small.curator.id, small.course.id, TODAY, now())
    erasing.erase_person(session, what, stays_away=True)
    session.commit()


# --- consents -----------------------------------------------------------------------------------------------------


def test_nobody_asks_a_consent_of_whom_data_were_erased(session: Session, small: SmallCourse, come_in) -> None:
    gone, other = small.mentees[0].person, small.mentees[1].person
    curator = viewer_of(small)
    [paper] = consents.record(session, curator, TODAY, [Paper(gone.id, Way.PAPER, TODAY)])
    erase(session, small, gone)
    name = gone.name
    listing = consent_lists.list_people(
        session, small.platform.id, small.course.id, small.cycle.id, TODAY, consent_lists.Look()
    )
    assert other.name in [line.person.name for line in listing.lines]
    assert name not in [line.person.name for line in listing.lines]
    with pytest.raises(NotFoundError):
        consents.record(session, curator, TODAY, [Paper(gone.id, Way.REPRESENTATIVE, TODAY, "Мать", Relation.MOTHER)])
    with pytest.raises(NotFoundError):
        scans.find(session, curator, gone.id, paper.id)
    client, course = come_in(small.curator), f"/courses/{small.course.id}"
    for address in ("consents/blanks", "consents/", "consents/list.csv"):
        assert name not in client.get(f"{course}/{address}").text
    page = client.get(f"{course}/people/{gone.id}/").text
    assert "consents/new" not in page
    assert f"consents/{paper.id}/scan" not in page
    assert "Согласие" in page, "that it was given and withdrawn is told"


# --- the bases ----------------------------------------------------------------------------------------------------


def test_whose_data_were_erased_takes_part_in_nothing_any_more(session: Session, small: SmallCourse, come_in) -> None:
    gone, other = small.mentees[:2]
    mentor, at = small.mentor, small.at
    other.state = MenteeState.WITHDRAWN
    erase(session, small, gone.person)
    erase(session, small, mentor.person)
    # Everybody who was withdrawn is wanted back at once.
    outcome = people.move_mentees(session, at, [gone.id, other.id], MenteeAction.NEED)
    assert (outcome.done, outcome.refused) == (1, [gone])
    with pytest.raises(MoveRefusedError):
        people.move_mentors(session, at, [mentor.id], MentorAction.RETURN)
    for work in (
        lambda: people.save_mentee(session, at, gone.person_id, wanted_form_id=None, request="Слова"),
        lambda: people.add_mentor(session, at, gone.person_id, MentorKind.STUDENT),
        lambda: people.add_mentee(session, at, mentor.person_id, MenteeKind.YOUNG_TEACHER),
        lambda: support.record_support(
            session, at, gone.person_id, day=TODAY, who="Психолог", agreed="Слова", next_look=None, today=TODAY
        ),
    ):
        with pytest.raises(NotFoundError):
            work()
    session.commit()
    assert (gone.state, mentor.state) == (MenteeState.WITHDRAWN, MentorState.WITHDRAWN)
    client = come_in(small.curator)
    for person in (gone.person, mentor.person):
        page = client.get(f"/courses/{small.course.id}/people/{person.id}/").text
        assert "<form" not in page.partition("<main")[2]


# --- files being checked ------------------------------------------------------------------------------------------


def check(session: Session, small: SmallCourse, *rows: str, head: str = "ФИО;Дата рождения") -> ImportPreview:
    place = imports.place_of(session, viewer_of(small), TODAY)
    data = "\r\n".join((head, *rows)).encode()
    preview = imports.check(session, place, imports.read_file(Subject.BIRTHS, data), "a.csv")
    session.commit()
    return preview


def apply(session: Session, small: SmallCourse, preview: ImportPreview) -> imports.Applied:
    applied = imports.apply(session, imports.place_of(session, viewer_of(small), TODAY), preview.id)
    session.commit()
    return applied


def shown(session: Session) -> list[str]:
    return list(session.scalars(select(ImportRow.who).order_by(ImportRow.number)))


def test_no_file_tells_anything_of_whom_data_were_erased(session: Session, small: SmallCourse) -> None:
    gone = small.mentees[0].person
    erase(session, small, gone)
    missing = imports.without_birth_date(session, viewer_of(small), TODAY, "")
    assert gone.name not in [row[0] for row in missing.rows]
    preview = check(session, small, f"{gone.name};15.03.2008")
    assert preview.counts["wrong"] == 1
    assert gone.birth_date is None


def test_rows_of_others_stay_in_a_file_being_checked(session: Session, small: SmallCourse) -> None:
    li, other = small.add("Ли Пётр", "student"), small.add("Филиппова Ольга", "student")
    li.idnumber = "15"
    preview = check(session, small, "Филиппова Ольга;15.03.2001", "Борисова Анна;16.03.2001")
    erase(session, small, li)
    assert len(shown(session)) == 2
    applied = apply(session, small, preview)
    assert (applied.moved, applied.preview.state) == (0, PreviewState.APPLIED)
    assert session.get_one(Person, other.id).birth_date == date(2001, 3, 15)


def test_a_file_that_lost_a_row_is_looked_at_once_more(session: Session, small: SmallCourse) -> None:
    gone, other = small.add("Ёлкина Ольга", "student"), small.add("Филиппова Ольга", "student")
    session.commit()
    preview = check(session, small, "Елкина Ольга;15.03.2001", "Филиппова Ольга;16.03.2001")
    assert sum(preview.counts.values()) == 2
    erase(session, small, gone)
    assert (len(shown(session)), sum(preview.counts.values())) == (1, 1)
    applied = apply(session, small, preview)
    assert (applied.moved, applied.preview.state) == (1, PreviewState.OPEN)
    assert session.get_one(Person, other.id).birth_date is None
    assert apply(session, small, preview).preview.state is PreviewState.APPLIED
    assert session.get_one(Person, other.id).birth_date == date(2001, 3, 16)


def test_a_row_is_found_by_its_id_number_and_only_there(session: Session, small: SmallCourse) -> None:
    gone = small.add("Ёлкина Ольга", "student")
    gone.idnumber = "26"
    session.commit()
    preview = check(session, small, "26;15.03.2001", head="ID number;Дата рождения")
    assert len(shown(session)) == 1
    erase(session, small, gone)
    assert shown(session) == []
    assert not any(preview.counts.values())
    with pytest.raises(NothingToApplyError):
        apply(session, small, preview)


# --- the trail ----------------------------------------------------------------------------------------------------


def test_the_trail_of_others_stays_as_it_is(session: Session, small: SmallCourse) -> None:
    gone = small.add("Ли Пётр", "student")
    gone.idnumber = "26"
    kept = [{"until": "2026-11-30"}, {"title": "Лицей № 5, телефонная линия"}]
    for number, details in enumerate([*kept, {"search": "ли п"}, {"number": "26"}]):
        audit.record(session, "guest.prolonged", platform_id=small.platform.id, subject=f"guest:{number}", **details)
    session.commit()
    erase(session, small, gone)
    found = session.scalars(
        select(AuditEvent.details).where(AuditEvent.action == "guest.prolonged").order_by(AuditEvent.id)
    )
    assert found.all() == [*kept, {"search": "—"}, {"number": "—"}]


# --- a corrected name ---------------------------------------------------------------------------------------------


def test_the_name_that_moodle_still_has_goes_with_the_corrected_one(session: Session, small: SmallCourse) -> None:
    gone = small.add("Щукина Ольга", "student")
    session.commit()
    corrections.correct(
        session, small.at, gone.id, family_name="Ветрова", given_name="Ольга", birth_date=None, today=TODAY
    )
    for word in ("щукина", "ветрова"):
        audit.record(session, "base.exported", platform_id=small.platform.id, subject="base:mentees", search=word)
    session.commit()
    check(session, small, "Щукина Ольга;15.03.2001", "Ветрова Ольга;15.03.2001")
    assert len(shown(session)) == 2
    erase(session, small, gone)
    found = session.scalars(select(AuditEvent.details).where(AuditEvent.action == "base.exported"))
    assert found.all() == [{"search": "—"}, {"search": "—"}]
    assert shown(session) == []


# --- afterwards ---------------------------------------------------------------------------------------------------


def test_an_erased_person_is_not_corrected(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    erase(session, small, person)
    called = person.family_name
    with pytest.raises(NotFoundError):
        corrections.correct(
            session,
            small.at,
            person.id,
            family_name="Алексеев",
            given_name="Пётр",
            birth_date=date(2008, 1, 1),
            today=TODAY,
        )
    with pytest.raises(NotFoundError):
        corrections.take_moodles(session, small.at, person.id)
    session.rollback()
    assert session.get_one(Person, person.id).family_name == called


def test_an_erased_guest_is_in_no_list_and_nobody_invites_edits_or_joins_them(
    session: Session, small: SmallCourse
) -> None:
    viewer = viewer_of(small)
    guest = guests.add_mentor(session, viewer, TODAY, MINER).person
    account = small.add("Другой Пётр", "teacher")
    session.commit()
    assert lists.list_guests(session, viewer, TODAY, Look()).total == 1
    seen = joining.preview(session, viewer, guest.id, account.id).seen
    erase(session, small, guest)
    assert lists.list_guests(session, viewer, TODAY, Look()).total == 0
    assert lists.line_of(session, viewer, guest.id) is None
    with pytest.raises(NotFoundError):
        guests.change_person(session, small.at, guest.id, MINER)
    with pytest.raises(NotFoundError):
        invitations.invite(session, viewer, guest.id, Terms(Factor.WORD, date(2027, 7, 1), "Цех?", "прокатный"), TODAY)
    with pytest.raises(NotFoundError):
        invitations.page_of(session, viewer, guest.id, TODAY)
    with pytest.raises(NotFoundError):
        joining.join(session, viewer, guest.id, account.id, seen)
    session.rollback()
    assert session.get_one(Person, guest.id).erased_at is not None
