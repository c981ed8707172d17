"""The list of those without a pair: the last talk with each, when to look again, and whose time it is."""

import csv
import io
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.people.models import Mentee, MenteeState, Support
from tests.consenting import withdraw_consent
from tests.pairs.conftest import World

UNPAIRED = MenteeState.UNPAIRED


def talk(world: World, mentee: Mentee, day: date, next_look: date | None, who: str = "Психолог") -> Support:
    entry = Support(mentee_id=mentee.id, day=day, who=who, agreed="Тайна беседы", next_look=next_look, created_at=now())
    world.session.add(entry)
    world.session.commit()
    return entry


@pytest.fixture
def curator(world: World, come_in) -> FlaskClient:
    return come_in(world.curator)


@pytest.fixture
def four(world: World) -> dict[str, Mentee]:
    """Due today, in a fortnight, talked with but not to be looked at again, and never talked with."""
    names = {"due": "Алексеев Пётр", "later": "Борисов Анатолий", "enough": "Ёлкин Фёдор", "never": "Яшин Вадим"}
    people = {key: world.mentee(name, state=UNPAIRED, groups=f"ИС-{key}") for key, name in names.items()}
    ago = world.day - timedelta(days=30)
    talk(world, people["due"], ago, world.day)
    # Written down later about an earlier day: it is not the last talk.
    talk(world, people["due"], ago - timedelta(days=9), world.day + timedelta(days=99), "Другой")
    talk(world, people["later"], world.day - timedelta(days=2), world.day + timedelta(days=14))
    talk(world, people["enough"], world.day - timedelta(days=60), None)
    world.mentee("Нуждаев Олег", state=MenteeState.NEEDS)
    return people


def names_of(world: World, client: FlaskClient, query: str = "") -> list[str]:
    page = client.get(f"/courses/{world.course.id}/base/support/{query}")
    assert page.status_code == 200
    text = page.text
    found = {
        name: text.find(f">{name}<") for name in ("Алексеев Пётр", "Борисов Анатолий", "Ёлкин Фёдор", "Яшин Вадим")
    }
    assert "Нуждаев" not in text
    assert "Тайна беседы" not in text
    return [name.split()[0] for name in sorted(found, key=found.__getitem__) if found[name] >= 0]


def test_whose_time_it_is_stands_first_and_is_marked(
    world: World, curator: FlaskClient, four: dict[str, Mentee]
) -> None:
    assert names_of(world, curator) == ["Яшин", "Алексеев", "Борисов", "Ёлкин"]
    assert names_of(world, curator, "?order=desc") == ["Ёлкин", "Борисов", "Алексеев", "Яшин"]
    assert names_of(world, curator, "?sort=name") == ["Алексеев", "Борисов", "Ёлкин", "Яшин"]
    assert names_of(world, curator, "?sort=talked&order=desc") == ["Борисов", "Алексеев", "Ёлкин", "Яшин"]
    assert names_of(world, curator, "?due=due") == ["Яшин", "Алексеев"]
    assert names_of(world, curator, "?due=none") == ["Яшин"]
    assert names_of(world, curator, "?group=ИС-later") == ["Борисов"]
    assert names_of(world, curator, "?search=елкин") == ["Ёлкин"]
    assert names_of(world, curator, "?search=нет-такого&due=due&sort=nonsense&page=99") == []
    text = curator.get(f"/courses/{world.course.id}/base/support/?sort=name").text
    assert text.count(">пора<") == 1, "who was never talked with is called so"
    assert "ещё не беседовали" in text
    assert "Другой" not in text


def test_the_home_page_and_the_base_lead_to_it(world: World, curator: FlaskClient, four: dict[str, Mentee]) -> None:
    home = curator.get(f"/courses/{world.course.id}/").text
    assert "2 наставляемых без пары: пора узнать" in home, "the day itself is already time"
    assert f"/courses/{world.course.id}/base/support/?due=due" in home
    assert "/base/support/" in curator.get(f"/courses/{world.course.id}/base/?state=unpaired").text
    assert "/base/support/" not in curator.get(f"/courses/{world.course.id}/base/").text
    card = curator.get(f"/courses/{world.course.id}/people/{four['due'].person_id}/").text
    assert "вернуться сегодня" in card


def test_the_file_holds_no_talk_and_after_a_withdrawal_no_date(
    world: World, curator: FlaskClient, four: dict[str, Mentee], session: Session
) -> None:
    four["later"].person.given_name = "=1+1"
    withdraw_consent(session, four["due"].person, world.day)
    session.commit()
    answer = curator.get(f"/courses/{world.course.id}/base/support.csv?due=due")
    assert answer.status_code == 200, answer.text
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert "Тайна" not in answer.data.decode()
    assert [row[0] for row in rows[1:]] == ["Яшин Вадим", "Алексеев Пётр"]
    withdrawn = dict(zip(rows[0], rows[2], strict=True))
    assert (withdrawn["Последняя беседа"], withdrawn["Кто говорил"], withdrawn["Вернуться к разговору"]) == ("", "", "")
    assert curator.get(f"/courses/{world.course.id}/base/support.xlsx").status_code == 200
    kept = session.scalars(select(AuditEvent).where(AuditEvent.action == "base.exported").order_by(AuditEvent.id)).all()
    assert [(one.subject, one.details["count"]) for one in kept] == [("base:support", 2), ("base:support", 4)]


def test_it_is_the_curators_alone(world: World, come_in) -> None:
    for role in (Role.TEACHER, Role.STUDENT, Role.EMPLOYER):
        client = come_in(world.person("", role))
        for address in ("support/", "support.csv"):
            assert client.get(f"/courses/{world.course.id}/base/{address}").status_code == 403


def test_many_people_take_as_many_queries_as_few(world: World, curator: FlaskClient, session: Session) -> None:
    def asked() -> int:
        sent: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            sent.append(statement)

        event.listen(session.get_bind(), "before_cursor_execute", note)
        curator.get(f"/courses/{world.course.id}/base/support/")
        event.remove(session.get_bind(), "before_cursor_execute", note)
        return len(sent)

    talk(world, world.mentee(state=UNPAIRED), world.day, world.day)
    asked()
    few = asked()
    for _ in range(12):
        talk(world, world.mentee(state=UNPAIRED), world.day, world.day)
    assert asked() == few


@pytest.mark.parametrize("day", ["0001-01-01", "1899-01-01", "1999-12-31"])
def test_a_talk_before_all_this_is_refused(
    world: World, curator: FlaskClient, four: dict[str, Mentee], session: Session, app, day: str
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    address = f"/courses/{world.course.id}/people/{four['never'].person_id}/support"
    answer = curator.post(address, data={"day": day, "who": "П", "agreed": "А"})
    assert answer.status_code == 422
    assert "2000" in answer.text
    session.rollback()
    assert session.scalar(select(Support).where(Support.mentee_id == four["never"].id)) is None
