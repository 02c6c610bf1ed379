"""Many small tensors in one call of the compiled kernels: a call costs as much as drawing thousands of weights."""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left
from ctypes import addressof
from functools import partial
from typing import TYPE_CHECKING, Final

from fanin.plans import Draw, Run
from fanin.stream.keys import seed_words
from fanin.stream.threefry import Words
from fanin_numpy._threads import SERIAL, get_num_threads, run_tasks

if TYPE_CHECKING:
    from fanin_kernels import Rule
    from fanin_numpy._native_kernels import NativeKernels

__all__ = ["Batch"]

_NUMBERS: Final = 4
"""What a kernel needs of a tensor: address, size, the words of the name, and the address of the rule."""


class Batch:
    """Tensors of one seed that are drawn together.

    Args:
        kernels: The compiled kernels.
        seed: An integer in [0, 2^64).
    """

    def __init__(self, kernels: NativeKernels, seed: int) -> None:
        words = seed_words(seed)
        self._seed: Final = words[0] << 32 | words[1]
        self._kernels: Final = kernels
        self._rules: Final[dict[int, tuple[Run, Rule]]] = {}  # both are kept, for their addresses stand for them
        self._streams: Final = array("Q")
        self._ends: Final = [0]

    def takes(self, run: Run) -> bool:
        """Return whether a tensor can be added: neither large nor constant, and of a dtype that a kernel writes."""
        return run.size <= SERIAL and isinstance(run.rule, Draw) and self._kernels.writes(run.dtype)

    def add(self, run: Run, name: Words, address: int) -> None:
        """Add a tensor whose memory is contiguous, and stays where it is until all are drawn.

        Args:
            run: What draws it.
            name: The counter that the name of its stream selects.
            address: Where its memory begins.
        """
        known = self._rules.get(id(run))
        if known is None:
            assert isinstance(run.rule, Draw)
            known = self._rules[id(run)] = run, self._kernels.rule(run.rule, run.dtype)
        self._streams.extend((address, run.size, name[0] << 32 | name[1], addressof(known[1])))
        self._ends.append(self._ends[-1] + run.size)

    def draw(self) -> None:
        """Write the weights of all tensors."""
        count, total = len(self._ends) - 1, self._ends[-1]
        threads = get_num_threads() if total > SERIAL else 1
        share = -(-total // threads)
        cuts = [0, *(bisect_left(self._ends, k * share) for k in range(1, threads)), count]
        tasks = [partial(self._fill, start, stop) for start, stop in itertools.pairwise(cuts) if start < stop]
        run_tasks(tasks, threads, lambda: None)

    def _fill(self, start: int, stop: int) -> None:
        address = self._streams.buffer_info()[0] + start * _NUMBERS * self._streams.itemsize
        self._kernels.fill_streams(address, stop - start, self._seed)
