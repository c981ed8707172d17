"""What files that curators let be checked keep about a person, and what erasure does to it.

Rows stand for days only, until the file is applied or thrown away; whom they name is text, so they lead to nobody.
"""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from lti_service import keeping, personal
from lti_service.keeping import Kind, Moment
from lti_service.people.imports.models import ImportPreview, ImportRow, PreviewState
from lti_service.people.imports.service import REMEMBERED
from lti_service.people.models import Person
from lti_service.personal import Erasing
from lti_service.platforms.models import Course

personal.tell_nothing(
    f"{ImportPreview.__tablename__}.created_by", "which curator let a file be checked: their work, about others"
)


@personal.before_erasure(30)
def forget_rows(session: Session, erasing: Erasing) -> None:
    """Rows of files being checked that name the person go; the file is then checked anew by whoever applies it."""
    person = session.get_one(Person, erasing.person_id)
    words = [word.casefold() for word in (person.family_name, person.email, person.idnumber) if len(word) > 1]
    of_college = select(ImportPreview.id).join(Course).where(Course.platform_id == erasing.platform_id)
    rows = session.execute(
        select(ImportRow.id, ImportRow.who, ImportRow.cells, ImportRow.changes).where(
            ImportRow.preview_id.in_(of_college)
        )
    )
    named = []
    for row in rows:
        text = f"{row.who} {row.cells} {row.changes}".casefold()
        if any(word in text for word in words):
            named.append(row.id)
    for start in range(0, len(named), 500):
        session.execute(delete(ImportRow).where(ImportRow.id.in_(named[start : start + 500])))


def _old(moment: Moment) -> Any:
    courses = select(Course.id).where(Course.platform_id == moment.platform_id)
    return and_(
        ImportPreview.course_id.in_(courses),
        ImportPreview.state != PreviewState.OPEN,
        ImportPreview.created_at < moment.before,
    )


def _count(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(ImportPreview).where(_old(moment))) or 0


def _purge(session: Session, moment: Moment) -> int:
    ids = list(session.scalars(select(ImportPreview.id).where(_old(moment))))
    session.execute(delete(ImportRow).where(ImportRow.preview_id.in_(ids)))
    session.execute(delete(ImportPreview).where(ImportPreview.id.in_(ids)))
    return len(ids)


keeping.keep_for(
    Kind(
        "files",
        order=26,
        title=_l("Files brought in by curators"),
        about=_l(
            "Rows of a file are kept until it is applied, three days at most. That it was applied is forgotten later."
        ),
        days=REMEMBERED.days,
        most=REMEMBERED.days,
        source=_l("our default: nobody looks at it later"),
        count=_count,
        purge=_purge,
    )
)
