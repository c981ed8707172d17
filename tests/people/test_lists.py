"""The lists of the bases: what a curator finds, in which order, on which page, and at what price."""

from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people import lists
from lti_service.people.employers.models import Employer
from lti_service.people.lists import UNCHOSEN, Look
from lti_service.people.models import MenteeState, MentorState, Source
from tests.counting import statements
from tests.people.conftest import SmallCourse


def names(small: SmallCourse, **look: object) -> list[str]:
    listing = lists.list_mentees(small.session, small.cycle.id, small.course.id, Look(**look))
    return [line.record.person.family_name for line in listing.lines]


def test_it_sorts_by_name_with_yo_beside_ye(small: SmallCourse):
    assert names(small) == ["Алексеев", "Борисова", "Ёлкин", "Жуков", "Яшина"]
    assert names(small, descending=True) == ["Яшина", "Жуков", "Ёлкин", "Борисова", "Алексеев"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("елкин", ["Ёлкин"]),
        ("ЁЛКИН фёдор", ["Ёлкин"]),
        ("федор елк", ["Ёлкин"]),
        ("а", ["Алексеев", "Борисова", "Яшина"]),
        ("%", []),
        ("_", []),
        ("нет таких", []),
        ("   ", ["Алексеев", "Борисова", "Ёлкин", "Жуков", "Яшина"]),
    ],
)
def test_it_searches_names_whatever_case_order_and_yo(small: SmallCourse, search: str, expected: list[str]):
    assert names(small, search=search) == expected


def test_pages_put_together_are_the_whole_list_in_its_order(session: Session, small: SmallCourse):
    """Whichever way the lines are found: read off by name or sorted, from the beginning or from the end."""
    families = ["Орлов", "Егорова", "Зотов", "Ильин", "Носова"]
    for number in range(148):
        # Namesakes on both sides of where pages end.
        mentee = small.mentee(f"{families[number % 5]} Ян", groups=f"ИС-{number % 3}")
        mentee.state = list(MenteeState)[number % 4]
    session.flush()

    for sort, search, descending in product(("name", "group", "state"), ("", "о"), (False, True)):
        look = Look(sort=sort, search=search, descending=descending)
        whole = lists.all_mentees(session, small.cycle.id, small.course.id, look)
        first = lists.list_mentees(session, small.cycle.id, small.course.id, look)
        found = list(first.lines)
        for page in range(2, first.pages + 1):
            found += lists.list_mentees(session, small.cycle.id, small.course.id, replace(look, page=page)).lines
        assert first.pages > 1
        assert [line.record.id for line in found] == [line.record.id for line in whole], look


def test_it_filters_by_state_kind_and_group(session: Session, small: SmallCourse):
    small.mentees[1].state = MenteeState.NEEDS
    small.mentee("Зотов Ян", groups="ИС-211, ТМ-31")
    session.flush()

    assert names(small, state="needs") == ["Борисова"]
    assert names(small, kind="young_teacher") == ["Яшина"]
    assert names(small, group="ИС-21") == ["Алексеев", "Борисова", "Ёлкин", "Жуков"]
    assert names(small, group="ТМ-31") == ["Зотов"]
    assert names(small, group="ТМ-31", state="needs") == []


def test_it_filters_by_wanted_form_source_special_needs_and_corrections(session: Session, small: SmallCourse):
    first, second, third, fourth = small.mentees
    first.wanted_form, second.source, third.special_needs = small.form("teacher-student"), Source.OWN, True
    fourth.person.corrected = {"given_name": "Лев Иванович"}
    session.flush()

    assert names(small, wanted=str(first.wanted_form.id)) == ["Алексеев"]
    assert names(small, wanted=UNCHOSEN, kind="student") == ["Борисова", "Ёлкин", "Жуков"]
    assert names(small, source="own") == ["Борисова"]
    assert names(small, special=True) == ["Ёлкин"]
    assert names(small, differs=True) == ["Жуков"]
    assert names(small, differs=True, special=True) == []


def test_mentors_are_filtered_by_who_gave_them_and_by_corrections(session: Session, small: SmallCourse):
    works, other = (
        Employer(platform_id=small.platform.id, name=name, created_at=now()) for name in ("Завод", "Ателье")
    )
    session.add_all([works, other])
    worker = small.a_mentor("Горняков Пётр")
    worker.employer = works
    small.mentor.person.corrected = {"family_name": "Титова"}
    session.flush()

    def found(**look: object) -> list[str]:
        listing = lists.list_mentors(session, small.cycle.id, small.course.id, Look(**look))
        return [line.record.person.family_name for line in listing.lines]

    assert found(employer=str(works.id)) == ["Горняков"]
    assert found(employer=str(other.id)) == []
    assert found(differs=True) == ["Титов"]
    offered = lists.employers_of(session, small.cycle.id, small.course.id)
    assert [employer.name for employer in offered] == ["Завод"], "of those who gave nobody there is nothing to see"


def test_counts_by_state_follow_the_other_filters(session: Session, small: SmallCourse):
    small.mentees[1].state = MenteeState.NEEDS
    session.flush()

    listing = lists.list_mentees(session, small.cycle.id, small.course.id, Look(state="needs", kind="student"))

    assert listing.counts == {"candidate": 3, "needs": 1}
    assert (listing.total, listing.everyone, listing.gone) == (1, 4, 0)
    assert listing.groups == ["ИС-21"]


def test_those_who_left_are_apart(session: Session, small: SmallCourse):
    small.mentee("Ушедший Илья", active=False)

    assert "Ушедший" not in names(small)
    assert names(small, gone=True) == ["Ушедший"]
    listing = lists.list_mentees(session, small.cycle.id, small.course.id, Look())
    assert (listing.total, listing.gone) == (5, 1)


def test_states_sort_in_the_order_of_the_work_not_of_the_alphabet(session: Session, small: SmallCourse):
    for mentee, state in zip(
        small.mentees,
        (MenteeState.WITHDRAWN, MenteeState.PAIRED, MenteeState.NEEDS, MenteeState.CANDIDATE),
        strict=True,
    ):
        mentee.state = state
    session.flush()

    assert names(small, sort="state") == ["Жуков", "Яшина", "Ёлкин", "Борисова", "Алексеев"]
    assert names(small, sort="state", descending=True)[0] == "Алексеев"
    assert names(small, sort="no such column") == names(small)


def test_mentors_sort_by_capacity(session: Session, small: SmallCourse):
    small.a_mentor("Ушаков Пётр", state=MentorState.READY).capacity = 1
    session.flush()

    listing = lists.list_mentors(session, small.cycle.id, small.course.id, Look(sort="capacity"))

    assert [line.record.person.family_name for line in listing.lines] == ["Ушаков", "Титов"]
    assert listing.counts == {"candidate": 1, "ready": 1}


def test_pages_have_fifty_lines_and_a_page_too_far_is_the_last(session: Session, small: SmallCourse):
    for number in range(60):
        small.mentee(f"Номеров{number:02} Ян")

    second = lists.list_mentees(session, small.cycle.id, small.course.id, Look(page=2))
    assert (second.total, second.pages, second.first, second.last) == (65, 2, 51, 65)
    beyond = lists.list_mentees(session, small.cycle.id, small.course.id, Look(page=99))
    assert [line.record.id for line in beyond.lines] == [line.record.id for line in second.lines]
    empty = lists.list_mentees(session, small.cycle.id, small.course.id, Look(search="нет таких"))
    assert (empty.total, empty.pages, empty.first, empty.last) == (0, 1, 0, 0)


def test_a_long_list_takes_as_many_queries_as_a_short_one(session: Session, small: SmallCourse):
    def price() -> int:
        session.commit()
        session.expunge_all()
        with statements(session) as sent:
            listing = lists.list_mentees(session, cycle, course, Look())
            assert [(line.record.person.name, line.record.wanted_form) for line in listing.lines]
        return len(sent)

    cycle, course = small.cycle.id, small.course.id
    few = price()
    small = SmallCourse(session, "large")
    cycle, course = small.cycle.id, small.course.id
    for number in range(200):
        small.mentee(f"Номеров{number:03} Ян", groups=f"Г-{number % 9}").wanted_form = small.form("teacher-student")
    assert price() == few == 4


def test_people_of_another_school_year_or_course_are_not_listed(session: Session, small: SmallCourse):
    other = SmallCourse(session, "other")
    assert len(names(other)) == 5
    assert lists.list_mentees(session, small.cycle.id, other.course.id, Look()).total == 0


def test_an_address_leaves_out_what_is_as_usual():
    look = Look(state="needs", search="ив", page=3, descending=True)
    assert look.query() == {"state": "needs", "search": "ив", "order": "desc", "page": "3"}
    assert look.query(state="", page=1) == {"search": "ив", "order": "desc"}
    assert Look().query() == {}
    assert Look(gone=True).narrows
    assert not Look(sort="state").narrows
