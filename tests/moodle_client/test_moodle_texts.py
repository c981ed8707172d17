"""What Moodle's JSON may spell and no database keeps: NUL, and half of a surrogate pair."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_client import MoodleClient, read_json, storable
from tests.moodle_client.moodle_double import Moodle

PARTS = st.text(st.characters(codec=None, categories=("Lu", "Cs", "Cc", "So")))
BODIES = st.recursive(PARTS | st.integers() | st.none(), lambda of: st.lists(of) | st.dictionaries(PARTS, of))


@given(BODIES)
def test_what_is_read_can_always_be_kept(body: object) -> None:
    for content in (json.dumps(body).encode(), json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")):
        kept = json.dumps(read_json(content), ensure_ascii=False)
        assert kept.encode()
        assert "\\u0000" not in kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [("Ро\ud800мова", "Ро?мова"), ("Ро\0мова", "Ромова"), ("Роза 🌹", "Роза 🌹"), ("Романова", "Романова")],
)
def test_a_sound_text_stays_as_it_is_and_a_broken_sign_goes(told: str, kept: str) -> None:
    assert storable(told) == kept
    assert read_json(json.dumps({"a": [told]}).encode()) == {"a": [kept]}


def test_the_client_tells_no_half_signs(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers([{"id": 7, "name": "ИС-\ud800\0 21", "courseid": 2, "description": ""}])

    assert [group.name for group in client.course_groups(2)] == ["ИС-? 21"]
