"""Organisations: what curators keep of them, the list, the page, and which of them gave a mentor."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.people.employers import errors
from lti_service.people.employers import lists as employer_lists
from lti_service.people.employers import service as employers
from lti_service.people.employers.lists import Look
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.service import AgreementFacts, ContactFacts, EmployerFacts
from lti_service.people.errors import NobodyChosenError
from lti_service.people.models import Mentor, MentorState, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import MentorKind
from tests.counting import statements
from tests.people.conftest import TODAY, SmallCourse, mentor_of
from tests.people.test_exports import as_csv, as_xlsx
from tests.people.test_pages import token
from tests.practice_moodle import PracticeMoodle

LaunchAs = Callable[..., FlaskClient]


def viewer_of(small: SmallCourse) -> Viewer:
    """The curator of a small course."""
    return Viewer(
        person_id=small.curator.id,
        platform_id=small.platform.id,
        course_id=small.course.id,
        name=small.curator.spoken_name,
        roles=frozenset({Role.CURATOR}),
        course_title=small.course.title,
        activity_title="",
        time_zone="Europe/Moscow",
    )


@pytest.fixture
def viewer(small: SmallCourse) -> Viewer:
    return viewer_of(small)


def an_employer(session: Session, viewer: Viewer, name: str = "ООО «Шахта Полярная»", **facts: str) -> Employer:
    found = employers.add(session, viewer, EmployerFacts(name=name, **facts))
    session.commit()
    return found


def an_agreement(session: Session, viewer: Viewer, employer: Employer, until: date | None, **more: Any) -> Agreement:
    facts = {"kind": AgreementKind.DUAL, "number": "17", "signed_on": date(2025, 1, 15), **more}
    found = employers.add_agreement(session, viewer, employer.id, AgreementFacts(valid_until=until, **facts), TODAY)
    session.commit()
    return found


def from_employer(small: SmallCourse, name: str, institution: str, **more: Any) -> Mentor:
    mentor = small.a_mentor(name, MentorKind.EMPLOYER, **more)
    mentor.person.institution = institution
    small.session.commit()
    return mentor


# --- what is kept -------------------------------------------------------------------------------------------------


def test_one_name_is_kept_once_whatever_its_quotation_marks(session: Session, viewer: Viewer) -> None:
    kept = an_employer(session, viewer)
    with pytest.raises(errors.EmployerExistsError):
        employers.add(session, viewer, EmployerFacts(name='ооо "шахта  полярная"'))
    other = an_employer(session, viewer, "АО «Разрез»")
    with pytest.raises(errors.EmployerExistsError):
        employers.change(session, viewer, other.id, EmployerFacts(name="ООО Шахта Полярная"))
    session.rollback()
    assert session.scalars(select(Employer.name).order_by(Employer.id)).all() == [kept.name, "АО «Разрез»"]


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"name": " «» "}, errors.NameMissingError),
        ({"name": "А", "inn": "1234567890"}, errors.InnError),
        ({"name": "А" * 301}, errors.TooLongError),
        ({"name": "А", "note": "а" * 2001}, errors.TooLongError),
    ],
)
def test_what_cannot_be_is_not_kept(session: Session, viewer: Viewer, facts: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        employers.add(session, viewer, EmployerFacts(**facts))
    assert session.scalars(select(Employer.id)).all() == []


def test_a_contact_can_be_reached(session: Session, viewer: Viewer) -> None:
    employer = an_employer(session, viewer)
    with pytest.raises(errors.NoWayToReachError):
        employers.add_contact(session, viewer, employer.id, ContactFacts("Орлов Пётр"))
    contact = employers.add_contact(
        session, viewer, employer.id, ContactFacts("Орлов  Пётр", phone="8 (3846) 61-20-33")
    )
    assert contact.name == "Орлов Пётр"
    employers.change_contact(session, viewer, employer.id, contact.id, ContactFacts("Орлов Пётр", email="o@mine.ru"))
    assert (contact.phone, contact.email) == ("", "o@mine.ru")
    employers.remove_contact(session, viewer, employer.id, contact.id)
    assert session.scalars(select(EmployerContact.id)).all() == []


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"number": " "}, errors.NumberMissingError),
        ({"signed_on": TODAY + timedelta(days=1)}, errors.SignedLaterError),
        ({"signed_on": date(1926, 1, 1)}, errors.LongAgoError),
        ({"valid_until": date(2025, 1, 14)}, errors.EndsBeforeSignedError),
    ],
)
def test_an_agreement_has_a_number_and_days_that_can_be(
    session: Session, viewer: Viewer, facts: Any, error: type[Exception]
) -> None:
    employer = an_employer(session, viewer)
    right: dict[str, Any] = {"kind": AgreementKind.DUAL, "number": "17", "signed_on": date(2025, 1, 15)}
    with pytest.raises(error):
        employers.add_agreement(session, viewer, employer.id, AgreementFacts(**{**right, **facts}), TODAY)


def test_one_agreement_is_kept_once(session: Session, viewer: Viewer) -> None:
    employer = an_employer(session, viewer)
    an_agreement(session, viewer, employer, None)
    an_agreement(session, viewer, employer, None, kind=AgreementKind.PRACTICE)
    with pytest.raises(errors.AgreementExistsError):
        an_agreement(session, viewer, employer, TODAY)


def test_what_is_changed_to_what_there_is_already_is_refused_and_nothing_else_is_lost(
    session: Session, viewer: Viewer
) -> None:
    kept, other = an_employer(session, viewer), an_employer(session, viewer, "АО «Разрез»")
    first = an_agreement(session, viewer, kept, None)
    second = an_agreement(session, viewer, kept, None, kind=AgreementKind.PRACTICE)
    session.commit()
    contact = employers.add_contact(session, viewer, kept.id, ContactFacts("Ковалёва", email="k@mine.example"))
    with pytest.raises(errors.EmployerExistsError) as caught:
        employers.change(session, viewer, other.id, EmployerFacts(name="ООО Шахта Полярная", note="x"))
    assert caught.value.facts["name"] == "ООО Шахта Полярная"
    facts = AgreementFacts(first.kind, second.number, second.signed_on)
    with pytest.raises(errors.AgreementExistsError):
        employers.change_agreement(session, viewer, kept.id, second.id, facts, TODAY)
    session.commit()
    assert (other.name, other.note, second.kind) == ("АО «Разрез»", "", AgreementKind.PRACTICE)
    assert session.get(EmployerContact, contact.id) is not None


def test_only_what_nothing_hangs_on_is_deleted(session: Session, small: SmallCourse, viewer: Viewer) -> None:
    employer = an_employer(session, viewer)
    agreement = an_agreement(session, viewer, employer, None)
    contact = employers.add_contact(session, viewer, employer.id, ContactFacts("Орлов", phone="612033"))
    mentor = from_employer(small, "Шахтов Иван", "")
    employers.tie(session, viewer, TODAY, employer.id, [mentor.id])
    session.commit()
    undo: list[Callable[[], object]] = [
        lambda: employers.remove_agreement(session, viewer, employer.id, agreement.id),
        lambda: employers.remove_contact(session, viewer, employer.id, contact.id),
        lambda: employers.set_employer(session, viewer, TODAY, mentor.person_id, None),
    ]
    for take_away in undo:
        assert not employers.page_of(session, viewer, employer.id, TODAY).removable
        with pytest.raises(errors.EmployerInUseError):
            employers.remove(session, viewer, employer.id)
        take_away()
        session.commit()
    assert employers.page_of(session, viewer, employer.id, TODAY).removable
    employers.remove(session, viewer, employer.id)
    session.commit()
    assert session.scalars(select(Employer.id)).all() == []


def test_the_trail_keeps_ids_and_fields_and_no_contents(session: Session, viewer: Viewer) -> None:
    employer = an_employer(session, viewer)
    contact = employers.add_contact(session, viewer, employer.id, ContactFacts("Орлов Пётр", phone="612033"))
    employers.change(session, viewer, employer.id, EmployerFacts(name=employer.name, inn="7707083893"))
    session.commit()
    trail = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.action, event.details) for event in trail] == [
        ("employer.added", {}),
        ("employer.contact-added", {"contact": contact.id}),
        ("employer.changed", {"fields": ["inn"]}),
    ]
    assert {(event.subject, event.actor_id) for event in trail} == {(f"employer:{employer.id}", viewer.person_id)}


def test_nothing_of_another_college_is_found(session: Session, small: SmallCourse, viewer: Viewer) -> None:
    foreign = SmallCourse(session, "another")
    theirs = an_employer(session, viewer_of(foreign))
    an_employer(session, viewer)  # the same name is another organisation here
    agreement = an_agreement(session, viewer_of(foreign), theirs, None)
    for attempt in (
        lambda: employers.find(session, viewer, theirs.id),
        lambda: employers.page_of(session, viewer, theirs.id, TODAY),
        lambda: employers.find_agreement(session, viewer, theirs.id, agreement.id),
        lambda: employers.tie(session, viewer, TODAY, theirs.id, [small.mentor.id]),
        lambda: employers.set_employer(session, viewer, TODAY, small.mentor.person_id, theirs.id),
        lambda: employers.set_employer(session, viewer, TODAY, foreign.mentor.person_id, None),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert employer_lists.list_employers(session, small.platform.id, TODAY, Look()).total == 1


def test_a_part_is_found_under_its_own_organisation_only(session: Session, viewer: Viewer) -> None:
    one, other = an_employer(session, viewer), an_employer(session, viewer, "АО «Разрез»")
    agreement = an_agreement(session, viewer, one, None)
    with pytest.raises(NotFoundError):
        employers.find_agreement(session, viewer, other.id, agreement.id)


# --- mentors of organisations -------------------------------------------------------------------------------------


def test_profiles_that_name_an_organisation_are_offered_until_they_are_tied(
    session: Session, small: SmallCourse, viewer: Viewer
) -> None:
    employer = an_employer(session, viewer, short_name="Шахта Полярная")
    by_name = from_employer(small, "Аникин Иван", 'ООО "Шахта Полярная"')
    by_short_name = from_employer(small, "Быков Иван", "ШАХТА ПОЛЯРНАЯ")
    from_employer(small, "Волков Иван", "шахта полярная").organisation = "АО «Разрез»"  # own words say more
    session.commit()
    page = employers.page_of(session, viewer, employer.id, TODAY)
    assert [mentor.id for mentor in page.offered] == [by_name.id, by_short_name.id]

    offered = employers.offers(session, viewer, TODAY)
    assert [(offer.name, offer.mentors, offer.employer_id) for offer in offered] == [
        ("Шахта Полярная", 2, employer.id),
        ("АО «Разрез»", 1, None),
    ]

    assert employers.tie(session, viewer, TODAY, employer.id, [by_name.id, by_short_name.id]) == 2
    session.commit()
    page = employers.page_of(session, viewer, employer.id, TODAY)
    assert page.offered == []
    assert [mentor.id for mentor in page.mentors] == [by_name.id, by_short_name.id]
    assert by_name.workplace == "Шахта Полярная"


def test_the_college_itself_is_not_offered(session: Session, small: SmallCourse, viewer: Viewer) -> None:
    small.mentor.person.institution = "Техникум"
    session.commit()
    assert employers.offers(session, viewer, TODAY) == []


def test_mentors_of_other_courses_are_counted_and_not_named(
    session: Session, small: SmallCourse, viewer: Viewer
) -> None:
    employer = an_employer(session, viewer)
    other = Course(platform_id=small.platform.id, moodle_id="3", title="Другой")
    session.add(other)
    session.flush()
    here, small.course = small.course, other
    elsewhere = from_employer(small, "Нездешний Иван", employer.name)
    small.course = here
    elsewhere.employer_id = employer.id
    session.commit()
    page = employers.page_of(session, viewer, employer.id, TODAY)
    assert (page.mentors, page.elsewhere, page.removable) == ([], 1, False)
    with pytest.raises(NotFoundError):
        employers.tie(session, viewer, TODAY, employer.id, [elsewhere.id])
    with pytest.raises(NobodyChosenError):
        employers.tie(session, viewer, TODAY, employer.id, [])


def test_organisations_that_gave_a_mentor_are_counted_once_each(
    session: Session, small: SmallCourse, viewer: Viewer
) -> None:
    one, other = an_employer(session, viewer), an_employer(session, viewer, "АО «Разрез»")
    for name, employer, state in (
        ("Аникин Иван", one, MentorState.READY),
        ("Быков Иван", one, MentorState.READY),
        ("Волков Иван", other, MentorState.CANDIDATE),
    ):
        from_employer(small, name, "", state=state).employer_id = employer.id
    from_employer(small, "Глухов Иван", "нет в списке", state=MentorState.READY)
    session.commit()
    assert employers.that_gave_mentors(session, small.cycle.id) == {one.id}
    assert employers.that_gave_mentors(session, small.cycle.id, small.course.id) == {one.id}
    assert employers.that_gave_mentors(session, small.cycle.id, small.course.id + 1) == set()


# --- the list -----------------------------------------------------------------------------------------------------


@pytest.fixture
def several(session: Session, small: SmallCourse, viewer: Viewer) -> dict[str, Employer]:
    """Four organisations, one in each state; the one that ends soon has a mentor."""
    found = {name: an_employer(session, viewer, f"ООО «{name}»") for name in ("Ёлка", "Берёза", "Дуб", "Клён")}
    an_agreement(session, viewer, found["Ёлка"], None, kind=AgreementKind.PRACTICE)
    an_agreement(session, viewer, found["Ёлка"], TODAY - timedelta(days=5), number="2")
    an_agreement(session, viewer, found["Берёза"], TODAY + timedelta(days=30))
    an_agreement(session, viewer, found["Дуб"], TODAY - timedelta(days=1))
    from_employer(small, "Аникин Иван", "").employer_id = found["Берёза"].id
    session.commit()
    return found


def shown(session: Session, viewer: Viewer, **look: Any) -> list[str]:
    listing = employer_lists.list_employers(session, viewer.platform_id, TODAY, Look(**look))
    assert listing.total == len(listing.lines)
    return [line.employer.name[5:-1] for line in listing.lines]


def test_the_list_filters_searches_and_sorts(session: Session, viewer: Viewer, several: dict[str, Employer]) -> None:
    assert shown(session, viewer) == ["Берёза", "Дуб", "Ёлка", "Клён"]
    assert shown(session, viewer, descending=True) == ["Клён", "Ёлка", "Дуб", "Берёза"]
    assert shown(session, viewer, sort="until") == ["Клён", "Дуб", "Берёза", "Ёлка"]
    assert shown(session, viewer, sort="mentors", descending=True) == ["Берёза", "Дуб", "Ёлка", "Клён"]
    assert shown(session, viewer, search="елк") == ["Ёлка"]
    assert shown(session, viewer, search="«КЛЁН» ооо") == ["Клён"]
    assert shown(session, viewer, search="%") == []
    states = {"in_force": "Ёлка", "ends_soon": "Берёза", "expired": "Дуб", "none": "Клён"}
    for state, name in states.items():
        assert shown(session, viewer, state=state) == [name]
    assert shown(session, viewer, kind="dual") == ["Берёза", "Дуб", "Ёлка"]
    assert shown(session, viewer, kind="dual", state="expired") == ["Дуб", "Ёлка"], "by dual agreements alone"


def test_what_the_list_says_of_an_organisation_is_what_its_page_says(
    session: Session, viewer: Viewer, several: dict[str, Employer]
) -> None:
    listing = employer_lists.list_employers(session, viewer.platform_id, TODAY, Look())
    for line in listing.lines:
        assert employers.page_of(session, viewer, line.employer.id, TODAY).state is line.state
    assert listing.counts == {"in_force": 1, "ends_soon": 1, "expired": 1, "none": 1}
    assert {line.employer.name: line.mentors for line in listing.lines}["ООО «Берёза»"] == 1


def test_a_longer_list_takes_no_more_queries(session: Session, viewer: Viewer, several: dict[str, Employer]) -> None:
    def count() -> int:
        session.commit()
        session.expunge_all()
        with statements(session) as sent:
            employer_lists.list_employers(session, viewer.platform_id, TODAY, Look(page=1))
        return len(sent)

    before = count()
    for number in range(120):
        an_employer(session, viewer, f"Завод {number:03}")
    assert count() == before <= 4
    listing = employer_lists.list_employers(session, viewer.platform_id, TODAY, Look(page=3))
    assert (listing.pages, listing.first, listing.last) == (3, 101, 124)


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def curator(synced: Course, moodle: PracticeMoodle, launch_as: LaunchAs) -> FlaskClient:
    for person in moodle.college.people.values():
        person.lang = "en"
    return launch_as("curator")


def post(client: FlaskClient, path: str, *, page: str = "", **fields: Any) -> Any:
    address = client.home + path
    data = {"csrf_token": token(client, client.home + page if page else address), **fields}
    return client.post(address, data=data, follow_redirects=True)


def newest(session: Session, table: type[Any] = Employer) -> Any:
    """The row that was added last, as it is now."""
    session.commit()
    return session.scalars(select(table).order_by(table.id.desc())).first()


def test_a_curator_enters_an_organisation_with_what_belongs_to_it(curator: FlaskClient, session: Session) -> None:
    page = post(curator, "employers/new", name="ООО «Новая»", inn="7707083894")
    assert page.status_code == 422
    assert "last digits do not follow" in page.text
    page = post(curator, "employers/new", name="ООО «Новая»", inn="7707083893", note="<b>звонить</b>")
    assert page.status_code == 200
    assert "&lt;b&gt;звонить" in page.text
    employer = newest(session)
    at = f"employers/{employer.id}/"

    page = post(curator, at + "contacts/new", name="Орлов Пётр")
    assert "Write a phone number" in page.text
    assert "Орлов Пётр" in post(curator, at + "contacts/new", name="Орлов Пётр", phone="612033").text
    assert "Say the date" in post(curator, at + "agreements/new", kind="dual", number="17/д").text
    page = post(curator, at + "agreements/new", kind="dual", number="17/д", signed_on="2025-01-15")
    assert "No. 17/д of 15.01.2025" in page.text
    assert "In force" in page.text
    agreement = newest(session, Agreement)
    page = post(
        curator,
        f"{at}agreements/{agreement.id}",
        kind="practice",
        number="17/д",
        signed_on="2025-01-15",
        valid_until="2025-06-30",
    )
    assert "Expired" in page.text
    page = post(curator, at + "remove", page=at + "contacts/new")
    assert page.status_code == 409
    assert "Take them away first" in page.text
    post(curator, f"{at}agreements/{agreement.id}/remove", page=f"{at}agreements/{agreement.id}")
    contact = newest(session, EmployerContact).id
    post(curator, f"{at}contacts/{contact}/remove", page=f"{at}contacts/{contact}")
    assert "is deleted" in post(curator, at + "remove", page=at).text
    assert newest(session) is None


def test_the_list_offers_what_profiles_name_and_one_click_ties(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, person_of: Callable[[str], Person]
) -> None:
    institution = person_of("employer01").institution
    page = curator.get(curator.home + "employers/").text
    assert institution in page
    assert "Add to the list" in page
    post(curator, "employers/new", name=institution)
    employer = newest(session)
    page = curator.get(f"{curator.home}employers/{employer.id}/").text
    of_there = select(Mentor.id).join(Person).where(Person.institution == institution)
    chosen = list(session.scalars(of_there))
    assert page.count('name="chosen"') == len(chosen) > 0
    page = post(curator, f"employers/{employer.id}/mentors", page=f"employers/{employer.id}/", chosen=chosen).text
    assert person_of("employer01").name in page
    assert "Their profiles name" not in page
    mentor = mentor_of(session, person_of("employer01"))
    assert mentor is not None
    assert mentor.employer_id == employer.id
    record = curator.get(f"{curator.home}people/{mentor.person_id}/").text
    assert f'<option value="{employer.id}" selected>' in record
    post(curator, f"people/{mentor.person_id}/employer", page=f"people/{mentor.person_id}/", employer="")
    mentor = mentor_of(session, person_of("employer01"))
    assert mentor is not None
    assert mentor.employer_id is None


def test_the_file_has_a_row_for_each_agreement(curator: FlaskClient, session: Session) -> None:
    post(curator, "employers/new", name="=ССС")
    post(curator, "employers/new", name="ООО «Две»")
    employer = newest(session)
    for number in ("1", "2"):
        post(
            curator, f"employers/{employer.id}/agreements/new", kind="dual", number=number, signed_on="2025-01-15",
            valid_until="2025-06-30",
        )  # fmt: skip
    rows = as_csv(curator, "employers.csv")
    assert [(row[0], row[7]) for row in rows[1:]] == [("'=ССС", ""), ("ООО «Две»", "2"), ("ООО «Две»", "1")]
    assert len(as_xlsx(curator, "employers.xlsx?state=none")) == 2
    session.commit()
    assert (
        session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "base.exported")).all()
        == ["base:employers"] * 2
    )


@pytest.mark.parametrize("query", ["state=x&kind=y&sort=z&order=q&page=-1", "page=99999999999", "search=%00%25"])
def test_a_nonsensical_address_still_shows_the_list(curator: FlaskClient, query: str) -> None:
    assert curator.get(f"{curator.home}employers/?{query}").status_code == 200
    assert curator.get(f"{curator.home}employers/new?name=%00{'а' * 500}").status_code == 200


def test_only_curators_come_here(synced: Course, launch_as: LaunchAs) -> None:
    for who in ("student001", "teacher01", "employer01", "admin"):
        client = launch_as(who)
        for path in ("employers/", "employers/new", "employers.csv", "employers/1/"):
            assert client.get(client.home + path).status_code == 403
