"""What surveys keep about a person, and what erasure does to it.

Choices from a list stay without a name, for the satisfaction of past years is counted by them; whatever somebody wrote
in their own words goes. Anonymous answers are nobody's and are not touched.
"""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from lti_service import personal
from lti_service.people.kept import OWN_KEY, erased_moodle_id
from lti_service.personal import Erasing, Holding, Origin, Piece
from lti_service.surveys.models import Survey, SurveyItem, SurveyResponse


def _said(response: SurveyResponse) -> dict[str, Any]:
    """The answers by their questions, in words."""
    items = {str(item.moodle_id): item for item in response.survey.items}
    return {items[key].name: _in_words(items[key], str(raw)) for key, raw in response.answers.items() if key in items}


def _in_words(item: SurveyItem, raw: str) -> str:
    if not item.options:
        return raw
    chosen = [int(part) for part in raw.split("|") if part.strip().isdecimal()]
    return "; ".join(str(item.options[place - 1]) for place in chosen if 0 < place <= len(item.options))


personal.keep(
    Holding(
        SurveyResponse,
        order=60,
        title=_l("Answers to surveys"),
        keys=("person_id",),
        pieces=(
            Piece("answers", _l("Answers"), Origin.MOODLE, read=_said),
            # It stays: of several answers of one person the newest counts.
            Piece("answered_at", _l("Answered on"), Origin.MOODLE),
        ),
        untold={
            "id": OWN_KEY,
            "survey_id": "which of several rows this is: told as the row's name",
            "moodle_id": "Moodle's number of the answer",
            "moodle_user_id": "the person's number in Moodle again",
        },
        name_of=lambda response: response.survey.name,
        stays=_l(
            "Choices from a list stay without a name, for satisfaction is counted by them; what was written goes."
        ),
        goes=(_l("What was written in one's own words"),),
    )
)


@personal.before_erasure(40)
def forget_words(session: Session, erasing: Erasing) -> None:
    """Keep of named answers only what was chosen from a list, under the name of somebody erased."""
    found = session.scalars(
        select(SurveyResponse)
        .where(SurveyResponse.person_id == erasing.person_id)
        .options(joinedload(SurveyResponse.survey).selectinload(Survey.items))
    )
    for response in found:
        chosen = {str(item.moodle_id) for item in response.survey.items if item.options}
        session.execute(
            update(SurveyResponse)
            .where(SurveyResponse.id == response.id)
            .values(
                moodle_user_id=erased_moodle_id(erasing.person_id),
                answers={key: raw for key, raw in response.answers.items() if key in chosen},
            )
            .execution_options(synchronize_session=False)
        )
