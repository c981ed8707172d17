"""Files of organisations: in each row one of them, with a contact or an agreement of theirs if those are told.

An organisation may stand in several rows, each with another contact or agreement. What they say of the organisation
itself must agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.people.employers import labels as words
from lti_service.people.employers import rules as employer_rules
from lti_service.people.employers import service as employers
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.service import AgreementFacts, ContactFacts, EmployerFacts
from lti_service.people.errors import PeopleError
from lti_service.people.imports.columns import NUMBER, REASON, Cells, Column, Layout
from lti_service.people.imports.lines import Kind, Line, Place, begin
from lti_service.people.imports.rules import ValueUnclearError, Verdict, choose, parse_day

LAYOUT = Layout(
    (
        Column(
            "name",
            _l("Organisation"),
            ("Организация", "Полное название", "Название организации", "Предприятие", "Работодатель", "Organisation"),
            _l("The full name, as in the agreements."),
            "ООО «Шахта Полярная»",
            needed=True,
        ),
        Column(
            "short_name",
            _l("Short name"),
            ("Короткое название", "Краткое название", "Сокращённое название", "Short name"),
        ),
        Column("inn", _l("INN"), ("ИНН", "INN"), _l("10 or 12 digits; may be left out."), "7707083893"),
        Column("address", _l("Address"), ("Адрес", "Address")),
        Column(
            "contact",
            _l("Contact person"),
            ("Контактное лицо", "Контакт", "ФИО контактного лица", "Представитель организации", "Contact person"),
            _l("One a row; for another repeat the organisation in a row of its own."),
            "Орлов Пётр Ильич",
        ),
        Column("position", _l("Position"), ("Должность", "Position"), "", "начальник отдела кадров"),
        Column(
            "phone", _l("Phone"), ("Телефон", "Phone"), _l("A contact has a phone or an e-mail."), "8 (3846) 61-20-33"
        ),
        Column(
            "email",
            _l("E-mail"),
            ("Электронная почта", "E-mail", "Почта", "Эл. почта", "Email"),
            "",
            "orlov@mine.ru",
        ),
        Column(
            "kind",
            _l("Kind of agreement"),
            ("Вид договора", "Kind of agreement"),
            _l("Dual training, practice, other agreement."),
            _l("Dual training"),
        ),
        Column(
            "number",
            _l("Number of the agreement"),
            ("Номер договора", "№ договора", "Номер", "Number of the agreement", "Number"),
            "",
            "17/2025",
        ),
        Column(
            "signed_on",
            _l("Date of the agreement"),
            ("Дата договора", "Дата заключения", "Дата", "Date of the agreement", "Date"),
            "",
            "15.01.2025",
            is_day=True,
        ),
        Column(
            "valid_until",
            _l("Valid until"),
            ("Действует до", "Срок действия", "Valid until"),
            _l("Its last day; empty: without an end."),
            "31.12.2027",
            is_day=True,
        ),
        Column("subject", _l("What it is about"), ("Предмет договора", "Предмет", "What it is about")),
        Column("note", _l("Note"), ("Примечание", "Note"), _l("Only curators read it.")),
        Column(NUMBER, _l("Row of the file"), ("Строка файла", "Row of the file"), offered=False),
        Column(REASON, _l("What to mend"), ("Что исправить", "What to mend"), offered=False),
    ),
    needs=(("name",),),
)
OF_EMPLOYER = ("name", "short_name", "inn", "address", "note")
OF_CONTACT = ("contact", "position", "phone", "email")
OF_AGREEMENT = ("kind", "number", "signed_on", "valid_until", "subject")
KIND_WORDS = {
    AgreementKind.DUAL: ("дуальное обучение", "дуальный", "о дуальном обучении", "дуальное", "dual training", "dual"),
    AgreementKind.PRACTICE: (
        "практика",
        "о практике",
        "практическая подготовка",
        "производственная практика",
        "practice",
    ),
    AgreementKind.OTHER: ("другой договор", "другой", "иной", "прочее", "прочий", "other agreement", "other"),
}

F = TypeVar("F", EmployerFacts, ContactFacts, AgreementFacts)
AgreementKey = tuple[AgreementKind, str, date]


@dataclass
class _Known:
    """An organisation as it is, and as the rows so far would make it."""

    id: int | None
    facts: EmployerFacts
    contacts: dict[str, tuple[int | None, ContactFacts]] = field(default_factory=dict)
    agreements: dict[AgreementKey, tuple[int | None, AgreementFacts]] = field(default_factory=dict)
    said: dict[tuple[Any, ...], tuple[int, Any]] = field(default_factory=dict)
    """What a row of the file has said of it: the row, and the value."""


@dataclass
class _Target:
    key: str
    employer: EmployerFacts | None = None
    """None: stays as it is."""
    contact: ContactFacts | None = None
    agreement: AgreementFacts | None = None


def judge(session: Session, place: Place, rows: Sequence[Cells], lock: bool) -> list[Line]:
    """Which organisations, contacts and agreements come or change."""
    known = _known(session, place.viewer.platform_id, lock)
    by_short = {
        employer_rules.name_key(one.facts.short_name): key for key, one in known.items() if one.facts.short_name
    }
    lines = begin(rows)
    for line in lines:
        line.who = line.row.values.get("name", "")
        if line.is_wrong:
            continue
        key = employer_rules.name_key(line.row.values.get("name", ""))
        if key not in known:
            key = by_short.get(key, key)
        _judge_one(line, known, key, place.day)
    return lines


def _judge_one(line: Line, known: dict[str, _Known], key: str, today: date) -> None:
    values = line.row.values
    one = known.get(key)
    target = line.target = _Target(key)
    before = one.facts if one else EmployerFacts(values.get("name", ""))
    told = {name: values[name] for name in OF_EMPLOYER if name in values}
    if one is not None:
        # Written with other quotation marks, or by its short name, it is the same name.
        told.pop("name", None)
    facts = _checked(line, lambda: employers.checked_employer(replace(before, **told)), {})
    contact = _contact(line, one)
    agreement = _agreement(line, one, today)
    if line.is_wrong or facts is None:
        return
    if one is None:
        one = known[key] = _Known(None, facts)
        line.verdict = Verdict.NEW
        target.employer = facts
    elif facts != one.facts:
        for name in OF_EMPLOYER:
            if getattr(facts, name) != getattr(one.facts, name):
                line.change(LAYOUT[name].title, getattr(one.facts, name), getattr(facts, name))
        target.employer = facts
    for name in told:
        _say(line, one, ("employer", name), getattr(facts, name), name)
    line.plan = {"employer": key, "id": one.id, "before": asdict(one.facts), "facts": asdict(facts)}
    if contact is not None:
        _plan_contact(line, one, contact, target)
    if agreement is not None:
        _plan_agreement(line, one, agreement, target)
    if not line.is_wrong:
        one.facts = facts


def _contact(line: Line, one: _Known | None) -> ContactFacts | None:
    values = line.row.values
    if not any(name in values for name in OF_CONTACT):
        return None
    told = {name: values[name] for name in ("position", "phone", "email") if name in values}
    _id, before = one.contacts.get(_key_of(values.get("contact", "")), (None, None)) if one else (None, None)
    facts = before or ContactFacts(values.get("contact", ""))
    return _checked(line, lambda: employers.checked_contact(replace(facts, **told)), {"name": "contact"})


def _plan_contact(line: Line, one: _Known, contact: ContactFacts, target: _Target) -> None:
    key = _key_of(contact.name)
    _id, before = one.contacts.get(key, (None, None))
    for name in ("position", "phone", "email"):
        if name in line.row.values:
            _say(line, one, ("contact", key, name), getattr(contact, name), name)
    line.plan["contact"] = [asdict(before) if before else None, asdict(contact)]
    if contact == before or line.is_wrong:
        return
    target.contact = contact
    one.contacts[key] = (_id, contact)
    line.change(LAYOUT["contact"].title, _in_words(before), _in_words(contact))


def _agreement(line: Line, one: _Known | None, today: date) -> AgreementFacts | None:
    values = line.row.values
    if not any(name in values for name in OF_AGREEMENT):
        return None
    kind = _kind(line)
    signed_on, valid_until = _day(line, "signed_on"), _day(line, "valid_until")
    if signed_on is None and "signed_on" not in values:
        line.wrong(str(LAYOUT["signed_on"].title), _("Say the date of the agreement."))
    if kind is None or signed_on is None or line.is_wrong:
        return None
    number = " ".join(values.get("number", "").split())
    _id, before = one.agreements.get((kind, number, signed_on), (None, None)) if one else (None, None)
    facts = before or AgreementFacts(kind, number, signed_on)
    if "valid_until" in values:
        facts = replace(facts, valid_until=valid_until)
    if "subject" in values:
        facts = replace(facts, subject=values["subject"])
    return _checked(line, lambda: employers.checked_agreement(facts, today), {})


def _plan_agreement(line: Line, one: _Known, agreement: AgreementFacts, target: _Target) -> None:
    key = (agreement.kind, agreement.number, agreement.signed_on)
    _id, before = one.agreements.get(key, (None, None))
    for name in ("valid_until", "subject"):
        if name in line.row.values:
            _say(line, one, ("agreement", key, name), getattr(agreement, name), name)
    line.plan["agreement"] = [asdict(before) if before else None, asdict(agreement)]
    if agreement == before or line.is_wrong:
        return
    target.agreement = agreement
    one.agreements[key] = (_id, agreement)
    line.change(_("Agreement"), _in_words(before), _in_words(agreement))


def _kind(line: Line) -> AgreementKind | None:
    text = line.row.values.get("kind", "")
    if not text:
        line.wrong(str(LAYOUT["kind"].title), _("Say which agreement it is: %(kinds)s.", kinds=_kinds()))
        return None
    try:
        return choose(text, {kind: (*spelled, str(words.KINDS[kind])) for kind, spelled in KIND_WORDS.items()})
    except ValueUnclearError:
        line.wrong(
            str(LAYOUT["kind"].title), _("There is no such kind of agreement; there is: %(kinds)s.", kinds=_kinds())
        )
        return None


def _kinds() -> str:
    return ", ".join(str(word) for word in words.KINDS.values())


def _day(line: Line, name: str) -> date | None:
    text = line.row.values.get(name, "")
    try:
        return parse_day(text)
    except ValueUnclearError:
        line.wrong(str(LAYOUT[name].title), _("“%(text)s” is no date: write it as 15.11.2026.", text=text[:60]))
        return None


def _checked(line: Line, check: Callable[[], F], columns: dict[str, str]) -> F | None:
    try:
        return check()
    except PeopleError as error:
        column = columns.get(error.field, error.field)
        known = {one.key for one in LAYOUT.columns}
        line.wrong(str(LAYOUT[column].title) if column in known else "", error.text)
        return None


def _say(line: Line, one: _Known, about: tuple[Any, ...], value: Any, name: str) -> None:
    """Remember what the row says; it is wrong when an earlier row has said otherwise."""
    row, said = one.said.setdefault(about, (line.row.number, value))
    if said != value:
        line.wrong(str(LAYOUT[name].title), _("Row %(row)s says otherwise of the same.", row=row))


def _in_words(facts: ContactFacts | AgreementFacts | None) -> str:
    if facts is None:
        return ""
    if isinstance(facts, ContactFacts):
        return ", ".join(part for part in (facts.name, facts.position, facts.phone, facts.email) if part)
    until = _("until %(day)s", day=facts.valid_until.strftime("%d.%m.%Y")) if facts.valid_until else ""
    named = f"{words.KINDS[facts.kind]} № {facts.number} {facts.signed_on.strftime('%d.%m.%Y')}"
    return ", ".join(part for part in (named, until, facts.subject) if part)


def _key_of(name: str) -> str:
    return employer_rules.name_key(name)


def _known(session: Session, platform_id: int, lock: bool) -> dict[str, _Known]:
    query = select(Employer).where(Employer.platform_id == platform_id).order_by(Employer.id)
    if lock:
        query = query.with_for_update(key_share=True)
    of_college = list(session.scalars(query.execution_options(populate_existing=True)))
    by_id: dict[int, _Known] = {}
    found: dict[str, _Known] = {}
    for employer in of_college:
        facts = EmployerFacts(employer.name, employer.short_name, employer.inn, employer.address, employer.note)
        by_id[employer.id] = found[employer.name_key] = _Known(employer.id, facts)
    mine = select(Employer.id).where(Employer.platform_id == platform_id)
    contacts = select(EmployerContact).where(EmployerContact.employer_id.in_(mine)).order_by(EmployerContact.id)
    for contact in session.scalars(contacts.execution_options(populate_existing=True)):
        told = ContactFacts(contact.name, contact.position, contact.phone, contact.email)
        by_id[contact.employer_id].contacts.setdefault(_key_of(contact.name), (contact.id, told))
    agreements = select(Agreement).where(Agreement.employer_id.in_(mine)).order_by(Agreement.id)
    for row in session.scalars(agreements.execution_options(populate_existing=True)):
        signed = AgreementFacts(row.kind, row.number, row.signed_on, row.valid_until, row.subject)
        by_id[row.employer_id].agreements[(row.kind, row.number, row.signed_on)] = (row.id, signed)
    return found


def carry_out(session: Session, place: Place, lines: Sequence[Line]) -> None:
    """Do it through the same doors as by hand, in the order of the file."""
    viewer = place.viewer
    ids = _known(session, viewer.platform_id, False)
    for line in lines:
        target: _Target = line.target
        one = ids.get(target.key)
        if one is None or one.id is None:
            assert target.employer is not None
            one = ids[target.key] = _Known(employers.add(session, viewer, target.employer).id, target.employer)
        elif target.employer is not None:
            employers.change(session, viewer, one.id, target.employer)
        assert one.id is not None
        if target.contact is not None:
            _keep_contact(session, place, one, target.contact)
        if target.agreement is not None:
            _keep_agreement(session, place, one, target.agreement)


def _keep_contact(session: Session, place: Place, one: _Known, contact: ContactFacts) -> None:
    assert one.id is not None
    key = _key_of(contact.name)
    contact_id, _before = one.contacts.get(key, (None, None))
    if contact_id is None:
        contact_id = employers.add_contact(session, place.viewer, one.id, contact).id
    else:
        employers.change_contact(session, place.viewer, one.id, contact_id, contact)
    one.contacts[key] = (contact_id, contact)


def _keep_agreement(session: Session, place: Place, one: _Known, agreement: AgreementFacts) -> None:
    assert one.id is not None
    key = (agreement.kind, agreement.number, agreement.signed_on)
    agreement_id, _before = one.agreements.get(key, (None, None))
    if agreement_id is None:
        agreement_id = employers.add_agreement(session, place.viewer, one.id, agreement, place.day).id
    else:
        employers.change_agreement(session, place.viewer, one.id, agreement_id, agreement, place.day)
    one.agreements[key] = (agreement_id, agreement)


KIND = Kind(LAYOUT, judge, carry_out)
