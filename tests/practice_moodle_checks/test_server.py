"""The running practice Moodle: a real socket, faults, the request log, and its pages."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.certificates import Authority
from tests.practice_moodle import TOKEN, PracticeMoodle, a_college, create_practice_moodle, practice_moodle, running

REST = "/webservice/rest/server.php"
SITE_INFO = {"wstoken": TOKEN, "wsfunction": "core_webservice_get_site_info", "moodlewsrestformat": "json"}


@pytest.fixture
def moodle() -> Iterator[PracticeMoodle]:
    app = create_practice_moodle(a_college(40, 7, 3))
    with running(app):
        yield practice_moodle(app)


@pytest.fixture
def site_info(moodle: PracticeMoodle) -> Iterator[Callable[[], requests.Response]]:
    with requests.Session() as session:
        yield lambda: session.post(moodle.issuer + REST, data=SITE_INFO, timeout=5)


def test_its_address_is_the_issuer(moodle: PracticeMoodle, site_info: Callable[[], requests.Response]) -> None:
    assert site_info().json()["siteurl"] == moodle.issuer
    assert moodle.addresses["token_url"] == f"{moodle.issuer}/mod/lti/token.php"


def test_over_https_it_goes_by_the_name_of_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    app = create_practice_moodle(a_college(40, 7, 3))
    with running(app, tls=authority.site("localhost"), name="localhost") as address:
        assert practice_moodle(app).issuer == address
        assert address.startswith("https://localhost:")
        # A connection that never begins its handshake keeps nobody waiting.
        with socket.create_connection(("127.0.0.1", urlsplit(address).port)):
            answer = requests.post(address + REST, data=SITE_INFO, timeout=5, verify=str(authority.file))
        assert answer.json()["siteurl"] == address


def test_odd_status_lines_and_headers_go_over_the_wire(moodle: PracticeMoodle) -> None:
    tool = moodle.add_tool("http://localhost:9701")
    moodle.add_link(2, tool)
    connection = http.client.HTTPConnection(urlsplit(moodle.issuer).netloc, timeout=5)
    headers = {"Authorization": f"Bearer {moodle.lti.new_access_token(tool)}"}
    score = '{"userId":"44","comment":"Наставник"}'
    path = "/mod/lti/services.php/2/lineitems"
    [column] = moodle.gradebook.of_tool(moodle.college.courses[2], tool.id)
    media = {"Content-Type": "application/vnd.ims.lis.v1.score+json"}
    connection.request("POST", f"{path}/{column.id}/lineitem/scores?type_id=1", score.encode(), headers | media)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (400, b"[]")
    assert answer.reason.encode("latin-1").decode() == f"Incorrect score received{score}"
    media = {"Accept": "application/vnd.ims.lis.v2.lineitemcontainer+json"}
    connection.request("GET", f"{path}?type_id=1&limit=1", headers=headers | media)
    answer = connection.getresponse()
    link = answer.headers["Link"].encode("latin-1").decode()
    assert link.startswith(f"<{moodle.issuer}{path}?type_id=1&amp;limit=1&amp;from=0>; rel=“first”, ")
    connection.close()


def test_a_status_fault_lasts_for_so_many_requests(
    moodle: PracticeMoodle, site_info: Callable[[], requests.Response]
) -> None:
    fault = moodle.faults.add(REST, status=503, times=2)
    assert [site_info().status_code for _ in range(3)] == [503, 503, 200]
    assert fault.hits == 2
    assert [seen.status for seen in moodle.requests.of("core_webservice_get_site_info")] == [503, 503, 200]


def test_a_page_can_come_instead_of_data(moodle: PracticeMoodle, site_info: Callable[[], requests.Response]) -> None:
    moodle.faults.add("core_webservice_get_site_info", page=True)
    answer = site_info()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    moodle.faults.clear()
    assert site_info().json()


def test_nonsense_can_come_instead_of_data(moodle: PracticeMoodle, site_info: Callable[[], requests.Response]) -> None:
    moodle.faults.add(REST, body='{"sitename": ', method="POST")
    with pytest.raises(requests.JSONDecodeError):
        site_info().json()


def test_a_connection_can_be_closed(moodle: PracticeMoodle, site_info: Callable[[], requests.Response]) -> None:
    moodle.faults.add(REST, close=True, times=1)
    with pytest.raises(requests.ConnectionError):
        site_info()
    assert site_info().ok
    assert [seen.status for seen in moodle.requests] == [0, 200]


def test_an_answer_can_be_lost_after_the_work_is_done(moodle: PracticeMoodle) -> None:
    moodle.faults.add("core_message_send_instant_messages", lose=True)
    data = SITE_INFO | {
        "wsfunction": "core_message_send_instant_messages",
        "messages[0][touserid]": 5,
        "messages[0][text]": "Здравствуйте",
    }
    with pytest.raises(requests.ConnectionError):
        requests.post(moodle.issuer + REST, data=data, timeout=5)
    assert [message["text"] for message in moodle.web_service.messages] == ["Здравствуйте"]


def test_a_wait_ends_when_faults_are_cleared(
    moodle: PracticeMoodle, site_info: Callable[[], requests.Response]
) -> None:
    fault = moodle.faults.add(REST, wait=60)
    timer = threading.Timer(0.1, moodle.faults.clear)
    timer.start()
    assert site_info().ok
    timer.join()
    assert fault.hits == 1


def test_it_knows_how_many_asked_at_once(moodle: PracticeMoodle) -> None:
    moodle.faults.add(REST, wait=0.3)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: requests.post(moodle.issuer + REST, data=SITE_INFO, timeout=5), range(3)))
    assert moodle.requests.most_at_once(REST) == 3
    assert moodle.requests.most_at_once("/mod/lti") == 0
    moodle.requests.clear()
    assert len(moodle.requests) == 0


def test_a_thousand_small_requests_do_not_wait_for_each_other(site_info: Callable[[], requests.Response]) -> None:
    elapsed = [site_info().elapsed.total_seconds() for _ in range(20)]
    # Nagle's delay, were it on, would make each of them 0.04 s.
    assert sorted(elapsed)[10] < 0.03


def test_everyone_can_be_launched_from_the_front_page(moodle: PracticeMoodle) -> None:
    link = moodle.add_link(2, moodle.add_tool("http://localhost:9701"))
    page = requests.get(moodle.issuer, timeout=5).text
    college = moodle.college
    for person in (college.students[0], college.employers[0], college.curators[0], college.admin):
        assert f"/mod/lti/launch.php?id={link.module_id}&amp;user={person.id}" in page
    found = requests.get(moodle.issuer, params={"q": college.students[7].lastname}, timeout=5).text
    assert f"user={college.students[7].id}" in found


def test_the_front_page_begins_with_those_who_have_something_to_see(moodle: PracticeMoodle) -> None:
    link = moodle.add_link(2, moodle.add_tool("http://localhost:9701"))
    paired = moodle.college.students[7]
    address = f"/mod/lti/launch.php?id={link.module_id}&amp;user={paired.id}"
    assert address not in requests.get(moodle.issuer, timeout=5).text
    moodle.shown_first = [paired.id]
    assert address in requests.get(moodle.issuer, timeout=5).text


def test_the_activity_is_a_frame_in_a_page_or_a_launch_of_its_own(moodle: PracticeMoodle) -> None:
    link = moodle.add_link(2, moodle.add_tool("http://localhost:9701"))
    student = moodle.college.students[0]
    address = f"{moodle.issuer}/mod/lti/launch.php?id={link.module_id}&user={student.id}"
    framed = requests.get(address, timeout=5).text
    assert student.fullname in framed
    assert f'src="/mod/lti/launch.php?id={link.module_id}&amp;user={student.id}&amp;frame=inner"' in framed
    for how in ("inner", "0"):
        page = requests.get(f"{address}&frame={how}", timeout=5).text
        assert 'action="http://localhost:9701/lti/login"' in page
        assert f'name="login_hint" value="{student.id}"' in page


@pytest.mark.parametrize(
    "path",
    ["/", "/course/view.php?id=2", "/user/index.php?id=2", "/grade/report/grader/index.php?id=2",
     "/mod/feedback/view.php?id=1", "/mod/feedback/view.php?id=2", "/mod/lti/toolconfigure.php",
     "/mod/lti/return.php?course=2",
     "/mod/feedback/complete.php?id=1&user=4", "/mod/lti/choose.php?course=2&tool=1&user=44",
     "/mod/lti/contentitem.php?id=1&course=2&user=44", "/practice/addresses.json", "/practice/people.json?course=2",
     "/practice/gradebook.json?course=2", "/practice/tools.json"],
)  # fmt: skip
def test_every_page_opens(moodle: PracticeMoodle, path: str) -> None:
    moodle.add_link(2, moodle.add_tool("http://localhost:9701"))
    assert requests.get(moodle.issuer + path, timeout=5).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/course/view.php", "/course/view.php?id=99", "/mod/lti/launch.php?id=99&user=4", "/mod/feedback/view.php?id=99",
     "/mod/lti/launch.php?id=10&user=99999"],
)  # fmt: skip
def test_what_is_not_there_is_an_error_page(moodle: PracticeMoodle, path: str) -> None:
    moodle.add_link(2, moodle.add_tool("http://localhost:9701"))
    answer = requests.get(moodle.issuer + path, timeout=5)
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text


def test_grades_arrive_on_the_gradebook_page(moodle: PracticeMoodle) -> None:
    tool = moodle.add_tool("http://localhost:9701")
    course, student = moodle.college.courses[2], moodle.college.students[0]
    column = moodle.gradebook.add_column(course, tool.id, "Пара сформирована", 100, tag="indicator")
    score = (
        f'{{"userId":"{student.id}","scoreGiven":75,"scoreMaximum":100,"timestamp":"2026-11-23T10:00:00Z",'
        '"activityProgress":"Completed","gradingProgress":"FullyGraded","comment":"Наставник: Орлова"}'
    )
    moodle.gradebook.take_score(column, course, score)
    page = requests.get(f"{moodle.issuer}/grade/report/grader/index.php?id=2", timeout=5).text
    assert "Пара сформирована" in page
    assert "75,00" in page
    assert "Наставник: Орлова" in page
    [shown] = requests.get(f"{moodle.issuer}/practice/gradebook.json?course=2", timeout=5).json()
    assert (shown["tag"], shown["average"], shown["grades"][str(student.id)]["grade"]) == ("indicator", 75, 75)


def test_a_survey_is_answered_on_its_page(moodle: PracticeMoodle) -> None:
    feedback = moodle.college.feedbacks[1]
    person = next(one for one in moodle.college.asked(feedback) if one.id not in feedback.attempts)
    data = {"id": 1, "user": person.id} | {f"item{item.id}": "4" for item in feedback.items}
    assert requests.post(f"{moodle.issuer}/mod/feedback/complete.php", data=data, timeout=5).ok
    assert feedback.attempts[person.id].values[1] == "4"
    again = requests.post(f"{moodle.issuer}/mod/feedback/complete.php", data=data, timeout=5)
    assert again.status_code == 404


def test_another_process_can_register_activate_and_add(moodle: PracticeMoodle) -> None:
    tool = moodle.add_tool("http://localhost:9701", active=False, in_chooser=False)
    started = requests.post(
        f"{moodle.issuer}/practice/registrations", data={"url": "http://localhost:8000/lti/register?code=1"}, timeout=5
    ).json()
    assert started["address"].startswith("http://localhost:8000/lti/register?code=1&openid_configuration=")
    assert requests.post(f"{moodle.issuer}/practice/tools/{tool.id}/activate", timeout=5).json()["active"]
    data = {"tool": tool.id, "course": 3, "title": "Мой наставник"}
    added = requests.post(f"{moodle.issuer}/practice/activities", data=data, timeout=5).json()
    [listed] = requests.get(f"{moodle.issuer}/practice/tools.json", timeout=5).json()
    assert listed["activities"][0]["module_id"] == added["module_id"]
    assert added["address"].startswith(f"{moodle.issuer}/mod/lti/launch.php?id=")
