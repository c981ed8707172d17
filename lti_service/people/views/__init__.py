"""Pages of people: a file for each thing that people come for."""

from lti_service.people.views import asking, bases, employers, nominations, person, profile, support, sync
from lti_service.people.views.room import blueprint

__all__ = ["asking", "bases", "blueprint", "employers", "nominations", "person", "profile", "support", "sync"]
