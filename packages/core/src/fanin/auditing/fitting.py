"""Without a scheme: the laws that weights may follow, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import ndtr

from fanin.auditing.context import Context
from fanin.auditing.factors import TRUNCATED
from fanin.auditing.families import FAMILIES
from fanin.auditing.reading import Reading
from fanin.conformance.distribution.statistics import cdf_limit
from fanin.dtypes import DTYPES
from fanin.testing.distance import distance
from fanin.testing.limits import Limits

__all__ = ["Fit", "fit"]

_FEWEST: Final = 8
_SHOWN: Final = 2
_PRECISE: Final = 20
"""Bits of a mantissa from which two random weights are hardly ever equal."""

_NARROW: Final = 7
"""Bits of bfloat16's mantissa: with fewer, random weights have few values too."""

_VALUES: Final = 2048
_VALUES_OF_BFLOAT16: Final = 64
"""Values that a table has at most: random weights that came through float16, or bfloat16, have more."""

_MATRIX: Final = 1 << 22
"""Elements up to which a matrix is held against orthogonal ones."""


@dataclass(frozen=True)
class Fit:
    """What weights may be.

    Attributes:
        verdict: In a few words.
        families: The distributions that fit.
        rules: The rules of the standard deviation that fit.
        looks_random: Whether the weights look independent and random.
    """

    verdict: str
    families: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    looks_random: bool = False


def fit(found: Reading, zeros: int, context: Context) -> Fit:
    """Return the laws that a tensor may follow.

    Args:
        found: The tensor.
        zeros: Zeros of dead rows and the like, which are left out.
        context: The audit.
    """
    summary = found.units[0].summary
    if summary.is_constant:
        return Fit(f"every weight is {summary.low:.6g}" if found.tensor.size > 1 else f"{summary.low:.6g}")
    if found.is_ordered():
        return Fit("in order, as a table")
    sample = summary.ordered_sample
    if zeros:
        sample = sample[sample != 0]
    if sample.size < _FEWEST:
        return Fit("too small for a verdict")
    if found.tensor.dtype not in DTYPES:
        return Fit("no law")
    if _has_few_values(found, sample):
        return Fit("few values, many times each: a table, perhaps")
    moments = summary.zeros_left_out(zeros)
    count, mean = moments[0], moments[1] / moments[0]
    std = summary.spread(moments)
    if (gain := _orthogonal(found)) is not None:
        return Fit(f"orthogonal, gain {gain:.4g}", ("orthogonal",), (f"orthogonal, gain {gain:.4g}",), True)
    if not std > 0:
        return Fit("no law")
    families = tuple(_families(found, sample, mean, std, count, context.alpha))
    if not families:
        return Fit(f"no law that is known (std {std:.3g}): a table, or trained")
    centred = abs(mean) / std <= Limits(count, FAMILIES["normal"], context.alpha).mean * 1.5
    limits = [Limits(count, FAMILIES[family], context.alpha).squares for family in families]
    known = dict(_rules(found.shape)) if centred else {}
    rules = [text for text, right in known.items() if any(low <= (std / right) ** 2 <= high for low, high in limits)]
    exact = sorted(rules, key=lambda text: abs(math.log(known[text] / std)))
    shape = families[0] if len(families) == 1 else " or ".join(families)
    if not exact:
        where = "" if centred else f" around {mean:.3g}"
        return Fit(f"{shape}{where}, std {std:.3g}: no rule that is known", families, (), True)
    shown = " or ".join(exact[:_SHOWN])
    more = f", {len(exact) - _SHOWN} others fit" if len(exact) > _SHOWN else ""
    return Fit(f"{shape}, {shown}{more}", families, tuple(exact), True)


def _has_few_values(found: Reading, sample: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Return whether each value is there twice on average, and random weights of the dtype would have more values."""
    summary = found.units[0].summary
    mantissa = DTYPES[found.tensor.dtype].mantissa
    if mantissa < _NARROW:
        return False
    most = _VALUES if mantissa >= _PRECISE and summary.narrow < summary.count else _VALUES_OF_BFLOAT16
    values = int(np.count_nonzero(np.diff(sample))) + 1
    return values <= most and 2 * values <= sample.size


def _families(
    found: Reading, sample: np.ndarray[tuple[int], np.dtype[np.float64]], mean: float, std: float, n: int, alpha: float
) -> Iterator[str]:
    summary = found.units[0].summary
    limit = cdf_limit(sample.size, alpha)
    far = max(summary.high - mean, mean - summary.low) / std
    slack = 2.0 ** -DTYPES[summary.dtype].mantissa
    standard = (sample - mean) / std
    for name, law in FAMILIES.items():
        end = law.bounds[1]
        if math.isfinite(end) and far > end * (1 + 4 / math.sqrt(n) + slack):
            continue
        if law.is_normal:
            inside = 2 * float(ndtr(-far * (1 + slack)))
            if n * math.log1p(-inside) < math.log(alpha) or n * 2 * float(ndtr(-far)) < alpha:
                continue
        if distance(standard, "float64" if slack < 1e-3 else summary.dtype, law, ordered=True) <= limit:
            yield name


@lru_cache(maxsize=256)
def _rules(shape: tuple[int, ...]) -> list[tuple[str, float]]:
    """Return the rules of the standard deviation, the usual ones first; of two that say the same, the first."""
    found: list[tuple[str, float]] = []
    for text, std in _all_rules(shape):
        if std > 0 and not any(abs(math.log(std / other)) < 1e-9 for _, other in found):
            found.append((text, std))
    return found


def _all_rules(shape: tuple[int, ...]) -> Iterator[tuple[str, float]]:
    for std in (0.02, 0.01, 1.0, 0.05, 0.001, 1e-6):
        yield f"std {std:g}", std
    for std in (0.02, 1.0):
        yield f"std {std:g} truncated, uncorrected", std * TRUNCATED
    if len(shape) >= 2:
        taps = math.prod(shape[2:])
        first = (shape[1] * taps, shape[0] * taps)
        other = (shape[-2] * math.prod(shape[:-2]), shape[-1] * math.prod(shape[:-2]))
        orders = [("" if len(shape) == 2 else " (O, I, ...)", first)]
        if len(shape) > 2:
            orders.append((" (..., I, O)", other))
        for order, (inputs, outputs) in orders:
            if inputs and outputs:
                yield from _scaled(order, inputs, outputs, len(shape) == 2)
    if len(shape) == 1 and shape[0]:
        yield "1/sqrt(n)", 1 / math.sqrt(shape[0])
        yield "1/sqrt(3 n)", 1 / math.sqrt(3 * shape[0])


def _scaled(order: str, inputs: int, outputs: int, is_matrix: bool) -> Iterator[tuple[str, float]]:
    """Yield the rules with fans; of a matrix fan_in is the second axis, as in torch, and fan_out the first."""
    names = ("axis 1", "axis 0") if is_matrix else ("fan_in", "fan_out")
    for name, fan in zip(names, (inputs, outputs), strict=True):
        yield f"he of {name}{order}", math.sqrt(2 / fan)
        yield f"lecun of {name}{order}", math.sqrt(1 / fan)
    yield f"glorot{order}", math.sqrt(2 / (inputs + outputs))
    for name, fan in zip(names, (inputs, outputs), strict=True):
        yield f"torch's default of {name}{order}", math.sqrt(1 / (3 * fan))
        yield f"lecun of {name}, truncated uncorrected{order}", TRUNCATED * math.sqrt(1 / fan)
        yield f"he of {name}, truncated uncorrected{order}", TRUNCATED * math.sqrt(2 / fan)
    for parts in (3, 4):
        if is_matrix and outputs == parts * inputs:
            yield f"glorot of each {parts}th", math.sqrt(2 / (inputs + outputs / parts))


def _orthogonal(found: Reading) -> float | None:
    """Return the gain of an orthogonal matrix; None where it is none."""
    if len(found.shape) < 2 or not 1 < found.tensor.size <= _MATRIX or not found.tensor.is_whole:
        return None
    if min(found.shape[0], found.columns) < 2 or not found.units[0].summary.is_sample_whole:
        return None
    matrix = found.units[0].summary.raw_sample
    if matrix.size != found.tensor.size:
        return None
    matrix = matrix.reshape(found.shape[0], -1)
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    first = float(wide[0] @ wide[0])
    if not first > 0 or abs(float(wide[0] @ wide[1])) > 0.01 * first:
        return None
    gram = wide @ wide.T / first
    error = float(np.abs(gram - np.eye(len(gram))).max())
    return math.sqrt(first) if error < 256 * 2.0 ** -DTYPES[found.tensor.dtype].mantissa else None
