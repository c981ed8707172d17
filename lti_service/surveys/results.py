"""What the answers say: who was asked, who answered, who is satisfied. Reading only; one query whatever the number.

How people are counted:
- asked are the course's active members who have (or had) a formed pair in the survey's school year, and whoever
  had such a pair and answered before leaving the course: a year's numbers must not melt away with its graduates;
- of a person who answered several times the newest answer counts;
- named answers of people outside the audience are counted apart, never in a numerator or denominator;
- anonymous answers all count, for nobody can say whose they are, but fewer than five of them are withheld: they
  appear in no share and no distribution, not even as a part of a sum from which they could be taken out again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lti_service.pairs import service as pairs
from lti_service.people.models import Person
from lti_service.surveys import rules
from lti_service.surveys.models import Audience, Survey, SurveyItem, SurveyResponse

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Share:
    """The satisfied among those who answered a rating question; `answered` is the denominator."""

    satisfied: int
    answered: int
    satisfied_people: frozenset[int]
    """Person ids, as far as answers are named."""
    answered_people: frozenset[int]
    withheld: int
    """Anonymous answers left out because a survey had fewer than five of them."""
    read_at: datetime | None
    """When the answers were last read: the longest ago of the surveys that count; none: never yet, or no survey."""


@dataclass(frozen=True, slots=True)
class Said:
    """One response that counts."""

    person_id: int | None
    answered_at: datetime | None
    answers: Mapping[str, str]
    satisfied: bool | None
    """None: no rating question was answered."""


@dataclass(slots=True)
class Tally:
    """A survey's responses, sorted out."""

    asked: set[int]
    """Person ids of the audience."""
    named: dict[int, Said] = field(default_factory=dict)
    """By person id: the newest response of each person of the audience."""
    outside: dict[str, Said] = field(default_factory=dict)
    """By Moodle's user id: the newest response of each person who is not of the audience."""
    anonymous: list[Said] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """People of the audience who answered, and anonymous answers; the latter may make it more than were asked."""
        return len(self.named) + len(self.anonymous)

    @property
    def withheld(self) -> int:
        """Anonymous answers that are too few to be looked into."""
        return 0 if rules.may_look_into(len(self.anonymous)) else len(self.anonymous)

    @property
    def shown(self) -> list[Said]:
        """The responses that may be broken down."""
        return [*self.named.values(), *([] if self.withheld else self.anonymous)]

    @property
    def rated(self) -> int:
        """Those of `shown` that answered a rating question: the denominator of the satisfied share."""
        return sum(said.satisfied is not None for said in self.shown)

    @property
    def satisfied(self) -> int:
        """Those of them that are satisfied."""
        return sum(said.satisfied is True for said in self.shown)


def asked_people(session: Session, survey: Survey) -> set[int]:
    """Person ids of the course's active members who are of the audience: a pair was formed, also one ended early."""
    return _audience(session, survey.audience, survey.cycle_id, survey.course_id)


def _audience(session: Session, audience: Audience, cycle_id: int, course_id: int | None) -> set[int]:
    of = pairs.formed if audience is Audience.MENTEES else pairs.mentors_in_pairs
    return of(session, cycle_id, course_id, ended_early=True)


class _Audiences:
    """Audiences, each asked for once however many surveys share it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[tuple[Audience, int, int | None], set[int]] = {}

    def here(self, survey: Survey) -> set[int]:
        """Of the survey's course."""
        return self._get(survey.audience, survey.cycle_id, survey.course_id)

    def anywhere(self, survey: Survey) -> set[int]:
        """Of its school year, whatever course they are in now."""
        return self._get(survey.audience, survey.cycle_id, None)

    def _get(self, *key: Any) -> set[int]:
        if key not in self._found:
            self._found[key] = _audience(self._session, *key)
        return self._found[key]


def answered_people(session: Session, survey_id: int) -> set[int]:
    """Person ids of those who answered by name, of the audience or not; empty for an anonymous survey."""
    found = session.scalars(
        select(SurveyResponse.person_id)
        .where(SurveyResponse.survey_id == survey_id, SurveyResponse.person_id.is_not(None))
        .distinct()
    )
    return {person_id for person_id in found if person_id is not None}


def tally(session: Session, survey: Survey) -> Tally:
    """One survey's responses, sorted out."""
    return tallies(session, [survey])[survey.id]


def tallies(session: Session, surveys: Sequence[Survey]) -> dict[int, Tally]:
    """The responses of these surveys, sorted out, by survey id."""
    audiences = _Audiences(session)
    found = {survey.id: Tally(asked=set(audiences.here(survey))) for survey in surveys}
    by_id = {survey.id: survey for survey in surveys}
    scales = {survey.id: rating_scales(survey) for survey in surveys}
    rows = session.execute(
        select(
            SurveyResponse.survey_id,
            SurveyResponse.person_id,
            SurveyResponse.moodle_user_id,
            SurveyResponse.answered_at,
            SurveyResponse.answers,
        )
        .where(SurveyResponse.survey_id.in_(by_id))
        # Moodle's own ids rise with time, so of several responses the last one here is the newest.
        .order_by(SurveyResponse.survey_id, SurveyResponse.answered_at.nulls_first(), SurveyResponse.moodle_id)
    )
    for survey_id, person_id, moodle_user_id, answered_at, answers in rows:
        into = found[survey_id]
        satisfied = rules.is_satisfied(answers, scales[survey_id], by_id[survey_id].satisfied_from)
        said = Said(person_id, answered_at, answers, satisfied)
        if moodle_user_id is None:
            into.anonymous.append(said)
        elif person_id is not None and (person_id in into.asked or person_id in audiences.anywhere(by_id[survey_id])):
            into.asked.add(person_id)
            into.named[person_id] = said
        else:
            into.outside[moodle_user_id] = said
    return found


def rating_scales(survey: Survey) -> dict[str, tuple[int, ...]]:
    """The scales of the survey's rating questions, by Moodle's item id as text."""
    return {str(item.moodle_id): scale_of(survey, item) for item in survey.items if item.is_rating}


def scale_of(survey: Survey, item: SurveyItem) -> tuple[int, ...]:
    """Where each option of a question stands."""
    return rules.scale(len(item.options), item.weights, survey.best_first)


def satisfaction(session: Session, cycle_id: int, audience: Audience, course_id: int | None = None) -> Share:
    """How many of a cycle's mentees or mentors are satisfied, over all surveys of theirs (of one course, when given).

    Somebody who answered several surveys by name counts once, with the newest response that rates; anonymous
    responses count one each. Not an official formula: see `rules`.
    """
    wanted = select(Survey).where(Survey.cycle_id == cycle_id, Survey.audience == audience)
    if course_id is not None:
        wanted = wanted.where(Survey.course_id == course_id)
    surveys = list(session.scalars(wanted.options(selectinload(Survey.items))))
    found = tallies(session, surveys)
    newest: dict[int, Said] = {}
    anonymous: list[Said] = []
    counting: list[Survey] = []
    for survey in surveys:
        tally = found[survey.id]
        if any(item.is_rating for item in survey.items):
            counting.append(survey)
        for said in tally.shown:
            if said.satisfied is None:
                continue
            if said.person_id is None:
                anonymous.append(said)
            else:
                known = newest.get(said.person_id)
                if known is None or (said.answered_at or LONG_AGO) >= (known.answered_at or LONG_AGO):
                    newest[said.person_id] = said
    satisfied = frozenset(person_id for person_id, said in newest.items() if said.satisfied)
    read = [survey.synced_at for survey in counting if survey.synced_at is not None]
    return Share(
        satisfied=len(satisfied) + sum(said.satisfied is True for said in anonymous),
        answered=len(newest) + len(anonymous),
        satisfied_people=satisfied,
        answered_people=frozenset(newest),
        withheld=sum(found[survey.id].withheld for survey in counting),
        read_at=min(read, default=None),
    )


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a question in a distribution."""

    text: str
    count: int
    counts_as_satisfied: bool


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What was answered to one question."""

    item: SurveyItem
    answered: int
    """People who answered this question."""
    options: tuple[Option, ...] = ()
    """From the worst to the best where the question rates, in Moodle's order elsewhere; empty for open questions."""
    texts: tuple["Text", ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """An answer in somebody's own words; an anonymous one has no name."""

    text: str
    name: str = ""
    outside: bool = False
    """By somebody who is not of the audience."""


def item_results(session: Session, survey: Survey, tally: Tally) -> list[ItemResult]:
    """A survey's questions with what was answered, as far as that may be shown."""
    names = _names(session, tally)
    return [
        _choice_result(survey, item, tally) if item.options else _open_result(item, tally, names)
        for item in survey.items
        if item.options or item.kind in rules.OPEN_KINDS
    ]


def _choice_result(survey: Survey, item: SurveyItem, tally: Tally) -> ItemResult:
    key = str(item.moodle_id)
    counted = rules.distribution((said.answers.get(key, "") for said in tally.shown), len(item.options))
    places = scale_of(survey, item)
    order = range(len(item.options))
    if not item.multiple and (item.is_rating or item.weights):
        order = sorted(order, key=lambda index: places[index])  # type: ignore[assignment]
    options = tuple(
        Option(
            text=item.options[index],
            count=counted.counts[index],
            counts_as_satisfied=item.is_rating and places[index] >= survey.satisfied_from,
        )
        for index in order
        # Moodle counts empty lines of a question as options; nobody sees or chooses them.
        if item.options[index] or counted.counts[index]
    )
    return ItemResult(item, counted.answered, options)


def _open_result(item: SurveyItem, tally: Tally, names: Mapping[int, str]) -> ItemResult:
    key = str(item.moodle_id)

    def signed(responses: Iterable[Said], outside: bool) -> list[Text]:
        return [
            Text(said.answers[key].strip(), names.get(said.person_id or 0, ""), outside)
            for said in responses
            if said.answers.get(key, "").strip()
        ]

    named = signed(tally.named.values(), False) + signed(tally.outside.values(), True)
    anonymous = [] if tally.withheld else [said.answers.get(key, "") for said in tally.anonymous]
    texts = (
        *sorted(named, key=lambda text: (text.outside, text.name, text.text)),
        *(Text(text) for text in rules.texts_without_trace(anonymous)),
    )
    return ItemResult(item, sum(not text.outside for text in texts), texts=texts)


def _names(session: Session, tally: Tally) -> dict[int, str]:
    ids = {said.person_id for said in (*tally.named.values(), *tally.outside.values()) if said.person_id}
    return _people(session, ids)


def _people(session: Session, ids: set[int]) -> dict[int, str]:
    """Names by person id."""
    if not ids:
        return {}
    return {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(ids)))}


@dataclass(frozen=True, slots=True)
class Respondent:
    """Somebody who was asked by name, and whether they answered."""

    name: str
    answered_at: datetime | None
    satisfied: bool | None
    has_answered: bool
    outside: bool = False
    person_id: int | None = None
    """None: somebody whom the base does not know."""


def respondents(session: Session, tally: Tally) -> list[Respondent]:
    """The people of a named survey, by name: those asked, then those who answered without being of the audience."""
    names = _people(session, tally.asked | {said.person_id for said in tally.outside.values() if said.person_id})
    rows = [
        Respondent(
            name=names[person_id],
            answered_at=said.answered_at if (said := tally.named.get(person_id)) else None,
            satisfied=said.satisfied if said else None,
            has_answered=said is not None,
            person_id=person_id,
        )
        for person_id in tally.asked
        if person_id in names
    ]
    rows += [
        Respondent(
            name=names.get(said.person_id or 0) or f"№ {moodle_id}",
            person_id=said.person_id,
            answered_at=said.answered_at,
            satisfied=said.satisfied,
            has_answered=True,
            outside=True,
        )
        for moodle_id, said in tally.outside.items()
    ]
    return sorted(rows, key=lambda row: (row.outside, row.name.casefold()))
