"""How often one client address may come to the doors that anybody can reach: login, launch, registration, guests.

What is counted is what leads nowhere: whoever ends a login with a good launch gets both back, so a college whose
classrooms share one address is never kept out by its own crowd. Fixed windows of a minute, counted with the library
`limits`. With QUEUE_URL on Redis all processes count together there; otherwise each process counts for itself.
Counting never stops anybody on its own trouble.
"""

import ipaddress
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, ClassVar

import structlog
from flask import Flask, current_app, request
from flask_babel import lazy_gettext as _l
from limits import RateLimitItemPerMinute
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from config import Settings

log = structlog.get_logger(__name__)

MINUTE = 60
REDIS_PATIENCE = 0.25
"""Seconds that a request waits for Redis at most."""
REDIS_REST = 30
"""Seconds for which a Redis that failed is not asked again."""


class Door(StrEnum):
    """What is counted, each for itself."""

    LOGIN = "login"
    LAUNCH = "launch"
    REGISTRATION = "registration"
    GUEST = "guest"


class TooManyRequestsError(Exception):
    """This address came more often than the settings allow.

    No DomainError: what a wing does about those, such as an audit entry each, is just what a flood must not get.
    """

    message: ClassVar[Any] = _l(
        "Too many people are opening the activity from your network at once. Wait a minute, then open it from your "
        "course again. If it happens again, tell whoever runs Moodle the number below."
    )

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class TooManyRegistrationsError(TooManyRequestsError):
    """The same at the registration address, which an admin has before them."""

    message = _l(
        "The registration address was opened too often from your network. Nothing was changed here: wait a minute, "
        "then paste it into Moodle's “Manage tools” again."
    )


class TooManyGuestsError(TooManyRequestsError):
    """The same at the guests' door."""

    message = _l("Too many codes were tried from your network. Wait a minute, then try again.")


class Memory(Storage):
    """Counts in this process. The library's own starts a thread for nearly each hit of a quiet service (0.45 ms)."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}
        self._sweep_at = 0.0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """One more; what ran out is forgotten once a minute, so that the table stays as small as the crowd."""
        moment = time.time()
        with self._lock:
            if moment >= self._sweep_at:
                self._windows = {kept: window for kept, window in self._windows.items() if window[0] > moment}
                self._sweep_at = moment + MINUTE
            ends, count = self._windows.get(key, (0.0, 0))
            if ends <= moment:
                ends, count = moment + expiry, 0
            count = max(0, count + amount)
            self._windows[key] = ends, count
        return count

    def get(self, key: str) -> int:
        """How many there were in the window that is open."""
        ends, count = self._windows.get(key, (0.0, 0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        return self._windows.get(key, (time.time(), 0))[0]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        with self._lock:
            forgotten = len(self._windows)
            self._windows = {}
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one key."""
        with self._lock:
            self._windows.pop(key, None)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the storage may raise."""
        return ValueError


class Limits:
    """The counters of one application."""

    def __init__(self, settings: Settings) -> None:
        self._most = {
            door: RateLimitItemPerMinute(most)
            for door, most in (
                (Door.LOGIN, settings.logins_per_minute),
                (Door.LAUNCH, settings.launches_per_minute),
                (Door.REGISTRATION, settings.registrations_per_minute),
                (Door.GUEST, settings.guest_tries_per_minute),
            )
            if most
        }
        self._own = FixedWindowRateLimiter(Memory())
        self._shared: FixedWindowRateLimiter | None = None
        if settings.queue_url.startswith(("redis://", "rediss://")):
            patience: dict[str, Any] = {"socket_timeout": REDIS_PATIENCE, "socket_connect_timeout": REDIS_PATIENCE}
            self._shared = FixedWindowRateLimiter(storage_from_string(settings.queue_url, **patience))
        self._rest_until = 0.0
        self._told = Memory()

    def wait(self, door: Door, address: str) -> int:
        """Count a request of this address; 0, or the seconds after which it may come again."""
        most = self._most.get(door)
        if most is None:
            return 0
        return self._count(lambda counter: self._ask(counter, most, door, _counted_as(address)))

    def give_back(self, door: Door, address: str) -> None:
        """Take a request of this address that led somewhere out of the count again."""
        most = self._most.get(door)
        if most is not None:
            self._count(lambda counter: counter.hit(most, door.value, _counted_as(address), cost=-1))

    def _count(self, ask: Callable[[FixedWindowRateLimiter], int]) -> int:
        if self._shared is not None and time.time() >= self._rest_until:
            try:
                return ask(self._shared)
            except Exception as err:  # whatever is wrong with Redis, people come in
                self._rest_until = time.time() + REDIS_REST
                log.warning("rate limits counted in memory: redis failed", error=type(err).__name__)
        return ask(self._own)

    def _ask(self, counter: FixedWindowRateLimiter, most: RateLimitItemPerMinute, door: Door, address: str) -> int:
        if counter.hit(most, door.value, address):
            return 0
        # One line a minute for each address and door: a flood must not fill the disk.
        if self._told.incr(f"{door}/{address}", MINUTE) == 1:
            log.warning("too many requests", door=door.value, address=address, most=most.amount)
        ends = counter.get_window_stats(most, door.value, address).reset_time
        return min(MINUTE, max(1, round(ends - time.time() + 0.5)))


def _counted_as(address: str) -> str:
    """An IPv6 client owns its whole /64, so that is what counts as its address."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its counters."""
    app.extensions["limits"] = Limits(settings)


def led_somewhere(*doors: Door) -> None:
    """This request's address has ended what it began at these doors: neither is held against it."""
    limits: Limits = current_app.extensions["limits"]
    for door in doors:
        limits.give_back(door, request.remote_addr or "")


def limited(door: Door) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view that one address may ask for only so often a minute. Raises TooManyRequestsError instead of running it."""
    error = {Door.REGISTRATION: TooManyRegistrationsError, Door.GUEST: TooManyGuestsError}.get(
        door, TooManyRequestsError
    )

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Any:
            limits: Limits = current_app.extensions["limits"]
            # The address as the edge's TrustedProxies made it; a Unix socket without a proxy has none.
            seconds = limits.wait(door, request.remote_addr or "")
            if seconds:
                raise error(seconds)
            return view(*args, **kwargs)

        return counted

    return decorate
