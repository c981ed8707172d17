"""Personal data: what a person sees of it and takes along, how it goes on request, and what stays true after."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import String, cast, delete, select
from sqlalchemy.orm import Session

from lti_service import db, personal, tables
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.indicators import service as indicators
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people import enrolments
from lti_service.people.consents.models import Audience, Consent, ConsentText, Relation, TextSource, Way
from lti_service.people.models import (
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Nomination,
    Person,
    Support,
)
from lti_service.people.privacy import identities
from lti_service.people.privacy.models import ErasureRequest, RequestState
from lti_service.platforms.models import Course
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind
from lti_service.surveys.models import Audience as SurveyAudience
from lti_service.surveys.models import Survey, SurveyItem, SurveyResponse
from tests.practice_moodle import College, PracticeMoodle, a_college

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
OWN_WORDS = "Хочу понять физику двигателя"
TEACHERS_WORDS = "Молчит на занятиях, тянется к технике"
TALK = "Договорились о встрече с психологом"


@dataclass
class Story:
    """A student of whom everything is known, with a past year behind them, and those around them."""

    session: Session
    moodle: PracticeMoodle
    launch_as: LaunchAs
    course: Course
    student: Person
    mentor: Person
    pair_id: int
    group_id: int
    past: date

    def id_of(self, table: type, person: Person) -> list[int]:
        self.session.commit()
        return list(self.session.scalars(select(table.id).where(table.person_id == person.id)))

    def fresh(self, row_type: type, key: int):
        self.session.commit()
        return self.session.get(row_type, key, populate_existing=True)

    def numbers(self, day: date):
        self.session.commit()
        shown = indicators.overview(self.session, self.course.platform_id, self.course.id, day)
        assert shown is not None
        return [(one.code, one.share.numerator, one.share.denominator, one.share.people_in) for one in shown.computed]


@pytest.fixture
def college() -> College:
    """A small one, in which two people's names are like no other's."""
    college = a_college(students=6, teachers=3, employers=1)
    for person in college.people.values():
        person.lang = "en"
    first, second = college.students[:2]
    first.username, second.username, first.lastname = "student001", "student002", "Единственная-Неповторимая"
    college.teachers[0].username, college.teachers[0].lastname = "teacher01", "Первоучителев"
    college.employers[0].username = "employer01"
    return college


@pytest.fixture
def story(session: Session, moodle: PracticeMoodle, launch_as: LaunchAs, synced: Course, person_of: PersonOf) -> Story:
    student, other, mentor = person_of("student001"), person_of("student002"), person_of("teacher01")
    curator = person_of("curator")
    today = now().date()
    this = programme.find_cycle(session, synced.platform_id, today)
    assert this is not None
    past = Cycle(
        platform_id=synced.platform_id,
        programme_id=this.programme_id,
        start_year=this.start_year - 1,
        plan_year=this.plan_year,
    )
    session.add(past)
    session.flush()
    form = session.scalars(select(Form).where(Form.code == "teacher-student")).one()
    group = {}
    for cycle, states in ((past, (MenteeState.PAIRED, MenteeState.FINISHED)), (this, (MenteeState.PAIRED,) * 2)):
        guide = session.scalars(
            select(Mentor).where(Mentor.cycle_id == cycle.id, Mentor.person_id == mentor.id)
        ).first() or Mentor(cycle_id=cycle.id, person_id=mentor.id, kind=MentorKind.TEACHER, created_at=now())
        guide.state = MentorState.READY
        session.add(guide)
        mentees = []
        for person, state in zip((student, other), states, strict=True):
            mentee = session.scalars(
                select(Mentee).where(Mentee.cycle_id == cycle.id, Mentee.person_id == person.id)
            ).first() or Mentee(cycle_id=cycle.id, person_id=person.id, kind=MenteeKind.STUDENT, created_at=now())
            mentee.state = state
            mentee.request, mentee.topics, mentee.special_needs = OWN_WORDS, ["Физика"], True
            session.add(mentee)
            mentees.append(mentee)
        session.flush()
        # Last year's own pair was never closed; this year's group goes on.
        alone = mentees[:1] if cycle is past else mentees
        pair = Pair(
            cycle_id=cycle.id,
            course_id=synced.id,
            form_id=form.id,
            mentor_id=guide.id,
            state=PairState.ACTIVE,
            reason=f"{student.name} просит сменить время",
            proposed_at=now(),
            places=[PairMentee(mentee_id=mentee.id, form_id=form.id) for mentee in alone],
        )
        session.add(pair)
        session.flush()
        group[cycle] = pair.id
    mine = session.scalars(select(Mentee).where(Mentee.cycle_id == this.id, Mentee.person_id == student.id)).one()
    session.add(Nomination(mentee_id=mine.id, nominated_by=mentor.id, reason=TEACHERS_WORDS, at=now()))
    session.add(
        Support(
            mentee_id=mine.id, day=today, who="Петрова Ирина", agreed=TALK, recorded_by=curator.id, created_at=now()
        )
    )
    text = ConsentText(
        platform_id=synced.platform_id,
        audience=Audience.REPRESENTATIVE,
        version=1,
        title="Согласие",
        text="Текст",
        source=TextSource.BUILT_IN,
        created_at=now(),
    )
    session.add(text)
    session.flush()
    session.add(
        Consent(
            person_id=student.id,
            text_id=text.id,
            way=Way.REPRESENTATIVE,
            given_on=today,
            grown_if_born_by=today,
            representative="Алексеева Мария Петровна",
            relation=Relation.MOTHER,
            recorded_at=now(),
            recorded_by=curator.id,
        )
    )
    for number, cycle in enumerate((past, this), start=1):
        survey = Survey(
            course_id=synced.id,
            cycle_id=cycle.id,
            feedback_id=9000 + number,
            name=f"Анкета {cycle.title}",
            audience=SurveyAudience.MENTEES,
            anonymous=False,
            satisfied_from=2,
            created_at=now(),
            items=[
                SurveyItem(
                    moodle_id=91,
                    name="Довольны?",
                    kind="multichoice",
                    options=["нет", "да"],
                    position=1,
                    is_rating=True,
                ),
                SurveyItem(moodle_id=92, name="Что изменить?", kind="textarea", position=2),
            ],
        )
        session.add(survey)
        session.flush()
        session.add(
            SurveyResponse(
                survey_id=survey.id,
                moodle_id=number,
                moodle_user_id=student.moodle_id,
                person_id=student.id,
                answered_at=now(),
                answers={"91": "2", "92": "Пусть наставник чаще звонит мне домой"},
            )
        )
    session.add(
        AuditEvent(
            at=now(),
            platform_id=synced.platform_id,
            course_id=synced.id,
            actor_id=curator.id,
            action="base.exported",
            subject="base:mentees",
            details={"count": 1, "search": student.family_name.lower()},
        )
    )
    session.commit()
    return Story(
        session, moodle, launch_as, synced, student, mentor, group[past], group[this], date(past.start_year + 1, 3, 1)
    )


def post(client: FlaskClient, path: str, source: str, **fields: object):
    page = client.get(f"{client.home}{source}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return client.post(f"{client.home}{path}", data={"csrf_token": found[1], **fields}, follow_redirects=True)


def ask_and_erase(story: Story) -> FlaskClient:
    """The student asks on their page, the administrator does it; the administrator's browser."""
    asked = post(story.launch_as("student001"), "my-data/erasure", "my-data/erasure")
    assert "Your request is with the administrator." in asked.text
    admin = story.launch_as("admin")
    story.session.commit()
    request_id = story.session.scalars(select(ErasureRequest.id)).one()
    story.session.commit()
    done = post(
        admin, f"personal-data/requests/{request_id}/erase", f"personal-data/requests/{request_id}/", sure="yes"
    )
    assert done.status_code == 200, done.text
    assert "What was erased" in done.text
    return admin


# --- seeing -------------------------------------------------------------------------------------------------------


def test_everybody_finds_the_way_from_their_home_page(launch_as: LaunchAs, synced: Course) -> None:
    for who in ("student001", "teacher01", "employer01", "curator", "admin"):
        client = launch_as(who)
        assert "Who sees my data" in client.get(client.home).text, who
        assert client.get(f"{client.home}my-data/").status_code == 200, who


def test_the_page_tells_the_value_where_it_came_from_and_who_sees_it(story: Story) -> None:
    client = story.launch_as("student001")
    page = client.get(f"{client.home}my-data/").text
    for told in (story.student.family_name, story.student.email, OWN_WORDS, TEACHERS_WORDS, TALK, "Алексеева Мария"):
        assert told in page
    assert "Special educational or social needs" in page
    assert "curators of your course" in page
    assert "a teacher of the course" in page, "who said it is told by the role"
    # Third persons: who nominated, why the pair was spoken of, other mentees of the group.
    body = page[page.index('id="main"') :]
    assert story.mentor.family_name not in body
    assert "просит сменить время" not in body


def test_nobody_else_gets_to_that_page(story: Story) -> None:
    """It has no address for anybody but oneself."""
    client = story.launch_as("teacher01")
    page = client.get(f"{client.home}my-data/?person_id={story.student.id}").text
    assert OWN_WORDS not in page
    assert TALK not in page


def test_the_file_and_the_page_say_the_same(story: Story) -> None:
    client = story.launch_as("student001")
    page = client.get(f"{client.home}my-data/").text
    taken = json.loads(client.get(f"{client.home}my-data.json").data)
    book = load_workbook(BytesIO(client.get(f"{client.home}my-data.xlsx").data))
    cells = {str(cell.value) for row in book.active.iter_rows() for cell in row if cell.value is not None}
    told = [
        (kept["table"], fact["name"], fact["value"])
        for kept in taken["kept"]
        for row in kept["rows"]
        for fact in row["facts"]
    ]
    assert ("mentee", "request", OWN_WORDS) in told
    assert ("support", "agreed", TALK) in told
    values = [value for table, _name, value in told if table != "visit"]
    assert [value for value in values if value not in cells] == []
    assert [value for value in values if value.replace("&", "&amp;") not in page] == []
    actions = list(story.session.scalars(select(AuditEvent.action).where(AuditEvent.action == "person.data-taken")))
    assert len(actions) == 2


def test_every_row_about_the_student_is_in_the_export(story: Story) -> None:
    """Walks the tables themselves: whatever has the student's key is exported, or named with a reason."""
    exported = {(told.holding.columns.name, len(told.rows)) for told in _told(story)}
    names = {name for name, _count in exported}
    reasons = personal.untold_keys()
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            if not any(key.column.table.name == "person" for key in column.foreign_keys):
                continue
            rows = len(story.session.execute(select(table).where(column == story.student.id)).all())
            if rows and f"{table.name}.{column.name}" not in reasons:
                assert (table.name, rows) in exported, f"{table.name}.{column.name}"
    assert {"person", "membership", "mentee", "nomination", "support", "consent", "pair_mentee"} <= names
    assert {"survey_response"} <= names


def _told(story: Story):
    with story_app(story).test_request_context():
        return personal.told(story.session, story.student.id)


def story_app(story: Story) -> Flask:
    return story.launch_as("student001").application


def test_who_has_looked_is_told_with_the_role(story: Story) -> None:
    curator = story.launch_as("curator")
    for _again in range(3):
        assert curator.get(f"{curator.home}people/{story.student.id}/").status_code == 200
    looked = story.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).all()
    assert [event.subject for event in looked] == [f"person:{story.student.id}"], "one an hour, however often"
    client = story.launch_as("student001")
    page = client.get(f"{client.home}my-data/").text
    who = story.session.get_one(Person, looked[0].actor_id)
    assert f"{who.name}, curator" in page
    assert "you may have been on it" in page, "the list that was saved"


def test_after_an_hour_a_look_is_a_new_one(story: Story) -> None:
    curator = story.launch_as("curator")
    curator.get(f"{curator.home}people/{story.student.id}/")
    event = story.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).one()
    event.at -= timedelta(minutes=61)
    story.session.commit()
    curator.get(f"{curator.home}people/{story.student.id}/support")
    assert len(story.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).all()) == 2


def test_answers_by_name_are_a_look_at_each_of_the_page(story: Story) -> None:
    surveys = dict(story.session.execute(select(Survey.name, Survey.id)).all())
    curator = story.launch_as("curator")
    page = curator.get(f"{curator.home}surveys/{max(surveys.values())}/people")
    assert story.student.family_name in page.text
    story.session.commit()
    subjects = story.session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "person.looked")).all()
    assert f"person:{story.student.id}" in subjects
    assert len(subjects) == len(set(subjects))


def test_ones_own_mentor_is_no_stranger(story: Story) -> None:
    mentor = story.launch_as("teacher01")
    assert mentor.get(f"{mentor.home}pairs/{story.group_id}/").status_code == 200
    assert story.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).all() == []


def test_a_saved_list_tells_that_a_name_was_searched_for_and_not_which(story: Story) -> None:
    curator = story.launch_as("curator")
    query = {"search": story.student.family_name[:4].lower()}
    rules = (rule.rule for rule in curator.application.url_map.iter_rules() if "any(xlsx,csv)" in rule.rule)
    lists = [
        rule.partition("/courses/<int:course_id>/")[2].partition("<any")[0] for rule in rules if "import" not in rule
    ]
    # Agreements of organisations and courses of training: no people are in them.
    lists = [path for path in lists if path not in ("employers/agreements.", "base/mentors/training.")]
    assert len(lists) == 10, "whoever adds a list says here that it does not tell the name"
    others = {"personal-data": story.launch_as("admin"), "nominations": story.launch_as("teacher01")}
    for path in lists:
        browser = others.get(path.partition("/")[0], curator)
        assert browser.get(f"{browser.home}{path}csv", query_string=query).status_code == 200, path
    story.session.commit()
    events = story.session.scalars(select(AuditEvent).where(AuditEvent.details["searched"].as_boolean())).all()
    assert len(events) == len(lists)
    assert {event.action for event in events} == {"base.exported", "consent.exported"}
    assert all("search" not in event.details for event in events)
    student = story.launch_as("student001")
    # The lists of mentors had nobody of that name on them.
    assert student.get(f"{student.home}my-data/").text.count("you may have been on it") == 4


def test_the_trail_can_be_asked_about_one_person(story: Story) -> None:
    curator = story.launch_as("curator")
    curator.get(f"{curator.home}people/{story.student.id}/")
    admin = story.launch_as("admin")
    page = admin.get(f"{admin.home}connections/audit?subject={story.student.family_name.lower()}").text
    assert f"person:{story.student.id}" in page
    assert "base:mentees" not in page
    other = admin.get(f"{admin.home}connections/audit?subject=такого-нет").text
    assert "No such entries" in other


# --- asking -------------------------------------------------------------------------------------------------------


def test_a_request_has_its_terms_and_can_be_taken_back(story: Story) -> None:
    client = story.launch_as("student001")
    for _twice in range(2):
        post(client, "my-data/erasure", "my-data/erasure")
    request = story.session.scalars(select(ErasureRequest)).one()
    assert (request.erase_by - request.received_on).days == 30
    days = [request.received_on + timedelta(days=count) for count in range(1, 15)]
    assert sum(day.weekday() < 5 and day <= request.answer_by for day in days) == 10
    assert request.answer_by.weekday() < 5
    assert "wait" in client.get(f"{client.home}my-data/").text
    admin = story.launch_as("admin")
    assert "1 request to erase personal data waits for you." in admin.get(admin.home).text
    post(client, "my-data/erasure/take-back", "my-data/")
    assert story.fresh(ErasureRequest, request.id).state is RequestState.TAKEN_BACK
    late = post(admin, f"personal-data/requests/{request.id}/erase", "personal-data/periods", sure="yes")
    assert late.status_code == 409
    assert story.fresh(Person, story.student.id).family_name == story.student.family_name


def test_the_curator_reads_of_it_on_the_persons_record(story: Story) -> None:
    post(story.launch_as("student001"), "my-data/erasure", "my-data/erasure")
    curator = story.launch_as("curator")
    record = f"{curator.home}people/{story.student.id}/"
    assert "propose no pair meanwhile" in curator.get(record).text
    other = story.session.scalars(select(Person.id).where(Person.id != story.student.id)).first()
    assert "propose no pair meanwhile" not in curator.get(f"{curator.home}people/{other}/").text


def test_the_administrator_sees_what_goes_and_must_be_sure(story: Story) -> None:
    post(story.launch_as("student001"), "my-data/erasure", "my-data/erasure")
    request_id = story.session.scalars(select(ErasureRequest.id)).one()
    admin = story.launch_as("admin")
    at = f"personal-data/requests/{request_id}/"
    page = admin.get(f"{admin.home}{at}").text
    for word in ("Representative", "Request", "What was agreed", "everything", "stays for the numbers"):
        assert word in page
    assert TALK not in page, "the administrator sees what kinds of things go, not what they say"
    unsure = post(admin, f"{at}erase", at)
    assert unsure.status_code == 422
    assert "Tick the box first" in unsure.text
    assert story.fresh(ErasureRequest, request_id).state is RequestState.ASKED


def test_a_refusal_gives_its_reason(story: Story) -> None:
    client = story.launch_as("student001")
    post(client, "my-data/erasure", "my-data/erasure")
    request_id = story.session.scalars(select(ErasureRequest.id)).one()
    admin = story.launch_as("admin")
    at = f"personal-data/requests/{request_id}/"
    assert post(admin, f"{at}refuse", at, reason=" ").status_code == 422
    post(admin, f"{at}refuse", at, reason="Приказ о практике ещё действует")
    assert "Приказ о практике ещё действует" in client.get(f"{client.home}my-data/").text


def test_a_request_on_paper_is_written_down(story: Story) -> None:
    admin = story.launch_as("admin")
    search = f"personal-data/?whose={story.student.family_name}"
    assert story.student.name in admin.get(f"{admin.home}{search}").text
    day = now().date() - timedelta(days=3)
    wrong = post(admin, search, search, person=story.student.id, received_on="2099-01-01")
    assert wrong.status_code == 422
    done = post(admin, search, search, person=story.student.id, received_on=day.isoformat())
    assert "on paper" in done.text
    assert story.session.scalars(select(ErasureRequest)).one().received_on == day


def test_only_the_administrator_may(story: Story) -> None:
    post(story.launch_as("student001"), "my-data/erasure", "my-data/erasure")
    request_id = story.session.scalars(select(ErasureRequest.id)).one()
    for who in ("student001", "teacher01", "curator"):
        client = story.launch_as(who)
        for path in ("personal-data/", "personal-data/periods", f"personal-data/requests/{request_id}/"):
            assert client.get(f"{client.home}{path}").status_code == 403, (who, path)
        done = post(client, f"personal-data/requests/{request_id}/erase", "my-data/erasure", sure="yes")
        assert done.status_code == 403, who


@pytest.mark.parametrize("person", [str(2**63), "-1", "x", ""])
def test_a_paper_request_of_nobody_is_not_found(story: Story, person: str) -> None:
    admin = story.launch_as("admin")
    sent = {"person": person, "received_on": now().date().isoformat()}
    assert post(admin, "personal-data/", "personal-data/periods", **sent).status_code == 404


# --- erasing ------------------------------------------------------------------------------------------------------


def test_nothing_that_names_the_person_is_left_in_any_table(story: Story) -> None:
    secret = [
        story.student.family_name,
        story.student.email,
        story.student.search_name,
        OWN_WORDS,
        TEACHERS_WORDS,
        TALK,
        "Алексеева Мария",
        "звонит мне домой",
        "просит сменить время",
    ]
    curator = story.launch_as("curator")
    curator.get(f"{curator.home}people/{story.student.id}/")
    others = _rows_with(story.session, [OWN_WORDS])
    assert others, "the other mentee of the group wrote the same words, and keeps them"
    other = story.session.scalars(select(Person).where(Person.id != story.student.id, Person.idnumber != "")).first()
    assert other is not None
    ask_and_erase(story)
    story.session.commit()
    kept = _rows_with(story.session, [word for word in secret if word != OWN_WORDS])
    assert kept == []
    person = story.fresh(Person, story.student.id)
    assert person.name == f"Удалённый участник № {person.id}"
    assert (person.email, person.idnumber, person.birth_date, person.department) == ("", "", None, "")
    assert person.moodle_id != story.student.moodle_id or person.moodle_id.startswith("erased-")
    for mentee in story.session.scalars(select(Mentee).where(Mentee.person_id == person.id)):
        assert (mentee.request, mentee.topics, mentee.special_needs) == ("", [], False)
    assert story.id_of(Visit, person) == []
    assert story.session.scalars(select(Mentee).where(Mentee.request == OWN_WORDS)).all(), "the other's own stay"


def _rows_with(session: Session, words: list[str]) -> list[tuple[str, str]]:
    """Rows of whatever table in which one of the words stands, in whatever case."""
    session.commit()
    found = []
    for table in tables.metadata.sorted_tables:
        for row in session.execute(select(table)).mappings():
            text = " ".join(str(value) for value in row.values()).casefold()
            found += [(table.name, word) for word in words if word.casefold() in text]
    return found


def test_numbers_of_past_years_stay_as_they_were(story: Story) -> None:
    before = story.numbers(story.past)
    assert ("R4", 1) in [(code, numerator) for code, numerator, *_rest in before]
    assert ("E5", 1) in [(code, numerator) for code, numerator, *_rest in before]
    ask_and_erase(story)
    assert story.numbers(story.past) == before
    enrolments.sync_course(story.course.id)
    assert story.numbers(story.past) == before


def test_numbers_of_past_years_stay_when_the_mentor_is_erased_too(story: Story) -> None:
    before = story.numbers(story.past)
    erase_on_paper(story, story.mentor)
    assert story.numbers(story.past) == before
    enrolments.sync_course(story.course.id)
    assert story.numbers(story.past) == before


def this_year(story: Story) -> tuple[int, int]:
    """Numerator and denominator of R4, pairs formed of those who need one, today."""
    return next((above, below) for code, above, below, _people in story.numbers(now().date()) if code == "R4")


def test_of_the_current_year_an_erased_mentee_is_no_longer_counted(story: Story) -> None:
    """As whoever withdraws in the middle of the year: the guide says so."""
    assert this_year(story) == (2, 2)
    ask_and_erase(story)
    assert this_year(story) == (1, 1)


def test_of_the_current_year_mentees_of_an_erased_mentor_need_one_again(story: Story) -> None:
    assert this_year(story) == (2, 2)
    erase_on_paper(story, story.mentor)
    assert this_year(story) == (0, 2)
    states = story.session.scalars(
        select(Mentee.state).join(PairMentee).where(PairMentee.pair_id == story.group_id)
    ).all()
    assert states == [MenteeState.NEEDS] * 2


def erase_on_paper(story: Story, person: Person) -> None:
    """The administrator writes down somebody's paper and erases."""
    admin = story.launch_as("admin")
    search = f"personal-data/?whose={person.family_name}"
    done = post(admin, search, search, person=person.id, received_on=now().date().isoformat())
    at = done.request.path.removeprefix(admin.home)
    assert post(admin, f"{at}erase", at, sure="yes").status_code == 200


def test_last_years_pair_is_finished_and_this_years_group_goes_on(story: Story) -> None:
    ask_and_erase(story)
    past, group = story.fresh(Pair, story.pair_id), story.fresh(Pair, story.group_id)
    assert past.state is PairState.FINISHED
    assert group.state is PairState.ACTIVE
    places = {place.mentee.person_id: place.is_open for place in group.places}
    assert places.pop(story.student.id) is False
    assert list(places.values()) == [True]
    states = {
        mentee.cycle_id: mentee.state
        for mentee in story.session.scalars(select(Mentee).where(Mentee.person_id == story.student.id))
    }
    assert sorted(state.value for state in states.values()) == ["finished", "withdrawn"]
    mentor = story.launch_as("teacher01")
    for path in ("", f"pairs/{story.group_id}/", f"pairs/{story.pair_id}/"):
        page = mentor.get(f"{mentor.home}{path}")
        assert page.status_code == 200
        # Whoever has left a group that goes on is not in it; of what is over the place stays.
        assert ("Удалённый участник" in page.text) is (path == f"pairs/{story.pair_id}/")
        assert story.student.family_name not in page.text
    curator = story.launch_as("curator")
    for path in ("base/", "pairs/", f"people/{story.student.id}/", f"pairs/of/{story.student.id}/", "indicators/"):
        page = curator.get(f"{curator.home}{path}")
        assert page.status_code == 200, path
        assert story.student.family_name not in page.text, path


def test_a_mentors_pair_of_this_year_ends(story: Story) -> None:
    with db.transaction(story.session) as session:
        session.execute(delete(PairMentee).where(PairMentee.pair_id == story.pair_id))
        session.execute(delete(Pair).where(Pair.id == story.pair_id))
    erase_on_paper(story, story.mentor)
    group = story.fresh(Pair, story.group_id)
    assert group.state is PairState.ENDED_EARLY
    assert group.reason == ""
    student = story.launch_as("student001")
    page = student.get(f"{student.home}pairs/{story.group_id}/").text
    assert story.mentor.family_name not in page
    assert f"Удалённый участник № {story.mentor.id}" in page


def test_a_sync_says_whom_it_left_out_and_brings_nothing_back(story: Story) -> None:
    people = len(story.session.scalars(select(Person.id)).all())
    ask_and_erase(story)
    report = enrolments.sync_course(story.course.id)
    assert report.skipped["erased"] == 1
    assert report.new == 0
    assert report.left == 0
    story.session.commit()
    # The administrator came in meanwhile, and is nobody's participant.
    assert len(story.session.scalars(select(Person.id).where(Person.erased_at.is_(None))).all()) <= people
    assert story.session.scalars(select(Person).where(Person.moodle_id == story.student.moodle_id)).all() == []
    curator = story.launch_as("curator")
    post(curator, "sync/", "sync/")
    assert "their data were erased at their request" in curator.get(f"{curator.home}sync/").text


def test_whoever_comes_in_again_is_asked_first(story: Story) -> None:
    moodle_id = story.student.moodle_id
    email = story.student.email
    ask_and_erase(story)
    client = story.launch_as("student001")
    home = client.get(client.home).text
    assert "Your data were erased here at your request" in home
    story.session.commit()
    again = story.session.scalars(select(Person).where(Person.moodle_id == moodle_id)).one()
    assert again.id != story.student.id
    assert (again.family_name, again.email, again.withheld) == ("", "", True)
    assert enrolments.sync_course(story.course.id).left == 0
    assert client.get(client.home).status_code == 200, "a sync does not throw them out"
    assert story.id_of(Mentee, again) == []
    place = story.session.scalars(select(Membership).where(Membership.person_id == again.id)).one()
    assert (place.roles, place.active) == ([], True), "on no list of students"
    assert client.get(f"{client.home}my-request").status_code == 403, "a base takes nobody unasked"
    post(client, "my-data/return", "")
    enrolments.sync_course(story.course.id)
    story.session.commit()
    known = story.fresh(Person, again.id)
    assert (known.email, known.withheld) == (email, False)
    assert len(story.id_of(Mentee, known)) == 1
    assert story.fresh(Person, story.student.id).name.startswith("Удалённый участник")


def test_whoever_agrees_again_is_known_again(story: Story) -> None:
    moodle_id = story.student.moodle_id
    ask_and_erase(story)
    client = story.launch_as("student001")
    page = client.get(f"{client.home}my-consent").text
    text = re.search(r'name="text"[^>]*value="(\d+)"', page)
    assert text, page
    post(client, "my-consent", "my-consent", text=text[1], says_adult="1")
    story.session.commit()
    again = story.session.scalars(select(Person).where(Person.moodle_id == moodle_id)).one()
    assert again.withheld is False
    enrolments.sync_course(story.course.id)
    assert story.fresh(Person, again.id).email != ""


def test_the_fingerprint_names_nobody(story: Story) -> None:
    moodle_id = story.student.moodle_id
    ask_and_erase(story)
    assert _rows_with(story.session, [f"'{moodle_id}'"]) == []
    platform = story.course.platform_id
    assert identities.erased_among(story.session, platform, [moodle_id, "999999"]) == {moodle_id}
    assert identities.erased_among(story.session, platform + 1, [moodle_id]) == set()


def test_the_trail_says_that_it_was_done_and_by_whom(story: Story) -> None:
    ask_and_erase(story)
    event = story.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.erased")).one()
    assert event.subject == f"person:{story.student.id}"
    assert event.actor_id is not None
    assert event.details["rows"]["mentee"] == 2
    text = " ".join(story.session.scalars(select(cast(AuditEvent.details, String))))
    assert story.student.family_name.lower() not in json.loads(json.dumps(text)).lower()
    exported = story.session.scalars(select(AuditEvent).where(AuditEvent.action == "base.exported")).one()
    assert exported.details["count"] == 1, "that a list was saved stays"
    assert exported.details["search"] == "—"


def test_a_sync_that_read_before_writes_no_name_into_the_erased_row(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moodle has a new address of the student, and the erasure is committed between the sync's reading and writing."""
    story.moodle.college.person("student001").email = "new@example.org"
    merged = enrolments.merged

    def meanwhile(known, told, *more):
        with db.new_session() as own, db.transaction(own) as session:
            person = session.get_one(Person, story.student.id)
            person.family_name, person.given_name, person.email = "Удалённый участник", "", ""
            person.erased_at = now()
        monkeypatch.setattr(enrolments, "merged", merged)
        return merged(known, told, *more)

    if story.session.get_bind().dialect.name == "sqlite":
        pytest.skip("a page of the sync holds the only place to write")
    monkeypatch.setattr(enrolments, "merged", meanwhile)
    enrolments.sync_course(story.course.id)
    person = story.fresh(Person, story.student.id)
    assert (person.family_name, person.email) == ("Удалённый участник", "")


def test_memberships_of_the_erased_are_in_no_list_of_students(story: Story) -> None:
    ask_and_erase(story)
    membership = story.session.scalars(select(Membership).where(Membership.person_id == story.student.id)).one()
    assert (membership.roles, membership.groups) == ([], "")
