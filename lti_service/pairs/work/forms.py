"""What comes in about a pair's work: as it was sent, so that a refused form comes back whole, and as facts."""

from dataclasses import dataclass
from datetime import date, time

from werkzeug.datastructures import MultiDict

from lti_service.pairs.forms import read_id
from lti_service.pairs.work import errors
from lti_service.pairs.work.meetings import MeetingFacts
from lti_service.pairs.work.models import Meeting, MeetingWay, PlanItem
from lti_service.pairs.work.plan import ItemFacts

Values = MultiDict[str, str]


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item of the plan as somebody typed it."""

    title: str = ""
    due: str = ""
    whose: int | None = None

    @classmethod
    def sent(cls, values: Values) -> "ItemDraft":
        """As the form sends it."""
        return cls(read_text(values, "title"), read_text(values, "due"), read_id(values, "whose"))

    @classmethod
    def of(cls, item: PlanItem) -> "ItemDraft":
        """As it is kept."""
        return cls(item.title, item.due.isoformat() if item.due else "", item.for_id)

    def facts(self) -> ItemFacts:
        """What it says. Raises NoDueDateError."""
        try:
            due = date.fromisoformat(self.due) if self.due else None
        except ValueError as err:
            raise errors.NoDueDateError from err
        return ItemFacts(self.title, due, self.whose)


@dataclass(frozen=True, slots=True)
class MeetingDraft:
    """A meeting as somebody typed it."""

    day: str = ""
    time: str = ""
    way: str = ""
    topic: str = ""
    outcome: str = ""
    whose: int | None = None

    @classmethod
    def sent(cls, values: Values) -> "MeetingDraft":
        """As the form sends it."""
        texts = {name: read_text(values, name) for name in ("day", "time", "way", "topic", "outcome")}
        return cls(**texts, whose=read_id(values, "whose"))

    @classmethod
    def of(cls, meeting: Meeting) -> "MeetingDraft":
        """As it is kept."""
        return cls(
            day=meeting.day.isoformat(),
            time=meeting.time.strftime("%H:%M") if meeting.time else "",
            way=meeting.way.value if meeting.way else "",
            topic=meeting.topic,
            outcome=meeting.outcome,
            whose=meeting.for_id,
        )

    def facts(self) -> MeetingFacts:
        """What it says. Raises NoDayError, NoTimeError, UnknownWayError."""
        try:
            day = date.fromisoformat(self.day)
        except ValueError as err:
            raise errors.NoDayError from err
        try:
            at = time.fromisoformat(self.time).replace(second=0, microsecond=0, tzinfo=None) if self.time else None
        except ValueError as err:
            raise errors.NoTimeError from err
        if self.way and self.way not in set(MeetingWay):
            raise errors.UnknownWayError
        way = MeetingWay(self.way) if self.way else None
        return MeetingFacts(day, at, way, self.topic, self.outcome, self.whose)


def read_text(values: Values, name: str) -> str:
    """A text as its column keeps it; PostgreSQL takes no NUL, and a browser sends two signs for a new line."""
    return values.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()
