"""The data of the practice Moodle: its people, courses, groups and surveys, as a site keeps them in its database.

`sample.a_college()` fills one; the methods of `College` change it while a test runs, as an office or a teacher
would: unenrol, enrol again, rename, suspend, answer a survey.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

SITE_COURSE = 1
GUEST, ADMIN, WEB_SERVICE_USER = 1, 2, 3
FIRST_PERSON = 4

RATING = ("совсем нет", "скорее нет", "нейтрально", "скорее да", "полностью да")


class CollegeError(Exception):
    """What was asked of the college cannot be: no such person, not enrolled, already answered."""


@dataclass(frozen=True)
class Role:
    """A Moodle role; standard ones have an empty name, custom ones the name their admin gave."""

    id: int
    shortname: str
    name: str
    manages_activities: bool
    """The capability `moodle/course:manageactivities`: NRPS calls such people Instructor, everyone else
    Learner."""
    teaches: bool
    """The capability `mod/lti:manage`: a launch calls such people Instructor."""


ROLES = {
    role.shortname: role
    for role in (
        Role(1, "manager", "", manages_activities=True, teaches=True),
        Role(3, "editingteacher", "", manages_activities=True, teaches=True),
        Role(4, "teacher", "", manages_activities=False, teaches=True),
        Role(5, "student", "", manages_activities=False, teaches=False),
        Role(9, "curator", "Куратор наставничества", manages_activities=False, teaches=True),
    )
}


@dataclass(frozen=True)
class ProfileField:
    """A custom profile field of the site."""

    kind: str
    name: str


PROFILE_FIELDS = {
    "birthdate": ProfileField("datetime", "Дата рождения"),
    "experience": ProfileField("text", "Стаж работы, лет"),
}


@dataclass
class Person:
    """A user of the site. `fields` holds custom profile fields as Moodle stores them: text, dates as epoch
    seconds."""

    id: int
    username: str
    firstname: str
    lastname: str
    email: str
    idnumber: str = ""
    department: str = ""
    institution: str = ""
    city: str = "Москва"
    country: str = "RU"
    lang: str = "ru"
    fields: dict[str, str] = field(default_factory=dict)
    firstaccess: int = 0
    lastaccess: int = 0
    is_site_admin: bool = False

    @property
    def fullname(self) -> str:
        return f"{self.firstname} {self.lastname}"

    @property
    def by_family_name(self) -> tuple[str, str, int]:
        """The order of Moodle's lists of people."""
        return (self.lastname, self.firstname, self.id)


@dataclass
class Enrolment:
    """A person in a course, with role short names."""

    person: Person
    roles: tuple[str, ...]
    suspended: bool = False

    @property
    def manages_activities(self) -> bool:
        return any(ROLES[role].manages_activities for role in self.roles)

    @property
    def teaches(self) -> bool:
        return any(ROLES[role].teaches for role in self.roles)


@dataclass
class Group:
    """A group of a course; `members` are person ids."""

    id: int
    course_id: int
    name: str
    description: str
    members: set[int] = field(default_factory=set)


@dataclass
class Module:
    """An activity as the course page lists it: `id` is the course-module id, `instance` the id within its
    kind."""

    id: int
    kind: str
    instance: int
    name: str
    section: int


@dataclass(frozen=True)
class Item:
    """A question of a Feedback activity; `options` are there for rated choices only."""

    id: int
    label: str
    name: str
    kind: str
    options: tuple[str, ...] = ()
    required: bool = False


@dataclass
class Attempt:
    """One person's answers: item id to the raw value (the 1-based option as text, or the text)."""

    id: int
    person: Person
    values: dict[int, str]
    when: int
    number: int
    """The place among the anonymous answers, which have no name."""


@dataclass
class Feedback:
    """A Feedback activity with its questions and answers."""

    id: int
    course_id: int
    name: str
    anonymous: bool
    items: list[Item]
    asked: str
    """The role short name whose holders are expected to answer, or 'mentors' for everyone who teaches."""
    completion: bool
    modified: int
    attempts: dict[int, Attempt] = field(default_factory=dict)
    """By person id, in the order of answering."""


@dataclass
class Choice:
    """A Choice activity: option texts with the ids of the people who took them."""

    id: int
    course_id: int
    name: str
    options: dict[int, str]
    taken: dict[int, int] = field(default_factory=dict)


@dataclass
class Course:
    """A course with its enrolments, groups and activities."""

    id: int
    fullname: str
    shortname: str
    idnumber: str
    summary: str
    start: int
    end: int
    enrolments: dict[int, Enrolment] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    completion: tuple[str, ...] | None = None
    """Titles of what must be done to complete it; empty: tracked, but nothing is asked; none: not tracked."""
    done: dict[int, dict[str, int]] = field(default_factory=dict)
    """Person id → what of it they have done → when."""

    marked: set[int] = field(default_factory=set)
    """Ids of people whom a teacher has marked as having completed it, whatever they have done."""

    def has_completed(self, person: Person) -> bool:
        if not self.completion:
            return False
        return person.id in self.marked or set(self.done.get(person.id, ())) >= set(self.completion)

    def groups_of(self, person: Person) -> list[Group]:
        return [group for group in self.groups.values() if person.id in group.members]

    def active(self) -> list[Enrolment]:
        return [enrolment for enrolment in self.enrolments.values() if not enrolment.suspended]


class College:
    """The whole site's data, in memory. Hold `lock` while reading or changing more than one thing."""

    def __init__(self, *, year: int = 2026, zone: str = "Europe/Moscow") -> None:
        self.lock = threading.RLock()
        self.year = year
        self.zone = ZoneInfo(zone)
        self.now = self.midnight(date(year, 11, 23))
        """A fixed 'today', so that the same answers carry the same times at every start."""
        self.people: dict[int, Person] = {}
        self.courses: dict[int, Course] = {}
        self.feedbacks: dict[int, Feedback] = {}
        self.choices: dict[int, Choice] = {}
        self._next = {"person": FIRST_PERSON, "course": SITE_COURSE + 1}
        self.admin = self._keep(
            Person(ADMIN, "admin", "Системный", "Администратор", "admin@example.org", is_site_admin=True)
        )
        self.web_service_user = self._keep(
            Person(WEB_SERVICE_USER, "wsadmin", "Веб", "Служба", "wsadmin@example.org", city="", country="")
        )
        self.students: list[Person] = []
        self.teachers: list[Person] = []
        self.employers: list[Person] = []
        self.curators: list[Person] = []

    # --- looking up -----------------------------------------------------------------------------------------

    def person(self, who: "Person | int | str") -> Person:
        """A person by themselves, by id or by user name. Raises CollegeError when there is none."""
        if isinstance(who, Person):
            return who
        with self.lock:
            if isinstance(who, int):
                found = self.people.get(who)
            else:
                found = next((person for person in self.people.values() if person.username == who), None)
        if found is None:
            raise CollegeError(f"no such person: {who}")
        return found

    def course(self, which: "Course | int") -> Course:
        """A course by itself or by id. Raises CollegeError when there is none."""
        if isinstance(which, Course):
            return which
        found = self.courses.get(which)
        if found is None:
            raise CollegeError(f"no such course: {which}")
        return found

    def feedbacks_of(self, course: "Course | int") -> list[Feedback]:
        course = self.course(course)
        return [feedback for feedback in self.feedbacks.values() if feedback.course_id == course.id]

    def in_role(self, course: "Course | int", role: str) -> list[Person]:
        """Active people of a course with this role short name, by family name."""
        with self.lock:
            people = [enrolment.person for enrolment in self.course(course).active() if role in enrolment.roles]
        return sorted(people, key=lambda person: person.by_family_name)

    def asked(self, feedback: Feedback) -> list[Person]:
        """Who is expected to answer a survey, by family name."""
        with self.lock:
            enrolments = self.course(feedback.course_id).active()
            people = [
                enrolment.person
                for enrolment in enrolments
                if (enrolment.teaches if feedback.asked == "mentors" else feedback.asked in enrolment.roles)
            ]
        return sorted(people, key=lambda person: person.by_family_name)

    def midnight(self, day: date) -> int:
        """The epoch second at which a day begins in the site's time zone: how a date field is kept."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def new_id(self, kind: str) -> int:
        """The next id of a kind of record ('person', 'group', 'module', …), counted from 1 or from a set
        start."""
        with self.lock:
            number = self._next.get(kind, 1)
            self._next[kind] = number + 1
            return number

    def start_ids(self, kind: str, at: int) -> None:
        """Makes the next id of a kind be this one: lets a test set up the very ids of a recording."""
        self._next[kind] = at

    # --- changing -------------------------------------------------------------------------------------------

    def _keep(self, person: Person) -> Person:
        self.people[person.id] = person
        return person

    def add_person(self, username: str, firstname: str, lastname: str, **more: object) -> Person:
        """Adds a user to the site, in no course; `more` are other fields of Person."""
        with self.lock:
            email = str(more.pop("email", f"{username}@example.org"))
            return self._keep(Person(self.new_id("person"), username, firstname, lastname, email, **more))  # type: ignore[arg-type]

    def add_course(self, fullname: str, shortname: str, summary: str = "") -> Course:
        """Adds an empty course that runs from September to June of the college's year."""
        with self.lock:
            course = Course(
                self.new_id("course"),
                fullname,
                shortname,
                f"{shortname}-{self.year}",
                summary,
                self.midnight(date(self.year, 9, 1)),
                self.midnight(date(self.year + 1, 6, 30)),
            )
            self.courses[course.id] = course
            return course

    def add_group(self, course: Course, name: str, description: str, members: Iterable[Person] = ()) -> Group:
        with self.lock:
            group = Group(self.new_id("group"), course.id, name, description, {person.id for person in members})
            course.groups[group.id] = group
            return group

    def enrol(
        self, who: "Person | int | str", course: "Course | int", *roles: str, groups: Sequence[Group] = ()
    ) -> Enrolment:
        """Enrols a person, anew or with other roles than before; groups are given only by being named
        here."""
        unknown = set(roles) - set(ROLES)
        if unknown or not roles:
            raise CollegeError(f"no such roles: {unknown or 'none given'}")
        with self.lock:
            person, course = self.person(who), self.course(course)
            enrolment = course.enrolments[person.id] = Enrolment(person, roles)
            for group in groups:
                group.members.add(person.id)
            return enrolment

    def unenrol(self, who: "Person | int | str", course: "Course | int") -> Enrolment:
        """Takes a person out of a course and of its groups, as Moodle does; returns the enrolment that
        was."""
        with self.lock:
            person, course = self.person(who), self.course(course)
            for group in course.groups.values():
                group.members.discard(person.id)
            try:
                return course.enrolments.pop(person.id)
            except KeyError:
                raise CollegeError(f"{person.fullname} is not enrolled in {course.fullname}") from None

    def suspend(self, who: "Person | int | str", course: "Course | int", *, suspended: bool = True) -> None:
        """Suspends an enrolment, or lifts the suspension."""
        with self.lock:
            person, course = self.person(who), self.course(course)
            if person.id not in course.enrolments:
                raise CollegeError(f"{person.fullname} is not enrolled in {course.fullname}")
            course.enrolments[person.id].suspended = suspended

    def complete(
        self, who: "Person | int | str", course: "Course | int", *titles: str, when: int | None = None
    ) -> None:
        """Does what a course asks for its completion: the things of these titles, by default all."""
        with self.lock:
            person, course = self.person(who), self.course(course)
            known = course.completion or ()
            if set(titles) - set(known):
                raise CollegeError(f"{course.fullname} does not ask for {set(titles) - set(known)}")
            moment = self.now if when is None else when
            course.done.setdefault(person.id, {}).update(dict.fromkeys(titles or known, moment))

    def rename(self, who: "Person | int | str", *, firstname: str | None = None, lastname: str | None = None) -> None:
        with self.lock:
            person = self.person(who)
            person.firstname = firstname or person.firstname
            person.lastname = lastname or person.lastname

    def move(self, who: "Person | int | str", group: Group) -> None:
        """Makes a group the only one a person has in its course."""
        with self.lock:
            person = self.person(who)
            for other in self.course(group.course_id).groups.values():
                other.members.discard(person.id)
            group.members.add(person.id)

    def add_module(self, course: Course, kind: str, name: str, *, section: int = 1) -> Module:
        """Adds an activity to a course page and returns its listing, with a new instance id of its kind."""
        with self.lock:
            module = Module(self.new_id("module"), kind, self.new_id(kind), name, section)
            course.modules.append(module)
            return module

    def add_feedback(
        self,
        course: Course,
        name: str,
        questions: Sequence[tuple[str, str, str]],
        *,
        anonymous: bool,
        asked: str,
        completion: bool = False,
    ) -> Feedback:
        """Adds a Feedback activity; `questions` are (label, text, 'rating' or 'text'). Ratings are
        obligatory."""
        with self.lock:
            items = [
                Item(self.new_id("item"), label, text, "multichoicerated", RATING, required=True)
                if kind == "rating"
                else Item(self.new_id("item"), label, text, "textarea")
                for label, text, kind in questions
            ]
            module = self.add_module(course, "feedback", name)
            feedback = Feedback(
                module.instance, course.id, name, anonymous, items, asked, completion, modified=self.now
            )
            self.feedbacks[feedback.id] = feedback
            return feedback

    def add_choice(self, course: Course, name: str, options: Sequence[str], *, section: int = 1) -> Choice:
        with self.lock:
            module = self.add_module(course, "choice", name, section=section)
            choice = Choice(module.instance, course.id, name, {self.new_id("option"): option for option in options})
            self.choices[choice.id] = choice
            return choice

    def answer(
        self, feedback: Feedback, who: "Person | int | str", values: Sequence[int | str], *, when: int | None = None
    ) -> Attempt:
        """Answers a survey: one value a question, in order (a rating as 1-5, else text). One answer a
        person."""
        with self.lock:
            person = self.person(who)
            if person.id not in self.course(feedback.course_id).enrolments:
                raise CollegeError(f"{person.fullname} is not enrolled in the course of {feedback.name}")
            if person.id in feedback.attempts:
                raise CollegeError(f"{person.fullname} has answered {feedback.name} already")
            if len(values) != len(feedback.items):
                raise CollegeError(f"{feedback.name} has {len(feedback.items)} questions, got {len(values)} answers")
            answers = {item.id: str(value) for item, value in zip(feedback.items, values, strict=True)}
            for item in feedback.items:
                if item.options and answers[item.id] not in {str(n + 1) for n in range(len(item.options))}:
                    raise CollegeError(f"{answers[item.id]!r} is not an option of {item.label}")
            attempt = Attempt(
                self.new_id("attempt"),
                person,
                answers,
                self.now if when is None else when,
                len(feedback.attempts) + 1,
            )
            feedback.attempts[person.id] = attempt
            return attempt
