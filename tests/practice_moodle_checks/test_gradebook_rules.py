"""The gradebook of the practice Moodle has the rules and oddities that were measured on the real one."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.practice_moodle import Column
from tests.practice_moodle.lti_platform import SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READ

from .situation import SITE, Situation, compact

SERVICES = f"{SITE}/mod/lti/services.php"
LINE_ITEMS_URL = f"{SERVICES}/2/lineitems?type_id=1"
STUDENT, OTHER, TEACHER = 4, 5, 44


def add_column(situation: Situation, **changes: Any) -> str:
    """The address of a new column of the tool."""
    sent = {"label": "Пара сформирована", "scoreMaximum": 100, "resourceId": "pairs", "tag": "indicator"} | changes
    answer = situation.service("POST", LINE_ITEMS_URL, body=compact(sent))
    assert answer.status_code == 201, answer.status
    address: str = answer.get_json(force=True)["id"]
    return address


def under(address: str, what: str) -> str:
    path, _, query = address.partition("?")
    return f"{path}/{what}?{query}"


def post_score(
    situation: Situation, address: str, user: int = STUDENT, *, second: int = 0, **changes: Any
) -> TestResponse:
    score: dict[str, Any] = {
        "userId": str(user),
        "scoreGiven": 100,
        "scoreMaximum": 100,
        "timestamp": f"2026-11-23T10:00:{second:02d}.500+00:00",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "comment": "Наставник: Иванов И.",
    } | changes
    sent = {name: value for name, value in score.items() if value is not ...}
    return situation.service("POST", under(address, "scores"), body=compact(sent))


def results(situation: Situation, address: str) -> list[dict[str, Any]]:
    answer = situation.service("GET", under(address, "results"))
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.get_json(force=True)
    return found


def column_of(situation: Situation, address: str) -> Column:
    return situation.moodle.gradebook.columns[int(address.split("/")[-2])]


def test_nothing_makes_a_column_unique(situation: Situation) -> None:
    assert add_column(situation) != add_column(situation)
    both = situation.service("GET", f"{LINE_ITEMS_URL}&tag=indicator&resource_id=pairs").get_json(force=True)
    assert len(both) == 2


def test_columns_are_found_by_resource_tag_and_link(situation: Situation) -> None:
    add_column(situation)
    add_column(situation, resourceId="plan", tag="other")

    def labels(query: str) -> list[str]:
        found = situation.service("GET", f"{LINE_ITEMS_URL}&{query}").get_json(force=True)
        return [item["resourceId"] for item in found]

    assert labels("resource_id=plan") == ["plan"]
    assert labels("tag=indicator") == ["pairs"]
    assert labels("resource_link_id=6") == [""]
    assert labels("tag=nothing") == []


def test_a_column_is_read_changed_and_deleted(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address)
    changed = {"label": "Пары", "scoreMaximum": 50, "resourceId": "pairs", "tag": "indicator"}
    answer = situation.service("PUT", address, body=compact(changed))
    assert (answer.status_code, answer.get_json(force=True)) == (200, changed | {"id": address})
    assert situation.service("GET", address).get_json(force=True) == changed | {"id": address}
    assert results(situation, address)[0]["resultScore"] == 50
    deleted = situation.service("DELETE", address)
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert situation.service("GET", address).status_code == 404


def test_a_scope_to_change_columns_is_not_one_to_read_results_or_post_scores(situation: Situation) -> None:
    address = add_column(situation)
    bearer = situation.moodle.lti.new_access_token(situation.tool, [SCOPE_LINE_ITEM])
    assert situation.service("GET", under(address, "results"), bearer=bearer).status_code == 401
    reader = situation.moodle.lti.new_access_token(situation.tool, [SCOPE_LINE_ITEM_READ])
    assert situation.service("GET", LINE_ITEMS_URL, bearer=reader).status_code == 200
    refused = situation.service("POST", LINE_ITEMS_URL, bearer=reader, body=compact({"label": "x", "scoreMaximum": 1}))
    assert refused.status_code == 401


def test_a_score_is_seen_in_the_results(situation: Situation) -> None:
    address = add_column(situation)
    answer = post_score(situation, address)
    assert (answer.status, answer.data) == ("200 OK", b"")
    [result] = results(situation, address)
    assert (result["userId"], result["resultScore"], result["comment"]) == ("4", 100, "Наставник: Иванов И.")
    assert result["timestamp"] == "2026-11-23T10:00:00+00:00"


def test_zero_is_a_grade(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address, scoreGiven=0)
    assert results(situation, address)[0]["resultScore"] == 0


def test_scores_are_scaled_to_the_column_and_kept_within_it(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address, scoreGiven=1, scoreMaximum=2)
    post_score(situation, address, OTHER, scoreGiven=300)
    assert [result["resultScore"] for result in results(situation, address)] == [50, 100]


def test_an_older_or_equal_second_is_refused_and_a_newer_one_taken(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address, second=10)
    assert post_score(situation, address, second=10, scoreGiven=0).status_code == 409
    assert post_score(situation, address, second=9, scoreGiven=0).status_code == 409
    assert results(situation, address)[0]["resultScore"] == 100
    assert post_score(situation, address, second=11, scoreGiven=0).status_code == 200
    assert results(situation, address)[0]["resultScore"] == 0


def test_the_same_grade_again_keeps_its_time(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address, second=10)
    assert post_score(situation, address, second=20).status_code == 200
    assert results(situation, address)[0]["timestamp"] == "2026-11-23T10:00:10+00:00"


@pytest.mark.parametrize("changes", [{"gradingProgress": "Pending"}, {"scoreGiven": ...}])
def test_a_score_that_is_not_fully_graded_erases_the_grade(situation: Situation, changes: dict[str, Any]) -> None:
    address = add_column(situation)
    post_score(situation, address)
    assert post_score(situation, address, second=1, **changes).status_code == 200
    [result] = results(situation, address)
    assert set(result) == {"id", "userId"}


def test_a_score_without_a_comment_erases_the_comment(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address)
    post_score(situation, address, second=1, comment=...)
    assert "comment" not in results(situation, address)[0]


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": ...}, {"timestamp": "вчера"}, {"activityProgress": ...}, {"gradingProgress": ...},
     {"scoreMaximum": ...}, {"scoreGiven": "много"}, {"userId": "44"}, {"userId": "999999"}],
)  # fmt: skip
def test_an_incorrect_score_is_echoed_in_the_status_line(situation: Situation, changes: dict[str, Any]) -> None:
    answer = post_score(situation, add_column(situation), **changes)
    assert answer.status_code == 400
    assert answer.status.startswith("400 Incorrect score received{")
    assert answer.get_json(force=True) == []


def test_a_suspended_student_still_gets_grades_and_one_who_left_does_not(situation: Situation) -> None:
    address = add_column(situation)
    situation.moodle.college.suspend(STUDENT, 2)
    situation.moodle.college.unenrol(OTHER, 2)
    assert post_score(situation, address).status_code == 200
    assert post_score(situation, address, OTHER).status_code == 400


def test_a_locked_grade_or_column_is_a_server_error(situation: Situation) -> None:
    address = add_column(situation)
    column, book = column_of(situation, address), situation.moodle.gradebook
    book.lock(column, situation.moodle.college.person(STUDENT))
    answer = post_score(situation, address)
    assert (answer.status, answer.text) == ("500 Internal Server Error", "[]")
    assert post_score(situation, address, OTHER).status_code == 200
    book.lock(column)
    assert post_score(situation, address, OTHER, second=5).status_code == 500


def test_an_overridden_grade_of_the_activity_is_accepted_and_not_changed(situation: Situation) -> None:
    [own] = situation.service("GET", LINE_ITEMS_URL).get_json(force=True)
    column = column_of(situation, own["id"])
    post_score(situation, own["id"])
    situation.moodle.gradebook.override(column, situation.moodle.college.person(STUDENT), 33)
    assert post_score(situation, own["id"], timestamp="2030-01-01T00:00:00Z").status_code == 200
    assert results(situation, own["id"])[0]["resultScore"] == 33


def test_results_with_a_limit_crash_as_soon_as_there_is_one(situation: Situation) -> None:
    address = add_column(situation)
    limited = under(address, "results") + "&limit=10"
    assert situation.service("GET", limited).get_json(force=True) == []
    post_score(situation, address)
    answer = situation.service("GET", limited)
    assert (answer.status_code, answer.data) == (500, b"")


def test_results_of_one_user(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address)
    post_score(situation, address, OTHER)
    found = situation.service("GET", under(address, "results") + f"&user_id={OTHER}").get_json(force=True)
    assert [result["userId"] for result in found] == [str(OTHER)]


def test_the_last_page_of_columns_has_no_next_link(situation: Situation) -> None:
    add_column(situation)
    links = situation.service("GET", f"{LINE_ITEMS_URL}&limit=1&from=1").headers["Link"].encode("latin-1").decode()
    assert "rel=“prev”" in links
    assert "rel=“next”" not in links


def test_another_tools_columns_are_out_of_reach(situation: Situation) -> None:
    other = situation.moodle.add_tool("http://localhost:9702")
    bearer = situation.moodle.lti.new_access_token(other)
    address = add_column(situation)
    assert situation.service("GET", LINE_ITEMS_URL, bearer=bearer).status_code == 401
    theirs = LINE_ITEMS_URL.replace("type_id=1", "type_id=2")
    assert situation.service("GET", theirs, bearer=bearer).get_json(force=True) == []
    assert situation.service("GET", address.replace("type_id=1", "type_id=2"), bearer=bearer).status_code == 404


def test_any_media_type_lands_on_the_wrong_resource(situation: Situation) -> None:
    address = add_column(situation)
    post_score(situation, address)
    answer = situation.service("GET", under(address, "results"), accept="*/*")
    assert answer.get_json(force=True)["label"] == "Пара сформирована"


def test_a_score_with_a_charset_finds_no_handler(situation: Situation) -> None:
    address = under(add_column(situation), "scores")
    content_type = "application/vnd.ims.lis.v1.score+json; charset=utf-8"
    answer = situation.service("POST", address, body="{}", content_type=content_type)
    assert answer.status.startswith("400 No handler found for /2/lineitems/21/lineitem/scores")


@pytest.mark.parametrize(
    "sent", [{"label": "x"}, {"scoreMaximum": 1}, {"label": "x", "scoreMaximum": "много"}, [], "x"]
)
def test_a_column_needs_a_label_and_a_maximum(situation: Situation, sent: Any) -> None:
    assert situation.service("POST", LINE_ITEMS_URL, body=json.dumps(sent)).status_code == 400


def test_unknown_courses_and_columns_are_not_found(situation: Situation) -> None:
    assert situation.service("GET", f"{SERVICES}/99/lineitems?type_id=1").status_code == 404
    missing = situation.service("GET", f"{SERVICES}/2/lineitems/999/lineitem?type_id=1")
    assert missing.status == "404 Not Found: Grade item 999 doesn't exist"


def test_a_column_tied_to_the_activity_hides_the_activitys_own_from_launches(situation: Situation) -> None:
    endpoint = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
    situation.tool.custom = {}
    assert "lineitem" in situation.moodle.claims(STUDENT, situation.link, "n")[endpoint]
    add_column(situation, resourceLinkId="6")
    assert "lineitem" not in situation.moodle.claims(STUDENT, situation.link, "n")[endpoint]
