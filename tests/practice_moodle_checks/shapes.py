"""Compares answers by shape: the same keys and the same kinds of values at every level, whatever the
values."""

import json
from typing import Any


def shape(value: Any) -> Any:
    """What is left of a value when its texts and numbers are taken out.

    A list becomes the sorted distinct shapes of its members, so that a longer list of the same kinds is alike
    and one where some members lack a key is not.
    """
    if isinstance(value, dict):
        return {name: shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(one)) for one in value})]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text"
