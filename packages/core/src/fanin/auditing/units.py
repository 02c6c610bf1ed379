"""The units of a tensor: each region that has a law of its own, with what is kept of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fanin.auditing.departure import Departure
from fanin.auditing.statistics import Summary
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.initializers import Constant, Law, MatrixInitializer, Normal, TruncatedNormal
from fanin.models.draw import common_region, counted_from
from fanin.models.parameter import OTHER_DTYPES, Parameter, Region, part_name
from fanin.models.table import region_text
from fanin.weights.tensor import index_of, whole_of

__all__ = ["Unit", "ends_of", "owners", "units_of"]

_FAR = 9.0
"""No normal weight lies so many standard deviations away: one of 10^18 does."""


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
        label: What it is called in texts; the region as an index where nothing is said.
        index: How it is indexed in a line of code, where not by its region.
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
    label: str = ""
    index: str = ""

    @property
    def called(self) -> str:
        """What it is called in texts; nothing where it is the whole tensor."""
        return self.label or self.place

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
