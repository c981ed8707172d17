"""Who may agree for whom, by age alone, and which papers count no more: pure functions of dates."""

from dataclasses import dataclass, field
from datetime import date

from lti_service.people.rules import age_on

OF_AGE = 18
"""Full years from which somebody agrees for themselves (ст. 21 ГК РФ)."""

LONGEST_NAME = 200
LONGEST_REASON = 1000
LONGEST_TITLE = 300
LONGEST_TEXT = 20_000
"""Characters of a representative's name, of a reason, of a text's title and of a text."""
EARLIEST_SIGNATURE = date(2006, 7, 27)
"""No consent is older than the law that asks for it (152-ФЗ)."""


PaperKey = tuple[str, date, str]
"""Way, day and who signed for somebody, empty for who signed themselves: two papers alike in these are one."""


@dataclass
class TakenBack:
    """What somebody has withdrawn."""

    papers: set[PaperKey] = field(default_factory=set)
    last: date | None = None
    """The last withdrawal."""

    def add(self, paper: PaperKey, day: date | None) -> None:
        """One more; `day`: of its withdrawal."""
        self.papers.add(paper)
        self.last = max(filter(None, (self.last, day)), default=None)

    def undoes(self, paper: PaperKey) -> bool:
        """Whether a paper counts no more: it is one of these, or was signed before the last withdrawal."""
        return paper in self.papers or (self.last is not None and paper[1] < self.last)


def is_adult(born: date, day: date) -> bool:
    """Whether somebody is of age on a day."""
    return age_on(born, day) >= OF_AGE


def is_minor(born: date | None, day: date) -> bool | None:
    """Whether somebody is under 18 on a day; None: the birth date is not known."""
    return None if born is None else not is_adult(born, day)


def grown_if_born_by(day: date) -> date:
    """The birthday of the youngest who are of age on a day."""
    try:
        return day.replace(year=day.year - OF_AGE)
    except ValueError:
        # 29 February: eighteen years before there was none, and whoever was born on the 28th is of age.
        return date(day.year - OF_AGE, 2, 28)


# --- scans of papers ----------------------------------------------------------------------------------------------

SCAN_MB = 10
LARGEST_SCAN = SCAN_MB * 1024 * 1024
"""Bytes of a scan: a few pages at 300 dpi, or a photograph of a telephone."""
_PNG = b"\x89PNG\r\n\x1a\n"


def scan_kind(content: bytes) -> str:
    """What a file is by its own first bytes, whatever its name says: `pdf`, `jpeg`, `png`; empty: none of them."""
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    # A PNG begins with its header chunk (PNG specification, 5.2 and 11.2.1).
    return "png" if content.startswith(_PNG) and content[12:16] == b"IHDR" else ""
