"""Files of mentees: who of the course needs a mentor, in which form, and what they want help with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.people import labels, rules, service
from lti_service.people.errors import (
    FormDoesNotFitError,
    FormRetiredError,
    MoveRefusedError,
    PairKeepsKindError,
    RequestTooLongError,
)
from lti_service.people.imports import trail
from lti_service.people.imports.columns import Cells, Column, Layout
from lti_service.people.imports.finding import PERSON_COLUMNS, WHO, Known, People
from lti_service.people.imports.lines import Kind, Line, Place, begin, refuse_repeats
from lti_service.people.imports.rules import ValueUnclearError, Verdict, choose, fold, parse_yes, split_list
from lti_service.people.kinds import placing
from lti_service.people.models import Membership, Mentee, MenteeState, Source
from lti_service.people.rules import MenteeAction
from lti_service.programme.models import Form, MenteeKind

LAYOUT = Layout(
    (
        *PERSON_COLUMNS,
        Column(
            "needs",
            _l("Needs a mentor"),
            ("Нужен наставник", "Нуждается в наставнике", "Needs a mentor"),
            _l("Yes: is marked as needing one. No, or empty: stays as it is, somebody new a candidate."),
            _l("yes"),
        ),
        Column(
            "form",
            _l("Wanted form"),
            ("Желаемая форма", "Форма наставничества", "Форма", "Wanted form"),
            _l("As the programme calls it."),
            "педагог – студент",
        ),
        Column(
            "topics",
            _l("Topics"),
            ("Темы", "Тема", "Topics"),
            _l("Activities of the programme's forms, with semicolons between them."),
            "консультации; ВКР",
        ),
        Column(
            "request",
            _l("Request"),
            ("Запрос", "Просьба", "Request"),
            _l("What they want help with, in their own words."),
            _l("to prepare for the demonstration exam"),
        ),
        Column(
            "kind",
            _l("Kind"),
            ("Вид", "Вид наставляемого", "Kind"),
            _l("Student or young teacher; left out, it stays as it is, and somebody new is what their role says."),
            _l("Student"),
        ),
    ),
    needs=(WHO,),
)
KIND_WORDS = {
    MenteeKind.STUDENT: ("студент", "обучающийся", "student"),
    MenteeKind.YOUNG_TEACHER: ("молодой специалист", "молодой педагог", "молодой преподаватель", "young teacher"),
}


@dataclass
class _Target:
    person_id: int
    kind: MenteeKind
    mentee: Mentee | None
    changes: dict[str, Any]
    """Attribute → value."""
    needs: bool


def judge(session: Session, place: Place, rows: Sequence[Cells], lock: bool) -> list[Line]:
    """Who comes into the base, and what changes of their records."""
    people = People.of_course(session, place.viewer.course_id, lock)
    known = _mentees(session, place, lock)
    forms = list(place.cycle.programme.forms)
    lines = begin(rows)
    found = {id(line): person for line in lines if (person := people.find(line)) is not None and not line.is_wrong}
    new = {person.id for person in found.values()} - known.keys()
    kinds = placing.of_people(session, place.viewer.platform_id, new, place.day) if new else {}
    for line in lines:
        if (person := found.get(id(line))) is not None:
            by_rules = kinds[person.id].mentee if person.id in kinds else None
            _judge_one(line, person, known.get(person.id), forms, by_rules or MenteeKind.STUDENT)
    reason = _("Row %(row)s is about the same person.")
    refuse_repeats(lines, lambda line: line.target.person_id if line.target else None, reason)
    return lines


def _judge_one(line: Line, person: Known, mentee: Mentee | None, forms: Sequence[Form], likely: MenteeKind) -> None:
    values = line.row.values
    if mentee is None and person.moodle_id is None:
        line.wrong("", _("%(name)s has no Moodle account, so they can be a mentor only.", name=person.name))
        return
    kind = _kind(line, person.name, mentee, likely)
    needs = _needs(line)
    form = _form(line, forms, kind, person, mentee)
    topics = _topics(line, forms, kind, mentee.topics if mentee else [])
    request = values.get("request", "").strip()
    if len(request) > rules.LONGEST_REQUEST:
        error = RequestTooLongError(most=rules.LONGEST_REQUEST, count=len(request))
        line.wrong(_title("request"), error.text)
    if line.is_wrong:
        return
    told: dict[str, Any] = {}
    if mentee is not None and kind is not mentee.kind:
        told["kind"] = kind
        # What is not for the new kind goes by it.
        if mentee.wanted_form_id not in {found.id for found in forms if found.mentee_kind is kind}:
            told["wanted_form_id"] = None
        known = service.topics_of(found for found in forms if found.mentee_kind is kind)
        told["topics"] = [topic for topic in mentee.topics if topic in known]
    if form is not None:
        told["wanted_form_id"] = form.id
    if topics is not None:
        told["topics"] = topics
    if request:
        told["request"] = request
    before = {name: getattr(mentee, name) if mentee else None for name in told}
    changes = {name: value for name, value in told.items() if before[name] != value}
    state = mentee.state if mentee else MenteeState.CANDIDATE
    moves = bool(needs) and state not in rules.NEEDING
    if moves and MenteeAction.NEED not in rules.MENTEE_MOVES[state]:
        line.wrong(_title("needs"), MoveRefusedError(state=labels.MENTEE_STATES[state]).text)
        return
    line.target = _Target(person.id, kind, mentee, changes, moves)
    line.plan = {"person": person.id, "kind": kind.value, "state": state.value if mentee else "", "needs": moves}
    line.plan |= {"before": before, "told": told}
    if mentee is None:
        line.verdict = Verdict.NEW
        line.change(_title("kind"), None, labels.MENTEE_KINDS[kind])
    if moves:
        line.change(
            _("State"), labels.MENTEE_STATES[state] if mentee else None, labels.MENTEE_STATES[MenteeState.NEEDS]
        )
    titles = {form.id: form.title for form in forms}
    for name, value in changes.items():
        if name == "kind":
            line.change(_title(name), labels.MENTEE_KINDS[MenteeKind(str(before[name]))], labels.MENTEE_KINDS[value])
        elif name == "wanted_form_id":
            line.change(_title("form"), titles.get(before[name] or 0), titles.get(value or 0))
        else:
            line.change(_title(name), before[name], value)


def _kind(line: Line, name: str, mentee: Mentee | None, likely: MenteeKind) -> MenteeKind:
    likely = mentee.kind if mentee else likely
    text = line.row.values.get("kind", "")
    if not text:
        return likely
    try:
        told = choose(text, {kind: (*KIND_WORDS[kind], str(labels.MENTEE_KINDS[kind])) for kind in MenteeKind})
    except ValueUnclearError:
        line.wrong(_title("kind"), _("Write one of: %(words)s.", words=_listed(labels.MENTEE_KINDS.values())))
        return likely
    if mentee is not None and told is not mentee.kind and mentee.state in rules.IN_A_PAIR:
        error = PairKeepsKindError(name=name, kind=labels.MENTEE_KINDS[mentee.kind])
        line.wrong(_title("kind"), error.text)
    return told


def _needs(line: Line) -> bool | None:
    try:
        return parse_yes(line.row.values.get("needs", ""))
    except ValueUnclearError:
        line.wrong(_title("needs"), _("Write yes or no."))
        return None


def _form(line: Line, forms: Sequence[Form], kind: MenteeKind, person: Known, mentee: Mentee | None) -> Form | None:
    text = line.row.values.get("form", "")
    if not text:
        return None
    try:
        form = choose(text, {form: (form.title, form.code) for form in forms})
    except ValueUnclearError:
        fitting = [form.title for form in forms if form.mentee_kind is kind and not form.is_retired]
        line.wrong(_title("form"), _("There is no such form; there is: %(forms)s.", forms=_listed(fitting)))
        return None
    if form.mentee_kind is not kind:
        line.wrong(_title("form"), FormDoesNotFitError(form=form.title, name=person.name).text)
    elif form.is_retired and (mentee is None or mentee.wanted_form_id != form.id):
        line.wrong(_title("form"), FormRetiredError(form=form.title).text)
    return form


def _topics(line: Line, forms: Sequence[Form], kind: MenteeKind, own: Sequence[str]) -> list[str] | None:
    """Topics of the programme, and those that are theirs already though the programme has them no more."""
    text = line.row.values.get("topics", "")
    if not text:
        return None
    chosen, unknown = known_topics(text, [form for form in forms if form.mentee_kind is kind], own)
    if unknown:
        line.wrong(_title("topics"), _("The programme has no such topic: %(topics)s.", topics=_listed(unknown)))
    return chosen


def known_topics(text: str, forms: Iterable[Form], own: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """The activities of these forms, or topics of one's own, that a cell names, in the programme's words and order; and
    what is none of them."""
    topics = {fold(str(topic)): str(topic) for form in forms for topic in form.activities}
    topics |= {fold(topic): topic for topic in own if fold(topic) not in topics}
    # A topic may have semicolons of its own: as many parts are one as any topic has.
    most = max((len(split_list(topic)) for topic in topics.values()), default=1)
    parts = split_list(text)
    told: set[str] = set()
    unknown: dict[str, str] = {}
    place = 0
    while place < len(parts):
        joined = {fold("".join(parts[place : place + count])): count for count in range(1, most + 1)}
        key = next((key for key in reversed(joined) if key in topics), None)
        if key is None:
            unknown.setdefault(fold(parts[place]), parts[place])
        else:
            told.add(key)
        place += joined[key] if key is not None else 1
    return [topic for key, topic in topics.items() if key in told], list(unknown.values())


def _listed(words: Iterable[Any]) -> str:
    return "; ".join(f"«{str(word).strip('«»')}»" for word in words)


def _mentees(session: Session, place: Place, lock: bool) -> dict[int, Mentee]:
    """Records of the year of the course's people, by person."""
    query = (
        select(Mentee)
        .join(Membership, Membership.person_id == Mentee.person_id)
        .where(Mentee.cycle_id == place.cycle.id, Membership.course_id == place.viewer.course_id)
        .order_by(Mentee.id)
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(of=Mentee, key_share=True)
    return {mentee.person_id: mentee for mentee in session.scalars(query)}


def _title(column: str) -> str:
    return str(LAYOUT[column].title)


def carry_out(session: Session, place: Place, lines: Sequence[Line]) -> None:
    """Make the new records and change the others; those who need a mentor move as by hand, all at once."""
    at = place.desk
    targets: list[_Target] = [line.target for line in lines]
    empty: dict[str, Any] = {"wanted_form_id": None, "topics": [], "request": ""}
    new = {one.person_id: empty | {"kind": one.kind} | one.changes for one in targets if one.mentee is None}
    old = [(target.mentee, target) for target in targets if target.mentee is not None]
    mentees = {mentee.person_id: mentee for mentee in service.add_mentees(session, at, new, Source.FILE)}
    mentees |= {mentee.person_id: mentee for mentee, _target in old}
    if other_kinds := {mentee: target.kind for mentee, target in old if "kind" in target.changes}:
        service.change_kinds(session, at, other_kinds)
    for mentee, target in old:
        for name, value in target.changes.items():
            setattr(mentee, name, value)
    session.flush()
    changed = [mentee for mentee, target in old if target.changes.keys() - {"kind"}]
    trail.record_all(session, place, "mentee.request", [f"mentee:{mentee.id}" for mentee in changed])
    if needing := [mentees[target.person_id].id for target in targets if target.needs]:
        service.move_mentees(session, at, needing, MenteeAction.NEED)


KIND = Kind(LAYOUT, judge, carry_out)
