"""JSON that others wrote, with nothing in its texts that no database keeps and no page shows."""

import json
import re
from typing import Any

_SUSPECT = re.compile(rb"\0|\\u0000|\\u[dD]|\xed[\xa0-\xbf]")
"""What answers without such signs do not have; halves of pairs are spelt out, or written as bytes that are no UTF-8."""


def storable(text: str) -> str:
    """The text as every database keeps it: PostgreSQL has no NUL, and half of a surrogate pair, which JSON can spell,
    is no character."""
    return text.replace("\0", "").encode(errors="replace").decode()


def read_json(content: bytes) -> Any:
    """What JSON says, its texts `storable`. Raises ValueError, and RecursionError where it nests too deeply."""
    told = json.loads(content)
    return _clean(told) if _SUSPECT.search(content) else told


def _clean(told: Any) -> Any:
    if isinstance(told, str):
        return storable(told)
    if isinstance(told, list):
        return [_clean(one) for one in told]
    if isinstance(told, dict):
        return {storable(name): _clean(value) for name, value in told.items()}
    return told
