"""The turn of the school year: what is left open is finished or goes on, and the finished may become mentors."""

from datetime import date
from time import process_time

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs import service
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.rules import Action
from lti_service.people import cycles
from lti_service.people import service as people
from lti_service.people.kinds import placing
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Source, Support
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, MenteeKind
from lti_service.queue import DueCourse
from tests.consenting import withdraw_consent
from tests.pairs.conftest import World
from tests.pairs.test_views import token_of

TURN = "/courses/{}/year/"


@pytest.fixture
def turned(world: World, monkeypatch: pytest.MonkeyPatch):
    """`turned()`: from now on it is September of the next school year."""

    def turn(*, is_open: bool = True) -> date:
        day = date(world.cycle.start_year + 1, 9, 15)
        monkeypatch.setattr("lti_service.pages.local_today", lambda: day)
        world.session.info.pop("cycles", None)
        if is_open:
            cycles.open_cycle(world.session, world.platform.id, day)
        world.session.commit()
        return day

    return turn


def fresh(session: Session) -> None:
    """Forget what was read: requests have written since."""
    session.rollback()
    session.expire_all()


def new_year(world: World) -> Cycle:
    fresh(world.session)
    return world.session.scalars(select(Cycle).where(Cycle.start_year == world.cycle.start_year + 1)).one()


def send(client, world: World, where: str, *, page: str = "", follow: bool = False, **values):
    """Send a form of the page, with its token."""
    address = TURN.format(world.course.id)
    token = token_of(client.get(page or address))
    return client.post(address + where, data={"csrf_token": token, **values}, follow_redirects=follow)


def decide(client, world: World, decision: str, *pairs: Pair):
    return send(client, world, "pairs", decision=decision, pairs=[str(pair.id) for pair in pairs])


def test_a_curator_sees_what_is_left_open_and_what_opening_the_year_brings(world, come_in, turned):
    pair = world.pair(PairState.ACTIVE)
    turned(is_open=False)
    client = come_in(world.curator)
    home = client.get(f"/courses/{world.course.id}/").text
    assert "1 пара прошлых учебных лет ещё открыта" in home
    page = client.get(TURN.format(world.course.id)).text
    assert pair.mentor.person.name in page
    assert "Открыть учебный год" in page
    assert 'value="continue"' not in page, "nothing can go on in a year that is not open"
    opened = send(client, world, "open", follow=True).text
    assert f"Учебный год {new_year(world).title}" in opened
    send(client, world, "open")
    fresh(world.session)
    assert world.session.scalar(select(func.count()).where(AuditEvent.action == "year.opened")) == 1


def test_the_number_of_mentors_is_that_of_the_list_behind_it(world, come_in):
    world.mentor()
    world.mentor(state=MentorState.TURNED_DOWN)
    world.mentor(course=world.another_course())
    gone = world.mentor()
    world.session.scalars(select(Membership).where(Membership.person_id == gone.person_id)).one().active = False
    world.session.commit()
    client = come_in(world.curator)
    assert "2 наставника в базе" in client.get(TURN.format(world.course.id)).text
    listed = client.get(f"/courses/{world.course.id}/base/mentors/").text
    assert listed.count('name="chosen"') == 2


def test_a_pair_goes_on_with_the_same_people_and_counts_in_both_years(world, come_in, turned, session: Session):
    pair = world.pair(PairState.ACTIVE, world.mentor(capacity=2), world.mentee(), world.mentee())
    pair.mentor.capacity = 1
    persons = {place.mentee.person_id for place in pair.places}
    old_year = service.formed(session, world.cycle.id)
    turned()
    answer = decide(come_in(world.curator), world, "continue", pair)
    assert answer.status_code == 303, answer.text
    fresh(session)
    assert pair.state is PairState.FINISHED
    assert service.formed(session, world.cycle.id) == old_year == persons
    cycle = new_year(world)
    going_on = session.scalars(select(Pair).where(Pair.continues_id == pair.id)).one()
    assert (going_on.state, going_on.cycle_id, going_on.course_id) == (PairState.ACTIVE, cycle.id, pair.course_id)
    assert going_on.mentor.person_id == pair.mentor.person_id
    assert going_on.mentor.cycle_id == cycle.id
    assert {place.mentee.person_id for place in going_on.places} == persons
    assert {place.mentee.state for place in going_on.places} == {MenteeState.PAIRED}
    assert {place.mentee.cycle_id for place in going_on.places} == {cycle.id}
    assert service.formed(session, cycle.id) == persons
    assert people.needing(session, cycle.id, MenteeKind.STUDENT) == persons


def test_what_was_asked_for_comes_along_and_what_was_offered_does_not(world, come_in, turned, session: Session):
    mentee = world.mentee(request="Готовлюсь к демонстрационному экзамену")
    mentee.special_needs = True
    pair = world.pair(PairState.ACTIVE, None, mentee)
    mentee.offered_at = pair.proposed_at
    turned()
    decide(come_in(world.curator), world, "continue", pair)
    there = people.mentee_of(session, new_year(world).id, mentee.person_id)
    assert there is not None
    assert (there.request, there.special_needs, there.offered_at) == (mentee.request, True, None)


def test_continuing_twice_makes_one_pair(world, come_in, turned, session: Session):
    pair = world.pair(PairState.ACTIVE)
    turned()
    client = come_in(world.curator)
    decide(client, world, "continue", pair)
    decide(client, world, "continue", pair)
    fresh(session)
    assert session.scalar(select(func.count(Pair.id))) == 2


def test_finishing_closes_active_pairs_and_takes_proposals_back(world, come_in, turned, session: Session):
    active, agreed, proposed = (world.pair(state) for state in (PairState.ACTIVE, PairState.AGREED, PairState.PROPOSED))
    turned(is_open=False)
    answer = decide(come_in(world.curator), world, "finish", active, agreed, proposed)
    assert answer.status_code == 303
    fresh(session)
    assert [pair.state for pair in (active, agreed, proposed)] == [
        PairState.FINISHED,
        PairState.CANCELLED,
        PairState.CANCELLED,
    ]
    assert people.mentee_of(session, world.cycle.id, active.places[0].mentee.person_id).state is MenteeState.FINISHED


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("mentor left", "нет среди наставников нового учебного года"),
        ("mentee left", "Выбыли из базы нового учебного года"),
        ("no consent", "нет согласия"),
        ("only proposed", "Этого уже не сделать"),
    ],
)
def test_one_that_cannot_go_on_says_why_and_does_not_hold_up_the_others(
    world, come_in, turned, session: Session, trouble, said
):
    state = PairState.PROPOSED if trouble == "only proposed" else PairState.ACTIVE
    pair, other = world.pair(state), world.pair(PairState.ACTIVE)
    mentee = pair.places[0].mentee
    if trouble == "no consent":
        withdraw_consent(session, mentee.person, world.day)
    day = turned()
    cycle = programme.find_cycle(session, world.platform.id, day)
    assert cycle is not None
    if trouble == "mentor left":
        people.mentor_of(session, cycle.id, pair.mentor.person_id).state = MentorState.WITHDRAWN
    if trouble == "mentee left":
        gone = cycles.carry_mentees(session, [mentee], cycle)[0]
        gone.state = MenteeState.WITHDRAWN
    session.commit()
    answer = decide(come_in(world.curator), world, "continue", pair, other)
    assert answer.status_code == 409
    assert said.lower() in answer.text.lower()
    fresh(session)
    assert pair.state is state, "whatever could not be done whole was not begun"
    assert other.state is PairState.FINISHED
    assert session.scalar(select(func.count(Pair.id)).where(Pair.cycle_id == cycle.id)) == 1


@pytest.mark.parametrize("side", ["mentor", "mentee"])
def test_nobody_goes_on_who_has_left_the_course(world, come_in, turned, session: Session, side):
    pair = world.pair(PairState.ACTIVE)
    mentee = pair.places[0].mentee
    gone = pair.mentor.person if side == "mentor" else mentee.person
    turned()
    session.scalars(select(Membership).where(Membership.person_id == gone.id)).one().active = False
    session.commit()
    answer = decide(come_in(world.curator), world, "continue", pair)
    assert answer.status_code == 409
    said = f"{gone.name}: нет в этом курсе" if side == "mentor" else f"Нет в этом курсе: {gone.name}"
    assert said in answer.text
    cycle = new_year(world)
    assert pair.state is PairState.ACTIVE
    assert people.mentee_of(session, cycle.id, mentee.person_id) is None


def test_pairs_of_this_year_and_of_other_courses_are_not_touched(world, come_in, turned, session: Session):
    elsewhere = world.pair(PairState.ACTIVE)
    world.pair(PairState.ACTIVE)
    elsewhere.course_id = world.another_course().id
    turned()
    client = come_in(world.curator)
    assert elsewhere.mentor.person.name not in client.get(TURN.format(world.course.id)).text
    decide(client, world, "finish", elsewhere)
    fresh(session)
    assert elsewhere.state is PairState.ACTIVE


def test_a_finished_mentee_is_offered_to_become_a_mentor_and_decides(world, come_in, turned, session: Session):
    pair = world.pair(PairState.FINISHED)
    mentee = pair.places[0].mentee
    turned()
    client = come_in(world.curator)
    address = TURN.format(world.course.id)
    assert mentee.person.name in client.get(address).text
    answer = send(client, world, "offers", mentees=[str(mentee.id)], follow=True)
    assert "Предложено 1 участнику" in answer.text
    fresh(session)
    student, page = come_in(mentee.person), f"/courses/{world.course.id}/"
    home = student.get(page).text
    assert "Хотите сами стать наставником?" in home
    declined = send(student, world, "no-thanks", page=page, follow=True).text
    assert "Хотите сами стать наставником?" not in declined
    fresh(session)
    actions = set(session.scalars(select(AuditEvent.action)))
    assert {"mentee.offered-mentoring", "mentee.declined-mentoring"} <= actions


def test_whoever_is_a_mentor_already_is_not_offered_it(world, come_in, turned, session: Session):
    pair = world.pair(PairState.FINISHED)
    person = pair.places[0].mentee.person
    day = turned()
    cycle = programme.find_cycle(session, world.platform.id, day)
    session.add(Mentor(cycle_id=cycle.id, person=person, kind="student", created_at=pair.proposed_at))
    session.commit()
    assert cycles.finished_mentees(session, world.course.id, cycle, world.cycle) == []


def test_nothing_chosen_is_said(world, come_in, turned):
    world.pair(PairState.ACTIVE)
    turned()
    client = come_in(world.curator)
    world.pair(PairState.FINISHED)
    answer = send(client, world, "pairs", decision="finish")
    assert (answer.status_code, "Выберите хотя бы одну пару" in answer.text) == (422, True)
    assert send(client, world, "offers").status_code == 422


@pytest.mark.parametrize("role", [Role.STUDENT, Role.TEACHER, Role.EMPLOYER])
def test_the_turn_is_the_curators(world, come_in, role, app):
    app.config["WTF_CSRF_ENABLED"] = False
    client = come_in(world.person("", role))
    assert client.get(TURN.format(world.course.id)).status_code == 403
    assert client.post(TURN.format(world.course.id) + "open").status_code == 403


def test_three_hundred_pairs_go_on_at_once_in_bounded_time(world, come_in, turned, session: Session):
    for _ in range(30):
        world.pair(PairState.ACTIVE)
    turned()
    pairs = session.scalars(select(Pair)).all()
    client = come_in(world.curator)
    begun = process_time()
    assert decide(client, world, "continue", *pairs).status_code == 303
    assert process_time() - begun < 3, "a tenth of what a page may decide at once, within a tenth of what it may take"
    assert session.scalar(select(func.count(Pair.id)).where(Pair.cycle_id == new_year(world).id)) == 30


# --- mentees who had no mentor --------------------------------------------------------------------------------------


def of_new_year(world: World, mentee: Mentee) -> Mentee:
    cycle = new_year(world)
    found = people.mentee_of(world.session, cycle.id, mentee.person_id)
    assert found is not None
    return found


def sync_new_year(world: World) -> None:
    """Put everybody of the course before the rules again, as a load from Moodle does."""
    cycle = new_year(world)
    ids = list(world.session.scalars(select(Membership.person_id)))
    ruleset = placing.ruleset_of(world.session, world.platform.id)
    placing.place(world.session, cycle.id, ids, ruleset, date(cycle.start_year, 9, 15))
    world.session.commit()


def test_for_whom_a_mentor_is_proposed_still_no_second_one_is_looked_for(world, turned, session: Session):
    mentee = world.mentee()
    pair = world.pair(PairState.PROPOSED, None, mentee)
    turned()
    world.move(pair, Action.AGREE)
    world.move(pair, Action.START)
    session.commit()
    found = session.scalars(select(Mentee).where(Mentee.person_id == mentee.person_id)).all()
    assert [(one.cycle_id, one.state) for one in found] == [(world.cycle.id, MenteeState.PAIRED)]


def test_whoever_had_no_mentor_is_looked_after_in_the_new_year_too(world, come_in, turned, session: Session):
    form = world.form()
    unpaired = world.mentee("Ёлкин Фёдор", state=MenteeState.UNPAIRED, request="Подготовиться к экзамену", wanted=form)
    unpaired.special_needs, unpaired.topics, unpaired.source = True, ["консультации"], Source.OWN
    unpaired.asked_at = now()
    needing = world.mentee(request="Найти себя")
    proposed = world.mentee()
    world.pair(PairState.PROPOSED, None, proposed)
    look = date(world.cycle.start_year + 1, 9, 5)
    session.add(
        Support(
            mentee_id=unpaired.id, day=world.day, who="Психолог", agreed="По средам", next_look=look, created_at=now()
        )
    )
    session.commit()
    turned(is_open=False)
    client = come_in(world.curator)
    assert "2 наставляемых, которым наставник так и не найден" in client.get(TURN.format(world.course.id)).text
    page = send(client, world, "open", follow=True).text
    assert "Перенесены 2 наставляемых без наставника" in page
    assert "2 наставляемых перешли из" in page
    sync_new_year(world)

    there = of_new_year(world, unpaired)
    assert there.state is MenteeState.UNPAIRED
    assert (there.request, there.topics, there.special_needs) == ("Подготовиться к экзамену", ["консультации"], True)
    assert (there.wanted_form_id, there.source, there.kind) == (form.id, Source.OWN, MenteeKind.STUDENT)
    assert there.asked_at is not None
    assert (of_new_year(world, needing).state, of_new_year(world, needing).request) == (MenteeState.NEEDS, "Найти себя")
    card = client.get(f"/courses/{world.course.id}/people/{unpaired.person_id}/").text
    assert "По средам" in card, "the talks of last year stay on the card"
    assert "просрочено с" in card
    assert "пора узнать" in client.get(f"/courses/{world.course.id}/").text
    assert session.scalar(select(func.count()).select_from(DueCourse)), "who needs a mentor counts in the gradebook"


@pytest.mark.parametrize(
    "state", [MenteeState.CANDIDATE, MenteeState.PAIRED, MenteeState.FINISHED, MenteeState.WITHDRAWN]
)
def test_others_are_not_brought_along_but_their_special_needs_are(world, turned, session: Session, state):
    mentee = world.mentee(state=state, request="О своём")
    mentee.special_needs = True
    turned()
    assert people.mentee_of(session, new_year(world).id, mentee.person_id) is None
    sync_new_year(world)
    there = of_new_year(world, mentee)
    assert (there.state, there.special_needs, there.request) == (MenteeState.CANDIDATE, True, "")


def test_a_candidate_who_asked_for_a_mentor_stays_one_who_asked(world, turned, session: Session):
    mentee = world.mentee(state=MenteeState.CANDIDATE, request="Хочу на завод")
    mentee.asked_at = now()
    turned()
    there = of_new_year(world, mentee)
    assert (there.state, there.request) == (MenteeState.CANDIDATE, "Хочу на завод")


def test_whoever_left_or_was_erased_is_not_brought_along_and_nobody_twice(world, turned, session: Session):
    gone, erased, here = (world.mentee(state=MenteeState.NEEDS) for _ in range(3))
    session.scalars(select(Membership).where(Membership.person_id == gone.person_id)).one().active = False
    erased.person.erased_at = now()
    turned()
    cycle = new_year(world)
    cycles.carry_left_without(session, world.cycle, cycle)
    assert list(session.scalars(select(Mentee.person_id).where(Mentee.cycle_id == cycle.id))) == [here.person_id]


def test_the_words_of_whoever_withdrew_their_consent_stay_behind(world, turned, session: Session):
    mentee = world.mentee(request="Личное")
    mentee.topics, mentee.asked_at, mentee.special_needs = ["консультации"], now(), True
    withdraw_consent(session, mentee.person, world.day)
    lost, from_moodle = world.mentee(), world.mentee(state=MenteeState.FINISHED)
    pair = world.pair(PairState.ACTIVE, None, lost)
    for one in (lost, from_moodle):
        one.special_needs = True
        withdraw_consent(session, one.person, world.day)
    turned()
    world.move(pair, Action.END_EARLY)
    sync_new_year(world)
    there = of_new_year(world, mentee)
    assert there.state is MenteeState.NEEDS, "they are counted"
    assert (there.request, there.topics, there.asked_at) == ("", [], None)
    # Of what is not counted their special needs would tell the most.
    assert [of_new_year(world, one).special_needs for one in (mentee, lost, from_moodle)] == [False] * 3


def test_a_request_comes_along_with_a_pair_even_after_a_load(world, come_in, turned, session: Session):
    mentee = world.mentee(request="Дипломный проект")
    pair = world.pair(PairState.ACTIVE, None, mentee)
    turned()
    sync_new_year(world)
    assert of_new_year(world, mentee).request == ""
    decide(come_in(world.curator), world, "continue", pair)
    fresh(session)
    there = of_new_year(world, mentee)
    assert (there.state, there.request) == (MenteeState.PAIRED, "Дипломный проект")


def test_a_mentor_s_own_offer_opens_the_year_like_everything_else(world, come_in, turned, session: Session, app):
    app.config["WTF_CSRF_ENABLED"] = False
    needing, mentor = world.mentee(), world.mentor()
    turned(is_open=False)
    volunteer = world.person("Новиков Олег", Role.TEACHER)
    client, address = come_in(volunteer), f"/courses/{world.course.id}/my-mentor-profile"
    answer = client.post(address, data={"capacity": "2", "offer": "Сварка", "contact_way": ""})
    assert answer.status_code == 303, answer.text
    assert of_new_year(world, needing).state is MenteeState.NEEDS
    assert people.mentor_of(session, new_year(world).id, mentor.person_id) is not None


@pytest.mark.parametrize("by_load", [True, False])
def test_whoever_loses_a_mentor_of_last_year_needs_one_in_this(world, turned, session: Session, by_load):
    mentee = world.mentee(request="Дипломный проект")
    pair = world.pair(PairState.ACTIVE, None, mentee)
    turned()
    if by_load:
        sync_new_year(world)
    world.move(pair, Action.END_EARLY)
    session.commit()
    there = of_new_year(world, mentee)
    assert (there.state, there.request) == (MenteeState.NEEDS, "Дипломный проект")


def test_what_was_decided_in_this_year_stays_whatever_becomes_of_last_year_s_pair(world, turned, session: Session):
    mentee = world.mentee()
    pair = world.pair(PairState.PROPOSED, None, mentee)
    turned()
    sync_new_year(world)
    of_new_year(world, mentee).state = MenteeState.UNPAIRED
    session.commit()
    world.move(pair, Action.CANCEL)
    session.commit()
    assert mentee.state is MenteeState.NEEDS
    assert of_new_year(world, mentee).state is MenteeState.UNPAIRED
