"""Fixtures of the practice Moodle's own checks."""

import pytest

from .situation import Situation, the_situation


@pytest.fixture
def situation() -> Situation:
    """The situation in which the recordings were made."""
    return the_situation()
