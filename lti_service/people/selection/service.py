"""Selecting mentors: the college's criteria, and decisions about one candidate or several, with their reasons."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_service.db import now
from lti_service.people import labels, service
from lti_service.people import rules as people_rules
from lti_service.people.models import Mentor, MentorState, Placed
from lti_service.people.rules import MentorAction
from lti_service.people.selection import rules
from lti_service.people.selection.defaults import CRITERIA
from lti_service.people.selection.errors import (
    CriteriaChangedError,
    CriteriaWrongError,
    DecisionReasonError,
    NoCriterionError,
    WrongMarkError,
)
from lti_service.people.selection.models import Criterion, Decision, MentorDecision
from lti_service.people.service import Desk, Outcome
from lti_service.people.training import service as training
from lti_service.platforms.models import Platform
from lti_service.programme.models import Cycle

ACTIONS: dict[Decision, MentorAction] = {
    Decision.ACCEPTED: MentorAction.SELECT,
    Decision.TURNED_DOWN: MentorAction.TURN_DOWN,
    Decision.POSTPONED: MentorAction.POSTPONE,
    Decision.ADMITTED: MentorAction.ADMIT,
}

# --- criteria -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """A criterion as it is shown and sent."""

    title: str
    hint: str
    weight: int
    source: str


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria of a college in a programme, in their order."""

    listed: tuple[Facts, ...]
    are_defaults: bool
    """Nobody has changed them yet: they are ours."""

    @property
    def version(self) -> str:
        """Changes with any of them: what was marked or changed was so for this list and for no other."""
        return f"{zlib.crc32(repr([astuple(facts) for facts in self.listed]).encode()):08x}"

    @property
    def total_weight(self) -> int:
        """All weights together."""
        return sum(facts.weight for facts in self.listed)


def criteria_of(session: Session, platform_id: int, programme_id: int) -> Criteria:
    """The college's own criteria in a programme, else ours."""
    rows = _rows(session, platform_id, programme_id)
    if not rows:
        return Criteria(tuple(Facts(one.title, one.hint, one.weight, one.source) for one in CRITERIA), True)
    return Criteria(tuple(Facts(row.title, row.hint, row.weight, row.source) for row in rows), False)


def criteria_at(session: Session, at: Desk) -> Criteria:
    """The criteria by which somebody at this desk decides."""
    return criteria_of(session, at.platform_id, session.get_one(Cycle, at.cycle_id).programme_id)


def save_criteria(session: Session, at: Desk, seen: str, wanted: Sequence[Facts]) -> Criteria:
    """Put a list of criteria in the place of the one that was `seen` (its version); one without a title is left out.

    Decisions keep the criteria by which they were taken. Raises CriteriaChangedError, CriteriaWrongError,
    NoCriterionError; then nothing is changed.
    """
    programme_id = session.get_one(Cycle, at.cycle_id).programme_id
    # Two curators who save at once come one after the other, and the second sees that the list is another now.
    session.execute(select(Platform.id).where(Platform.id == at.platform_id).with_for_update())
    before = criteria_of(session, at.platform_id, programme_id)
    if before.version != seen:
        raise CriteriaChangedError
    listed = _checked(wanted)
    if listed == before.listed:
        return before
    for row in _rows(session, at.platform_id, programme_id):
        session.delete(row)
    session.add_all(
        Criterion(
            platform_id=at.platform_id,
            programme_id=programme_id,
            position=position,
            title=facts.title,
            hint=facts.hint,
            weight=facts.weight,
            source=facts.source,
        )
        for position, facts in enumerate(listed)
    )
    session.flush()
    service.record(session, at, "selection.criteria", f"programme:{programme_id}", count=len(listed))
    return Criteria(listed, False)


def _checked(wanted: Sequence[Facts]) -> tuple[Facts, ...]:
    problems: dict[int, dict[str, str]] = {}
    listed = []
    titles: set[str] = set()
    for number, facts in enumerate(wanted):
        title, hint, source = facts.title.strip(), facts.hint.strip(), facts.source.strip()
        if not title:
            continue
        wrong: dict[str, str] = {}
        for field, text, most in (
            ("title", title, rules.LONGEST_TITLE),
            ("hint", hint, rules.LONGEST_HINT),
            ("source", source, rules.LONGEST_SOURCE),
        ):
            if len(text) > most:
                wrong[field] = _("No more than %(max)s characters.", max=most)
        if title.casefold() in titles:
            wrong["title"] = _("There is such a criterion already.")
        titles.add(title.casefold())
        if facts.weight not in rules.WEIGHTS:
            wrong["weight"] = _("From %(least)s to %(most)s.", least=rules.WEIGHTS[0], most=rules.WEIGHTS[-1])
        if wrong:
            problems[number] = wrong
        listed.append(Facts(title, hint, facts.weight, source))
    if problems:
        raise CriteriaWrongError(problems)
    if not listed:
        raise NoCriterionError
    return tuple(listed[: rules.MOST_CRITERIA])


def _rows(session: Session, platform_id: int, programme_id: int) -> list[Criterion]:
    return list(
        session.scalars(
            select(Criterion)
            .where(Criterion.platform_id == platform_id, Criterion.programme_id == programme_id)
            .order_by(Criterion.position, Criterion.id)
        )
    )


# --- decisions ----------------------------------------------------------------------------------------------------


def decide(
    session: Session,
    at: Desk,
    mentor_ids: Iterable[int],
    decision: Decision,
    reason: str,
    day: date,
    *,
    marks: Mapping[int, int | None] | None = None,
    seen: str = "",
) -> Outcome:
    """Decide about several candidates of the course in one way, or about one by `marks`: place of a criterion → mark.

    `seen` is the version of the criteria that the marks are for. Whoever has a training in force on `day` and is
    accepted is ready at once. Whoever cannot be moved stays as they are and is told of. The same decision
    once more changes nothing.

    Raises NobodyChosenError, NotFoundError, DecisionReasonError, CriteriaChangedError, WrongMarkError,
    MoveRefusedError when nobody could be moved.
    """
    scores = _scores(session, at, marks, seen) if marks else []
    reason = reason.strip()
    # Marks are a reason to accept somebody; everything else must be said.
    must_say = decision is not Decision.ACCEPTED or not scores
    if len(reason) > rules.LONGEST_REASON or (must_say and not reason):
        raise DecisionReasonError(most=rules.LONGEST_REASON)
    action = ACTIONS[decision]
    target = people_rules.MENTOR_TARGETS[action]
    outcome = Outcome()
    mentors = service.chosen(session, at, Mentor, mentor_ids)
    newest = newest_of(session, [mentor.id for mentor in mentors])
    for mentor in mentors:
        last = newest.get(mentor.id)
        is_there = mentor.state is target
        if (
            last is not None
            and (last.decision, last.reason, last.scores) == (decision, reason, scores)
            and (is_there or (decision is Decision.ACCEPTED and mentor.state is MentorState.READY))
        ):
            outcome.same += 1
        elif is_there or action in people_rules.MENTOR_MOVES[mentor.state]:
            mentor.state, mentor.placed = target, Placed.HAND
            mentor.without_training = decision is Decision.ADMITTED
            session.add(
                MentorDecision(
                    mentor_id=mentor.id,
                    decision=decision,
                    reason=reason,
                    scores=scores,
                    decided_by=at.actor_id,
                    decided_at=now(),
                )
            )
            outcome.done += 1
            service.record(session, at, f"mentor.{action}", f"mentor:{mentor.id}")
        else:
            outcome.refused.append(mentor)
    service.refuse_all_refused(outcome, labels.MENTOR_STATES)
    session.flush()
    if decision is Decision.ACCEPTED:
        training.settle(session, at, mentors, day)
    return outcome


def _scores(session: Session, at: Desk, marks: Mapping[int, int | None], seen: str) -> list[dict[str, Any]]:
    criteria = criteria_at(session, at)
    if criteria.version != seen:
        raise CriteriaChangedError
    return scored(criteria, marks)


def scored(criteria: Criteria, marks: Mapping[int, int | None]) -> list[dict[str, Any]]:
    """What a decision keeps of the marks: those given, with the criterion's words and weight. Raises WrongMarkError."""
    given = {place: mark for place, mark in marks.items() if mark is not None}
    if not set(given.values()) <= set(rules.MARKS) or not set(given) <= set(range(len(criteria.listed))):
        raise WrongMarkError(least=rules.MARKS[0], most=rules.BEST)
    return [
        {"title": facts.title, "weight": facts.weight, "mark": given[place]}
        for place, facts in enumerate(criteria.listed)
        if place in given
    ]


def newest_of(session: Session, mentor_ids: Sequence[int]) -> dict[int, MentorDecision]:
    """The newest decision about each of these mentors that there is one about."""
    newest = (select(func.max(MentorDecision.id)).where(MentorDecision.mentor_id.in_(mentor_ids))).group_by(
        MentorDecision.mentor_id
    )
    found = session.scalars(select(MentorDecision).where(MentorDecision.id.in_(newest)))
    return {decision.mentor_id: decision for decision in found}


def history(session: Session, person_id: int) -> list[MentorDecision]:
    """Everything that was ever decided about somebody, in whatever school year, the newest first."""
    return list(
        session.scalars(
            select(MentorDecision)
            .join(MentorDecision.mentor)
            .where(Mentor.person_id == person_id)
            .options(
                joinedload(MentorDecision.curator),
                joinedload(MentorDecision.mentor).joinedload(Mentor.cycle),
            )
            .order_by(MentorDecision.id.desc())
        )
    )


def course_mentors(session: Session, at: Desk, mentor_ids: Iterable[int]) -> list[Mentor]:
    """Those of these mentors who are of this course and year, by name."""
    found = service.in_base(session, at.course_id, at.cycle_id, Mentor, mentor_ids)
    return sorted(found, key=lambda mentor: (mentor.person.search_name, mentor.id))
