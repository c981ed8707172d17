"""The rules on who is who keep nothing about a person."""

from lti_service import personal
from lti_service.people.kinds.models import KindRules

personal.tell_nothing(f"{KindRules.__tablename__}.changed_by", "who changed the college's rules: nobody's data")
