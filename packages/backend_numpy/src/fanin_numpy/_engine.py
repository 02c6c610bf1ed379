"""The choice of kernels: those of fanin-kernels, compiled, or plain NumPy. Both give the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.environment import chosen, no_kernels
from fanin.exceptions import FaninValueError
from fanin.plans import Draw
from fanin.stream.threefry import Words
from fanin_numpy._batch import Batch

__all__ = ["Engine", "batch", "engine", "get_engine", "set_engine"]

Name = Literal["native", "numpy"]
Indices: TypeAlias = NDArray[np.int64]

_VARIABLE: Final = "FANIN_ENGINE"
_CHOICES: Final = ("auto", "native", "numpy")


@dataclass(frozen=True)
class Engine:
    """Kernels of one kind.

    Attributes:
        name: "native" or "numpy".
        label: The name for people, with the instruction set of native kernels, or why there are none.
        chunk: Number of elements of a chunk, given the number of threads: large enough that calls cost little, small
            enough to stay in the cache.
        outputs: The dtypes that the kernels write; uint16 stands for the bits of bfloat16.
        fill_run: Fill a flat array with the weights of logical indices first + j.
        fill_rows: Fill an array of shape (rows, columns) with the weights of logical indices bases[i] + j.
        fill_grid: Fill an array of shape (rows, columns) with the weights of logical indices bases[i] + columns[j].
        fill_pairs: Fill a part of some rows of an array, where the rows of each pair share their blocks.
        expect_filling: Prepare the memory of a large contiguous array.
        release: Free a thread's scratch memory at the end of a draw.
        batch: Make a batch of small tensors of a seed; None where each is drawn alone.
    """

    name: Name
    label: str
    chunk: Callable[[int], int]
    outputs: frozenset[np.dtype[Any]]
    fill_run: Callable[[NDArray[Any], int, Words, Draw], None]
    fill_rows: Callable[[NDArray[Any], Indices, Words, Draw], None]
    fill_grid: Callable[[NDArray[Any], Indices, Indices, Words, Draw], None]
    fill_pairs: Callable[[NDArray[Any], Indices, Indices, int, Indices, Words, Draw], None]
    expect_filling: Callable[[NDArray[Any]], None]
    release: Callable[[], None]
    batch: Callable[[int], Batch] | None = None


class _Choice:
    """The chosen name, and the engine once a draw has needed it."""

    name: str | None = None
    settled: Engine | None = None


def _functions(kernels: Any) -> tuple[Any, ...]:
    fills = kernels.fill_run, kernels.fill_rows, kernels.fill_grid, kernels.fill_pairs
    return (*fills, kernels.expect_filling, kernels.release)


def _numpy_chunk(threads: int) -> int:
    """Return a chunk that stays in the cache, for one thread.

    With several threads, each must take back the interpreter's lock after every call, which takes some 10 microseconds.
    Chunks are then as large as 28 MiB of scratch memory allow, at 32 bytes per element.
    """
    return 1 << 16 if threads == 1 else max(1 << 16, (7 << 17) // threads)


@lru_cache(maxsize=1)
def _numpy_engine() -> Engine:
    from fanin_numpy import _numpy_kernels as kernels

    return Engine("numpy", "numpy", _numpy_chunk, frozenset(map(np.dtype, ("f4", "f8"))), *_functions(kernels))


def _native_engine() -> Engine:
    from fanin_kernels import chosen_path
    from fanin_numpy._native_kernels import NativeKernels

    path = chosen_path()
    outputs = frozenset(map(np.dtype, ("f4", "f8", "f2", "u2")))
    kernels = NativeKernels(path)
    alone = Engine("native", f"native ({path})", lambda threads: 1 << 20, outputs, *_functions(kernels))
    return replace(alone, batch=partial(Batch, kernels))


def get_engine() -> str:
    """Return the choice of kernels: "auto", "native" or "numpy"."""
    name = _Choice.name
    return chosen(_VARIABLE, _CHOICES) if name is None else name


def set_engine(name: Literal["auto", "native", "numpy"] | None) -> None:
    """Choose the kernels; the bits do not depend on the choice.

    Args:
        name: "native" for the compiled kernels of fanin-kernels, "numpy" for plain NumPy, and "auto" for the compiled
            ones where they are installed. None goes back to the environment variable FANIN_ENGINE, read at the next
            draw, or "auto". So is FANIN_KERNEL, which names the instruction set of the compiled kernels.

    Raises:
        FaninValueError: The name is unknown, or it is "native" and there are no compiled kernels.
    """
    if name is not None and name not in _CHOICES:
        raise FaninValueError(f"the engine must be one of {', '.join(_CHOICES)}. Received: {name!r}.")
    if name == "native":
        _required()
    _Choice.name, _Choice.settled = name, None


def engine() -> Engine:
    """Return the kernels that draw.

    Raises:
        FaninValueError: The environment names an engine or an instruction set that is unknown or not available.
    """
    settled = _Choice.settled  # another thread may set the choice at any time
    if settled is None:
        choice = get_engine()
        if choice == "native":
            settled = _required()
        elif choice == "numpy":
            settled = _numpy_engine()
        else:
            settled = _available()
        _Choice.settled = settled
    return settled


def batch(seed: int) -> Batch | None:
    """Return a batch of small tensors, which are drawn together; None where each must be drawn alone.

    Args:
        seed: An integer in [0, 2^64).

    Returns:
        A batch, which writes into memory by address; None without compiled kernels.

    Raises:
        FaninTypeError: `seed` is not an integer.
        FaninValueError: `seed` is out of range, or the environment names kernels that are not there.

    Example:
        >>> import fanin_numpy
        >>> from fanin.plans import Run, plan
        >>> from fanin.stream.keys import text_words
        >>> made = plan((3, 5), "he", layout="OI", seed=7, name="fc.weight")
        >>> weights = np.empty(made.shape, np.float32)
        >>> if (together := batch(7)) is not None and (run := Run.of(made)) is not None:
        ...     together.add(run, text_words("fc.weight"), weights.ctypes.data)
        ...     together.draw()
        ... else:
        ...     fanin_numpy.draw_into(made, weights)
        >>> bool((weights == fanin_numpy.init((3, 5), "he", layout="OI", seed=7, name="fc.weight")).all())
        True
    """
    make = engine().batch
    return None if make is None else make(seed)


def _available() -> Engine:
    try:
        return _native_engine()
    except ModuleNotFoundError:
        return _numpy_engine()
    except ImportError:  # built without its library, or for another machine
        return replace(_numpy_engine(), label="numpy (fanin-kernels cannot be loaded)")


def _required() -> Engine:
    try:
        return _native_engine()
    except ImportError as error:
        raise no_kernels(error) from error
