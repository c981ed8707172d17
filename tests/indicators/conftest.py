"""A course with thirty students, in the practice Moodle and here."""

import pytest
from sqlalchemy.orm import Session

from lti_service.platforms.models import Platform
from tests.indicators.world import World, a_world
from tests.practice_moodle import College, PracticeMoodle, a_college


@pytest.fixture
def college() -> College:
    """They read English, so that tests of pages hang on the texts in the code and not on their translation."""
    college = a_college(students=40, teachers=6, employers=3)
    for person in college.people.values():
        person.lang = "en"
    return college


@pytest.fixture
def world(session: Session, moodle: PracticeMoodle, platform: Platform) -> World:
    return a_world(session, moodle, platform, students=30)
