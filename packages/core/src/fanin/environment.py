"""Choices that an environment variable makes, so that each of them gives the same message."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fanin.exceptions import FaninValueError

__all__ = ["chosen", "no_kernels"]


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


def no_kernels(error: ImportError) -> FaninValueError:
    """Return what is said where the engine "native" is asked for, and fanin-kernels cannot be imported or loaded."""
    if isinstance(error, ModuleNotFoundError):
        what = 'which are not installed. Run: pip install "fanin[fast]".'
    else:
        what = f"which cannot be loaded: {error}"
    return FaninValueError(f'the engine "native" needs the compiled kernels, {what}')
