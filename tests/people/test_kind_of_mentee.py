"""A curator mends what somebody is a mentee as, and what they ask for help with, on their page and by a file."""

import csv
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.pairs.models import PairState
from lti_service.people import service
from lti_service.people.kinds import placing
from lti_service.people.models import Mentee, MenteeState, Placed
from lti_service.programme.models import MenteeKind
from lti_service.queue import DueCourse
from tests.pairs.conftest import World

STUDENT, YOUNG = MenteeKind.STUDENT, MenteeKind.YOUNG_TEACHER


@pytest.fixture
def curator(world: World, come_in, app) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return come_in(world.curator)


def save(curator: FlaskClient, world: World, mentee: Mentee, **fields: object):
    card = f"/courses/{world.course.id}/people/{mentee.person_id}/"
    values = {"wanted_form": str(mentee.wanted_form_id or ""), "request": mentee.request, "topics": mentee.topics}
    answer = curator.post(f"{card}mentee", data={**values, **fields})
    world.session.expire_all()
    world.session.rollback()
    return answer


def topics_of(world: World, kind: MenteeKind) -> list[str]:
    return [str(topic) for form in service.forms_for(world.cycle, kind) for topic in form.activities]


def test_a_student_taken_for_a_young_teacher_is_one_again_and_counts_as_one(
    world: World, curator: FlaskClient, session: Session
) -> None:
    mentee = world.mentee("Ёлкин Фёдор", kind=YOUNG, wanted=world.form("teacher-teacher"), request="Учёба")
    mentee.placed = Placed.RULES
    other = next(topic for topic in topics_of(world, YOUNG) if topic not in topics_of(world, STUDENT))
    mentee.topics = [other]
    session.commit()
    page = curator.get(f"/courses/{world.course.id}/people/{mentee.person_id}/").text
    assert 'name="kind"' in page

    assert save(curator, world, mentee, kind="student").status_code == 303

    assert (mentee.kind, mentee.wanted_form, mentee.topics, mentee.request) == (STUDENT, None, [], "Учёба")
    assert service.needing(session, world.cycle.id, STUDENT) == {mentee.person_id}
    assert session.scalar(select(AuditEvent.details).where(AuditEvent.action == "mentee.kind")) == {"kind": "student"}
    assert session.scalars(select(DueCourse.course_id)).all() == [world.course.id]
    placing.place(
        session, world.cycle.id, [mentee.person_id], placing.ruleset_of(session, world.platform.id), world.day
    )
    session.expire_all()
    assert mentee.kind is STUDENT, "rules leave what was said by hand"


@pytest.mark.parametrize("state", [PairState.PROPOSED, PairState.ACTIVE])
def test_an_open_pair_holds_the_kind_its_form_is_for(world: World, curator: FlaskClient, state: PairState) -> None:
    pair = world.pair(state)
    mentee = pair.places[0].mentee
    answer = save(curator, world, mentee, kind="young_teacher")
    assert answer.status_code == 422
    assert "Сначала завершите" in answer.text
    assert mentee.kind is STUDENT
    assert save(curator, world, mentee, kind="student").status_code == 303


def test_topics_are_ticked_on_the_page_in_the_programme_s_words(
    world: World, curator: FlaskClient, session: Session
) -> None:
    first, second, third = list(dict.fromkeys(topics_of(world, STUDENT)))[:3]
    mentee = world.mentee()
    mentee.topics = [first, "Прежняя тема"]
    session.commit()
    page = curator.get(f"/courses/{world.course.id}/people/{mentee.person_id}/").text
    assert "Прежняя тема" in page, "what the programme no longer has is not lost by saving the rest"
    save(curator, world, mentee, kind="student", topics=[third, second, "Прежняя тема", "Чужая"])
    assert mentee.topics == [second, third, "Прежняя тема"]
    assert session.scalar(select(AuditEvent.details).where(AuditEvent.action == "mentee.request")) == {}
    save(curator, world, mentee, kind="student", topics=[])
    assert mentee.topics == []


def load(curator: FlaskClient, world: World, *rows: tuple[str, ...]):
    """Check a file of mentees; apply it when nothing is wrong."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    base = f"/courses/{world.course.id}/imports/mentees/"
    file = io.BytesIO(text.getvalue().encode("utf-8-sig"))
    checked = curator.post(base, data={"file": (file, "base.csv")}, content_type="multipart/form-data")
    assert checked.status_code == 303, checked.text
    preview = curator.get(checked.location).text
    if "Применить" in preview:
        curator.post(f"{checked.location.rstrip('/')}/apply")
    world.session.rollback()
    world.session.expire_all()
    return preview


def test_a_file_mends_the_kind_too(world: World, curator: FlaskClient) -> None:
    wrong = world.mentee(kind=YOUNG, wanted=world.form("teacher-teacher"))
    taken = world.pair(PairState.ACTIVE).places[0].mentee
    heads = ("Почта", "Вид")
    preview = load(curator, world, heads, (wrong.person.email, "студент"), (taken.person.email, "молодой специалист"))
    assert "Сначала завершите" in preview
    assert wrong.kind is YOUNG, "all or nothing"
    load(curator, world, heads, (wrong.person.email, "студент"))
    assert (wrong.kind, wrong.wanted_form, wrong.placed) == (STUDENT, None, Placed.HAND)
    assert wrong.state is MenteeState.NEEDS
