"""What plans and meetings tell of a person in their own data, what erasure leaves, and the turn of the year."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_service import personal
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs import turn
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.rules import Decision
from lti_service.pairs.work.models import Meeting, MeetingState, PlanItem
from lti_service.people.privacy import erasing
from lti_service.personal import Erasing
from lti_service.programme.models import Cycle
from tests.consenting import withdraw_consent
from tests.pairs.conftest import World
from tests.pairs.test_guests import viewer_of
from tests.pairs.test_views import token_of
from tests.pairs.test_work import AtWork, another


@pytest.fixture
def at_work(world: World, come_in: Any, session: Session) -> AtWork:
    """A pair with a goal, an item and a meeting."""
    mentee = world.mentee("Алексеев-Единственный Пётр")
    pair = world.pair(PairState.ACTIVE, world.mentor("Титов-Неповторимый Олег"), mentee)
    return begun(AtWork(world, come_in, session, pair))


@pytest.fixture
def group(world: World, come_in: Any, session: Session) -> AtWork:
    """The same of a group of two."""
    mentees = world.mentee("Алексеев-Единственный Пётр"), another(world)
    return begun(
        AtWork(world, come_in, session, world.pair(PairState.ACTIVE, world.mentor("Титов-Неповторимый Олег"), *mentees))
    )


def begun(at_work: AtWork) -> AtWork:
    at_work.send(at_work.mentor, "goal", goal="Общая цель")
    item = at_work.add("Общее дело")
    at_work.send(at_work.mentee, f"plan/{item.id}/tick", done="1")
    at_work.met(topic="Общая тема", outcome="Общий итог", time="00:01", way="call")
    return at_work


def told(client: Any, at_work: AtWork) -> list[tuple[str, str, str]]:
    """What somebody's own data say, from the file: table, name, value."""
    taken = json.loads(client.get(f"{at_work.home}my-data.json").data)
    return [
        (kept["table"], fact["name"], fact["value"])
        for kept in taken["kept"]
        for row in kept["rows"]
        for fact in row["facts"]
    ]


def texts(at_work: AtWork) -> list[str]:
    """Every word of the work that the tables still have."""
    found = [at_work.goal()]
    found += [item.title for item in at_work.items()]
    for meeting in at_work.meetings():
        found += [meeting.topic, meeting.outcome]
    return found


def erase(at_work: AtWork, person_id: int) -> None:
    world = at_work.world
    world.session.rollback()
    what = Erasing(world.platform.id, person_id, world.curator.id, world.course.id, world.day, now())
    erasing.erase_person(world.session, what, stays_away=True)
    world.session.commit()


def test_a_mentee_is_told_the_goal_the_plan_and_the_meetings(at_work: AtWork) -> None:
    found = told(at_work.mentee, at_work)
    for fact in (
        ("pair_mentee", "goal", "Общая цель"),
        ("plan_item", "title", "Общее дело"),
        ("meeting", "topic", "Общая тема"),
        ("meeting", "outcome", "Общий итог"),
        ("meeting", "time", "00:01"),
        ("meeting", "way", "звонок или видео"),
        ("meeting", "state", "состоялась"),
        ("meeting", "day", f"{at_work.world.day:%d.%m.%Y}"),
    ):
        assert fact in found
    page = at_work.mentee.get(f"{at_work.home}my-data/").text
    assert all(words in page for words in ("Общее дело", "Общий итог", "Индивидуальный план наставляемого"))


def test_a_mentor_is_told_that_they_met_and_not_the_words_about_the_mentee(at_work: AtWork) -> None:
    found = told(at_work.mentor, at_work)
    names = {(table, name) for table, name, _value in found}
    assert {("meeting", "day"), ("meeting", "state"), ("plan_item", "made_at"), ("plan_item", "done_at")} <= names
    values = " ".join(value for _table, _name, value in found)
    assert "Общ" not in values
    at_work.session.rollback()
    withdraw_consent(at_work.session, at_work.mentees[0].person, at_work.world.day)
    at_work.session.commit()
    assert "Общ" not in at_work.mentor.get(f"{at_work.home}my-data/").text


def test_of_a_group_nobody_is_told_what_is_anothers(group: AtWork) -> None:
    first, second = (mentee.person for mentee in group.mentees)
    group.add("Дело второй", whose=str(second.id))
    group.met(topic="Беседа со второй", whose=str(second.id))
    own = " ".join(value for _table, _name, value in told(group.mentee, group))
    theirs = " ".join(value for _table, _name, value in told(group.come_in(second), group))
    assert "Общее дело" in own
    assert "второй" not in own
    assert "Дело второй" in theirs
    assert "Беседа со второй" in theirs
    assert first.family_name not in theirs


@pytest.mark.parametrize("side", ["mentee", "mentor"])
def test_erasing_one_of_a_pair_leaves_days_and_no_words(at_work: AtWork, side: str) -> None:
    at_work.plans(at_work.world.day + timedelta(days=1), at_work.mentee, topic="Личный вопрос")
    person = at_work.mentees[0].person if side == "mentee" else at_work.pair.mentor.person
    erase(at_work, person.id)
    assert set(texts(at_work)) == {""}
    [item] = at_work.items()
    held = at_work.meetings()[0]
    assert item.done_at is not None
    assert (held.day, held.state) == (at_work.world.day, MeetingState.HELD)
    page = at_work.curator.get(at_work.page)
    assert page.status_code == 200
    assert "(текст удалён)" in page.text


def test_a_group_goes_on_with_its_own_words_when_one_of_it_is_erased(group: AtWork) -> None:
    first, second = (mentee.person for mentee in group.mentees)
    group.add("Дело первого", whose=str(first.id))
    group.add("Позвонить маме АЛЕКСЕЕВА-Единственного")
    group.add("Передать Алексеев-Единственный привет")
    group.add("Дело второй", whose=str(second.id))
    group.met(client=group.mentee, topic="Слова первого")
    group.met(topic="Разговор", outcome="Алексеев-Единственный опоздал")
    erase(group, first.id)
    left = texts(group)
    assert {"Общая цель", "Общее дело", "Дело второй", "Общая тема", "Общий итог"} <= set(left)
    assert not [words for words in left if "первого" in words or "Алексеев-Единственный" in words]
    mentor = group.mentor.get(group.page)
    assert "Общее дело" in mentor.text
    assert "Дело второй" in mentor.text


def test_a_goal_that_names_somebody_goes_with_them(group: AtWork) -> None:
    group.send(group.mentor, "goal", goal="Алексеев-Единственный сдаст экзамен")
    erase(group, group.mentees[0].person_id)
    assert group.goal() == ""


def test_words_that_name_somebody_in_another_case_go_with_them(group: AtWork) -> None:
    group.send(group.mentor, "goal", goal="Помочь Алексееву-Единственному с проектом")
    group.add("Отчёт с Алексеевым-Единственным")
    group.met(topic="Об успехах Алексеева-Единственного", outcome="Всё хорошо")
    group.met(topic="О проекте", outcome="Похвалить Алексеева и Алексеевну")
    erase(group, group.mentees[0].person_id)
    left = texts(group)
    assert not [words for words in left if "Единственн" in words]
    assert "Похвалить Алексеева и Алексеевну" in left


def test_a_goal_with_the_name_that_moodle_still_has_goes_too(group: AtWork, session: Session) -> None:
    gone = group.mentees[0].person
    gone.corrected = {"family_name": "Щукина"}
    session.commit()
    group.send(group.mentor, "goal", goal="Подготовить Щукину к чемпионату")
    erase(group, gone.id)
    assert group.goal() == ""


def test_the_preview_of_an_erasure_says_what_goes(at_work: AtWork, session: Session) -> None:
    session.rollback()
    with at_work.mentee.application.test_request_context():
        going = {one.title: one for one in personal.preview(session, at_work.mentees[0].person_id)}
    plan = next(one for title, one in going.items() if "plan as a mentee" in title or "план наставляемого" in title)
    assert (plan.rows, plan.deleted, len(plan.emptied)) == (1, False, 1)


def test_a_look_at_a_plan_is_kept_like_every_look(at_work: AtWork, session: Session) -> None:
    """A curator who opens an item of somebody's plan has looked at the pair's people."""
    [item] = at_work.items()
    assert at_work.curator.get(f"{at_work.page}plan/{item.id}/").status_code == 200
    session.rollback()
    looked = session.scalars(
        select(AuditEvent.subject).where(
            AuditEvent.action == "person.looked", AuditEvent.actor_id == at_work.world.curator.id
        )
    ).all()
    assert {f"person:{at_work.mentees[0].person_id}", f"person:{at_work.pair.mentor.person_id}"} <= set(looked)


# --- the turn of the year -----------------------------------------------------------------------------------------


def test_what_is_still_to_do_goes_on_into_the_new_year(group: AtWork, session: Session) -> None:
    world = group.world
    first, second = (mentee.person for mentee in group.mentees)
    group.add("Ещё не сделано")
    group.add("Дело второй", whose=str(second.id))
    group.plans(world.day + timedelta(days=2), topic="После каникул")
    session.rollback()
    # What is called this year was the one before; the new one has this mentor and these mentees again.
    last = session.get_one(Cycle, world.cycle.id)
    session.execute(update(Cycle).where(Cycle.id == last.id).values(start_year=last.start_year - 1))
    session.commit()
    turn.open_year(session, viewer_of(world), world.day)
    session.commit()
    outcome = turn.decide(session, viewer_of(world), world.day, [group.pair.id], Decision.CONTINUE)
    session.commit()
    assert (outcome.done, outcome.refused) == (1, {})
    session.expire_all()
    new = session.scalars(select(Pair).where(Pair.continues_id == group.pair.id)).one()
    assert new.goal == "Общая цель"
    carried = session.scalars(select(PlanItem).where(PlanItem.pair_id == new.id).order_by(PlanItem.id)).all()
    assert [(item.title, item.for_id) for item in carried] == [("Ещё не сделано", None), ("Дело второй", second.id)]
    planned = session.scalars(select(Meeting).where(Meeting.pair_id == new.id)).all()
    assert [meeting.topic for meeting in planned] == ["После каникул"]
    old = group.mentor.get(group.page)
    assert all(words in old.text for words in ("Общее дело", "Ещё не сделано", "Общая тема"))
    page = f"{group.home}pairs/{new.id}/"
    seen = group.mentor.get(page)
    assert "После каникул" in seen.text
    sent = {"csrf_token": token_of(seen), "day": (world.day - timedelta(days=1)).isoformat()}
    assert group.mentor.post(f"{page}meetings/held", data=sent).status_code == 422, "then the new pair was not yet"
    assert first.family_name in seen.text
