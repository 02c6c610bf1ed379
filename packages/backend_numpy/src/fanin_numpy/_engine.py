"""The choice of kernels: plain NumPy, or those compiled by Numba. Both give the same bits.

Numba takes most of a second to import, so a process that draws little never imports it: the choice depends on how much
has been drawn.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.plans import Draw
from fanin.stream.threefry import Words

__all__ = ["Engine", "engine_for", "get_engine", "set_engine"]

Name = Literal["numpy", "numba"]
Indices: TypeAlias = NDArray[np.int64]

_VARIABLE: Final = "FANIN_ENGINE"
_CHOICES: Final = ("auto", "numpy", "numba")
_WORTHWHILE: Final = 1 << 23
"""Elements after which importing Numba pays off: about 60 ms of drawing with NumPy on one core."""


@dataclass(frozen=True)
class Engine:
    """Kernels of one kind.

    Attributes:
        name: "numpy" or "numba".
        chunk: Number of elements of a chunk, given the number of threads: large enough that calls cost little, small
            enough to stay in the cache.
        outputs: The dtypes that the kernels write; uint16 stands for the bits of bfloat16.
        fill_rows: Fill an array of shape (rows, columns) with the weights of logical indices bases[i] + j.
        fill_grid: Fill an array of shape (rows, columns) with the weights of logical indices bases[i] + columns[j].
        fill_pairs: Fill a part of some rows of an array, where the rows of each pair share their blocks.
        release: Free a thread's scratch memory at the end of a draw.
    """

    name: Name
    chunk: Callable[[int], int]
    outputs: frozenset[np.dtype[Any]]
    fill_rows: Callable[[NDArray[Any], Indices, Words, Draw], None]
    fill_grid: Callable[[NDArray[Any], Indices, Indices, Words, Draw], None]
    fill_pairs: Callable[[NDArray[Any], Indices, Indices, int, Indices, Words, Draw], None]
    release: Callable[[], None]


class _Choice:
    """The chosen name, the number of elements drawn so far, and the engine once the choice is final."""

    name: str | None = None
    drawn: int = 0
    settled: Engine | None = None


def _functions(kernels: Any) -> tuple[Any, ...]:
    return kernels.fill_rows, kernels.fill_grid, kernels.fill_pairs, kernels.release


def _numpy_chunk(threads: int) -> int:
    """Return a chunk that stays in the cache, for one thread.

    With several threads, each must take back the interpreter's lock after every call, which takes some 10 microseconds.
    Chunks are then as large as 28 MiB of scratch memory allow, at 32 bytes per element.
    """
    return 1 << 16 if threads == 1 else max(1 << 16, (7 << 17) // threads)


@lru_cache(maxsize=1)
def _numpy_engine() -> Engine:
    from fanin_numpy import _numpy_kernels as kernels

    return Engine("numpy", _numpy_chunk, frozenset(map(np.dtype, ("f4", "f8"))), *_functions(kernels))


@lru_cache(maxsize=1)
def _numba_engine() -> Engine:
    from fanin_numpy import _numba_kernels as kernels

    outputs = frozenset(map(np.dtype, ("f4", "f8", "u2")))
    return Engine("numba", lambda threads: 1 << 19, outputs, *_functions(kernels))


@lru_cache(maxsize=1)
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def get_engine() -> str:
    """Return the choice of kernels: "auto", "numpy" or "numba"."""
    name = _Choice.name if _Choice.name is not None else os.environ.get(_VARIABLE, "auto")
    if name not in _CHOICES:
        raise FaninValueError(
            f"the environment variable {_VARIABLE} must be one of {', '.join(_CHOICES)}. Received: {name!r}. Change or "
            f"unset it."
        )
    return name


def set_engine(name: Literal["auto", "numpy", "numba"] | None) -> None:
    """Choose the kernels; the bits do not depend on the choice.

    Args:
        name: "numpy" never imports Numba, "numba" always does, and "auto" does once enough has been drawn. None goes
            back to the environment variable FANIN_ENGINE, read at the next draw, or "auto".

    Raises:
        FaninValueError: The name is unknown, or it is "numba" and Numba is not installed.
    """
    if name is not None and name not in _CHOICES:
        raise FaninValueError(f"the engine must be one of {', '.join(_CHOICES)}. Received: {name!r}.")
    if name == "numba" and not _has_numba():
        raise FaninValueError(
            'the engine "numba" needs Numba, which is not installed. Run: pip install "fanin[numba]".'
        )
    _Choice.name, _Choice.settled = name, None


def engine_for(size: int) -> Engine:
    """Return the kernels for a draw of `size` elements."""
    if _Choice.settled is None:
        choice = get_engine()
        if choice == "numpy" or not _has_numba():
            _Choice.settled = _numpy_engine()
        elif choice == "numba" or _Choice.drawn + size >= _WORTHWHILE:
            _Choice.settled = _numba_engine()
        else:
            _Choice.drawn += size  # a race between threads only shifts the moment of the change
            return _numpy_engine()
    return _Choice.settled
