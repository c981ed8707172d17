"""The plan and the meetings of a pair as its people keep them, who sees what of them, and what is refused."""

from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.connections.labels import ACTIONS
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.rules import Action
from lti_service.pairs.work import meetings, rules
from lti_service.pairs.work.meetings import MeetingFacts
from lti_service.pairs.work.models import Meeting, MeetingState, MeetingWay, PlanItem
from lti_service.pairs.work.taking_part import Actor
from lti_service.people.models import Mentee
from lti_service.programme.models import MentorKind
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.pairs.conftest import World
from tests.pairs.test_views import text_of, token_of

S = PairState


class AtWork:
    """A pair that works, and the browsers of those around it; forms are sent with the token of a page of theirs."""

    def __init__(self, world: World, come_in: Any, session: Session, pair: Pair) -> None:
        self.world, self.session, self.pair = world, session, pair
        self.home = f"/courses/{world.course.id}/"
        self.page = f"{self.home}pairs/{pair.id}/"
        self.come_in = come_in
        self.mentor = come_in(pair.mentor.person)
        self.mentees = [place.mentee for place in pair.places]
        self.mentee = come_in(self.mentees[0].person)
        self.curator = come_in(world.curator)
        self.teacher = come_in(world.person("Учителева Анна", Role.TEACHER))
        self.stranger = come_in(world.person("Чужой Семён", Role.STUDENT))

    def began(self, days: int) -> None:
        """Let the pair's work have begun so many days ago."""
        first = self.pair.proposed_at - timedelta(days=days)
        self.session.execute(
            update(Pair).where(Pair.id == self.pair.id).values(proposed_at=first, answered_at=first, started_at=first)
        )
        self.session.commit()

    def send(self, client: Any, path: str, **values: Any) -> Any:
        """Send a form below the pair's address."""
        # The page on which everybody asks to be erased has a form, whatever they may see of pairs.
        token = token_of(client.get(f"{self.home}my-data/erasure"))
        return client.post(self.page + path, data={"csrf_token": token, **values})

    def add(self, title: str, client: Any = None, **values: Any) -> PlanItem:
        """An item of the plan, as the mentor adds it."""
        answer = self.send(client or self.mentor, "plan/new", title=title, **values)
        assert (answer.status_code, answer.location) == (303, f"{self.page}#plan"), answer.text
        return self.items()[-1] if not values.get("due") else self.item(title)

    def met(self, day: date | None = None, client: Any = None, **values: Any) -> Meeting:
        """A meeting, as the mentor writes it down."""
        day = day or self.world.day
        answer = self.send(client or self.mentor, "meetings/held", day=day.isoformat(), **values)
        assert (answer.status_code, answer.location) == (303, f"{self.page}#meetings"), answer.text
        return self.meetings()[-1]

    def plans(self, day: date, client: Any = None, **values: Any) -> Meeting:
        """A meeting to come, as the mentor plans it."""
        answer = self.send(client or self.mentor, "meetings/planned", day=day.isoformat(), **values)
        assert (answer.status_code, answer.location) == (303, f"{self.page}#meetings"), answer.text
        return self.meetings()[-1]

    def items(self) -> list[PlanItem]:
        """As the table has them now."""
        self.session.rollback()
        self.session.expire_all()
        found = list(self.session.scalars(select(PlanItem).order_by(PlanItem.id)))
        # Nothing that was read stands in the way of what a test writes next.
        self.session.commit()
        return found

    def item(self, title: str) -> PlanItem:
        return next(item for item in self.items() if item.title == title)

    def meetings(self) -> list[Meeting]:
        """As the table has them now."""
        self.session.rollback()
        self.session.expire_all()
        found = list(self.session.scalars(select(Meeting).order_by(Meeting.id)))
        # Nothing that was read stands in the way of what a test writes next.
        self.session.commit()
        return found

    def goal(self) -> str:
        self.session.rollback()
        found = self.session.scalars(select(Pair.goal).where(Pair.id == self.pair.id)).one()
        self.session.commit()
        return found

    def move(self, action: Action) -> None:
        """What the curator does with the pair."""
        self.session.rollback()
        self.session.expire_all()
        self.world.move(self.session.get_one(Pair, self.pair.id), action)
        self.session.commit()

    def trail(self) -> list[tuple[str, int | None]]:
        """Actions about the work, with who acted; the oldest first."""
        self.session.rollback()
        found = self.session.execute(
            select(AuditEvent.action, AuditEvent.actor_id)
            .where(AuditEvent.action.like("plan.%") | AuditEvent.action.like("meeting.%"))
            .order_by(AuditEvent.id)
        )
        return [(action, actor) for action, actor in found]


@pytest.fixture
def at_work(world: World, come_in: Any, session: Session) -> AtWork:
    """A pair of a mentor from an employer and a student: nothing but the pair opens the page to the mentor."""
    mentor = world.mentor("Титов Олег", kind=MentorKind.EMPLOYER)
    return AtWork(world, come_in, session, world.pair(S.ACTIVE, mentor, a_mentee(world), form="employer-student"))


@pytest.fixture
def group(world: World, come_in: Any, session: Session) -> AtWork:
    """A group of two."""
    return AtWork(
        world, come_in, session, world.pair(S.ACTIVE, world.mentor("Титов Олег"), a_mentee(world), another(world))
    )


def a_mentee(world: World) -> Mentee:
    return world.mentee("Алексеев Пётр")


def another(world: World) -> Mentee:
    return world.mentee("Борисова Анна")


# --- the plan -----------------------------------------------------------------------------------------------------


def test_a_mentor_says_the_goal_and_it_is_there_for_both(at_work: AtWork) -> None:
    page = at_work.mentor.get(at_work.page)
    assert "Указать, чего хотите достичь вместе" in text_of(page)
    assert at_work.mentor.get(f"{at_work.page}goal").status_code == 200
    answer = at_work.send(at_work.mentor, "goal", goal="  Сдать на третий разряд \r\n до лета ")
    assert (answer.status_code, answer.location) == (303, f"{at_work.page}#plan")
    assert at_work.goal() == "Сдать на третий разряд \n до лета"
    assert "Цель: Сдать на третий разряд" in text_of(at_work.mentee.get(at_work.page))
    too_long = at_work.send(at_work.curator, "goal", goal="ц" * 1001)
    assert too_long.status_code == 422
    assert "Не больше 1000 знаков, сейчас их 1001." in text_of(too_long)
    assert "ц" * 1001 in too_long.text, "what was typed is not lost"
    at_work.send(at_work.curator, "goal", goal=at_work.goal())
    assert at_work.trail() == [("plan.goal", at_work.pair.mentor.person_id)]


def test_items_stand_by_due_date_then_as_they_were_made(at_work: AtWork) -> None:
    day = at_work.world.day
    at_work.add("без срока первый")
    at_work.add("позже", due=(day + timedelta(days=9)).isoformat())
    at_work.add("без срока второй", at_work.curator)
    at_work.add("раньше", due=(day + timedelta(days=2)).isoformat())
    said = text_of(at_work.mentee.get(at_work.page))
    places = [said.index(title) for title in ("раньше", "позже", "без срока первый", "без срока второй")]
    assert places == sorted(places)
    assert f"до {day + timedelta(days=2):%d.%m.%Y}" in said


def test_what_is_overdue_says_so_until_it_is_done(at_work: AtWork) -> None:
    at_work.began(40)
    overdue = at_work.world.day - timedelta(days=3)
    item = at_work.add("Сдать отчёт", due=overdue.isoformat())
    assert f"срок прошёл {overdue:%d.%m.%Y}" in text_of(at_work.mentee.get(at_work.page))
    at_work.send(at_work.mentee, f"plan/{item.id}/tick", done="1")
    assert "срок прошёл" not in text_of(at_work.mentee.get(at_work.page))


def test_mentee_mentor_and_curator_tick_and_it_is_told_who_did(at_work: AtWork) -> None:
    item = at_work.add("Сдать отчёт")
    for client, person, words in (
        (at_work.mentee, at_work.mentees[0].person, "наставляемый"),
        (at_work.mentor, at_work.pair.mentor.person, "наставник"),
        (at_work.curator, at_work.world.curator, "куратор"),
    ):
        answer = at_work.send(client, f"plan/{item.id}/tick", done="1")
        assert (answer.status_code, answer.location) == (303, f"{at_work.page}#plan")
        ticked = at_work.items()[0]
        assert (ticked.done_by, ticked.done_at is not None) == (person.id, True)
        assert f"· {words}" in text_of(at_work.teacher.get(at_work.page))
        assert "· вы" in text_of(client.get(at_work.page))
        assert "1 из 1" in text_of(client.get(at_work.page))
        # Said twice by somebody else, it stays whose it was.
        at_work.send(at_work.curator, f"plan/{item.id}/tick", done="1")
        assert at_work.items()[0].done_by == person.id
        at_work.send(client, f"plan/{item.id}/tick", done="0")
        assert (at_work.items()[0].done_by, at_work.items()[0].done_at) == (None, None)
    assert "0 из 1" in text_of(at_work.mentee.get(at_work.page))


def test_an_item_is_changed_and_removed_by_mentor_and_curator(at_work: AtWork) -> None:
    item = at_work.add("Сдать отчёт")
    edit = at_work.mentor.get(f"{at_work.page}plan/{item.id}/")
    assert 'value="Сдать отчёт"' in edit.text
    due = at_work.world.day + timedelta(days=5)
    assert (
        at_work.send(at_work.mentor, f"plan/{item.id}/", title="Сдать  проект", due=due.isoformat()).status_code == 303
    )
    assert (at_work.items()[0].title, at_work.items()[0].due) == ("Сдать проект", due)
    assert at_work.send(at_work.curator, f"plan/{item.id}/remove").status_code == 303
    assert at_work.items() == []
    assert at_work.trail() == [
        ("plan.item-added", at_work.pair.mentor.person_id),
        ("plan.item-changed", at_work.pair.mentor.person_id),
        ("plan.item-removed", at_work.world.curator.id),
    ]


def test_the_words_of_a_plan_are_in_no_trail(at_work: AtWork, session: Session) -> None:
    at_work.add("Тайное дело")
    at_work.met(topic="Тайная тема", outcome="Тайный итог")
    at_work.send(at_work.mentor, "goal", goal="Тайная цель")
    session.rollback()
    for event in session.scalars(select(AuditEvent)):
        assert "Тайн" not in str(event.details)
    told = {action for action, _actor in at_work.trail()}
    assert told == {"plan.item-added", "meeting.held", "plan.goal"}


def test_every_action_of_the_work_has_words() -> None:
    """As the modules name them; the trail's page shows the words."""
    named = {
        "plan.goal", "plan.item-added", "plan.item-changed", "plan.item-removed", "plan.item-done",
        "plan.item-reopened", "meeting.planned", "meeting.held", "meeting.changed", "meeting.removed",
    }  # fmt: skip
    assert named <= ACTIONS.keys()


def test_a_form_sent_twice_makes_one_item_and_one_meeting(at_work: AtWork) -> None:
    for _ in range(2):
        at_work.add("Сдать отчёт")
        at_work.met()
        at_work.plans(at_work.world.day + timedelta(days=1))
    assert (len(at_work.items()), len(at_work.meetings())) == (1, 2)
    at_work.met(topic="Другая")
    assert len(at_work.meetings()) == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"title": "   "}, "Напишите, что нужно сделать."),
        ({"title": "д" * 201}, "Не больше 200 знаков, сейчас их 201."),
        ({"title": "Дело", "due": "завтра"}, "Это не дата."),
        ({"title": "Дело", "due": "2020-01-01"}, "День должен быть не раньше"),
        ({"title": "Дело", "due": "2226-01-01"}, "День должен быть не раньше"),
    ],
)
def test_a_wrong_item_comes_back_whole_with_the_message_at_its_field(
    at_work: AtWork, values: dict[str, str], message: str
) -> None:
    answer = at_work.send(at_work.mentor, "plan/new", **values)
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert "is-invalid" in answer.text
    assert all(value.strip() in answer.text for value in values.values())
    assert at_work.items() == []
    item = at_work.add("Дело")
    answer = at_work.send(at_work.mentor, f"plan/{item.id}/", **values)
    assert (answer.status_code, message in text_of(answer)) == (422, True)
    assert at_work.items()[0].title == "Дело"


def test_a_due_date_that_is_over_stays_while_only_the_words_change(at_work: AtWork, session: Session) -> None:
    item = at_work.add("Дело")
    past = date(2020, 1, 1)
    session.execute(update(PlanItem).values(due=past))
    session.commit()
    assert at_work.send(at_work.mentor, f"plan/{item.id}/", title="Иначе", due=past.isoformat()).status_code == 303
    assert (at_work.items()[0].title, at_work.items()[0].due) == ("Иначе", past)


def test_a_plan_has_an_end(at_work: AtWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_ITEMS", 1)
    monkeypatch.setattr(rules, "MOST_MEETINGS", 1)
    at_work.add("Дело")
    answer = at_work.send(at_work.mentor, "plan/new", title="Ещё дело")
    assert (answer.status_code, "уже 1 пунктов" in text_of(answer)) == (422, True)
    at_work.met()
    answer = at_work.send(at_work.mentor, "meetings/held", day=at_work.world.day.isoformat(), topic="Ещё")
    assert (answer.status_code, "уже 1 встреч" in text_of(answer)) == (422, True)


# --- meetings -----------------------------------------------------------------------------------------------------


def test_a_mentor_writes_a_meeting_down_in_one_step_on_the_home_page(at_work: AtWork) -> None:
    home = at_work.mentor.get(at_work.home)
    today = at_work.world.day
    assert "Мы встретились" in text_of(home)
    assert f'value="{today.isoformat()}"' in home.text, "today stands there already"
    assert "Последняя встреча: пока не было" in text_of(home)
    sent = {"csrf_token": token_of(home), "day": today.isoformat(), "home": str(at_work.world.course.id)}
    answer = at_work.mentor.post(f"{at_work.page}meetings/held", data=sent)
    assert (answer.status_code, answer.location) == (303, at_work.home)
    [meeting] = at_work.meetings()
    assert (meeting.state, meeting.day, meeting.time, meeting.way) == (MeetingState.HELD, today, None, None)
    assert meeting.made_by == meeting.logged_by == at_work.pair.mentor.person_id
    after = text_of(at_work.mentor.get(at_work.home))
    assert "Встреча записана." in after
    assert f"Последняя встреча: {today:%d.%m.%Y}" in after


def test_where_a_form_leads_is_a_page_of_ours(at_work: AtWork) -> None:
    for home in ("https://evil.example", "//evil.example", "99999999999"):
        answer = at_work.send(at_work.mentor, "meetings/held", day=at_work.world.day.isoformat(), home=home)
        assert answer.location == f"{at_work.page}#meetings"


def test_everything_that_can_be_said_of_a_meeting_is_shown(at_work: AtWork) -> None:
    at_work.began(30)
    day = at_work.world.day - timedelta(days=2)
    at_work.met(day, time="14:30", way="call", topic="Практика  на заводе", outcome="Взять\r\nнаряд", whose="99")
    [meeting] = at_work.meetings()
    assert (meeting.way, meeting.topic, meeting.outcome) == (MeetingWay.CALL, "Практика на заводе", "Взять\nнаряд")
    assert meeting.for_id is None, "there is nobody to choose from in a pair"
    said = text_of(at_work.mentee.get(at_work.page))
    for words in (f"{day:%d.%m.%Y}, 14:30 · звонок или видео", "Практика на заводе", "Договорились: Взять наряд"):
        assert words in said
    assert "записано: наставник" in said
    assert "записано: вы" in text_of(at_work.mentor.get(at_work.page))


def test_a_mentee_proposes_a_meeting_and_the_mentor_says_that_it_was_held(at_work: AtWork) -> None:
    tomorrow = at_work.world.day + timedelta(days=1)
    meeting = at_work.plans(tomorrow, at_work.mentee, time="10:00", way="in_person", topic="Диплом")
    assert (meeting.state, meeting.made_by, meeting.logged_by) == (
        MeetingState.PLANNED,
        at_work.mentees[0].person_id,
        None,
    )
    for client in (at_work.mentor, at_work.mentee):
        home = text_of(client.get(at_work.home))
        assert f"Следующая встреча: {tomorrow:%d.%m.%Y}, 10:00 · очно · Диплом" in home
    said = text_of(at_work.mentor.get(at_work.page))
    assert "запланировано: наставляемый" in said
    assert "Состоялась" not in said, "it is still to come"
    early = at_work.send(at_work.mentor, f"meetings/{meeting.id}/held")
    assert early.status_code == 422
    at_work.session.execute(update(Meeting).values(day=at_work.world.day, time=None))
    at_work.session.commit()
    assert "Состоялась" in text_of(at_work.mentor.get(at_work.page))
    for _ in range(2):
        assert at_work.send(at_work.mentor, f"meetings/{meeting.id}/held").status_code == 303
    held = at_work.meetings()[0]
    assert (held.state, held.logged_by, held.topic) == (MeetingState.HELD, at_work.pair.mentor.person_id, "Диплом")
    assert at_work.trail() == [
        ("meeting.planned", at_work.mentees[0].person_id),
        ("meeting.held", at_work.pair.mentor.person_id),
    ]


def test_a_mentee_writes_a_meeting_down_as_their_own(at_work: AtWork) -> None:
    meeting = at_work.met(client=at_work.mentee, topic="Встретились в цехе")
    assert (meeting.made_by, meeting.logged_by) == (at_work.mentees[0].person_id,) * 2
    assert "записано: наставляемый" in text_of(at_work.mentor.get(at_work.page))
    assert at_work.send(at_work.mentee, f"meetings/{meeting.id}/remove").status_code == 303
    assert at_work.meetings() == []


def test_a_mentee_changes_their_own_meetings_only(at_work: AtWork) -> None:
    theirs, own = at_work.met(), at_work.met(client=at_work.mentee)
    assert at_work.mentee.get(f"{at_work.page}meetings/{own.id}/").status_code == 200
    assert at_work.mentee.get(f"{at_work.page}meetings/{theirs.id}/").status_code == 404
    assert f"meetings/{theirs.id}/" not in at_work.mentee.get(at_work.page).text
    for path in ("", "remove"):
        answer = at_work.send(at_work.mentee, f"meetings/{theirs.id}/{path}", day=at_work.world.day.isoformat())
        assert answer.status_code == 404
    assert len(at_work.meetings()) == 2
    # What the mentor has said to be held is not the mentee's to take back any more.
    planned = at_work.plans(at_work.world.day, at_work.mentee)
    at_work.send(at_work.mentor, f"meetings/{planned.id}/held")
    assert at_work.send(at_work.mentee, f"meetings/{planned.id}/remove").status_code == 404


def test_a_meeting_looked_at_before_is_judged_as_it_is_now(at_work: AtWork) -> None:
    world = at_work.world
    meeting = at_work.plans(world.day, at_work.mentee, topic="Тема")
    pair_id, mentor_id = at_work.pair.id, at_work.pair.mentor.person_id

    def actor(person_id: int) -> Actor:
        return Actor(person_id, world.platform.id, world.course.id, now())

    with closing(db.new_session()) as own:
        mentee = actor(at_work.mentees[0].person_id)
        looked_at = meetings.meeting_of(own, mentee, pair_id, meeting.id)
        own.commit()
        with db.transaction() as session:
            meetings.hold(session, actor(mentor_id), pair_id, meeting.id)
        # The mentor has said meanwhile that it was held, so that it is not the mentee's alone any more.
        with pytest.raises(NotFoundError), db.transaction(own):
            meetings.change(own, mentee, pair_id, meeting.id, MeetingFacts(world.day, topic="Другая"))
        assert looked_at.topic == "Тема"
    assert [(one.topic, one.logged_by) for one in at_work.meetings()] == [("Тема", mentor_id)]


def test_a_planned_meeting_is_changed_moved_and_written_down_as_held_at_once(at_work: AtWork) -> None:
    day = at_work.world.day
    meeting = at_work.plans(day + timedelta(days=3), topic="Практика")
    page = at_work.mentor.get(f"{at_work.page}meetings/{meeting.id}/")
    assert "Сохранить как состоявшуюся" in text_of(page)
    moved = (day + timedelta(days=4)).isoformat()
    assert at_work.send(at_work.mentor, f"meetings/{meeting.id}/", day=moved, topic="Практика").status_code == 303
    assert at_work.meetings()[0].day == day + timedelta(days=4)
    answer = at_work.send(at_work.mentor, f"meetings/{meeting.id}/", day=moved, do="held")
    assert (answer.status_code, "ещё не наступил" in text_of(answer)) == (422, True)
    sent = {"day": day.isoformat(), "outcome": "Договорились", "do": "held"}
    assert at_work.send(at_work.curator, f"meetings/{meeting.id}/", **sent).status_code == 303
    held = at_work.meetings()[0]
    assert (held.state, held.day, held.outcome) == (MeetingState.HELD, day, "Договорились")
    assert held.logged_by == at_work.world.curator.id


@pytest.mark.parametrize(
    ("path", "values", "message"),
    [
        ("held", {"day": ""}, "Укажите день."),
        ("held", {"day": "вчера"}, "Укажите день."),
        ("held", {"day": "+1"}, "Этот день ещё не наступил"),
        ("held", {"day": "-1"}, "День должен быть не раньше"),
        ("held", {"day": "0", "time": "25:00"}, "Это не время"),
        ("held", {"day": "0", "way": "telepathy"}, "Выберите из списка, как проходит встреча."),
        ("held", {"day": "0", "topic": "т" * 201}, "Не больше 200 знаков, сейчас их 201."),
        ("held", {"day": "0", "outcome": "и" * 2001}, "Не больше 2000 знаков, сейчас их 2001."),
        ("planned", {"day": "-1"}, "Этот день уже прошёл"),
        ("planned", {"day": "+400"}, "День должен быть не раньше"),
    ],
)
def test_a_wrong_meeting_comes_back_whole_with_the_message_at_its_field(
    at_work: AtWork, path: str, values: dict[str, str], message: str
) -> None:
    day = values["day"]
    if day.lstrip("+-").isdigit():
        day = (at_work.world.day + timedelta(days=int(day))).isoformat()
    answer = at_work.send(at_work.mentor, f"meetings/{path}", **{**values, "day": day})
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert "is-invalid" in answer.text
    assert all(value in answer.text for name, value in values.items() if name not in ("day", "way"))
    assert at_work.meetings() == []


def test_an_hour_of_today_that_has_not_come_is_no_meeting_yet(at_work: AtWork, monkeypatch: pytest.MonkeyPatch) -> None:
    now = at_work.pair.proposed_at.astimezone().replace(hour=12, minute=0)
    monkeypatch.setattr("lti_service.pages.local_now", lambda: now)
    day = now.date().isoformat()
    answer = at_work.send(at_work.mentor, "meetings/held", day=day, time="12:30")
    assert (answer.status_code, "Это время ещё не наступило" in text_of(answer)) == (422, True)
    assert at_work.send(at_work.mentor, "meetings/held", day=day, time="11:30").status_code == 303


def test_a_long_silence_is_told_to_mentor_and_curator(at_work: AtWork) -> None:
    at_work.began(rules.SILENT_AFTER)
    assert "не встречались" not in text_of(at_work.mentor.get(at_work.home))
    at_work.began(15)
    for client, page in (
        (at_work.mentor, at_work.home),
        (at_work.mentor, at_work.page),
        (at_work.curator, at_work.page),
    ):
        assert "не встречались 45 дней" in text_of(client.get(page))
    for client in (at_work.mentee, at_work.teacher):
        assert "не встречались" not in text_of(client.get(at_work.page))
    at_work.met()
    assert "не встречались" not in text_of(at_work.mentor.get(at_work.home))


def test_the_board_says_how_far_the_pairs_have_come(at_work: AtWork) -> None:
    at_work.began(50)
    at_work.add("Дело")
    board = f"{at_work.home}pairs/"
    said = text_of(at_work.curator.get(board))
    assert "план: 0 из 1 · не встречались 50 дней" in said
    assert "план: 0 из 1" in text_of(at_work.teacher.get(board))
    assert "не встречались" not in text_of(at_work.teacher.get(board))
    at_work.met()
    for client in (at_work.curator, at_work.teacher):
        assert f"план: 0 из 1 · встреча {at_work.world.day:%d.%m.%Y}" in text_of(client.get(f"{board}?column=active"))
    withdraw_consent(at_work.session, at_work.mentees[0].person, at_work.world.day)
    at_work.session.commit()
    assert "план:" not in text_of(at_work.teacher.get(board))
    assert "план: 0 из 1" in text_of(at_work.curator.get(board))


def test_old_meetings_fold_away(at_work: AtWork) -> None:
    at_work.began(30)
    for number in range(8):
        at_work.met(at_work.world.day - timedelta(days=number), topic=f"тема {number}")
    page = at_work.mentee.get(at_work.page)
    assert "Ещё 3 встречи" in text_of(page)
    assert all(f"тема {number}" in page.text for number in range(8))


# --- who sees what ------------------------------------------------------------------------------------------------

WORDS = ("Цель-77", "Дело-77", "Тема-77", "Итог-77")


def filled(at_work: AtWork) -> None:
    """A goal, an item, a meeting, each with a word of its own."""
    at_work.send(at_work.mentor, "goal", goal="Цель-77")
    at_work.add("Дело-77")
    at_work.met(topic="Тема-77", outcome="Итог-77")


def test_the_pairs_people_and_the_curator_see_all_a_teacher_all_but_what_was_agreed(at_work: AtWork) -> None:
    filled(at_work)
    for client in (at_work.mentor, at_work.mentee, at_work.curator):
        page = client.get(at_work.page).text
        assert all(word in page for word in WORDS)
    page = at_work.teacher.get(at_work.page).text
    assert [word for word in WORDS if word in page] == ["Цель-77", "Дело-77", "Тема-77"]
    assert "<form" not in page
    assert at_work.stranger.get(at_work.page).status_code == 404


def test_a_teacher_comes_from_a_grade_to_the_plan(at_work: AtWork, world: World) -> None:
    filled(at_work)
    person_id = at_work.mentees[0].person_id
    answer = at_work.teacher.get(f"{at_work.home}pairs/of/{person_id}/plan")
    assert (answer.status_code, answer.location) == (303, f"{at_work.page}#plan")
    assert 'id="plan"' in at_work.teacher.get(at_work.page).text
    all_pairs = at_work.teacher.get(f"{at_work.home}pairs/of/{person_id}/").text
    assert "0 из 1" in all_pairs
    # With two pairs, or with none, it is the person's page that leads on.
    at_work.session.rollback()
    world.pair(S.ACTIVE, world.mentor("Второй Олег"), at_work.mentees[0])
    answer = at_work.teacher.get(f"{at_work.home}pairs/of/{person_id}/plan")
    assert answer.location == f"{at_work.home}pairs/of/{person_id}/"
    alone = world.mentee("Одинокий Иван").person
    answer = at_work.teacher.get(f"{at_work.home}pairs/of/{alone.id}/plan")
    assert answer.location == f"{at_work.home}pairs/of/{alone.id}/"
    assert at_work.stranger.get(f"{at_work.home}pairs/of/{person_id}/plan").status_code == 404


def test_a_mentees_home_has_the_next_things_to_do_and_they_are_ticked_there(at_work: AtWork) -> None:
    for number in range(4):
        item = at_work.add(f"Дело {number}")
    home = at_work.mentee.get(at_work.home)
    said = text_of(home)
    assert "План: 0 из 4" in said
    assert [f"Дело {number}" in said for number in range(4)] == [True, True, True, False]
    sent = {"csrf_token": token_of(home), "done": "1", "home": str(at_work.world.course.id)}
    answer = at_work.mentee.post(f"{at_work.page}plan/{item.id}/tick", data=sent)
    assert answer.location == at_work.home
    assert "План: 1 из 4" in text_of(at_work.mentee.get(at_work.home))


def test_without_the_mentees_consent_others_see_nothing_and_nothing_is_written(at_work: AtWork) -> None:
    filled(at_work)
    item, meeting = at_work.items()[0], at_work.meetings()[0]
    person = at_work.mentees[0].person
    withdraw_consent(at_work.session, person, at_work.world.day)
    at_work.session.commit()
    of_person = f"{at_work.home}pairs/of/{person.id}/"
    for client in (at_work.mentor, at_work.teacher):
        for page in (at_work.home, at_work.page, of_person):
            text = client.get(page).text
            assert not [word for word in WORDS if word in text], page
        assert "План и встречи не показаны" in text_of(client.get(at_work.page))
    assert at_work.mentor.get(f"{at_work.page}plan/{item.id}/").status_code == 409
    assert at_work.mentor.get(f"{at_work.page}meetings/{meeting.id}/").status_code == 409
    own = at_work.mentee.get(at_work.page).text
    assert all(word in own for word in WORDS), "it is their own page"
    assert "/tick" not in own
    day = at_work.world.day.isoformat()
    for client, path, values in (
        (at_work.mentor, "goal", {"goal": "Другая"}),
        (at_work.mentor, "plan/new", {"title": "Другое"}),
        (at_work.mentor, f"plan/{item.id}/tick", {"done": "1"}),
        (at_work.mentor, "meetings/held", {"day": day, "topic": "Другая"}),
        (at_work.mentee, f"plan/{item.id}/tick", {"done": "1"}),
        (at_work.mentee, "meetings/planned", {"day": day}),
        (at_work.mentee, "meetings/held", {"day": day}),
    ):
        answer = at_work.send(client, path, **values)
        assert answer.status_code == 409, path
        assert "нет согласия на обработку персональных данных" in text_of(answer)
        assert person.family_name not in answer.text or client is at_work.mentee
    assert at_work.items()[0].done_at is None
    assert (len(at_work.items()), len(at_work.meetings()), at_work.goal()) == (1, 1, "Цель-77")
    # Curators work for the operator: they see it, and can take out what must not be there.
    assert all(word in at_work.curator.get(at_work.page).text for word in WORDS)
    assert at_work.send(at_work.curator, f"plan/{item.id}/remove").status_code == 303
    at_work.session.rollback()
    give_consent(at_work.session, person, at_work.world.day)
    at_work.session.commit()
    assert "Тема-77" in at_work.mentor.get(at_work.page).text


def test_the_plan_outlives_the_mentors_own_consent(at_work: AtWork) -> None:
    filled(at_work)
    withdraw_consent(at_work.session, at_work.pair.mentor.person, at_work.world.day)
    at_work.session.commit()
    page = at_work.mentee.get(at_work.page).text
    assert all(word in page for word in WORDS)
    assert "· вы" in text_of(tick_first(at_work))


def tick_first(at_work: AtWork) -> Any:
    at_work.send(at_work.mentee, f"plan/{at_work.items()[0].id}/tick", done="1")
    return at_work.mentee.get(at_work.page)


# --- groups -------------------------------------------------------------------------------------------------------


def test_of_a_group_a_mentee_sees_what_is_all_of_them_and_what_is_their_own(group: AtWork) -> None:
    first, second = (mentee.person for mentee in group.mentees)
    group.add("Общее дело")
    group.add("Дело первого", whose=str(first.id))
    mine = group.add("Дело второй", whose=str(second.id))
    group.met(topic="Беседа со второй", whose=str(second.id))
    page = group.mentee.get(group.page)
    assert "Общее дело" in page.text
    assert "Дело первого" in page.text
    for hidden in ("Дело второй", "Беседа со второй", "Борисова"):
        assert hidden not in page.text
    assert "0 из 2" in text_of(page)
    assert group.send(group.mentee, f"plan/{mine.id}/tick", done="1").status_code == 404
    assert group.items()[-1].done_at is None
    said = text_of(group.mentor.get(group.page))
    assert "для: Борисова Анна" in said
    assert "с кем: Борисова Анна" in said
    assert "Дело второй" in text_of(group.teacher.get(group.page))


def test_who_of_a_group_ticked_is_no_name_for_the_others(group: AtWork) -> None:
    item = group.add("Общее дело")
    second = group.come_in(group.mentees[1].person)
    group.send(second, f"plan/{item.id}/tick", done="1")
    assert "другой наставляемый группы" in text_of(group.mentee.get(group.page))
    assert "Борисова" not in group.mentee.get(group.page).text
    assert "наставляемый Борисова Анна" in text_of(group.mentor.get(group.page))


def test_a_mentees_meeting_of_a_group_is_between_them_and_the_mentor(group: AtWork) -> None:
    first, second = group.mentees
    meeting = group.plans(group.world.day, group.mentee, topic="Личный вопрос", whose=str(second.person_id))
    assert meeting.for_id == first.person_id
    assert "Личный вопрос" not in group.come_in(second.person).get(group.page).text
    assert "Личный вопрос" in group.mentor.get(group.page).text


def test_an_item_for_somebody_of_elsewhere_is_refused(group: AtWork) -> None:
    stranger = group.world.mentee("Чужая Ольга").person
    for whose in (stranger.id, 999_999):
        answer = group.send(group.mentor, "plan/new", title="Дело", whose=str(whose))
        assert answer.status_code == 422
        assert "Выберите участника группы" in text_of(answer)
        assert "Чужая" not in answer.text
    assert group.items() == []


def test_of_a_group_only_what_is_theirs_is_hidden_when_somebody_withdraws(group: AtWork) -> None:
    first, second = (mentee.person for mentee in group.mentees)
    group.add("Общее дело")
    theirs = group.add("Дело первого", whose=str(first.id))
    group.add("Дело второй", whose=str(second.id))
    group.met(client=group.mentee, topic="Слова первого")
    withdraw_consent(group.session, first, group.world.day)
    group.session.commit()
    for client in (group.mentor, group.teacher, group.come_in(second)):
        page = client.get(group.page).text
        assert "Общее дело" in page
        assert "Дело первого" not in page
        assert "Слова первого" not in page
        assert "Дело второй" in page
    own = group.mentee.get(group.page).text
    assert "Дело первого" in own
    assert "Слова первого" in own
    assert group.send(group.mentor, f"plan/{theirs.id}/tick", done="1").status_code == 404
    answer = group.send(group.mentor, "plan/new", title="Ещё", whose=str(first.id))
    assert (answer.status_code, "Выберите участника" in text_of(answer)) == (422, True)
    assert group.send(group.mentee, f"plan/{theirs.id}/tick", done="1").status_code == 409
    assert group.send(group.mentor, "plan/new", title="Ещё").status_code == 303
    assert "Дело первого" in group.curator.get(group.page).text


# --- refusals -----------------------------------------------------------------------------------------------------


def deeds(item: PlanItem, meeting: Meeting, day: date) -> list[tuple[str, dict[str, str]]]:
    """Every form of the work."""
    return [
        ("goal", {"goal": "Чужая"}),
        ("plan/new", {"title": "Чужое"}),
        (f"plan/{item.id}/", {"title": "Чужое"}),
        (f"plan/{item.id}/remove", {}),
        (f"plan/{item.id}/tick", {"done": "1"}),
        ("meetings/held", {"day": day.isoformat(), "topic": "Чужая"}),
        ("meetings/planned", {"day": day.isoformat(), "topic": "Чужая"}),
        (f"meetings/{meeting.id}/", {"day": day.isoformat(), "topic": "Чужая"}),
        (f"meetings/{meeting.id}/held", {}),
        (f"meetings/{meeting.id}/remove", {}),
    ]


def untouched(at_work: AtWork) -> bool:
    """Whether all is as `filled` left it."""
    [item], [meeting] = at_work.items(), at_work.meetings()
    return (at_work.goal(), item.title, item.done_at, meeting.topic) == ("Цель-77", "Дело-77", None, "Тема-77")


def test_who_is_not_of_the_pair_does_nothing_in_it(at_work: AtWork, world: World, come_in: Any) -> None:
    filled(at_work)
    [item], [meeting] = at_work.items(), at_work.meetings()
    other = world.pair(S.ACTIVE, world.mentor("Другой Иван"), world.mentee("Иной Фома"))
    outside = (
        at_work.stranger,
        at_work.teacher,
        come_in(other.mentor.person),
        come_in(other.places[0].mentee.person),
    )
    for client in outside:
        for path, values in deeds(item, meeting, world.day):
            assert at_work.send(client, path, **values).status_code == 404, path
            assert client.get(at_work.page + path).status_code in (404, 405), path
    assert untouched(at_work)


def test_a_mentee_does_what_is_theirs_and_no_more(at_work: AtWork) -> None:
    filled(at_work)
    [item], [meeting] = at_work.items(), at_work.meetings()
    statuses = {
        path: at_work.send(at_work.mentee, path, **values).status_code
        for path, values in deeds(item, meeting, at_work.world.day)
        if "tick" not in path and path not in ("meetings/held", "meetings/planned")
    }
    assert statuses == {
        "goal": 403,
        "plan/new": 403,
        f"plan/{item.id}/": 403,
        f"plan/{item.id}/remove": 403,
        f"meetings/{meeting.id}/": 404,
        f"meetings/{meeting.id}/held": 303,  # it is held already, so nothing changes
        f"meetings/{meeting.id}/remove": 404,
    }
    assert untouched(at_work)


def test_through_another_pair_or_course_nobody_reaches_an_item(at_work: AtWork, world: World, come_in: Any) -> None:
    filled(at_work)
    [item], [meeting] = at_work.items(), at_work.meetings()
    mentor = at_work.pair.mentor
    own_other = world.pair(S.ACTIVE, mentor, world.mentee("Иной Фома"), form="employer-student")
    elsewhere = world.another_course()
    for person in (mentor.person, world.curator):
        world.enrol(person, Role.CURATOR, course=elsewhere)
    through_pair = f"{at_work.home}pairs/{own_other.id}/"
    through_course = f"/courses/{elsewhere.id}/pairs/{at_work.pair.id}/"
    for client in (come_in(mentor.person), come_in(world.curator)):
        token = token_of(client.get(f"{at_work.home}my-data/erasure"))
        for path, values in deeds(item, meeting, world.day):
            sent = {"csrf_token": token, **values}
            assert client.post(through_course + path, data=sent).status_code == 404, path
            if str(item.id) in path or str(meeting.id) in path:
                assert client.post(through_pair + path, data=sent).status_code == 404, path
    assert untouched(at_work)


@pytest.mark.parametrize("action", [Action.FINISH, Action.END_EARLY])
def test_when_a_pair_is_over_its_work_is_to_be_read_only(at_work: AtWork, action: Action) -> None:
    filled(at_work)
    at_work.plans(at_work.world.day + timedelta(days=1), topic="Не состоялась")
    at_work.move(action)
    item, meeting = at_work.items()[0], at_work.meetings()[0]
    for client in (at_work.mentor, at_work.mentee, at_work.curator):
        page = client.get(at_work.page)
        assert all(word in page.text for word in WORDS)
        assert "/plan/" not in page.text
        assert "/meetings/" not in page.text
    for path, values in deeds(item, meeting, at_work.world.day):
        for client in (at_work.mentor, at_work.curator):
            answer = at_work.send(client, path, **values)
            assert answer.status_code == 409, path
            assert "План и встречи можно менять, пока пара работает" in text_of(answer)
    assert (at_work.items()[0].title, at_work.items()[0].done_at, len(at_work.meetings())) == ("Дело-77", None, 2)


def test_before_the_mentor_agrees_there_is_nothing_to_plan(world: World, come_in: Any, session: Session) -> None:
    at_work = AtWork(world, come_in, session, world.pair(S.PROPOSED))
    for client, status in ((at_work.mentor, 409), (at_work.curator, 409), (at_work.mentee, 404)):
        assert at_work.send(client, "plan/new", title="Дело").status_code == status
        assert at_work.send(client, "meetings/held", day=world.day.isoformat()).status_code == status
    assert "Индивидуальный план" not in text_of(at_work.mentor.get(at_work.page))


def test_an_agreed_pair_may_meet_before_it_is_started(world: World, come_in: Any, session: Session) -> None:
    at_work = AtWork(world, come_in, session, world.pair(S.AGREED))
    at_work.add("Познакомиться")
    at_work.met()
    at_work.move(Action.CANCEL)
    assert "Познакомиться" in at_work.curator.get(at_work.page).text, "what there is stays to be read"
    assert at_work.send(at_work.mentor, "plan/new", title="Дело").status_code == 409


def test_a_forged_form_does_nothing(at_work: AtWork) -> None:
    filled(at_work)
    [item], [meeting] = at_work.items(), at_work.meetings()
    for path, values in deeds(item, meeting, at_work.world.day):
        assert at_work.mentor.post(at_work.page + path, data=values).status_code == 400, path
    assert untouched(at_work)


def test_nonsense_in_an_address_is_not_found(at_work: AtWork) -> None:
    for path in ("plan/999999/", "plan/99999999999/", "meetings/999999/", "meetings/x/"):
        assert at_work.mentor.get(at_work.page + path).status_code == 404
    answer = at_work.send(at_work.mentor, "plan/new", title="Д\0ело", whose="-1", due="")
    assert answer.status_code == 303
    assert at_work.items()[0].title == "Дело"


# --- what it costs ------------------------------------------------------------------------------------------------


def test_a_form_takes_the_same_queries_for_a_group_as_for_a_pair_of_two(
    at_work: AtWork, group: AtWork, session: Session
) -> None:
    sent_by = []
    for pair in (at_work, group):
        item = pair.add("Дело")
        with statements(session) as sent:
            assert pair.mentor.get(f"{pair.page}plan/{item.id}/").status_code == 200
        sent_by.append(len(sent))
    assert sent_by[0] == sent_by[1]


def test_pages_take_the_same_queries_however_much_was_planned(at_work: AtWork, session: Session) -> None:
    at_work.began(200)
    filled(at_work)
    of_person = f"{at_work.home}pairs/of/{at_work.mentees[0].person_id}/"
    visits = [
        (at_work.mentor, at_work.home),
        (at_work.mentor, at_work.page),
        (at_work.mentee, at_work.home),
        (at_work.mentee, at_work.page),
        (at_work.curator, at_work.page),
        (at_work.mentor, of_person),
        (at_work.teacher, f"{at_work.home}pairs/"),
    ]

    def count() -> list[int]:
        found = []
        for client, page in visits:
            with statements(session) as sent:
                assert client.get(page).status_code == 200
            found.append(len(sent))
        return found

    count()  # a first look leaves an entry in the trail
    few = count()
    mentor, day = at_work.pair.mentor.person_id, at_work.world.day
    moment = at_work.items()[0].made_at
    session.add_all(
        PlanItem(pair_id=at_work.pair.id, title=f"Дело {n}", made_by=mentor, made_at=moment) for n in range(60)
    )
    session.add_all(
        Meeting(
            pair_id=at_work.pair.id, state=MeetingState.HELD, day=day - timedelta(days=n), made_by=mentor,
            made_at=moment, logged_by=mentor, logged_at=moment,
        )
        for n in range(60)
    )  # fmt: skip
    session.commit()
    assert count() == few


def test_more_pairs_cost_a_mentor_no_more(world: World, come_in: Any, session: Session) -> None:
    mentor = world.mentor(capacity=20)
    at_work = AtWork(world, come_in, session, world.pair(S.ACTIVE, mentor))
    filled(at_work)

    def count() -> int:
        with statements(session) as sent:
            assert at_work.mentor.get(at_work.home).status_code == 200
        return len(sent)

    few = count()
    for _ in range(5):
        world.pair(S.ACTIVE, mentor)
    assert count() == few


def test_whoever_has_no_pair_pays_nothing_for_plans(world: World, come_in: Any, session: Session) -> None:
    for person in (world.mentee().person, world.mentor().person, world.person("", Role.STUDENT)):
        client = come_in(person)
        with statements(session) as sent:
            assert client.get(f"/courses/{world.course.id}/").status_code == 200
        assert not [one for one in sent if "plan_item" in one or "FROM meeting" in one]
