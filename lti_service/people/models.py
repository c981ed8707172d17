"""Tables of people: persons, their memberships in courses, and the bases of mentees and mentors of a cycle."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from lti_service.db import Base, EnumText, Json, UtcDateTime
from lti_service.people.employers.models import Employer
from lti_service.people.names import LONGEST, number, search_key, spoken
from lti_service.platforms.models import Course
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind


class Person(Base):
    """One Moodle user of one platform, or somebody from outside who has no account there."""

    __tablename__ = "person"
    # Of the numbers that there are: both databases take no number for different from no number.
    __table_args__ = (
        UniqueConstraint("platform_id", "moodle_id"),
        # Lists by name are read off this one, without sorting all people.
        Index("ix_person_platform_id_search_name_id", "platform_id", "search_name", "id"),
        # What lists offer to be filtered by: see `lists.values_of`.
        Index("ix_person_platform_id_department", "platform_id", "department"),
        Index("ix_person_platform_id_specialty", "platform_id", "specialty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    moodle_id: Mapped[str | None] = mapped_column(String(40))
    """The launch's `sub`, which is the web services' user id; none: no account (`people/guests/` has made them)."""
    family_name: Mapped[str] = mapped_column(String(200), default="")
    given_name: Mapped[str] = mapped_column(String(200), default="")
    """Given name and, where Moodle has it there, patronymic."""
    search_name: Mapped[str] = mapped_column(String(LONGEST), default="")
    """Both names as `names.search_key` folds them: lists are sorted and searched by it. Follows them by itself."""
    email: Mapped[str] = mapped_column(String(320), default="")
    phone: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """Of somebody without an account, for the curator only: Moodle tells of nobody's."""
    idnumber: Mapped[str] = mapped_column(String(255), default="")
    institution: Mapped[str] = mapped_column(String(255), default="")
    department: Mapped[str] = mapped_column(String(255), default="")
    birth_date: Mapped[date | None]
    specialty: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """What a student learns to be, from the profile."""
    study_year: Mapped[int | None]
    """The year of study as a profile field tells it; none: the names of groups may tell."""
    experience_years: Mapped[int | None]
    """Full years of teaching, from the profile field; none: not known."""
    corrected: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """Fields corrected by hand → what Moodle says of them instead; see `people/corrections.py`."""
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the data of whoever this was were erased; the row stays without a name, for the numbers of past years."""
    withheld: Mapped[bool] = mapped_column(default=False, server_default=false())
    """They came in again after their data were erased and have not said that they want to be known: nothing that
    Moodle tells of them is kept."""

    @validates("family_name", "given_name")
    def _follow_name(self, field: str, value: str) -> str:
        names = {"family_name": self.family_name, "given_name": self.given_name, field: value}
        self.search_name = search_key(names["family_name"] or "", names["given_name"] or "")
        return value

    @property
    def name(self) -> str:
        """Фамилия Имя Отчество, as lists show it; a launch may have told no name."""
        return f"{self.family_name} {self.given_name}".strip() or number(self.moodle_id)

    @property
    def family_names(self) -> list[str]:
        """The family names by which others may have written of them: where it was corrected, Moodle's too."""
        names = [self.family_name, str(self.corrected.get("family_name", ""))]
        return [name for name in names if name]

    @property
    def spoken_name(self) -> str:
        """Имя Фамилия, as Moodle greets; for talking to the person rather than listing them."""
        return spoken(self.given_name, self.family_name, self.moodle_id)


class Membership(Base):
    """A person in a course, with roles; someone who left is kept, inactive."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("course_id", "person_id"),
        Index("ix_membership_person_id", "person_id"),
        # What lists offer to be filtered by: see `lists.values_of`.
        Index("ix_membership_course_id_groups", "course_id", "groups"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    roles: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Values of `access.Role`, sorted."""
    moodle_roles: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Short names as the web service gave them, sorted; empty: known from a launch only."""
    groups: Mapped[str] = mapped_column(String(400), default="")
    """Names of the person's Moodle groups in the course, joined by a comma and a space."""
    active: Mapped[bool] = mapped_column(default=True)
    listed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether a list of enrolments has had them here: whoever is missing from the next one has left."""
    appointed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Made a curator of the course here, by an administrator, whatever Moodle's roles say."""
    roster_role: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """What the course's roster said last: `student` for Learner, `teacher` for Instructor; empty: nothing yet, or
    somebody who knows better (the web service, a launch of whoever had left) has spoken since."""

    person: Mapped[Person] = relationship()
    course: Mapped[Course] = relationship()


class MenteeState(StrEnum):
    """Where a mentee of the base is."""

    CANDIDATE = "candidate"
    NEEDS = "needs"
    PROPOSED = "proposed"
    PAIRED = "paired"
    FINISHED = "finished"
    UNPAIRED = "unpaired"
    """No pair could be formed: the search goes on, and a psychologist's support is recorded meanwhile."""
    WITHDRAWN = "withdrawn"


class Placed(StrEnum):
    """Who put somebody where they are in a base, so that rules never move whom somebody has decided on."""

    HAND = "hand"
    """A person: a curator, a teacher, themselves. Rules leave the record alone."""
    RULES = "rules"
    """The rules on who is who made a candidate of them, and may think again."""
    OUT = "out"
    """The rules took a candidate of theirs out of the base, and may bring them back."""


class Source(StrEnum):
    """From where somebody came into the base of mentees."""

    MOODLE = "moodle"
    NOMINATION = "nomination"
    OWN = "own"
    FILE = "file"
    CURATOR = "curator"


class Mentee(Base):
    """A person in a cycle's base of mentees."""

    __tablename__ = "mentee"
    __table_args__ = (
        UniqueConstraint("cycle_id", "person_id"),
        # The counts of the base and of the board are read off it, without a look at the rows.
        Index("ix_mentee_cycle_id_state_person_id_asked_at", "cycle_id", "state", "person_id", "asked_at"),
        Index("ix_mentee_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[MenteeKind] = mapped_column(EnumText(MenteeKind))
    state: Mapped[MenteeState] = mapped_column(EnumText(MenteeState), default=MenteeState.CANDIDATE)
    placed: Mapped[Placed] = mapped_column(EnumText(Placed), default=Placed.HAND, server_default="hand")
    wanted_form_id: Mapped[int | None] = mapped_column(ForeignKey("form.id"))
    request: Mapped[str] = mapped_column(Text, default="")
    """What the person wants help with, in their own words."""
    topics: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    """What they ticked of the programme's activities, in its words and order."""
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When they last asked for a mentor themselves; none: they did not, or took it back."""
    source: Mapped[Source] = mapped_column(EnumText(Source), default=Source.MOODLE, server_default="moodle")
    special_needs: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Special educational or social needs: for the eyes of curators only, and in no file."""
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a curator offered them, their work finished, to become a mentor; none: not, or they do not want to."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship()
    cycle: Mapped[Cycle] = relationship()
    wanted_form: Mapped[Form | None] = relationship()

    @property
    def asking(self) -> str:
        """Topics and their own words in one text."""
        return ". ".join(part for part in ("; ".join(self.topics), self.request) if part)


class Nomination(Base):
    """A teacher's word that a student of their course needs a mentor, and why."""

    __tablename__ = "nomination"
    __table_args__ = (UniqueConstraint("mentee_id", "nominated_by"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mentee_id: Mapped[int] = mapped_column(ForeignKey("mentee.id"))
    nominated_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text)
    """For curators only."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    mentee: Mapped[Mentee] = relationship()
    teacher: Mapped[Person] = relationship()


class Support(Base):
    """Psychological support of a mentee who has no pair (road map 1.5): for curators only."""

    __tablename__ = "support"
    __table_args__ = (Index("ix_support_mentee_id", "mentee_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mentee_id: Mapped[int] = mapped_column(ForeignKey("mentee.id"))
    day: Mapped[date]
    who: Mapped[str] = mapped_column(String(200))
    """Who talked with the mentee."""
    agreed: Mapped[str] = mapped_column(Text)
    next_look: Mapped[date | None]
    """When somebody looks again; none: not needed."""
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MentorState(StrEnum):
    """Where a mentor of the base is."""

    CANDIDATE = "candidate"
    SELECTED = "selected"
    """Answers to the programme's criteria, and is to be trained."""
    READY = "ready"
    """Trained, or admitted without training by a curator's decision. Whether the training is still in force follows
    from its records and the day: `training.rules.standing_of`."""
    TURNED_DOWN = "turned_down"
    """Not selected; may be considered again."""
    WITHDRAWN = "withdrawn"


class ContactWay(StrEnum):
    """How a mentor wants to be reached."""

    PHONE = "phone"
    EMAIL = "email"
    MESSENGER = "messenger"
    MOODLE = "moodle"
    PLACE = "place"
    """At a place: a room, a workshop, a gate of the works."""


class MeetingTime(StrEnum):
    """Parts of the week in which a mentor has time."""

    MORNING = "morning"
    DAY = "day"
    EVENING = "evening"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Mentor(Base):
    """A person in a cycle's base of mentors."""

    __tablename__ = "mentor"
    __table_args__ = (
        UniqueConstraint("cycle_id", "person_id"),
        Index("ix_mentor_person_id", "person_id"),
        Index("ix_mentor_employer_id", "employer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[MentorKind] = mapped_column(EnumText(MentorKind))
    state: Mapped[MentorState] = mapped_column(EnumText(MentorState), default=MentorState.CANDIDATE)
    placed: Mapped[Placed] = mapped_column(EnumText(Placed), default=Placed.HAND, server_default="hand")
    without_training: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Admitted by a curator's decision although not trained; no training of theirs can run out."""
    capacity: Mapped[int] = mapped_column(default=3)
    """How many mentees at once; an open proposal counts."""
    strengths: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    """What they ticked of the activities of the programme's forms, in its words and order."""
    offer: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What they can help with, in their own words."""
    organisation: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """Where they work or worked, as they say; empty: what their Moodle profile says stands."""
    experience: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What experience they bring."""
    experience_years: Mapped[int | None]
    """Full years of that experience; a teacher's years of teaching are their profile's, `Person.experience_years`."""
    times: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    """Values of `MeetingTime`, in its order."""
    times_note: Mapped[str] = mapped_column(String(200), default="", server_default="")
    contact_way: Mapped[ContactWay | None] = mapped_column(EnumText(ContactWay))
    contact: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """The number, address or place; their mentees are told once a pair is agreed."""
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When they last said themselves that they want to be a mentor; none: they did not, or took it back."""
    profile_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When they last filled in their profile themselves."""
    employer_id: Mapped[int | None] = mapped_column(ForeignKey("employer.id"))
    """The organisation that gave this mentor."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship()
    cycle: Mapped[Cycle] = relationship()
    employer: Mapped[Employer | None] = relationship()
    forms: Mapped[list[Form]] = relationship(secondary="mentor_form", order_by=Form.position)
    """Forms of mentoring they take part in; none: all that are for their kind."""

    @property
    def workplace(self) -> str:
        """The organisation that gave this mentor; else where they work by their own words or their Moodle profile."""
        return self.employer.shown_name if self.employer else self.organisation or self.person.institution

    @property
    def offering(self) -> str:
        """Strengths and their own words in one text."""
        return ". ".join(part for part in ("; ".join(self.strengths), self.offer) if part)


class ChosenForm(Base):
    """A form of mentoring in which a mentor takes part."""

    __tablename__ = "mentor_form"
    __table_args__ = (
        UniqueConstraint("mentor_id", "form_id"),
        Index("ix_mentor_form_form_id", "form_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mentor_id: Mapped[int] = mapped_column(ForeignKey("mentor.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"))

    form: Mapped[Form] = relationship(viewonly=True)
