"""Choices that an environment variable makes, so that each of them gives the same message."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fanin.exceptions import FaninValueError

__all__ = ["chosen"]


def chosen(variable: str, choices: Sequence[str], otherwise: str = "auto") -> str:
    """Return the choice that an environment variable names, or another one where it is not set.

    Raises:
        FaninValueError: It names none of the choices.
    """
    name = os.environ.get(variable, otherwise)
    if name not in choices:
        raise FaninValueError(
            f"the environment variable {variable} must be one of {', '.join(choices)}. Received: {name!r}. Change or "
            f"unset it."
        )
    return name
