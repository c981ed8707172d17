"""Whose consent counts: the rule in the database against the law's own words, for every age, version and withdrawal."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.consents import rules
from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Audience, Consent, ConsentText, TextSource, Way
from lti_service.people.consents.service import Standing
from lti_service.people.models import Person
from lti_service.people.rules import age_on
from tests.people.conftest import SmallCourse

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(st.dates(date(1940, 1, 1), date(2030, 12, 31)), DAYS)
@example(date(2008, 2, 29), date(2026, 2, 28))
@example(date(2008, 2, 29), date(2026, 3, 1))
@example(date(2006, 2, 28), date(2024, 2, 29))
@example(date(2006, 3, 1), date(2024, 2, 29))
def test_of_age_is_whoever_was_born_by_that_day(born: date, day: date) -> None:
    assert (born <= rules.grown_if_born_by(day)) == rules.is_adult(born, day) == (age_on(born, day) >= 18)


@dataclass(frozen=True)
class Paper:
    """A consent of the example: how it was given, how long before the day, and what came of it."""

    way: Way
    days_ago: int
    withdrawn: bool
    of_replaced_text: bool


PAPERS = st.builds(Paper, st.sampled_from(Way), st.integers(0, 3000), st.booleans(), st.booleans())


def counts(paper: Paper, born: date | None, day: date) -> bool:
    """The rule as a lawyer would say it."""
    if paper.withdrawn or paper.of_replaced_text:
        return False
    given_on = day - timedelta(days=paper.days_ago)
    if paper.way is Way.REPRESENTATIVE:
        return born is None or age_on(born, day) < 18
    return born is None or age_on(born, given_on) >= 18


def test_a_consent_counts_while_who_gave_it_may_and_nobody_has_taken_it_back(
    session: Session, small: SmallCourse
) -> None:
    old, new = (
        {
            audience: ConsentText(
                platform_id=small.platform.id,
                audience=audience,
                version=version,
                title="Согласие",
                text="Текст",
                source=TextSource.COLLEGE,
                counts=version == 2,
                created_at=now(),
            )
            for audience in Audience
        }
        for version in (1, 2)
    )
    session.add_all([*old.values(), *new.values()])
    session.commit()
    person = small.mentees[0].person
    stranger = small.mentees[1].person

    @given(DAYS, st.one_of(st.none(), st.integers(10 * 365, 30 * 365)), st.lists(PAPERS, max_size=4))
    @settings(max_examples=150, deadline=None)
    # The eighteenth birthday itself, and the day before.
    @example(date(2026, 3, 1), 6575, [Paper(Way.REPRESENTATIVE, 30, False, False), Paper(Way.TOOL, 1, False, False)])
    def check(day: date, age_in_days: int | None, papers: list[Paper]) -> None:
        born = None if age_in_days is None else day - timedelta(days=age_in_days)
        person.birth_date = born
        for paper in papers:
            given_on = day - timedelta(days=paper.days_ago)
            audience = Audience.REPRESENTATIVE if paper.way is Way.REPRESENTATIVE else Audience.ADULT
            session.add(
                Consent(
                    person_id=person.id,
                    text=(old if paper.of_replaced_text else new)[audience],
                    way=paper.way,
                    given_on=given_on,
                    grown_if_born_by=rules.grown_if_born_by(given_on),
                    recorded_at=now(),
                    recorded_by=person.id,
                    withdrawn_at=now() if paper.withdrawn else None,
                )
            )
        session.flush()
        counting = [paper for paper in papers if counts(paper, born, day)]
        assert consents.is_valid(session, person.id, day) == bool(counting)
        assert not consents.is_valid(session, stranger.id, day)
        found = consents.of_person(session, person.id, day)
        assert [one.counts for one in found.given] == [counts(paper, born, day) for paper in reversed(papers)]
        assert found.is_granted == bool(counting)
        if any(paper.way is not Way.REPRESENTATIVE for paper in counting):
            assert found.standing is Standing.OWN
        elif counting:
            assert found.standing is Standing.REPRESENTATIVE
        elif any(not paper.withdrawn for paper in papers):
            assert found.standing is Standing.LAPSED
        else:
            assert found.standing is (Standing.WITHDRAWN if papers else Standing.NONE)
        without = select(Person.id).where(Person.id.in_([person.id, stranger.id]), ~consents.valid_for(day))
        assert set(session.scalars(without)) == {stranger.id} | (set() if counting else {person.id})
        session.rollback()

    check()


@pytest.mark.parametrize(("born", "granted"), [(date(2008, 11, 24), False), (date(2008, 11, 23), True)])
def test_the_eighteenth_birthday_is_the_first_day_of_ones_own_word(born: date, granted: bool) -> None:
    assert rules.is_adult(born, date(2026, 11, 23)) is granted


# --- scans --------------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n...", "pdf"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg"),
        (PNG + b"\0\0", "png"),
        (b"", ""),
        (b"<html>%PDF-1.4", ""),
        (b"PK\x03\x04 a document of Word", ""),
        (b"GIF89a", ""),
        (b"\x89PNG\r\n\x1a\nsomething else", ""),
    ],
)
def test_a_scan_is_what_its_first_bytes_say(content: bytes, kind: str) -> None:
    assert rules.scan_kind(content) == kind


@given(st.binary(max_size=40))
def test_whatever_is_sent_is_one_of_three_kinds_or_none(content: bytes) -> None:
    kind = rules.scan_kind(content)
    assert kind in ("pdf", "jpeg", "png", "")
    if kind:
        assert content.startswith({"pdf": b"%PDF-", "jpeg": b"\xff\xd8\xff", "png": PNG[:8]}[kind])
    # What follows never changes what something is.
    assert not kind or rules.scan_kind(content + b"<script>") == kind
