"""Filters of the bases that are wanted rarely: behind “more filters”, in the address, in choosing all and in files."""

import csv
import io
import re

import pytest
from flask.testing import FlaskClient

from lti_service.db import now
from lti_service.people.employers.models import Employer
from lti_service.people.models import MenteeState, Source
from lti_service.programme.models import MentorKind
from tests.pairs.conftest import World


@pytest.fixture
def curator(world: World, come_in) -> FlaskClient:
    return come_in(world.curator)


def rows_of(curator: FlaskClient, world: World, address: str) -> list[str]:
    answer = curator.get(f"/courses/{world.course.id}/base/{address}")
    assert answer.status_code == 200, answer.text
    return [row[0] for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";")][1:]


def opened(page: str) -> bool:
    return re.search(r"<details[^>]* open[^>]*>\s*<summary[^>]*>Ещё фильтры", page) is not None


def test_they_are_put_away_until_one_of_them_is_set(world: World, curator: FlaskClient) -> None:
    form, base = world.form(), f"/courses/{world.course.id}/base/"
    world.mentee("Алексеев Пётр", wanted=form)
    world.mentee("Борисов Олег").source = Source.OWN
    world.session.commit()
    plain = curator.get(base).text
    assert "Ещё фильтры" in plain
    assert not opened(plain)
    page = curator.get(f"{base}?wanted={form.id}&sort=group").text
    assert opened(page)
    assert "Алексеев" in page
    assert "Борисов Олег" not in page
    assert f'<option value="{form.id}" selected>' in page
    assert f"mentees.csv?wanted={form.id}" in page
    assert rows_of(curator, world, "mentees.csv?source=own") == ["Борисов Олег"]
    assert rows_of(curator, world, f"mentees.csv?wanted={form.id}") == ["Алексеев Пётр"]
    nonsense = curator.get(f"{base}?wanted=х&source=х&employer=-1&special=да").text
    assert "Алексеев" in nonsense
    assert not opened(nonsense)


def test_who_has_special_needs_is_seen_but_told_by_no_file(world: World, curator: FlaskClient) -> None:
    special, _other = world.mentee("Алексеев Пётр"), world.mentee("Борисов Олег")
    special.special_needs = True
    world.session.commit()
    page = curator.get(f"/courses/{world.course.id}/base/?special=1").text
    assert "Борисов Олег" not in page
    assert "mentees.csv" not in page
    assert "ни в одном файле" in page
    assert rows_of(curator, world, "mentees.csv?special=1") == ["Алексеев Пётр", "Борисов Олег"]


def test_all_whom_such_a_filter_shows_are_changed_at_once(world: World, curator: FlaskClient, app) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    corrected, other = world.mentee("Алексеев Пётр"), world.mentee("Борисов Олег")
    corrected.person.corrected = {"given_name": "Пётр Ильич"}
    world.session.commit()
    base = f"/courses/{world.course.id}/base/?differs=1"
    mark = re.search(r'name="everyone" value="([^"]+)"', curator.get(f"{base}&select=all").text)
    assert mark
    answer = curator.post(base, data={"everyone": mark[1], "action": "give_up"})
    assert answer.status_code == 303
    assert "differs=1" in answer.location
    world.session.rollback()
    world.session.expire_all()
    assert (corrected.state, other.state) == (MenteeState.UNPAIRED, MenteeState.NEEDS)


def test_mentors_of_one_organisation(world: World, curator: FlaskClient) -> None:
    works = Employer(platform_id=world.platform.id, name="ООО «Завод»", created_at=now())
    world.session.add(works)
    world.mentor("Горняков Пётр", kind=MentorKind.EMPLOYER).employer = works
    world.mentor("Титов Олег")
    world.session.commit()
    page = curator.get(f"/courses/{world.course.id}/base/mentors/?employer={works.id}").text
    assert opened(page)
    assert "Горняков Пётр" in page
    assert "Титов Олег" not in page
    assert "Сбросить" in page
    assert rows_of(curator, world, f"mentors.csv?employer={works.id}") == ["Горняков Пётр"]
