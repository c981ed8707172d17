"""What can go wrong with a call, sorted by Moodle's `errorcode`: class names differ between its versions."""

# ruff: noqa: N818 - the base class says Error; these say what happened


class MoodleError(Exception):
    """A call that did not succeed; raised itself for codes that no subclass stands for.

    `errorcode` is Moodle's own, or one of ours when Moodle never got to say: `noanswer`, `http503`,
    `malformed`, `messagetoolong`, `messagenotsent`. `function` is the web-service function that was called.
    """

    def __init__(self, message: str, *, errorcode: str = "", function: str = "") -> None:
        super().__init__(message)
        self.errorcode = errorcode
        self.function = function

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.function}: {text} [{self.errorcode}]" if self.function else f"{text} [{self.errorcode}]"


class InvalidToken(MoodleError):
    """Moodle does not know the token: it was mistyped, revoked or has expired."""


class AccessDenied(MoodleError):
    """The token is good, but its service lacks the function or its user lacks the capability."""


class RecordNotFound(MoodleError):
    """No such course, user, activity; or no such function at this Moodle."""


class InvalidParameter(MoodleError):
    """Moodle (or this library, before sending) refused a value."""


class MessageNotSent(MoodleError):
    """Moodle took the call but not the message: no such recipient, or one who takes none from the sender."""


class MoodleUnavailable(MoodleError):
    """No answer, or one that says "not now": connection errors, timeouts, 5xx, 429, maintenance.

    `transient` tells whether another try soon may help; `retry_after` is how many seconds Moodle asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        errorcode: str = "noanswer",
        function: str = "",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, errorcode=errorcode, function=function)
        self.transient = transient
        self.retry_after = retry_after


class MalformedResponse(MoodleError):
    """An answer that is not what Moodle promises: an HTML page, a redirect, no JSON, a needed key missing.

    `key` is the path of the key at fault, such as `courses[3].id`, or empty when the whole answer is.
    """

    def __init__(self, message: str, *, function: str = "", key: str = "") -> None:
        super().__init__(message, errorcode="malformed", function=function)
        self.key = key


BY_ERRORCODE: dict[str, type[MoodleError]] = {
    "invalidtoken": InvalidToken,
    "accessexception": AccessDenied,
    "errorcoursecontextnotvalid": AccessDenied,
    "nopermissions": AccessDenied,
    "cannotviewreport": AccessDenied,
    "requireloginerror": AccessDenied,
    "servicenotavailable": AccessDenied,
    "servicerequireslogin": AccessDenied,
    "wsaccessuserdeleted": AccessDenied,
    "wsaccessuserexpired": AccessDenied,
    "wsaccessusernologin": AccessDenied,
    "wsaccessusersuspended": AccessDenied,
    "wsaccessuserunconfirmed": AccessDenied,
    "invalidrecord": RecordNotFound,
    "invalidrecordunknown": RecordNotFound,
    "invalidcourseid": RecordNotFound,
    "invaliduser": RecordNotFound,
    "invalidcoursemodule": RecordNotFound,
    "invalidparameter": InvalidParameter,
    "missingparam": InvalidParameter,
    "dbconnectionfailed": MoodleUnavailable,
    "sitemaintenance": MoodleUnavailable,
    "upgraderunning": MoodleUnavailable,
}
