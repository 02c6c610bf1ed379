"""Timing two calls side by side, so that the machine's noise falls on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Case", "Timing", "measure"]

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One line of the comparison.

    Attributes:
        group: What is compared, a heading.
        name: The line's name.
        ours: Prepares fanin's call.
        theirs: Prepares the call that a user would make instead, or fanin's own baseline.
        peer: The other call's name.
        elements: How many weights a call draws.
        target: The smallest acceptable ratio theirs / ours.
    """

    group: str
    name: str
    ours: Callable[[], Call]
    theirs: Callable[[], Call]
    peer: str
    elements: int
    target: float


@dataclass
class Timing:
    """Seconds of each repetition of both calls, and which of them counts: the median, or the smallest."""

    case: Case
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    typical: Callable[[list[float]], float] = statistics.median

    @property
    def ratio(self) -> float:
        """Typical time of the other call over fanin's: above 1, fanin is faster."""
        return self.typical(self.theirs) / self.typical(self.ours)

    @property
    def spread(self) -> float:
        """Half the interquartile range of the pairwise ratios, relative to their median."""
        ratios = [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        quartiles = statistics.quantiles(ratios, n=4)
        return (quartiles[2] - quartiles[0]) / 2 / quartiles[1]

    def nanoseconds(self, which: Literal["ours", "theirs"]) -> float:
        """Typical nanoseconds an element, of "ours" or "theirs"."""
        seconds = self.ours if which == "ours" else self.theirs
        return self.typical(seconds) / self.case.elements * 1e9


def measure(case: Case, repeats: int, typical: Callable[[list[float]], float] = statistics.median) -> Timing:
    """Run both calls in turn; short calls are run in batches of 10 ms.

    Each timed call follows one of its own kind that is not counted: what the other left behind (memory to be freed,
    another cache) falls on that one.
    """
    ours, theirs = case.ours(), case.theirs()
    timing = Timing(case, typical=typical)
    batches = {"ours": _batch(ours), "theirs": _batch(theirs)}
    for _ in range(repeats):
        ours()
        timing.ours.append(_time(ours, batches["ours"]))
        theirs()
        timing.theirs.append(_time(theirs, batches["theirs"]))
    return timing


def _batch(call: Call) -> int:
    call()
    return max(1, min(2000, int(0.01 / _time(call, 1))))


def _time(call: Call, batch: int) -> float:
    start = time.perf_counter()
    for _ in range(batch):
        call()
    return (time.perf_counter() - start) / batch
