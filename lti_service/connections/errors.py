"""What cannot be done with a connection, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class ConnectionsError(DomainError):
    """Something about a connection cannot be done."""


class TokenRefusedError(ConnectionsError):
    """Moodle does not know the token."""

    code = "token-not-accepted"
    field = "token"
    message = _l("Moodle does not accept this token. Copy it whole from its page “Manage tokens”.")


class TokenOfOtherSiteError(ConnectionsError):
    """The token opens another Moodle."""

    code = "token-of-other-site"
    field = "token"
    message = _l("This token is for another Moodle: %(site)s.")


class TokenUntriedError(ConnectionsError):
    """Moodle could not be asked about the token."""

    code = "token-untried"
    field = "token"
    message = _l("Moodle could not be asked about the token (%(reason)s), so it was not kept. Try again.")


class RoleNameError(ConnectionsError):
    """Not the short name of a Moodle role."""

    code = "role-name"
    field = "new_name"
    message = _l("The short name of a Moodle role has Latin letters, digits, “-” and “_” only.")


class ResumeLinkError(ConnectionsError):
    """The leave to resume a paused connection is forged, too old, or of another connection."""

    code = "resume-link"
    status = 403
    message = _l(
        "This page can no longer resume the connection. On the server: flask --app wsgi platforms resume followed by "
        "the number of the connection."
    )


class FieldsUntriedError(ConnectionsError):
    """Moodle could not be asked about profile fields."""

    code = "fields-untried"
    message = _l("The fields could not be tried out. %(reason)s")
