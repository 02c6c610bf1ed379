"""The units of a tensor: each region that has a law of its own, with what is kept of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fanin.auditing.statistics import Summary
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.initializers import Constant, Law, MatrixInitializer, Normal, TruncatedNormal
from fanin.models.draw import common_region, counted_from
from fanin.models.parameter import OTHER_DTYPES, Parameter, Region, part_name
from fanin.models.table import region_text
from fanin.weights.tensor import index_of, whole_of

__all__ = ["Departure", "Unit", "ends_of", "owners", "units_of"]

_FAR = 9.0
"""No normal weight lies so many standard deviations away: one of 10^18 does."""

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


@dataclass
class Unit:
    """One region with one law.

    Attributes:
        name: The tensor's name.
        region: Where it is.
        parameter: The region as a parameter of a scheme; None without a scheme.
        law: The law of its weights; None where none is known.
        stream: The name of its stream.
        summary: What is kept of its weights.
        departure: How far they are from the weights of a seed, where one was given.
        parts: Regions within it that belong to other units.
        shape: The tensor's shape.
        dead: Whether rows or columns of it are zeros.
    """

    name: str
    region: Region
    parameter: Parameter | None
    law: Law | None
    stream: object
    summary: Summary
    departure: Departure | None = None
    parts: list[Region] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    dead: bool = False

    @property
    def place(self) -> str:
        """The region as an index, "[0:64, :]"; nothing where it is the whole tensor."""
        return "" if self.region == whole_of(self.shape) else f"[{region_text(self.region, self.shape)}]"

    @property
    def expected(self) -> ExpectedLaw | None:
        """The law in numbers, where its weights are independent and random."""
        return _expected(self.law)

    @property
    def is_random(self) -> bool:
        """Whether every weight is drawn on its own."""
        return self.expected is not None


def units_of(
    name: str, own: str, shape: tuple[int, ...], dtype: str, parameter: Parameter | None, *, seeded: bool
) -> list[Unit]:
    """Return the units of a tensor; of two that have an element in common, the later one has it.

    Args:
        name: Its name.
        own: What the scheme calls it, which is its stream's name.
        shape: Its shape.
        dtype: Its dtype.
        parameter: What a scheme says of it.
        seeded: Whether the weights are compared with those of a seed.
    """
    if parameter is None:
        return [Unit(name, whole_of(shape), None, None, None, Summary(math.prod(shape), dtype), shape=shape)]
    units = []
    for region, one, called in _flat(parameter, own, whole_of(shape)):
        law = _law(one)
        expected = _expected(law)
        centre, ends = (0.0, (-math.inf, math.inf)) if expected is None else (expected.mean, ends_of(expected, dtype))
        size = math.prod(stop - start for start, stop in region)
        departure = Departure() if seeded and parameter.follows_laws else None
        stream = one.stream if one.stream is not None else called
        units.append(Unit(name, region, one, law, stream, Summary(size, dtype, centre, ends), departure, shape=shape))
    for k, unit in enumerate(units):
        unit.parts = [other.region for other in units[k + 1 :] if common_region(unit.region, other.region)]
    return [unit for unit in units if unit.region not in unit.parts]


def owners(units: list[Unit], region: Region) -> Iterator[tuple[Unit, Any]]:
    """Yield the units that have elements of a piece, and the index of those within it."""
    if len(units) == 1 and not units[0].parts and common_region(units[0].region, region) == region:
        yield units[0], ...
        return
    owner = np.full([stop - start for start, stop in region], -1, np.int32)
    for k, unit in enumerate(units):
        common = common_region(unit.region, region)
        if common is not None:
            owner[index_of(counted_from(region, common))] = k
    for k in np.unique(owner):
        if k >= 0:
            yield units[k], owner == k


def _flat(parameter: Parameter, name: str, region: Region) -> Iterator[tuple[Region, Parameter, str]]:
    """Yield each parameter that has no parts, with its region in the whole, in the order of drawing."""
    if parameter.initializer is not None or not parameter.parts or not parameter.follows_laws:
        yield region, parameter, name
    for k, part in enumerate(parameter.parts):
        moved = tuple((first + a, first + b) for (first, _), (a, b) in zip(region, part.region, strict=True))
        yield from _flat(part.parameter, part_name(name, k), moved)


def _law(parameter: Parameter) -> Law | None:
    initializer = parameter.initializer
    if initializer is None or not parameter.size:
        return None
    try:
        return initializer.law(initializer.fans(parameter.geometry) if initializer.needs_fans else None)
    except FaninError:
        return None


def _expected(law: Law | None) -> ExpectedLaw | None:
    """Return a law of independent weights in numbers; an ineffective truncation left out."""
    if law is None or isinstance(law, (Constant, MatrixInitializer)):
        return None
    if isinstance(law, TruncatedNormal) and law.lower < -8 and law.upper > 8:
        return ExpectedLaw.of(Normal(law.mean, law.std))
    return ExpectedLaw.of(law)


def ends_of(law: ExpectedLaw, dtype: str) -> tuple[float, float]:
    """Return where the law's weights end, as the dtype may round them."""
    low, high = law.bounds
    if law.is_normal:
        return law.mean - _FAR * law.std, law.mean + _FAR * law.std
    slack = 0.0 if dtype in OTHER_DTYPES or dtype not in DTYPES else 2.0 ** -DTYPES[dtype].mantissa
    size = max(abs(low), abs(high)) if math.isfinite(low) and math.isfinite(high) else 1.0
    return low - slack * size, high + slack * size
