"""The platforms that take messages, remembered for a moment: every login and every launch asks for one.

What is remembered says whom to trust a signature to, never that somebody may come in: a launch is let in by a statement
that asks the table whether the platform is active still (`lti.launch.finish_launch`), and so is every page after it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, event, select
from sqlalchemy.orm import Session

from lti_service.platforms.models import Deployment, Platform, PlatformState
from lti_service.prepared import Prepared

MAX_AGE = 2.0
"""Seconds after which another process's change is seen; changes of this process are seen at once."""
MOST = 500
"""Platforms that are remembered; more would be forgotten all at once."""

_platforms, _deployments = cast(Table, Platform.__table__), cast(Table, Deployment.__table__)
_FIND = Prepared(
    select(
        _platforms.c.id,
        _platforms.c.issuer,
        _platforms.c.client_id,
        _platforms.c.login_url,
        _platforms.c.jwks_url,
        _platforms.c.state,
        _deployments.c.deployment_id,
    )
    .outerjoin_from(_platforms, _deployments, _deployments.c.platform_id == _platforms.c.id)
    .where(_platforms.c.issuer == bindparam("issuer"), _platforms.c.client_id == bindparam("client_id"))
)


@dataclass(frozen=True, slots=True)
class KnownPlatform:
    """What a login and a launch need to know of a platform."""

    id: int
    issuer: str
    client_id: str
    login_url: str
    jwks_url: str
    is_active: bool
    deployments: frozenset[str]


class Directory:
    """The platforms by issuer and client id, shared by the threads of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[tuple[str, str], tuple[float, KnownPlatform]] = {}

    def find(
        self, source: Callable[[], Session | Connection], issuer: str, client_id: str, *, anew: bool = False
    ) -> KnownPlatform | None:
        """The platform with this issuer and client id, whatever its state.

        `source` gives what the table is asked through, if it has to be asked: only active ones are remembered, so that
        one just registered or resumed works at once, and `anew` always asks.
        """
        at, known = self._found.get((issuer, client_id), (0.0, None))
        if known is not None and not anew and self._clock() - at < MAX_AGE:
            return known
        asked = self._clock()
        rows = _FIND.all(source(), {"issuer": issuer, "client_id": client_id})
        if not rows:
            return None
        first = rows[0]
        known = KnownPlatform(
            id=first.id,
            issuer=first.issuer,
            client_id=first.client_id,
            login_url=first.login_url,
            jwks_url=first.jwks_url,
            is_active=first.state is PlatformState.ACTIVE,
            deployments=frozenset(row.deployment_id for row in rows if row.deployment_id is not None),
        )
        if len(self._found) >= MOST:
            self.forget()
        if known.is_active:
            self._found[issuer, client_id] = asked, known
        return known

    def forget(self, *_changed: Any) -> None:
        """Ask the table again for all of them."""
        self._found = {}


directory = Directory()
"""Shared by all requests of this process."""

for _table in (Platform, Deployment):
    for _change in ("after_insert", "after_update", "after_delete"):
        event.listen(_table, _change, directory.forget)
