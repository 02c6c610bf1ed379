"""The instruction sets that there are kernels for, and the choice among those that this processor has."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from fanin.exceptions import FaninValueError
from fanin_kernels._file import load

__all__ = ["PATHS", "Path", "chosen_path", "supported_paths"]

Path: TypeAlias = Literal["avx512", "avx2", "neon", "scalar"]

PATHS: Final[dict[Path, int]] = {"avx512": 8, "avx2": 4, "neon": 2, "scalar": 1}
"""The instruction sets, the fastest first, and their numbers in the library."""

_VARIABLE: Final = "FANIN_KERNEL"


@lru_cache(maxsize=1)
def supported_paths() -> tuple[Path, ...]:
    """Return the paths that can run on this processor, the fastest first."""
    found = load().fanin_paths()
    return tuple(path for path, number in PATHS.items() if found & number)


def chosen_path() -> Path:
    """Return the path that the environment variable FANIN_KERNEL names, or else the fastest.

    Raises:
        FaninValueError: The name is unknown, or this processor lacks the path.
    """
    name = os.environ.get(_VARIABLE)
    supported = supported_paths()
    if name is None:
        return supported[0]
    for path in supported:
        if path == name:
            return path
    wrong = "this processor has no kernels of that name" if name in PATHS else "unknown kernels"
    raise FaninValueError(
        f"the environment variable {_VARIABLE} cannot be used: {wrong}. Received: {name!r}. Accepted here: "
        f"{', '.join(supported)}. Change or unset it."
    )
