"""The web services of the practice Moodle behave as measured: what is absent, cut, refused, or half done."""

from typing import Any

import pytest

from tests.practice_moodle import TOKEN
from tests.practice_moodle.web_services import shortened

from .situation import SITE, Situation

REST = "/webservice/rest/server.php"
STUDENT = 4


def call(situation: Situation, function: str, **params: Any) -> Any:
    answer = situation.web_service(function, params)
    assert answer.status_code == 200
    return answer.get_json()


def enrolled(situation: Situation, **options: Any) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"courseid": 2}
    for number, (name, value) in enumerate(options.items()):
        params |= {f"options[{number}][name]": name, f"options[{number}][value]": value}
    found: list[dict[str, Any]] = call(situation, "core_enrol_get_enrolled_users", **params)
    return found


def test_only_the_fields_asked_for_come(situation: Situation) -> None:
    assert set(enrolled(situation, userfields="id,email")[0]) == {"id", "email"}
    assert set(enrolled(situation, userfields="fullname,suspended")[0]) == {"id", "fullname"}


def test_suspended_people_are_there_unless_only_active_ones_are_asked_for(situation: Situation) -> None:
    situation.moodle.college.suspend(STUDENT, 2)
    assert STUDENT in {person["id"] for person in enrolled(situation)}
    assert STUDENT not in {person["id"] for person in enrolled(situation, onlyactive=1)}
    assert [person["id"] for person in enrolled(situation, onlysuspended=1)] == [STUDENT]


def test_pages_in_order_of_id_give_everybody_once(situation: Situation) -> None:
    pages = [enrolled(situation, sortby="id", limitfrom=start, limitnum=0, limitnumber=20) for start in (0, 20, 40, 60)]
    assert [len(page) for page in pages] == [20, 20, 10, 0]
    assert len({person["id"] for page in pages for person in page}) == 50


def test_empty_things_have_no_key(situation: Situation) -> None:
    college = situation.moodle.college
    student = college.person(STUDENT)
    student.idnumber, student.institution, student.fields = "", "", {}
    for group in college.courses[2].groups.values():
        group.members.discard(STUDENT)
    assert not {"idnumber", "institution", "customfields", "groups"} & set(enrolled(situation)[0])


def test_one_with_two_roles_has_both(situation: Situation) -> None:
    situation.moodle.college.enrol("curator", 2, "editingteacher", "curator")
    roles = enrolled(situation)[-1]["roles"]
    assert [role["shortname"] for role in roles] == ["editingteacher", "curator"]
    assert [role["name"] for role in roles] == ["", "Куратор наставничества"]


def test_long_arrays_are_cut_without_a_word(situation: Situation) -> None:
    values = {f"values[{number}]": f"nobody{number}" for number in range(1200)} | {"values[1200]": "student01"}
    assert call(situation, "core_user_get_users_by_field", field="username", **values) == []
    assert len(call(situation, "core_user_get_users_by_field", field="username", **{"values[0]": "student01"})) == 1


def test_json_is_not_read_and_get_is(situation: Situation) -> None:
    params = {"wstoken": TOKEN, "wsfunction": "core_webservice_get_site_info", "moodlewsrestformat": "json"}
    as_json = situation.client.post(f"{REST}?moodlewsrestformat=json", json=params, base_url=SITE)
    assert as_json.get_json()["errorcode"] == "invalidtoken"
    assert situation.client.get(REST, query_string=params, base_url=SITE).get_json()["siteurl"] == SITE


@pytest.mark.parametrize(
    ("function", "params"),
    [
        ("core_enrol_get_enrolled_users", {}),
        ("core_enrol_get_enrolled_users", {"courseid": 2, "surprise": 1}),
        ("core_enrol_get_enrolled_users", {"courseid": 2, "options": "x"}),
        ("core_user_get_users_by_field", {"field": "shoe_size", "values[0]": 44}),
        ("core_group_get_group_members", {"groupids[0]": "first"}),
    ],
)
def test_unexpected_parameters_are_invalid(situation: Situation, function: str, params: dict[str, Any]) -> None:
    assert call(situation, function, **params)["errorcode"] == "invalidparameter"


def test_a_function_the_admin_forgot_is_refused_and_not_listed(situation: Situation) -> None:
    situation.moodle.web_service.allowed.discard("mod_feedback_get_items")
    assert call(situation, "mod_feedback_get_items", feedbackid=1)["errorcode"] == "accessexception"
    names = {function["name"] for function in call(situation, "core_webservice_get_site_info")["functions"]}
    assert names == situation.moodle.web_service.allowed


def test_a_token_that_has_run_out_is_denied_once_and_then_unknown(situation: Situation) -> None:
    situation.moodle.web_service.run_out.add(TOKEN)
    answers = [call(situation, "core_webservice_get_site_info")["errorcode"] for _time in range(2)]
    assert answers == ["accessexception", "invalidtoken"]


def test_a_successful_answer_can_be_xml(situation: Situation) -> None:
    answer = situation.web_service("core_group_get_course_groups", {"courseid": 2}, form="")
    assert answer.content_type == "application/xml; charset=utf-8"
    assert answer.text.startswith(
        '<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n<MULTIPLE>\n<SINGLE>\n<KEY name="id">'
    )


def test_courses_are_found_by_field(situation: Situation) -> None:
    def found(**params: Any) -> list[int]:
        answer = call(situation, "core_course_get_courses_by_field", **params)
        return [course["id"] for course in answer["courses"]]

    assert found() == [2, 3]
    assert found(field="shortname", value="ADAPT") == [3]
    assert found(field="id", value=99) == []
    assert call(situation, "core_course_get_courses_by_field", field="id", value="x")["errorcode"] == "invalidparameter"


def test_one_bad_recipient_fails_the_batch_though_the_good_ones_are_sent(situation: Situation) -> None:
    batch = {"messages[0][touserid]": 5, "messages[0][text]": "Здравствуйте", "messages[0][textformat]": 2}
    batch |= {name.replace("[0]", "[1]"): value for name, value in batch.items()} | {"messages[1][touserid]": 999999}
    assert call(situation, "core_message_send_instant_messages", **batch)["errorcode"] == "invalidresponse"
    assert [message["to"] for message in situation.moodle.web_service.messages] == [5]


def test_a_message_is_limited_in_bytes(situation: Situation) -> None:
    sent = {"messages[0][touserid]": 5, "messages[0][textformat]": 2}
    assert (
        "msgid" in call(situation, "core_message_send_instant_messages", **sent, **{"messages[0][text]": "я" * 2048})[0]
    )
    too_long = call(situation, "core_message_send_instant_messages", **sent, **{"messages[0][text]": "я" * 2049})
    assert too_long["errorcode"] == "errormessagetoolong"


def test_an_event_in_no_course_is_a_warning(situation: Situation) -> None:
    event = {"events[0][name]": "Встреча", "events[0][courseid]": 99, "events[0][eventtype]": "course"}
    answer = call(situation, "core_calendar_create_calendar_events", **event)
    assert answer["events"] == []
    assert answer["warnings"][0]["warningcode"] == "nopermissions"


def test_answers_given_while_running_are_counted(situation: Situation) -> None:
    feedback = situation.moodle.college.feedbacks[1]
    waiting = call(situation, "mod_feedback_get_non_respondents", feedbackid=1)
    person = waiting["users"][0]["userid"]
    situation.moodle.college.answer(feedback, person, [5, 5, 5, "Спасибо"])
    after = call(situation, "mod_feedback_get_non_respondents", feedbackid=1)
    assert after["total"] == waiting["total"] - 1
    attempts = call(situation, "mod_feedback_get_responses_analysis", feedbackid=1)["attempts"]
    [responses] = [attempt["responses"] for attempt in attempts if attempt["userid"] == person]
    assert [(one["printval"], one["rawval"]) for one in responses][2:] == [
        ("полностью да", "5"),
        ("Спасибо", "Спасибо"),
    ]


def test_pages_of_responses_give_every_attempt_once(situation: Situation) -> None:
    pages = [
        call(situation, "mod_feedback_get_responses_analysis", feedbackid=1, page=page, perpage=10)["attempts"]
        for page in range(4)
    ]
    assert [len(page) for page in pages] == [10, 10, 8, 0]
    assert len({attempt["id"] for page in pages for attempt in page}) == 28


def test_nobody_is_named_as_silent_in_an_anonymous_survey(situation: Situation) -> None:
    assert call(situation, "mod_feedback_get_non_respondents", feedbackid=2)["errorcode"] == "anonymous"


def test_a_course_that_is_not_there_is_a_warning_among_surveys(situation: Situation) -> None:
    answer = call(situation, "mod_feedback_get_feedbacks_by_courses", **{"courseids[0]": 3, "courseids[1]": 99})
    assert {feedback["course"] for feedback in answer["feedbacks"]} == {3}
    assert [warning["itemid"] for warning in answer["warnings"]] == [99]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("(q1) Наставник помогает мне в учёбе и практике", "(q1) Наставник помогает мне в ..."),
     ("(comment) Что улучшить в программе?", "(comment) Что улучшить в программе?"),
     ("Слово" * 20, ("Слово" * 20)[:32] + "...")],
)  # fmt: skip
def test_question_names_are_shortened_in_responses(name: str, shown: str) -> None:
    assert shortened(name) == shown
