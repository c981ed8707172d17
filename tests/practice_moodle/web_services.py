"""The web-service functions of the practice Moodle (`/webservice/rest/server.php`), with Moodle's answers and
errors.

A function takes parameters as PHP sees them (texts, nested by brackets) and returns what Moodle would print
as JSON. Only functions that are here are in the service's list; the rest of Moodle's are known but not
allowed.
"""

import html
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import php
from .college import (
    PROFILE_FIELDS,
    ROLES,
    Attempt,
    College,
    Course,
    Enrolment,
    Feedback,
    Group,
    Item,
    Module,
    Person,
)
from .gradebook import Column, Gradebook
from .site import Site

TOKEN = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"  # the practice Moodle's only; no real site knows it
MAX_INPUT_VARS = 1000
MESSAGE_MAX_BYTES = 4096
NAME_SHOWN = 35
PLUGIN_VERSION = "2024042200"

Params = dict[str, Any]

MODULE_NAMES = {
    "feedback": "Обратная связь",
    "quiz": "Тесты",
    "choice": "Опросы",
    "assign": "Задания",
    "lti": "Внешние инструменты",
}
PURPOSES = {
    "feedback": "communication",
    "choice": "communication",
    "quiz": "assessment",
    "assign": "assessment",
    "lti": "other",
}
ADVANCED_FEATURES = (
    "usecomments",
    "usetags",
    "enablenotes",
    "messaging",
    "enableblogs",
    "enablecompletion",
    "enablebadges",
    "messagingallusers",
    "enablecustomreports",
    "enableglobalsearch",
    "mnet_dispatcher_mode",
    "enablecompetencies",
)
SWITCHED_OFF = {"messagingallusers", "enableglobalsearch", "mnet_dispatcher_mode"}
FILTERS = ("displayh5p", "activitynames", "mathjaxloader", "emoticon", "urltolink", "mediaplugin")

USER_FIELDS = (
    "id",
    "username",
    "firstname",
    "lastname",
    "fullname",
    "email",
    "department",
    "institution",
    "idnumber",
    "firstaccess",
    "lastaccess",
    "lastcourseaccess",
    "city",
    "country",
    "profileimageurlsmall",
    "profileimageurl",
    "customfields",
    "groups",
    "roles",
    "enrolledcourses",
)
"""In the order Moodle prints them. `suspended` may be asked for and is never answered."""


class WebServiceError(Exception):
    """What Moodle answers as {"exception", "errorcode", "message"}, with status 200."""

    def __init__(self, exception: str, errorcode: str, message: str) -> None:
        super().__init__(message)
        self.body = {"exception": exception, "errorcode": errorcode, "message": message}


def invalid_parameter() -> WebServiceError:
    return WebServiceError(
        r"core\exception\invalid_parameter_exception", "invalidparameter", "Invalid parameter value detected"
    )


def no_record(table: str) -> WebServiceError:
    return WebServiceError(
        "dml_missing_record_exception", "invalidrecord", f"Can't find data record in database table {table}."
    )


def moodle_exception(errorcode: str, message: str) -> WebServiceError:
    return WebServiceError(r"core\exception\moodle_exception", errorcode, message)


@dataclass(frozen=True)
class Arguments:
    """A call's parameters with Moodle's checks: anything unexpected, missing or of the wrong kind is
    invalidparameter."""

    params: Params

    def allow(self, *names: str) -> None:
        if set(self.params) - set(names):
            raise invalid_parameter()

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.params.get(name, default)
        if value is None or isinstance(value, dict) or not re.fullmatch(r"-?\d+", str(value)):
            raise invalid_parameter()
        return int(value)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.params.get(name, default)
        if value is None or isinstance(value, dict):
            raise invalid_parameter()
        return str(value)

    def items(self, name: str) -> list[Any]:
        """The members of an array parameter; none when it is absent."""
        value = self.params.get(name, {})
        if not isinstance(value, dict):
            raise invalid_parameter()
        return list(value.values())

    def records(self, name: str) -> "list[Arguments]":
        items = self.items(name)
        if not all(isinstance(item, dict) for item in items):
            raise invalid_parameter()
        return [Arguments(item) for item in items]

    def wholes(self, name: str) -> list[int]:
        return [Arguments({"value": item}).whole("value") for item in self.items(name)]


class WebServices:
    """The service: its tokens, which functions they allow, and the functions."""

    def __init__(self, site: Site, gradebook: Gradebook) -> None:
        self.site = site
        self.college: College = site.college
        self.gradebook = gradebook
        self.tokens = {TOKEN}
        self.run_out: set[str] = set()
        """Tokens whose time is over."""
        self.max_input_vars = MAX_INPUT_VARS
        self.functions: dict[str, Callable[[Arguments], Any]] = {
            "core_webservice_get_site_info": self.site_info,
            "core_enrol_get_enrolled_users": self.enrolled_users,
            "core_course_get_courses_by_field": self.courses_by_field,
            "core_course_get_contents": self.course_contents,
            "core_user_get_users_by_field": self.users_by_field,
            "core_completion_get_course_completion_status": self.course_completion,
            "core_group_get_course_groups": self.course_groups,
            "core_group_get_group_members": self.group_members,
            "gradereport_user_get_grade_items": self.grade_items,
            "core_message_send_instant_messages": self.send_messages,
            "core_calendar_create_calendar_events": self.create_events,
            "mod_feedback_get_feedbacks_by_courses": self.feedbacks_by_courses,
            "mod_feedback_get_items": self.feedback_items,
            "mod_feedback_get_analysis": self.feedback_analysis,
            "mod_feedback_get_responses_analysis": self.feedback_responses,
            "mod_feedback_get_non_respondents": self.feedback_non_respondents,
            "mod_choice_get_choice_results": self.choice_results,
        }
        self.sees_completion = True
        """The capability `report/completion:view` of the token's user."""
        self.allowed = set(self.functions)
        """Take names out to play a service to which the admin forgot to add them."""
        self.messages: list[dict[str, Any]] = []
        """What was sent: {"id", "to", "text"}."""
        self.events: list[dict[str, Any]] = []
        """Calendar events created, as they were answered."""

    # --- the protocol ---------------------------------------------------------------------------------------

    def respond(self, params: Params) -> tuple[str, str]:
        """The content type and the body of the answer to one call."""
        params = dict(params)
        as_json = params.pop("moodlewsrestformat", "xml") == "json"
        try:
            with self.college.lock:
                result = self.call(params.pop("wstoken", None), params.pop("wsfunction", None), params)
        except WebServiceError as error:
            return ("application/json", php.to_json(error.body)) if as_json else (XML, _error_xml(error))
        return ("application/json", php.to_json(result)) if as_json else (XML, _xml(result))

    def call(self, token: str | None, function: str | None, params: Params) -> Any:
        """The result of a function. Raises WebServiceError."""
        if token not in self.tokens:
            raise moodle_exception("invalidtoken", "Invalid token - token not found")
        if token in self.run_out:
            # Moodle deletes it on this occasion: from the next call on it does not know it.
            self.tokens.discard(token)
            raise WebServiceError("webservice_access_exception", "accessexception", "Access control exception")
        if not function or not re.match(r"(core|mod|gradereport|tool|enrol|block|message|auth)_", function):
            raise no_record("external_functions")
        if function not in self.allowed:
            raise WebServiceError("webservice_access_exception", "accessexception", "Access control exception")
        params.pop("moodlewssettingfilter", None)
        return self.functions[function](Arguments(params))

    def _course(self, course_id: int) -> Course:
        try:
            return self.college.courses[course_id]
        except KeyError:
            raise no_record("course") from None

    def _feedback(self, feedback_id: int) -> Feedback:
        try:
            return self.college.feedbacks[feedback_id]
        except KeyError:
            raise no_record("feedback") from None

    # --- the site and its courses ---------------------------------------------------------------------------

    def site_info(self, arguments: Arguments) -> dict[str, Any]:
        person = self.college.web_service_user
        return {
            "sitename": self.site.fullname,
            "username": person.username,
            "firstname": person.firstname,
            "lastname": person.lastname,
            "fullname": person.fullname,
            "lang": self.site.lang,
            "userid": person.id,
            "siteurl": self.site.address,
            "userpictureurl": self._picture("f1"),
            "functions": [
                {"name": name, "version": PLUGIN_VERSION if name.startswith(("mod_", "grade")) else self.site.version}
                for name in self.functions
                if name in self.allowed
            ],
            "downloadfiles": 0,
            "uploadfiles": 0,
            "release": self.site.release,
            "version": self.site.version,
            "mobilecssurl": "",
            "advancedfeatures": [{"name": name, "value": int(name not in SWITCHED_OFF)} for name in ADVANCED_FEATURES],
            "usercanmanageownfiles": True,
            "userquota": 104857600,
            "usermaxuploadfilesize": 67108864,
            "userhomepage": 1,
            "userprivateaccesskey": self.site.guid,
            "siteid": 1,
            "sitecalendartype": "gregorian",
            "usercalendartype": "gregorian",
            "userissiteadmin": person.is_site_admin,
            "theme": "boost",
            "limitconcurrentlogins": 0,
            "policyagreed": 0,
        }

    def _picture(self, size: str) -> str:
        return self.site.url(f"/theme/image.php/boost/core/{self.college.now}/u/{size}")

    def courses_by_field(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("field", "value")
        name, value = arguments.text("field", ""), arguments.text("value", "")
        if name not in ("", "id", "ids", "shortname", "idnumber", "category", "sectionid"):
            raise invalid_parameter()
        if name == "id":
            arguments.whole("value")
        courses = [
            course
            for course in self.college.courses.values()
            if name == ""
            or (name in ("id", "ids") and str(course.id) in value.split(","))
            or (name == "shortname" and course.shortname == value)
            or (name == "idnumber" and course.idnumber == value)
            or (name == "category" and value == "1")
        ]
        return {"courses": [self._course_record(course) for course in courses], "warnings": []}

    def _course_record(self, course: Course) -> dict[str, Any]:
        contacts = sorted(
            (one.person for one in course.active() if "editingteacher" in one.roles), key=lambda one: one.by_family_name
        )
        return {
            "id": course.id,
            "fullname": course.fullname,
            "displayname": course.fullname,
            "shortname": course.shortname,
            "courseimage": self.site.url(f"/pluginfile.php/{course.id + 10}/course/generated/course.svg"),
            "categoryid": 1,
            "categoryname": "Категория 1",
            "sortorder": 10000 + course.id,
            "summary": html.escape(course.summary).replace("\n", "<br />\n"),
            "summaryformat": 1,
            "summaryfiles": [],
            "overviewfiles": [],
            "showactivitydates": False,
            "showcompletionconditions": True,
            "contacts": [{"id": person.id, "fullname": person.fullname} for person in contacts],
            "enrollmentmethods": ["manual"],
            "idnumber": course.idnumber,
            "format": "topics",
            "showgrades": 1,
            "newsitems": 0,
            "startdate": course.start,
            "enddate": course.end,
            "maxbytes": 0,
            "showreports": 0,
            "visible": 1,
            "groupmode": 2,
            "groupmodeforce": 0,
            "defaultgroupingid": 0,
            "enablecompletion": 0 if course.completion is None else 1,
            "completionnotify": 0,
            "lang": "",
            "theme": "",
            "marker": 0,
            "legacyfiles": 0,
            "calendartype": "",
            "timecreated": course.start,
            "timemodified": course.start,
            "requested": 0,
            "cacherev": self.college.now,
            "filters": [{"filter": name, "localstate": 0, "inheritedstate": 1} for name in FILTERS],
            "courseformatoptions": [
                {"name": "hiddensections", "value": 1},
                {"name": "coursedisplay", "value": 0},
                {"name": "indentation", "value": "1"},
            ],
        }

    def course_contents(self, arguments: Arguments) -> list[dict[str, Any]]:
        arguments.allow("courseid", "options")
        course = self._course(arguments.whole("courseid"))
        last = max([4, *(module.section for module in course.modules)])
        return [
            {
                "id": course.id * 100 + number,
                "name": "Новый раздел" if number else "Общее",
                "visible": 1,
                "summary": "",
                "summaryformat": 1,
                "section": number,
                "hiddenbynumsections": 0,
                "uservisible": True,
                "component": None,
                "itemid": None,
                "modules": [self._module_record(module) for module in course.modules if module.section == number],
            }
            for number in range(last + 1)
        ]

    def _module_record(self, module: Module) -> dict[str, Any]:
        feedback = self.college.feedbacks[module.instance] if module.kind == "feedback" else None
        tracked = bool(feedback and feedback.completion)
        record: dict[str, Any] = {
            "id": module.id,
            "url": self.site.url(f"/mod/{module.kind}/view.php?id={module.id}"),
            "name": module.name,
            "instance": module.instance,
            "contextid": 62 + module.id,
            "visible": 1,
            "uservisible": True,
            "visibleoncoursepage": 1,
            "modicon": self.site.url(f"/theme/image.php/boost/{module.kind}/{self.college.now}/monologo?filtericon=1"),
            "modname": module.kind,
            "purpose": PURPOSES[module.kind],
            "branded": False,
            "modplural": MODULE_NAMES[module.kind],
            "availability": None,
            "indent": 0,
            "onclick": "",
            "afterlink": None,
            "customdata": '""',
            "noviewlink": False,
            "completion": 2 if tracked else 0,
        }
        if feedback:
            rules = {"customcompletionrules": {"completionsubmit": "1"}} if tracked else {}
            record["customdata"] = php.to_json(rules | {"anonymous": "1" if feedback.anonymous else "2"})
        if tracked:
            rule = {"status": 0, "description": "Отправить отзыв"}
            record["completiondata"] = {
                "state": 0,
                "timecompleted": 0,
                "overrideby": None,
                "valueused": False,
                "hascompletion": True,
                "isautomatic": True,
                "istrackeduser": False,
                "uservisible": True,
                "details": [{"rulename": "completionsubmit", "rulevalue": rule}],
                "isoverallcomplete": False,
            }
        return record | {"downloadcontent": 1, "dates": [], "groupmode": 0}

    def course_completion(self, arguments: Arguments) -> dict[str, Any]:
        """In the order of the checks of `core_completion_external::get_course_completion_status` (Moodle 4.5).

        What a course asks for is marked by the participants themselves (criteria of type 1) but for the last, which
        is an activity's (type 4). Whom a teacher has marked complete has completed it with no criterion met, and so
        with no time: measured at a real Moodle 4.5.
        """
        arguments.allow("courseid", "userid")
        course_id, user_id = arguments.whole("courseid"), arguments.whole("userid")
        if course_id not in self.college.courses:
            raise WebServiceError(
                "dml_missing_record_exception", "invalidrecord", "Can't find data record in database table course."
            )
        if user_id not in self.college.people:
            raise WebServiceError("dml_missing_record_exception", "invaliduser", "Invalid user")
        course, person = self.college.courses[course_id], self.college.people[user_id]
        if course.completion is None or not self.sees_completion:
            raise moodle_exception("cannotviewreport", "You cannot view this report")
        enrolment = course.enrolments.get(user_id)
        if enrolment is None or enrolment.suspended or "student" not in enrolment.roles:
            raise moodle_exception("usernotenroled", "User is not enrolled in this course")
        if not course.completion:
            raise moodle_exception("nocriteriaset", "No completion criteria set for this course")
        done = course.done.get(user_id, {})
        last = len(course.completion) - 1
        return {
            "completionstatus": {
                "completed": course.has_completed(person),
                "aggregation": 1,
                "completions": [
                    {
                        "type": 4 if number == last else 1,
                        "title": title,
                        "status": "Yes" if title in done else "No",
                        "complete": title in done,
                        "timecompleted": done.get(title),
                        "details": {
                            "type": "Activity completion" if number == last else title,
                            "criteria": title,
                            "requirement": "Achieving grade" if number == last else "Marking yourself complete",
                            "status": "",
                        },
                    }
                    for number, title in enumerate(course.completion)
                ],
            },
            "warnings": [],
        }

    # --- people ---------------------------------------------------------------------------------------------

    def enrolled_users(self, arguments: Arguments) -> list[dict[str, Any]]:
        arguments.allow("courseid", "options")
        course_id = arguments.whole("courseid")
        options = {record.text("name"): record for record in arguments.records("options")}
        course = self._course(course_id)
        enrolments = list(course.enrolments.values())
        if self._flag(options, "onlyactive"):
            enrolments = [enrolment for enrolment in enrolments if not enrolment.suspended]
        if self._flag(options, "onlysuspended"):
            enrolments = [enrolment for enrolment in enrolments if enrolment.suspended]
        if "groupid" in options and (group_id := options["groupid"].whole("value")):
            group = course.groups.get(group_id)
            members = group.members if group else set()
            enrolments = [enrolment for enrolment in enrolments if enrolment.person.id in members]
        orders: dict[str, Callable[[Enrolment], Any]] = {
            "id": lambda enrolment: enrolment.person.id,
            "firstname": lambda enrolment: (enrolment.person.firstname, enrolment.person.id),
            "lastname": lambda enrolment: (enrolment.person.lastname, enrolment.person.id),
            "siteorder": lambda enrolment: enrolment.person.by_family_name,
        }
        order = options["sortby"].text("value") if "sortby" in options else "id"
        direction = options["sortdirection"].text("value").upper() if "sortdirection" in options else "ASC"
        if order not in orders or direction not in ("ASC", "DESC"):
            raise invalid_parameter()
        enrolments.sort(key=orders[order], reverse=direction == "DESC")
        start = options["limitfrom"].whole("value") if "limitfrom" in options else 0
        limit = options["limitnumber"].whole("value") if "limitnumber" in options else 0
        enrolments = enrolments[start : start + limit] if limit else enrolments[start:]
        wanted = set(USER_FIELDS)
        if "userfields" in options:
            wanted = {name.strip() for name in options["userfields"].text("value").split(",")} | {"id"}
        return [self._enrolled_record(course, enrolment, wanted) for enrolment in enrolments]

    def _flag(self, options: dict[str, Arguments], name: str) -> bool:
        return name in options and options[name].text("value") == "1"

    def _enrolled_record(self, course: Course, enrolment: Enrolment, wanted: set[str]) -> dict[str, Any]:
        person = enrolment.person
        record = self._person_record(person) | {"lastcourseaccess": 0}
        if "customfields" in wanted and (fields := _custom_fields(person)):
            record["customfields"] = fields
        if "groups" in wanted and (groups := course.groups_of(person)):
            record["groups"] = [
                {
                    "id": group.id,
                    "name": group.name,
                    "description": f'<div class="text_to_html">{html.escape(group.description)}</div>',
                    "descriptionformat": 0,
                }
                for group in groups
            ]
        record["roles"] = [
            {"roleid": ROLES[role].id, "name": ROLES[role].name, "shortname": role, "sortorder": 0}
            for role in enrolment.roles
        ]
        if "enrolledcourses" in wanted:
            record["enrolledcourses"] = [
                {"id": other.id, "fullname": other.fullname, "shortname": other.shortname}
                for other in reversed(self.college.courses.values())
                if person.id in other.enrolments
            ]
        return {name: record[name] for name in USER_FIELDS if name in wanted and name in record}

    def _person_record(self, person: Person) -> dict[str, Any]:
        """What is printed of a person anywhere; texts that are empty have no key."""
        texts = {name: getattr(person, name) for name in ("department", "institution", "idnumber", "city", "country")}
        return {
            "id": person.id,
            "username": person.username,
            "firstname": person.firstname,
            "lastname": person.lastname,
            "fullname": person.fullname,
            "email": person.email,
            "firstaccess": person.firstaccess,
            "lastaccess": person.lastaccess,
            "profileimageurlsmall": self._picture("f2"),
            "profileimageurl": self._picture("f1"),
        } | {name: text for name, text in texts.items() if text}

    def users_by_field(self, arguments: Arguments) -> list[dict[str, Any]]:
        arguments.allow("field", "values")
        name = arguments.text("field")
        if name not in ("id", "idnumber", "username", "email"):
            raise invalid_parameter()
        records = []
        for value in arguments.items("values"):
            for person in self.college.people.values():
                if str(getattr(person, name)).lower() == str(value).lower():
                    record = self._person_record(person) | {
                        "auth": "manual",
                        "suspended": False,
                        "confirmed": True,
                        "lang": person.lang,
                        "theme": "",
                        "timezone": "99",
                        "mailformat": 1,
                        "trackforums": 0,
                    }
                    if fields := _custom_fields(person, self.college):
                        record["customfields"] = fields
                    records.append(record)
        return records

    def course_groups(self, arguments: Arguments) -> list[dict[str, Any]]:
        arguments.allow("courseid")
        course = self._course(arguments.whole("courseid"))
        return [
            {
                "id": group.id,
                "courseid": course.id,
                "name": group.name,
                "description": group.description,
                "descriptionformat": 1,
                "enrolmentkey": None,
                "idnumber": f"G{group.id}",
                "visibility": 0,
                "participation": True,
            }
            for group in course.groups.values()
        ]

    def group_members(self, arguments: Arguments) -> list[dict[str, Any]]:
        arguments.allow("groupids")
        groups: dict[int, Group] = {}
        for course in self.college.courses.values():
            groups |= course.groups
        answer = []
        for group_id in arguments.wholes("groupids"):
            if group_id not in groups:
                raise no_record("groups")
            people = [self.college.people[person_id] for person_id in groups[group_id].members]
            people.sort(key=lambda person: person.by_family_name)
            answer.append({"groupid": group_id, "userids": [person.id for person in people]})
        return answer

    # --- grades ---------------------------------------------------------------------------------------------

    def grade_items(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("courseid", "userid", "groupid")
        course, user_id = self._course(arguments.whole("courseid")), arguments.whole("userid", 0)
        if user_id and user_id not in course.enrolments:
            raise moodle_exception("usernotincourse", "This user is not enrolled in this course")
        people = [course.enrolments[user_id].person] if user_id else self.college.in_role(course, "student")
        columns = self.gradebook.of_course(course)
        return {
            "usergrades": [
                {
                    "courseid": course.id,
                    "courseidnumber": course.idnumber,
                    "userid": person.id,
                    "userfullname": person.fullname,
                    "useridnumber": person.idnumber,
                    "maxdepth": 2,
                    "gradeitems": [
                        *(self._grade_record(column, person) for column in columns),
                        self._total_record(course, columns, person),
                    ],
                }
                for person in people
            ],
            "warnings": [],
        }

    def _grade_record(self, column: Column, person: Person) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": column.id,
            "itemname": column.label,
            "itemtype": "mod" if column.coupled else "manual",
            "itemmodule": column.kind if column.coupled else None,
            "iteminstance": column.instance,
            "itemnumber": 0 if column.coupled else None,
            "idnumber": column.resource_id,
            "categoryid": 1,
            "outcomeid": None,
            "scaleid": None,
            "locked": column.locked,
        }
        if column.coupled:
            record["cmid"] = column.module_id
        grade = column.grades.get(person.id)
        return record | _grade_shown(
            grade.final if grade else None,
            column.maximum,
            grade.modified if grade else None,
            feedback=(grade.feedback or "") if grade else "",
            locked=column.locked or bool(grade and grade.locked),
            overridden=bool(grade and grade.overridden),
        )

    def _total_record(self, course: Course, columns: Sequence[Column], person: Person) -> dict[str, Any]:
        finals = [
            grade.final for column in columns if (grade := column.grades.get(person.id)) and grade.final is not None
        ]
        record: dict[str, Any] = {
            "id": self.gradebook.course_totals.get(course.id, 0),
            "itemname": None,
            "itemtype": "course",
            "itemmodule": None,
            "iteminstance": 1,
            "itemnumber": None,
            "idnumber": None,
            "categoryid": None,
            "outcomeid": None,
            "scaleid": None,
            "locked": False,
        }
        maximum = sum(column.maximum for column in columns)
        return record | _grade_shown(sum(finals) if finals else None, maximum, None)

    # --- messages and the calendar --------------------------------------------------------------------------

    def send_messages(self, arguments: Arguments) -> list[dict[str, Any]]:
        """One bad recipient among good ones: the good are sent, yet the whole call fails (as measured on
        Moodle)."""
        arguments.allow("messages")
        asked = [(record.whole("touserid"), record.text("text")) for record in arguments.records("messages")]
        if any(len(text.encode()) > MESSAGE_MAX_BYTES for _, text in asked):
            raise moodle_exception("errormessagetoolong", "Message is too long")
        sender, answers, good = self.college.web_service_user, [], 0
        for user_id, text in asked:
            if user_id not in self.college.people:
                complaint = f"You cannot send a message to a user ID ({user_id}) that doesn't exist."
                answers.append({"msgid": -1, "errormessage": complaint, "candeletemessagesforallusers": False})
                continue
            good += 1
            self.messages.append({"id": len(self.messages) + 1, "to": user_id, "text": text})
            answers.append(
                {
                    "msgid": len(self.messages),
                    "text": f"<p>{html.escape(text, quote=False)}</p>",
                    "timecreated": int(time.time()),
                    "conversationid": user_id,
                    "useridfrom": sender.id,
                    "candeletemessagesforallusers": True,
                }
            )
        if good and good < len(asked):
            raise WebServiceError(
                r"core\exception\invalid_response_exception", "invalidresponse", "Invalid response value detected"
            )
        return answers

    def create_events(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("events")
        created, warnings = [], []
        for record in arguments.records("events"):
            kind, course_id, group_id = (
                record.text("eventtype", "user"),
                record.whole("courseid", 0),
                record.whole("groupid", 0),
            )
            course = self.college.courses.get(course_id)
            possible = (
                kind == "user"
                or (kind == "course" and course)
                or (kind == "group" and course and group_id in course.groups)
            )
            if not possible:
                complaint = "Sorry, but you do not currently have permissions to do that."
                warnings.append(
                    {"item": record.text("name"), "itemid": 0, "warningcode": "nopermissions", "message": complaint}
                )
                continue
            event = {
                "id": self.college.new_id("event"),
                "name": record.text("name"),
                "description": record.text("description", ""),
                "format": record.whole("format", 1),
                "courseid": course_id,
                "groupid": group_id,
                "userid": self.college.web_service_user.id,
                "modulename": "",
                "instance": 0,
                "eventtype": kind,
                "timestart": record.whole("timestart", int(time.time())),
                "timeduration": record.whole("timeduration", 0),
                "visible": record.whole("visible", 1),
                "uuid": "",
                "sequence": 1,
                "timemodified": int(time.time()),
                "subscriptionid": None,
            }
            self.events.append(event)
            created.append(event)
        return {"events": created, "warnings": warnings}

    # --- surveys --------------------------------------------------------------------------------------------

    def feedbacks_by_courses(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("courseids")
        course_ids = arguments.wholes("courseids") or list(self.college.courses)
        known = [course_id for course_id in course_ids if course_id in self.college.courses]
        return {
            "feedbacks": [
                self._feedback_record(feedback)
                for course_id in known
                for feedback in self.college.feedbacks_of(course_id)
            ],
            "warnings": [
                {
                    "item": "course",
                    "itemid": course_id,
                    "warningcode": "1",
                    "message": "No access rights in course context",
                }
                for course_id in course_ids
                if course_id not in self.college.courses
            ],
        }

    def _feedback_record(self, feedback: Feedback) -> dict[str, Any]:
        modules = self.college.courses[feedback.course_id].modules
        module = next(one for one in modules if one.kind == "feedback" and one.instance == feedback.id)
        return {
            "id": feedback.id,
            "course": feedback.course_id,
            "name": feedback.name,
            "intro": "",
            "introformat": 1,
            "lang": None,
            "anonymous": 1 if feedback.anonymous else 2,
            "email_notification": False,
            "multiple_submit": False,
            "autonumbering": False,
            "site_after_submit": "",
            "page_after_submit": "Спасибо за ответы!",
            "page_after_submitformat": 1,
            "publish_stats": False,
            "timeopen": 0,
            "timeclose": 0,
            "timemodified": feedback.modified,
            "completionsubmit": feedback.completion,
            "coursemodule": module.id,
            "introfiles": [],
            "pageaftersubmitfiles": [],
        }

    def feedback_items(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("feedbackid", "courseid")
        feedback = self._feedback(arguments.whole("feedbackid"))
        return {
            "items": [_item_record(feedback, position, item) for position, item in enumerate(feedback.items, 1)],
            "warnings": [],
        }

    def feedback_responses(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("feedbackid", "groupid", "page", "perpage", "courseid")
        feedback = self._feedback(arguments.whole("feedbackid"))
        page, size = arguments.whole("page", 0), arguments.whole("perpage", 0)
        attempts = self._attempts(feedback, arguments.whole("groupid", 0))
        total = len(attempts)
        if feedback.anonymous:
            attempts.sort(key=lambda attempt: attempt.number)
        else:
            # By the family name alone, as Moodle does; its database then gives namesakes in another order each time.
            turn = -1 if page % 2 else 1
            attempts.sort(key=lambda attempt: (attempt.person.by_family_name[0], turn * attempt.id))
        shown = attempts[page * size : (page + 1) * size] if size else attempts
        named, anonymous = [], []
        for attempt in shown:
            responses = [_response_record(item, attempt) for item in feedback.items]
            if feedback.anonymous:
                anonymous.append({"id": attempt.id, "courseid": 0, "number": attempt.number, "responses": responses})
            else:
                named.append(
                    {
                        "id": attempt.id,
                        "courseid": 0,
                        "userid": attempt.person.id,
                        "timemodified": attempt.when,
                        "fullname": attempt.person.fullname,
                        "responses": responses,
                    }
                )
        return {
            "attempts": named,
            "totalattempts": 0 if feedback.anonymous else total,
            "anonattempts": anonymous,
            "totalanonattempts": total if feedback.anonymous else 0,
            "warnings": [],
        }

    def _attempts(self, feedback: Feedback, group_id: int) -> list[Attempt]:
        attempts = list(feedback.attempts.values())
        if group_id:
            group = self.college.courses[feedback.course_id].groups.get(group_id)
            attempts = [attempt for attempt in attempts if group and attempt.person.id in group.members]
        return attempts

    def feedback_analysis(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("feedbackid", "groupid", "courseid")
        feedback = self._feedback(arguments.whole("feedbackid"))
        attempts = self._attempts(feedback, arguments.whole("groupid", 0))
        return {
            "completedcount": len(attempts),
            "itemscount": len(feedback.items),
            "itemsdata": [
                {"item": _item_record(feedback, position, item), "data": _analysed(item, attempts)}
                for position, item in enumerate(feedback.items, 1)
            ],
            "warnings": [],
        }

    def feedback_non_respondents(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("feedbackid", "groupid", "sort", "page", "perpage", "courseid")
        feedback = self._feedback(arguments.whole("feedbackid"))
        page, size = arguments.whole("page", 0), arguments.whole("perpage", 0)
        if feedback.anonymous:
            raise moodle_exception("anonymous", "Anonymous")
        people = [person for person in self.college.asked(feedback) if person.id not in feedback.attempts]
        people.sort(key=lambda person: (person.lastaccess, person.id))
        shown = people[page * size : (page + 1) * size] if size else people
        return {
            "users": [
                {"courseid": 0, "userid": person.id, "fullname": person.fullname, "started": False} for person in shown
            ],
            "total": len(people),
            "warnings": [],
        }

    def choice_results(self, arguments: Arguments) -> dict[str, Any]:
        arguments.allow("choiceid")
        choice = self.college.choices.get(arguments.whole("choiceid"))
        if choice is None:
            raise no_record("choice")
        options = []
        for option_id, text in choice.options.items():
            people = [self.college.people[person_id] for person_id, taken in choice.taken.items() if taken == option_id]
            options.append(
                {
                    "id": option_id,
                    "text": text,
                    "maxanswer": 0,
                    "userresponses": [
                        {
                            "userid": person.id,
                            "fullname": person.fullname,
                            "profileimageurl": self._picture("f1"),
                            "answerid": option_id,
                            "timemodified": self.college.now,
                        }
                        for person in people
                    ],
                    "numberofuser": len(people),
                    "percentageamount": php.number(100 * len(people) / len(choice.taken)) if choice.taken else 0,
                }
            )
        return {"options": options, "warnings": []}


# --- pieces of answers --------------------------------------------------------------------------------------


def _custom_fields(person: Person, college: College | None = None) -> list[dict[str, str]]:
    """A person's filled-in profile fields; with a college also as they are shown."""
    fields = []
    for shortname, value in person.fields.items():
        kind = PROFILE_FIELDS[shortname]
        shown = {}
        if college is not None:
            shown["displayvalue"] = (
                datetime.fromtimestamp(int(value), college.zone).strftime("%d.%m.%Y")
                if kind.kind == "datetime"
                else value
            )
        fields.append({"type": kind.kind, "value": value, **shown, "name": kind.name, "shortname": shortname})
    return fields


def _grade_shown(
    final: float | None,
    maximum: float,
    modified: int | None,
    *,
    feedback: str = "",
    locked: bool = False,
    overridden: bool = False,
) -> dict[str, Any]:
    return {
        "graderaw": None if final is None else php.number(final),
        "gradedatesubmitted": None,
        "gradedategraded": modified,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": locked,
        "gradeisoverridden": overridden,
        "gradeformatted": "-" if final is None else f"{final:.2f}".replace(".", ","),
        "grademin": 0,
        "grademax": php.number(maximum),
        "rangeformatted": f"0&ndash;{php.number(maximum)}",
        "percentageformatted": (
            "-" if final is None or not maximum else f"{100 * final / maximum:.2f} %".replace(".", ",")
        ),
        "feedback": feedback,
        "feedbackformat": 0,
    }


def _item_record(feedback: Feedback, position: int, item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "feedback": feedback.id,
        "template": 0,
        "name": item.name,
        "label": item.label,
        "presentation": (
            "r>>>>>" + "|".join(f"{number}####{text}" for number, text in enumerate(item.options, 1))
            if item.options
            else "40|20"
        ),
        "typ": item.kind,
        "hasvalue": 1,
        "position": position,
        "required": item.required,
        "dependitem": 0,
        "dependvalue": "",
        "options": "h" if item.options else "",
        "itemfiles": [],
        "itemnumber": position,
        "otherdata": None,
    }


def shortened(text: str, limit: int = NAME_SHOWN) -> str:
    """A question's name as responses show it: cut at a space so that with the dots it keeps to the limit."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 3]
    space = cut.rfind(" ")
    return (cut[: space + 1] if space > 0 else cut) + "..."


def _response_record(item: Item, attempt: Attempt) -> dict[str, Any]:
    raw = attempt.values[item.id]
    return {
        "id": item.id,
        "name": shortened(f"({item.label}) {item.name}" if item.label else item.name),
        "printval": item.options[int(raw) - 1] if item.options else raw,
        "rawval": raw,
    }


def _analysed(item: Item, attempts: Sequence[Attempt]) -> list[str]:
    """The analysis of one question: a JSON text an option, or every text answer."""
    if not item.options:
        return [attempt.values[item.id] for attempt in attempts]
    data = []
    for number, text in enumerate(item.options, 1):
        count = sum(attempt.values[item.id] == str(number) for attempt in attempts)
        share = count / len(attempts) if attempts else 0
        data.append(
            php.to_json(
                {
                    "answertext": text,
                    "answercount": count,
                    "avg": php.number(number * share),
                    "value": str(number),
                    "quotient": php.number(share),
                }
            )
        )
    return data


XML = "application/xml; charset=utf-8"
XML_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'


def _error_xml(error: WebServiceError) -> str:
    body = error.body
    return (
        f'{XML_HEAD}<EXCEPTION class="{html.escape(body["exception"])}">\n'
        f"<ERRORCODE>{html.escape(body['errorcode'])}</ERRORCODE>\n"
        f"<MESSAGE>{html.escape(body['message'], quote=False)}</MESSAGE>\n</EXCEPTION>\n"
    )


def _xml(result: Any) -> str:
    return f"{XML_HEAD}<RESPONSE>\n{_xml_value(result)}</RESPONSE>\n"


def _xml_value(value: Any) -> str:
    if isinstance(value, dict):
        keys = "".join(f'<KEY name="{html.escape(name)}">{_xml_value(one)}</KEY>\n' for name, one in value.items())
        return f"<SINGLE>\n{keys}</SINGLE>\n"
    if isinstance(value, list):
        return f"<MULTIPLE>\n{''.join(_xml_value(one) for one in value)}</MULTIPLE>\n"
    if value is None:
        return '<VALUE null="null"/>\n'
    text = str(int(value)) if isinstance(value, bool) else html.escape(str(value), quote=False)
    return f"<VALUE>{text}</VALUE>\n"
