"""Files of signed consents: in each row one paper, of the person themselves or of who signed for them.

The list of consents that was saved comes back too: what it tells of consents that are no papers is never made one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Consent, Relation, Way
from lti_service.people.consents.rules import PaperKey, TakenBack
from lti_service.people.consents.service import Paper
from lti_service.people.imports.columns import Cells, Column, Layout
from lti_service.people.imports.finding import PERSON_COLUMNS, WHO, People
from lti_service.people.imports.lines import Kind, Line, Place, begin, refuse_repeats
from lti_service.people.imports.rules import ValueUnclearError, Verdict, choose, fold, parse_day
from lti_service.people.models import Membership

RELATIONS = {
    Relation.MOTHER: ("мать", "мама", "mother"),
    Relation.FATHER: ("отец", "папа", "father"),
    Relation.ADOPTER: ("усыновитель", "приёмный родитель", "adopter", "adoptive parent"),
    Relation.GUARDIAN: ("опекун", "попечитель", "опекун или попечитель", "guardian"),
    Relation.OTHER: (
        "другой",
        "иной",
        "иной законный представитель",
        "законный представитель",
        "other",
        "another legal representative",
    ),
}
LAYOUT = Layout(
    (
        *PERSON_COLUMNS,
        Column(
            "signed_on",
            _l("Date of the signature"),
            (
                "Дата подписи",
                "Дата подписания",
                "Дата согласия",
                "Подписано",
                "Дата",
                "Date of the signature",
                "Date of the consent",
                "Date",
            ),
            _l("The date on the paper."),
            "10.09.2026",
            needed=True,
            is_day=True,
        ),
        Column(
            "representative",
            _l("Representative"),
            ("Представитель", "Законный представитель", "ФИО представителя", "Кто подписал", "Representative"),
            _l("Who signed for somebody under 18; empty when the person has signed themselves."),
            "Иванова Мария Сергеевна",
        ),
        Column(
            "relation",
            _l("Relation"),
            ("Кем приходится", "Степень родства", "Родство", "Relation"),
            _l("Mother, father, adopter, guardian, other."),
            "мать",
        ),
        Column("standing", _l("Consent"), ("Согласие", "Consent"), offered=False),
        Column("way", _l("How"), ("Как", "Способ", "How"), offered=False),
        Column("withdrawn_on", _l("Withdrawn on"), ("Отозвано", "Withdrawn on"), offered=False),
    ),
    needs=(WHO, ("signed_on",)),
)
COLUMN_OF = {
    "signed_on": "signed_on",
    "representative": "representative",
    "relation": "relation",
    "way": "representative",
}
"""Field of a paper → column."""

NO_CONSENT = ("нет согласия", "no consent")
WITHDRAWN = ("согласие отозвано", "consent withdrawn")
GIVEN_HERE = ("дано здесь самим человеком", "given here by themselves")
"""As the list that was saved says it, in whatever language (`consent_labels`)."""


@dataclass
class _Given:
    """A person's consents so far."""

    standing: set[PaperKey] = field(default_factory=set)
    taken_back: TakenBack = field(default_factory=TakenBack)


def judge(session: Session, place: Place, rows: Sequence[Cells], lock: bool) -> list[Line]:
    """Which papers are new."""
    people = People.of_course(session, place.viewer.course_id, lock)
    known = _given(session, place.viewer.course_id)
    lines = begin(rows)
    for line in lines:
        person = people.find(line)
        signed_on, relation = _day(line), _relation(line)
        if person is None or line.is_wrong:
            continue
        given = known.get(person.id, _Given())
        if _is_no_paper(line, signed_on, given):
            continue
        name = " ".join(line.row.values.get("representative", "").split())
        way = Way.REPRESENTATIVE if name or relation else Way.PAPER
        paper = Paper(person.id, way, signed_on, name, relation)
        # Of what is kept already nothing is asked: who signed for a child need not answer for the grown person.
        if signed_on is not None and paper.key in given.standing:
            _plan(line, paper, signed_on)
            continue
        for where, code in consents.problems_of(paper, person.birth_date, place.day).items():
            line.wrong(_title(COLUMN_OF[where]), consents.PROBLEMS[code])
        if line.is_wrong or signed_on is None:
            continue
        if given.taken_back.undoes(paper.key):
            day = given.taken_back.last.strftime("%d.%m.%Y") if given.taken_back.last else ""
            line.wrong(_title("signed_on"), _("Withdrawn on %(day)s: this paper is older and counts no more.", day=day))
            continue
        _plan(line, paper, signed_on)
        line.verdict = Verdict.NEW
        line.change(_title("signed_on"), None, signed_on)
        if name:
            line.change(_title("representative"), None, name)
    reason = _("The same paper is in row %(row)s.")
    refuse_repeats(lines, lambda line: tuple(line.plan.values()) or None, reason)
    return lines


def _plan(line: Line, paper: Paper, signed_on: date) -> None:
    line.target = paper
    line.plan = {"person": paper.person_id, "way": paper.way.value, "signed_on": str(signed_on)}
    line.plan |= {"name": paper.representative, "relation": paper.relation.value if paper.relation else ""}


def _is_no_paper(line: Line, signed_on: date | None, given: _Given) -> bool:
    """Whether a row of the saved list tells of no paper: of no consent, of one given here, or of one withdrawn.

    Such a row changes nothing; where it tells of what is not so here, it says that it cannot be recorded.
    """
    values = line.row.values
    if values.get("withdrawn_on") or _says(values.get("standing", ""), WITHDRAWN):
        if all(signed_on != day for _way, day, _name in given.taken_back.papers):
            line.wrong(_title("withdrawn_on"), _("A consent that was withdrawn is not recorded."))
        return True
    if _says(values.get("way", ""), GIVEN_HERE):
        if all((way, day) != (Way.TOOL, signed_on) for way, day, _name in given.standing):
            line.wrong(
                _title("way"), _("The person gave it in the service themselves: it is no paper, and not recorded.")
            )
        return True
    return signed_on is None and _says(values.get("standing", ""), NO_CONSENT)


def _says(text: str, words: Sequence[str]) -> bool:
    return bool(text) and fold(text) in map(fold, words)


def _given(session: Session, course_id: int) -> dict[int, _Given]:
    rows = session.execute(
        select(
            Consent.person_id, Consent.way, Consent.given_on, Consent.representative,
            Consent.withdrawn_at, Consent.withdrawn_on,
        )
        .join(Membership, Membership.person_id == Consent.person_id)
        .where(Membership.course_id == course_id)
    )  # fmt: skip
    found: dict[int, _Given] = {}
    for person_id, way, given_on, representative, withdrawn_at, withdrawn_on in rows:
        given = found.setdefault(person_id, _Given())
        key = (way, given_on, representative)
        if withdrawn_at is None:
            given.standing.add(key)
        else:
            given.taken_back.add(key, withdrawn_on)
    return found


def _day(line: Line) -> date | None:
    text = line.row.values.get("signed_on", "")
    try:
        return parse_day(text)
    except ValueUnclearError:
        line.wrong(_title("signed_on"), _("“%(text)s” is no date: write it as 15.11.2026.", text=text[:60]))
        return None


def _relation(line: Line) -> Relation | None:
    text = line.row.values.get("relation", "")
    if not text:
        return None
    try:
        return choose(text, RELATIONS)
    except ValueUnclearError:
        line.wrong(_title("relation"), _("Say one of: mother, father, adopter, guardian, other."))
        return None


def _title(column: str) -> str:
    return str(LAYOUT[column].title)


def carry_out(session: Session, place: Place, lines: Sequence[Line]) -> None:
    """Record the papers."""
    consents.record(session, place.viewer, place.day, [line.target for line in lines])


KIND = Kind(LAYOUT, judge, carry_out)
