"""Giving, recording and withdrawing a consent, and the texts that are agreed to."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Audience, Consent, Relation, TextSource, Way
from lti_service.people.consents.service import Paper, Standing
from lti_service.people.errors import (
    AgeNotConfirmedError,
    ConsentError,
    MinorCannotConsentError,
    NoPaperError,
    NothingToWithdrawError,
    PapersWrongError,
    ReasonNeededError,
    TextChangedError,
    TextWrongError,
    WithdrawalDateError,
)
from lti_service.people.models import Person
from tests.people.conftest import TODAY, SmallCourse

GROWN, YOUNG = date(2004, 5, 1), date(2010, 5, 1)


def viewer(small: SmallCourse, person: Person, role: Role = Role.STUDENT) -> Viewer:
    """Somebody of the course, as a request would know them."""
    return Viewer(
        person_id=person.id,
        platform_id=small.platform.id,
        course_id=small.course.id,
        name=person.name,
        roles=frozenset({role}),
        course_title="",
        activity_title="",
        time_zone="Europe/Moscow",
    )


def curator(small: SmallCourse) -> Viewer:
    """The course's curator."""
    return viewer(small, small.curator, Role.CURATOR)


def agree(session: Session, small: SmallCourse, person: Person, says_adult: bool = False) -> Consent:
    """The person agrees to what they are shown."""
    shown = consents.begin_texts(session, small.platform.id, TODAY)[Audience.ADULT]
    return consents.give(session, viewer(small, person), TODAY, text_id=shown.id, says_adult=says_adult)


def of_mother(person: Person, signed_on: date | None = date(2026, 9, 10), **changes: object) -> Paper:
    """A paper that a mother has signed."""
    paper = Paper(person.id, Way.REPRESENTATIVE, signed_on, "Алексеева  Мария Ивановна ", Relation.MOTHER)
    return replace(paper, **changes)  # type: ignore[arg-type]


def actions(session: Session) -> list[str]:
    """What the trail says, in order."""
    return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_an_adult_agrees_and_what_was_shown_is_kept(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    person.birth_date = GROWN

    given_one = agree(session, small, person)

    found = consents.of_person(session, person.id, TODAY)
    assert (found.standing, found.is_minor) == (Standing.OWN, False)
    assert (given_one.way, given_one.given_on, given_one.says_adult) == (Way.TOOL, TODAY, False)
    assert small.cycle.programme.organisation in given_one.text.text
    assert "152-ФЗ" in given_one.text.text
    assert (given_one.text.version, given_one.text.source) == (1, TextSource.BUILT_IN)
    assert actions(session) == ["consent.given"]


def test_whose_age_nobody_knows_says_it(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    with pytest.raises(AgeNotConfirmedError):
        agree(session, small, person)
    assert agree(session, small, person, says_adult=True).says_adult
    assert consents.is_valid(session, person.id, TODAY)
    # The college learns the birth date later: the word of a minor was none.
    person.birth_date = YOUNG
    session.flush()
    assert consents.of_person(session, person.id, TODAY).standing is Standing.LAPSED


def test_a_minor_cannot_agree(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    person.birth_date = YOUNG
    with pytest.raises(MinorCannotConsentError):
        agree(session, small, person, says_adult=True)
    assert actions(session) == []


def test_agreeing_twice_is_agreeing_once(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    assert agree(session, small, person, True) is agree(session, small, person, True)
    assert actions(session) == ["consent.given"]


def test_agreeing_to_a_text_that_is_no_longer_current_is_refused(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    shown = consents.begin_texts(session, small.platform.id, TODAY)[Audience.ADULT]
    new_text(session, small)
    with pytest.raises(TextChangedError):
        consents.give(session, viewer(small, person), TODAY, text_id=shown.id, says_adult=True)


def test_a_representatives_paper_counts_until_the_eighteenth_birthday(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    person.birth_date = date(2009, 1, 15)
    [kept] = consents.record(session, curator(small), TODAY, [of_mother(person)])
    assert (kept.representative, kept.relation) == ("Алексеева Мария Ивановна", Relation.MOTHER)
    assert kept.recorded_by == small.curator.id
    assert consents.of_person(session, person.id, TODAY).standing is Standing.REPRESENTATIVE
    assert consents.of_person(session, person.id, date(2027, 1, 14)).standing is Standing.REPRESENTATIVE
    assert consents.of_person(session, person.id, date(2027, 1, 15)).standing is Standing.LAPSED


def test_a_paper_sent_twice_is_one_paper(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    for _ in range(2):
        consents.record(session, curator(small), TODAY, [of_mother(person)])
    assert session.scalar(select(func.count(Consent.id))) == 1
    assert actions(session) == ["consent.recorded"]


@pytest.mark.parametrize(
    ("born", "changes", "fields"),
    [
        (YOUNG, {"signed_on": None}, {"signed_on"}),
        (YOUNG, {"signed_on": date(2026, 11, 24)}, {"signed_on"}),
        (YOUNG, {"signed_on": date(2009, 1, 1)}, {"signed_on"}),
        (None, {"signed_on": date(2006, 7, 26)}, {"signed_on"}),
        (YOUNG, {"representative": "  ", "relation": None}, {"representative", "relation"}),
        (YOUNG, {"representative": "Ы" * 201}, {"representative"}),
        (GROWN, {}, {"way"}),
        (YOUNG, {"way": Way.PAPER}, {"way"}),
        (YOUNG, {"text_id": 10**6}, {"text"}),
    ],
)
def test_a_wrong_paper_is_named_and_nothing_is_recorded(
    session: Session, small: SmallCourse, born: date | None, changes: dict[str, object], fields: set[str]
) -> None:
    good, bad = small.mentees[0].person, small.mentees[1].person
    bad.birth_date = born
    session.flush()
    with pytest.raises(PapersWrongError) as caught:
        consents.record(session, curator(small), TODAY, [of_mother(good), of_mother(bad, **changes)])
    assert caught.value.problems.keys() == {bad.id}
    assert caught.value.problems[bad.id].keys() == fields
    assert session.scalar(select(func.count(Consent.id))) == 0


def test_an_adults_own_paper_is_recorded(session: Session, small: SmallCourse) -> None:
    person = small.mentor.person
    person.birth_date = date(1970, 1, 1)
    consents.record(session, curator(small), TODAY, [Paper(person.id, Way.PAPER, date(2026, 9, 1))])
    assert consents.of_person(session, person.id, TODAY).standing is Standing.OWN


def test_papers_of_nobody_and_of_strangers_are_refused(session: Session, small: SmallCourse) -> None:
    other = SmallCourse(session, "other")
    with pytest.raises(NoPaperError):
        consents.record(session, curator(small), TODAY, [])
    stranger = other.mentees[0].person
    with pytest.raises(NotFoundError):
        consents.record(session, curator(small), TODAY, [of_mother(small.mentees[0].person), of_mother(stranger)])
    with pytest.raises(NotFoundError):
        consents.withdraw_on_paper(session, curator(small), stranger.id, TODAY, withdrawn_on=TODAY, reason="Заявление")


def test_a_paper_of_another_colleges_text_is_refused(session: Session, small: SmallCourse) -> None:
    other = SmallCourse(session, "other")
    theirs = consents.begin_texts(session, other.platform.id, TODAY)[Audience.REPRESENTATIVE]
    person = small.mentees[0].person
    with pytest.raises(PapersWrongError):
        consents.record(session, curator(small), TODAY, [of_mother(person, text_id=theirs.id)])


def test_whoever_agreed_takes_it_back(session: Session, small: SmallCourse) -> None:
    person = small.mentees[0].person
    agree(session, small, person, True)
    consents.withdraw(session, viewer(small, person), TODAY)
    found = consents.of_person(session, person.id, TODAY)
    assert (found.standing, found.can_withdraw) == (Standing.WITHDRAWN, False)
    assert found.given[0].consent.withdrawer == person
    with pytest.raises(NothingToWithdrawError):
        consents.withdraw(session, viewer(small, person), TODAY)
    # And may agree again.
    agree(session, small, person, True)
    assert consents.is_valid(session, person.id, TODAY)
    assert actions(session) == ["consent.given", "consent.withdrawn", "consent.given"]


def test_a_curator_withdraws_on_a_paper(session: Session, small: SmallCourse) -> None:
    person, at = small.mentees[0].person, curator(small)
    consents.record(session, at, TODAY, [of_mother(person)])
    for day, reason, error in [
        (None, "Заявление", WithdrawalDateError),
        (date(2026, 11, 24), "Заявление", WithdrawalDateError),
        (date(2026, 9, 9), "Заявление", WithdrawalDateError),
        (TODAY, " ", ReasonNeededError),
        (TODAY, "Ы" * 1001, ReasonNeededError),
    ]:
        with pytest.raises(error):
            consents.withdraw_on_paper(session, at, person.id, TODAY, withdrawn_on=day, reason=reason)
    consents.withdraw_on_paper(session, at, person.id, TODAY, withdrawn_on=TODAY, reason="Заявление матери")
    kept = consents.of_person(session, person.id, TODAY).given[0].consent
    assert (kept.withdrawn_by, kept.withdrawn_on, kept.withdrawn_reason) == (
        small.curator.id, TODAY, "Заявление матери",
    )  # fmt: skip
    assert not consents.is_valid(session, person.id, TODAY)


def test_no_paper_undoes_a_later_withdrawal(session: Session, small: SmallCourse) -> None:
    person, other = small.mentees[0].person, small.mentees[1].person
    own = Paper(person.id, Way.PAPER, date(2026, 9, 10))
    consents.record(session, curator(small), TODAY, [own])
    consents.withdraw(session, viewer(small, person), TODAY)
    # The page sent again, and papers of everybody without a consent recorded with the day of the autumn's meeting.
    for signed_on in (date(2026, 9, 10), date(2026, 10, 1)):
        papers = [Paper(one.id, Way.PAPER, signed_on) for one in (other, person)]
        with pytest.raises(PapersWrongError) as caught:
            consents.record(session, curator(small), TODAY, papers)
        assert {key: set(said) for key, said in caught.value.problems.items()} == {person.id: {"signed_on"}}
        assert consents.of_person(session, person.id, TODAY).standing is Standing.WITHDRAWN
    tomorrow = date(2026, 11, 24)
    consents.record(session, curator(small), tomorrow, [Paper(person.id, Way.PAPER, tomorrow)])
    assert consents.of_person(session, person.id, tomorrow).standing is Standing.OWN


def new_text(session: Session, small: SmallCourse, asks_again: bool = False, text: str = "Новый текст"):
    """The college's own wording for adults."""
    return consents.save_text(
        session, curator(small), TODAY, Audience.ADULT, title="Согласие", text=text, asks_again=asks_again
    )


def test_a_new_text_asks_again_only_when_it_is_marked_so(session: Session, small: SmallCourse) -> None:
    person, minor = small.mentees[0].person, small.mentees[1].person
    agree(session, small, person, True)
    consents.record(session, curator(small), TODAY, [of_mother(minor)])

    second = new_text(session, small)
    assert (second.version, second.source, second.created_by) == (2, TextSource.COLLEGE, small.curator.id)
    assert consents.is_valid(session, person.id, TODAY)

    third = new_text(session, small, asks_again=True, text="Ещё новее")
    assert third.version == 3
    assert consents.of_person(session, person.id, TODAY).standing is Standing.LAPSED
    assert consents.is_valid(session, minor.id, TODAY), "another text"
    agree(session, small, person, True)
    found = consents.of_person(session, person.id, TODAY)
    assert [one.consent.text.version for one in found.given] == [3, 1]
    assert [one.counts for one in found.given] == [True, False]


def test_an_unchanged_text_makes_a_version_only_when_somebody_is_asked_again_by_it(
    session: Session, small: SmallCourse
) -> None:
    first = new_text(session, small)
    assert new_text(session, small).id == first.id
    assert new_text(session, small, asks_again=True).id == first.id, "nobody has agreed to it"
    consents.record(session, curator(small), TODAY, [Paper(small.mentees[0].person_id, Way.PAPER, TODAY)])
    second = new_text(session, small, asks_again=True)
    assert second.version == first.version + 1
    assert new_text(session, small, asks_again=True).id == second.id, "the form sent twice"


@pytest.mark.parametrize(
    ("title", "text"), [("", "Текст"), ("Согласие", " \n "), ("Ы" * 301, "Т"), ("С", "Ы" * 20_001)]
)
def test_a_text_without_words_is_refused(session: Session, small: SmallCourse, title: str, text: str) -> None:
    with pytest.raises(TextWrongError):
        consents.save_text(
            session, curator(small), TODAY, Audience.ADULT, title=title, text=text, asks_again=False
        )  # fmt: skip


def test_whatever_is_done_in_whatever_order_the_consents_make_sense(session: Session, small: SmallCourse) -> None:
    """Give, record, withdraw and new texts at random: nothing raises but our own errors, and no row is ever lost."""
    people = [mentee.person for mentee in small.mentees]
    session.commit()
    steps = st.tuples(st.sampled_from(["give", "record", "withdraw", "text", "grow"]), st.integers(0, 3))

    @given(st.lists(steps, max_size=12))
    @settings(max_examples=60, deadline=None)
    def check(walk: list[tuple[str, int]]) -> None:
        rows, withdrawn = 0, 0
        for what, who in walk:
            person = people[who]
            try:
                match what:
                    case "give":
                        agree(session, small, person, says_adult=True)
                        assert consents.of_person(session, person.id, TODAY).standing is Standing.OWN
                    case "record":
                        consents.record(session, curator(small), TODAY, [of_mother(person)])
                        assert consents.is_valid(session, person.id, TODAY)
                    case "withdraw":
                        consents.withdraw(session, viewer(small, person), TODAY)
                        assert consents.of_person(session, person.id, TODAY).standing is Standing.WITHDRAWN
                    case "text":
                        new_text(session, small, asks_again=bool(who % 2), text=f"Текст {who}")
                    case "grow":
                        person.birth_date = (None, YOUNG, GROWN, date(2008, 11, 23))[who]
                        session.flush()
            except ConsentError:
                pass
            counted = session.scalar(select(func.count(Consent.id))) or 0
            taken_back = session.scalar(select(func.count(Consent.withdrawn_at))) or 0
            assert counted >= rows
            assert taken_back >= withdrawn
            rows, withdrawn = counted, taken_back
            assert consents.consenting(session, [one.id for one in people], TODAY) == {
                one.id for one in people if consents.of_person(session, one.id, TODAY).is_granted
            }
        session.rollback()

    check()


def test_lists_and_the_rule_agree_on_how_everybody_stands(session: Session, small: SmallCourse) -> None:
    """The filters of lists ask in another way than `standing_on`; whatever has happened, they must say the same."""
    people = [mentee.person for mentee in small.mentees]
    texts = consents.begin_texts(session, small.platform.id, TODAY)
    session.commit()
    ways = st.tuples(st.integers(0, 3), st.sampled_from(list(Way)), st.booleans(), st.sampled_from([GROWN, YOUNG]))
    births = st.lists(st.sampled_from([None, YOUNG, GROWN, date(2008, 11, 23)]), min_size=4, max_size=4)

    @given(st.lists(ways, max_size=8), births, st.booleans())
    @settings(max_examples=60, deadline=None)
    def check(given_ones: list[tuple[int, Way, bool, date]], born: list[date | None], counts: bool) -> None:
        texts[Audience.ADULT].counts = counts
        for person, birthday in zip(people, born, strict=True):
            person.birth_date = birthday
        for who, way, withdrawn, grown_by in given_ones:
            audience = Audience.REPRESENTATIVE if way is Way.REPRESENTATIVE else Audience.ADULT
            session.add(
                Consent(
                    person_id=people[who].id,
                    text=texts[audience],
                    way=way,
                    given_on=TODAY,
                    grown_if_born_by=grown_by,
                    recorded_at=now(),
                    recorded_by=small.curator.id,
                    withdrawn_at=now() if withdrawn else None,
                )
            )
        session.flush()
        ids = [person.id for person in people]
        rows = session.execute(select(Person.id, consents.standing_on(TODAY)).where(Person.id.in_(ids)))
        known = {person_id: Standing(value) for person_id, value in rows}
        for stands, standing in consents.EXACT.items():
            found = session.scalars(select(Person.id).where(Person.id.in_(ids), consents.stands_so(stands, TODAY)))
            assert set(found) == {person_id for person_id in ids if known[person_id] is standing}, stands
        missing = session.scalars(
            select(Person.id).where(Person.id.in_(ids), consents.stands_so(consents.Stands.MISSING, TODAY))
        )
        assert set(missing) == {person_id for person_id in ids if known[person_id] < consents.GRANTED}
        best = consents.best_of_each(small.platform.id, TODAY)
        told = dict(session.execute(select(best.c.person_id, best.c.standing)).all())
        assert {person_id: Standing(told.get(person_id, 0)) for person_id in ids} == known
        stood = consents.stands(session, ids, TODAY)
        assert {person_id: stand.standing for person_id, stand in stood.items()} == known
        assert consents.consenting(session, ids, TODAY) == {one for one in ids if known[one] >= consents.GRANTED}
        session.rollback()

    check()
