"""Requests to addresses that others gave us: what is refused, and when."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from lti_service.platforms import outgoing
from lti_service.platforms.outgoing import AddressRefusedError, Allowed, AnswerTooLargeError, GuardedSession


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://localhost/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(40 if self.path == "/large" else 1):
                self.wfile.write(b"x" * 1024)
        except ConnectionError:
            pass

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://moodle.example/",
        "ftp://moodle.example/",
        "file:///etc/passwd",
        "https://user:password@moodle.example/",
        "https:///nowhere",
        "https://moodle.example:port/",
        "https://moodle.example/#fragment",
        "javascript:alert(1)",
        "",
    ],
)
def test_it_refuses_addresses_that_are_not_plain_https(url):
    with pytest.raises(AddressRefusedError):
        outgoing.check_address(url, Allowed(()))


def test_it_takes_http_only_for_hosts_on_the_list():
    allowed = Allowed(("moodle.local", "10.1.0.0/16"))
    outgoing.check_address("http://moodle.local/mod/lti/certs.php", allowed)
    outgoing.check_address("http://10.1.2.3/", allowed)
    with pytest.raises(AddressRefusedError):
        outgoing.check_address("http://10.2.2.3/", allowed)


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_it_connects_to_no_private_address(ip):
    assert not Allowed(()).address("moodle.example", ip)
    assert Allowed((ip,)).address("moodle.example", ip) or ip.startswith("::ffff")


def test_it_connects_to_public_addresses():
    assert Allowed(()).address("moodle.example", "93.184.216.34")


def test_it_refuses_a_name_that_resolves_to_loopback_when_connecting(monkeypatch, port):
    """The address was fine when it was checked; the name answers otherwise now (DNS rebinding)."""
    real = socket.getaddrinfo

    def rebound(host: str, *rest: object, **more: object) -> object:
        return real("127.0.0.1", *rest, **more) if host == "moodle.example" else real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    outgoing.check_address(f"https://moodle.example:{port}/", Allowed(()))
    with pytest.raises(AddressRefusedError) as refused:
        GuardedSession(Allowed(())).get(f"https://moodle.example:{port}/")
    assert refused.value.facts["reason"] == "private-address"


def test_it_reaches_a_private_host_that_is_allowed(port):
    assert GuardedSession(Allowed(("localhost",))).get(f"http://localhost:{port}/").text == "x" * 1024


def test_it_follows_no_redirect(port):
    answer = GuardedSession(Allowed(("localhost",))).get(f"http://localhost:{port}/redirect", allow_redirects=True)
    assert answer.status_code == 302


def test_it_reads_no_more_than_the_limit(monkeypatch, port):
    monkeypatch.setattr(outgoing, "MAX_BYTES", 10_000)
    with pytest.raises(AnswerTooLargeError):
        GuardedSession(Allowed(("localhost",))).get(f"http://localhost:{port}/large")


def test_a_host_that_does_not_answer_is_a_connection_error():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        number = closed.getsockname()[1]
    with pytest.raises(requests.ConnectionError):
        GuardedSession(Allowed(("localhost",))).get(f"http://localhost:{number}/")


def test_it_ignores_proxies_of_the_environment(monkeypatch, port):
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:1/")
    assert GuardedSession(Allowed(("localhost",))).get(f"http://localhost:{port}/").ok
