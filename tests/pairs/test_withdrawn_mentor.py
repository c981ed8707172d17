"""A mentor who has taken their own consent back: of their mentees names alone in the course, nothing at the door."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs.models import PairState
from lti_service.people.consents.models import Audience, Consent, ConsentText, TextSource
from lti_service.people.models import Person
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.pairs.conftest import World
from tests.pairs.test_guests import state_of
from tests.pairs.test_views import text_of
from tests.pairs.test_work import AtWork, at_work
from tests.pairs.test_work_guests import WORDS, Guest, guest

__all__ = ["at_work", "guest"]

REQUEST = "Хочу варить трубы"
CLOSED = "You have withdrawn your consent to the processing of personal data"


def withdraw(world: World, person: Person) -> None:
    withdraw_consent(world.session, person, world.day)
    world.session.commit()


def consent_again(world: World, person: Person) -> None:
    give_consent(world.session, person, world.day)
    world.session.commit()


# --- behind the guests' door --------------------------------------------------------------------------------------


def ask(guest: Guest) -> None:
    """The mentee of the guest's pair says what they want."""
    guest.mentees[0].request = REQUEST
    guest.session.commit()


def test_a_guests_page_is_closed_at_once_and_says_why(guest: Guest) -> None:
    ask(guest)
    shown = guest.client.get(guest.home).text
    for word in (*WORDS, REQUEST, "Алексеев"):
        assert word in shown, word
    own = guest.client.get(f"{guest.home}my-consent").text
    assert "Withdraw the consent" in own
    assert guest.send(f"{guest.home}my-consent/withdraw").status_code == 303
    page = guest.client.get(guest.home)
    assert page.status_code == 200
    for word in (*WORDS, REQUEST, "Алексеев", "pairs/"):
        assert word not in page.text, word
    for word in (CLOSED, "the curator of the course decides", "my-consent", "my-data/"):
        assert word in page.text, word
    guest.session.rollback()
    look = guest.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "guest.viewed").order_by(AuditEvent.id.desc())
    ).first()
    assert look is not None
    assert (look.details["pairs"], look.details["people"]) == ([], [])


def test_a_guest_writes_nothing_either(guest: Guest) -> None:
    withdraw(guest.world, guest.outsider.person)
    tries = (
        ("plan/new", {"title": "Ещё дело"}),
        (f"plan/{guest.item.id}/tick", {"done": "1"}),
        ("meetings/held", {"day": guest.world.day.isoformat()}),
        (f"meetings/{guest.meeting.id}/held", {}),
    )
    for path, values in tries:
        refused = guest.send(guest.of_pair + path, **values)
        assert refused.status_code == 409, path
        assert CLOSED in refused.text, path
        assert "Алексеев" not in refused.text, path
    assert [(item.title, item.done_at) for item in guest.items()] == [("Дело-77", None)]
    assert [meeting.logged_by for meeting in guest.meetings()] == [None]


def test_a_proposal_is_closed_with_the_rest_and_the_curator_cancels_it(guest: Guest) -> None:
    world = guest.world
    asked = world.mentee("Борисова Анна")
    proposed = world.pair(PairState.PROPOSED, guest.outsider.mentor, asked, form="employer-student")
    withdraw(world, guest.outsider.person)
    page = guest.client.get(guest.home).text
    assert "Борисова" not in page
    assert "your 2 pairs are closed to you" in page
    for answer in ("agree", "decline"):
        assert guest.send(f"{guest.home}pairs/{proposed.id}/{answer}").status_code == 409
    assert state_of(guest.session, proposed) is PairState.PROPOSED


def test_when_they_consent_again_the_page_is_as_it_was(guest: Guest) -> None:
    withdraw(guest.world, guest.outsider.person)
    assert "Алексеев" not in guest.client.get(guest.home).text
    page = guest.client.get(f"{guest.home}my-consent").text
    text = re.search(r'name="text" value="(\d+)"', page)
    assert text
    assert guest.send(f"{guest.home}my-consent", text=text[1], says_adult="1").status_code == 303
    page = guest.client.get(guest.home).text
    for word in (*WORDS, "Алексеев"):
        assert word in page, word
    assert guest.send(guest.of_pair + "plan/new", title="Ещё дело").status_code == 303


def test_a_withdrawal_on_paper_closes_the_page_as_well(guest: Guest, come_in: Any) -> None:
    world = guest.world
    curator = come_in(world.curator, "en")
    at = f"/courses/{world.course.id}/people/{guest.outsider.person.id}/consents/withdraw"
    sent = {"csrf_token": token_at(curator, at), "withdrawn_on": world.day.isoformat(), "reason": "Заявление № 3"}
    assert curator.post(at, data=sent).status_code == 303
    assert "Алексеев" not in guest.client.get(guest.home).text


def token_at(client: Any, page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)
    assert found
    return found[1]


def test_whoever_never_consented_or_is_asked_again_works_on(guest: Guest, session: Session) -> None:
    """Nothing was taken back: the text asks again, or a pair of before the consents goes on."""
    given = session.scalars(select(Consent).where(Consent.person_id == guest.outsider.person.id)).one()
    given.text = ConsentText(
        platform_id=guest.world.platform.id,
        audience=Audience.ADULT,
        version=99,
        title="Прежний текст",
        text="Прежний текст",
        source=TextSource.COLLEGE,
        counts=False,
        created_at=now(),
    )
    session.commit()
    page = guest.client.get(guest.home).text
    for word in ("Алексеев", *WORDS, "An earlier consent does not count any more"):
        assert word in page, word
    assert guest.send(guest.of_pair + "plan/new", title="Дело раньше").status_code == 303
    session.execute(delete(Consent).where(Consent.person_id == guest.outsider.person.id))
    session.commit()
    page = guest.client.get(guest.home).text
    for word in ("Алексеев", *WORDS, "Until it is given"):
        assert word in page, word
    assert guest.send(guest.of_pair + "plan/new", title="Ещё дело").status_code == 303


def test_it_takes_the_same_queries_however_many_pairs_are_closed(guest: Guest) -> None:
    def count() -> int:
        with statements(guest.session) as sent:
            assert guest.client.get(guest.home).status_code == 200
        return len(sent)

    world = guest.world
    withdraw(world, guest.outsider.person)
    count()
    few = count()
    consent_again(world, guest.outsider.person)
    guest.outsider.mentor.capacity = 10
    for name in ("Борисова Анна", "Васильев Олег", "Гусев Иван"):
        world.pair(PairState.ACTIVE, guest.outsider.mentor, world.mentee(name), form="employer-student")
    withdraw(world, guest.outsider.person)
    assert count() == few


# --- in the course ------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(at_work: AtWork) -> AtWork:
    """A pair with a goal, an item and a meeting; the mentee has said what they want and how to reach them."""
    mentee = at_work.mentees[0]
    mentee.request, mentee.person.email = REQUEST, "alekseev@college.example"
    at_work.session.commit()
    at_work.send(at_work.mentor, "goal", goal=WORDS[0])
    at_work.add(WORDS[1])
    at_work.met(topic=WORDS[2], outcome="Договорённость-77")
    return at_work


HIDDEN = (*WORDS, "Договорённость-77", REQUEST, "alekseev@college.example")


def test_a_mentor_sees_the_names_alone_and_says_nothing_more(begun: AtWork) -> None:
    mentor = begun.pair.mentor.person
    places = (begun.home, begun.page, f"{begun.home}pairs/of/{begun.mentees[0].person_id}/")
    seen = "".join(begun.mentor.get(place).text for place in places)
    for word in HIDDEN:
        assert word in seen, word
    withdraw(begun.world, mentor)
    for place in places:
        page = begun.mentor.get(place)
        assert page.status_code == 200, place
        assert "Алексеев Пётр" in page.text, place
        for word in HIDDEN:
            assert word not in page.text, (place, word)
    for place in places[:2]:
        assert "Вы отозвали согласие на обработку персональных данных" in text_of(begun.mentor.get(place)), place
        assert f'href="{begun.home}my-consent"' in begun.mentor.get(place).text
    [item], [meeting] = begun.items(), begun.meetings()
    day = begun.world.day.isoformat()
    tries = (
        ("goal", {"goal": "Другая"}),
        ("plan/new", {"title": "Ещё дело"}),
        (f"plan/{item.id}/", {"title": "Иное"}),
        (f"plan/{item.id}/tick", {"done": "1"}),
        (f"plan/{item.id}/remove", {}),
        ("meetings/held", {"day": day}),
        ("meetings/planned", {"day": day}),
        (f"meetings/{meeting.id}/", {"day": day}),
        (f"meetings/{meeting.id}/remove", {}),
    )
    for path, values in tries:
        refused = begun.send(begun.mentor, path, **values)
        assert refused.status_code == 409, path
        assert "Вы отозвали согласие" in text_of(refused), path
        for word in HIDDEN:
            assert word not in refused.text, (path, word)
    for path in ("goal", "plan/new", f"plan/{item.id}/", "meetings/held", f"meetings/{meeting.id}/"):
        shown = begun.mentor.get(begun.page + path)
        assert shown.status_code == 409, path
        assert WORDS[0] not in shown.text
    assert begun.goal() == WORDS[0]
    assert [(one.title, one.done_at) for one in begun.items()] == [(WORDS[1], None)]
    assert len(begun.meetings()) == 1
    consent_again(begun.world, mentor)
    seen = "".join(begun.mentor.get(place).text for place in places)
    assert [word for word in HIDDEN if word not in seen] == []
    begun.add("Ещё дело")


def test_the_others_of_the_pair_go_on_and_the_curator_sees_that_it_is_theirs_to_decide(begun: AtWork) -> None:
    withdraw(begun.world, begun.pair.mentor.person)
    for client in (begun.mentee, begun.curator, begun.teacher):
        page = client.get(begun.page).text
        for word in WORDS:
            assert word in page, word
    [item] = begun.items()
    assert begun.send(begun.mentee, f"plan/{item.id}/tick", done="1").status_code == 303
    begun.add("Дело куратора", client=begun.curator)
    assert "Если своё согласие отозвал наставник" in text_of(begun.curator.get(begun.page))
    listed = begun.curator.get(f"{begun.home}pairs/?column=no-consent").text
    assert "Титов Олег" in listed


def test_a_teacher_of_the_course_does_not_see_their_own_pair_as_a_teacher_either(world: World, come_in: Any) -> None:
    pair = world.pair(PairState.ACTIVE, world.mentor("Титов Олег"), world.mentee("Алексеев Пётр"))
    pair.goal = WORDS[0]
    world.session.commit()
    mentor = come_in(pair.mentor.person)
    at = f"/courses/{world.course.id}/pairs/"
    assert WORDS[0] in mentor.get(f"{at}{pair.id}/").text
    withdraw(world, pair.mentor.person)
    assert WORDS[0] not in mentor.get(f"{at}{pair.id}/").text
    assert "Алексеев Пётр" in mentor.get(at).text
    other = come_in(world.person("Учителева Анна", Role.TEACHER))
    assert WORDS[0] in other.get(f"{at}{pair.id}/").text


def test_a_curator_who_is_a_mentor_too_keeps_the_curators_eyes(world: World, come_in: Any) -> None:
    curator = world.person("Кураторов Лев", Role.CURATOR, Role.TEACHER)
    pair = world.pair(PairState.ACTIVE, world.mentor(person=curator), world.mentee("Алексеев Пётр"))
    pair.goal = WORDS[0]
    world.session.commit()
    withdraw(world, curator)
    assert WORDS[0] in come_in(curator).get(f"/courses/{world.course.id}/pairs/{pair.id}/").text


def test_a_mentor_who_has_withdrawn_may_still_decline(world: World, come_in: Any, app: Flask) -> None:
    pair = world.pair(PairState.PROPOSED, world.mentor("Титов Олег"), world.mentee("Алексеев Пётр", request=REQUEST))
    withdraw(world, pair.mentor.person)
    mentor = come_in(pair.mentor.person)
    at = f"/courses/{world.course.id}/pairs/{pair.id}/"
    for place in (at, f"/courses/{world.course.id}/"):
        page = mentor.get(place).text
        assert "Алексеев Пётр" in page
        assert REQUEST not in page
    sent = {"csrf_token": token_at(mentor, f"{at}?action=decline")}
    assert mentor.post(f"{at}decline", data=sent).status_code == 303
    assert state_of(world.session, pair) is PairState.DECLINED
