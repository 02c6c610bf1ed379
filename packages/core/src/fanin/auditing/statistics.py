"""What one pass over weights keeps of them: moments, ends, counts of what no law draws, and a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from fanin.dtypes import DTYPES

__all__ = ["FEWEST_ROUNDED", "HUGE", "SAMPLE", "TINY", "Scanned", "Summary"]

Floats = npt.NDArray[np.float64]

SAMPLE: Final = 1 << 17
"""Weights that are kept for the distribution function: evenly spaced ones of a larger tensor."""

FEWEST_ROUNDED: Final = 16
"""Weights that are numbers of a narrower dtype by no chance: of float32 one in 8,192 is one of float16."""

HUGE: Final = 1e10
TINY: Final = 1e-30
"""Sizes of numbers above and below which no weights are, and memory that held other things is."""

_SUMS: Final = (
    *("count", "nan", "infinite", "subnormal", "tiny", "huge", "zeros", "outside", "narrow"),
    *("_seen", "_sum", "_squares", "_inner_sum", "_inner_squares"),
)
"""What two summaries have in all."""


@dataclass(frozen=True)
class Scanned:
    """What a compiled pass over some weights counts of them: see `Summary`."""

    count: int
    zeros: int
    subnormal: int
    tiny: int
    huge: int
    narrow: int
    low: float
    high: float
    sum: float
    squares: float


class Summary:
    """Statistics of weights that come in pieces.

    Args:
        size: How many will come.
        dtype: Their dtype.
        centre: The mean that they should have, near which the moments are taken.
        ends: No weight of the law lies outside of these, for practical purposes.
    """

    def __init__(
        self, size: int, dtype: str, centre: float = 0.0, ends: tuple[float, float] = (-math.inf, math.inf)
    ) -> None:
        self.size, self.dtype, self.centre, self.ends = size, dtype, centre, ends
        self.count = self.nan = self.infinite = self.subnormal = self.tiny = self.huge = self.zeros = 0
        self.outside = self.narrow = 0
        self.low, self.high = math.inf, -math.inf
        self._sum = self._squares = self._inner_sum = self._inner_squares = 0.0
        self._step = max(1, -(-size // SAMPLE))
        self._seen = 0
        self._sample: list[Floats] = []
        self._ordered: Floats | None = None
        form = DTYPES.get(dtype)
        self._normal = form.smallest_normal if form is not None else 0.0
        self._wide = form is not None and form.max_exponent >= 127  # a dtype in which garbage is far from any weight

    def add(self, values: Floats) -> None:
        """Add weights, flat and in the order of memory."""
        start = -self._seen % self._step
        self._seen += values.size
        self._sample.append(values[start :: self._step].copy())
        finite = np.isfinite(values)
        if not finite.all():
            self.nan += int(np.isnan(values).sum())
            self.infinite += int(np.isinf(values).sum())
            values = values[finite]
        if not values.size:
            return
        self.count += values.size
        size = np.abs(values)
        self.zeros += int((size == 0).sum())
        if self._wide:
            self.subnormal += int(((size < self._normal) & (size > 0)).sum())
            self.tiny += int(((size < TINY) & (size > 0)).sum())
            self.huge += int((size > HUGE).sum())
        self._widen(float(values.min()), float(values.max()))
        with np.errstate(over="ignore", invalid="ignore"):
            moved = values - self.centre
            self._sum += float(moved.sum())
            self._squares += float((moved * moved).sum())
            inside = (values >= self.ends[0]) & (values <= self.ends[1])
            outside = int(values.size - inside.sum())
            if outside:
                self.outside += outside
                moved = moved[inside]
            self._inner_sum += float(moved.sum())
            self._inner_squares += float((moved * moved).sum())
        if self.dtype in ("float32", "float64") and not self.huge:
            self.narrow += int((values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF) == 0).sum())

    def add_scanned(self, values: Callable[[slice], Floats], scanned: Scanned) -> bool:
        """Add weights that were counted, and return whether that was possible; if not, nothing was done.

        It is not where some may not be finite, or lie outside of the ends.

        Args:
            values: Returns some of the weights, flat and in the order of memory.
            scanned: What was counted of them.
        """
        if scanned.huge or not (self.ends[0] <= scanned.low and scanned.high <= self.ends[1]):
            return False
        start = -self._seen % self._step
        self._seen += scanned.count
        self._sample.append(values(slice(start, None, self._step)))
        self.count += scanned.count
        self.zeros += scanned.zeros
        if self._wide:
            self.subnormal, self.tiny = self.subnormal + scanned.subnormal, self.tiny + scanned.tiny
        self._widen(scanned.low, scanned.high)
        self._sum, self._squares = self._sum + scanned.sum, self._squares + scanned.squares
        self._inner_sum, self._inner_squares = self._inner_sum + scanned.sum, self._inner_squares + scanned.squares
        if self.dtype == "float32" and not self.huge:
            self.narrow += scanned.narrow
        return True

    def add_summary(self, other: Summary) -> None:
        """Add weights of which there is a summary with the same dtype, centre and ends."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._widen(other.low, other.high)
        self._sample.append(other.raw_sample[:: max(1, self._step // other.step)].copy())

    def _widen(self, low: float, high: float) -> None:
        # Which of 0 and -0 is the least depends on the order of comparisons: both are 0 here.
        self.low, self.high = min(self.low, low + 0.0), max(self.high, high + 0.0)

    @cached_property
    def precision(self) -> str:
        """The dtype of the numbers that all weights are: a narrower one than theirs, where they came through that."""
        if self.dtype not in ("float32", "float64") or self.count < FEWEST_ROUNDED:
            return self.dtype
        if self.narrow == self.count:
            return "bfloat16"
        sample = self.sample
        with np.errstate(over="ignore"):
            is_half = sample.size >= FEWEST_ROUNDED and (sample.astype(np.float16) == sample).all()
        return "float16" if is_half else self.dtype

    @property
    def is_constant(self) -> bool:
        """Whether all weights are one number."""
        return self.count > 0 and not self.nan and not self.infinite and self.low == self.high

    @property
    def mean(self) -> float:
        """The mean of those that are finite."""
        return self.centre + self._sum / self.count if self.count else math.nan

    @property
    def std(self) -> float:
        """Their standard deviation."""
        if self.low == self.high:
            return 0.0
        return self.spread(self.zeros_left_out(0))

    @property
    def rms(self) -> float:
        """The root mean square of their distance from the expected mean."""
        return math.sqrt(self._squares / self.count) if self.count else math.nan

    def zeros_left_out(self, zeros: int) -> tuple[int, float, float]:
        """Return count, sum and squares, from the expected mean, without so many zeros."""
        return self.count - zeros, self._sum + zeros * self.centre, self._squares - zeros * self.centre**2

    @property
    def inner(self) -> tuple[int, float, float]:
        """The same for the weights within the ends."""
        return self.count - self.outside, self._inner_sum, self._inner_squares

    def spread(self, moments: tuple[int, float, float]) -> float:
        """Return the standard deviation of count, sum and squares."""
        count, total, squares = moments
        if not count:
            return math.nan
        return math.sqrt(max(squares / count - (total / count) ** 2, 0.0))

    @property
    def sample(self) -> Floats:
        """The sample's finite weights, in the order of memory."""
        found = np.concatenate(self._sample) if self._sample else np.empty(0)
        self._sample = [found]
        kept: Floats = found[np.isfinite(found)]
        return kept

    @property
    def ordered_sample(self) -> Floats:
        """The sample's finite weights, the least first."""
        if self._ordered is None:
            self._ordered = np.sort(self.sample)
        return self._ordered

    @property
    def raw_sample(self) -> Floats:
        """The sample, with what is not finite."""
        found = np.concatenate(self._sample) if self._sample else np.empty(0)
        self._sample = [found]
        return found

    @property
    def step(self) -> int:
        """The sample is every so many weights, from the first on."""
        return self._step

    @property
    def is_sample_whole(self) -> bool:
        """Whether the sample is all of the weights."""
        return self._step == 1
