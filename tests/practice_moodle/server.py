"""The practice Moodle as one Flask application, and how to run it: for a test on a free port, or from the
command line."""

import argparse
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from flask import Flask, Response, redirect, render_template, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import php, signing
from .college import College, CollegeError, Course, Person
from .gradebook import Gradebook
from .lti_platform import (
    DEEP_LINK,
    RESOURCE_LINK,
    Link,
    LtiPlatform,
    MoodlePageError,
    TokenRefusedError,
    Tool,
)
from .pages import pages
from .registration import Registration, RegistrationRefusedError
from .sample import a_college
from .services import PhpCrashError, ServiceRequest, Services
from .site import Site
from .traffic import Faults, RequestLog, watch
from .web_services import TOKEN, WebServices

REST = "/webservice/rest/server.php"
HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
UNSET_ADDRESS = "http://localhost:8001"
DEMO_CLIENT_ID = "nastavnichestvo"
ASK = -1
"""The tool of a registration while the admin has not chosen: 0 is a new one, other numbers are updated."""


class PracticeMoodle:
    """A whole Moodle: `college` (its data), `lti`, `gradebook`, `web_service`, `registration`, `faults` and
    `requests`.

    Tests speak to it in two ways: over HTTP as a tool does (see `running`), and directly through the methods
    here.
    """

    def __init__(self, college: College, address: str) -> None:
        self.college = college
        self.site = Site(address.rstrip("/"), college)
        self.gradebook = Gradebook(college)
        self.lti = LtiPlatform(self.site, self.gradebook)
        self.services = Services(self.lti, self.gradebook)
        self.web_service = WebServices(self.site, self.gradebook)
        self.registration = Registration(self.site, self.lti)
        self.faults = Faults()
        self.requests = RequestLog()
        self.shown_first: list[int] = []
        """Ids of those whom the front page shows before others: a demo's people with something to see in the tool."""

    # --- addresses and names a tool is given ----------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """The site root, which is the LTI issuer and the address of the web service."""
        return self.site.address

    @property
    def addresses(self) -> dict[str, str]:
        """What an admin copies into a tool: `issuer`, `login_url`, `token_url`, `jwks_url`, `ws_url`,
        `ws_token`."""
        return {
            "issuer": self.site.address,
            "login_url": self.site.url("/mod/lti/auth.php"),
            "token_url": self.site.url("/mod/lti/token.php"),
            "jwks_url": self.site.url("/mod/lti/certs.php"),
            "ws_url": self.site.address,
            "ws_token": TOKEN,
        }

    # --- tools and activities -------------------------------------------------------------------------------

    def add_tool(self, address: str, **more: Any) -> Tool:
        """Registers a tool by hand; see LtiPlatform.add_tool."""
        return self.lti.add_tool(address, **more)

    def add_link(self, course: Course | int, tool: Tool, title: str = "Наставничество", **more: Any) -> Link:
        """Adds a tool's activity to a course; see LtiPlatform.add_link."""
        return self.lti.add_link(course, tool, title, **more)

    def start_registration(self, address: str, update: Tool | None = None) -> str:
        """The address an admin's browser opens to register a tool dynamically; see Registration.start."""
        return self.registration.start(address, update)

    # --- launching without a browser ------------------------------------------------------------------------

    def login_form(self, who: Person | int | str, where: Link | Course | int, **how: Any) -> dict[str, str]:
        """Starts a launch and returns the fields Moodle posts to the tool's login address.

        `how`: `message_type`, `for_user` (submission review), `container` ('iframe' or 'window'), `tool`
        (deep linking).
        """
        return self.lti.login_form(self.lti.launch(who, where, **how))

    def answer(self, params: Mapping[str, str]) -> dict[str, str]:
        """The fields Moodle posts to the tool for an authentication request: `id_token` and `state`, or
        `error` …

        Raises MoodlePageError where Moodle shows a page of its own. A hint works once.
        """
        return self.lti.authenticate(params).fields

    def claims(
        self,
        who: Person | int | str,
        where: Link | Course | int,
        nonce: str,
        message_type: str = RESOURCE_LINK,
        **how: Any,
    ) -> dict[str, Any]:
        """The claims of a launch as they would be signed now, to be changed and signed with `sign`."""
        return self.lti.claims(self.lti.launch(who, where, message_type=message_type, **how), nonce)

    def sign(self, claims: Any, **wrongly: Any) -> str:
        """Signs claims; `wrongly` (`key`, `alg`, `kid`, `headers`) makes forgeries, see signing.token."""
        return signing.token(claims, **wrongly)


def create_practice_moodle(college: College | None = None, address: str | None = None, **register: Any) -> Flask:
    """A Flask application that plays Moodle; its PracticeMoodle is `practice_moodle(app)`.

    `address` is the site root and issuer; `running` sets it when it is None. `register` is passed on to
    `PracticeMoodle.add_tool` when not empty (`address` of the tool as `tool`), with an activity in each
    course.
    """
    app = Flask(__name__)
    app.config["MAX_FORM_MEMORY_SIZE"] = None
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    moodle = PracticeMoodle(college or a_college(), address or UNSET_ADDRESS)
    app.extensions["practice_moodle"] = moodle
    app.extensions["practice_moodle_address_given"] = address is not None
    if register:
        tool = moodle.add_tool(register.pop("tool"), **register)
        for course in moodle.college.courses.values():
            moodle.add_link(course, tool, section=1)
    _add_lti_addresses(app, moodle)
    _add_web_service(app, moodle)
    app.register_blueprint(pages)
    watch(app, moodle.requests, moodle.faults, _web_service_function)
    return app


def practice_moodle(app: Flask) -> PracticeMoodle:
    """The PracticeMoodle behind an application."""
    found: PracticeMoodle = app.extensions["practice_moodle"]
    return found


# --- the addresses of Moodle --------------------------------------------------------------------------------


def _add_lti_addresses(app: Flask, moodle: PracticeMoodle) -> None:
    @app.errorhandler(MoodlePageError)
    def show_error(error: MoodlePageError) -> tuple[str, int]:
        return render_template("error.html", site=moodle.site, message=str(error)), 404

    @app.errorhandler(CollegeError)
    def show_refusal(error: CollegeError) -> tuple[str, int]:
        return render_template("error.html", site=moodle.site, message=str(error)), 404

    @app.get("/mod/lti/certs.php")
    def certs() -> Response:
        keys = [signing.public_jwk(signing.platform_key(), signing.key_id())]
        return Response(php.to_json({"keys": keys}), content_type=JSON)

    @app.route("/mod/lti/auth.php", methods=["GET", "POST"])
    def auth() -> str:
        answer = moodle.lti.authenticate(request.args.to_dict() | request.form.to_dict())
        return render_template("autopost.html", action=answer.redirect_uri, fields=answer.fields)

    @app.post("/mod/lti/token.php")
    def token() -> Response:
        try:
            answer, status = moodle.lti.issue_token(request.form), 200
        except TokenRefusedError as refused:
            answer, status = {"error": str(refused)}, 400
        return Response(php.to_json(answer, escape_slashes=False), status=status, content_type=HTML)

    @app.route("/mod/lti/services.php/<path:path>", methods=["GET", "POST", "PUT", "DELETE"])
    def services(path: str) -> Response:
        query = request.environ.get("QUERY_STRING", "")
        sent = ServiceRequest(
            method=request.method,
            path="/" + path,
            query={name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()},
            url=request.path + (f"?{query}" if query else ""),
            accept=request.headers.get("Accept", ""),
            content_type=request.headers.get("Content-Type", ""),
            authorization=request.headers.get("Authorization", ""),
            body=request.get_data().decode("utf-8", "replace"),
        )
        try:
            answer = moodle.services.answer(sent)
        except PhpCrashError:
            return Response(status=500, content_type=HTML)
        response = Response(answer.body, content_type=answer.content_type)
        response.status = php.header_text(f"{answer.status} {answer.reason}")
        for name, value in answer.headers:
            response.headers[name] = php.header_text(value)
        return response

    @app.get("/mod/lti/openid-configuration.php")
    def openid_configuration() -> Response:
        return Response(php.to_json(moodle.registration.configuration()), content_type=JSON)

    @app.post("/mod/lti/openid-registration.php")
    def openid_registration() -> Response:
        sent = php.decoded(request.get_data().decode("utf-8", "replace"))
        try:
            told = moodle.registration.register(request.headers.get("Authorization", ""), sent)
        except RegistrationRefusedError as refused:
            return Response(refused.text, status=refused.status, content_type=HTML)
        return Response(php.to_json(told), content_type=JSON)

    @app.route("/mod/lti/startltiadvregistration.php", methods=["GET", "POST"])
    def start_registration() -> Any:
        address, chosen = request.args["url"], request.args.get("type", -1, type=int)
        present = moodle.registration.tools_at(address)
        if present and chosen == ASK:
            return render_template("registration_choice.html", address=address, tools=present)
        update = _tool(chosen) if chosen > 0 else None
        return redirect(moodle.start_registration(address, update), 303)

    def _tool(tool_id: int) -> Tool:
        try:
            return moodle.lti.tools[tool_id]
        except KeyError:
            raise MoodlePageError("Неизвестный внешний инструмент") from None

    @app.get("/mod/lti/contentitem.php")
    def choose_content() -> str:
        tool = moodle.lti.tools[int(request.args["id"])]
        launch = moodle.lti.launch(
            int(request.args["user"]), int(request.args["course"]), tool=tool, message_type=DEEP_LINK
        )
        return render_template("autopost.html", action=tool.login_url, fields=moodle.lti.login_form(launch))

    @app.post("/mod/lti/contentitem_return.php")
    def content_chosen() -> str:
        course = moodle.college.course(int(request.args["course"]))
        tool = moodle.lti.tools[int(request.args["id"])]
        added = moodle.lti.take_deep_linking_answer(course, tool, request.form.get("JWT", ""))
        return render_template("content_chosen.html", site=moodle.site, course=course, added=added)


def _add_web_service(app: Flask, moodle: PracticeMoodle) -> None:
    @app.route(REST, methods=["GET", "POST"])
    def rest() -> Response:
        params = php.form(
            request.environ.get("QUERY_STRING", ""),
            request.get_data(),
            request.headers.get("Content-Type", ""),
            max_input_vars=moodle.web_service.max_input_vars,
        )
        content_type, body = moodle.web_service.respond(params)
        return Response(body, content_type=content_type)


def _web_service_function() -> str | None:
    """The function the current request calls, if it is a web-service call."""
    if request.path != REST:
        return None
    sent = php.form(
        request.environ.get("QUERY_STRING", ""),
        request.get_data(),
        request.headers.get("Content-Type", ""),
        max_input_vars=10_000,
    )
    function = sent.get("wsfunction")
    return function if isinstance(function, str) else None


# --- running ------------------------------------------------------------------------------------------------


class _Handler(WSGIRequestHandler):
    """Quiet, without Nagle's delay, and known to the server so that stopping it ends idle connections too."""

    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
        super().finish()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _server(app: Flask, host: str, port: int, tls: ssl.SSLContext | None = None) -> BaseWSGIServer:
    server = make_server(host, port, app, threaded=True, request_handler=_Handler, ssl_context=tls)
    if isinstance(server.socket, ssl.SSLSocket):
        # Else the one thread that accepts connections would wait for each handshake, and a browser opens some in stock.
        server.socket.do_handshake_on_connect = False
    server.connections = set()  # type: ignore[attr-defined]
    return server


@contextlib.contextmanager
def running(
    app: Flask, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None, name: str = ""
) -> Iterator[str]:
    """Runs any WSGI application in a thread on a free loopback port and yields its address, without a slash
    at the end.

    With `tls` over https; `name` is the host name in the address where it is not `host`, which it must lead to.
    A practice Moodle that was given no address takes this one as its site root.
    """
    server = _server(app, host, port, tls)
    address = f"{'https' if tls else 'http'}://{name or host}:{server.server_port}"
    if "practice_moodle" in app.extensions and not app.extensions["practice_moodle_address_given"]:
        practice_moodle(app).site.address = address
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="practice Moodle")
    thread.start()
    try:
        yield address
    finally:
        if "practice_moodle" in app.extensions:
            practice_moodle(app).faults.clear()
        server.shutdown()
        thread.join()
        for connection in list(server.connections):  # type: ignore[attr-defined]
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()


def main(arguments: list[str] | None = None, *, say: Callable[[str], None] = print) -> int:
    """`python -m tests.practice_moodle`: runs until interrupted; prints what a tool must be told."""
    parser = argparse.ArgumentParser(prog="python -m tests.practice_moodle", description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--address", help="the site root as browsers and tools reach it; default http://localhost:PORT")
    parser.add_argument("--tool", help="root of a tool to register at once, active, with an activity in each course")
    parser.add_argument("--client-id", default=DEMO_CLIENT_ID, help="the client id of that tool")
    parser.add_argument("--students", type=int, default=200)
    options = parser.parse_args(arguments)
    address = options.address or f"http://localhost:{options.port}"
    register = {"tool": options.tool, "client_id": options.client_id} if options.tool else {}
    app = create_practice_moodle(a_college(options.students), address, **register)
    moodle = practice_moodle(app)
    server = _server(app, options.host, options.port)
    say(f"Учебный Moodle: {moodle.issuer}/")
    for name, value in moodle.addresses.items():
        say(f"  {name}: {value}")
    for tool in moodle.lti.tools.values():
        say(f"  client_id: {tool.client_id}\n  deployment_id: {tool.deployment_id}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


__all__ = [
    "DEMO_CLIENT_ID",
    "PracticeMoodle",
    "create_practice_moodle",
    "main",
    "practice_moodle",
    "running",
]
