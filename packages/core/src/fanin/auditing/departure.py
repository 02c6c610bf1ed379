"""How weights depart from those of a seed: whether a training may have moved them so."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Departure"]

_FEWEST = 16
"""Weights that differ from those of the seed, from which it counts how."""

_VALUES = 3
_LOOKED_AT = 64
"""Values that weights have which were cut off or set, and weights that are looked at for them."""

_MAPPED = 0.1
"""How far, as a share of the weights of the seed, one map of all of them must move them to be seen as one."""

_REST = 1e-4
"""What no map explains, as a share of the movement's squares: the weights of a training all move in their own way."""

_GROWN = 1.25
"""A slope on the weights of the seed that no training has: it moves weights across the draw, or shrinks them."""

_LIKE = 0.25
"""A correlation that the weights of a training have with those of the seed, unless it was a long one."""

_CERTAIN = 8.0
"""Standard errors: the correlation of independent weights is never so far from 0."""


@dataclass
class Departure:
    """How far weights have moved from those of a seed.

    Attributes:
        differing: How many differ.
        distance: The sum of the squares of the differences.
        drawn: That of the weights of the seed.
        product: The sum of the products of both.
        given: The sum of the squares of the weights.
        count: How many were compared.
        sums: Of those that differ: of the weights of the seed, of the weights, of the squares of the former, of the
            latter, and of the products.
        values: Those that the differing weights have; None where they are more than a few.
    """

    differing: int = 0
    distance: float = 0.0
    drawn: float = 0.0
    product: float = 0.0
    given: float = 0.0
    count: int = 0
    sums: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))
    values: set[float] | None = field(default_factory=set)

    def add(self, given: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64]) -> None:
        """Add weights, and those of the seed."""
        unequal = given != drawn
        self.differing += int(unequal.sum())
        with np.errstate(all="ignore"):
            self.distance += float(((given - drawn) ** 2).sum())
            self.drawn += float((drawn * drawn).sum())
            self.given += float((given * given).sum())
            self.product += float((given * drawn).sum())
        self.count += given.size
        if unequal.any():
            self._add_differing(given[unequal], drawn[unequal])

    def _add_differing(self, given: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64]) -> None:
        with np.errstate(all="ignore"):
            squares = (drawn * drawn).sum(), (given * given).sum(), (given * drawn).sum()
            self.sums += np.array([drawn.sum(), given.sum(), *squares])
        for some in (given[:_LOOKED_AT], given):
            if self.values is not None:
                found = self.values | set(np.unique(some).tolist())
                self.values = found if len(found) <= _VALUES else None

    def fault(self, precision: float, *, may_move: bool) -> str:
        """Return why the weights were not trained from those of the seed, though near them; nothing where they may be.

        Args:
            precision: Half of a step of the weights' dtype, relative to a weight.
            may_move: Whether a training may add one number to all: the first steps of Adam do so to the biases of
                classes that are all rare.
        """
        n = self.differing
        if n < _FEWEST:
            return ""
        part = f"{n:,} of {self.count:,} weights" if n < self.count else "all weights"
        if self.values is not None:
            return f"{part} of fanin's draw were set to {' or '.join(f'{one:.4g}' for one in sorted(self.values))}"
        x, y, xx, yy, xy = self.sums.tolist()
        spread, own, both = xx - x * x / n, yy - y * y / n, xy - x * y / n
        if not (math.isfinite(own) and spread > 0 and own > 0):
            return ""
        slope = both / spread
        moved, rest = xx - 2 * xy + yy, max(own - slope * both, 0.0)
        if moved > _MAPPED**2 * xx and rest <= _REST * moved + precision**2 * yy:
            shift = (y - slope * x) / n
            by = f"multiplied by {slope:.4g}" if abs(slope - 1) > precision**0.5 else ""
            if may_move and abs(slope - 1) < _MAPPED:
                return ""
            if shift**2 * n > _REST * moved:
                by += f"{' and ' * bool(by)}moved by {shift:.4g}"
            return f"{part} of fanin's draw were {by}"
        unlike = _CERTAIN / math.sqrt(n)
        if n < self.count and unlike < _LIKE and abs(both) <= unlike * math.sqrt(spread * own):
            return f"{part} of fanin's draw were replaced by others"
        if slope - unlike * math.sqrt(rest / spread) > _GROWN:
            return f"{part} of fanin's draw were multiplied by {slope:.3g} on average"
        return ""

    @property
    def relative(self) -> float:
        """The distance as a share of the weights of the seed."""
        return math.sqrt(self.distance / self.drawn) if self.drawn else math.inf if self.distance else 0.0

    @property
    def correlation(self) -> float:
        """The cosine between the weights and those of the seed: 0 for others of the same law."""
        both = math.sqrt(self.given * self.drawn)
        return self.product / both if both else 0.0
