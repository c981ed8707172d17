"""Consents to the processing of personal data: whose counts on a day, giving, recording and withdrawing them.

The rule is `valid_for` and nowhere else: a consent counts while it is not withdrawn, no later text has asked everybody
again, and it was given by whoever may give it. Of age that is the person themselves, who was of age when they agreed;
under 18 a representative, whose word ends on the eighteenth birthday. Whose birth date is not known is of age if they
said so, and a minor if a representative signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Date, Subquery, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from lti_service import audit, db
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import in_parts
from lti_service.people.consents import rules
from lti_service.people.consents.models import Audience, Consent, ConsentText, Relation, TextSource, Way
from lti_service.people.consents.wording import TITLES, text_for
from lti_service.people.errors import (
    AgeNotConfirmedError,
    MinorCannotConsentError,
    NoPaperError,
    NothingToWithdrawError,
    PapersWrongError,
    ReasonNeededError,
    TextChangedError,
    TextWrongError,
    WithdrawalDateError,
)
from lti_service.people.models import Membership, Person
from lti_service.people.privacy import identities
from lti_service.platforms.models import Platform
from lti_service.prepared import Prepared
from lti_service.programme import service as programme

# --- the rule -----------------------------------------------------------------------------------------------------


class Standing(IntEnum):
    """What somebody's consents come to; from GRANTED on one of them counts."""

    NONE = 0
    WITHDRAWN = 1
    LAPSED = 2
    """One was given and does not count any more: the text asks again, or the person has come of age."""
    REPRESENTATIVE = 3
    OWN = 4


GRANTED = Standing.REPRESENTATIVE
_BY_THEMSELVES = (Way.TOOL, Way.PAPER)
# Not `in_`, whose list is spelled out anew each time that a statement runs, and every home page runs one.
_SIGNED_BY_THEMSELVES = or_(*(Consent.way == way for way in _BY_THEMSELVES))


def valid_for(day: date, person: type[Person] = Person) -> ColumnElement[bool]:
    """Whether the person has a consent that counts on the platform's `day`; a condition for queries over `person`.

    The query that it is put into must have `person` (or an alias of it) among its tables.
    """
    return valid_if_grown(rules.grown_if_born_by(day), person)


def valid_if_grown(by: Any, person: type[Person] = Person) -> ColumnElement[bool]:
    """`valid_for` for statements composed once: `by` is the parameter for `consent_rules.grown_if_born_by(day)`."""
    found = exists().where(Consent.person_id == person.id, Consent.text_id == ConsentText.id, _counts(by, person))
    return found.correlate(person)


def standing_on(day: date, person: type[Person] = Person) -> ColumnElement[int]:
    """The value of `Standing` of the person on the platform's `day`, for queries over `person`."""
    return standing_if_grown(rules.grown_if_born_by(day), person)


def standing_if_grown(by: Any, person: type[Person] = Person) -> ColumnElement[int]:
    """`standing_on` for statements composed once; see `valid_if_grown`."""
    best = (
        select(func.max(_rank(by, person)))
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .where(Consent.person_id == person.id)
        .correlate(person)
        .scalar_subquery()
    )
    return func.coalesce(best, int(Standing.NONE))


def _rank(grown_by: Any, person: type[Person]) -> ColumnElement[int]:
    """The standing that one consent alone gives, with its text and its person."""
    counts = _counts(grown_by, person)
    return case(
        (and_(counts, _SIGNED_BY_THEMSELVES), int(Standing.OWN)),
        (counts, int(Standing.REPRESENTATIVE)),
        (Consent.withdrawn_at.is_(None), int(Standing.LAPSED)),
        else_=int(Standing.WITHDRAWN),
    )


def _counts(grown_by: Any, person: type[Person]) -> ColumnElement[bool]:
    """The rule itself, over one consent with its text and its person."""
    unknown = person.birth_date.is_(None)
    of_age_then = or_(unknown, person.birth_date <= Consent.grown_if_born_by)
    minor_now = or_(unknown, person.birth_date > grown_by)
    by_whoever_may = or_(
        and_(_SIGNED_BY_THEMSELVES, of_age_then),
        and_(Consent.way == Way.REPRESENTATIVE, minor_now),
    )
    return and_(Consent.withdrawn_at.is_(None), ConsentText.counts, by_whoever_may)


class Stands(StrEnum):
    """How people of a list stand with their consents."""

    MISSING = "missing"
    """None of theirs counts, for whatever reason."""
    MINOR = "minor"
    """The same, and they are known to be under 18."""
    NONE = "none"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REPRESENTATIVE = "representative"
    OWN = "own"


EXACT = {
    Stands.NONE: Standing.NONE,
    Stands.WITHDRAWN: Standing.WITHDRAWN,
    Stands.LAPSED: Standing.LAPSED,
    Stands.REPRESENTATIVE: Standing.REPRESENTATIVE,
    Stands.OWN: Standing.OWN,
}


def is_under_age(day: date) -> ColumnElement[bool]:
    """Whether the person is known to be under 18."""
    return func.coalesce(Person.birth_date > rules.grown_if_born_by(day), False)


def all_withdrawn() -> ColumnElement[bool]:
    """Whether a person has taken back what consents they gave, all of them; a condition for queries over `Person`."""
    given = exists().where(Consent.person_id == Person.id)
    kept = given.where(Consent.withdrawn_at.is_(None))
    return and_(given.correlate(Person), ~kept.correlate(Person))


def stands_so(stands: Stands, day: date) -> ColumnElement[bool]:
    """Whether a person stands so with their consents on the platform's day; a condition for queries over `Person`.

    The same as comparing `standing_on`, as questions whether there are such consents: PostgreSQL answers those for
    all people of a list at once, and `standing_on` for one after the other, which takes ten times as long.
    """
    by = rules.grown_if_born_by(day)
    given = exists().where(Consent.person_id == Person.id)
    kept = given.where(Consent.withdrawn_at.is_(None))
    counting = given.where(Consent.text_id == ConsentText.id, _counts(by, Person))
    of_their_own = counting.where(_SIGNED_BY_THEMSELVES)
    given, kept, counting, of_their_own = (found.correlate(Person) for found in (given, kept, counting, of_their_own))
    return {
        Stands.MISSING: ~counting,
        Stands.MINOR: and_(is_under_age(day), ~counting),
        Stands.NONE: ~given,
        Stands.WITHDRAWN: all_withdrawn(),
        Stands.LAPSED: and_(kept, ~counting),
        Stands.REPRESENTATIVE: and_(counting, ~of_their_own),
        Stands.OWN: of_their_own,
    }[stands]


def best_of_each(platform_id: int, day: date) -> Subquery:
    """The standing of everybody of a college who has ever consented (columns `person_id` and `standing`)."""
    return (
        select(Consent.person_id, func.max(_rank(rules.grown_if_born_by(day), Person)).label("standing"))
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .join(Person, Person.id == Consent.person_id)
        .where(ConsentText.platform_id == platform_id)
        .group_by(Consent.person_id)
        .subquery()
    )


# Composed once: every home page asks it.
_CONSENTING = select(Person.id).where(
    Person.id.in_(bindparam("persons", expanding=True)), valid_if_grown(bindparam("grown_if_born_by", type_=Date))
)


def consenting(session: Session, person_ids: Iterable[int], day: date) -> set[int]:
    """Those of these people whose consent counts on the day."""
    keys = {"persons": list(set(person_ids)), "grown_if_born_by": rules.grown_if_born_by(day)}
    return set(session.scalars(_CONSENTING, keys))


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody of a list stands, and by which of their consents: the one that says most, the newest of such."""

    standing: Standing = Standing.NONE
    consent: Consent | None = None

    @property
    def is_granted(self) -> bool:
        """Whether a consent counts."""
        return self.standing >= GRANTED

    @property
    def is_withdrawn(self) -> bool:
        """Whether there was one, and it was taken back."""
        return self.standing is Standing.WITHDRAWN


def stands(session: Session, person_ids: Iterable[int], day: date) -> dict[int, Stand]:
    """Where each of these people stands on the platform's day; one query for every 5,000 of them."""
    wanted = list(dict.fromkeys(person_ids))
    found = {person_id: Stand() for person_id in wanted}
    rank = _rank(rules.grown_if_born_by(day), Person)
    for some in in_parts(wanted):
        rows = session.execute(
            select(Consent, rank)
            .join(Person, Person.id == Consent.person_id)
            .join(ConsentText, ConsentText.id == Consent.text_id)
            .where(Consent.person_id.in_(some))
            .order_by(Consent.id)
        )
        for consent, standing in rows:
            if standing >= found[consent.person_id].standing:
                found[consent.person_id] = Stand(Standing(standing), consent)
    return found


# Composed once: every home page asks it.
_OWN = Prepared(
    select(standing_if_grown(bindparam("grown_if_born_by", type_=Date)), Person.birth_date).where(
        Person.id == bindparam("person")
    )
)


def own_standing(session: Session, person_id: int, day: date) -> tuple[Standing, bool | None]:
    """Where one person stands on the day, and whether they are under 18 (None: the birth date is not known)."""
    keys = {"person": person_id, "grown_if_born_by": rules.grown_if_born_by(day)}
    standing, born = tuple(_OWN.one(session, keys))
    return Standing(standing), None if born is None else not rules.is_adult(born, day)


def has_withdrawn(session: Session, person_id: int, day: date) -> bool:
    """Whether somebody had consented and has taken it back; whoever never did, or is asked again, has not."""
    return own_standing(session, person_id, day)[0] is Standing.WITHDRAWN


def is_valid(session: Session, person_id: int, day: date) -> bool:
    """Whether one person's consent counts on the day."""
    return bool(consenting(session, [person_id], day))


# --- one person ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """One consent, and whether it counts on the day that was asked about."""

    consent: Consent
    counts: bool


@dataclass(frozen=True, slots=True)
class PersonConsents:
    """Everything about one person's consents on a day."""

    person: Person
    standing: Standing
    is_minor: bool | None
    """None: the birth date is not known."""
    given: tuple[Given, ...]
    """The newest first."""

    @property
    def is_granted(self) -> bool:
        """Whether one of them counts."""
        return self.standing >= GRANTED

    @property
    def can_withdraw(self) -> bool:
        """Whether there is anything to withdraw, whether it counts or not."""
        return any(one.consent.withdrawn_at is None for one in self.given)

    @property
    def newest(self) -> Consent | None:
        """The one that counts, else the last one given."""
        counting = [one.consent for one in self.given if one.counts]
        return next(iter(counting or [one.consent for one in self.given]), None)


def of_person(session: Session, person_id: int, day: date) -> PersonConsents:
    """A person's consents on the platform's day. The caller knows that the person is theirs to look at."""
    person, standing = session.execute(select(Person, standing_on(day)).where(Person.id == person_id)).one()
    rows = session.execute(
        select(Consent, _counts(rules.grown_if_born_by(day), Person))
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .join(Person, Person.id == Consent.person_id)
        .where(Consent.person_id == person_id)
        .options(joinedload(Consent.text), joinedload(Consent.recorder), joinedload(Consent.withdrawer))
        .order_by(Consent.id.desc())
    )
    return PersonConsents(
        person=person,
        standing=Standing(standing),
        is_minor=rules.is_minor(person.birth_date, day),
        given=tuple(Given(consent, bool(counts)) for consent, counts in rows),
    )


# --- texts --------------------------------------------------------------------------------------------------------

Texts = dict[Audience, ConsentText]


def texts(session: Session, platform_id: int) -> Texts:
    """The current text for each audience; where nobody has needed one yet, it is missing: see `begin_texts`."""
    found = session.scalars(
        select(ConsentText).where(ConsentText.platform_id == platform_id).order_by(ConsentText.version)
    )
    return {text.audience: text for text in found}


def begin_texts(session: Session, platform_id: int, day: date) -> Texts:
    """The current texts; those that are missing begin with the built-in wording, in the operator's name."""
    if len(texts(session, platform_id)) < len(Audience):
        cycle = programme.find_cycle(session, platform_id, day)
        operator = cycle.programme.organisation if cycle else ""
        operator = operator or session.get_one(Platform, platform_id).name
        for audience in Audience:
            row = {
                "platform_id": platform_id,
                "audience": audience,
                "version": 1,
                "title": TITLES[audience],
                "text": text_for(audience, operator),
                "source": TextSource.BUILT_IN,
                "created_at": now(),
            }
            # Two first visitors at once: whose comes second finds the other's, which is the same.
            db.add_missing(session, ConsentText, row)
    return texts(session, platform_id)


def versions(session: Session, platform_id: int, audience: Audience) -> list[ConsentText]:
    """All versions of a text, the newest first."""
    return list(
        session.scalars(
            select(ConsentText)
            .where(ConsentText.platform_id == platform_id, ConsentText.audience == audience)
            .order_by(ConsentText.version.desc())
        )
    )


def signable(session: Session, platform_id: int) -> list[ConsentText]:
    """The versions that a paper may bear to count, of both texts, the newest first."""
    return [text for audience in Audience for text in versions(session, platform_id, audience) if text.counts]


def find_text(session: Session, platform_id: int, text_id: int) -> ConsentText:
    """A version of a text of the college. Raises NotFoundError."""
    found = session.scalar(select(ConsentText).where(ConsentText.id == text_id, ConsentText.platform_id == platform_id))
    if found is None:
        raise NotFoundError
    return found


def agreed_to(session: Session, platform_id: int, audience: Audience) -> int:
    """How many consents hang on versions of a text that count: whom asking again would ask."""
    query = (
        select(func.count(Consent.person_id.distinct()))
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .where(
            ConsentText.platform_id == platform_id,
            ConsentText.audience == audience,
            ConsentText.counts,
            Consent.withdrawn_at.is_(None),
        )
    )
    return session.scalar(query) or 0


def save_text(
    session: Session, viewer: Viewer, day: date, audience: Audience, *, title: str, text: str, asks_again: bool
) -> ConsentText:
    """Make a new version of a text. With `asks_again` nobody's consent to an earlier version counts any more.

    Raises TextWrongError. Nothing changed means that nothing is made, unless somebody is to be asked again.
    """
    title, text = title.strip(), "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not title or not text or len(title) > rules.LONGEST_TITLE or len(text) > rules.LONGEST_TEXT:
        raise TextWrongError(title=rules.LONGEST_TITLE, text=rules.LONGEST_TEXT)
    # Two editors at once: the later waits and makes the version after.
    session.scalar(select(Platform.id).where(Platform.id == viewer.platform_id).with_for_update(key_share=True))
    current = begin_texts(session, viewer.platform_id, day)[audience]
    is_same = (current.title, current.text) == (title, text)
    if is_same and not (asks_again and agreed_to(session, viewer.platform_id, audience)):
        return current
    fresh = ConsentText(
        platform_id=viewer.platform_id,
        audience=audience,
        version=current.version + 1,
        title=title,
        text=text,
        source=TextSource.COLLEGE,
        asks_again=asks_again,
        created_at=now(),
        created_by=viewer.person_id,
    )
    if asks_again:
        session.execute(
            update(ConsentText)
            .where(ConsentText.platform_id == viewer.platform_id, ConsentText.audience == audience)
            .values(counts=False)
        )
    session.add(fresh)
    session.flush()
    _record(session, viewer, "consent.text", f"consent-text:{fresh.id}", version=fresh.version, asks_again=asks_again)
    return fresh


# --- giving -------------------------------------------------------------------------------------------------------


def give(session: Session, viewer: Viewer, day: date, *, text_id: int | None, says_adult: bool) -> Consent:
    """The viewer agrees to the current text, which they were shown as `text_id`.

    Raises MinorCannotConsentError, AgeNotConfirmedError when nobody knows their age and they do not say it,
    TextChangedError. Whoever has agreed to this text already keeps that consent.
    """
    person = _lock(session, viewer.person_id)
    if rules.is_minor(person.birth_date, day):
        raise MinorCannotConsentError
    if person.birth_date is None and not says_adult:
        raise AgeNotConfirmedError
    current = begin_texts(session, viewer.platform_id, day)[Audience.ADULT]
    if current.id != text_id:
        raise TextChangedError
    known = of_person(session, person.id, day)
    for one in known.given:
        if one.counts and one.consent.text_id == current.id and one.consent.way in _BY_THEMSELVES:
            return one.consent
    consent = Consent(
        person_id=person.id,
        text=current,
        way=Way.TOOL,
        given_on=day,
        grown_if_born_by=rules.grown_if_born_by(day),
        says_adult=person.birth_date is None,
        recorded_at=now(),
        recorded_by=viewer.person_id,
    )
    session.add(consent)
    if person.withheld:
        # Their data were erased once; whoever agrees to the processing wants to be known again.
        identities.welcome(session, person)
    session.flush()
    _record(session, viewer, "consent.given", f"person:{person.id}", text=current.id)
    return consent


@dataclass(frozen=True, slots=True)
class Paper:
    """One signed paper that a curator records."""

    person_id: int
    way: Way
    """PAPER or REPRESENTATIVE."""
    signed_on: date | None
    representative: str = ""
    relation: Relation | None = None
    text_id: int | None = None
    """The version that was signed; none: the current one."""

    @property
    def key(self) -> rules.PaperKey:
        """What makes it this paper; it has a day."""
        assert self.signed_on is not None
        name = " ".join(self.representative.split()) if self.way is Way.REPRESENTATIVE else ""
        return self.way, self.signed_on, name


PROBLEMS: dict[str, Any] = {
    "date-missing": _l("Give the date of the signature."),
    "date-wrong": _l("The date of the signature lies in the future, or before the law or the person's birth."),
    "withdrawn-since": _l(
        "The consent was withdrawn after this day: this paper counts no more, a newer one is needed."
    ),
    "name-missing": _l("Write the name of who signed: family name, given name, patronymic."),
    "name-long": _l("This name is too long."),
    "relation-missing": _l("Say who they are to the person."),
    "of-age": _l("Is of age: signs themselves."),
    "under-age": _l("Was under 18 on that day: a representative signs."),
    "text-wrong": _l("This version of the text is no longer enough: let the current one be signed."),
}
"""What is wrong with a paper, by its code."""


def problems_of(paper: Paper, born: date | None, day: date) -> dict[str, str]:
    """What is wrong with a paper of somebody born then: field → code of PROBLEMS; empty: it can be recorded."""
    found: dict[str, str] = {}
    signed = paper.signed_on
    if signed is None:
        found["signed_on"] = "date-missing"
    elif not max(rules.EARLIEST_SIGNATURE, born or date.min) <= signed <= day:
        found["signed_on"] = "date-wrong"
    if paper.way is Way.REPRESENTATIVE:
        if born is not None and rules.is_adult(born, day):
            found["way"] = "of-age"
        if not paper.representative.strip():
            found["representative"] = "name-missing"
        elif len(paper.representative.strip()) > rules.LONGEST_NAME:
            found["representative"] = "name-long"
        if paper.relation is None:
            found["relation"] = "relation-missing"
    elif born is not None and signed is not None and not rules.is_adult(born, signed):
        found["way"] = "under-age"
    return found


def record(session: Session, viewer: Viewer, day: date, papers: Sequence[Paper]) -> list[Consent]:
    """Record signed papers of people of the viewer's course: all of them, or none.

    One that is recorded already stays as it is and is returned. Raises NoPaperError, NotFoundError for people of
    elsewhere, PapersWrongError with what is wrong with which.
    """
    if not papers:
        raise NoPaperError
    persons = _members(session, viewer.course_id, [paper.person_id for paper in papers])
    current = begin_texts(session, viewer.platform_id, day)
    known = {text.id: text for text in signable(session, viewer.platform_id)}
    wrong: dict[int, dict[str, str]] = {}
    rows: list[tuple[Paper, ConsentText]] = []
    withdrawn = taken_back(session, persons)
    for paper in papers:
        found = problems_of(paper, persons[paper.person_id].birth_date, day)
        if "signed_on" not in found and paper.person_id in withdrawn and withdrawn[paper.person_id].undoes(paper.key):
            found["signed_on"] = "withdrawn-since"
        audience = Audience.REPRESENTATIVE if paper.way is Way.REPRESENTATIVE else Audience.ADULT
        text = current[audience] if paper.text_id is None else known.get(paper.text_id)
        if text is None or text.audience is not audience:
            found["text"] = "text-wrong"
        elif not found:
            rows.append((paper, text))
        if found:
            wrong[paper.person_id] = {field: str(PROBLEMS[code]) for field, code in found.items()}
    if wrong:
        raise PapersWrongError(wrong)
    return _keep(session, viewer, rows)


def taken_back(session: Session, person_ids: Iterable[int]) -> dict[int, rules.TakenBack]:
    """What these people have withdrawn; whoever has withdrawn nothing is left out."""
    columns = Consent.person_id, Consent.way, Consent.given_on, Consent.representative, Consent.withdrawn_on
    found: dict[int, rules.TakenBack] = {}
    for some in in_parts(list(person_ids)):
        withdrawn = select(*columns).where(Consent.person_id.in_(some), Consent.withdrawn_at.is_not(None))
        for person_id, way, given_on, representative, withdrawn_on in session.execute(withdrawn):
            found.setdefault(person_id, rules.TakenBack()).add((way, given_on, representative), withdrawn_on)
    return found


def _keep(session: Session, viewer: Viewer, rows: Sequence[tuple[Paper, ConsentText]]) -> list[Consent]:
    # Sent twice (a double click, a page sent again), a paper is one paper.
    known: dict[tuple[Any, ...], Consent] = {
        (one.person_id, one.text_id, one.way, one.given_on, one.representative): one
        for one in session.scalars(
            select(Consent).where(
                Consent.person_id.in_([paper.person_id for paper, _text in rows]), Consent.withdrawn_at.is_(None)
            )
        )
    }
    kept: list[Consent] = []
    fresh: list[Consent] = []
    for paper, text in rows:
        assert paper.signed_on is not None
        of_other = paper.way is Way.REPRESENTATIVE
        name = paper.key[2]
        key = (paper.person_id, text.id, *paper.key)
        if key not in known:
            known[key] = consent = Consent(
                person_id=paper.person_id,
                text_id=text.id,
                text=text,
                way=paper.way,
                given_on=paper.signed_on,
                grown_if_born_by=rules.grown_if_born_by(paper.signed_on),
                representative=name,
                relation=paper.relation if of_other else None,
                recorded_at=now(),
                recorded_by=viewer.person_id,
            )
            fresh.append(consent)
        kept.append(known[key])
    session.add_all(fresh)
    session.flush()
    for way in Way:
        audit.record_all(
            session,
            "consent.recorded",
            [f"person:{consent.person_id}" for consent in fresh if consent.way is way],
            platform_id=viewer.platform_id,
            course_id=viewer.course_id,
            actor_id=viewer.person_id,
            way=way.value,
        )
    return kept


# --- withdrawing --------------------------------------------------------------------------------------------------


def withdraw(session: Session, viewer: Viewer, day: date, reason: str = "") -> None:
    """The viewer takes back whatever was given for them. Raises NothingToWithdrawError."""
    _withdraw(session, viewer, viewer.person_id, day, reason.strip()[: rules.LONGEST_REASON])


def withdraw_on_paper(
    session: Session, viewer: Viewer, person_id: int, day: date, *, withdrawn_on: date | None, reason: str
) -> None:
    """A curator records that a person of the course, or their representative, has withdrawn in writing.

    Raises NotFoundError, NothingToWithdrawError, WithdrawalDateError, ReasonNeededError.
    """
    _members(session, viewer.course_id, [person_id])
    reason = reason.strip()
    if not reason or len(reason) > rules.LONGEST_REASON:
        raise ReasonNeededError(most=rules.LONGEST_REASON)
    given_on = session.scalar(
        select(func.max(Consent.given_on)).where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
    )
    if withdrawn_on is None or withdrawn_on > day or (given_on and withdrawn_on < given_on):
        raise WithdrawalDateError
    _withdraw(session, viewer, person_id, withdrawn_on, reason)


def _withdraw(session: Session, viewer: Viewer, person_id: int, on: date, reason: str) -> None:
    _lock(session, person_id)
    given = session.scalars(
        select(Consent)
        .where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
        .execution_options(populate_existing=True)
    ).all()
    if not given:
        raise NothingToWithdrawError
    moment = now()
    for consent in given:
        consent.withdrawn_at, consent.withdrawn_on = moment, on
        consent.withdrawn_by, consent.withdrawn_reason = viewer.person_id, reason
    session.flush()
    _record(session, viewer, "consent.withdrawn", f"person:{person_id}", own=person_id == viewer.person_id)


def record_export(session: Session, viewer: Viewer, count: int, filters: Mapping[str, Any]) -> None:
    """Keep who took the list out of the service, and how many people are in it; `filters` are what the look tells."""
    _record(session, viewer, "consent.exported", "", count=count, **filters)


# --- steps that several of the above share ------------------------------------------------------------------------


def _lock(session: Session, person_id: int) -> Person:
    return session.scalars(
        select(Person)
        .where(Person.id == person_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _members(session: Session, course_id: int, person_ids: Iterable[int]) -> dict[int, Person]:
    """People of the course by their ids, locked in a fixed order. Raises NotFoundError when one is of elsewhere, or has
    been erased: nothing is kept of them any more."""
    wanted = set(person_ids)
    found = session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == course_id, Person.id.in_(wanted), Person.erased_at.is_(None))
        .order_by(Person.id)
        .with_for_update(of=Person, key_share=True)
        .execution_options(populate_existing=True)
    )
    persons = {person.id: person for person in found}
    if persons.keys() != wanted:
        raise NotFoundError
    return persons


def _record(session: Session, viewer: Viewer, action: str, subject: str, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=subject,
        **details,
    )
