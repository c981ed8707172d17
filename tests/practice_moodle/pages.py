"""The pages of the practice Moodle for people: courses, "log in as", the activity in its frame, gradebook,
survey results.

There is no logging in: who someone is stands in the address (`user=ID`). Behind `/practice/` are the same
things as JSON, for a program that drives a practice Moodle running in another process.
"""

import re
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from .college import Course, Feedback, Person
from .lti_platform import IN_FRAME, IN_WINDOW, RESOURCE_LINK, SUBMISSION_REVIEW, Launch, Link, MoodlePageError, Tool
from .sample import COLLEGE

pages = Blueprint("pages", __name__, static_folder="static", static_url_path="/practice/static")

SHOWN_OF_EACH = 3
FOUND_AT_MOST = 30
SENIOR = re.compile(r"-[34]\d+$")
"""Names of groups of the third and fourth study year."""


@dataclass(frozen=True)
class Part:
    """A part to play on the front page, with a few people who have it."""

    name: str
    about: str
    people: list[Person]


def _moodle() -> Any:
    return current_app.extensions["practice_moodle"]


@pages.context_processor
def _common() -> dict[str, Any]:
    moodle = _moodle()
    return {"site": moodle.site, "college": moodle.college, "place": place}


def place(person: Person) -> str:
    """Where someone belongs: a student's group, a teacher's commission, an employer's organisation."""
    return person.department if person.institution == COLLEGE else person.institution


def _number(name: str) -> int:
    """A number from the address; an MoodlePageError when it is missing, as Moodle does."""
    text = request.values.get(name, "")
    if not text.isdigit():
        raise MoodlePageError(f"Обязательный параметр ({name}) отсутствует")
    return int(text)


def _course() -> Course:
    return cast(Course, _moodle().college.course(_number("id")))


def _person(name: str = "user") -> Person | None:
    text = request.values.get(name, "")
    return cast(Person, _moodle().college.person(int(text))) if text.isdigit() else None


def parts_in(course: Course) -> list[Part]:
    """Who one may be in a course: a few people of every kind."""
    college = _moodle().college
    enrolled = {enrolment.person.id: enrolment for enrolment in course.active()}
    places = {person_id: place for place, person_id in enumerate(_moodle().shown_first)}

    def some(people: list[Person], *roles: str) -> list[Person]:
        here = [
            person
            for person in people
            if person.id in enrolled and (not roles or set(roles) & set(enrolled[person.id].roles))
        ]
        return sorted(here, key=lambda person: places.get(person.id, len(places)))[:SHOWN_OF_EACH]

    seniors = [person for person in college.students if SENIOR.search(person.institution)]
    others = [person for person in college.students if not SENIOR.search(person.institution)]
    parts = [
        Part("Студент", "будущий наставляемый", some(_one_of_each_group(course, others))),
        Part("Старшекурсник", "может быть и наставником", some(seniors[::-1])),
        Part("Преподаватель", "ведёт курс", some(college.teachers, "editingteacher")),
        Part("Наставник", "преподаватель без права редактирования", some(college.teachers, "teacher")),
        Part("Работодатель", "наставник от организации-партнёра", some(college.employers)),
        Part("Куратор", "роль «Куратор наставничества»", some(college.curators)),
        Part("Администратор", "администратор сайта, на курс не записан", [college.admin]),
    ]
    return [part for part in parts if part.people]


def _one_of_each_group(course: Course, students: list[Person]) -> list[Person]:
    """Students, with one of each group in front, so that the few shown are not classmates."""
    fronted, seen = [], set()
    for person in students:
        groups = course.groups_of(person)
        if groups and groups[0].id not in seen:
            seen.add(groups[0].id)
            fronted.append(person)
    chosen = {person.id for person in fronted}
    return fronted + [person for person in students if person.id not in chosen]


# --- the front page and courses -----------------------------------------------------------------------------


@pages.get("/")
def front() -> str:
    moodle = _moodle()
    wanted = request.args.get("q", "").strip()
    with moodle.college.lock:
        courses = [
            {"course": course, "links": _links_in(course), "parts": parts_in(course)}
            for course in moodle.college.courses.values()
        ]
        found = [
            (person, [course for course in moodle.college.courses.values() if person.id in course.enrolments])
            for person in moodle.college.people.values()
            if wanted
            and wanted.casefold()
            in f"{person.fullname} {person.lastname} {person.firstname} {person.username}".casefold()
        ][:FOUND_AT_MOST]
        links = {course.id: _links_in(course) for course in moodle.college.courses.values()}
    return render_template(
        "front.html", courses=courses, wanted=wanted, found=found, links=links, tools=moodle.lti.tools
    )


def _links_in(course: Course) -> list[Link]:
    return [link for link in _moodle().lti.links.values() if link.course.id == course.id]


@pages.get("/course/view.php")
def course_page() -> str:
    moodle, course = _moodle(), _course()
    by_module = {link.module_id: link for link in _links_in(course)}
    teacher = next(iter(moodle.college.in_role(course, "editingteacher")), moodle.college.admin)
    return render_template(
        "course.html",
        course=course,
        links=by_module,
        parts=parts_in(course),
        tools=[tool for tool in moodle.lti.tools.values() if tool.active],
        teacher=teacher,
        person=_person(),
    )


@pages.get("/user/index.php")
def participants() -> str:
    course = _course()
    wanted = request.args.get("q", "").strip().casefold()
    enrolments = sorted(course.enrolments.values(), key=lambda enrolment: enrolment.person.by_family_name)
    enrolments = [one for one in enrolments if wanted in one.person.fullname.casefold()]
    return render_template(
        "participants.html", course=course, enrolments=enrolments, wanted=wanted, links=_links_in(course)
    )


@pages.post("/enrol/manual/manage.php")
def change_enrolment() -> Any:
    """Suspends an enrolment or lifts the suspension: something to see arrive in the tool after a sync."""
    course, person = _course(), _person()
    assert person
    _moodle().college.suspend(person, course, suspended=request.form.get("suspended") == "1")
    return redirect(url_for("pages.participants", id=course.id, q=request.form.get("q", "")), 303)


# --- the activity -------------------------------------------------------------------------------------------


@pages.get("/mod/lti/view.php")
@pages.get("/mod/lti/launch.php")
def launch() -> str:
    """The activity. `id` and `user` say which and who; `for_user` opens that person's work.

    By default a Moodle page with the tool in a frame; `frame=0` is the launch itself, as in a window of its
    own; `frame=inner` is what the frame loads.
    """
    moodle = _moodle()
    link = moodle.lti.link_of_module(_number("id"))
    if link is None:
        raise MoodlePageError("Недопустимый идентификатор модуля курса")
    how = request.args.get("frame", "1")
    reviewed = _person("for_user")
    started = moodle.lti.launch(
        _number("user"),
        link,
        message_type=SUBMISSION_REVIEW if reviewed else RESOURCE_LINK,
        for_user=reviewed,
        container=IN_WINDOW if how == "0" else IN_FRAME,
    )
    if how in ("0", "inner"):
        return _posted(started)
    return render_template("frame.html", link=link, course=link.course, person=started.person, reviewed=reviewed)


def _posted(started: Launch) -> str:
    return render_template("autopost.html", action=started.tool.login_url, fields=_moodle().lti.login_form(started))


@pages.get("/mod/lti/return.php")
def came_back() -> str:
    """Where a tool sends people when they are done: leaves the frame for the course page."""
    course = _moodle().college.course(_number("course"))
    return render_template(
        "came_back.html", course=course, error=request.args.get("lti_errormsg"), message=request.args.get("lti_msg")
    )


@pages.get("/mod/lti/choose.php")
def choose() -> str:
    """The teacher's page with the tool's content chooser in a frame (deep linking)."""
    course, tool = _moodle().college.course(_number("course")), _tool(_number("tool"))
    person = _person()
    assert person
    return render_template("choose.html", course=course, tool=tool, person=person)


@pages.post("/mod/lti/add.php")
def add_activity() -> Any:
    course = _moodle().college.course(_number("course"))
    link = _moodle().lti.add_link(
        course, _tool(_number("tool")), request.form.get("title", "").strip() or "Наставничество"
    )
    return redirect(url_for("pages.course_page", id=link.course.id), 303)


def _tool(tool_id: int) -> Tool:
    try:
        return cast(Tool, _moodle().lti.tools[tool_id])
    except KeyError:
        raise MoodlePageError("Неизвестный внешний инструмент") from None


# --- tools --------------------------------------------------------------------------------------------------


@pages.get("/mod/lti/toolconfigure.php")
def tools() -> str:
    """ "Manage tools": registered tools, and the field for a tool's registration address."""
    moodle = _moodle()
    address = request.args.get("url", "").strip()
    return render_template("tools.html", tools=moodle.lti.tools, address=address, addresses=moodle.addresses)


@pages.post("/mod/lti/toolssettings.php")
def change_tool() -> Any:
    tool = _tool(_number("id"))
    action = request.form.get("action")
    if action == "activate":
        tool.active = True
    elif action == "chooser":
        tool.in_chooser = not tool.in_chooser
    else:
        raise MoodlePageError("Недопустимый запрос")
    return redirect(url_for("pages.tools"), 303)


# --- gradebook and surveys ----------------------------------------------------------------------------------


@pages.get("/grade/report/grader/index.php")
def grader() -> str:
    moodle, course = _moodle(), _course()
    with moodle.college.lock:
        # Columns of tools first: they are what one comes to see here.
        columns = sorted(moodle.gradebook.of_course(course), key=lambda column: column.tool_id is None)
        students = moodle.college.in_role(course, "student")
        teacher = next(iter(moodle.college.in_role(course, "editingteacher")), moodle.college.admin)
        return render_template("grader.html", course=course, columns=columns, students=students, teacher=teacher)


def _feedback() -> tuple[Course, Feedback]:
    module_id = _number("id")
    for course in _moodle().college.courses.values():
        for module in course.modules:
            if module.id == module_id and module.kind == "feedback":
                return course, _moodle().college.feedbacks[module.instance]
    raise MoodlePageError("Недопустимый идентификатор модуля курса")


@pages.get("/mod/feedback/view.php")
def feedback_results() -> str:
    moodle = _moodle()
    course, feedback = _feedback()
    with moodle.college.lock:
        asked = moodle.college.asked(feedback)
        waiting = [person for person in asked if person.id not in feedback.attempts]
        counts = {
            item.id: [
                sum(attempt.values[item.id] == str(number) for attempt in feedback.attempts.values())
                for number in range(1, len(item.options) + 1)
            ]
            for item in feedback.items
        }
        return render_template(
            "feedback.html",
            course=course,
            feedback=feedback,
            module_id=_number("id"),
            asked=asked,
            waiting=waiting,
            counts=counts,
        )


@pages.route("/mod/feedback/complete.php", methods=["GET", "POST"])
def answer_feedback() -> Any:
    course, feedback = _feedback()
    person = _person()
    if person is None:
        raise MoodlePageError("Обязательный параметр (user) отсутствует")
    if request.method == "POST":
        values = [request.form.get(f"item{item.id}", "") for item in feedback.items]
        _moodle().college.answer(feedback, person, values)
        return redirect(url_for("pages.feedback_results", id=_number("id")), 303)
    return render_template("answer.html", course=course, feedback=feedback, person=person, module_id=_number("id"))


# --- the same as JSON, for another process ------------------------------------------------------------------


@pages.get("/practice/addresses.json")
def addresses() -> dict[str, str]:
    return cast(dict[str, str], _moodle().addresses)


@pages.get("/practice/people.json")
def people() -> list[dict[str, Any]]:
    """People of a course (`course`), all or of one role (`role`): id, user name, full name, roles,
    suspended."""
    course = _moodle().college.course(_number("course"))
    role = request.args.get("role")
    return [
        {
            "id": one.person.id,
            "username": one.person.username,
            "fullname": one.person.fullname,
            "roles": list(one.roles),
            "suspended": one.suspended,
        }
        for one in course.enrolments.values()
        if role is None or role in one.roles
    ]


@pages.get("/practice/gradebook.json")
def gradebook() -> list[dict[str, Any]]:
    """The tools' columns of a course (`course`) with the grades in them, by person id."""
    course = _moodle().college.course(_number("course"))
    return [
        {
            "id": column.id,
            "label": column.label,
            "resource_id": column.resource_id,
            "tag": column.tag,
            "maximum": column.maximum,
            "average": column.average(),
            "grades": {
                str(person_id): {"grade": grade.final, "comment": grade.feedback, "modified": grade.modified}
                for person_id, grade in column.grades.items()
                if grade.modified
            },
        }
        for column in _moodle().gradebook.of_course(course)
        if column.tool_id is not None
    ]


@pages.get("/practice/tools.json")
def tools_json() -> list[dict[str, Any]]:
    """Registered tools, and where their activities are."""
    lti = _moodle().lti
    return [
        {
            "id": tool.id,
            "name": tool.name,
            "client_id": tool.client_id,
            "deployment_id": tool.deployment_id,
            "active": tool.active,
            "in_chooser": tool.in_chooser,
            "activities": [
                {"id": link.id, "module_id": link.module_id, "course": link.course.id, "title": link.title}
                for link in lti.links.values()
                if link.tool.id == tool.id
            ],
        }
        for tool in lti.tools.values()
    ]


@pages.post("/practice/registrations")
def begin_registration() -> dict[str, str]:
    """Starts a dynamic registration at a tool's address (`url`); the answer is the address to open, as
    Moodle's frame would."""
    return {"address": _moodle().start_registration(request.form["url"])}


@pages.post("/practice/tools/<int:tool_id>/activate")
def activate(tool_id: int) -> dict[str, Any]:
    """Activates a pending tool and shows it in the activity chooser, as the admin must."""
    tool = _tool(tool_id)
    tool.active = tool.in_chooser = True
    return {"id": tool.id, "active": tool.active}


@pages.post("/practice/activities")
def new_activity() -> tuple[dict[str, Any], int]:
    """Adds a tool's activity (`tool`, `course`, `title`) to a course."""
    link = _moodle().lti.add_link(
        _number("course"), _tool(_number("tool")), request.form.get("title") or "Наставничество"
    )
    address = url_for("pages.launch", id=link.module_id, _external=True)
    return {"id": link.id, "module_id": link.module_id, "address": address}, 201


@pages.get("/favicon.ico")
def favicon() -> Response:
    return Response(status=204)
