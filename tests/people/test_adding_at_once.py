"""Two curators put the same people into a base at the same moment: the second gets what comes too late gets."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.people import service
from lti_service.people.errors import AlreadyInBaseError
from lti_service.people.models import Mentee, Mentor
from lti_service.people.service import Outcome
from lti_service.programme.models import MenteeKind, MentorKind
from tests.people.conftest import TODAY, SmallCourse
from tests.people.test_selection_at_once import at_once


@pytest.mark.parametrize("base", [Mentee, Mentor])
def test_of_two_who_add_the_same_person_one_is_told_that_they_are_there(
    session: Session, small: SmallCourse, base: type[Mentee | Mentor]
) -> None:
    person, at = small.add("Новиков Иван", "teacher").id, small.at
    session.commit()

    def add(own: Session) -> object:
        if base is Mentee:
            return service.add_mentee(own, at, person, MenteeKind.YOUNG_TEACHER).id
        return service.add_mentor(own, at, person, MentorKind.TEACHER).id

    done = at_once(add, add, add, add)

    session.commit()
    assert sorted(type(one).__name__ for one in done) == [*[AlreadyInBaseError.__name__] * 3, "int"]
    assert session.scalar(select(func.count(base.id)).where(base.person_id == person)) == 1


def test_adding_one_by_hand_and_many_at_once_makes_one_record_each(session: Session, small: SmallCourse) -> None:
    mentees = [small.young.id, *(mentee.id for mentee in small.mentees)]
    person, at = small.young.person_id, small.at
    session.commit()

    def one(own: Session) -> object:
        return service.add_mentor(own, at, person, MentorKind.TEACHER)

    def many(own: Session) -> object:
        return service.make_mentors(own, at, mentees, TODAY)

    alone, together = at_once(one, many)

    session.commit()
    assert session.scalar(select(func.count(Mentor.id)).where(Mentor.person_id == person)) == 1
    assert isinstance(together, Outcome)
    assert (together.done, together.same) == ((1, 0) if isinstance(alone, AlreadyInBaseError) else (0, 1))
