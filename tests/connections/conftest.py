"""An administrator on the pages of the connection."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.practice_moodle import PracticeMoodle


@pytest.fixture
def admin(launch_as: Callable[..., FlaskClient], moodle: PracticeMoodle) -> FlaskClient:
    """The site's administrator, in course 2."""
    return launch_as(moodle.college.admin)
