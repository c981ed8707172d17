"""Two Moodles whose ids are all the same: nothing of one is to be seen or changed from the other.

Both have the same people, courses, activities and client id, and everything that has a name bears its Moodle's mark.
The walk takes the addresses and commands from the application itself, so that a new one is walked or named here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from io import BytesIO
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit
from zipfile import ZipFile

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from sqlalchemy import ForeignKeyConstraint, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from lti_service import db, queue, tables
from lti_service.access import Role
from lti_service.entrance.models import Visit
from lti_service.indicators.models import GradebookColumn
from lti_service.lti import keysets
from lti_service.pairs.models import Pair
from lti_service.pairs.work.models import Meeting, PlanItem
from lti_service.people import enrolments, loads
from lti_service.people.consents.models import Consent
from lti_service.people.employers.models import Agreement, Employer, EmployerContact
from lti_service.people.imports.kinds import KINDS
from lti_service.people.imports.models import ImportPreview
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.people.privacy.models import ErasureRequest
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.people.training.models import Training, TrainingCourse
from lti_service.platforms import keys
from lti_service.platforms.models import ContentChoice, Course, Deployment, Platform
from lti_service.programme.models import Cycle, Form
from lti_service.surveys import answers
from lti_service.surveys.models import Survey
from tests.conftest import launch, register
from tests.practice_moodle import DEEP_LINK, College, PracticeMoodle, a_college, create_practice_moodle, running
from tests.practice_moodle import practice_moodle as moodle_of

NORTH, SOUTH = "Северн", "Южногор"
COURSE = 2
OPERATORS = {"db upgrade", "db backup", "db restore", "platforms add", "platforms list", "keys rotate",
             "programmes load", "grades status", "run", "shell", "routes"}  # fmt: skip
"""Commands for whoever runs the service, about all Moodles at once or about none."""
NOBODYS = {"/", "/healthz", "/readyz", "/metrics", "/lti/login", "/lti/launch", "/lti/jwks", "/lti/register",
           "/lti/handoff", "/guest/", "/guest/leave", "/static/<path:filename>",
           "/bootstrap/static/<path:filename>"}  # fmt: skip
"""Addresses without anything of a course; the doors among them have tests of their own."""


@dataclass
class Side:
    """One of the two Moodles, with a course in full work and a browser for each role."""

    mark: str
    moodle: PracticeMoodle
    platform: int = 0
    course: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    """What the addresses and forms name: `person_id`, `pair_id`, …"""
    browsers: dict[str, FlaskClient] = field(default_factory=dict)
    signed: str = ""
    """The Feedback activity as the page of a new survey carries it."""


def a_marked_college(mark: str) -> College:
    """The small sample college; whatever has a name bears the mark."""
    college = a_college(students=12, teachers=4, employers=2)
    for person in college.people.values():
        person.lastname = f"{mark}ская-{person.lastname}"
        person.email = f"{mark}-{person.email}"
        person.institution = f"{mark} {person.institution}"
        person.department = f"{mark} {person.department}"
    for course in college.courses.values():
        course.fullname = f"{mark} {course.fullname}"
        for group in course.groups.values():
            group.name = f"{mark}-{group.name}"
        for module in course.modules:
            module.name = f"{mark} {module.name}"
    for feedback in college.feedbacks.values():
        feedback.name = f"{mark} {feedback.name}"
    return college


@pytest.fixture
def sides(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Side, Side]]:
    """North and South, both at work."""
    # Forged forms are another test's matter; here every form must reach the code that tells Moodles apart.
    app.config["WTF_CSRF_ENABLED"] = False
    monkeypatch.setattr("lti_service.lti.launch.key_sets", keysets.KeySets())
    with ExitStack() as stack:
        both = []
        for mark in (NORTH, SOUTH):
            server = create_practice_moodle(a_marked_college(mark))
            stack.enter_context(running(server, host="localhost"))
            both.append(_at_work(app, session, mark, moodle_of(server)))
        north, south = both
        _same_ids_in_moodle(session, north, south)
        yield north, south


def _same_ids_in_moodle(session: Session, north: Side, south: Side) -> None:
    """The test is worth something only while the two cannot be told apart by what Moodle calls things."""
    for of in (Person.moodle_id, Course.moodle_id):
        by_side = [
            set(session.scalars(select(of).where(of.class_.platform_id == side.platform))) for side in (north, south)
        ]
        assert by_side[0] == by_side[1]
    clients = set(session.scalars(select(Platform.client_id)))
    assert len(clients) == 1


def _at_work(app: Flask, session: Session, mark: str, moodle: PracticeMoodle) -> Side:
    """Everything that a college does in its first weeks, mostly through the pages."""
    side = Side(mark, moodle)
    tool = moodle.add_tool("http://localhost", keys=_our_keys, client_id="a-client-of-both")
    for course in moodle.college.courses.values():
        moodle.add_link(course, tool, title=f"{mark} наставничество")
    platform = register(moodle)
    side.platform = platform.id
    people = moodle.college
    in_roles = {
        "student": people.students[0],
        "teacher": people.teachers[0],
        "employer": people.employers[0],
        "curator": people.curators[0],
        "admin": people.admin,
    }
    for role, person in in_roles.items():
        side.browsers[role] = app.test_client()
        assert launch(side.browsers[role], moodle, person, COURSE).status_code == 200
    session.commit()
    side.course = session.scalars(
        select(Course.id).where(Course.platform_id == side.platform, Course.moodle_id == str(COURSE))
    ).one()
    enrolments.sync_course(side.course)
    _fill(session, side)
    return side


def _our_keys() -> dict[str, Any]:
    with db.new_session() as session:
        return keys.key_set(session)


def _fill(session: Session, side: Side) -> None:
    """A pair, a survey with answers, a column with grades, an invitation, a choice of content, roles, a check."""
    curator, admin = side.browsers["curator"], side.browsers["admin"]
    at = f"/courses/{side.course}"
    session.commit()
    of_side = select(Cycle.id).where(Cycle.platform_id == side.platform)
    mentee = session.scalars(
        select(Mentee)
        .join(Person)
        .where(Mentee.cycle_id.in_(of_side), Person.moodle_id == str(side.moodle.college.students[0].id))
    ).one()
    mentor = session.scalars(
        select(Mentor)
        .join(Person)
        .where(Mentor.cycle_id.in_(of_side), Person.moodle_id == str(side.moodle.college.employers[0].id))
    ).one()
    form = session.scalars(select(Form).where(Form.mentor_kind == mentor.kind, Form.mentee_kind == mentee.kind)).first()
    assert form is not None
    side.ids = {
        "course_id": side.course,
        "person_id": mentee.person_id,
        "mentee": mentee.id,
        "mentor": mentor.id,
        "form": form.id,
    }
    _done(curator.post(f"{at}/base/", data={"chosen": mentee.id, "action": MenteeAction.NEED.value}))
    decision = {"chosen": mentor.id, "decision": "accepted", "reason": f"{side.mark} совет", "do": "decide"}
    _done(curator.post(f"{at}/base/mentors/decide", data=decision))
    _done(curator.post(f"{at}/base/mentors/training/new", data={"title": f"{side.mark} школа наставника"}))
    session.commit()
    of_college = TrainingCourse.platform_id == side.platform
    side.ids["training_course_id"] = session.scalars(select(TrainingCourse.id).where(of_college)).one()
    completed = {"course": side.ids["training_course_id"], "completed_on": "2026-10-01", "do": "train"}
    _done(curator.post(f"{at}/base/mentors/train", data={"chosen": mentor.id, **completed}))
    session.commit()
    side.ids["training_id"] = session.scalars(
        select(Training.id).where(Training.training_course_id == side.ids["training_course_id"])
    ).one()
    _done(
        curator.post(
            f"{at}/people/{mentee.person_id}/mentee", data={"request": f"{side.mark} просьба", "wanted_form": ""}
        )
    )
    _done(curator.post(f"{at}/employers/new", data={"name": f"{side.mark} завод", "short_name": f"{side.mark} завод"}))
    session.commit()
    employer = session.scalars(select(Employer.id).where(Employer.platform_id == side.platform)).one()
    of_it = f"{at}/employers/{employer}"
    _done(curator.post(f"{of_it}/contacts/new", data={"name": f"{side.mark} директор", "phone": "612033"}))
    agreement = {"kind": "dual", "number": f"{side.mark}-1", "signed_on": "2025-01-15"}
    _done(curator.post(f"{of_it}/agreements/new", data=agreement))
    _done(curator.post(f"{of_it}/mentors", data={"chosen": mentor.id}))
    session.commit()
    side.ids["employer_id"] = employer
    for name, table in (("contact_id", EmployerContact), ("agreement_id", Agreement)):
        side.ids[name] = session.scalars(select(table.id).where(table.employer_id == employer)).one()
    outsider = {"family_name": f"{side.mark} Горняков", "given_name": "Пётр", "phone": "8 915 123-45-67"}
    _done(curator.post(f"{at}/employers/guests/new", data={**outsider, "employer": employer}))
    session.commit()
    without = select(Person.id).where(Person.platform_id == side.platform, Person.moodle_id.is_(None))
    side.ids["guest_id"] = session.scalars(without).one()
    dates = f"Электронная почта;Дата рождения\n{side.moodle.college.students[1].email};15.03.2008\n"
    _done(curator.post(f"{at}/imports/births/", data={"file": (BytesIO(dates.encode()), f"{side.mark}.csv")}))
    session.commit()
    side.ids["import_id"] = session.scalars(
        select(ImportPreview.id).where(ImportPreview.course_id == side.course)
    ).one()
    _consents(session, side, mentor.person_id)
    until = {"factor": "phone", "until": (db.now() + timedelta(days=30)).date().isoformat()}
    sheet = curator.post(f"{at}/employers/guests/{side.ids['guest_id']}/invite", data=until).text
    code = re.search(r'guest-sheet-code">([\d ]+)<', sheet)
    assert code, sheet
    side.browsers["guest"] = curator.application.test_client()
    _done(side.browsers["guest"].post("/guest/", data={"code": code[1], "answer": "4567"}))
    assert side.mark in side.browsers["guest"].get(f"/guest{at}/").text
    _done(curator.post(f"{at}/pairs/new", data={"form": form.id, "mentor": mentor.id, "mentees": mentee.id}))
    session.commit()
    side.ids["pair_id"] = session.scalars(select(Pair.id).where(Pair.course_id == side.course)).one()
    _work(session, side)
    feedback = next(found for found in side.moodle.college.feedbacks_of(COURSE) if not found.anonymous)
    side.ids["feedback_id"] = feedback.id
    rated = [item.id for item in feedback.items if item.options]
    page = curator.get(f"{at}/surveys/add/{feedback.id}").text
    found = re.search(r'name="activity"[^>]* value="([^"]*)"', page)
    assert found, page
    side.signed = unescape(found[1])
    _done(
        curator.post(
            f"{at}/surveys/add",
            data={"activity": side.signed, "audience": "mentees", "rating": rated, "satisfied_from": "5:4"},
        )
    )
    session.commit()
    side.ids["survey_id"] = session.scalars(select(Survey.id).where(Survey.course_id == side.course)).one()
    answers.sync_surveys(side.course, _Watcher())
    _done(curator.post(f"{at}/gradebook/", data={"source": "pair-formed", "label": f"{side.mark} столбец"}))
    session.commit()
    side.ids["column_id"] = session.scalars(
        select(GradebookColumn.id).where(GradebookColumn.course_id == side.course)
    ).one()
    teacher = str(side.moodle.college.teachers[1].id)
    side.ids["membership_id"] = session.scalars(
        select(Membership.id).join(Person).where(Membership.course_id == side.course, Person.moodle_id == teacher)
    ).one()
    _done(admin.post(f"{at}/connections/curators", data={"membership": side.ids["membership_id"]}))
    assert admin.post(f"{at}/connections/invite").status_code == 200
    _done(admin.post(f"{at}/connections/check"))
    login = side.moodle.login_form(side.moodle.college.teachers[0], COURSE, message_type=DEEP_LINK)
    came = side.browsers["teacher"].post("/lti/login", data=login)
    answer = side.moodle.answer(dict(parse_qsl(urlsplit(came.location).query)))
    assert side.browsers["teacher"].post("/lti/launch", data=answer).status_code == 303
    _done(side.browsers["student"].post(f"{at}/my-data/erasure"))
    session.commit()
    side.ids["request_id"] = session.scalars(
        select(ErasureRequest.id).where(ErasureRequest.platform_id == side.platform)
    ).one()
    side.ids["choice_id"] = session.scalars(
        select(ContentChoice.id).where(ContentChoice.platform_id == side.platform)
    ).one()
    with db.transaction(session):
        for due in queue.due_courses(session):
            queue.settle_due(session, due)


def _work(session: Session, side: Side) -> None:
    """The employer's mentor agrees; the curator makes a plan, and a meeting is planned."""
    of_pair = f"/courses/{side.course}/pairs/{side.ids['pair_id']}"
    curator = side.browsers["curator"]
    _done(side.browsers["employer"].post(f"{of_pair}/agree"))
    _done(curator.post(f"{of_pair}/goal", data={"goal": f"{side.mark} цель"}))
    _done(curator.post(f"{of_pair}/plan/new", data={"title": f"{side.mark} дело"}))
    planned = {"day": (db.now() + timedelta(days=3)).date().isoformat(), "topic": f"{side.mark} тема"}
    _done(curator.post(f"{of_pair}/meetings/planned", data=planned))
    session.commit()
    for name, table in (("item_id", PlanItem), ("meeting_id", Meeting)):
        side.ids[name] = session.scalars(select(table.id).where(table.pair_id == side.ids["pair_id"])).one()


def _consents(session: Session, side: Side, mentor_id: int) -> None:
    """The mentee is a minor whose mother signed a paper, which was scanned; the mentor consents on their own page."""
    at = f"/courses/{side.course}"
    employer = side.browsers["employer"]
    text = re.search(r'name="text" value="(\d+)"', employer.get(f"{at}/my-consent").text)
    assert text
    _done(employer.post(f"{at}/my-consent", data={"text": text[1], "says_adult": "1"}))
    paper = {
        "way": "representative",
        "signed_on": "2026-09-10",
        "representative": f"{side.mark} мать",
        "relation": "mother",
        "scan": (BytesIO(f"%PDF-1.4 {side.mark}".encode()), "scan.pdf"),
    }
    _done(side.browsers["curator"].post(f"{at}/people/{side.ids['person_id']}/consents/new", data=paper))
    session.commit()
    side.ids["text_id"] = int(text[1])
    side.ids["consent_id"] = session.scalars(select(Consent.id).where(Consent.person_id == side.ids["person_id"])).one()
    assert session.scalars(select(Consent).where(Consent.person_id == mentor_id)).one().says_adult
    side.ids["run_id"] = _a_load_with_trouble(session, side)


def _a_load_with_trouble(session: Session, side: Side) -> int:
    """The report of a load that could not read something of the mentee."""
    named = [session.get_one(Person, side.ids["person_id"]).moodle_id]
    counts = {"problems": {reason: {"count": 1, "people": named} for reason in loads.REASONS}}
    moment = db.now()
    run = queue.Run(
        kind=enrolments.KIND,
        course_id=side.course,
        state=queue.RunState.DONE,
        counts=counts,
        created_at=moment,
        heard_at=moment,
        finished_at=moment,
    )
    session.add(run)
    session.commit()
    return run.id


class _Watcher:
    def step(self, done: int, total: int | None = None) -> None:
        pass


def _done(response: TestResponse) -> None:
    assert response.status_code in (302, 303), response.text


# --- what belongs to a Moodle -----------------------------------------------------------------------------------------


def rows_of(session: Session, platform: int) -> dict[str, set[Any]]:
    """Every row that hangs on a platform, however far down, by table; a row is its values as text."""
    session.rollback()
    owned: dict[str, set[int]] = {"platform": {platform}}
    found: dict[str, dict[int, str]] = {}
    grown = True
    while grown:
        grown = False
        for table in tables.metadata.sorted_tables:
            keys = [
                (constraint.column_keys[0], constraint.referred_table.name)
                for constraint in table.constraints
                if isinstance(constraint, ForeignKeyConstraint) and len(constraint.column_keys) == 1
            ]
            for row in session.execute(select(table)).mappings():
                own = row["id"] in owned.get("platform", set()) if table.name == "platform" else False
                # The audit trail outlives what it tells of, so it has no foreign key.
                own = own or row.get("platform_id") == platform
                if own or any(row[column] in owned.get(of, ()) for column, of in keys):
                    kept = found.setdefault(table.name, {})
                    if row["id"] not in kept:
                        grown = True
                    kept[row["id"]] = repr(dict(row))
                    owned.setdefault(table.name, set()).add(row["id"])
    return {name: set(rows.values()) for name, rows in found.items()}


def test_each_side_has_work_of_every_kind(sides: tuple[Side, Side], session: Session) -> None:
    """Otherwise the walk below would have nothing to leak."""
    north, south = (rows_of(session, side.platform) for side in sides)
    wanted = {
        "platform", "deployment", "course", "person", "membership", "visit", "cycle", "mentee", "mentor", "pair",
        "pair_mentee", "survey", "survey_item", "survey_response", "gradebook_column", "grade", "audit_event", "run",
        "invitation", "content_choice", "guest_access", "employer", "employer_contact", "agreement",
        "import_preview", "import_row",
        "consent", "consent_text",
        "erasure_request",
        "plan_item", "meeting",
    }  # fmt: skip
    assert wanted <= north.keys()
    assert north.keys() == south.keys()
    for side in sides:
        page = side.browsers["curator"].get(f"/courses/{side.course}/base/").text
        assert side.mark in page


# --- the walk over the pages ------------------------------------------------------------------------------------------


def _rules(app: Flask, method: str) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ()) and rule.rule not in NOBODYS]


CHOICES = {
    "base": ("mentees", "mentors"),
    "answer": ("agree", "decline"),
    "move": ("agree", "decline", "cancel", "start", "finish", "end_early"),
    "ending": ("xlsx", "csv"),
    "what": tuple(KINDS),
    "audience": ("adult", "representative"),
    "file": ("json", "xlsx", "zip"),
    "code": ("R1", "R4"),
    "form_code": ("teacher-student",),
    "how": ("retire", "bring-back"),
    "kind": ("student", "young-teacher", "teacher", "employer", "senior-student"),
    "place": ("home", "mentor", "surveys", "indicators"),
    "which": ("looks", "lists"),
    "data_kind": ("finished", "papers", "guests"),
    "reason": loads.REASONS,
}
"""Parts of addresses that are words."""


def _fillings(rule: Rule, own: Side, other: Side) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every way to fill an address with ids of the two sides, and whether anything of the other side is in it.

    Fails for a part that nobody has told this test about.
    """
    names = sorted(rule.arguments)
    words = [name for name in names if name in CHOICES]
    # A Feedback activity's id is Moodle's own, so it is the same on both sides.
    numbers = [name for name in names if name not in CHOICES]
    for name in numbers:
        assert name in own.ids, f"{rule.rule}: this test does not know how to fill {name}"
    spelled: list[dict[str, Any]] = [{}]
    for name in words:
        spelled = [{**values, name: word} for values in spelled for word in CHOICES[name]]
    for values in spelled:
        for bits in range(2 ** len(numbers)):
            taken = {name: (other if bits >> place & 1 else own).ids[name] for place, name in enumerate(numbers)}
            foreign = any(taken[name] != own.ids[name] for name in numbers)
            yield {**values, **taken}, foreign


def _address(app: Flask, rule: Rule, values: dict[str, Any]) -> str:
    with app.test_request_context():
        built: str = app.url_map.bind("localhost").build(rule.endpoint, values)
        return built


@pytest.mark.parametrize("role", ["student", "teacher", "employer", "curator", "admin", "guest"])
def test_no_page_shows_anything_of_the_other(app: Flask, sides: tuple[Side, Side], role: str) -> None:
    for own, other in (sides, sides[::-1]):
        browser = own.browsers[role]
        for rule in _rules(app, "GET"):
            for values, foreign in _fillings(rule, own, other):
                address = _address(app, rule, values)
                page = browser.get(address)
                assert other.mark not in _text(page), address
                assert other.mark not in page.headers.get("Location", "")
                assert page.status_code < 500, (address, page.status_code)
                if foreign:
                    assert page.status_code in (303, 302, 403, 404), (address, page.status_code)
                    if page.status_code in (302, 303):
                        assert _leads_home(page, own), (address, page.headers["Location"])


def _text(page: TestResponse) -> str:
    """What a page or a file says; a spreadsheet is a packed one, and may be in a packed one itself."""
    return _unpacked(page.data) if page.data.startswith(b"PK") else page.text


def _unpacked(content: bytes) -> str:
    if not content.startswith(b"PK"):
        return content.decode()
    with ZipFile(BytesIO(content)) as parts:
        return "".join(_unpacked(parts.read(name)) for name in parts.namelist())


def _leads_home(page: TestResponse, own: Side) -> bool:
    path = urlsplit(page.headers["Location"]).path
    return path == "/guest/" or path.startswith(f"/courses/{own.course}/")


@pytest.mark.parametrize("role", ["student", "teacher", "curator", "admin", "guest"])
def test_no_form_changes_anything_of_the_other(
    app: Flask, sides: tuple[Side, Side], session: Session, role: str
) -> None:
    own, other = sides
    app.request_class = _Asking
    browser = own.browsers[role]
    before = rows_of(session, other.platform)
    asking = set()
    for rule in sorted(_rules(app, "POST"), key=lambda rule: ("remove" in rule.rule, "pause" in rule.rule, rule.rule)):
        for values, foreign in _fillings(rule, own, other):
            # The other's ids in the form, beneath an address of one's own too.
            address = _address(app, rule, values)
            for form in _forms(other):
                _Sent.is_asked = False
                page = browser.post(address, data=form)
                assert other.mark not in page.text, (address, form)
                assert page.status_code < 500, (address, form, page.status_code)
                if foreign:
                    assert page.status_code not in (200, 201), (address, form)
                if not _Sent.is_asked:
                    break
                asking.add(rule.rule)
        if "pause" in rule.rule and role == "admin":
            assert browser.get(f"/courses/{own.course}/").status_code == 401
            with db.transaction(session):
                session.get_one(Platform, own.platform).state = "active"
    after = rows_of(session, other.platform)
    for name in before:
        assert after[name] == before[name], name
    assert bool(asking) is (role == "curator"), asking


class _Sent(ImmutableMultiDict[str, str]):
    """What is sent, and whether anybody has asked which of several things it is to do: else they are all one."""

    is_asked: ClassVar[bool] = False

    def __getitem__(self, key: str) -> str:
        if key == "action":
            _Sent.is_asked = True
        return super().__getitem__(key)


class _Asking(Request):
    """A request with such a form."""

    parameter_storage_class = _Sent


def _forms(other: Side) -> list[dict[str, Any]]:
    """Forms of every kind with the other side's ids under every name that a form of ours has."""
    ids = other.ids
    common = {
        "chosen": ids["mentee"],
        "employer": ids["employer_id"],
        "number": "7",
        "signed_on": "2025-01-15",
        "phone": "612033",
        "mentor": ids["mentor"],
        "mentees": ids["mentee"],
        "form": ids["form"],
        "wanted_form": ids["form"],
        "membership": ids["membership_id"],
        "survey": ids["survey_id"],
        "activity": other.signed,
        "audience": "mentees",
        "rating": ["1", "2"],
        "satisfied_from": "5:4",
        "source": f"survey:{ids['survey_id']}",
        "label": "Столбец",
        "place": ["home", "mentor"],
        "request": "просьба",
        "kind": "student",
        "do": "save",
        "mentor_kind": "student",
        "mentee_kind": "student",
        "what-0-0": "role:is:teacher",
        "years": "{курс}*",
        "capacity": "5",
        "reason": "причина",
        "name": "Имя",
        "account": ids["person_id"],
        "factor": "phone",
        "until": (db.now() + timedelta(days=30)).date().isoformat(),
        "family_name": "Горняков",
        "given_name": "Пётр",
        "time_zone": "Europe/Moscow",
        "leave": "1",
        "way": "representative",
        "representative": "Имя",
        "relation": "mother",
        "withdrawn_on": "2026-11-20",
        "person": ids["person_id"],
        f"name-{ids['person_id']}": "Имя",
        f"relation-{ids['person_id']}": "mother",
        "part": "minors",
        "title": "Согласие",
        "text": ids["text_id"],
        "decision": "admitted",
        "course": ids["training_course_id"],
        "completed_on": "2026-10-02",
        "goal": "Цель",
        "due": "2026-12-31",
        "day": (db.now() - timedelta(days=1)).date().isoformat(),
        "topic": "Тема",
        "done": "1",
        "whose": ids["person_id"],
        "title-0": "Опыт",
        "weight-0": "1",
    }
    actions = [*MenteeAction, *MentorAction, "make_mentors", ""]
    return [{**common, "action": str(action)} for action in actions]


# --- the walk over the commands ---------------------------------------------------------------------------------------


def _commands(app: Flask) -> Iterator[str]:
    for name, command in app.cli.commands.items():
        inner = getattr(command, "commands", None)
        yield from (f"{name} {sub}" for sub in inner) if inner else (name,)


OF_ONE: dict[str, Callable[[Side], list[list[str]]]] = {
    "sync": lambda side: [["--platform", str(side.platform)], ["--course", str(side.course)]],
    "grades push": lambda side: [["--course", str(side.course)]],
    "platforms check": lambda side: [[str(side.platform)]],
    "platforms pause": lambda side: [[str(side.platform)]],
    "platforms resume": lambda side: [[str(side.platform)]],
    "platforms invite": lambda side: [["--for", str(side.platform)]],
}
"""How each command that is about one Moodle is called for it."""


def test_no_command_about_one_touches_the_other(app: Flask, sides: tuple[Side, Side], session: Session) -> None:
    own, other = sides
    known = OPERATORS | OF_ONE.keys()
    unknown = [name for name in _commands(app) if name not in known]
    assert unknown == [], "say whether these are about one Moodle or about all"
    before = rows_of(session, other.platform)
    for name, ways in OF_ONE.items():
        for arguments in ways(own):
            ran = app.test_cli_runner().invoke(args=[*name.split(), *arguments])
            assert ran.exit_code == 0, (name, ran.output, ran.exception)
            assert other.mark not in ran.output
            assert rows_of(session, other.platform) == before, name


# --- the doors --------------------------------------------------------------------------------------------------------


def test_a_visit_of_one_is_none_of_the_other(app: Flask, sides: tuple[Side, Side]) -> None:
    for own, other in (sides, sides[::-1]):
        for browser in own.browsers.values():
            assert browser.get(f"/courses/{other.course}/").status_code == 404


def test_a_message_of_one_does_not_end_a_login_of_the_other(app: Flask, sides: tuple[Side, Side], session: Session):
    visits = len(session.scalars(select(Visit.id)).all())
    for own, other in (sides, sides[::-1]):
        browser = app.test_client()
        person = own.moodle.college.students[0].id
        login = browser.post("/lti/login", data=own.moodle.login_form(person, COURSE))
        query = dict(parse_qsl(urlsplit(login.location).query))
        # Both practice Moodles sign with one key, so that only our own checks can tell them apart.
        claims = other.moodle.claims(person, COURSE, query["nonce"])
        answer = {"state": query["state"], "id_token": other.moodle.sign(claims)}
        assert browser.post("/lti/launch", data=answer).status_code in (401, 403)
    session.commit()
    assert len(session.scalars(select(Visit.id)).all()) == visits


def test_two_deployments_of_one_moodle_lead_to_the_same_people(
    app: Flask, sides: tuple[Side, Side], session: Session
) -> None:
    """A site may deploy the tool twice; that is one Moodle still, and a deployment of the other one is none of its."""
    north, _south = sides
    with db.transaction(session):
        session.add(Deployment(platform_id=north.platform, deployment_id="77"))
    person = north.moodle.college.students[0].id
    for deployment, wanted in (("77", 303), ("78", 403)):
        browser = app.test_client()
        login = browser.post("/lti/login", data=north.moodle.login_form(person, COURSE))
        query = dict(parse_qsl(urlsplit(login.location).query))
        claims = north.moodle.claims(person, COURSE, query["nonce"])
        claims["https://purl.imsglobal.org/spec/lti/claim/deployment_id"] = deployment
        token = north.moodle.sign(claims)
        came = browser.post("/lti/launch", data={"state": query["state"], "id_token": token})
        assert came.status_code == wanted
        if wanted == 303:
            assert came.location == f"/courses/{north.course}/"
    session.rollback()
    persons = session.scalars(
        select(Person.id).where(Person.platform_id == north.platform, Person.moodle_id == str(person))
    )
    assert len(persons.all()) == 1


def test_one_ids_two_people(sides: tuple[Side, Side], session: Session) -> None:
    """The same Moodle id is two persons here, each with their own memberships."""
    for side in sides:
        person = session.scalars(
            select(Person).where(
                Person.platform_id == side.platform,
                Person.moodle_id == str(side.moodle.college.curators[0].id),
            )
        ).one()
        assert side.mark in person.family_name
        roles = session.scalars(select(Membership).where(Membership.person_id == person.id)).one().roles
        assert Role.CURATOR.value in roles
