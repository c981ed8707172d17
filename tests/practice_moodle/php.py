"""The habits of PHP that shape Moodle's answers: how it reads a form, prints JSON and numbers, and fails."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

KEY = re.compile(r"([^\[]+)((?:\[[^\]]*\])*)$")


def number(value: float) -> int | float:
    """A number as PHP's JSON shows it: 100.0 becomes 100."""
    return int(value) if float(value).is_integer() else float(value)


def to_json(value: Any, *, escape_slashes: bool = True) -> str:
    """JSON as `json_encode` prints it: compact, Cyrillic as \\u escapes, slashes escaped unless told
    otherwise."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("/", "\\/") if escape_slashes else text


def pretty_json(value: Any) -> str:
    """JSON as Moodle's LTI services print an error."""
    return json.dumps(value, indent=4)


def is_numeric(value: Any) -> bool:
    """PHP's `is_numeric`: a number, or a text that is one."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    return isinstance(value, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value) is not None


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turns `options[0][name]=…` pairs into nested dictionaries with text keys, `values[]` counting up from
    0."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        found = KEY.match(key)
        if not found:
            continue
        path = [found[1], *re.findall(r"\[([^\]]*)\]", found[2])]
        branch = tree
        for step, after in zip(path, [*path[1:], None], strict=True):
            step = step if step or step is path[0] else str(len(branch))
            if after is None:
                branch[step] = value
            else:
                if not isinstance(branch.get(step), dict):
                    branch[step] = {}
                branch = branch[step]
    return tree


def form(query: str, body: bytes, content_type: str, *, max_input_vars: int) -> dict[str, Any]:
    """What PHP sees as parameters: the query and a form-encoded body, each silently cut at `max_input_vars`
    variables.

    A body of any other type (JSON, say) is not read at all.
    """
    pairs = parse_qsl(query, keep_blank_values=True)[:max_input_vars]
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)[:max_input_vars]
    return nested(pairs)


def header_text(text: str) -> str:
    """Text as WSGI wants it in a header or a status line when its UTF-8 bytes go out unchanged, as PHP sends
    them."""
    return text.encode().decode("latin-1")


def decoded(text: str) -> Any:
    """PHP's `json_decode`: None for what is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
