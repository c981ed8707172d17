"""How long data are kept: what an administrator sets, what is said to go, and what then goes in the night."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db, keeping
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.indicators import service as indicators
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people import cycles
from lti_service.people.consents import scans
from lti_service.people.consents.models import Audience, Consent, ConsentText, TextSource, Way
from lti_service.people.guests import service as guests
from lti_service.people.guests.models import Factor, GuestAccess
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.people.privacy import periods, rules
from lti_service.people.privacy.models import ErasureRequest, RequestState
from lti_service.people.privacy.rules import Deciding
from lti_service.platforms.models import Course
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind
from tests.practice_moodle import College, a_college

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]


@pytest.fixture
def college() -> College:
    college = a_college(students=4, teachers=2, employers=1)
    for person in college.people.values():
        person.lang = "en"
    for number, person in enumerate(college.students, start=1):
        person.username = f"student00{number}"
    return college


@pytest.fixture
def admin(launch_as: LaunchAs, synced: Course) -> FlaskClient:
    return launch_as("admin")


def save(admin: FlaskClient, **days: str):
    page = admin.get(f"{admin.home}personal-data/periods").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return admin.post(
        f"{admin.home}personal-data/periods", data={"csrf_token": found[1], **days}, follow_redirects=True
    )


def going(admin: FlaskClient, on: date | None = None) -> dict[str, int]:
    """What the page says will go, by kind."""
    page = admin.get(f"{admin.home}personal-data/periods", query_string={"on": on.isoformat()} if on else {}).text
    found = re.findall(r'id="days-([\w-]+)".*?(?=<li class="list-group-item">|</ul>)', page, re.S)
    counts = {}
    for code in found:
        part = page[page.index(f'id="days-{code}"') :].split("</li>", 1)[0]
        if number := re.search(r'<div class="fw-semibold">(\d+)</div>', part):
            counts[code] = int(number[1])
    return counts


def event(session: Session, course: Course, age: timedelta, action: str = "mentee.asked") -> int:
    row = AuditEvent(at=now() - age, platform_id=course.platform_id, course_id=course.id, action=action)
    session.add(row)
    session.commit()
    return row.id


# --- setting ------------------------------------------------------------------------------------------------------


def test_defaults_are_shown_with_their_source(admin: FlaskClient) -> None:
    page = admin.get(f"{admin.home}personal-data/periods").text
    for kind in keeping.kinds():
        assert f'name="{kind.code}"' in page
        if kind.days is not None:
            assert f'value="{kind.days}"' in page
    assert "article 21 part 5: thirty days" in page
    assert "179" in page


def test_a_period_is_set_used_and_kept_in_the_trail(admin: FlaskClient, session: Session, synced: Course) -> None:
    event(session, synced, timedelta(days=60))
    assert going(admin)["audit"] == 0
    assert "Saved" in save(admin, audit="45").text
    assert going(admin)["audit"] == 1
    changed = session.scalars(select(AuditEvent).where(AuditEvent.action == "keeping.changed")).one()
    assert changed.details == {"kinds": ["audit"]}
    assert "Nothing was changed." in save(admin, audit="45").text


@pytest.mark.parametrize("text", ["0", "-5", "5 лет", "1.5", "999999", "29", "３０"])
def test_a_wrong_period_is_refused_at_its_field(admin: FlaskClient, text: str) -> None:
    answer = save(admin, audit=text, visits="7")
    assert answer.status_code == 422
    assert 'id="wrong-audit"' in answer.text
    assert f'value="{text}"' in answer.text, "what was written stays to be corrected"
    assert "Saved" not in answer.text
    page = admin.get(f"{admin.home}personal-data/periods").text
    assert re.search(r'id="days-visits"[^>]*value="1"', page), "nothing of the form is kept"


def test_a_term_of_the_law_cannot_be_for_ever(admin: FlaskClient) -> None:
    assert save(admin, **{periods.ERASE: ""}).status_code == 422
    assert save(admin, audit="").status_code == 200


def test_a_term_that_was_set_is_the_term_of_the_next_request(
    admin: FlaskClient, launch_as: LaunchAs, session: Session
) -> None:
    save(admin, **{periods.ERASE: "7"})
    student = launch_as("student001")
    page = student.get(f"{student.home}my-data/erasure").text
    assert "erases within 7 days" in page
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    student.post(f"{student.home}my-data/erasure", data={"csrf_token": token[1]})
    request = session.scalars(select(ErasureRequest)).one()
    assert (request.erase_by - request.received_on).days == 7


# --- what will go, and goes ---------------------------------------------------------------------------------------


def test_the_page_tells_what_will_go_on_a_later_day(admin: FlaskClient, session: Session, synced: Course) -> None:
    event(session, synced, timedelta(days=3 * 365 - 20))
    today = now().date()
    assert going(admin)["audit"] == 0
    assert going(admin, today + timedelta(days=25))["audit"] == 1


def test_the_night_deletes_what_the_page_said(admin: FlaskClient, session: Session, synced: Course) -> None:
    old = [event(session, synced, timedelta(days=1200)) for _one in range(3)]
    fresh = event(session, synced, timedelta(days=10))
    check = event(session, synced, timedelta(days=1300), "platform.checked")
    session.add(
        Visit(
            token_hash="f" * 64,
            platform_id=synced.platform_id,
            person_id=session.scalars(select(Person.id)).first(),
            is_admin=False,
            created_at=now() - timedelta(days=9),
            expires_at=now() - timedelta(days=8),
        )
    )
    session.commit()
    said = going(admin)
    assert (said["audit"], said["visits"]) == (3, 1)
    gone = periods.apply_all()
    assert (gone["audit"], gone["visits"]) == (3, 1)
    session.commit()
    kept = set(session.scalars(select(AuditEvent.id)))
    assert kept.isdisjoint(old)
    assert {fresh, check} <= kept, "what the last check of the connection found is what its page shows"
    told = session.scalars(select(AuditEvent).where(AuditEvent.action == "keeping.applied")).all()
    assert {(one.details["kind"], one.details["count"]) for one in told} == {("audit", 3), ("visits", 1)}
    again = periods.apply_all()
    assert (again["audit"], again["visits"]) == (0, 0)


def test_the_night_deletes_what_is_old_and_of_no_college(admin: FlaskClient, session: Session, synced: Course) -> None:
    """The tries of strangers at the guests' door, whatever a college says of its own trail."""
    save(admin, audit="30")
    old, fresh = (
        AuditEvent(at=now() - timedelta(days=days), action="guest.refused") for days in (3 * 365 + 1, 3 * 365 - 1)
    )
    session.add_all((old, fresh))
    session.commit()
    ids = old.id, fresh.id
    assert going(admin)["audit"] == 0
    periods.apply_all()
    session.commit()
    assert set(session.scalars(select(AuditEvent.id).where(AuditEvent.action == "guest.refused"))) == {ids[1]}


def test_for_ever_is_for_ever(admin: FlaskClient, session: Session, synced: Course) -> None:
    old = event(session, synced, timedelta(days=9000))
    save(admin, audit="")
    assert going(admin)["audit"] == 0
    periods.apply_all()
    session.commit()
    assert session.get(AuditEvent, old) is not None


def test_people_who_left_lose_their_names_and_past_numbers_stay(
    admin: FlaskClient, session: Session, synced: Course, person_of: PersonOf
) -> None:
    student, stays = person_of("student001"), person_of("student002")
    this = programme.find_cycle(session, synced.platform_id, now().date())
    assert this is not None
    past = Cycle(
        platform_id=synced.platform_id,
        programme_id=this.programme_id,
        start_year=this.start_year - 5,
        plan_year=this.plan_year,
    )
    form = session.scalars(select(Form).where(Form.code == "teacher-student")).first()
    guide = Mentor(
        cycle=past,
        person_id=stays.id,
        kind=MentorKind.TEACHER,
        state=MentorState.READY,
        created_at=now() - timedelta(days=1800),
    )
    mentees = [
        Mentee(cycle=past, person_id=one.id, kind=MenteeKind.STUDENT, state=MenteeState.FINISHED, created_at=now())
        for one in (student, stays)
    ]
    session.add_all([past, guide, *mentees])
    session.flush()
    session.add(
        Pair(
            cycle_id=past.id,
            course_id=synced.id,
            form_id=form.id,
            mentor_id=guide.id,
            state=PairState.FINISHED,
            proposed_at=now(),
            places=[PairMentee(mentee_id=one.id, form_id=form.id, is_open=False) for one in mentees],
        )
    )
    # This year's records: a candidate by enrolment, who then left all courses.
    for row in session.scalars(select(Mentee).where(Mentee.cycle_id == this.id, Mentee.person_id == student.id)):
        session.delete(row)
    for membership in session.scalars(select(Membership).where(Membership.person_id == student.id)):
        membership.active = False
    long_ago = now() - timedelta(days=1600)
    for person in (student, stays):
        session.get_one(Person, person.id).updated_at = long_ago
    session.commit()
    day = date(past.start_year + 1, 3, 1)

    def numbers():
        session.commit()
        shown = indicators.overview(session, synced.platform_id, synced.id, day)
        assert shown is not None
        return [(one.code, one.share.numerator, one.share.denominator) for one in shown.computed]

    before = numbers()
    assert going(admin)["finished"] == 1
    assert periods.apply_all()["finished"] == 1
    session.commit()
    gone = session.get(Person, student.id, populate_existing=True)
    assert gone.name == f"Удалённый участник № {student.id}"
    assert session.get(Person, stays.id, populate_existing=True).name == stays.name
    assert numbers() == before
    assert periods.apply_all()["finished"] == 0


def test_whoever_is_of_this_year_or_enrolled_or_asked_stays(admin: FlaskClient, session: Session) -> None:
    for person in session.scalars(select(Person)):
        person.updated_at = now() - timedelta(days=4000)
    session.commit()
    assert going(admin)["finished"] == 0


def test_a_guest_goes_when_their_access_is_long_over_whatever_base_they_stand_in(
    session: Session, synced: Course
) -> None:
    session.commit()
    curator = session.scalars(select(Person).order_by(Person.id)).first()
    assert curator is not None
    viewer = Viewer(
        person_id=curator.id,
        platform_id=synced.platform_id,
        course_id=synced.id,
        name="",
        roles=frozenset({Role.CURATOR}),
        course_title="",
        activity_title="",
        time_zone="Europe/Moscow",
    )
    today = now().date()
    facts = guests.PersonFacts("Внешний", "Пётр", "outside@works.example", "+79991234567")
    mentor = guests.add_mentor(session, viewer, today, facts)
    for year in (1, 2, 3):
        cycles.open_cycle(session, synced.platform_id, date(mentor.cycle.start_year + year, 9, 1))
    session.commit()

    def finished(years: int) -> bool:
        before = now() + timedelta(days=365 * years)
        moment = keeping.Moment(synced.platform_id, before, before.date() + timedelta(days=1), now())
        return mentor.person_id in session.scalars(periods._finished(session, moment)).all()

    assert finished(years=4)
    session.add(
        GuestAccess(
            course_id=synced.id,
            person_id=mentor.person_id,
            factor=Factor.PHONE,
            answer="kept",
            invited_at=now(),
            expires_at=now() + timedelta(days=365 * 5),
        )
    )
    session.commit()
    assert not finished(years=4)
    assert finished(years=6)


def test_scans_of_withdrawn_consents_go_with_their_files(
    admin: FlaskClient, app: Flask, session: Session, synced: Course, person_of: PersonOf
) -> None:
    folder: Path = app.extensions["settings"].scans_path
    person = person_of("student001")
    text = ConsentText(
        platform_id=synced.platform_id,
        audience=Audience.ADULT,
        version=1,
        title="Согласие",
        text="Текст",
        source=TextSource.BUILT_IN,
        created_at=now(),
    )
    session.add(text)
    session.flush()
    names = [scans.keep(folder, b"%PDF-1.4 paper") for _one in range(2)]
    for name, withdrawn in zip(names, (now() - timedelta(days=1200), None), strict=True):
        session.add(
            Consent(
                person_id=person.id,
                text_id=text.id,
                way=Way.PAPER,
                given_on=date(2020, 1, 1),
                grown_if_born_by=date(2002, 1, 1),
                recorded_at=now(),
                recorded_by=person.id,
                scan=name,
                scan_kind="pdf",
                withdrawn_at=withdrawn,
            )
        )
    session.commit()
    assert going(admin)["papers"] == 1
    assert periods.apply_all()["papers"] == 1
    assert not (folder / names[0]).exists()
    assert (folder / names[1]).exists(), "a consent that counts keeps its paper"
    session.commit()
    assert sorted(session.scalars(select(Consent.scan))) == sorted(["", names[1]])
    assert os.listdir(folder) == [names[1]]


def test_a_file_goes_only_when_the_transaction_was_kept(app: Flask, session: Session) -> None:
    done: list[str] = []

    def fail() -> None:
        with db.transaction(session):
            db.afterwards(session, lambda: done.append("rolled back"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with db.transaction(session):
        db.afterwards(session, lambda: done.append("kept"))
        assert done == []
    assert done == ["kept"]
    with db.transaction(session):
        pass
    assert done == ["kept"]


def test_the_worker_does_it_every_night(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from lti_service import worker

    called: list[str] = []
    for module, name in ((worker.people, "sync_all"), (worker.training, "read_all"), (worker.surveys, "sync_all"),
                         (worker.indicators, "refresh_all"), (worker.periods, "apply_all")):  # fmt: skip
        monkeypatch.setattr(module, name, lambda name=name: called.append(name))
    declared = {}

    def periodic_task(_when):
        return lambda task: declared.setdefault(task.__name__, task)

    monkeypatch.setattr(worker.queue.huey, "periodic_task", periodic_task)
    worker.schedule(settings)
    declared["sync_everything"]()
    assert called[-1] == "apply_all", "after the loads of the night"


# --- rules --------------------------------------------------------------------------------------------------------


@given(st.dates(date(2006, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_working_days_are_counted_without_weekends(day: date, count: int) -> None:
    end = rules.after_working_days(day, count)
    between = [day + timedelta(days=number) for number in range(1, (end - day).days + 1)]
    assert sum(one.weekday() < 5 for one in between) == count
    assert count == 0 or end.weekday() < 5


@given(st.lists(st.sampled_from(list(Deciding)), max_size=5))
def test_a_decided_request_is_decided_for_ever(actions: list[Deciding]) -> None:
    state = RequestState.ASKED.value
    moved = 0
    for action in actions:
        after = rules.MOVES[state].get(action)
        if after is not None:
            assert after in {one.value for one in RequestState}
            state, moved = after, moved + 1
    assert moved <= 1
    assert (state == RequestState.ASKED) == (moved == 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


NAMES = st.text("абвеёлиИЛЁ", min_size=2, max_size=4)


def texts(of: object) -> Iterator[str]:
    if isinstance(of, str):
        yield of
    elif isinstance(of, list | dict):
        for one in of.values() if isinstance(of, dict) else of:
            yield from texts(one)


def words(text: str) -> list[str]:
    return re.split(r"[^\w-]+", text.casefold().replace("ё", "е"))


WITH_NAMES = st.recursive(
    st.none() | st.integers() | st.lists(NAMES, max_size=3).map(", ".join),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON | WITH_NAMES, NAMES)
def test_no_text_with_the_name_is_left_and_no_other_text_goes(value: object, name: str) -> None:
    folded = name.casefold().replace("ё", "е")
    after = rules.scrubbed(value, [name])
    assert not any(folded in words(text) for text in texts(after))
    assert list(texts(after)) == ["—" if folded in words(text) else text for text in texts(value)]
    assert rules.scrubbed(after, [name]) == after


@given(JSON, st.text(max_size=6))
def test_whatever_a_name_is_made_of_scrubbing_twice_is_scrubbing_once(value: object, name: str) -> None:
    after = rules.scrubbed(value, [name])
    assert rules.scrubbed(after, [name]) == after
    if (shown := name.strip()) and not shown.isdigit():
        assert rules.scrubbed(f"о ней: {shown} (2)", [name]) == "—"


@pytest.mark.parametrize(
    ("text", "name", "goes"),
    [
        ("Филиппова Ольга", "Ли", False),
        ("Лицей № 5, телефонная линия", "Ли", False),
        ("ли пётр", "Ли", True),
        ("Ли-Ван Анна", "Ли", False),
        ("Елкин, Фёдор", "Ёлкин", True),
        ("2026-11-30", "26", False),
        ("26", "26", True),
        ("группа ИС-21/4", "ИС-21/4", True),
        ("группа ИС-21/42", "ИС-21/4", False),
        ("писали на li@a.ru.", "Li@a.ru", True),
        ("ali@a.ru", "li@a.ru", False),
        ("p.li@a.ru", "li@a.ru", False),
        ("li@a.ru.net", "li@a.ru", False),
    ],
)
def test_a_name_is_a_whole_word(text: str, name: str, goes: bool) -> None:
    assert rules.scrubbed(text, [name]) == ("—" if goes else text)
