"""The gradebook of the practice Moodle: columns and grades, with the rules and oddities of Moodle's grade
API.

The rules follow `grade_item::update_final_grade`, `update_raw_grade` and `gradebookservices::save_grade_item`
of Moodle 4.5.
"""

import itertools
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import php
from .college import College, Course, Person

ISO8601 = re.compile(
    r"^([\+-]?\d{4}(?!\d{2}\b))((-?)((0[1-9]|1[0-2])"
    r"(\3([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))"
    r"([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24\:?00)([\.,]\d+(?!:))?)?(\17[0-5]\d([\.,]\d+)?)"
    r"?([zZ]|([\+-])([01]\d|2[0-3]):?([0-5]\d)?)?)?)?$"
)
"""What Moodle takes for a timestamp (`gradebookservices::validate_iso8601_date`)."""


class GradeRefusedError(Exception):
    """The gradebook says no: an HTTP status, and the reason that goes into the status line (None: the usual
    words)."""

    def __init__(self, status: int, reason: str | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass
class Grade:
    """One person's grade in one column."""

    final: float | None = None
    feedback: str | None = None
    modified: int | None = None
    overridden: bool = False
    locked: bool = False


@dataclass
class Column:
    """A grade item. `coupled` columns belong to an activity (`link_id`); others were made by a tool for
    itself."""

    id: int
    course_id: int
    tool_id: int | None
    label: str
    maximum: float
    resource_id: str = ""
    tag: str = ""
    link_id: int | None = None
    review: dict[str, Any] | None = None
    """What a tool said of submission review, without its statuses; None: nothing."""
    coupled: bool = False
    locked: bool = False
    kind: str = "manual"
    """'manual' for a tool's own column, else the activity's kind: 'lti', 'quiz', 'assign'."""
    module_id: int | None = None
    instance: int | None = None
    grades: dict[int, Grade] = field(default_factory=dict)

    def average(self) -> float | None:
        """The mean of the grades there are, as the grader report shows it under a column."""
        finals = [grade.final for grade in self.grades.values() if grade.final is not None]
        return sum(finals) / len(finals) if finals else None


def review_of(line_item: dict[str, Any]) -> dict[str, Any] | None:
    """What Moodle keeps of a line item's `submissionReview`: where it leads and with what, never its statuses."""
    sent = line_item.get("submissionReview")
    return {name: sent[name] for name in ("url", "custom") if sent.get(name)} if isinstance(sent, dict) else None


def seconds_of(timestamp: str) -> int:
    """PHP's `strtotime` for ISO 8601: whole seconds; 0 for what it cannot read."""
    try:
        moment = datetime.fromisoformat(timestamp.upper().replace(",", "."))
    except ValueError:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


class Gradebook:
    """All columns of the site. Every method takes the college's lock."""

    def __init__(self, college: College) -> None:
        self.college = college
        self.columns: dict[int, Column] = {}
        self._ids = itertools.count(1)
        self.course_totals: dict[int, int] = {}
        for course in college.courses.values():
            self.course_totals[course.id] = next(self._ids)
            for module in course.modules:
                if module.kind in ("quiz", "assign"):
                    self._keep(
                        Column(
                            next(self._ids),
                            course.id,
                            None,
                            module.name,
                            100.0,
                            coupled=True,
                            kind=module.kind,
                            module_id=module.id,
                            instance=module.instance,
                        )
                    )

    def start_ids(self, at: int) -> None:
        """Makes the next column have this id."""
        self._ids = itertools.count(at)

    def _keep(self, column: Column) -> Column:
        self.columns[column.id] = column
        return column

    # --- columns --------------------------------------------------------------------------------------------

    def add_column(
        self,
        course: Course,
        tool_id: int,
        label: str,
        maximum: float,
        *,
        resource_id: str = "",
        tag: str = "",
        link_id: int | None = None,
        review: dict[str, Any] | None = None,
        coupled_to_module: int | None = None,
    ) -> Column:
        """Adds a column; nothing makes it unique, as in Moodle. `coupled_to_module` makes it an activity's
        own."""
        with self.college.lock:
            coupled = coupled_to_module is not None
            return self._keep(
                Column(
                    next(self._ids),
                    course.id,
                    tool_id,
                    label,
                    maximum,
                    resource_id,
                    tag,
                    link_id,
                    review,
                    coupled=coupled,
                    kind="lti" if coupled else "manual",
                    module_id=coupled_to_module,
                    instance=link_id if coupled else None,
                )
            )

    def of_course(self, course: Course) -> list[Column]:
        with self.college.lock:
            return [column for column in self.columns.values() if column.course_id == course.id]

    def of_tool(
        self,
        course: Course,
        tool_id: int,
        *,
        tag: str | None = None,
        resource_id: str | None = None,
        link_id: str | None = None,
    ) -> list[Column]:
        """The columns a tool may see in a course; each filter that is not None must match."""
        return [
            column
            for column in self.of_course(course)
            if column.tool_id == tool_id
            and (tag is None or column.tag == tag)
            and (resource_id is None or column.resource_id == resource_id)
            and (link_id is None or str(column.link_id or "") == link_id)
        ]

    def delete(self, column: Column) -> None:
        with self.college.lock:
            self.columns.pop(column.id, None)

    def rescale(self, column: Column, maximum: float) -> None:
        """Changes a column's maximum; grades keep their share of it."""
        with self.college.lock:
            if column.maximum:
                for grade in column.grades.values():
                    if grade.final is not None:
                        grade.final *= maximum / column.maximum
            column.maximum = maximum

    # --- what a teacher does in the gradebook ---------------------------------------------------------------

    def grade_of(self, column: Column, person: Person) -> Grade:
        """A person's grade, made empty when there was none."""
        with self.college.lock:
            return column.grades.setdefault(person.id, Grade())

    def lock(self, column: Column, person: Person | None = None, *, locked: bool = True) -> None:
        """Locks a column, or one person's grade in it."""
        if person is None:
            column.locked = locked
        else:
            self.grade_of(column, person).locked = locked

    def override(self, column: Column, person: Person, value: float) -> None:
        """A teacher types a grade over an activity's own: from now on the activity cannot change it."""
        grade = self.grade_of(column, person)
        grade.final, grade.modified = value, int(time.time())
        grade.overridden = column.coupled

    # --- what a tool does -----------------------------------------------------------------------------------

    def gradable(self, course: Course, user_id: Any) -> Person | None:
        """The person, if they are enrolled (suspended or not) with a graded role, which only students
        have."""
        enrolment = course.enrolments.get(int(user_id)) if str(user_id).isdigit() else None
        return enrolment.person if enrolment and "student" in enrolment.roles else None

    def take_score(self, column: Column, course: Course, body: str) -> None:
        """Takes one posted score. Raises GradeRefusedError: 400 with the body echoed, 409 for an old
        timestamp, 500 when locked."""
        score = _parsed(body)
        person = self.gradable(course, score.get("userId")) if score else None
        if person is None or not _complete(score):
            raise GradeRefusedError(400, "Incorrect score received" + body)
        stamp = seconds_of(score["timestamp"])
        with self.college.lock:
            old = column.grades.get(person.id)
            if old and old.modified and old.modified >= stamp:
                raise GradeRefusedError(
                    409, f"Refusing score with an earlier timestamp for item {column.id} and user {person.id}"
                )
            self._save(column, person, score, stamp)

    def _save(self, column: Column, person: Person, score: dict[str, Any], stamp: int) -> None:
        final: float | None = None
        stamped: int | None = None
        given = score.get("scoreGiven") if score["gradingProgress"] == "FullyGraded" else None
        if given is not None:
            final, stamped = float(given), stamp
            scored_of = float(score["scoreMaximum"])
            if scored_of and scored_of != column.maximum:
                final = final * column.maximum / scored_of
            final = min(max(final, 0.0), column.maximum)
        feedback = score.get("comment") or None
        old = column.grades.get(person.id)
        if column.locked or (old and old.locked):
            raise GradeRefusedError(500)
        grade = column.grades.setdefault(person.id, Grade())
        if not column.coupled:
            if old is None or (old.final, old.feedback) != (final, feedback):
                grade.final, grade.feedback = final, feedback
                grade.modified = stamped if stamped is not None else int(time.time())
        elif not grade.overridden:
            grade.final, grade.feedback = final, feedback
            if final is None and feedback is None:
                grade.modified = None
            else:
                grade.modified = stamped or int(time.time())


def _parsed(body: str) -> dict[str, Any]:
    score = php.decoded(body)
    return score if isinstance(score, dict) else {}


def _complete(score: dict[str, Any]) -> bool:
    """Whether a score has all that Moodle asks of it, null counting as absent."""
    given, maximum = score.get("scoreGiven"), score.get("scoreMaximum")
    return (
        all(score.get(key) is not None for key in ("userId", "timestamp", "gradingProgress", "activityProgress"))
        and ISO8601.match(str(score["timestamp"])) is not None
        and (given is None or (php.is_numeric(given) and maximum is not None))
        and (maximum is None or php.is_numeric(maximum))
    )
