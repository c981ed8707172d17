"""What a missing or withdrawn consent changes for pairs: who can be proposed, what others see, what goes on."""

from datetime import date

import pytest

from lti_service.access import Role
from lti_service.pairs import board as boards
from lti_service.pairs import errors, service
from lti_service.pairs.models import PairState
from lti_service.pairs.rules import Action
from lti_service.people import service as people
from lti_service.people.models import ContactWay
from lti_service.programme.models import MenteeKind
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.pairs.test_views import text_of, token_of

S = PairState
SECRETS = ("ГР-77", "Сварка-77", "mentee77@college.example", "Хочу научиться варить")


@pytest.fixture
def base(world):
    return f"/courses/{world.course.id}/"


def telling(world, **more):
    """A mentee about whom there is something to hide."""
    return world.mentee(
        "Алексеев Пётр",
        groups="ГР-77",
        department="Сварка-77",
        email="mentee77@college.example",
        request="Хочу научиться варить",
        **more,
    )


def a_mentor_with_contacts(world, **more):
    mentor = world.mentor("Титов Олег", email="mentor77@college.example", department="Кафедра-77", **more)
    mentor.contact_way, mentor.contact = ContactWay.PHONE, "8 900 123-45-67"
    world.session.commit()
    return mentor


# --- proposing ----------------------------------------------------------------------------------------------------


def test_nobody_without_a_consent_is_proposed_and_the_curator_reads_why(world, base, come_in):
    lacking, mentor = telling(world, consents=False), world.mentor("Титов Олег")
    curator, form = come_in(world.curator), world.form()
    page = curator.get(f"{base}pairs/new?form={form.id}&mentees={lacking.id}")
    assert f'id="mentee-{lacking.id}"' not in page.text
    said = text_of(page)
    assert "Предложить нельзя, нет согласия на обработку персональных данных: Алексеев Пётр" in said
    assert "1 подходящего наставляемого предложить нельзя: нет согласия." in said
    sent = {"form": form.id, "mentor": mentor.id, "mentees": lacking.id, "csrf_token": token_of(page)}
    refused = curator.post(f"{base}pairs/new", data=sent)
    assert refused.status_code == 422
    assert "Нет согласия на обработку персональных данных: Алексеев Пётр" in text_of(refused)
    give_consent(world.session, lacking.person, world.day)
    world.session.commit()
    assert f'id="mentee-{lacking.id}"' in curator.get(f"{base}pairs/new?form={form.id}").text
    assert curator.post(f"{base}pairs/new", data=sent).status_code == 303


def test_a_mentor_without_a_consent_is_not_offered(world, base, come_in):
    mentee, mentor = world.mentee(), world.mentor("Титов Олег", consents=False)
    form = world.form()
    page = come_in(world.curator).get(f"{base}pairs/new?form={form.id}&mentor={mentor.id}")
    assert f'id="mentor-{mentor.id}"' not in page.text
    assert "Не предлагается 1 подходящий наставник: нет согласия." in text_of(page)
    with pytest.raises(errors.MentorWithoutConsentError):
        world.propose(mentor, mentee)


def test_all_of_a_group_must_consent(world):
    with pytest.raises(errors.MenteeWithoutConsentError) as caught:
        world.propose(world.mentor(), world.mentee(), telling(world, consents=False))
    assert caught.value.facts["names"] == "Алексеев Пётр"


def test_whoever_has_no_consent_is_counted_all_the_same(world, base, come_in):
    telling(world, consents=False)
    world.pair(S.ACTIVE)
    day = world.day
    assert len(people.needing(world.session, world.cycle.id, MenteeKind.STUDENT, world.course.id)) == 2
    numbers = boards.numbers(world.session, world.platform.id, world.course.id, day)
    assert (numbers.needing, numbers.formed, numbers.unpaired) == (2, 1, 1)
    board = text_of(come_in(world.curator).get(f"{base}pairs/"))
    assert "Алексеев Пётр" in board
    assert "нет согласия" in board
    forms = text_of(come_in(world.curator).get(f"{base}pairs/new"))
    assert "(без согласия: 1)" in forms


def test_a_minor_who_comes_of_age_must_consent_themselves(world):
    born = world.day.replace(year=world.day.year - 18, day=1)
    mentee = telling(world, birth_date=born, consents=False)
    give_consent(world.session, mentee.person, date(born.year + 17, born.month, 1))
    with pytest.raises(errors.MenteeWithoutConsentError):
        world.propose(world.mentor(), mentee)


# --- what goes on -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["mentor", "mentee"])
def test_after_a_withdrawal_a_proposal_goes_no_further_but_can_be_closed(world, side):
    for state, action, closing in ((S.PROPOSED, Action.AGREE, Action.DECLINE), (S.AGREED, Action.START, Action.CANCEL)):
        pair = world.pair(state)
        person = pair.mentor.person if side == "mentor" else pair.places[0].mentee.person
        withdraw_consent(world.session, person, world.day)
        world.session.commit()
        with pytest.raises(errors.ConsentMissingError):
            world.move(pair, action)
        world.session.rollback()
        world.move(pair, closing)
        world.session.commit()


def test_an_active_pair_goes_on_counts_and_can_be_finished(world):
    pair = world.pair(S.ACTIVE)
    mentee = pair.places[0].mentee
    withdraw_consent(world.session, mentee.person, world.day)
    world.session.commit()
    assert service.formed(world.session, world.cycle.id, world.course.id) == {mentee.person_id}
    world.move(pair, Action.FINISH)
    assert pair.state is S.FINISHED


def test_the_curator_is_told_what_to_decide(world, base, come_in):
    telling_pair = world.pair(S.ACTIVE, world.mentor(), telling(world))
    world.pair(S.ACTIVE)
    curator = come_in(world.curator)
    address = f"{base}pairs/?column=no-consent"
    assert "У всех в незавершённых парах есть согласие" in text_of(curator.get(address))
    withdraw_consent(world.session, telling_pair.places[0].mentee.person, world.day)
    world.session.commit()
    for page in (base, f"{base}pairs/"):
        assert "1 незавершённая пара, где у кого-то нет согласия" in text_of(curator.get(page))
        assert "column=no-consent" in curator.get(page).text
    listed = text_of(curator.get(address))
    assert "нет согласия: Алексеев Пётр" in listed
    assert listed.count("наставник:") == 1
    pair = text_of(curator.get(f"{base}pairs/{telling_pair.id}/"))
    assert "Пара продолжается и учитывается, но другие видят только имя" in pair
    assert all(secret in pair for secret in SECRETS)


# --- what others see ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [S.PROPOSED, S.AGREED, S.ACTIVE, S.FINISHED])
def test_a_withdrawal_hides_the_mentee_from_everybody_but_the_curator_at_once(world, base, come_in, state):
    pair = world.pair(state, world.mentor("Титов Олег"), telling(world))
    mentee = pair.places[0].mentee
    teacher = come_in(world.person("Учителева Анна", Role.TEACHER))
    mentor = come_in(pair.mentor.person)
    pages = (
        base,
        f"{base}pairs/{pair.id}/",
        f"{base}pairs/of/{mentee.person_id}/",
        f"{base}pairs/of/{pair.mentor.person_id}/",
    )
    shown = text_of(mentor.get(pages[1]))
    assert all(secret in shown for secret in SECRETS if state is not S.PROPOSED or "@" not in secret)
    withdraw_consent(world.session, mentee.person, world.day)
    world.session.commit()
    for browser in (mentor, teacher):
        for page in pages:
            text = browser.get(page).text
            assert not [secret for secret in SECRETS if secret in text], page
        # The board's filters name every group and speciality of the course, whoever is in them.
        board = browser.get(f"{base}pairs/").text
        assert not [secret for secret in SECRETS[2:] if secret in board]
    assert "Алексеев Пётр" in text_of(mentor.get(pages[1]))
    assert "Видно только имя" in text_of(mentor.get(pages[1]))
    if state is S.PROPOSED:
        home = mentor.get(base).text
        assert f"/pairs/{pair.id}/agree" not in home
        assert "Согласиться можно, когда у всех здесь есть согласие" in text_of(mentor.get(base))
    own = text_of(come_in(mentee.person).get(f"{base}pairs/of/{mentee.person_id}/"))
    assert "ГР-77" in own, "it is their own page"


def test_a_withdrawal_hides_how_to_reach_the_mentor(world, base, come_in):
    pair = world.pair(S.ACTIVE, a_mentor_with_contacts(world), world.mentee())
    mentee = come_in(pair.places[0].mentee.person)
    secrets = ("mentor77@college.example", "8 900 123-45-67", "Кафедра-77")
    pages = (base, f"{base}pairs/{pair.id}/")
    for page in pages:
        assert all(secret in mentee.get(page).text for secret in secrets)
    withdraw_consent(world.session, pair.mentor.person, world.day)
    world.session.commit()
    for page in pages:
        shown = mentee.get(page)
        assert "Титов Олег" in shown.text
        assert not [secret for secret in secrets if secret in shown.text]
        assert "Видно только имя" in text_of(shown)
    mine = come_in(pair.mentor.person).get(f"{base}pairs/{pair.id}/").text
    assert all(secret in mine for secret in secrets), "what is kept of them is theirs to see"
    assert pair.places[0].mentee.person.email not in mine, "of the mentee they see the name alone"


def test_of_a_group_only_whoever_withdrew_is_hidden(world, base, come_in):
    gone, other = telling(world), world.mentee("Борисова Анна", groups="ГР-88")
    pair = world.pair(S.ACTIVE, world.mentor(), gone, other)
    withdraw_consent(world.session, gone.person, world.day)
    world.session.commit()
    page = come_in(pair.mentor.person).get(f"{base}pairs/{pair.id}/").text
    assert "ГР-88" in page
    assert not [secret for secret in SECRETS if secret in page]


def test_who_is_looked_for_reads_that_the_consent_comes_first(world, base, come_in):
    mentee = telling(world, consents=False)
    home = text_of(come_in(mentee.person).get(base))
    assert "дано согласие на обработку ваших персональных данных;" in home
    give_consent(world.session, mentee.person, world.day)
    world.session.commit()
    assert "дано согласие" not in text_of(come_in(mentee.person).get(base))


def test_the_board_of_those_without_consent_costs_the_same_for_many(world, base, come_in, session):
    curator = come_in(world.curator)

    def cost(count):
        for _ in range(count):
            pair = world.pair(S.ACTIVE)
            withdraw_consent(world.session, pair.places[0].mentee.person, world.day)
        world.session.commit()
        with statements(session) as sent:
            assert curator.get(f"{base}pairs/?column=no-consent").status_code == 200
        return len(sent)

    assert cost(2) == cost(20)
