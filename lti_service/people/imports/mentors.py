"""Files of mentors: what they bring, how many they take and when; employers' people need no Moodle account for it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service.people import labels, profile, rules, service
from lti_service.people.employers import rules as employer_rules
from lti_service.people.employers import service as employers
from lti_service.people.employers.models import Employer
from lti_service.people.errors import PeopleError
from lti_service.people.guests import service as guests
from lti_service.people.guests.service import PersonFacts
from lti_service.people.imports.columns import Cells, Column, Layout
from lti_service.people.imports.finding import PERSON_COLUMNS, WHO, Known, People, full_name
from lti_service.people.imports.lines import Kind, Line, Place, begin, refuse_repeats
from lti_service.people.imports.mentees import known_topics
from lti_service.people.imports.rules import ValueUnclearError, Verdict, fold, parse_number, split_list
from lti_service.people.kinds import placing
from lti_service.people.models import ContactWay, MeetingTime, Membership, Mentor
from lti_service.people.names import search_key
from lti_service.people.profile import Profile
from lti_service.people.profile_forms import USUAL_CAPACITY
from lti_service.programme.models import Form, MentorKind

LAYOUT = Layout(
    (
        *PERSON_COLUMNS,
        Column(
            "kind",
            _l("Kind of mentor"),
            ("Вид наставника", "Вид", "Kind of mentor"),
            _l("Teacher, employer's mentor or senior student. An employer's mentor may have no Moodle account."),
            _l("Employer's mentor"),
        ),
        Column(
            "organisation",
            _l("Organisation"),
            ("Организация", "Место работы", "Предприятие", "Organisation"),
            _l("One of the list of employers is tied to them; another is kept as it is written."),
            "ООО «Шахта Полярная»",
        ),
        Column(
            "phone", _l("Phone"), ("Телефон", "Phone"), _l("Of somebody without a Moodle account; only you see it.")
        ),
        Column(
            "capacity",
            _l("Mentees at once"),
            ("Наставляемых одновременно", "Сколько наставляемых", "Mentees at once"),
            _l("From 1 to 20; 3 when it is left out."),
            "3",
        ),
        Column(
            "forms",
            _l("Forms of mentoring"),
            ("Формы наставничества", "Форма наставничества", "Формы", "Форма", "Forms of mentoring"),
            _l("As the programme calls them, with semicolons between them; left out: all for their kind."),
            "работодатель – студент",
        ),
        Column(
            "strengths",
            _l("Strong in"),
            ("Сильные стороны", "Strong in"),
            _l("Activities of the programme's forms, with semicolons between them."),
            "экскурсии на предприятия",
        ),
        Column(
            "offer",
            _l("In their own words"),
            ("Своими словами", "Чем может помочь", "In their own words"),
            _l("What they can help with."),
        ),
        Column("experience", _l("Experience"), ("Опыт", "Experience"), _l("What experience they bring.")),
        Column("experience_years", _l("Years of it"), ("Лет опыта", "Стаж", "Стаж, лет", "Years of it"), "", "12"),
        Column(
            "times",
            _l("Times that suit"),
            ("Удобное время", "Times that suit"),
            _l("Mornings, afternoons or evenings of weekdays, Saturday, Sunday, or your own words."),
            _l("weekday evenings; after 16:00"),
        ),
        Column(
            "contact",
            _l("Preferred contact"),
            ("Предпочтительная связь", "Связь", "Preferred contact"),
            _l("How, and the number or address; their mentees see it once a pair is agreed."),
            _l("by telephone: 8 900 123-45-67"),
        ),
    ),
    needs=(WHO,),
)
KIND_WORDS = {
    MentorKind.TEACHER: ("преподаватель", "педагог", "учитель", "teacher"),
    MentorKind.EMPLOYER: ("наставник от работодателя", "работодатель", "от работодателя", "предприятие", "employer"),
    MentorKind.STUDENT: ("старшекурсник", "студент", "student"),
}
TEXTS = {
    "offer": rules.LONGEST_OFFER,
    "experience": rules.LONGEST_OFFER,
}
OUTSIDER_COLUMNS = {"family_name": "name", "given_name": "name", "email": "email", "phone": "phone"}


@dataclass
class _Target:
    person_id: int | None
    outsider: PersonFacts | None
    mentor: Mentor | None
    kind: MentorKind
    profile: Profile
    employer_id: int | None
    """Whose they are to be; None: stays as it is."""


@dataclass(frozen=True)
class _Words:
    """Words of the request's language, looked up once: for each of 10,000 rows that takes longer than all the rest."""

    titles: dict[str, str]
    """Key of a column → what it is called."""
    kinds: dict[str, MentorKind]
    times: dict[str, MeetingTime]
    contacts: dict[str, ContactWay]
    """By the words, folded."""

    @classmethod
    def here(cls) -> "_Words":
        """In the language of this request."""
        kinds = {kind: (*KIND_WORDS[kind], str(labels.MENTOR_KINDS[kind])) for kind in MentorKind}
        return cls(
            titles={column.key: str(column.title) for column in LAYOUT.columns},
            kinds={fold(word): kind for kind, words in reversed(kinds.items()) for word in words},
            times={fold(str(word)): time for time, word in labels.MEETING_TIMES.items()},
            contacts={fold(str(word)): way for way, word in labels.CONTACT_WAYS.items()},
        )


@dataclass(frozen=True)
class _Around:
    """What all rows are judged by."""

    forms: list[Form]
    employers: dict[str, Employer]
    """By the keys of their names, long and short."""
    words: _Words

    def of_kind(self, kind: MentorKind, mentor: Mentor | None) -> list[Form]:
        """The forms that a mentor of this kind may be said to lead: a retired one only whoever has chosen it before."""
        own = mentor.forms if mentor else []
        return [form for form in self.forms if form.mentor_kind is kind and (not form.is_retired or form in own)]


def judge(session: Session, place: Place, rows: Sequence[Cells], lock: bool) -> list[Line]:
    """Who comes into the base, and what changes of their profiles."""
    people = People.of_course(session, place.viewer.course_id, lock)
    known = _mentors(session, place, lock)
    around = _Around(list(place.cycle.programme.forms), _employers(session, place.viewer.platform_id), _Words.here())
    lines = begin(rows)
    found = {id(line): person for line in lines if (person := people.find(line)) is not None and not line.is_wrong}
    new = {person.id for person in found.values()} - known.keys()
    kinds = placing.of_people(session, place.viewer.platform_id, new, place.day) if new else {}
    for line in lines:
        person = found.get(id(line))
        if person is not None:
            by_rules = kinds[person.id].mentor if person.id in kinds else None
            _judge_one(line, person, known.get(person.id), by_rules or MentorKind.TEACHER, around)
        elif line.is_nobody and len(line.problems) == 1 and _is_from_employer(line, around):
            line.problems, line.verdict = [], Verdict.SAME
            _judge_one(line, None, None, MentorKind.EMPLOYER, around)
    reason = _("Row %(row)s is about the same person.")
    refuse_repeats(lines, lambda line: _identity(line.target) if line.target else None, reason)
    return lines


def _identity(target: _Target) -> Any:
    if target.outsider is None:
        return target.person_id
    # Two strangers of one name are told apart by their addresses, and one address is one stranger's.
    return target.outsider.email.casefold() or search_key(target.outsider.family_name, target.outsider.given_name)


def _is_from_employer(line: Line, around: _Around) -> bool:
    return around.words.kinds.get(fold(line.row.values.get("kind", ""))) is MentorKind.EMPLOYER


def _judge_one(line: Line, person: Known | None, mentor: Mentor | None, likely: MentorKind, around: _Around) -> None:
    outsider = _outsider(line) if person is None else None
    kind = _kind(line, mentor, likely, around)
    if person is not None and person.moodle_id is None and kind is not MentorKind.EMPLOYER:
        line.wrong(_title("kind"), _("Whoever has no Moodle account can be an employer's mentor only."))
    before = _as_kept(mentor)
    forms = around.of_kind(kind, mentor)
    told = _told(line, forms, around)
    if "form_ids" in told:
        # A retired form stays with whoever has it, as on the pages.
        told["form_ids"] = [form.id for form in forms if form.is_retired or form.id in told["form_ids"]]
    wanted = replace(before, **told)
    if mentor is not None and kind is not mentor.kind and "form_ids" not in told:
        wanted = replace(wanted, form_ids=[found for found in wanted.form_ids if found in {form.id for form in forms}])
    employer, organisation = _organisation(line, person, mentor, around)
    if organisation is not None:
        wanted = replace(wanted, organisation=organisation)
    if not line.is_wrong:
        _check(line, forms, wanted)
    if line.is_wrong:
        return
    line.target = _Target(
        person.id if person else None, outsider, mentor, kind, wanted, employer.id if employer else None
    )
    line.plan = {
        "person": person.id if person else asdict(outsider) if outsider else None,
        "mentor": mentor.id if mentor else None,
        "kind": [mentor.kind.value if mentor else "", kind.value],
        "profile": [_plain(before), _plain(wanted)],
        "employer": [mentor.employer_id if mentor else None, employer.id if employer else None],
    }
    _describe(line, mentor, kind, before, wanted, around)
    if employer is not None:
        line.change(around.words.titles["organisation"], mentor.workplace if mentor else "", employer.shown_name)


_FIELDS = tuple(one.name for one in fields(Profile))


def _plain(told: Profile) -> dict[str, Any]:
    """The same as `asdict`, which copies what nobody changes."""
    return {name: getattr(told, name) for name in _FIELDS}


def _describe(
    line: Line, mentor: Mentor | None, kind: MentorKind, before: Profile, wanted: Profile, around: _Around
) -> None:
    title = around.words.titles
    if mentor is None:
        line.verdict = Verdict.NEW
        line.change(title["kind"], None, labels.MENTOR_KINDS[kind])
    elif mentor.kind is not kind:
        line.change(title["kind"], labels.MENTOR_KINDS[mentor.kind], labels.MENTOR_KINDS[kind])
    if line.target.outsider is not None:
        line.change(_("Account in Moodle"), None, _("none: from outside"))
    titles = {form.id: form.title for form in around.forms}
    shown: dict[str, Any] = {
        "forms": lambda one: [titles[found] for found in one.form_ids],
        "strengths": lambda one: list(one.strengths),
        "capacity": lambda one: one.capacity,
        "offer": lambda one: one.offer,
        "organisation": lambda one: one.organisation,
        "experience": lambda one: one.experience,
        "experience_years": lambda one: one.experience_years,
        "times": lambda one: [*(labels.MEETING_TIMES[time] for time in one.times), *filter(None, [one.times_note])],
        "contact": lambda one: ": ".join(
            filter(None, [str(labels.CONTACT_WAYS[one.contact_way]) if one.contact_way else "", one.contact])
        ),
    }
    for column, of in shown.items():
        old, new = of(before), of(wanted)
        if old != new:
            line.change(title[column], old, new)


def _told(line: Line, forms: Sequence[Form], around: _Around) -> dict[str, Any]:
    """Fields of a profile that the row tells; what cannot be is said in the line."""
    values = line.row.values
    told: dict[str, Any] = {}
    for name, most in TEXTS.items():
        if name in values:
            told[name] = values[name]
            if len(values[name]) > most:
                line.wrong(_title(name), _("No more than %(most)s characters.", most=most))
    for name in ("capacity", "experience_years"):
        if name in values:
            try:
                told[name] = parse_number(values[name])
            except ValueUnclearError:
                line.wrong(_title(name), _("Write a whole number."))
    if "forms" in values:
        told["form_ids"] = _form_ids(line, forms)
    if "strengths" in values:
        told["strengths"], unknown = known_topics(values["strengths"], forms)
        if unknown:
            line.wrong(_title("strengths"), _("The programme has no such topic: %(topics)s.", topics=_listed(unknown)))
    if "times" in values:
        told |= _times(line, around)
    if "contact" in values:
        told |= _contact(line, around)
    return told


def _form_ids(line: Line, forms: Sequence[Form]) -> list[int]:
    known = {fold(name): form.id for form in forms for name in (form.title, form.code)}
    told = split_list(line.row.values["forms"])
    unknown = [part for part in told if fold(part) not in known]
    if unknown:
        fitting = _listed(form.title for form in forms)
        line.wrong(
            _title("forms"), _("There is no such form for this kind of mentor; there is: %(forms)s.", forms=fitting)
        )
    chosen = {known[fold(part)] for part in told if fold(part) in known}
    return [form.id for form in forms if form.id in chosen]


def _times(line: Line, around: _Around) -> dict[str, Any]:
    words = around.words.times
    chosen: set[MeetingTime] = set()
    more: list[str] = []
    for part in split_list(line.row.values["times"].replace(",", ";")):
        if fold(part) in words:
            chosen.add(words[fold(part)])
        else:
            more.append(part)
    note = ", ".join(more)
    if len(note) > rules.LONGEST_TIMES:
        line.wrong(_title("times"), _("No more than %(most)s characters.", most=rules.LONGEST_TIMES))
    return {"times": [time for time in MeetingTime if time in chosen], "times_note": note}


def _contact(line: Line, around: _Around) -> dict[str, Any]:
    text, words = line.row.values["contact"], around.words.contacts
    before, _colon, after = text.partition(":")
    if fold(before) in words:
        way, contact = words[fold(before)], after.strip()
    elif employer_rules.is_email(text):
        way, contact = ContactWay.EMAIL, text
    elif employer_rules.is_phone(text):
        way, contact = ContactWay.PHONE, text
    else:
        ways = _listed(labels.CONTACT_WAYS.values())
        line.wrong(_title("contact"), _("Begin with how, and a colon: %(ways)s.", ways=ways))
        return {}
    if len(contact) > rules.LONGEST_CONTACT:
        line.wrong(_title("contact"), _("No more than %(most)s characters.", most=rules.LONGEST_CONTACT))
    return {"contact_way": way, "contact": contact}


def _organisation(
    line: Line, person: Known | None, mentor: Mentor | None, around: _Around
) -> tuple[Employer | None, str | None]:
    """The employer to tie them to, or the words to keep; neither: it stays."""
    text = " ".join(line.row.values.get("organisation", "").split())
    key = employer_rules.name_key(text)
    if not key:
        return None, None
    employer = around.employers.get(key)
    if employer is not None:
        return (employer, None) if mentor is None or mentor.employer_id != employer.id else (None, None)
    workplace = mentor.workplace if mentor else person.institution if person else ""
    if key == employer_rules.name_key(workplace):
        return None, None
    if mentor is not None and mentor.employer_id is not None:
        line.wrong(_title("organisation"), _("There is no such organisation in the list of employers: add it first."))
    if len(text) > rules.LONGEST_ORGANISATION:
        line.wrong(_title("organisation"), _("No more than %(most)s characters.", most=rules.LONGEST_ORGANISATION))
    return None, text


def _check(line: Line, forms: Sequence[Form], wanted: Profile) -> None:
    try:
        profile.check(forms, wanted)
    except PeopleError as error:
        known = {one.key for one in LAYOUT.columns}
        column = "contact" if error.field == "contact_way" else error.field
        line.wrong(_title(column) if column in known else "", error.text)


def _outsider(line: Line) -> PersonFacts | None:
    values = line.row.values
    family, _space, given = full_name(values).partition(" ")
    facts = PersonFacts(family, given, values.get("email", ""), values.get("phone", ""))
    try:
        return guests.checked(facts)
    except PeopleError as error:
        line.wrong(_title(OUTSIDER_COLUMNS.get(error.field, "name")), error.text)
        return None


def _kind(line: Line, mentor: Mentor | None, likely: MentorKind, around: _Around) -> MentorKind:
    text = line.row.values.get("kind", "")
    if not text:
        return mentor.kind if mentor else likely
    kind = around.words.kinds.get(fold(text))
    if kind is None:
        line.wrong(_title("kind"), _("Write one of: %(words)s.", words=_listed(labels.MENTOR_KINDS.values())))
        return likely
    return kind


def _as_kept(mentor: Mentor | None) -> Profile:
    if mentor is None:
        return Profile(capacity=USUAL_CAPACITY, form_ids=[], strengths=[], times=[])
    return Profile(
        capacity=mentor.capacity,
        form_ids=[form.id for form in mentor.forms],
        strengths=list(mentor.strengths),
        offer=mentor.offer,
        organisation=mentor.organisation,
        experience=mentor.experience,
        experience_years=mentor.experience_years,
        times=[MeetingTime(time) for time in mentor.times],
        times_note=mentor.times_note,
        contact_way=mentor.contact_way,
        contact=mentor.contact,
    )


def _mentors(session: Session, place: Place, lock: bool) -> dict[int, Mentor]:
    query = (
        select(Mentor)
        .join(Membership, Membership.person_id == Mentor.person_id)
        .where(Mentor.cycle_id == place.cycle.id, Membership.course_id == place.viewer.course_id)
        .options(joinedload(Mentor.person, innerjoin=True), joinedload(Mentor.employer), selectinload(Mentor.forms))
        .order_by(Mentor.id)
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(of=Mentor, key_share=True)
    return {mentor.person_id: mentor for mentor in session.scalars(query)}


def _employers(session: Session, platform_id: int) -> dict[str, Employer]:
    found: dict[str, Employer] = {}
    for employer in employers.all_of(session, platform_id):
        found[employer.name_key] = employer
        if employer.short_name:
            found.setdefault(employer_rules.name_key(employer.short_name), employer)
    return found


def _listed(words: Iterable[Any]) -> str:
    return "; ".join(f"«{str(word).strip('«»')}»" for word in words)


def _title(column: str) -> str:
    return str(LAYOUT[column].title)


def carry_out(session: Session, place: Place, lines: Sequence[Line]) -> None:
    """Make the new records and keep what the profiles say, as by hand but all at once."""
    at = place.desk
    targets: list[_Target] = [line.target for line in lines]
    outsiders = [target for target in targets if target.outsider is not None]
    mentors = {id(target): target.mentor for target in targets}
    forms = {kind: profile.forms_of_mentor(place.cycle, kind) for kind in MentorKind}
    if outsiders:
        facts = [target.outsider for target in outsiders if target.outsider]
        rows = [profile.columns(forms[target.kind], target.profile) for target in outsiders]
        added = guests.add_mentors(session, at, facts, rows)
        mentors |= {id(target): mentor for target, mentor in zip(outsiders, added, strict=True)}
    new = {target.person_id: target for target in targets if target.mentor is None and target.person_id is not None}
    if new:
        kinds = {person_id: target.kind for person_id, target in new.items()}
        said = {one: profile.columns(forms[target.kind], target.profile) for one, target in new.items()}
        added = service.add_mentors(session, at, kinds, said)
        mentors |= {id(new[mentor.person_id]): mentor for mentor in added}
    changed: dict[tuple[str, ...], list[str]] = {}
    employer_of: dict[Mentor, int] = {}
    for target in targets:
        mentor = mentors[id(target)]
        assert mentor is not None
        offered = [form.id for form in forms[target.kind] if form.id in target.profile.form_ids]
        parts = profile.put(mentor, target.kind, forms[target.kind], replace(target.profile, form_ids=offered))
        if parts and target.mentor is not None:
            changed.setdefault(tuple(parts), []).append(f"mentor:{mentor.id}")
        if target.employer_id is not None:
            employer_of[mentor] = target.employer_id
    # It flushes, so that each row is written once with all that changes of it.
    employers.set_employers(session, place.viewer, employer_of)
    for told, subjects in changed.items():
        service.record_all(session, at, "mentor.changed", subjects, parts=list(told))


KIND = Kind(LAYOUT, judge, carry_out)
