"""People who have consented to the processing of their personal data, as tests of every wing need them."""

from datetime import date

from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.consents import rules
from lti_service.people.consents import service as consents
from lti_service.people.consents.models import Audience, Consent, Relation, Way
from lti_service.people.models import Person


def give_consent(session: Session, person: Person, day: date) -> Consent:
    """A consent of this person that counts on `day`: their own, or for a minor a representative's. Not committed."""
    is_minor = bool(rules.is_minor(person.birth_date, day))
    texts = consents.begin_texts(session, person.platform_id, day)
    consent = Consent(
        person_id=person.id,
        text=texts[Audience.REPRESENTATIVE if is_minor else Audience.ADULT],
        way=Way.REPRESENTATIVE if is_minor else Way.TOOL,
        given_on=day,
        grown_if_born_by=rules.grown_if_born_by(day),
        says_adult=person.birth_date is None,
        representative="Представителева Анна Петровна" if is_minor else "",
        relation=Relation.MOTHER if is_minor else None,
        recorded_at=now(),
        recorded_by=person.id,
    )
    session.add(consent)
    session.flush()
    return consent


def withdraw_consent(session: Session, person: Person, day: date) -> None:
    """Everything given for this person is withdrawn on `day`, by themselves. Not committed."""
    for given in consents.of_person(session, person.id, day).given:
        if given.consent.withdrawn_at is None:
            given.consent.withdrawn_at, given.consent.withdrawn_on = now(), day
            given.consent.withdrawn_by = person.id
    session.flush()
