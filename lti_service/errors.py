"""The root of every wing's errors: a stable code, a sentence for people, the field it belongs to."""

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l


class DomainError(Exception):
    """Something a person asked for cannot be done; the edge turns it into a page or JSON.

    A wing's errors derive from it. `message` is a translatable sentence, whose `%(name)s` places are filled from
    the facts given to the constructor.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    field: ClassVar[str] = ""
    """The form field at which the message is shown; empty: above the form."""
    message: ClassVar[Any] = _l("This cannot be done.")

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.code, facts)

    @property
    def text(self) -> str:
        """The sentence in the language of the request."""
        sentence = str(self.message)
        return sentence % self.facts if self.facts else sentence


class NotFoundError(DomainError):
    """No such thing, or none that this person may know of: the two must look the same."""

    code = "not-found"
    status = 404
    message = _l("There is no such page, or it is not yours to see.")
