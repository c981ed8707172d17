"""Files of birth dates."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.corrections.rules import FIELDS, corrections
from lti_service.people.imports import trail
from lti_service.people.imports.columns import Cells, Column, Layout
from lti_service.people.imports.finding import PERSON_COLUMNS, WHO, People
from lti_service.people.imports.lines import Kind, Line, Place, begin, refuse_repeats
from lti_service.people.imports.rules import ValueUnclearError, Verdict, parse_day
from lti_service.people.models import Person
from lti_service.people.rules import EARLIEST_BIRTH_YEAR

BORN = Column(
    "born",
    _l("Date of birth"),
    ("Дата рождения", "День рождения", "Родился", "Date of birth", "Birth date", "Birthday"),
    _l("Day, month and all four digits of the year, or a date of Excel."),
    "15.03.2008",
    needed=True,
    is_day=True,
)
LAYOUT = Layout((*PERSON_COLUMNS, BORN), needs=(WHO, ("born",)))


def judge(session: Session, place: Place, rows: Sequence[Cells], lock: bool) -> list[Line]:
    """Who gets which birth date."""
    people = People.of_course(session, place.viewer.course_id, lock)
    lines = begin(rows)
    for line in lines:
        person = people.find(line)
        born = read_birth_date(line, place.day)
        if person is None or line.is_wrong or born is None:
            continue
        line.target = person.id
        line.plan = {"person": person.id, "before": str(person.birth_date), "born": born.isoformat()}
        if person.birth_date is None:
            line.verdict = Verdict.NEW
        if person.birth_date != born:
            line.change(BORN.title, person.birth_date, born)
    refuse_repeats(lines, lambda line: line.target, _("Row %(row)s is about the same person."))
    return lines


def read_birth_date(line: Line, today: date) -> date | None:
    """The day in the row; none, with the reason in the line, when there is none or it cannot be one."""
    text = line.row.values.get("born", "")
    try:
        born = parse_day(text)
    except ValueUnclearError:
        line.wrong(str(BORN.title), _("“%(text)s” is no date: write it as 15.03.2008.", text=text[:60]))
        return None
    if born is None:
        line.wrong(str(BORN.title), _("There is no date."))
    elif born.year < EARLIEST_BIRTH_YEAR:
        line.wrong(str(BORN.title), _("The year %(year)s cannot be: check it.", year=born.year))
    elif born > today:
        line.wrong(str(BORN.title), _("This day has not come yet: check the year."))
    else:
        return born
    return None


def carry_out(session: Session, place: Place, lines: Sequence[Line]) -> None:
    """Write the dates, the people in the order of their ids."""
    chosen = sorted(lines, key=lambda line: line.plan["person"])
    given = {line.plan["person"]: date.fromisoformat(line.plan["born"]) for line in chosen}
    rows = session.execute(select(*KNOWN).where(Person.id.in_(given)).order_by(Person.id)).all()
    session.execute(update(Person), [_as_corrected(row, given[row.id]) for row in rows])
    trail.record_all(session, place, "person.birth-date", [f"person:{line.plan['person']}" for line in chosen])


KNOWN = (Person.id, Person.moodle_id, Person.family_name, Person.given_name, Person.birth_date, Person.corrected)


def _as_corrected(row: Any, born: date) -> dict[str, Any]:
    """A person's row with the date as a curator's correction: a load from Moodle leaves it."""
    known = {field: getattr(row, field) for field in FIELDS}
    # Whoever has no account there, Moodle will tell nothing of.
    corrected = corrections(known, {"birth_date": born}, row.corrected) if row.moodle_id else row.corrected
    return {"id": row.id, "birth_date": born, "corrected": corrected, "updated_at": now()}


KIND = Kind(LAYOUT, judge, carry_out)
