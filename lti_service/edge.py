"""The edge to the browser: language, security headers, errors as pages, and a correlation id for each request."""

import ipaddress
import secrets
from collections.abc import MutableMapping
from functools import cache, lru_cache
from typing import Any

import structlog
from flask import Flask, Request, Response, g, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask.templating import Environment
from flask_babel import Babel, Domain, get_locale
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings
from lti_service import db
from lti_service.errors import DomainError
from lti_service.limits import TooManyRequestsError
from lti_service.platforms import outgoing
from lti_service.platforms import service as platforms

LANGUAGES = ("ru", "en")
MAX_BODY = 2 * 1024 * 1024
"""Bytes of a request; larger ones get 413 before anything reads them."""

_larger: dict[str, int] = {}

csrf = CSRFProtect()
log = structlog.get_logger(__name__)


def init_app(app: Flask, settings: Settings) -> None:
    """Put the edge around the application."""
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        BOOTSTRAP_SERVE_LOCAL=True,
        # The address of a page tells its course; the token's own life is the visit's.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        **cookie_settings(settings),
    )
    app.jinja_environment = _Environment
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.session_interface = _Sessions()
    app.request_class = _Request
    # Before the check of the token, which reads the form: of what is too much to read the page has its number too.
    app.before_request(_begin)
    csrf.init_app(app)
    Bootstrap5(app)
    babel = Babel(app, locale_selector=_locale, default_translation_directories="translations")
    babel.domain_instance = catalogues = _Catalogues()
    # A page asks a dozen times: straight for the catalogue, and by `_` without looking up what it stands for.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: catalogues.get_translations().ugettext(text),
        ngettext=lambda one, many, count: catalogues.get_translations().ungettext(one, many, count),
        newstyle=True,
    )
    app.jinja_env.globals["_"] = app.jinja_env.globals["gettext"]
    app.after_request(_headers)
    app.teardown_request(lambda _error: outgoing.limit_waiting(None))
    app.add_template_global(head_links, "head_links")
    app.context_processor(lambda: {"nonce": _nonce(), "correlation_id": g.get("correlation_id", "")})
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(TooManyRequestsError, _too_many)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def takes_files(endpoint: str, most: int) -> None:
    """Let a view that takes files be sent so many bytes; a wing calls it when its views are imported."""
    _larger[endpoint] = most


class _Request(Request):
    """Knows what its view takes before anything, the check of its token first, has read the body."""

    @property
    def max_content_length(self) -> int | None:
        return _larger.get(self.endpoint or "") or super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value


class TrustedProxies:
    """Believes X-Forwarded-For and -Proto from loopback and from the given addresses and networks, from nobody else."""

    def __init__(self, app: Any, trusted: tuple[str, ...]) -> None:
        self._plain = app
        self._behind_proxy = ProxyFix(app, x_for=1, x_proto=1)
        networks = [ipaddress.ip_network(entry, strict=False) for entry in ("127.0.0.0/8", "::1/128", *trusted)]

        @lru_cache(maxsize=1024)
        def is_trusted(address: str) -> bool:
            caller = ipaddress.ip_address(address)
            return any(caller in network for network in networks)

        self._is_trusted = is_trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """WSGI."""
        if self._is_trusted(environ.get("REMOTE_ADDR") or "127.0.0.1"):  # a Unix socket has no address
            return self._behind_proxy(environ, start_response)
        return self._plain(environ, start_response)


def cookie_settings(settings: Settings) -> dict[str, Any]:
    """Flask's own session cookie (it holds the CSRF secret only), usable inside Moodle's frame."""
    if not settings.https:
        return {"SESSION_COOKIE_NAME": "session", "SESSION_COOKIE_SAMESITE": "Lax"}
    return {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_SAMESITE": "None",
        "SESSION_COOKIE_PARTITIONED": True,
    }


class _Sessions(SecureCookieSessionInterface):
    """Flask's own, one for each application, with the signer kept: it makes a new one for every request, whether there
    is a cookie or not."""

    _kept: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._kept is None:
            self._kept = super().get_signing_serializer(app)
        return self._kept


class _Environment(Environment):
    """Flask's own, whose templates share one table of globals: Jinja wraps it for each template in a mapping written in
    Python, and copies that for every part of a page."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class _Catalogues(Domain):
    """Flask-Babel's own, found by the language: it spells the whole locale out anew for every text of a page."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._by_language: dict[str, Any] = {}

    def get_translations(self) -> Any:
        locale = get_locale()
        if locale is None:
            return super().get_translations()  # type: ignore[no-untyped-call]
        found = self._by_language.get(locale.language)
        if found is None:
            found = self._by_language[locale.language] = super().get_translations()  # type: ignore[no-untyped-call]
        return found


@cache
def _head_links(_root: str) -> Markup:
    return Markup(render_template("head_links.html"))  # noqa: S704 - the template has escaped what it was given


def head_links() -> Markup:
    """The links in the head of every page, put together once for each address that we may be mounted at."""
    return _head_links(request.script_root)


def _locale() -> str:
    chosen: str = g.get("locale") or request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
    g.locale = chosen
    return chosen


def _begin() -> None:
    g.correlation_id = secrets.token_hex(6)
    outgoing.limit_waiting(outgoing.PATIENCE)


def _nonce() -> str:
    """The page's own, which its scripts and styles carry; made when first asked for, for few answers are pages."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    nonce: str = g.nonce
    return nonce


def _headers(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    response.headers["X-Correlation-Id"] = g.get("correlation_id", "")
    if response.mimetype == "text/html" and not 300 <= response.status_code < 400:
        # The guests' pages stand in nobody's frame: they are first-party, and nobody may lay anything over them.
        framed = " ".join(["'self'", *_frame_ancestors(response.status_code)])
        frames = "'none'" if g.get("unframed") else framed
        # A view whose form leads out of here, to a platform, names its origin.
        forms = f"'self' {g.form_origin}" if "form_origin" in g else "'self'"
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'nonce-{_nonce()}'; style-src 'self' 'nonce-{_nonce()}'; "
            f"img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action {forms}; "
            f"base-uri 'none'; frame-ancestors {frames}"
        )
    return response


def _frame_ancestors(status: int) -> list[str]:
    """Origins of the platforms that may frame us: the visit's own once known, else every active one.

    An error may be framed by one that is not active too: otherwise people of a paused platform would see the
    browser's empty frame instead of our word that it is paused.
    """
    known: str | None = g.get("platform_origin")
    if known:
        return [known]
    try:
        return platforms.known_origins(db.session()) if status >= 400 else platforms.active_origins(db.session())
    except Exception:  # the page about a broken database must still come up
        return []


def page(status: int, *, title: str = "", message: str = "") -> tuple[str, int]:
    """An error page: what happened, what to do, the correlation id."""
    return render_template("error.html", status=status, title=title, message=message), status


def _refused(error: DomainError) -> tuple[str, int]:
    level = "error" if error.status >= 500 else "info"
    getattr(log, level)("refused", code=error.code, facts=error.facts, path=request.path)
    return page(error.status, message=error.text)


def _too_many(error: TooManyRequestsError) -> tuple[str, int, dict[str, str]]:
    # No log line and no audit entry for each: the counters say it once a minute, a flood must not fill the disk.
    return *page(429, message=str(error.message)), {"Retry-After": str(error.retry_after)}


def _http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error
    if isinstance(error, CSRFError):
        log.info("csrf refused", path=request.path, reason=error.description)
    return page(error.code)


def _unexpected(error: Exception) -> tuple[str, int]:
    log.exception("unexpected error", path=request.path)
    used = g.get("db_session")
    if used is not None:
        used.rollback()
    return page(500)
