"""What surveys say about one mentor: how satisfied those are whom they have mentored, and whether they are themselves.

Only named answers: whose an anonymous one is nobody can say, nor of which mentor it speaks.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service.pairs.longterm import lists as longterm
from lti_service.people.models import Mentor
from lti_service.surveys import results
from lti_service.surveys.models import Audience, Survey


@dataclass(frozen=True, slots=True)
class Feedback:
    """One survey of the course, as far as it is about a mentor."""

    survey: Survey
    asked: int
    """Their mentees of the survey's school year; of a survey of mentors: 1."""
    rated: int
    """Those of them who answered a rating question by name."""
    satisfied: int


def of_mentor(session: Session, course_id: int, person_id: int) -> list[Feedback]:
    """What the course's surveys of all school years say about a mentor, the newest first; empty: nothing.

    Surveys that nobody concerned has rated are left out.
    """
    mentees = longterm.mentees_of(session, course_id, person_id)
    years = set(session.scalars(select(Mentor.cycle_id).where(Mentor.person_id == person_id))) | mentees.keys()
    if not years:
        return []
    surveys = session.scalars(
        select(Survey)
        .where(Survey.course_id == course_id, Survey.cycle_id.in_(years), ~Survey.anonymous)
        .options(selectinload(Survey.items), joinedload(Survey.cycle))
        .order_by(Survey.cycle_id.desc(), Survey.id.desc())
    ).all()
    tallies = results.tallies(session, surveys) if surveys else {}
    found = []
    for survey in surveys:
        about = mentees.get(survey.cycle_id, set()) if survey.audience is Audience.MENTEES else {person_id}
        said = [answer for person, answer in tallies[survey.id].named.items() if person in about]
        rated = [answer.satisfied for answer in said if answer.satisfied is not None]
        if rated:
            found.append(Feedback(survey, len(about), len(rated), sum(rated)))
    return found
