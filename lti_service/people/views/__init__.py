"""Pages of people: a file for each thing that people come for; the rooms of their own bring theirs."""

from lti_service.people.consents import views as consents
from lti_service.people.employers import views as employers
from lti_service.people.guests import views as guests
from lti_service.people.imports import views as imports
from lti_service.people.kinds import views as kinds
from lti_service.people.privacy import views as privacy
from lti_service.people.selection import views as selection
from lti_service.people.training import views as training
from lti_service.people.views import asking, bases, nominations, person, profile, support, sync
from lti_service.people.views.room import blueprint

__all__ = [
    "asking",
    "bases",
    "blueprint",
    "consents",
    "employers",
    "guests",
    "imports",
    "kinds",
    "nominations",
    "person",
    "privacy",
    "profile",
    "selection",
    "support",
    "sync",
    "training",
]
