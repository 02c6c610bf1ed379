"""JSON that is read strictly: each key once, and no number that JSON does not have."""

from __future__ import annotations

import json
from typing import Any

from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["read_json"]


def read_json(text: object, what: str, writer: str) -> Any:
    """Return the data of a text.

    Args:
        text: The text.
        what: What it describes, for an error: "a scheme".
        writer: What writes such a text: "scheme.to_json()".

    Raises:
        FaninValueError: It is no JSON, has a key twice, or a number that JSON does not have.
        FaninTypeError: It is no text.
    """
    if not isinstance(text, str):
        raise FaninTypeError(f"{what}'s JSON is text. Received: {type(text).__name__}. Use path.read_text().")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return a JSON object as a dict; of a key that comes twice JSON would silently keep the last."""
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise FaninValueError(f"{what}'s JSON has each key once. Received: {twice!r} more than once.")
        return found

    def refuse(word: str) -> float:
        raise FaninValueError(
            f'{what}\'s JSON is strict: it has no {word}. An infinite bound is written as "inf" or "-inf".'
        )

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except FaninValueError:
        raise
    except (ValueError, RecursionError) as error:
        raise FaninValueError(f"{what}'s text must be JSON: {error}. Use what {writer} returns.") from error
