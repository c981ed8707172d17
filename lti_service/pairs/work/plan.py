"""What people do with the individual plan of a pair: its goal and its items, one function a thing."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.pairs.models import Pair
from lti_service.pairs.work import errors, rules
from lti_service.pairs.work.models import PlanItem
from lti_service.pairs.work.rules import Act
from lti_service.pairs.work.taking_part import Actor, Hand, take_part


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What an item of the plan says."""

    title: str
    due: date | None = None
    for_id: int | None = None
    """Of a group, the person of the one mentee whose it is; none: everybody's."""


def set_goal(session: Session, actor: Actor, pair_id: int, goal: str) -> Pair:
    """Say what both want to reach; nothing takes the goal away.

    Raises what `take_part` raises, and GoalTooLongError.
    """
    hand = take_part(session, actor, pair_id, Act.SET_GOAL)
    goal = goal.strip()
    if len(goal) > rules.LONGEST_GOAL:
        raise errors.GoalTooLongError(most=rules.LONGEST_GOAL, count=len(goal))
    if goal != hand.pair.goal:
        hand.pair.goal = goal
        hand.record("plan.goal")
    return hand.pair


def add_item(session: Session, actor: Actor, pair_id: int, facts: ItemFacts) -> PlanItem:
    """Put an item into the plan; sent twice, it is there once.

    Raises what `take_part` raises, NoTitleError, TitleTooLongError, DueOutOfRangeError, NotOfThePairError,
    TooManyItemsError.
    """
    hand = take_part(session, actor, pair_id, Act.ADD_ITEM)
    facts = _checked(hand, facts)
    same = session.scalar(
        select(PlanItem).where(
            PlanItem.pair_id == hand.pair.id,
            PlanItem.title == facts.title,
            PlanItem.due.is_(None) if facts.due is None else PlanItem.due == facts.due,
            PlanItem.for_id.is_(None) if facts.for_id is None else PlanItem.for_id == facts.for_id,
            PlanItem.done_at.is_(None),
        )
    )
    if same is not None:
        return same
    count = session.scalar(select(func.count(PlanItem.id)).where(PlanItem.pair_id == hand.pair.id)) or 0
    if count >= rules.MOST_ITEMS:
        raise errors.TooManyItemsError(most=rules.MOST_ITEMS)
    item = PlanItem(
        pair_id=hand.pair.id,
        for_id=facts.for_id,
        title=facts.title,
        due=facts.due,
        made_by=actor.person_id,
        made_at=now(),
    )
    session.add(item)
    session.flush()
    hand.record("plan.item-added", item=item.id)
    return item


def change_item(session: Session, actor: Actor, pair_id: int, item_id: int, facts: ItemFacts) -> PlanItem:
    """Say something else in an item.

    Raises what `add_item` raises, and NotFoundError for an item that is not theirs to see.
    """
    hand = take_part(session, actor, pair_id, Act.CHANGE_ITEM)
    item = hand.find(PlanItem, item_id)
    facts = _checked(hand, facts, due=item.due)
    if (item.title, item.due, item.for_id) != (facts.title, facts.due, facts.for_id):
        item.title, item.due, item.for_id = facts.title, facts.due, facts.for_id
        hand.record("plan.item-changed", item=item.id)
    return item


def remove_item(session: Session, actor: Actor, pair_id: int, item_id: int) -> None:
    """Take an item out of the plan. Raises what `take_part` raises, and NotFoundError."""
    hand = take_part(session, actor, pair_id, Act.CHANGE_ITEM)
    item = hand.find(PlanItem, item_id)
    session.delete(item)
    hand.record("plan.item-removed", item=item_id)


def tick(session: Session, actor: Actor, pair_id: int, item_id: int, *, done: bool) -> PlanItem:
    """Say that an item is done, or that it is not after all; said twice, it is as said once.

    Raises what `take_part` raises, and NotFoundError.
    """
    hand = take_part(session, actor, pair_id, Act.TICK)
    item = hand.find(PlanItem, item_id)
    if (item.done_at is not None) != done:
        item.done_at = now() if done else None
        item.done_by = actor.person_id if done else None
        hand.record("plan.item-done" if done else "plan.item-reopened", item=item.id)
    return item


def item_of(session: Session, actor: Actor, pair_id: int, item_id: int) -> PlanItem:
    """An item that the actor may change, for the page that does. Raises what `take_part` raises, and NotFoundError."""
    return take_part(session, actor, pair_id, Act.CHANGE_ITEM, lock=False).find(PlanItem, item_id)


def carry_over(session: Session, before: Pair, pair: Pair, person_ids: set[int]) -> None:
    """Let the plan of `before` go on in the pair that continues it: its goal, and the items that are still open.

    Items of somebody who is not among `person_ids` any more stay behind.
    """
    pair.goal = before.goal
    session.flush()
    columns = ("for_id", "title", "due", "made_by", "made_at")
    still_open = select(literal(pair.id), *(getattr(PlanItem, name) for name in columns)).where(
        PlanItem.pair_id == before.id,
        PlanItem.done_at.is_(None),
        PlanItem.for_id.is_(None) | PlanItem.for_id.in_(person_ids),
    )
    session.execute(insert(PlanItem).from_select(["pair_id", *columns], still_open.order_by(PlanItem.id)))


def _checked(hand: Hand, facts: ItemFacts, *, due: date | None = None) -> ItemFacts:
    """The facts as they are kept; `due` is what stands already, whatever the calendar says of it now."""
    title = " ".join(facts.title.split())
    if not title:
        raise errors.NoTitleError
    if len(title) > rules.LONGEST_TITLE:
        raise errors.TitleTooLongError(most=rules.LONGEST_TITLE, count=len(title))
    if facts.due is not None and facts.due != due:
        last = hand.actor.today + rules.DUE_WITHIN
        if not hand.began <= facts.due <= last:
            raise errors.DueOutOfRangeError(first=errors.shown(hand.began), last=errors.shown(last))
    return ItemFacts(title, facts.due, hand.check_whose(facts.for_id))
