"""Weights that no law draws: not a number, infinite, or memory that nothing was written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.auditing.context import Context
from fanin.auditing.dead import is_dead
from fanin.auditing.families import may_follow_a_law
from fanin.auditing.findings import Finding, Severity
from fanin.auditing.reading import Reading
from fanin.auditing.slices import places_in
from fanin.auditing.statistics import HUGE, TINY
from fanin.dtypes import DTYPES

__all__ = ["garbage", "is_spoiled"]

_RUN: Final = 64
"""Zeros in a row that are no chance, whatever the dtype."""

_VALUES: Final = 3
_FEWEST: Final = 9
"""Values that a mask has at most, and elements that it has at least."""

_STRAY: Final = 1e-3
"""A share of garbage up to which the other weights still tell something."""

_NORMAL: Final = 2.0**-126
"""The least number of float32 and bfloat16 that has all of its digits."""

_GARBAGE: Final[dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]]] = {
    "nan": np.isnan,
    "infinite": np.isinf,
    "uninitialized": lambda values: ~(np.abs(values) <= HUGE) | ((np.abs(values) < TINY) & (values != 0)),
    "subnormal": lambda values: (np.abs(values) < _NORMAL) & (values != 0),
}
"""Which weights each kind of finding means."""

_TINY: Final = 0.01
"""A share of weights below 1e-30, as small whole numbers look that are read as floating-point ones."""


def garbage(found: Reading, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the values as such, the worst alone."""
    for unit in found.units:
        summary = unit.summary
        size = summary.size or 1
        at = f" {unit.place}" if unit.place else ""
        numbers: dict[str, Any] = {
            "weights": summary.size,
            "nan": summary.nan,
            "infinite": summary.infinite,
            "subnormal": summary.subnormal,
            "above 1e10": summary.huge,
            "below 1e-30": summary.tiny,
        }
        wild = summary.huge + summary.tiny
        kind, cause = "", ""
        severity: Severity = "error"
        if _may_be_a_bound(found):
            kind, severity, cause = "infinite", "note", "is infinite: a bound, perhaps"
        elif _may_be_a_mask(found):
            kind, severity = "infinite", "note"
            cause = "has weights that are infinite or huge, and few others: a mask, perhaps"
        elif summary.huge or summary.tiny > _TINY * size:
            kind = "uninitialized"
            cause = (
                f"holds memory that nothing was written to: {wild + summary.nan:,} of {size:,} weights are above 1e10, "
                f"below 1e-30 or NaN"
            )
        elif summary.nan:
            kind, cause = "nan", f"has {summary.nan:,} NaN among {size:,} weights"
            if summary.nan == size:
                cause = "is NaN everywhere"
        elif summary.infinite:
            kind, cause = "infinite", f"has {_many(summary.infinite, 'infinite')} among {size:,}"
        elif summary.subnormal:
            kind, severity = "subnormal", "warning"
            cause = f"has {_many(summary.subnormal, 'subnormal')} among {size:,}: too small for its dtype's precision"
        if kind and not at and severity != "note" and (which := places_in(found, _GARBAGE[kind])):
            at, numbers["which"] = f", in {which}", which
        if kind:
            yield Finding(severity, kind, (found.name,), cause + at, numbers, context.line(unit))
            return
    yield from _unwritten(found, context)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what} weight{'s' * (count > 1)}"


def _unwritten(found: Reading, context: Context) -> Iterator[Finding]:
    """Yield a run of zeros within random weights that is no row of zeros, nor an output or an input."""
    start, length = found.zero_run
    summary_zeros = sum(unit.summary.zeros for unit in found.units)
    if length < _RUN or 2 * summary_zeros > found.tensor.size or found.is_constant:
        return
    if not (found.is_random if context.has_scheme else _rest_is_random(found, context)):
        return
    columns = found.columns
    if len(found.shape) > 1 and start % columns == 0 and length % columns == 0:
        return
    if found.hashes is not None and is_dead(found, start, length, context):
        return
    for unit in found.units:
        unit.dead = True
    size = found.units[0].summary.size
    cause = f"has a run of {length:,} zeros among its {size:,} weights: memory that nothing was written to"
    severity: Severity = "error" if context.has_scheme else "warning"
    yield Finding(
        severity,
        "uninitialized",
        (found.name,),
        cause,
        {"start": start, "zeros": length},
        context.line(found.units[0]),
    )


def _rest_is_random(found: Reading, context: Context) -> bool:
    """Return whether the weights that are not 0 may follow a law: a table of sines has zeros in a row too."""
    if found.tensor.dtype not in DTYPES:
        return False
    rest = found.units[0].summary.sample
    return may_follow_a_law(rest[rest != 0], found.tensor.dtype, context.alpha)


def is_spoiled(found: Reading) -> bool:
    """Whether so many weights are garbage that the others tell nothing."""
    if _may_be_a_mask(found) or _may_be_a_bound(found):
        return True
    bad = sum(unit.summary.nan + unit.summary.infinite + unit.summary.huge + unit.summary.tiny for unit in found.units)
    return bad > _STRAY * max(1, found.tensor.size)


def _may_be_a_bound(found: Reading) -> bool:
    """Return whether a tensor without a law is one infinite number."""
    return found.tensor.size == 1 and found.units[0].law is None and found.units[0].summary.infinite == 1


def _may_be_a_mask(found: Reading) -> bool:
    """Return whether a tensor without a law has two or three values, of which one is infinite or huge."""
    if len(found.units) > 1 or found.units[0].law is not None:
        return False
    summary = found.units[0].summary
    if not summary.infinite + summary.huge or summary.nan or found.tensor.size < _FEWEST:
        return False
    return np.unique(summary.raw_sample).size <= _VALUES
