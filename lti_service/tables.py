"""Every wing's tables in one place, so that migrations and tests see them all."""

from lti_service import audit, db, queue
from lti_service.entrance import models as entrance
from lti_service.indicators import models as indicators
from lti_service.lti import models as lti
from lti_service.pairs import models as pairs
from lti_service.pairs.work import models as work
from lti_service.people import models as people
from lti_service.people.consents import models as consents
from lti_service.people.guests import models as guests
from lti_service.people.imports import models as imports
from lti_service.people.kinds import models as kinds
from lti_service.people.privacy import models as privacy
from lti_service.people.selection import models as selection
from lti_service.people.training import models as training
from lti_service.platforms import models as platforms
from lti_service.programme import models as programme
from lti_service.surveys import models as surveys

WINGS = (
    audit,
    queue,
    platforms,
    programme,
    lti,
    people,
    consents,
    guests,
    imports,
    kinds,
    selection,
    training,
    privacy,
    entrance,
    pairs,
    work,
    surveys,
    indicators,
)
metadata = db.Base.metadata
