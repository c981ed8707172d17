"""`make demo` and `make demo-check`: the main job from end to end, as the people of a college would do it.

A practice Moodle plays the college; the service runs beside it as in use (gunicorn and a worker process). Every step
is done through pages and commands and then looked at in Moodle or on a page, so that `--check` can tell ok from FAILED.
"""

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import mechanicalsoup
import requests

from lti_service.programme.service import school_year
from tests.practice_moodle import Course, Person, PracticeMoodle, a_college, add_school, create_practice_moodle, running
from tests.practice_moodle import practice_moodle as moodle_of

ROOT = Path(__file__).resolve().parent.parent
SERVICE, MOODLE = 8000, 8001
PATIENCE = 90.0
"""Seconds to wait for background work."""


class StepError(Exception):
    """A step did not come out as it must."""


def must(truth: object, complaint: str) -> None:
    """Raise StepError unless `truth`."""
    if not truth:
        raise StepError(complaint)


class Visitor:
    """A person with a browser that knows forms but no JavaScript, who has opened the activity in a course."""

    def __init__(self, moodle: PracticeMoodle, person: Person, course: int = 2) -> None:
        self.browser = mechanicalsoup.StatefulBrowser(raise_on_404=True, user_agent="demo")
        self.person = person
        link = moodle.lti.link_in(course)
        self.browser.open(f"{moodle.issuer}/mod/lti/launch.php?id={link.module_id}&user={person.id}&frame=0")
        # Moodle's two forms that a browser posts by itself: the login to the tool, and the answer with the token.
        for _ in range(2):
            self.browser.select_form("form")
            self.browser.submit_selected()
        self.home = self.browser.url
        must(person.fullname in self.text, f"{person.fullname} did not come in: {self.text[:300]}")

    @property
    def text(self) -> str:
        """What the page says, white space folded."""
        return re.sub(r"\s+", " ", self.browser.page.get_text(" "))

    def open(self, path: str = "") -> None:
        """Go to a page below the person's home page."""
        answer = self.browser.open(self.home + path)
        must(answer.status_code == 200, f"{path}: {answer.status_code}")

    def form(self, action: str) -> Any:
        """The form whose address ends so."""
        found = self.browser.page.find("form", action=re.compile(re.escape(action) + r"(\?.*)?$"))
        must(found, f"no form {action} on {self.browser.url}: {self.text[:300]}")
        return self.browser.select_form(found)

    def send(self, action: str, values: dict[str, Any] | None = None, button: str | None = None) -> None:
        """Fill in the form and send it; the page it leads to must be fine."""
        form = self.form(action)
        for name, value in (values or {}).items():
            form.set(name, value, force=True)
        submit = form.form.find(["button", "input"], attrs={"value": button}) if button else None
        if submit is not None:
            form.choose_submit(submit)
        answer = self.browser.submit_selected()
        must(answer.status_code == 200, f"{action}: {answer.status_code} {self.text[:500]}")


@dataclass
class Demo:
    """The state of the walk: the practice Moodle, the service's processes, and what was said."""

    moodle: PracticeMoodle
    folder: Path
    check: bool
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    results: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Settings of the demo's service; nothing of the caller's own leaks in."""
        ours = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL")}
        return ours | {
            "PUBLIC_URL": f"http://localhost:{SERVICE}",
            "INSTANCE_PATH": str(self.folder / "instance"),
            "ALLOWED_PRIVATE_HOSTS": "localhost,127.0.0.1",
            "LOG_LEVEL": "WARNING",
        }

    def flask(self, *arguments: str) -> str:
        """Run a command of the service; returns its standard output."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300)
        must(done.returncode == 0, f"flask {' '.join(arguments[:2])}: {done.stderr[-800:] or done.stdout[-800:]}")
        return done.stdout

    def start(self, *arguments: str) -> None:
        """Start a process of the service beside us."""
        command = [sys.executable, "-m", *arguments]
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)

    def stop(self) -> None:
        """End the service's processes, and see that they have ended."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def logs(self) -> str:
        """The ends of the service's logs, for when something failed."""
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in sorted(self.folder.glob("*.log")))

    def wait(self, truth: Callable[[], bool], what: str) -> None:
        """Wait until background work has made it true; not longer than the processes live that do it."""
        deadline = time.monotonic() + PATIENCE
        while not truth():
            for process in self.processes:
                status = process.poll()
                must(status is None, f"процесс {process.args[2]} завершился со статусом {status}, конец журналов ниже")
            must(time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:.0f} s")
            time.sleep(0.3)


# --- the steps ------------------------------------------------------------------------------------------------------

STEPS: list[tuple[str, Callable[[Demo], str]]] = []


def step(title: str) -> Callable[[Callable[[Demo], str]], Callable[[Demo], str]]:
    """Add a step: it does its work, checks the outcome, and returns what to say of it."""

    def add(work: Callable[[Demo], str]) -> Callable[[Demo], str]:
        STEPS.append((title, work))
        return work

    return add


@step("База данных и программа наставничества")
def prepare(demo: Demo) -> str:
    """Migrations, and the preset moved so that its plan begins this school year."""
    demo.flask("db", "upgrade")
    year = school_year(datetime.now(UTC).date())
    told = demo.flask("programmes", "load", "config/programmes/college.yaml", "--first-year", str(year))
    must("4 forms, 19 indicators" in told, told)
    return f"миграции выполнены; программа колледжа с {year} года: 4 формы наставничества, 19 показателей"


@step("Служба и рабочий процесс")
def serve(demo: Demo) -> str:
    """Gunicorn and the worker, as `make run` starts them."""
    demo.start("gunicorn", "-c", "config/gunicorn.conf.py", "--bind", f"localhost:{SERVICE}", "wsgi:app")
    demo.start("lti_service.worker")

    def ready() -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://localhost:{SERVICE}/readyz", timeout=5).status_code == 200
        return False

    demo.wait(ready, "the service")
    return f"http://localhost:{SERVICE} отвечает: база, миграции и очередь готовы"


def programme_courses(demo: Demo) -> list[Course]:
    """The courses with the activity; the one in which mentors learn has none."""
    return [course for course in demo.moodle.college.courses.values() if course.completion is None]


@step("Динамическая регистрация в Moodle")
def connect(demo: Demo) -> str:
    """An invitation, pasted into Moodle as an admin does, then activated and put into both courses."""
    moodle = demo.moodle
    address = demo.flask("platforms", "invite").strip().splitlines()[-1]
    page = requests.get(moodle.start_registration(address), timeout=30)
    must(page.status_code == 200, page.text[:500])
    must(len(moodle.lti.tools) == 1, "Moodle has no new tool")
    tool = next(iter(moodle.lti.tools.values()))
    tool.active = True
    token = demo.folder / "ws_token"
    token.write_text(moodle.addresses["ws_token"])
    addresses = {name: value for name, value in moodle.addresses.items() if name != "ws_token"}
    options = [part for name, value in addresses.items() for part in (f"--{name.replace('_', '-')}", value)]
    demo.flask(
        "platforms", "add", *options, "--client-id", tool.client_id, "--deployment-id", tool.deployment_id,
        "--ws-token-file", str(token), "--name", "Учебный Moodle", "--active",
    )  # fmt: skip
    for course in programme_courses(demo):
        moodle.add_link(course, tool)
    return f"инструмент «{tool.name}», client id {tool.client_id}, занятие в курсах: {len(moodle.lti.links)}"


@step("Администратор открывает занятие")
def admin_comes(demo: Demo) -> str:
    """His launch makes the courses known; then the connection is tried whole."""
    for course in programme_courses(demo):
        Visitor(demo.moodle, demo.moodle.college.admin, course.id)
    told = demo.flask("platforms", "check", "1")
    must("MEND" not in told, told)
    return f"проверок связи пройдено: {len(told.strip().splitlines())}"


@step("Загрузка участников")
def sync(demo: Demo) -> str:
    """The first sync brings everybody in, the second finds nothing to write."""
    first, second = demo.flask("sync"), demo.flask("sync")
    must("231 new" in first, first)
    must(second.count("People: nothing changed") == 2, second)
    return "231 человек в первом курсе; повторная загрузка ничего не меняет"


NEEDING, PAIRS = 24, 18
"""How many mentees the curator marks in the demo, and for how many a pair is formed: the share is 75 %."""


def curator_of(demo: Demo) -> Visitor:
    """The curator, who has just opened the activity."""
    return Visitor(demo.moodle, demo.moodle.college.curators[0])


def tick(visitor: Visitor, action: str, path: str, limit: int | None = None) -> int:
    """Tick people of a list (all shown, or the first so many) and press a button; returns how many."""
    visitor.open(path)
    page = visitor.browser.page
    boxes = [box["value"] for box in page.find_all("input", attrs={"name": "chosen"})][:limit]
    must(boxes, f"nobody to tick on {path}")
    must(page.find("button", attrs={"name": "action", "value": action}), f"no button {action} on {path}")
    form = page.find("form", id="change")
    values = [("csrf_token", form.find("input", attrs={"name": "csrf_token"})["value"]), ("action", action)]
    answer = visitor.browser.session.post(
        urljoin(visitor.browser.url, form["action"]), data=[*values, *(("chosen", box) for box in boxes)], timeout=60
    )
    must(answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:800]}")
    return len(boxes)


@step("База наставляемых и база наставников")
def bases(demo: Demo) -> str:
    """The curator marks who needs a mentor; teachers and employers' people are candidates by themselves."""
    curator = curator_of(demo)
    tick(curator, "need", "base/?state=candidate&kind=student", NEEDING)
    young = tick(curator, "need", "base/?state=candidate&kind=young_teacher")
    curator.open("base/?state=needs")
    must(str(NEEDING + young) in curator.text, curator.text[:800])
    curator.open("base/mentors/?state=candidate")
    candidates = len(curator.browser.page.find_all("input", attrs={"name": "chosen"}))
    must(candidates, "there is no candidate for a mentor")
    return f"нужен наставник: {NEEDING} студентам и {young} молодым специалистам; кандидатов в наставники: {candidates}"


def choose(visitor: Visitor, path: str, state: str, boxes: list[str], **fields: str) -> None:
    """Send a page about several mentors, chosen in the list of those in a state, as its form would."""
    visitor.open(f"base/mentors/?state={state}")
    token = visitor.browser.page.find("form", id="change").find("input", attrs={"name": "csrf_token"})["value"]
    values = [("csrf_token", token), *fields.items(), *(("chosen", box) for box in boxes)]
    answer = visitor.browser.session.post(f"{visitor.home}base/mentors/{path}?state={state}", data=values, timeout=60)
    must(answer.status_code == 200 and "/base/mentors/?" in answer.url, f"{path}: {answer.status_code} {answer.url}")


def boxes_of(visitor: Visitor, path: str) -> list[str]:
    """The ids of the mentors whom a list shows."""
    visitor.open(path)
    return [box["value"] for box in visitor.browser.page.find_all("input", attrs={"name": "chosen"})]


@step("Отбор и обучение наставников")
def mentors(demo: Demo) -> str:
    """One candidate is marked by the criteria, the others are decided on at once; Moodle tells who has learnt."""
    curator, college = curator_of(demo), demo.moodle.college
    curator.open("base/mentors/?state=candidate&kind=employer")
    curator.browser.follow_link(curator.browser.page.find("a", class_="people-name"))
    path = curator.browser.url.removeprefix(curator.home) + "selection"
    curator.open(path)
    marks = {f"mark-{place}": mark for place, mark in enumerate("54453")}
    curator.send("/selection", {**marks, "decision": "accepted", "reason": "Собеседование, протокол № 2"}, "decide")
    must("48 из 55 баллов" in curator.text, curator.text[:800])
    candidates = boxes_of(curator, "base/mentors/?state=candidate")
    turned_down, postponed, rest = candidates[-1:], candidates[-2:-1], candidates[:-2]
    for decision, boxes, reason in (
        ("turned_down", turned_down, "Нет времени до конца учебного года"),
        ("postponed", postponed, "Вернёмся после практики"),
        ("accepted", rest, "Решение педагогического совета, протокол № 2"),
    ):
        choose(curator, "decide", "candidate", boxes, decision=decision, reason=reason, do="decide")

    school = next(course for course in college.courses.values() if course.completion)
    curator.open("base/mentors/training/new")
    facts = {"title": school.fullname, "hours": 16, "document": "Сертификат", "valid_months": 24}
    curator.send("training/new", {**facts, "moodle_course": f"{demo.moodle.issuer}/course/view.php?id={school.id}"})
    curator.open("base/mentors/training/")
    curator.send("training/read")

    def read() -> bool:
        curator.open("base/mentors/training/")
        return 'data-run-open="no"' in str(curator.browser.page)

    demo.wait(read, "reading the completions")
    ready = len(boxes_of(curator, "base/mentors/?state=ready"))
    waiting = boxes_of(curator, "base/mentors/?state=selected")
    must(ready and waiting, f"ready: {ready}, waiting for training: {len(waiting)}")

    curator.open("base/mentors/training/new")
    day = datetime.fromtimestamp(college.now, UTC).date()
    curator.send("training/new", {"title": "Семинар «Первая встреча»", "hours": 4, "begins_on": day.isoformat()})
    seminar = curator.browser.url.rstrip("/").rsplit("/", 1)[1]
    today = datetime.now(UTC).date()
    fields = {"course": seminar, "completed_on": today.isoformat(), "do": "train"}
    until = (today + timedelta(days=45)).isoformat()
    choose(curator, "train", "selected", waiting[:1], **fields, valid_until=until)
    admitted = waiting[1:2]
    choose(curator, "decide", "selected", admitted, decision="admitted", reason="Мастер со стажем 20 лет", do="decide")
    curator.open()
    must("обучение истекает в течение 60 дней" in curator.text, curator.text[:1200])
    return (
        f"отобрано: {1 + len(rest)}, не отобран 1, отложен 1; готовы по завершению курса Moodle: {ready}, "
        f"по семинару 1, без обучения: {len(admitted)}, ждут обучения: {len(waiting) - 1 - len(admitted)}"
    )


AGREEMENTS = ("дуальное обучение", "практика", "практика")
"""Kinds of the agreements in the demo, one with each of so many organisations; the second ends soon."""


@step("Работодатели: организации и договоры из файла")
def employers(demo: Demo) -> str:
    """The curator loads a file of organisations with contacts and agreements; one agreement ends soon."""
    curator, today = curator_of(demo), datetime.now(UTC).date()
    names = list(dict.fromkeys(person.institution for person in demo.moodle.college.employers))[: len(AGREEMENTS)]
    lines = ["Организация;Контактное лицо;Телефон;Вид договора;Номер договора;Дата договора;Действует до"]
    for number, (name, kind) in enumerate(zip(names, AGREEMENTS, strict=True), 1):
        begun, ends = today - timedelta(days=300), today + timedelta(days=20 if number == 2 else 500)
        contact = f"Кадровая Мария Ивановна {number}-я;8 800 100-00-0{number}"
        lines.append(f"{name};{contact};{kind};{number}/{begun.year};{begun:%d.%m.%Y};{ends:%d.%m.%Y}")
    file = demo.folder / "employers.csv"
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    curator.open("imports/employers/")
    form = curator.form("imports/employers/")
    with file.open("rb") as opened:
        form.set("file", opened)
        answer = curator.browser.submit_selected()
    must(answer.status_code == 200, f"preview: {answer.status_code} {curator.text[:600]}")
    curator.send("apply")
    curator.open("employers/agreements/")
    must(all(name in curator.text for name in names), curator.text[:800])
    return f"организаций и договоров: {len(names)}, один договор скоро закончится"


LACKING = 3
"""How many of those who need a mentor have no consent yet in the demo; they are counted, but not proposed."""


@step("Согласия на обработку персональных данных")
def consent(demo: Demo) -> str:
    """Mentors and some adults agree on their own pages; the curator records papers; a few have none, one withdraws."""
    curator, college = curator_of(demo), demo.moodle.college
    agreed = 0
    for mentor in [*college.teachers[1:], *college.employers]:
        agreed += agree(demo, mentor)
    day = datetime.now(UTC).date().isoformat()
    curator.open("consents/record?who=needing")
    form = curator.form("consents/record?who=needing")
    adults = form.form.find("input", attrs={"name": "part", "value": "adults"}) is not None
    if adults:
        form.set("signed_on", day)
        curator.browser.submit_selected()
        curator.open("consents/record?who=needing")
    minors = [one["value"] for one in curator.browser.page.find_all("input", attrs={"name": "person"})]
    must(len(minors) > LACKING, f"only {len(minors)} minors need a mentor")
    sheet = next(one for one in curator.browser.page.find_all("form") if one.find("input", value="minors"))
    form = curator.browser.select_form(sheet)
    form.set("signed_on", day)
    for number, person in enumerate(minors[:-LACKING], 1):
        form.set(f"name-{person}", f"Представителева Анна {number}-я")
        form.set(f"relation-{person}", "mother")
    answer = curator.browser.submit_selected()
    must(answer.status_code == 200, f"papers: {answer.status_code} {curator.text[:600]}")
    gone = Visitor(demo.moodle, college.employers[-1])
    gone.open("my-consent")
    gone.send("my-consent/withdraw")
    curator.open("consents/?who=needing&standing=minor")
    must(f"Без согласия по этому отбору: {LACKING}" not in curator.text, "the young teachers have none either")
    must(len(curator.browser.page.select("tbody tr")) == LACKING, curator.text[:800])
    curator.open("consents/?who=mentors&standing=withdrawn")
    must(len(curator.browser.page.select("tbody tr")) == 1, curator.text[:800])
    papers = len(minors) - LACKING
    return f"наставников согласилось: {agreed}, один отозвал; бумаг записано: {papers}, без согласия: {LACKING}"


def agree(demo: Demo, person: Person) -> int:
    """This person reads the text on their own page and agrees."""
    visitor = Visitor(demo.moodle, person)
    visitor.open("my-consent")
    form = visitor.form("my-consent")
    if form.form.find("input", attrs={"name": "says_adult"}):
        form.check({"says_adult": ["1"]})
    answer = visitor.browser.submit_selected()
    must(answer.status_code == 200, f"consent: {answer.status_code} {visitor.text[:400]}")
    return 1


def propose(curator: Visitor, form_title: str) -> tuple[str, str]:
    """Propose the mentor with most free places to the first mentee of a form; the pair's address and the mentor."""
    curator.open("pairs/new")
    link = next(one for one in curator.browser.page.find_all("a") if one.get_text(strip=True) == form_title)
    curator.browser.follow_link(link)
    form = curator.form("pairs/new")
    options = form.form.find_all("input", attrs={"name": "mentor"})
    mentor = max(options, key=lambda one: int(re.search(r"свободно: (\d+)", one.parent.get_text())[1]))
    mentee = form.form.find("input", attrs={"name": "mentees", "type": "checkbox"})
    must(mentee, f"no mentee for {form_title}")
    form.set("mentor", mentor["value"])
    form.check({"mentees": [mentee["value"]]})
    button = next(one for one in form.form.find_all("button") if not one.get("formmethod"))
    form.choose_submit(button)
    answer = curator.browser.submit_selected()
    must(answer.status_code == 200 and re.search(r"/pairs/\d+/$", curator.browser.url), curator.text[:600])
    name = mentor.parent.get_text(" ", strip=True)
    return curator.browser.url.removeprefix(curator.home), name


def named(people: list[Person]) -> dict[str, Person]:
    """People by the names that the pages say; a student and somebody of an employer may have the same one."""
    return {f"{person.lastname} {person.firstname}": person for person in people}


@step("Пары: предложены, согласованы, начаты")
def pairs(demo: Demo) -> str:
    """The curator proposes, each mentor agrees on their own page, the curator starts; one mentor declines."""
    curator, college = curator_of(demo), demo.moodle.college
    mentors = named([*college.teachers, *college.employers])
    forms = ["«педагог – студент»", "«работодатель – студент»"]
    declined = 0
    for number in range(PAIRS + 1):
        pair, told = propose(curator, forms[number % 2])
        mentor = next(person for name, person in mentors.items() if told.startswith(name))
        visitor = Visitor(demo.moodle, mentor)
        visitor.open(pair)
        if number == PAIRS:
            visitor.open(f"{pair}?action=decline")
            visitor.send(f"{pair}decline", {"reason": "На практике до марта"})
            declined += 1
            continue
        visitor.send(f"{pair}agree")
        curator.open(pair)
        curator.send(f"{pair}start")
    curator.open("pairs/")
    must(f"{PAIRS} из" in curator.text, curator.text[:600])
    return f"активных пар: {PAIRS}, отказов: {declined}"


@step("Без пары: беседа и когда узнать снова")
def support(demo: Demo) -> str:
    """For two mentees no pair is found; with one of them a psychologist has talked, and they are asked again today."""
    curator, today = curator_of(demo), datetime.now(UTC).date()
    tick(curator, "give_up", "base/?state=needs&kind=student", 2)
    curator.open("base/support/")
    link = curator.browser.page.select_one("table a[href*='/people/']")
    must(link, curator.text[:600])
    person = re.search(r"people/\d+/", link["href"])
    must(person, link["href"])
    curator.open(f"{person[0]}support")
    told = {"day": today.isoformat(), "who": "Педагог-психолог", "agreed": "Беседы раз в месяц, пока нет наставника"}
    curator.send("support", told | {"next_look": (today + timedelta(days=30)).isoformat()})
    curator.open("base/support/")
    must("Педагог-психолог" in curator.text, curator.text[:800])
    return "без пары: 2, с одним побеседовали"


GOALS = (
    (
        "Подтянуть профильные дисциплины и уверенно защитить курсовую",
        "Разобрать долги по предмету",
        "Выбрать тему курсовой",
    ),
    ("Освоиться на предприятии и пройти практику", "Пройти инструктаж в цехе", "Сдать отчёт о первой смене"),
)
SILENT = 4
"""Every so many pairs has not met yet in the demo."""


@step("Планы и встречи")
def work(demo: Demo) -> str:
    """Mentors set goals, fill plans and write meetings down on their home pages; some mentees tick and propose."""
    curator, college = curator_of(demo), demo.moodle.college
    curator.open("pairs/?column=active")
    shown = [one["href"] for one in curator.browser.page.find_all("a", href=re.compile(r"/pairs/\d+/$"))]
    paths = list(dict.fromkeys(urljoin(curator.browser.url, one).removeprefix(curator.home) for one in shown))
    known = named([*college.teachers, *college.employers]), named(college.students)
    today = datetime.now(UTC).date()
    met = ticked = 0
    busy, others = [], []
    for number, path in enumerate(paths):
        curator.open(path)
        names = [one.get_text(" ", strip=True) for one in curator.browser.page.select(".pairs-person .fw-semibold")]
        mentor, mentee = (
            next(people[key] for key in people if name.startswith(key))
            for people, name in zip(known, names[:2], strict=True)
        )
        (busy if number % SILENT == 1 else others).extend((mentor.id, mentee.id))
        goal, *items = GOALS[number % len(GOALS)]
        visitor = Visitor(demo.moodle, mentor)
        visitor.open(f"{path}goal")
        visitor.send(f"{path}goal", {"goal": goal})
        for place, title in enumerate(items):
            visitor.open(path)
            due = today + timedelta(days=14 * (place + 1))
            visitor.send(f"{path}plan/new", {"title": title, "due": due.isoformat()})
        if number % SILENT:
            visitor.open()
            visitor.send(f"{path}meetings/held", {"topic": "Знакомство и план на семестр", "way": "in_person"})
            must("Встреча записана." in visitor.text, visitor.text[:600])
            met += 1
        student = Visitor(demo.moodle, mentee)
        must(f"0 из {len(items)}" in student.text, student.text[:600])
        if number % SILENT == 1:
            item = student.browser.page.find("form", action=re.compile(r"/plan/\d+/tick$"))["action"]
            student.send(urljoin(student.browser.url, item).removeprefix(student.home))
            must(f"1 из {len(items)}" in student.text, student.text[:600])
            ticked += 1
            student.open(path)
            planned = {"day": (today + timedelta(days=3)).isoformat(), "time": "14:30", "topic": "Вопросы по плану"}
            student.send(f"{path}meetings/planned", planned)
            visitor.open()
            must("Вопросы по плану" in visitor.text, visitor.text[:600])
    must(met and ticked, f"met: {met}, ticked: {ticked}")
    # Whoever has a meeting ahead has most to see; a mentor of several stands once.
    demo.moodle.shown_first = list(dict.fromkeys([*busy, *others]))
    return f"пар с планом: {len(paths)}, встреч записано: {met}, отмечено пунктов и предложено встреч: {ticked}"


@step("Студент видит своего наставника, посторонний — ничего")
def eyes(demo: Demo) -> str:
    """A mentee's home page names the mentor; somebody else's pair is not there for them."""
    curator = curator_of(demo)
    curator.open("pairs/?column=active")
    link = curator.browser.page.find("a", href=re.compile(r"/pairs/\d+/$"))
    curator.browser.follow_link(link)
    path = curator.browser.url.removeprefix(curator.home)
    names = named(demo.moodle.college.students)
    mentee = next(person for name, person in names.items() if name in curator.text)
    stranger = next(person for name, person in names.items() if name not in curator.text)
    visitor = Visitor(demo.moodle, mentee)
    must("Мой наставник" in visitor.text, visitor.text[:400])
    outside = Visitor(demo.moodle, stranger)
    outside.browser.set_verbose(0)
    answer = outside.browser.session.get(outside.home + path)
    must(answer.status_code == 404, f"a stranger got {answer.status_code}")
    return f"{mentee.fullname} видит наставника; {stranger.fullname} получает 404"


@step("Анкеты: добавлены и прочитаны")
def surveys(demo: Demo) -> str:
    """The curator picks two questionnaires, mentees' and mentors'; the worker reads the answers."""
    curator = curator_of(demo)
    added = 0
    for feedback in demo.moodle.college.feedbacks_of(2):
        if feedback.anonymous:
            # Anonymous answers all count. Those of the sample college's other teachers would be more than were asked.
            in_pairs = demo.moodle.shown_first
            feedback.attempts = {who: said for who, said in feedback.attempts.items() if who in in_pairs}
        audience = "mentors" if feedback.anonymous else "mentees"
        curator.open(f"surveys/add/{feedback.id}")
        form = curator.form("surveys/add")
        boxes = [box["value"] for box in form.form.find_all("input", attrs={"name": "rating"})]
        must(boxes, "nothing to rate by")
        form.set("audience", audience)
        form.check({"rating": boxes[-1:]})
        answer = curator.browser.submit_selected()
        must(answer.status_code == 200, f"survey: {answer.status_code} {curator.text[:500]}")
        added += 1

    def read() -> bool:
        curator.open("surveys/")
        return 'data-run-open="no"' in str(curator.browser.page)

    demo.wait(read, "reading the answers")
    told = demo.flask("sync")
    must("Surveys: nothing changed" in told, told)
    return f"анкет: {added}; повторное чтение ничего не меняет"


@step("Показатели: план и факт")
def indicators(demo: Demo) -> str:
    """The curator's page shows the share with numerator and denominator."""
    curator = curator_of(demo)
    curator.open("indicators/")
    share = f"75 % — {PAIRS} из {NEEDING}"
    must(share in curator.text.replace("\N{NO-BREAK SPACE}", " "), curator.text[:1200])
    curator.open("indicators/R4/")
    must(str(NEEDING - PAIRS) in curator.text, curator.text[:600])
    return f"R4: {share}"


@step("Журнал оценок: столбцы созданы, оценки доставлены и сверены")
def grades(demo: Demo) -> str:
    """Two columns are made; the worker delivers; Moodle's average of the first is the indicator itself."""
    curator, gradebook = curator_of(demo), demo.moodle.gradebook
    for source, label in (("pair-formed", "Пара сформирована"), ("survey-", "Анкета заполнена")):
        curator.open("gradebook/")
        form = curator.form("gradebook/")
        options = [option["value"] for option in form.form.find_all("option")]
        chosen = next(value for value in options if value.startswith(source))
        form.set("source", chosen)
        form.set("label", label)
        answer = curator.browser.submit_selected()
        must(answer.status_code == 200, f"column: {answer.status_code} {curator.text[:500]}")
    tool = next(iter(demo.moodle.lti.tools.values()))
    course = demo.moodle.college.course(2)

    def columns() -> dict[str, Any]:
        return {column.label: column for column in gradebook.of_tool(course, tool.id)}

    demo.wait(lambda: {"Пара сформирована", "Анкета заполнена"} <= columns().keys(), "the columns in Moodle")
    demo.flask("grades", "push")
    status = demo.flask("grades", "status")
    must(status.count("\t0 waiting") == 2, status)
    average = columns()["Пара сформирована"].average()
    must(average is not None and abs(float(average) - 75) < 0.01, f"the average in Moodle is {average}")
    sent = len(demo.moodle.requests.of("/scores"))
    demo.flask("grades", "push")
    must(len(demo.moodle.requests.of("/scores")) == sent, "an unchanged grade was sent again")
    return f"отправлено оценок: {sent}; среднее столбца в Moodle — {float(average):.0f}, это и есть R4"


# --- running it -----------------------------------------------------------------------------------------------------


def answers(port: int) -> bool:
    """Whether somebody listens on this port of localhost, by either of its addresses: browsers try both."""
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=2):
        return True
    return False


@contextlib.contextmanager
def a_demo(check: bool) -> Iterator[Demo]:
    """The practice Moodle on its port and an empty folder for the service; both are gone afterwards."""
    college = a_college()
    add_school(college)
    app = create_practice_moodle(college, f"http://localhost:{MOODLE}")
    with tempfile.TemporaryDirectory(prefix="nastavnichestvo-") as folder, running(app, port=MOODLE):
        demo = Demo(moodle_of(app), Path(folder), check)
        try:
            yield demo
        finally:
            demo.stop()


def walk(demo: Demo) -> bool:
    """Do every step, saying what came of it; stop at the first that fails."""
    for number, (title, work) in enumerate(STEPS, 1):
        begun = time.monotonic()
        try:
            told, verdict = work(demo), "ok"
        except Exception as err:
            told, verdict = f"{type(err).__name__}: {err}", "FAILED"
        demo.results.append((title, verdict, f"{time.monotonic() - begun:.1f} с"))
        sys.stdout.write(f"{number:2}. {title} — {told}\n" if verdict == "ok" else f"{number:2}. {title}: {told}\n")
        sys.stdout.flush()
        if verdict != "ok":
            sys.stdout.write(demo.logs())
            return False
    return True


def table(demo: Demo) -> str:
    """The steps with ok or FAILED; those after a failure were not tried."""
    rows = [*demo.results, *((title, "not tried", "") for title, _work in STEPS[len(demo.results) :])]
    width = max(len(title) for title, _verdict, _time in rows)
    return "\n".join(f"  {title:{width}}  {verdict:9}  {took:>7}" for title, verdict, took in rows)


def main() -> int:
    """Walk through the steps; then wait for Ctrl-C, or with --check stop at once."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="check every step, leave nothing running")
    check = parser.parse_args().check
    taken = [str(port) for port in (SERVICE, MOODLE) if answers(port)]
    if taken:
        sys.exit(
            f"На этой машине уже занято: порт {' и порт '.join(taken)}. Какой программой, покажет "
            f"ss -ltnp | grep -E ':({'|'.join(taken)})' (на macOS: lsof -i :{' -i :'.join(taken)}); "
            "остановите её и повторите команду."
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with a_demo(check) as demo:
        done = walk(demo)
        sys.stdout.write(f"\n{table(demo)}\n\n")
        if check or not done:
            return 0 if done else 1
        sys.stdout.write(
            f"Откройте {demo.moodle.issuer} и войдите как любой из людей колледжа. Ctrl-C останавливает всё.\n"
        )
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
