"""Requests to addresses that somebody else gave us: https only, no redirects, bounded, and never into private networks.

Admins and answers of platforms name addresses (key sets, tokens, rosters, line items, web services). The address is
checked when it is used, and the IP that the name resolved to is checked when the connection is made, so that a name
which changes between the two gains nothing (DNS rebinding).
"""

import ipaddress
import socket
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from lti_service.errors import DomainError

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and between two bytes of an answer."""
PATIENCE = 25.0
"""Seconds that a page may wait for other sites, all requests together: a person waits, and a web process with them."""
MAX_BYTES = 20 * 1024 * 1024
USER_AGENT = "Nastavnichestvo/0.1 (LTI tool)"


class AddressRefusedError(DomainError):
    """An address that we do not go to; `reason` says why."""

    code = "address-refused"


class AnswerTooLargeError(DomainError):
    """The other side sent more than MAX_BYTES."""

    code = "answer-too-large"
    status = 502


_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def limit_waiting(seconds: float | None) -> None:
    """Let what follows in this thread wait at most so many seconds for other sites in all; None lifts the limit."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def _waits(wanted: Any) -> tuple[float, float]:
    """(to connect, between two bytes) in seconds: what is wanted, or what is left of it.

    Raises requests.Timeout when nothing is left.
    """
    connect, read = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    deadline = _deadline.get()
    if deadline is None:
        return connect, read
    left = deadline - time.monotonic()
    if left <= 0:
        raise requests.Timeout("a page has waited long enough")
    return min(connect, left), min(read, left)


class Allowed:
    """Hosts and networks that may be private or plain http, as ALLOWED_PRIVATE_HOSTS says."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self.hosts = {entry.lower() for entry in entries}
        self.networks = []
        for entry in entries:
            try:
                self.networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                continue

    def host(self, name: str) -> bool:
        """Whether a host may be private and plain http."""
        if name.lower() in self.hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def address(self, host: str, ip: str) -> bool:
        """Whether a connection to `ip`, reached by the name `host`, may be made."""
        address = ipaddress.ip_address(ip)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_global and not address.is_multicast:
            return True
        return self.host(host) or any(address in network for network in self.networks)


def check_address(url: str, allowed: Allowed) -> None:
    """Raise AddressRefusedError unless `url` is an https address (http for allowed hosts) without user info."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as err:
        raise AddressRefusedError(reason="malformed", url=url) from err
    if not parts.hostname or not port_is_fine or parts.username or parts.password or parts.fragment:
        raise AddressRefusedError(reason="malformed", url=url)
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed.host(parts.hostname)):
        raise AddressRefusedError(reason="not-https", url=url)


def origin(url: str) -> str:
    """`scheme://host[:port]` of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class GuardedSession(requests.Session):
    """A requests session that keeps the rules of this module, whoever uses it."""

    def __init__(self, allowed: Allowed) -> None:
        super().__init__()
        self.allowed = allowed
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT
        adapter = _GuardedAdapter(allowed)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does, with our limits; raises AddressRefusedError and AnswerTooLargeError besides."""
        check_address(str(url), self.allowed)
        kwargs["allow_redirects"] = False
        kwargs["timeout"] = _waits(kwargs.get("timeout") or TIMEOUT)
        wants_stream = bool(kwargs.get("stream"))
        kwargs["stream"] = True
        response = super().request(method, url, *args, **kwargs)
        return response if wants_stream else _read_whole(response)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even when told not to follow, requests would read a whole redirect to prepare the next step."""
        return None


def _read_whole(response: requests.Response) -> requests.Response:
    body = bytearray()
    for chunk in response.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_BYTES:
            response.close()
            raise AnswerTooLargeError(url=response.url)
    response._content = bytes(body)
    return response


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed
        super().__init__(pool_connections=20, pool_maxsize=20)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        allowed = self.allowed

        class Plain(_Checked, HTTPConnection):
            rules = allowed

        class Tls(_Checked, HTTPSConnection):
            rules = allowed

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


class _Checked:
    """Connects only to addresses that the rules allow, looked up once and used as looked up."""

    rules: Allowed
    host: str
    port: int
    timeout: Any
    source_address: Any
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        try:
            found = socket.getaddrinfo(self.host.strip("[]"), self.port, 0, socket.SOCK_STREAM)
        except OSError as err:
            raise NewConnectionError(self, f"cannot resolve: {err}") from err  # type: ignore[arg-type]
        error: OSError | None = None
        for *_rest, address in found:
            if not self.rules.address(self.host, str(address[0])):
                raise AddressRefusedError(reason="private-address", url=self.host)
            try:
                return urllib3.util.connection.create_connection(
                    (str(address[0]), self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as err:
                error = err
        raise NewConnectionError(self, f"cannot connect: {error}") from error  # type: ignore[arg-type]


class _Door:
    session: GuardedSession | None = None


def connect(allowed_private_hosts: tuple[str, ...]) -> None:
    """Make the session that all outgoing requests of this process share."""
    _Door.session = GuardedSession(Allowed(allowed_private_hosts))


def http() -> GuardedSession:
    """The shared session."""
    if _Door.session is None:
        raise RuntimeError("outgoing.connect() has not been called")
    return _Door.session
