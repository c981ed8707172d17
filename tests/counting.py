"""What is sent to the database meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """Every statement that anybody sends to the database meanwhile, but for transactions and savepoints.

    A session keeps what it has read only while somebody holds it, so counts are the same in each run
    only for a page (each request has a session of its own) or after ``session.expunge_all()``.
    """
    engine = session.get_bind().engine
    assert isinstance(engine, Engine)
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split(None, 1)[0].upper() in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
