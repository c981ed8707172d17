"""Use cases of gradebook columns and their outbox: what each person's grade should be, and what became of it.

The outbox is the truth. Everything that a worker does to a row is written here, in short transactions of its own, so
that it can be killed between any two of them (`delivery` does the talking to Moodle in between).
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_service import audit, queue
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.indicators import formulas, rules
from lti_service.indicators.errors import (
    AnonymousSurveyError,
    ColumnExistsError,
    LabelMissingError,
    SourceUnknownError,
    TextTooLongError,
)
from lti_service.indicators.models import ColumnKind, Grade, GradebookColumn, GradeState
from lti_service.indicators.rules import Event, Trouble
from lti_service.lti.gradebook import LABEL_LENGTH, Outcome, Result, Score
from lti_service.pairs import service as pairs
from lti_service.people import cycles
from lti_service.people import service as people
from lti_service.people.models import Membership, Person
from lti_service.people.privacy import erasing
from lti_service.platforms.models import Course, Platform, PlatformState
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, MenteeKind
from lti_service.surveys import results
from lti_service.surveys import service as surveys
from lti_service.surveys.models import Survey

KIND = "grades"
"""Of runs that deliver grades."""
TAG = "indicator"
"""Of all our line items in Moodle."""
COMMENT_LENGTH = 200
_random = random.SystemRandom()


# --- columns: what a curator does ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a column can be made from; `survey` for the answers to one."""

    kind: ColumnKind
    survey: Survey | None
    exists: bool
    """There is a column of it already."""

    @property
    def anonymous(self) -> bool:
        """Nobody can say who answered, so there is nobody to give a grade to."""
        return self.survey is not None and self.survey.anonymous

    @property
    def key(self) -> str:
        """`pair-formed`, or `survey-17`: what a form sends."""
        return f"survey-{self.survey.id}" if self.survey is not None else self.kind.value

    @property
    def available(self) -> bool:
        """A column can be made of it now."""
        return not self.exists and not self.anonymous


def sources(session: Session, viewer: Viewer, day: date) -> list[Source]:
    """What columns of the school year of `day` can be made from: pairs, and each survey of the course."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    taken: set[int | None] = set()
    found: list[Survey] = []
    if cycle is not None:
        taken = set(
            session.scalars(
                select(GradebookColumn.survey_id).where(
                    GradebookColumn.course_id == viewer.course_id, GradebookColumn.cycle_id == cycle.id
                )
            )
        )
        living = surveys.living(session, viewer.course_id, viewer.platform_id, day)
        found = [survey for survey in living if survey.cycle_id == cycle.id]
    return [
        Source(ColumnKind.PAIR_FORMED, None, None in taken),
        *(Source(ColumnKind.SURVEY_ANSWERED, survey, survey.id in taken) for survey in found),
    ]


@dataclass(frozen=True, slots=True)
class Texts:
    """The curator's words of a column: its name, and what people read beside a 100 and a 0."""

    label: str
    yes_comment: str = ""
    no_comment: str = ""


def make_column(session: Session, viewer: Viewer, day: date, source_key: str, texts: Texts) -> GradebookColumn:
    """Make a column of the school year of `day` and fill its outbox; Moodle gets it with the next delivery.

    Raises SourceUnknownError, AnonymousSurveyError, ColumnExistsError, LabelMissingError, TextTooLongError.
    """
    texts = _checked(texts)
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    source = next((found for found in sources(session, viewer, day) if found.key == source_key), None)
    if source is None:
        raise SourceUnknownError
    if source.anonymous:
        raise AnonymousSurveyError
    if source.exists:
        raise ColumnExistsError
    column = GradebookColumn(
        course_id=viewer.course_id,
        cycle=cycle,
        kind=source.kind,
        survey=source.survey,
        label=texts.label,
        yes_comment=texts.yes_comment,
        no_comment=texts.no_comment,
        resource_id=_resource_id(source, cycle),
        created_at=now(),
    )
    session.add(column)
    session.flush()
    refresh(session, column)
    _record(session, viewer, "column.made", column, source=source_key, label=texts.label)
    return column


def change_column(session: Session, viewer: Viewer, column: GradebookColumn, texts: Texts) -> bool:
    """Give a column other words; Moodle gets the name with the next delivery, comments with each next change of a
    grade. False when nothing is different. Raises LabelMissingError, TextTooLongError.
    """
    texts = _checked(texts)
    if texts == texts_of(column):
        return False
    column.label, column.yes_comment, column.no_comment = texts.label, texts.yes_comment, texts.no_comment
    column.try_at = None
    _record(session, viewer, "column.changed", column, label=texts.label)
    return True


def texts_of(column: GradebookColumn) -> Texts:
    """The words of a column as they are."""
    return Texts(column.label, column.yes_comment, column.no_comment)


def remove_column(session: Session, viewer: Viewer, column: GradebookColumn) -> None:
    """Fill a column no longer and forget its outbox; in Moodle it stays with its grades."""
    _record(session, viewer, "column.removed", column, label=column.label)
    _lock(session, column.id)
    session.execute(delete(Grade).where(Grade.column_id == column.id))
    session.delete(column)
    session.flush()


def find_column(session: Session, course_id: int, column_id: int) -> GradebookColumn:
    """A column of this course. Raises NotFoundError."""
    column = session.scalar(
        select(GradebookColumn)
        .where(GradebookColumn.id == column_id, GradebookColumn.course_id == course_id)
        .options(joinedload(GradebookColumn.survey), joinedload(GradebookColumn.cycle))
    )
    if column is None:
        raise NotFoundError
    return column


def _checked(texts: Texts) -> Texts:
    clean = Texts(texts.label.strip(), texts.yes_comment.strip(), texts.no_comment.strip())
    if not clean.label:
        raise LabelMissingError
    for field, most in (("label", LABEL_LENGTH), ("yes_comment", COMMENT_LENGTH), ("no_comment", COMMENT_LENGTH)):
        if len(getattr(clean, field)) > most:
            raise TextTooLongError(field, most)
    return clean


def _resource_id(source: Source, cycle: Cycle) -> str:
    """Made of what lasts, so that a column is found again even by a database that was set up anew."""
    of_survey = f":{source.survey.feedback_id}" if source.survey is not None else ""
    return f"{TAG}:{source.kind.value}{of_survey}:{cycle.start_year}"


def _record(session: Session, viewer: Viewer, action: str, column: GradebookColumn, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"column:{column.id}",
        **details,
    )


# --- the outbox: what should be -----------------------------------------------------------------------------------


def share_of(session: Session, column: GradebookColumn) -> formulas.Share | None:
    """The share that a column shows, with its people; None when it cannot be told who is in it."""
    if column.kind is ColumnKind.PAIR_FORMED:
        needing = people.needing(session, column.cycle_id, MenteeKind.STUDENT, column.course_id)
        return formulas.r4(needing, pairs.formed(session, column.cycle_id, column.course_id))
    survey = column.survey
    if survey is None or survey.anonymous:
        return None
    tally = results.tally(session, survey)
    return formulas.share_of(tally.named.keys(), tally.asked)


def refresh(session: Session, column: GradebookColumn) -> int:
    """Bring the outbox of a column to what should be; only rows that change become due. Says how many did."""
    # Two processes may refresh one column; the later waits here and then sees what the earlier wrote.
    _lock(session, column.id)
    share = share_of(session, column)
    if share is None:
        return 0
    wanted = dict.fromkeys(share.people_in, rules.IN) | dict.fromkeys(share.people_out, rules.OUT)
    # They count still; Moodle does not know whoever is left here of them.
    for person_id in erasing.erased_ids(session, wanted):
        del wanted[person_id]
    rows = {row.person_id: row for row in _rows(session, column.id)}
    moment = now()
    changed = 0
    for person_id in sorted(wanted.keys() - rows.keys()):
        session.add(Grade(column_id=column.id, person_id=person_id, wanted=wanted[person_id], try_at=moment))
        changed += 1
    for person_id, row in rows.items():
        changed += _want(row, wanted.get(person_id), moment)
    changed += _retry_other_roles(session, column, rows.values(), moment)
    session.flush()
    return changed


def _lock(session: Session, column_id: int) -> None:
    """Whoever touches many rows of a column locks the column first: in one order, nobody waits in a circle."""
    session.execute(select(GradebookColumn.id).where(GradebookColumn.id == column_id).with_for_update())


def _want(row: Grade, wanted: Decimal | None, moment: datetime) -> bool:
    """Let a row want another value than before; True when it became due for that."""
    if row.wanted == wanted:
        return False
    row.wanted = wanted
    row.tries = 0
    if row.state is GradeState.SENDING:
        # What is on its way decides when it is known what became of it.
        row.state = rules.moved(row.state, Event.CHANGE)
        return True
    row.reason = ""
    if row.confirmed == wanted and row.state in (GradeState.DUE, GradeState.REJECTED):
        row.state = rules.moved(row.state, Event.SETTLE)
        return False
    row.state = rules.moved(row.state, Event.CHANGE)
    row.try_at = max(moment, rules.next_stamp(moment, row.sent_at))
    return True


def _retry_other_roles(session: Session, column: GradebookColumn, rows: Iterable[Grade], moment: datetime) -> int:
    """Try those again whom Moodle called not gradable and whose roles in the course are others by now."""
    refused = [row for row in rows if row.state is GradeState.REJECTED and row.reason == Trouble.NOT_GRADABLE]
    if not refused:
        return 0
    present = _roles(session, column.course_id, [row.person_id for row in refused])
    again = [row for row in refused if present.get(row.person_id, "") != row.roles_then]
    for row in again:
        _retry(row, moment)
    return len(again)


def _retry(row: Grade, moment: datetime) -> None:
    row.state = rules.moved(row.state, Event.RETRY)
    row.tries, row.reason, row.try_at = 0, "", moment


def _roles(session: Session, course_id: int, person_ids: Sequence[int]) -> dict[int, str]:
    """What people are in the course, as one text to compare; nothing for those who left it."""
    found = session.execute(
        select(Membership.person_id, Membership.moodle_roles, Membership.roles).where(
            Membership.course_id == course_id, Membership.person_id.in_(person_ids), Membership.active
        )
    )
    return {row[0]: ",".join(row[1] or row[2])[:400] for row in found}


def _rows(session: Session, column_id: int) -> Sequence[Grade]:
    """All rows of a column, locked in one order and as they are now."""
    return session.scalars(
        select(Grade)
        .where(Grade.column_id == column_id)
        .order_by(Grade.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def refresh_course(session: Session, course_id: int) -> int:
    """Bring the outbox of all the course's columns of the present school year to what should be."""
    columns = session.scalars(
        select(GradebookColumn)
        .where(GradebookColumn.course_id == course_id)
        .options(joinedload(GradebookColumn.survey), joinedload(GradebookColumn.cycle))
        .order_by(GradebookColumn.id)
    ).all()
    living = _living(session, course_id)
    return sum(refresh(session, column) for column in columns if living(column))


def _living(session: Session, course_id: int) -> Any:
    zone = session.scalar(select(Platform.time_zone).join(Course).where(Course.id == course_id)) or "UTC"
    year = programme.school_year(now().astimezone(ZoneInfo(zone)).date())
    return lambda column: column.cycle.start_year == year


def retry_rejected(session: Session, viewer: Viewer, column: GradebookColumn) -> int:
    """Make a column's rejected grades due again, because somebody mended what was in their way; says how many."""
    moment = now()
    _lock(session, column.id)
    rejected = [row for row in _rows(session, column.id) if row.state is GradeState.REJECTED]
    for row in rejected:
        _retry(row, moment)
    if rejected:
        _record(session, viewer, "column.retried", column, grades=len(rejected))
    return len(rejected)


# --- the outbox: what a worker does -------------------------------------------------------------------------------


def courses_to_deliver(session: Session, moment: datetime) -> list[int]:
    """Ids of the active platforms' courses in which a worker has something to do at `moment`."""
    ready_column = or_(GradebookColumn.try_at.is_(None), GradebookColumn.try_at <= moment)
    with_grades = (
        select(GradebookColumn.course_id)
        .join(Grade, Grade.column_id == GradebookColumn.id)
        .where(ready_column, _needs_work(moment))
    )
    with_new_label = select(GradebookColumn.course_id).where(
        ready_column, GradebookColumn.label != GradebookColumn.moodle_label
    )
    return list(
        session.scalars(
            select(Course.id)
            .join(Platform)
            .where(
                Platform.state == PlatformState.ACTIVE,
                or_(Course.id.in_(with_grades), Course.id.in_(with_new_label)),
            )
            .order_by(Course.id)
        )
    )


def courses_with_columns(session: Session) -> set[int]:
    """Ids of the courses that have a column."""
    return set(session.scalars(select(GradebookColumn.course_id).distinct()))


def _is_free(moment: datetime, lease: timedelta = rules.LEASE) -> Any:
    """Nobody is at this row, which is SENDING: its fate is unknown."""
    return or_(
        and_(Grade.claimed_at.is_(None), Grade.try_at <= moment),
        Grade.claimed_at <= moment - lease,
    )


def _needs_work(moment: datetime, lease: timedelta = rules.LEASE) -> Any:
    return or_(
        and_(Grade.state == GradeState.DUE, Grade.try_at <= moment),
        and_(Grade.state == GradeState.SENDING, _is_free(moment, lease)),
        Grade.state == GradeState.SENT,
    )


def hurry(session: Session, course_id: int) -> None:
    """Somebody wants it now: forget for how long grades and columns of the course were to wait."""
    moment = now()
    columns = select(GradebookColumn.id).where(GradebookColumn.course_id == course_id)
    session.execute(update(GradebookColumn).where(GradebookColumn.course_id == course_id).values(try_at=None))
    session.execute(
        update(Grade)
        .where(
            Grade.column_id.in_(columns),
            or_(Grade.state == GradeState.DUE, and_(Grade.state == GradeState.SENDING, Grade.claimed_at.is_(None))),
            Grade.try_at > moment,
        )
        .values(try_at=moment)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True, slots=True)
class Work:
    """How much there is to do in a column, and when more will be."""

    due: int
    in_doubt: int
    sent: int
    elsewhere: int
    """Rows that another worker is at."""
    next_at: datetime | None
    """When the first of those that must wait may be sent."""

    @property
    def total(self) -> int:
        """Rows that this worker can bring on now."""
        return self.due + self.in_doubt + self.sent


def work_in(session: Session, column_id: int, moment: datetime, lease: timedelta = rules.LEASE) -> Work:
    """What there is to do in a column at `moment`."""

    def count(condition: Any) -> Any:
        return func.count().filter(condition)

    due, sending = Grade.state == GradeState.DUE, Grade.state == GradeState.SENDING
    later = and_(or_(due, and_(sending, Grade.claimed_at.is_(None))), Grade.try_at > moment)
    row = session.execute(
        select(
            count(and_(due, Grade.try_at <= moment)),
            count(and_(sending, _is_free(moment, lease))),
            count(Grade.state == GradeState.SENT),
            count(and_(sending, Grade.claimed_at > moment - lease)),
            func.min(Grade.try_at).filter(later),
        ).where(Grade.column_id == column_id)
    ).one()
    return Work(*row)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that this worker may send, and what it is to send. Nobody else sends it before the lease is over."""

    grade_id: int
    claimed_at: datetime
    score: Score


def claim(
    session: Session, column: GradebookColumn, again: Sequence[int], free: int, lease: timedelta = rules.LEASE
) -> list[Claim]:
    """Take up to `free` rows of a column to send them: first those in doubt (`again`), with their old stamp, then those
    that are due. Commit before anything is sent.

    Over all processes no more than rules.AT_ONCE rows of a platform are taken at a time.
    """
    platform_id = session.scalars(
        select(Platform.id)
        .join(Course)
        .where(Course.id == column.course_id)
        .with_for_update(of=Platform, key_share=True)
    ).one()
    moment = now()
    busy = session.scalars(
        select(func.count(Grade.id))
        .join(GradebookColumn)
        .join(Course)
        .where(
            Course.platform_id == platform_id,
            Grade.state == GradeState.SENDING,
            Grade.claimed_at > moment - lease,
        )
    ).one()
    free = min(free, rules.AT_ONCE - busy)
    if free <= 0:
        return []
    in_doubt = _claimable(
        session,
        column,
        and_(Grade.id.in_(again), Grade.state == GradeState.SENDING, _is_free(moment, lease)),
        free if again else 0,
    )
    due = _claimable(session, column, and_(Grade.state == GradeState.DUE, Grade.try_at <= moment), free - len(in_doubt))
    for row in due:
        row.sent, row.sent_at = row.wanted, rules.next_stamp(moment, row.sent_at)
    claims = []
    for row in [*in_doubt, *due]:
        row.state = rules.moved(row.state, Event.CLAIM)
        row.claimed_at, row.reason = moment, ""
        assert row.sent_at is not None
        comment = _comment(column, row.sent)
        assert row.person.moodle_id is not None, "_claimable has seen to it"
        claims.append(Claim(row.id, moment, Score(row.person.moodle_id, row.sent, row.sent_at, comment)))
    session.flush()
    return claims


def _comment(column: GradebookColumn, value: Decimal | None) -> str:
    if value is None:
        return ""
    return column.yes_comment if value == rules.IN else column.no_comment


def _claimable(session: Session, column: GradebookColumn, condition: Any, most: int) -> Sequence[Grade]:
    if most <= 0:
        return []
    return session.scalars(
        select(Grade)
        .join(Grade.person)
        # Nobody without a Moodle account is in a column: only mentees are, and who answered a survey there.
        .where(Grade.column_id == column.id, Person.moodle_id.is_not(None), condition)
        .options(contains_eager(Grade.person))
        .order_by(Grade.id)
        .limit(most)
        .with_for_update(of=Grade, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def record_answer(session: Session, claim: Claim, outcome: Outcome) -> rules.Step | None:
    """Keep what became of a score. None when the row is no longer ours: whoever has it now decides."""
    row = session.scalar(
        select(Grade)
        .where(Grade.id == claim.grade_id, Grade.state == GradeState.SENDING, Grade.claimed_at == claim.claimed_at)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    moment = now()
    step = rules.after_post(outcome, row.wanted == row.sent)
    row.state = rules.moved(row.state, step.event)
    row.claimed_at = None
    row.reason = step.trouble or ""
    if step.event in (Event.TAKEN, Event.OVERTAKEN):
        row.confirmed, row.tries = row.sent, 0
        row.try_at = rules.next_stamp(moment, row.sent_at)
    elif step.event is Event.REFUSE:
        course_id = session.scalars(select(GradebookColumn.course_id).where(GradebookColumn.id == row.column_id)).one()
        row.roles_then = _roles(session, course_id, [row.person_id]).get(row.person_id, "")
    else:
        row.tries += 1
        at_once = step.trouble in (Trouble.STALE, Trouble.COLUMN_GONE) or row.wanted != row.sent
        row.try_at = moment if at_once else moment + rules.wait_before(row.tries, _random.random())
    return step


@dataclass(frozen=True, slots=True)
class Glance:
    """How rows stood before results were asked for; what moved since then is not judged by them."""

    rows: Mapping[int, tuple[GradeState, datetime | None, datetime | None]]

    def saw(self, row: Grade) -> bool:
        """Whether the row stands as it stood then."""
        return self.rows.get(row.id) == (row.state, row.sent_at, row.claimed_at)


def glance(session: Session, column_id: int, everything: bool, lease: timedelta = rules.LEASE) -> Glance:
    """The rows that reading results can tell something about: those sent or in doubt, or all that nobody is at."""
    moment = now()
    condition = or_(Grade.state == GradeState.SENT, and_(Grade.state == GradeState.SENDING, _is_free(moment, lease)))
    if everything:
        condition = or_(condition, Grade.state != GradeState.SENDING)
    found = session.execute(
        select(Grade.id, Grade.state, Grade.sent_at, Grade.claimed_at).where(Grade.column_id == column_id, condition)
    )
    return Glance({row[0]: (row[1], row[2], row[3]) for row in found})


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading results back changed."""

    again: list[int]
    """Ids of rows in doubt that Moodle does not show: to be sent again."""
    confirmed: int
    rejected: int


def keep_results(session: Session, column_id: int, seen: Glance, found: Mapping[str, Result]) -> Reading:
    """Hold the outbox of a column against what Moodle shows (by user id)."""
    moment = now()
    users: dict[int, str] = {
        row[0]: str(row[1])
        for row in session.execute(
            select(Grade.person_id, Person.moodle_id).join(Grade.person).where(Grade.column_id == column_id)
        )
    }
    again: list[int] = []
    confirmed = rejected = 0
    _lock(session, column_id)
    for row in _rows(session, column_id):
        if not seen.saw(row):
            continue
        result = found.get(users[row.person_id], Result(None, None))
        event = rules.after_reading(
            row.state,
            wanted=row.wanted,
            shown=result.value,
            in_doubt=row.state is GradeState.SENDING,
            is_still_wanted=row.wanted == row.sent,
            trouble=row.reason,
            tries=row.tries,
        )
        if event is not None:
            _apply(row, event, result, moment)
            confirmed += row.state is GradeState.CONFIRMED
            rejected += row.state is GradeState.REJECTED
        elif row.state is GradeState.SENDING:
            again.append(row.id)
        else:
            row.confirmed = result.value
    session.execute(
        update(GradebookColumn)
        .where(GradebookColumn.id == column_id)
        .values(verified_at=moment, error_code="", tries=0)
    )
    return Reading(again, confirmed, rejected)


def _apply(row: Grade, event: Event, result: Result, moment: datetime) -> None:
    """Let what was read back move a row."""
    row.state = rules.moved(row.state, event)
    row.confirmed = result.value
    row.claimed_at = None
    if event is Event.CONFIRM:
        row.reason, row.tries = "", 0
    elif event is Event.DISAGREE:
        row.reason = Trouble.OVERRIDDEN
    elif event is Event.REFUSE:
        row.reason = Trouble.REFUSED
    elif event is Event.LOST:
        row.reason, row.tries, row.try_at = "", 0, moment
    elif event is Event.NOT_TAKEN:
        # A 409: what is there is newer than what we sent.
        stamps = [stamp for stamp in (row.sent_at, result.stamp) if stamp is not None]
        row.sent_at = max(stamps)
        row.try_at = moment + rules.stale_wait(row.tries, _random.random())
    elif event is Event.OVERTAKEN:
        row.reason, row.tries, row.try_at = "", 0, rules.next_stamp(moment, row.sent_at)


def forget_line_item(session: Session, column_id: int, url: str) -> None:
    """Moodle no longer has the column at `url`."""
    session.execute(
        update(GradebookColumn)
        .where(GradebookColumn.id == column_id, GradebookColumn.lineitem_url == url)
        .values(lineitem_url="", moodle_label="")
    )


def keep_line_item(session: Session, column_id: int, url: str, label: str, is_new: bool) -> str:
    """Keep where the column is in Moodle; in a new one nobody has a grade yet. Returns the address to use: another
    worker's, when that was faster.
    """
    column = session.scalars(
        select(GradebookColumn)
        .where(GradebookColumn.id == column_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if column.lineitem_url:
        return column.lineitem_url
    column.lineitem_url, column.moodle_label, column.error_code = url, label, ""
    if is_new:
        moment = now()
        for row in _rows(session, column_id):
            row.confirmed = None
            if row.state in (GradeState.SENT, GradeState.CONFIRMED, GradeState.REJECTED):
                event = Event.LOST if row.wanted is not None else Event.CONFIRM
                _apply(row, event, Result(None, None), moment)
    return url


def keep_label(session: Session, column_id: int, label: str) -> None:
    """Moodle calls the column by this name now."""
    session.execute(update(GradebookColumn).where(GradebookColumn.id == column_id).values(moodle_label=label))


def keep_trouble(session: Session, column_id: int, code: str) -> None:
    """A column could not be reached: leave it alone for a while."""
    column = session.get_one(GradebookColumn, column_id, with_for_update=True, populate_existing=True)
    column.error_code = code
    column.tries += 1
    column.try_at = now() + rules.wait_before(column.tries, _random.random())


def keep_success(session: Session, column_id: int) -> None:
    """A column was reached."""
    session.execute(
        update(GradebookColumn).where(GradebookColumn.id == column_id).values(error_code="", tries=0, try_at=None)
    )


# --- what pages and commands show ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """A column's grades by state."""

    waiting: int = 0
    """Due, on the way, or sent and not yet read back."""
    confirmed: int = 0
    rejected: int = 0
    nothing: int = 0
    """People who should have no grade here, and have none."""

    @property
    def total(self) -> int:
        """People who have a grade here, or should have one."""
        return self.waiting + self.confirmed + self.rejected


def counts(session: Session, column_ids: Iterable[int]) -> dict[int, Counts]:
    """How many grades are in which state, by column id."""
    ids = list(column_ids)
    waiting = Grade.state.in_((GradeState.DUE, GradeState.SENDING, GradeState.SENT))
    confirmed = Grade.state == GradeState.CONFIRMED
    rows = session.execute(
        select(
            Grade.column_id,
            func.count().filter(waiting),
            func.count().filter(and_(confirmed, Grade.wanted.is_not(None))),
            func.count().filter(Grade.state == GradeState.REJECTED),
            func.count().filter(and_(confirmed, Grade.wanted.is_(None))),
        )
        .where(Grade.column_id.in_(ids))
        .group_by(Grade.column_id)
    )
    found = {row[0]: Counts(*row[1:]) for row in rows}
    return {column_id: found.get(column_id, Counts()) for column_id in ids}


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column with its numbers, for lists."""

    column: GradebookColumn
    counts: Counts
    average: Decimal | None
    """Of the grades that Moodle has confirmed: what it shows below the column."""
    is_over: bool
    """Its school year has ended."""


def columns_of(session: Session, course_id: int) -> list[ColumnRow]:
    """The columns of a course, the newest school year first."""
    columns = session.scalars(
        select(GradebookColumn)
        .join(GradebookColumn.cycle)
        .where(GradebookColumn.course_id == course_id)
        .options(contains_eager(GradebookColumn.cycle), joinedload(GradebookColumn.survey))
        .order_by(Cycle.start_year.desc(), GradebookColumn.id)
    ).all()
    ids = [column.id for column in columns]
    by_state = counts(session, ids)
    averages: dict[int, Decimal] = {
        row[0]: Decimal(row[1])
        for row in session.execute(
            select(Grade.column_id, func.avg(Grade.confirmed))
            .where(Grade.column_id.in_(ids), Grade.confirmed.is_not(None))
            .group_by(Grade.column_id)
        )
    }
    living = _living(session, course_id)
    return [ColumnRow(column, by_state[column.id], averages.get(column.id), not living(column)) for column in columns]


class Show(StrEnum):
    """Which grades of a column a list shows."""

    ALL = "all"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


_SHOWN: dict[str, Any] = {
    Show.ALL: or_(Grade.wanted.is_not(None), Grade.state != GradeState.CONFIRMED),
    Show.WAITING: Grade.state.in_((GradeState.DUE, GradeState.SENDING, GradeState.SENT)),
    Show.CONFIRMED: and_(Grade.state == GradeState.CONFIRMED, Grade.wanted.is_not(None)),
    Show.REJECTED: Grade.state == GradeState.REJECTED,
}
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class GradePage:
    """One page of a column's grades, by name."""

    rows: list[Grade]
    total: int
    page: int
    pages: int


def grade_page(session: Session, column: GradebookColumn, show: str, page: int) -> GradePage:
    """The column's grades; `show` is one of Show, anything else shows all. A page past the end is the last one."""
    wanted = (
        select(Grade)
        .join(Grade.person)
        .where(Grade.column_id == column.id, _SHOWN.get(show, _SHOWN[Show.ALL]))
        .options(contains_eager(Grade.person))
    )
    total = session.scalars(select(func.count()).select_from(wanted.subquery())).one()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(page, 1), pages)
    rows = session.scalars(
        wanted.order_by(Person.search_name, Person.id).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    ).all()
    return GradePage(list(rows), total, page, pages)


def rejections(session: Session, column_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Why grades were rejected and how many for each reason, by column id."""
    found: dict[int, dict[str, int]] = {}
    for column_id, reason, number in session.execute(
        select(Grade.column_id, Grade.reason, func.count())
        .where(Grade.column_id.in_(list(column_ids)), Grade.state == GradeState.REJECTED)
        .group_by(Grade.column_id, Grade.reason)
        .order_by(Grade.reason)
    ):
        found.setdefault(column_id, {})[reason] = number
    return found


def refresh_due(session: Session, due: queue.DueCourse) -> int:
    """Refresh a course that something marked, and take the mark away; says how many rows became due."""
    changed = refresh_course(session, due.course_id)
    queue.settle_due(session, due)
    return changed
