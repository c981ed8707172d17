"""What files that curators let be checked keep about a person, and what erasure does to it.

Rows stand for days only, until the file is applied or thrown away; whom they name is text, so they lead to nobody.
"""

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, delete, func, select, update
from sqlalchemy.orm import Session

from lti_service import keeping, personal
from lti_service.keeping import Kind, Moment
from lti_service.people.imports.models import ImportPreview, ImportRow, PreviewState
from lti_service.people.imports.rules import Verdict
from lti_service.people.imports.service import REMEMBERED
from lti_service.people.models import Person
from lti_service.people.names import mentions
from lti_service.personal import Erasing
from lti_service.platforms.models import Course

personal.tell_nothing(
    f"{ImportPreview.__tablename__}.created_by", "which curator let a file be checked: their work, about others"
)


@personal.locks_first
def lock_files(session: Session, erasing: Erasing) -> None:
    """Files being checked, as whoever applies one does: first the file, then the people."""
    session.execute(_files(erasing.platform_id).with_for_update(of=ImportPreview, key_share=True))


@personal.before_erasure(30)
def forget_rows(session: Session, erasing: Erasing) -> None:
    """Rows of files being checked that name the person go; whoever applies such a file is told to look at it anew."""
    person = session.get_one(Person, erasing.person_id)
    has = mentions(word for word in (*person.family_names, person.email) if len(word) > 1)
    is_number = mentions([person.idnumber])
    for preview_id in session.scalars(_files(erasing.platform_id)).all():
        rows = session.execute(
            select(ImportRow.id, ImportRow.who, ImportRow.cells, ImportRow.changes, ImportRow.problems).where(
                ImportRow.preview_id == preview_id
            )
        )
        named = [
            row.id
            for row in rows
            if is_number(str(row.cells.get("idnumber", "")))
            or any(has(text) for text in _texts([row.who, row.cells, row.changes, row.problems]))
        ]
        if named:
            _drop(session, preview_id, named)


def _files(platform_id: int) -> Select[int]:
    of_college = select(ImportPreview.id).join(Course).where(Course.platform_id == platform_id)
    return of_college.where(ImportPreview.state == PreviewState.OPEN).order_by(ImportPreview.id)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _drop(session: Session, preview_id: int, row_ids: list[int]) -> None:
    for start in range(0, len(row_ids), 500):
        session.execute(delete(ImportRow).where(ImportRow.id.in_(row_ids[start : start + 500])))
    # What is left does the same as before, but it is no longer the file that the curator has looked through.
    session.execute(update(ImportRow).where(ImportRow.preview_id == preview_id).values(mark=""))
    left = select(ImportRow.verdict, func.count()).where(ImportRow.preview_id == preview_id).group_by(ImportRow.verdict)
    found: dict[Verdict, int] = dict(session.execute(left).all())
    preview = session.get_one(ImportPreview, preview_id, populate_existing=True)
    preview.counts = {verdict.value: found.get(verdict, 0) for verdict in Verdict}
    session.flush()


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
