"""Columns, scores and results, against Moodle's recorded answers."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.lti import gradebook, services
from lti_service.lti.gradebook import Outcome, Result, Score
from lti_service.platforms.models import Platform, PlatformState

RECORDINGS = Path(__file__).parents[1] / "recordings"
SITE = "http://localhost:8080"
LINE_ITEMS_URL = f"{SITE}/mod/lti/services.php/2/lineitems?type_id=1"
LINE_ITEM_URL = f"{SITE}/mod/lti/services.php/2/lineitems/21/lineitem?type_id=1"
ANY_LINE_ITEMS = LINE_ITEMS_URL.partition("?")[0]
SCORES_URL = f"{SITE}/mod/lti/services.php/2/lineitems/21/lineitem/scores?type_id=1"
RESULTS_URL = f"{SITE}/mod/lti/services.php/2/lineitems/21/lineitem/results?type_id=1"
STAMP = datetime(2026, 11, 23, 2, 47, 21, 290_000, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def moodle() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        token = recorded("lti.token")
        mock.post(f"{SITE}/mod/lti/token.php", body=json.dumps(token["body"]), content_type="text/html; charset=utf-8")
        yield mock


@pytest.fixture
def service(session: Session) -> services.Connector:
    return connector_to(session, SITE)


def connector_to(session: Session, site: str) -> services.Connector:
    platform = Platform(
        name="Moodle",
        issuer=site,
        client_id="client-1",
        login_url=f"{site}/mod/lti/auth.php",
        token_url=f"{site}/mod/lti/token.php",
        jwks_url=f"{site}/mod/lti/certs.php",
        state=PlatformState.ACTIVE,
        created_at=db.now(),
    )
    session.add(platform)
    session.commit()
    return services.connector(platform)


def replay(moodle: responses.RequestsMock, name: str, method: str, url: str, **more: Any) -> None:
    kept = recorded(name)
    body = kept["body"]
    moodle.add(
        method,
        url,
        status=kept["status"],
        body="" if body == "" else json.dumps(body),
        content_type=kept["headers"]["Content-Type"],
        **more,
    )


def link_as_sent(text: str) -> str:
    """A Link header with curly quotes: UTF-8 on the wire, which HTTP libraries read as Latin-1."""
    return text.encode().decode("latin-1")


def test_a_column_is_found_by_tag_and_resource_id(moodle: responses.RequestsMock, service: services.Connector) -> None:
    replay(moodle, "lti.lineitems.by_tag", "GET", ANY_LINE_ITEMS)

    found = gradebook.find_line_item(service, LINE_ITEMS_URL, tag="indicator", resource_id="indicator:plan")

    assert found is not None
    assert found.url == f"{SITE}/mod/lti/services.php/2/lineitems/22/lineitem?type_id=1"
    assert found.label == "Индивидуальный план"
    asked = moodle.calls[-1].request
    assert asked.headers["Accept"] == "application/vnd.ims.lis.v2.lineitemcontainer+json"
    assert parse_qs(urlsplit(asked.url).query) == {
        "type_id": ["1"],
        "tag": ["indicator"],
        "resource_id": ["indicator:plan"],
    }


def test_another_tools_columns_are_not_taken_for_ours(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    replay(moodle, "lti.lineitems.list", "GET", ANY_LINE_ITEMS)

    assert gradebook.find_line_item(service, LINE_ITEMS_URL, tag="indicator", resource_id="indicator:plan") is None


def test_a_column_is_found_on_a_later_page_through_moodles_own_links(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    second = "http://localhost:8080/mod/lti/services.php/2/lineitems?type_id=1&limit=1&from=1"
    link = f"<{second.replace('&', '&amp;')}>; rel=“next”, <http://x>; rel=“last”"
    kept = recorded("lti.lineitems.page_1")
    moodle.get(second, json=recorded("lti.lineitems.by_tag")["body"])
    moodle.get(ANY_LINE_ITEMS, json=kept["body"], headers={"Link": link_as_sent(link)})

    found = gradebook.find_line_item(service, LINE_ITEMS_URL, tag="indicator", resource_id="indicator:pair-formed")

    assert found is not None
    assert found.url == LINE_ITEM_URL


def test_pages_that_point_at_each_other_come_to_an_end(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    first, second = f"{SITE}/a", f"{SITE}/b"
    asked = f"{first}?tag=t&resource_id=r"
    moodle.get(second, json=[], headers={"Link": f'<{asked}>; rel="next"'})
    moodle.get(first, json=[], headers={"Link": f'<{second}>; rel="next"'})

    assert gradebook.find_line_item(service, first, tag="t", resource_id="r") is None


def test_a_column_is_made_as_recorded(moodle: responses.RequestsMock, service: services.Connector) -> None:
    replay(moodle, "lti.lineitem.create", "POST", LINE_ITEMS_URL)

    made = gradebook.create_line_item(
        service, LINE_ITEMS_URL, label="Пара сформирована", tag="indicator", resource_id="indicator:pair-formed"
    )

    assert made.url == LINE_ITEM_URL
    sent = moodle.calls[-1].request
    assert sent.headers["Content-Type"] == "application/vnd.ims.lis.v2.lineitem+json"
    assert json.loads(sent.body) == recorded("lti.lineitem.create")["request"]["body"]


def test_a_column_keeps_all_else_when_it_is_renamed(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    row = recorded("lti.lineitem.create")["body"] | {
        "scoreMaximum": 5,
        "resourceLinkId": "6",
        "submissionReview": {"custom": {"a": "1"}},
    }
    moodle.get(LINE_ITEM_URL, json=row)
    moodle.put(LINE_ITEM_URL, json=row | {"label": "Пары"})

    renamed = gradebook.rename_line_item(service, LINE_ITEM_URL, "Пары")

    assert renamed.label == "Пары"
    sent = json.loads(moodle.calls[-1].request.body)
    assert sent == row | {"label": "Пары"}


def test_a_score_goes_out_as_recorded_on_one_line_of_ascii(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    replay(moodle, "lti.score.ok", "POST", SCORES_URL)

    outcome = gradebook.post_score(
        service, LINE_ITEM_URL, Score("4", Decimal("100.00"), STAMP, "Наставник: Иванов И.И.")
    )

    assert outcome is Outcome.DELIVERED
    sent = moodle.calls[-1].request
    assert sent.url == SCORES_URL
    assert sent.headers["Content-Type"] == "application/vnd.ims.lis.v1.score+json"
    assert json.loads(sent.body) == recorded("lti.score.ok")["request"]["body"]
    assert sent.body.isascii()
    assert "\n" not in sent.body


def test_a_line_break_in_a_comment_stays_inside_the_json() -> None:
    body = gradebook.score_body(Score("4", Decimal(100), STAMP, "one\ntwo"))

    assert "\n" not in body
    assert json.loads(body)["comment"] == "one\ntwo"


def test_an_erased_grade_carries_no_score() -> None:
    body = json.loads(gradebook.score_body(Score("4", None, STAMP)))

    assert "scoreGiven" not in body
    assert "comment" not in body
    assert body["gradingProgress"] != "FullyGraded"
    assert body["timestamp"] == "2026-11-23T02:47:21.290+00:00"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("lti.score.ok", Outcome.DELIVERED),
        ("lti.score.ok_second_student", Outcome.DELIVERED),
        ("lti.score.error.same_second", Outcome.STALE),
        ("lti.score.error.teacher_not_gradable", Outcome.NOT_GRADABLE),
        ("lti.score.error.unknown_user", Outcome.NOT_GRADABLE),
        ("lti.score.pretty_printed_error_is_200", Outcome.REFUSED),
    ],
)
def test_recorded_answers_to_a_score_are_told_apart(
    name: str, outcome: Outcome, moodle: responses.RequestsMock, service: services.Connector
) -> None:
    replay(moodle, name, "POST", SCORES_URL)

    assert gradebook.post_score(service, LINE_ITEM_URL, Score("4", Decimal(100), STAMP)) is outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, Outcome.UNAUTHORISED),
        (403, Outcome.UNAUTHORISED),
        (404, Outcome.GONE),
        (405, Outcome.REFUSED),
        (429, Outcome.UNAVAILABLE),
        (500, Outcome.LOCKED),
        (502, Outcome.UNAVAILABLE),
        (503, Outcome.UNAVAILABLE),
        (504, Outcome.UNAVAILABLE),
    ],
)
def test_other_answers_to_a_score_are_told_apart(
    status: int, outcome: Outcome, moodle: responses.RequestsMock, service: services.Connector
) -> None:
    moodle.post(SCORES_URL, status=status, body="[]")

    assert gradebook.post_score(service, LINE_ITEM_URL, Score("4", Decimal(100), STAMP)) is outcome


@pytest.mark.parametrize("trouble", [requests.ConnectTimeout(), requests.ReadTimeout(), requests.ConnectionError()])
def test_no_answer_to_a_score_is_an_outcome_too(
    trouble: Exception, moodle: responses.RequestsMock, service: services.Connector
) -> None:
    moodle.post(SCORES_URL, body=trouble)

    assert gradebook.post_score(service, LINE_ITEM_URL, Score("4", Decimal(100), STAMP)) is Outcome.UNAVAILABLE


def test_without_a_token_nothing_is_sent(service: services.Connector) -> None:
    with responses.RequestsMock() as moodle:
        moodle.post(f"{SITE}/mod/lti/token.php", status=400, json={"error": "invalid_client"})

        assert gradebook.post_score(service, LINE_ITEM_URL, Score("4", Decimal(100), STAMP)) is Outcome.UNAUTHORISED


def test_results_are_read_as_recorded(moodle: responses.RequestsMock, service: services.Connector) -> None:
    replay(moodle, "lti.results", "GET", RESULTS_URL)

    results = gradebook.read_results(service, LINE_ITEM_URL)

    stamp = datetime(2026, 11, 23, 2, 47, 21, tzinfo=UTC)
    assert results == {"4": Result(Decimal(100), stamp), "5": Result(Decimal(100), stamp)}
    asked = moodle.calls[-1].request
    assert asked.url == RESULTS_URL
    assert asked.headers["Accept"] == "application/vnd.ims.lis.v2.resultcontainer+json"


def test_results_on_another_scale_are_brought_to_ours(
    moodle: responses.RequestsMock, service: services.Connector
) -> None:
    rows = [{"userId": "4", "resultScore": 4, "resultMaximum": 5}, {"userId": "5"}]
    moodle.get(RESULTS_URL, json=rows)

    results = gradebook.read_results(service, LINE_ITEM_URL)

    assert results == {"4": Result(Decimal(80), None), "5": Result(None, None)}


@pytest.mark.parametrize("body", [{}, "text", None])
def test_results_that_are_no_list_are_nonsense(
    body: Any, moodle: responses.RequestsMock, service: services.Connector
) -> None:
    moodle.get(RESULTS_URL, json=body)

    with pytest.raises(services.MalformedAnswerError):
        gradebook.read_results(service, LINE_ITEM_URL)


def test_the_echoed_body_in_a_real_status_line_goes_no_further(session: Session) -> None:
    """Over a real socket, for a status line that holds the whole posted body is more than doubles can play."""
    score = Score("44", Decimal(100), STAMP, "Наставник: Иванов И.И.")

    class Moodle(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path.endswith("token.php"):
                self._answer(200, "OK", recorded("lti.token")["body"])
            else:
                self._answer(400, f"Incorrect score received{body}", [])

        def _answer(self, status: int, reason: str, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status, reason)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Moodle) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            service = connector_to(session, f"http://127.0.0.1:{server.server_port}")
            url = f"http://127.0.0.1:{server.server_port}/21/lineitem?type_id=1"
            assert gradebook.post_score(service, url, score) is Outcome.NOT_GRADABLE
            with pytest.raises(services.ServiceRefusedError) as caught:
                service.make_service_request(
                    services.AGS_SCOPES,
                    services.below(url, "scores"),
                    is_post=True,
                    data=gradebook.score_body(score),
                    content_type=gradebook.SCORE,
                )
            assert caught.value.facts == {"http": 400, "reason": "Incorrect score received"}
        finally:
            server.shutdown()
            thread.join()
