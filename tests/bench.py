"""`make bench`: what the product costs, beside something to compare it with, measured in the same run.

Each result is one JSON line; nothing is asserted. Two cores shared with others make absolute figures noisy, so read
the ratios.
"""

import argparse
import io
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time as wall_clock
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.fernet import Fernet
from flask import Flask
from openpyxl import Workbook, load_workbook
from pylti1p3.contrib.flask import FlaskMessageLaunch, FlaskOIDCLogin, FlaskRequest
from pylti1p3.launch_data_storage.base import LaunchDataStorage
from pylti1p3.tool_config import ToolConfDict
from sqlalchemy import Engine, delete, event, make_url, select, text, update

from config import Settings
from lti_service import db, upkeep
from lti_service.app import create_app
from lti_service.people import enrolments
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, Person
from lti_service.platforms import keys
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform
from lti_service.programme import service as programme
from tests.crowd import a_crowd
from tests.practice_moodle import PracticeMoodle, a_college, create_practice_moodle, practice_moodle, running, signing

WARM_UP, LAUNCHES = 50, 200
LINE = "https://tool.example"


def say(bench: str, value: float, unit: str, limit: float, against: str, ratio: float, **more: Any) -> None:
    """Print one result."""
    line = {"bench": bench, "value": round(value, 3), "unit": unit, "limit": limit, "against": against}
    sys.stdout.write(json.dumps({**line, "ratio": round(ratio, 2), **more}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def on_postgresql() -> str | None:
    """The address of an empty PostgreSQL database of our own beside that of `TEST_DATABASE_URL`; none: it is unset."""
    if not (told := os.environ.get("TEST_DATABASE_URL")):
        return None
    wanted = make_url(told).set(drivername="postgresql+psycopg")
    name = f"{wanted.database}_bench"
    engine = db.make_engine(wanted.set(database="postgres").render_as_string(hide_password=False))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return wanted.set(database=name).render_as_string(hide_password=False)


@contextmanager
def a_service(students: int, database: str | None = None) -> Iterator[tuple[Flask, PracticeMoodle, Platform]]:
    """The application on a fresh SQLite file (or the database given), connected to a practice Moodle of that size on a
    loopback port."""
    with tempfile.TemporaryDirectory() as folder:
        url = database or f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        upkeep.upgrade_database(url)
        settings = Settings(
            public_url=LINE,
            database_url=url,
            queue_url="immediate",
            secret_key="bench",
            encryption_keys=(Fernet.generate_key().decode(),),
            allowed_private_hosts=("localhost", "127.0.0.1"),
            trusted_proxies=(),
            session_lifetime=timedelta(hours=8),
            sync_at=wall_clock(19, 0),
            log_level="ERROR",
            log_format="text",
            metrics_allow=(),
            web_workers=1,
            web_threads=1,
            # Counted, for that is a launch's cost too, but never refused.
            logins_per_minute=10**9,
            launches_per_minute=10**9,
        )
        app = create_app(settings)
        server = create_practice_moodle(a_college(students))
        with running(server):
            moodle = practice_moodle(server)
            tool = moodle.add_tool(LINE, keys=lambda: {"keys": []})
            for course in moodle.college.courses.values():
                moodle.add_link(course, tool)
            with db.new_session() as own, db.transaction(own) as session:
                keys.ensure_key(session)
                registration = platforms.Registration(
                    client_id=tool.client_id, deployment_id=tool.deployment_id, active=True, **moodle.addresses
                )
                platform, _ = platforms.register(session, registration)
            yield app, moodle, platform


# --- launch ---------------------------------------------------------------------------------------------------------


def bare_pylti1p3(moodle: PracticeMoodle) -> Flask:
    """The same launch on PyLTI1p3 as its documentation shows it: what the product is measured against."""

    class Memory(LaunchDataStorage[Any]):  # type: ignore[misc]
        kept: dict[str, Any] = {}

        def can_set_keys_expiration(self) -> bool:
            return True

        def get_value(self, key: str) -> Any:
            return self.kept.get(self._prepare_key(key))

        def set_value(self, key: str, value: Any, exp: int | None = None) -> None:
            self.kept[self._prepare_key(key)] = value

        def check_value(self, key: str) -> bool:
            return self._prepare_key(key) in self.kept

    app = Flask("bare", root_path=tempfile.gettempdir())
    app.secret_key = "bench"
    tool = next(iter(moodle.lti.tools.values()))
    known = {
        "client_id": tool.client_id,
        "auth_login_url": moodle.addresses["login_url"],
        "auth_token_url": moodle.addresses["token_url"],
        "key_set": {"keys": [signing.public_jwk(signing.platform_key(), signing.key_id())]},
        "deployment_ids": [tool.deployment_id],
    }
    config, memory = ToolConfDict({moodle.issuer: [known]}), Memory()

    @app.post("/lti/login")
    def login() -> Any:
        return FlaskOIDCLogin(FlaskRequest(), config, launch_data_storage=memory).redirect(LINE + "/lti/launch")

    @app.post("/lti/launch")
    def launch() -> Any:
        claims = FlaskMessageLaunch(FlaskRequest(), config, launch_data_storage=memory).get_launch_data()
        title = claims["https://purl.imsglobal.org/spec/lti/claim/resource_link"]["title"]
        return f"<!doctype html><title>{title}</title><h1>{claims['name']}</h1>"

    return app


def launches(app: Flask, moodle: PracticeMoodle, count: int) -> float:
    """Milliseconds of CPU that one full launch (login, launch, first page) costs the tool, without Moodle's part."""
    people = moodle.college.students
    spent = 0.0
    for number in range(count):
        person, browser = people[number % len(people)], app.test_client()
        form = moodle.login_form(person, 2)
        begun = time.thread_time()
        login = browser.post("/lti/login", data=form, base_url=LINE)
        spent += time.thread_time() - begun
        answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
        begun = time.thread_time()
        page = browser.post("/lti/launch", data=answer, base_url=LINE, follow_redirects=True)
        spent += time.thread_time() - begun
        if person.fullname not in page.text:
            raise RuntimeError(f"the launch failed: {page.status}")
    return spent / count * 1000


def bench_launch() -> None:
    """A full launch, beside bare PyLTI1p3 on Flask with everything in memory and a page of one line."""
    with a_service(students=200) as (app, moodle, platform):
        synced(platform)
        bare = bare_pylti1p3(moodle)
        for side in (app, bare):
            launches(side, moodle, WARM_UP)
        rounds = [(launches(app, moodle, LAUNCHES), launches(bare, moodle, LAUNCHES)) for _ in range(3)]
        ours = statistics.median(own for own, _ in rounds)
        ratio = statistics.median(own / other for own, other in rounds)
        say("launch", ours, "ms CPU", 8.0, "bare PyLTI1p3 on Flask, in memory", ratio)


# --- sync -----------------------------------------------------------------------------------------------------------


def synced(platform: Platform, moodle_course: str = "2") -> enrolments.Report:
    """Bring the course in; makes its row on the first call."""
    with db.new_session() as own, db.transaction(own) as session:
        course = session.scalar(select(Course).where(Course.moodle_id == moodle_course))
        if course is None:
            course = Course(platform_id=platform.id, moodle_id=moodle_course, title="")
            session.add(course)
        session.flush()
        course_id = course.id
    return enrolments.sync_course(course_id)


def downloads_alone(platform: Platform) -> int:
    """The same requests as a sync makes, with nothing done with the answers; how many people they told of."""
    client = platforms.moodle(platform)
    client.courses([2])
    client.group_members([group.id for group in client.course_groups(2)])
    return sum(len(page) for page in client.iter_enrolled_users(2, page_size=enrolments.PAGE, only_active=True))


def timed(work: Callable[[], Any]) -> float:
    """Wall-clock seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


PAGE_TIME = 0.95
"""Seconds that a page of 500 took a real Moodle 4.5, as measured."""


def bench_sync() -> None:
    """A sync of 5,000 enrolments, first and unchanged, beside the same downloads alone, at a real Moodle's pace."""
    with a_service(students=5000) as (_app, moodle, platform):
        moodle.faults.add("core_enrol_get_enrolled_users", wait=PAGE_TIME)
        alone = timed(lambda: downloads_alone(platform))
        first = timed(lambda: synced(platform))
        again = timed(lambda: synced(platform))
        alone = (alone + timed(lambda: downloads_alone(platform))) / 2
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        note = f"a page of 500 takes Moodle {PAGE_TIME} s; the peak includes the practice Moodle's own memory"
        against = "the same downloads alone"
        say("sync-5000", first, "s", 1.3, against, first / alone, peak_mib=round(peak), note=note)
        say("sync-5000-unchanged", again, "s", 1.1, against, again / alone)


# --- the curator's board --------------------------------------------------------------------------------------------


def a_browser(app: Flask, moodle: PracticeMoodle, username: str) -> Any:
    """A browser in which somebody has just launched the course."""
    browser = app.test_client()
    login = browser.post("/lti/login", data=moodle.login_form(moodle.college.person(username).id, 2), base_url=LINE)
    answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
    browser.post("/lti/launch", data=answer, base_url=LINE)
    return browser


def show(browser: Any, address: str) -> None:
    """Open a page."""
    page = browser.get(address, base_url=LINE)
    if page.status_code != 200:
        raise RuntimeError(f"{address}: {page.status}")


@contextmanager
def told() -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked meanwhile: statements with their parameters."""
    engine, sent = the_engine(), []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
            sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def the_engine() -> Engine:
    """The one that the application is connected to."""
    found = db.new_session().get_bind()
    if not isinstance(found, Engine):
        raise TypeError(found)
    return found


def board(students: int) -> tuple[float, int]:
    """Seconds and queries of one board page with so many people who need a mentor."""
    with a_service(students) as (app, moodle, platform):
        synced(platform)
        with db.new_session() as own, db.transaction(own) as session:
            session.execute(update(Mentee).values(state=MenteeState.NEEDS))
            course_id = session.scalars(select(Course.id).where(Course.moodle_id == "2")).one()
        browser, address = a_browser(app, moodle, "curator"), f"/courses/{course_id}/pairs/"
        show(browser, address)
        with told() as sent:
            show(browser, address)
        return statistics.median(timed(lambda: show(browser, address)) for _ in range(7)), len(sent)


def bench_board() -> None:
    """The curator's board with 2,000 people, beside one with 200: the queries must not grow."""
    small, few = board(200)
    large, many = board(2000)
    say("board-2000", large, "s", 0.1, "the board with 200 people", large / small, queries=many, queries_with_200=few)


# --- every list, with 20,000 people ---------------------------------------------------------------------------------

CROWD = 20_000
LISTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mentees": (
        "base/",
        (
            "",
            "page=200",
            "page=379",
            "state=needs",
            "kind=student",
            "kind=young_teacher",
            "group=ИС-150",
            "asked=1",
            "nominated=1",
            "wanted=1",
            "wanted=none",
            "source=moodle",
            "special=1",
            "differs=1",
            "consent=missing",
            "consent=own",
            "consent=withdrawn",
            "gone=1",
            "search=фёдоров",
            "search=вер+павлов",
            "search=нет-такого",
            "search=а",
            "sort=name&order=desc",
            "sort=group",
            "sort=group&order=desc&page=200",
            "sort=kind",
            "sort=state",
            "sort=state&order=desc&page=300",
            "state=candidate&kind=student&search=ов&sort=group&page=20",
            "select=all",
        ),
    ),
    "mentors": (
        "base/mentors/",
        (
            "",
            "page=30",
            "state=ready",
            "kind=employer",
            "kind=student&form=1",
            "form=1",
            "asked=1",
            "gone=1",
            "consent=missing",
            "training=none",
            "employer=1",
            "differs=1",
            "search=орлов",
            "search=нет-такого",
            "group=ИС-150",
            "sort=name&order=desc",
            "sort=group",
            "sort=kind",
            "sort=capacity&order=desc",
            "sort=state",
            "select=all",
        ),
    ),
    "without-pair": (
        "base/support/",
        (
            "",
            "page=10",
            "due=due",
            "due=none&sort=name",
            "group=ИС-150",
            "search=ов",
            "search=нет-такого",
            "sort=talked&order=desc",
            "sort=group&page=10",
            "order=desc",
        ),
    ),
    "employers": (
        "employers/",
        ("", "page=4", "search=завод", "search=нет", "sort=until", "sort=mentors&order=desc", "state=expired"),
    ),
    "members": (
        "nominations/",
        (
            "",
            "page=200",
            "search=фёдоров",
            "search=нет-такого",
            "group=ИС-150",
            "nominated=1",
            "order=desc",
            "sort=group",
            "sort=group&order=desc&page=200",
        ),
    ),
    "consents": (
        "consents/",
        (
            "",
            "page=200",
            "who=taking-part",
            "who=mentors",
            "standing=missing",
            "standing=missing&sort=standing&order=desc",
            "sort=standing&page=100",
            "sort=group&order=desc",
            "search=фёдоров",
            "search=нет-такого",
        ),
    ),
    "papers": ("consents/record", ("", "who=taking-part", "sort=standing&order=desc", "search=фёдоров")),
    "blanks": ("consents/blanks", ("", "who=taking-part", "sort=standing&order=desc")),
    "candidates": (
        "pairs/new",
        ("", "form=1", "form=2", "form=2&name=орлов", "form=2&name=о&mentor_name=о", "form=2&group=ИС-150"),
    ),
    "indicator": ("indicators/R4/", ("", "side=in&page=40", "side=out&page=100")),
    "home": ("", ("",)),
    "board": (
        "pairs/",
        (
            "",
            "form=1",
            "group=ИС-150",
            "department=Сварочное+производство",
            "name=орлов",
            "name=нет-такого",
            "column=needs",
            "column=needs&page=70",
            "column=proposed&page=30",
            "column=active&page=40",
            "column=formed&name=ов",
            "column=closed",
        ),
    ),
}
"""List → its address in a course, and what it may be asked: every filter, search and order, first and late pages."""


def bench_lists() -> None:
    """Every list of the bases with 20,000 people, its slowest view beside the bare SQL of that page, on SQLite and,
    where TEST_DATABASE_URL is set, on PostgreSQL."""
    for name, database in (("sqlite", None), ("postgresql", on_postgresql())):
        if name == "sqlite" or database:
            with a_service(200, database) as (app, moodle, platform):
                _bench_lists(name, app, moodle, platform)
            the_engine().dispose()


def _bench_lists(database: str, app: Flask, moodle: PracticeMoodle, platform: Platform) -> None:
    synced(platform)
    with db.new_session() as own, db.transaction(own) as session:
        course = session.scalars(select(Course).where(Course.moodle_id == "2")).one()
        course_id = course.id
        for table in (Mentee, Mentor):
            session.execute(delete(table))
        a_crowd(session, course, programme.current_cycle(session, course.platform_id, db.now().date()), CROWD)
    if database != "sqlite":
        # What autovacuum does within a minute; SQLite has no statistics in service either.
        with the_engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    for name, (address, views) in LISTS.items():
        browser = a_browser(app, moodle, "teacher03" if name == "members" else "curator")
        found = {view: _page_cost(browser, f"/courses/{course_id}/{address}?{view}") for view in views}
        slowest = max(found, key=lambda view: found[view][0])
        page, bare, _queries = found[slowest]
        queries = {count for _page, _bare, count in found.values()}
        note = {"slowest": slowest, "views": len(views), "queries": [min(queries), max(queries)]}
        say(
            f"lists-20000-{name}-{database}",
            page * 1000,
            "ms CPU",
            100,
            "the bare SQL of the page",
            page / bare,
            **note,
        )
        if os.environ.get("BENCH_VERBOSE"):
            for view, (page, bare, count) in found.items():
                sys.stderr.write(f"{page * 1000:8.1f} ms, SQL {bare * 1000:7.1f} ms, {count:3} queries: {view}\n")


REPEATS = 5


def _page_cost(browser: Any, address: str) -> tuple[float, float, int]:
    """Seconds of CPU of a page and of its SQL alone, the database's among them, and how many statements that is."""
    show(browser, address)
    with told() as sent:
        show(browser, address)

    def bare() -> None:
        connection = the_engine().raw_connection()
        try:
            cursor = connection.cursor()
            for statement, parameters in sent:
                cursor.execute(statement, parameters)
                if cursor.description:
                    cursor.fetchall()
        finally:
            connection.rollback()
            connection.close()

    bare()
    return spent(lambda: show(browser, address)), spent(bare), len(sent)


def spent(work: Callable[[], Any]) -> float:
    """Seconds of CPU that work costs us and PostgreSQL, the median of several times: what others do on the machine
    meanwhile is not in it, but for what they do to its caches."""
    found = []
    for _ in range(REPEATS):
        before = time.thread_time() + _database_cpu()
        work()
        found.append(time.thread_time() + _database_cpu() - before)
    return statistics.median(found)


def _database_cpu() -> float:
    """Seconds of CPU that our connections have cost a PostgreSQL server on this machine; of SQLite none is apart."""
    engine = the_engine()
    if engine.dialect.name == "sqlite":
        return 0.0
    with engine.connect() as connection:
        ours = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        pids = connection.execute(text(ours)).scalars().all()
    # Of the scheduler in nanoseconds: /proc/…/stat counts in hundredths of a second.
    schedules = [Path(f"/proc/{pid}/schedstat") for pid in pids]
    return sum(int(one.read_text().split()[0]) for one in schedules if one.exists()) / 1e9


# --- a curator's file -------------------------------------------------------------------------------------------------

ROWS = 10_000
READS = "openpyxl that only reads it"


def bench_import() -> None:
    """A file of 10,000 rows, one of them wrong, checked through its page, beside openpyxl that only reads the same
    file; and the same file applied, then one of as many mentors. On SQLite and, where TEST_DATABASE_URL is set, on
    PostgreSQL."""
    for name, database in (("sqlite", None), ("postgresql", on_postgresql())):
        if name == "sqlite" or database:
            with a_service(50, database) as (app, moodle, platform):
                _bench_import(name, app, moodle, platform)
            the_engine().dispose()


def _bench_import(database: str, app: Flask, moodle: PracticeMoodle, platform: Platform) -> None:
    synced(platform)
    with db.new_session() as own, db.transaction(own) as session:
        course = session.scalars(select(Course).where(Course.moodle_id == "2")).one()
        course_id = course.id
        cycle = programme.current_cycle(session, course.platform_id, db.now().date())
        a_crowd(session, course, cycle, ROWS + 1000)
        of_course = select(Person).join(Membership, Membership.person_id == Person.id)
        people = session.scalars(
            of_course.where(Membership.course_id == course_id, Membership.active).order_by(Person.id).limit(ROWS)
        ).all()
        names = [(person.name, person.email, person.moodle_id) for person in people]
    browser = a_browser(app, moodle, "curator")
    page = f"/courses/{course_id}/imports/births/"
    for wrong in (True, False):
        rows = [(*who, f"{1 + n % 28:02}.03.2008") for n, who in enumerate(names)]
        if wrong:
            rows[ROWS // 2] = (*names[ROWS // 2], "15.03.1899")
        data = _workbook([("ФИО", "Электронная почта", "Номер в Moodle", "Дата рождения"), *rows])
        plain, _wall = _cost(lambda data=data: _read_plainly(data))  # type: ignore[misc]
        preview = ""

        def check() -> None:
            nonlocal preview
            preview = _send_file(browser, page, data)  # noqa: B023 - called at once

        with told() as sent:
            check()
        queries = len(sent)
        took, wall = _cost(check)
        if wrong:
            note = {"wall": round(wall, 2), "rows": ROWS, "queries": queries}
            say(f"import-{ROWS}-{database}", took, "s CPU", 10, READS, took / plain, **note)
    took, wall = _cost(lambda: _press(browser, preview, "apply"), times=1)
    say(f"import-{ROWS}-apply-{database}", took, "s CPU", 30, READS, took / plain, wall=round(wall, 2), rows=ROWS)
    heads = ("ФИО", "Электронная почта", "Номер в Moodle", "Вид наставника", "Организация", "Лет опыта", "Связь")
    contact = "по телефону: 8 900 1234567"
    data = _workbook([heads, *((*who, "Преподаватель", "ООО «Завод № 1»", 5, contact) for who in names)])
    preview = _send_file(browser, f"/courses/{course_id}/imports/mentors/", data)
    took, wall = _cost(lambda: _press(browser, preview, "apply"), times=1)
    say(f"import-{ROWS}-mentors-{database}", took, "s CPU", 6, READS, took / plain, wall=round(wall, 2), rows=ROWS)


def _cost(work: Callable[[], Any], times: int = 3) -> tuple[float, float]:
    """Median seconds of CPU, the database's among them, and of the clock on the wall."""
    found = []
    for _ in range(times):
        before, begun = time.thread_time() + _database_cpu(), time.perf_counter()
        work()
        found.append((time.thread_time() + _database_cpu() - before, time.perf_counter() - begun))
    return statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found)


def _workbook(rows: list[tuple[Any, ...]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _read_plainly(data: bytes) -> None:
    book = load_workbook(io.BytesIO(data), read_only=True)
    if sum(1 for _ in book.active.iter_rows(values_only=True)) <= ROWS:
        raise RuntimeError("not all was read")


def _csrf(browser: Any, page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(page, base_url=LINE).text)
    if found is None:
        raise RuntimeError(page)
    return found[1]


def _send_file(browser: Any, page: str, data: bytes) -> str:
    """Where the preview is."""
    form = {"csrf_token": _csrf(browser, page), "file": (io.BytesIO(data), "rows.xlsx")}
    answer = browser.post(page, data=form, base_url=LINE, headers={"Referer": LINE})
    if answer.status_code != 303:
        raise RuntimeError(answer.text)
    return urlsplit(answer.location).path


def _press(browser: Any, preview: str, button: str) -> None:
    form = {"csrf_token": _csrf(browser, preview)}
    answer = browser.post(f"{preview}{button}", data=form, base_url=LINE, headers={"Referer": LINE})
    if answer.status_code != 303:
        raise RuntimeError(answer.text)


BENCHES: dict[str, Callable[[], None]] = {
    "launch": bench_launch,
    "sync-5000": bench_sync,
    "board-2000": bench_board,
    "lists-20000": bench_lists,
    "import-10000": bench_import,
}


def main() -> int:
    """Run all, or the one named."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"one of {', '.join(BENCHES)}, or how it begins")
    only = parser.parse_args().only
    wanted = [bench for name, bench in BENCHES.items() if name.startswith(only)]
    if not wanted:
        parser.error(f"there is no {only}; there are {', '.join(BENCHES)}")
    for bench in wanted:
        bench()
    return 0


if __name__ == "__main__":
    sys.exit(main())
