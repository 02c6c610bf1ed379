"""Whole numbers with commas between, as a shape or a stride is written on the command line."""

from __future__ import annotations

import re

from fanin.exceptions import FaninValueError
from fanin.layout import check_shape

__all__ = ["shape", "stride"]

_NUMBER = re.compile(r"[0-9]{1,30}")
"""Plain digits: `int` would also read those of other scripts, signs and underscores."""

_MEANT = re.compile(r"[\s,()\[\]]*[0-9]+([\s,;x]+[0-9]+)*[\s,()\[\]]*")
"""Numbers with other signs between, and none where a number seems to be missing."""


def shape(text: str, what: str) -> tuple[int, ...]:
    """Return the shape that a text such as "256,64" means; "()" is a shape without axes.

    Args:
        text: The text.
        what: What the argument is called.

    Raises:
        FaninValueError: It is anything else, or a shape of too many elements.
    """
    return () if text.strip() == "()" else check_shape(_numbers(text, what, "256,64, or () for a single number"))


def stride(text: str | None) -> int | tuple[int, ...] | None:
    """Return the stride that a text means: one number for every spatial axis, or several, one an axis.

    Raises:
        FaninValueError: It is anything else.
    """
    if text is None:
        return None
    numbers = _numbers(text, "--stride", "2, or 2,1 with one number a spatial axis")
    return numbers if len(numbers) > 1 else numbers[0]


def _numbers(text: str, what: str, example: str) -> tuple[int, ...]:
    parts = [part.strip(" ") for part in text.split(",")]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        meant = ",".join(re.findall(r"[0-9]+", text)) if _MEANT.fullmatch(text) else ""
        hint = f" Did you mean {meant!r}?" if meant else ""
        raise FaninValueError(
            f"{what} must be whole numbers with commas between. Received: {text!r}.{hint} For example: {example}."
        )
    return tuple(map(int, parts))
