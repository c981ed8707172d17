"""The second step of `flask sync`: the answers of each course's surveys."""

from typing import Any

from lti_service.people.cli import Result, SyncStep, Watcher, add_step
from lti_service.surveys import answers


def sync_answers(course_id: int, watcher: Watcher) -> Result:
    """Read the answers; trouble with one survey leaves the others read."""
    outcome = answers.sync_surveys(course_id, watcher)
    return Result(outcome.counts(), outcome.code, outcome.detail)


def describe(counts: dict[str, Any]) -> str:
    """`140 new`, or that nothing has changed, of how many surveys."""
    of = f"of {counts['surveys']} surveys"
    changes = [f"{counts[name]} {name}" for name in ("new", "changed", "removed") if counts[name]]
    return ", ".join([*changes, of]) if changes else f"nothing changed, {counts['same']} answers {of}"


add_step(SyncStep(answers.KIND, "Surveys", sync_answers, describe))
