"""Background work of guests: letters with invitations."""

from lti_service.people.guests import letters
from lti_service.queue import huey


@huey.task()  # type: ignore[untyped-decorator]
def send_letters() -> None:
    """Send the letters that are due; asked for by whoever puts one down, and by the clock every minute."""
    letters.send_due()
