"""The guests' own page: a mentor without a Moodle account sees their mentees in one course, and answers proposals.

Much less than a mentor who comes through Moodle: names and what belongs to the pair, its request, plan and meetings,
of people whose consent to the processing of personal data counts today; nobody's address, group or speciality. In the
plan they tick and add items, of meetings they write down those that were held. Once they have withdrawn their own
consent all of it is closed, to read and to write.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.pairs import cards, errors, labels, rules, service
from lti_service.pairs.cards import PairCard, PersonLine
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.rules import Action
from lti_service.pairs.views import blueprint
from lti_service.pairs.work import meetings, plan
from lti_service.pairs.work import rules as work_rules
from lti_service.pairs.work import views as work
from lti_service.pairs.work.errors import OwnConsentWithdrawnError, WorkError
from lti_service.pairs.work.forms import ItemDraft, MeetingDraft
from lti_service.pairs.work.rules import Looking
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Standing
from lti_service.people.guests import door
from lti_service.people.models import Mentor

HOME = "/guest/courses/<int:course_id>/"
PAIR = HOME + "pairs/<int(max=2147483647):pair_id>/"


@dataclass(frozen=True, slots=True)
class GuestHome:
    """What a guest's page says."""

    proposals: tuple[PairCard, ...]
    """They wait for an answer, the longest waiting first."""
    current: tuple[PairCard, ...]
    """Agreed and active ones."""
    standing: Standing
    """Where their own consent to the processing of personal data is."""

    closed: int = 0
    """How many pairs are not shown, for the guest has withdrawn their own consent."""

    @property
    def has_withdrawn(self) -> bool:
        """Whether they have taken their own consent back."""
        return self.standing is Standing.WITHDRAWN

    @property
    def has_consent(self) -> bool:
        """Whether one of their own counts."""
        return self.standing >= consents.GRANTED

    @property
    def cards(self) -> tuple[PairCard, ...]:
        """All of them."""
        return self.proposals + self.current


def home_of(session: Session, course_id: int, person_id: int, moment: datetime) -> GuestHome:
    """A guest's open pairs in the course, whatever year they began in, with what a guest may see of them."""
    standing, _is_minor = consents.own_standing(session, person_id, moment.date())
    found = session.scalars(
        select(Pair.id)
        .join(Mentor, Mentor.id == Pair.mentor_id)
        .where(Pair.course_id == course_id, Mentor.person_id == person_id, Pair.state.in_(rules.OPEN))
        .order_by(Pair.proposed_at, Pair.id)
    ).all()
    if standing is Standing.WITHDRAWN:
        return GuestHome((), (), standing, closed=len(found))
    looking = Looking(person_id, is_guest=True)
    shown = [_for_guests(card) for card in cards.load_with_work(session, found, moment, looking, work_rules.WORKING)]
    return GuestHome(
        proposals=tuple(card for card in shown if card.state is PairState.PROPOSED),
        current=tuple(card for card in shown if card.state is not PairState.PROPOSED),
        standing=standing,
    )


def _for_guests(card: PairCard) -> PairCard:
    def seen(mentee: PersonLine) -> PersonLine:
        known = mentee.has_consent
        return replace(
            cards.by_name(mentee),
            name=mentee.name if known else "",
            request=mentee.request if known else "",
            has_consent=known,
        )

    return replace(card, mentees=tuple(seen(mentee) for mentee in card.mentees), reason="")


@blueprint.get(HOME)
@access.needs(Permission.SEE_GUEST_HOME)
def guest_home() -> Any:
    """My mentees, of a mentor without a Moodle account; the look is kept in the trail."""
    return _page()


def _page(
    error: errors.PairError | None = None,
    pair_id: int | None = None,
    reason: str = "",
    item: ItemDraft | None = None,
    meeting: MeetingDraft | None = None,
) -> str:
    """The page, with what was wrong in a form of one of its pairs, and what had been typed there."""
    viewer = access.viewer()
    with db.transaction() as session:
        home = home_of(session, viewer.course_id, viewer.person_id, pages.local_now())
        door.record_view(
            session,
            viewer,
            pairs=[card.id for card in home.cards],
            people=[mentee.person_id for card in home.cards for mentee in card.mentees if mentee.name],
        )
    return render_template(
        "pairs/guest_home.html",
        home=home,
        error=error,
        pair_id=pair_id,
        reason=reason,
        item=item,
        meeting=meeting,
        longest=rules.LONGEST_REASON,
    )


@blueprint.post(PAIR + "<any(agree,decline):answer>")
@access.needs(Permission.SEE_GUEST_HOME)
def guest_answer(pair_id: int, answer: str) -> Any:
    """Answer a proposal."""
    viewer = access.viewer()
    action = Action(answer)
    reason = request.form.get("reason", "").replace("\0", "")
    try:
        with db.transaction() as session:
            if consents.has_withdrawn(session, viewer.person_id, pages.local_today()):
                raise OwnConsentWithdrawnError
            service.move(
                session,
                pair_id,
                action,
                reason,
                course_id=viewer.course_id,
                actor_id=viewer.person_id,
                day=pages.local_today(),
            )
    except errors.ConsentMissingError:
        # Whose it is, is not a guest's to know.
        error: errors.PairError = errors.SomebodysConsentMissingError()
        return _page(error, pair_id, reason), error.status
    except (errors.ReasonTooLongError, errors.UnknownMoveError, OwnConsentWithdrawnError) as refused:
        return _page(refused, pair_id, reason), refused.status
    flash(str(labels.DONE[action]))
    return redirect(url_for("pairs.guest_home"), 303)


# --- the work together --------------------------------------------------------------------------------------------


@blueprint.post(PAIR + "plan/new")
@access.needs(Permission.SEE_GUEST_HOME)
def guest_add_item(pair_id: int) -> Any:
    """Put an item into the plan."""
    draft = ItemDraft.sent(request.form)
    try:
        with db.transaction() as session:
            plan.add_item(session, work.actor(), pair_id, draft.facts())
    except WorkError as error:
        return _page(error, pair_id, item=draft), error.status
    flash(_("Added to the plan."))
    return _to_pair(pair_id)


@blueprint.post(PAIR + "plan/<int(max=2147483647):item_id>/tick")
@access.needs(Permission.SEE_GUEST_HOME)
def guest_tick(pair_id: int, item_id: int) -> Any:
    """Say that an item is done, or that it is not."""
    try:
        with db.transaction() as session:
            plan.tick(session, work.actor(), pair_id, item_id, done=request.form.get("done") == "1")
    except WorkError as error:
        return _page(error, pair_id), error.status
    return _to_pair(pair_id)


@blueprint.post(PAIR + "meetings/held")
@access.needs(Permission.SEE_GUEST_HOME)
def guest_log_meeting(pair_id: int) -> Any:
    """Write down that the pair has met."""
    draft = MeetingDraft.sent(request.form)
    try:
        with db.transaction() as session:
            meetings.log(session, work.actor(), pair_id, draft.facts())
    except WorkError as error:
        return _page(error, pair_id, meeting=draft), error.status
    flash(_("The meeting is written down."))
    return _to_pair(pair_id)


@blueprint.post(PAIR + "meetings/<int(max=2147483647):meeting_id>/held")
@access.needs(Permission.SEE_GUEST_HOME)
def guest_hold_meeting(pair_id: int, meeting_id: int) -> Any:
    """Say that a planned meeting was held."""
    try:
        with db.transaction() as session:
            meetings.hold(session, work.actor(), pair_id, meeting_id)
    except WorkError as error:
        return _page(error, pair_id), error.status
    flash(_("The meeting is written down."))
    return _to_pair(pair_id)


def _to_pair(pair_id: int) -> Any:
    return redirect(url_for("pairs.guest_home", _anchor=f"pair-{pair_id}"), 303)
