"""Who a row of a file is about: by the number in Moodle, the e-mail address, else by name and group.

Whoever could be two people is nobody: the row says who they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.people.imports.columns import NUMBER, REASON, Column
from lti_service.people.imports.lines import Line
from lti_service.people.imports.rules import alike, fold, same_name
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from lti_service.people.rules import split_groups

PERSON_COLUMNS = (
    Column(
        "name",
        _l("Family name, given name, patronymic"),
        (
            "Фамилия Имя Отчество",
            "ФИО",
            "Ф.И.О.",
            "Студент",
            "Обучающийся",
            "Участник",
            "Full name",
            "Name",
            "Family name, given name, patronymic",
        ),
        _l("The patronymic may be missing, here or in Moodle."),
        "Иванова Анна Петровна",
    ),
    Column(
        "group",
        _l("Group"),
        ("Группа", "Учебная группа", "Group"),
        _l("When two people have one name."),
        "ИС-21",
    ),
    Column(
        "email",
        _l("E-mail"),
        ("Электронная почта", "Адрес электронной почты", "E-mail", "Почта", "Email", "Эл. почта", "e mail address"),
        _l("As in Moodle. It is surer than the name."),
        "ivanova@college.ru",
    ),
    Column(
        "moodle",
        _l("Number in Moodle"),
        ("Номер в Moodle", "Moodle id", "ID в Moodle", "ID пользователя", "Number in Moodle", "User ID"),
        _l("The surest; may be left out."),
        "1204",
    ),
    Column("idnumber", _l("ID number"), ("Индивидуальный номер", "ID number", "Табельный номер"), offered=False),
    Column("family", _l("Family name"), ("Фамилия", "Last name", "Surname", "Family name"), offered=False),
    Column("given", _l("Given name"), ("Имя", "First name", "Given name"), offered=False),
    Column("patronymic", _l("Patronymic"), ("Отчество", "Middle name", "Patronymic"), offered=False),
    Column(NUMBER, _l("Row of the file"), ("Строка файла", "Row of the file"), offered=False),
    Column(REASON, _l("What to mend"), ("Что исправить", "What to mend"), offered=False),
)
WHO = ("name", "email", "moodle", "idnumber", "family")
"""One of them must be there."""


class Known(NamedTuple):
    """Somebody of the course."""

    id: int
    moodle_id: str | None
    family_name: str
    given_name: str
    email: str
    idnumber: str
    birth_date: date | None
    institution: str
    groups: str
    active: bool
    roles: list[Any]

    @property
    def name(self) -> str:
        return f"{self.family_name} {self.given_name}".strip() or f"№ {self.moodle_id or '—'}"

    @property
    def told(self) -> str:
        """The name with what tells two people of one name apart."""
        more = self.groups or self.email
        return f"{self.name} ({more})" if more else self.name


@dataclass(frozen=True, slots=True)
class _Key:
    column: str
    found: dict[str, list[Known]]
    must_be: bool
    """Whether a value that nobody has is wrong; else the name is tried."""


class People:
    """The people of a course, found by what rows of a file say; one query, however many rows."""

    def __init__(self, people: Sequence[Known]) -> None:
        self._keys = (
            _Key("moodle", _index(people, lambda one: one.moodle_id or ""), True),
            _Key("idnumber", _index(people, lambda one: fold(one.idnumber)), False),
            _Key("email", _index(people, lambda one: one.email.casefold()), False),
        )
        self._by_name: dict[str, list[tuple[str, Known]]] = {}
        for one in people:
            key = search_key(one.family_name, one.given_name)
            self._by_name.setdefault(_beginning(key), []).append((key, one))

    @classmethod
    def of_course(cls, session: Session, course_id: int, lock: bool = False) -> "People":
        """Everybody who is or was in the course, but for whom data were erased of; locked in the order of their ids if
        asked for."""
        query = (
            select(
                Person.id,
                Person.moodle_id,
                Person.family_name,
                Person.given_name,
                Person.email,
                Person.idnumber,
                Person.birth_date,
                Person.institution,
                Membership.groups,
                Membership.active,
                Membership.roles,
            )
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.course_id == course_id, Person.erased_at.is_(None))
            .order_by(Person.id)
        )
        if lock:
            query = query.with_for_update(of=Person, key_share=True)
        return cls([Known(*row) for row in session.execute(query)])

    def find(self, line: Line) -> Known | None:
        """Whom a row is about; None, with the reason in the line, when that is nobody or cannot be told."""
        found = self._search(line)
        if found is None:
            return None
        line.who = found.told
        if not found.active:
            line.wrong("", _("%(name)s has left the course.", name=found.name))
            return None
        return found

    def _search(self, line: Line) -> Known | None:
        values = line.row.values
        name = full_name(values)
        line.who = name or values.get("email", "") or values.get("moodle", "")
        chosen: Known | None = None
        for key in self._keys:
            told = values.get(key.column, "")
            if not told:
                continue
            folded = fold(told) if key.column == "idnumber" else told.casefold()
            found = _prefer_active(key.found.get(folded, []))
            if len(found) > 1:
                line.wrong(_title(key.column), _("Several people have it: %(names)s.", names=_named(found)))
                return None
            if not found and key.must_be:
                line.wrong(_title(key.column), _("Nobody in the course has it."))
                return None
            if found and chosen and found[0].id != chosen.id:
                reason = _("It belongs to %(other)s, and the rest of the row to %(name)s.")
                line.wrong(_title(key.column), reason % {"other": found[0].told, "name": chosen.told})
                return None
            chosen = chosen or (found[0] if found else None)
        if chosen is None:
            return self._by_full_name(line, name)
        if name and not alike(name, chosen.name):
            reason = _("By the number or address in this row it is %(name)s, another person.", name=chosen.told)
            line.wrong(_title("name"), reason)
            return None
        return chosen

    def _by_full_name(self, line: Line, name: str) -> Known | None:
        values = line.row.values
        key = search_key(name)
        if not key:
            where = next((column for column in ("email", "idnumber") if values.get(column)), "name")
            line.wrong(_title(where), _("Nobody in the course has it.") if where != "name" else _("Say who it is."))
            return None
        close = self._by_name.get(_beginning(key), [])
        found = [one for spelled, one in close if spelled == key]
        found = found or [one for spelled, one in close if same_name(spelled, key)]
        if not found:
            reason = _("There is nobody of this name in the course. Load the people from Moodle, or give the e-mail.")
            line.wrong(_title("name"), reason)
            line.is_nobody = True
            return None
        group = values.get("group", "")
        if group:
            found = self._of_group(line, found, group)
        found = _prefer_active(found)
        if len(found) > 1:
            reason = _("Several people have this name: %(names)s. Give the group or the e-mail.", names=_named(found))
            line.wrong(_title("name"), reason)
            return None
        return found[0] if found else None

    def _of_group(self, line: Line, found: list[Known], group: str) -> list[Known]:
        key = fold(group)
        there = [one for one in found if key in {fold(name) for name in split_groups(one.groups)}]
        # A course without a web service has no groups, and teachers are in none.
        there = there or [one for one in found if not one.groups]
        if not there:
            line.wrong(
                _title("group"),
                _("In this group there is nobody of this name; there is %(names)s.", names=_named(found)),
            )
        return there


def full_name(values: dict[str, str]) -> str:
    """The name that a row tells, in one column or in three."""
    parts = (values.get(key, "") for key in ("family", "given", "patronymic"))
    return " ".join((values.get("name") or " ".join(part for part in parts if part)).split())


def _index(people: Iterable[Known], key: Any) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = {}
    for one in people:
        if value := key(one):
            found.setdefault(value, []).append(one)
    return found


def _beginning(key: str) -> str:
    """Family name and given name."""
    return " ".join(key.split()[:2])


def _prefer_active(found: list[Known]) -> list[Known]:
    return [one for one in found if one.active] or found


NAMED = 4


def _named(found: Sequence[Known]) -> str:
    told = ", ".join(one.told for one in found[:NAMED])
    return told if len(found) <= NAMED else told + _(" and others")


def _title(column: str) -> str:
    return str(next(one.title for one in PERSON_COLUMNS if one.key == column))
