"""A guest mentor sees the plan and the meetings of their own pairs, ticks, adds and writes down, and nothing more."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.work.models import Meeting, MeetingState, PlanItem
from lti_service.people.guests import joining
from lti_service.people.models import Person
from tests.consenting import withdraw_consent
from tests.counting import statements
from tests.pairs.conftest import World
from tests.pairs.test_guests import Outsider, token, viewer_of
from tests.pairs.test_views import text_of


class Guest:
    """An outsider who is inside, with an active pair whose plan and meetings the curator has begun."""

    def __init__(self, world: World, app: Flask, session: Session, *mentees: Any) -> None:
        self.outsider = Outsider(world, app)
        self.session, self.world = session, world
        self.mentees = mentees or (world.mentee("Алексеев Пётр"),)
        self.pair = world.pair(PairState.ACTIVE, self.outsider.mentor, *self.mentees, form="employer-student")
        self.item, self.meeting = begin(session, self.pair, world.curator, "77")
        self.client: FlaskClient = self.outsider.browser()
        self.home = self.outsider.home
        self.of_pair = f"{self.home}pairs/{self.pair.id}/"

    def send(self, path: str, **values: str) -> Any:
        return self.client.post(path, data={"csrf_token": token(self.client, self.home), **values})

    def items(self) -> list[PlanItem]:
        self.session.rollback()
        self.session.expire_all()
        return list(self.session.scalars(select(PlanItem).order_by(PlanItem.id)))

    def meetings(self) -> list[Meeting]:
        self.session.rollback()
        self.session.expire_all()
        return list(self.session.scalars(select(Meeting).order_by(Meeting.id)))


def begin(session: Session, pair: Pair, author: Person, mark: str) -> tuple[PlanItem, Meeting]:
    """A goal, an item of the plan and a planned meeting, each with the mark."""
    pair.goal = f"Цель-{mark}"
    item = PlanItem(pair_id=pair.id, title=f"Дело-{mark}", made_by=author.id, made_at=now())
    meeting = Meeting(
        pair_id=pair.id,
        state=MeetingState.PLANNED,
        day=now().date() + timedelta(days=3),
        topic=f"Тема-{mark}",
        made_by=author.id,
        made_at=now(),
    )
    session.add_all([item, meeting])
    session.commit()
    return item, meeting


@pytest.fixture
def guest(world: World, app: Flask, session: Session) -> Guest:
    return Guest(world, app, session)


WORDS = ("Цель-77", "Дело-77", "Тема-77")


def test_a_guest_sees_plan_and_meetings_of_their_own_pairs_and_the_look_is_kept(guest: Guest, session: Session) -> None:
    world = guest.world
    others = world.pair(PairState.ACTIVE, world.mentor("Титов Олег"), world.mentee("Борисова Анна"))
    begin(session, others, world.curator, "88")
    page = guest.client.get(guest.home)
    assert all(word in page.text for word in WORDS)
    assert "88" not in text_of(page)
    assert "planned by: the curator" in text_of(page)
    for missing in ("/goal", "meetings/planned", f"plan/{guest.item.id}/remove", "/courses/1/pairs"):
        assert missing not in page.text.replace("/guest/courses/1/pairs", "")
    session.rollback()
    looks = session.scalars(select(AuditEvent).where(AuditEvent.action == "guest.viewed")).all()
    assert looks[-1].details == {"pairs": [guest.pair.id], "people": [guest.mentees[0].person_id]}


def test_a_guest_ticks_adds_and_writes_down(guest: Guest, session: Session) -> None:
    at = f"{guest.home}#pair-{guest.pair.id}"
    person = guest.outsider.person
    answer = guest.send(f"{guest.of_pair}plan/{guest.item.id}/tick", done="1")
    assert (answer.status_code, answer.location) == (303, at)
    assert guest.items()[0].done_by == person.id
    assert guest.send(f"{guest.of_pair}plan/{guest.item.id}/tick", done="0").status_code == 303
    answer = guest.send(f"{guest.of_pair}plan/new", title="Пройти инструктаж")
    assert (answer.status_code, answer.location) == (303, at)
    answer = guest.send(f"{guest.of_pair}meetings/held", day=guest.world.day.isoformat(), topic="В шахте")
    assert (answer.status_code, answer.location) == (303, at)
    page = text_of(guest.client.get(guest.home))
    assert "The meeting is written down." in page
    for told in ("Пройти инструктаж", "В шахте", "written down by: you"):
        assert told in page
    session.rollback()
    acted = session.scalars(
        select(AuditEvent.action).where(AuditEvent.actor_id == person.id, AuditEvent.subject == f"pair:{guest.pair.id}")
    ).all()
    assert acted[-4:] == ["plan.item-done", "plan.item-reopened", "plan.item-added", "meeting.held"]


def test_a_planned_meeting_was_held_says_the_guest(guest: Guest) -> None:
    answer = guest.send(f"{guest.of_pair}meetings/{guest.meeting.id}/held")
    assert answer.status_code == 422
    assert "This day is still to come" in text_of(answer)
    guest.session.get_one(Meeting, guest.meeting.id).day = guest.world.day
    guest.session.commit()
    assert "It was held" in text_of(guest.client.get(guest.home))
    assert guest.send(f"{guest.of_pair}meetings/{guest.meeting.id}/held").status_code == 303
    assert guest.meetings()[0].logged_by == guest.outsider.person.id


def test_what_was_wrong_comes_back_in_the_form_of_its_pair(guest: Guest) -> None:
    long = "д" * 201
    for path, values, message in (
        ("plan/new", {"title": long}, "At most 200 characters"),
        ("plan/new", {"title": "Дело", "due": "2020-01-01"}, "The day must lie between"),
        ("meetings/held", {"day": "2020-01-01", "topic": "Давно"}, "The day must lie between"),
        ("meetings/held", {"day": guest.world.day.isoformat(), "topic": long}, "At most 200 characters"),
    ):
        answer = guest.send(guest.of_pair + path, **values)
        assert answer.status_code == 422
        assert message in text_of(answer)
        assert "is-invalid" in answer.text
        assert all(value in answer.text for value in values.values())
    assert (len(guest.items()), len(guest.meetings())) == (1, 1)


def test_a_guest_reaches_no_pair_of_others_and_does_nothing_more(guest: Guest, session: Session) -> None:
    world = guest.world
    others = world.pair(PairState.ACTIVE, world.mentor("Титов Олег"), world.mentee("Борисова Анна"))
    item, meeting = begin(session, others, world.curator, "88")
    day = world.day.isoformat()
    theirs = f"{guest.home}pairs/{others.id}/"
    for path, values in (
        (f"{theirs}plan/new", {"title": "Чужое"}),
        (f"{theirs}plan/{item.id}/tick", {"done": "1"}),
        (f"{theirs}meetings/held", {"day": day}),
        (f"{theirs}meetings/{meeting.id}/held", {}),
        (f"{guest.of_pair}plan/{item.id}/tick", {"done": "1"}),
        (f"{guest.of_pair}meetings/{meeting.id}/held", {}),
        # What there is no address for at the guests' door.
        (f"{guest.of_pair}goal", {"goal": "Другая"}),
        (f"{guest.of_pair}plan/{guest.item.id}/", {"title": "Иначе"}),
        (f"{guest.of_pair}plan/{guest.item.id}/remove", {}),
        (f"{guest.of_pair}meetings/planned", {"day": day}),
        (f"{guest.of_pair}meetings/{guest.meeting.id}/remove", {}),
        # And Moodle's door is shut to a guest.
        (f"/courses/{world.course.id}/pairs/{guest.pair.id}/plan/new", {"title": "Дело"}),
        (f"/courses/{world.course.id}/pairs/{guest.pair.id}/goal", {"goal": "Другая"}),
    ):
        assert guest.send(path, **values).status_code in (403, 404), path
    assert [one.title for one in guest.items()] == ["Дело-77", "Дело-88"]
    assert all(one.done_at is None for one in guest.items())
    assert all(one.state is MeetingState.PLANNED for one in guest.meetings())


def test_a_forged_form_of_a_guest_does_nothing(guest: Guest) -> None:
    for path, values in (
        ("plan/new", {"title": "Дело"}),
        (f"plan/{guest.item.id}/tick", {"done": "1"}),
        ("meetings/held", {"day": guest.world.day.isoformat()}),
    ):
        assert guest.client.post(guest.of_pair + path, data=values).status_code == 400
    assert (len(guest.items()), guest.items()[0].done_at, len(guest.meetings())) == (1, None, 1)


def test_without_the_mentees_consent_a_guest_sees_neither_and_writes_nothing(guest: Guest, session: Session) -> None:
    withdraw_consent(session, guest.mentees[0].person, guest.world.day)
    session.commit()
    page = guest.client.get(guest.home).text
    assert not [word for word in (*WORDS, "Алексеев") if word in page]
    for path, values in (
        ("plan/new", {"title": "Дело"}),
        (f"plan/{guest.item.id}/tick", {"done": "1"}),
        ("meetings/held", {"day": guest.world.day.isoformat()}),
    ):
        answer = guest.send(guest.of_pair + path, **values)
        assert answer.status_code == 409
        assert "there is no consent" in text_of(answer)
        assert not [word for word in (*WORDS, "Алексеев") if word in answer.text]
    assert (len(guest.items()), guest.items()[0].done_at, len(guest.meetings())) == (1, None, 1)


def test_of_a_group_a_guest_sees_nothing_of_whoever_has_no_consent(world: World, app: Flask, session: Session) -> None:
    first, second = world.mentee("Алексеев Пётр"), world.mentee("Борисова Анна")
    guest = Guest(world, app, session, first, second)
    session.add(
        PlanItem(
            pair_id=guest.pair.id, title="Дело первого", for_id=first.person_id, made_by=world.curator.id, made_at=now()
        )
    )
    withdraw_consent(session, first.person, world.day)
    session.commit()
    page = guest.client.get(guest.home).text
    assert "Дело-77" in page
    assert "Дело первого" not in page
    assert "Алексеев" not in page
    answer = guest.send(f"{guest.of_pair}plan/new", title="Дело", whose=str(first.person_id))
    assert answer.status_code == 422
    assert "Алексеев" not in answer.text


def test_what_a_whole_group_did_says_no_name_of_whoever_has_no_consent(
    world: World, app: Flask, session: Session
) -> None:
    first, second = world.mentee("Алексеев Пётр"), world.mentee("Борисова Анна")
    guest = Guest(world, app, session, first, second)
    guest.item.done_at, guest.item.done_by = now(), first.person_id
    guest.meeting.state, guest.meeting.day = MeetingState.HELD, world.day
    guest.meeting.logged_by, guest.meeting.logged_at = first.person_id, now()
    session.commit()
    assert "· the mentee Алексеев Пётр" in text_of(guest.client.get(guest.home))
    withdraw_consent(session, first.person, world.day)
    session.commit()
    page = text_of(guest.client.get(guest.home))
    assert "· the mentee" in page
    assert "written down by: the mentee" in page
    assert "Алексеев" not in page


def test_a_finished_pair_leaves_the_guests_page_with_its_plan(guest: Guest, session: Session) -> None:
    session.get_one(Pair, guest.pair.id).state = PairState.FINISHED
    session.commit()
    assert not [word for word in WORDS if word in guest.client.get(guest.home).text]
    answer = guest.send(f"{guest.of_pair}plan/new", title="Дело")
    assert answer.status_code == 409
    assert len(guest.items()) == 1


def test_what_a_guest_wrote_is_theirs_when_they_get_an_account(guest: Guest, session: Session) -> None:
    guest.send(f"{guest.of_pair}meetings/held", day=guest.world.day.isoformat(), topic="В шахте")
    guest.send(f"{guest.of_pair}plan/{guest.item.id}/tick", done="1")
    session.rollback()
    account = guest.world.person("Горняков Пётр Ильич", Role.EMPLOYER, consents=False)
    viewer, person_id = viewer_of(guest.world), guest.outsider.person.id
    seen = joining.preview(session, viewer, person_id, account.id).seen
    joining.join(session, viewer, person_id, account.id, seen)
    session.commit()
    assert guest.items()[0].done_by == account.id
    assert [one.logged_by for one in guest.meetings() if one.topic == "В шахте"] == [account.id]


def test_the_guests_page_takes_the_same_queries_however_much_was_planned(guest: Guest, session: Session) -> None:
    def count() -> int:
        with statements(session) as sent:
            assert guest.client.get(guest.home).status_code == 200
        return len(sent)

    few = count()
    for number in range(30):
        session.add(PlanItem(pair_id=guest.pair.id, title=f"{number}", made_by=guest.world.curator.id, made_at=now()))
    session.commit()
    assert count() == few
