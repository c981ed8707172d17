"""Every wing's word on what it keeps about people, in one place, so that pages, erasure and the nightly pass see it."""

from lti_service.entrance import kept as entrance
from lti_service.indicators import kept as indicators
from lti_service.pairs import kept as pairs
from lti_service.pairs.work import kept as work
from lti_service.people import kept as people
from lti_service.people.consents import kept as consents
from lti_service.people.guests import kept as guests
from lti_service.people.imports import kept as imports
from lti_service.people.kinds import kept as kinds
from lti_service.people.privacy import kept as privacy
from lti_service.people.selection import kept as selection
from lti_service.people.training import kept as training
from lti_service.surveys import kept as surveys

WINGS = (
    people,
    consents,
    guests,
    imports,
    kinds,
    privacy,
    selection,
    training,
    pairs,
    work,
    surveys,
    indicators,
    entrance,
)
