"""Weights against the law that a scheme gives them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from fanin.auditing.context import Context
from fanin.auditing.digits import told_apart
from fanin.auditing.factors import likely_factors
from fanin.auditing.families import family_of
from fanin.auditing.findings import Finding, Severity
from fanin.auditing.reading import is_wider
from fanin.auditing.units import Unit, ends_of
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES
from fanin.initializers import Constant, MatrixInitializer, TruncatedNormal, Uniform
from fanin.models.table import law_text
from fanin.testing.distance import distance
from fanin.testing.limits import Limits

__all__ = ["against_law", "bound_text"]

Floats = npt.NDArray[np.float64]

_FEW: Final = 0.001
"""A share of weights outside of the law's ends up to which the others are tested on their own."""

_USUAL: Final = (-2.0, 2.0)
"""The bounds that `trunc_normal_` of torch and timm has where none are given."""

_LIKELY: Final = 1e-4
"""The probability with which a family is not recognized by its weights."""

_COARSE: Final = 2.0
"""A test that finds no standard deviation below this factor says little."""


def against_law(unit: Unit, repeats: float, context: Context) -> tuple[str, list[Finding]]:
    """Return the verdict of a unit, and its faults.

    Args:
        unit: The unit, with a law.
        repeats: How often each weight is there, where rows or blocks are equal: 1 where none are.
        context: The audit.
    """
    if isinstance(unit.law, Constant):
        return _constant(unit, unit.law.value, context)
    expected = unit.expected
    if expected is None or isinstance(unit.law, MatrixInitializer):
        return "", []
    summary = unit.summary
    if summary.is_constant and summary.count > 1:
        evidence = {"value": summary.low, "law": _shown(unit)}
        cause = f"{_is(unit)} {summary.low:.6g} everywhere, where the law is {_shown(unit)}"
        return f"constant {summary.low:.6g}", [_finding("error", "constant", unit, cause, evidence, context)]
    faults = list(_random(unit, expected, repeats, context))
    if faults:
        return f"not {_shown(unit)}: {faults[0].kind}", faults[:1]
    return _follows(unit, expected, repeats, context), []


def _step(value: float, dtype: str) -> float:
    """Return the distance between neighbours of a dtype at twice a number."""
    form = DTYPES[dtype]
    exponent = max(math.frexp(2 * value)[1] - 1, form.min_exponent)
    return math.ldexp(1.0, exponent - form.mantissa)


def _constant(unit: Unit, value: float, context: Context) -> tuple[str, list[Finding]]:
    summary = unit.summary
    if summary.is_constant and summary.low in _stored(value, unit):
        return f"every weight is {value:g}", []
    evidence: dict[str, Any] = {"expected": value, "lowest": summary.low, "highest": summary.high}
    if summary.is_constant and summary.low == _rounded(value, "bfloat16"):
        cause = f"{_is(unit)} {summary.low:.6g} everywhere, which is {value:g} rounded to bfloat16"
        return f"{value:g}, rounded", [_finding("warning", "rounded", unit, cause, evidence, context)]
    if summary.is_constant:
        own, right = told_apart([summary.low, value], [6, 6])
        cause = f"{_is(unit)} {own} everywhere, and the law says {right}"
        return f"constant {own}", [_finding("error", "constant", unit, cause, evidence, context)]
    low, high, right = told_apart([summary.low, summary.high, value], [4, 4, 6])
    cause = f"{_is(unit)} not constant: from {low} to {high}, where the law says {right}"
    return f"not {value:g}", [_finding("error", "constant", unit, cause, evidence, context)]


def _random(unit: Unit, law: ExpectedLaw, repeats: float, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with random weights, the first first."""
    summary = unit.summary
    dead, beyond = _dead(unit), _beyond(unit, law)
    moments = summary.inner if 0 < beyond <= _FEW * summary.count else summary.zeros_left_out(0)
    count, total, squares = moments[0] - dead, moments[1] + dead * law.mean, moments[2] - dead * law.mean**2
    n = max(1, int(count / repeats))
    limits = Limits(n, law, context.alpha)
    shift, square = total / count / law.std, squares / count / law.std**2
    spread = math.sqrt(max(square - shift**2, 0.0))
    step = _step(law.std, summary.precision) / law.std
    slack = step**2 / 4 + 2 * step / math.sqrt(n)  # what rounding to the dtype may add
    low, high = limits.squares
    low, high = low - slack, high + slack
    evidence = {
        "weights": summary.count,
        "law": _shown(unit),
        "mean": law.mean + shift * law.std,
        "std": spread * law.std,
        "expected std": law.std,
        "false alarm rate": context.alpha,
    }
    off_mean = abs(shift) > limits.mean + slack
    if not low <= square <= high and not (off_mean and low <= spread**2 <= high):
        yield _scale(unit, law, spread, n, evidence, context)
        return
    if off_mean:
        cause = (
            f"{_has(unit)} a mean of {evidence['mean']:.4g}, {abs(shift):.3g} standard deviations from that of "
            f"{_shown(unit)}"
        )
        yield _finding("error", "mean", unit, cause, {**evidence, "most": limits.mean}, context)
        return
    if 0 < beyond <= _FEW * summary.count:
        ends = summary.ends
        far = max(summary.high - law.mean, law.mean - summary.low) / law.std
        cause = (
            f"{_has(unit)} {beyond} weight{'s' * (beyond > 1)} that {_shown(unit)} cannot draw, {far:.3g} standard "
            f"deviations away{_at_the_bound(unit)}"
        )
        numbers = {**evidence, "outside": beyond, "ends": list(ends), "lowest": summary.low, "highest": summary.high}
        yield _finding("error", "outlier", unit, cause, numbers, context)
        return
    yield from _shape(unit, law, repeats, (dead, beyond), evidence, context)


def _scale(unit: Unit, law: ExpectedLaw, spread: float, n: int, evidence: dict[str, Any], context: Context) -> Finding:
    family = family_of(_sample(unit, _beyond(unit, law)), _LIKELY)
    error = 0.01 + 4 * math.sqrt((law.kurtosis - 1) / (4 * n))
    likely = likely_factors(unit, spread * law.std, min(error, 0.2), family) if spread else []
    text = f"{_has(unit)} a standard deviation {_factor(spread)} times that of {_shown(unit)}"
    own = _family(law)
    if family and own and family != own:
        text += f", and a {family} distribution in place of a {own} one"
    if likely:
        text += f": {', or '.join(likely)}{_of_several(likely)}"
    return _finding("error", "std", unit, text, {**evidence, "factor": spread, "likely": likely}, context)


def _of_several(likely: list[str]) -> str:
    """Return that another fan and another gain give the numbers that were found, where both do; or nothing."""
    fan = any(" for fan_" in one for one in likely)
    gain = any("gain" in one and " for fan_" not in one for one in likely)
    return " (the numbers fit both)" if fan and gain else ""


def _at_the_bound(unit: Unit) -> str:
    """Return why a weight may lie exactly where a truncation ends that cuts nothing off."""
    law, bounds = unit.law, _USUAL
    if isinstance(law, TruncatedNormal):
        bounds = law.mean + law.lower * law.parent_std, law.mean + law.upper * law.parent_std
    return bound_text(unit.summary.low, unit.summary.high, bounds)


def bound_text(lowest: float, highest: float, bounds: tuple[float, float] = _USUAL) -> str:
    """Return what a weight looks like that lies where a truncation ends; nothing where none does."""
    if not any(abs(a - b) <= 1e-6 * abs(b) for a, b in zip((lowest, highest), bounds, strict=True)):
        return ""
    return (
        ": the bound of trunc_normal_, where the inverse error function puts a uniform number that is exactly -1 or 1"
    )


def _shape(
    unit: Unit,
    law: ExpectedLaw,
    repeats: float,
    apart: tuple[int, int],
    evidence: dict[str, Any],
    context: Context,
) -> Iterator[Finding]:
    dead, beyond = apart
    sample = _sample(unit, beyond)
    if dead:
        sample = sample[sample != 0]
    if not sample.size:
        return
    n = max(1, int(sample.size / repeats))
    limit = Limits(n, law, context.alpha).cdf
    off = distance(sample, unit.summary.precision, law)
    reach = max(abs(unit.summary.low - law.mean), abs(unit.summary.high - law.mean)) / law.std
    count = max(1.0, (unit.summary.count - dead) / repeats)
    slack = 1 + 2.0 ** -DTYPES[unit.summary.precision].mantissa
    inside = 2 * float(ndtr(-reach * slack)) if law.is_normal else 0.0
    short = law.is_normal and (count * math.log1p(-inside) if inside < 1 else -math.inf) < math.log(context.alpha)
    if off <= limit and not short and not beyond:
        return
    family = family_of(sample, _LIKELY)
    own = _family(law)
    if family == own:
        family = ""
    what = f"a {family} one of the same standard deviation" if family else "none that is known"
    if beyond and not family:
        what = f"{beyond:,} weights lie beyond its ends, {unit.summary.ends[0]:.4g} and {unit.summary.ends[1]:.4g}"
    elif short and off <= limit:
        what = f"one that ends at {reach:.3g} standard deviations" if family != "truncated normal" else what
    cause = f"{_has(unit)} another distribution than {_shown(unit)}: {what}"
    numbers = {**evidence, "distance": off, "most": limit, "family": family, "reach": reach}
    yield _finding("error", "distribution", unit, cause, numbers, context)


def _follows(unit: Unit, law: ExpectedLaw, repeats: float, context: Context) -> str:
    n = max(1, int(unit.summary.count / repeats))
    below, above = Limits(n, law, context.alpha).std_detected
    if above > _COARSE or below < 1 / _COARSE:
        seen = f"{above:.2g}" if math.isfinite(above) else "any"
        less = f" or below {below:.2g}" if below > 0 else ""
        if not math.isfinite(above):
            return "too small for a verdict: no std would be found wrong"
        return f"too small for a verdict: only a std above {seen}{less} times the right one would be found wrong"
    return f"follows {_shown(unit)}"


def _family(law: ExpectedLaw) -> str:
    if law.is_normal:
        return "normal"
    if isinstance(law.law, Uniform):
        return "uniform"
    return "truncated normal"


def _factor(ratio: float) -> str:
    return f"{ratio:.3g}"


def _beyond(unit: Unit, law: ExpectedLaw) -> int:
    """Return how many weights lie outside of the law's ends; none where rounding alone moved them there."""
    low, high = ends_of(law, unit.summary.precision)
    return 0 if low <= unit.summary.low and unit.summary.high <= high else unit.summary.outside


def _sample(unit: Unit, beyond: int) -> Floats:
    """Return the sample without what lies outside of the law's ends, where that is little."""
    sample, summary = unit.summary.sample, unit.summary
    if 0 < beyond <= _FEW * summary.count:
        sample = sample[(sample >= summary.ends[0]) & (sample <= summary.ends[1])]
    return sample


def _dead(unit: Unit) -> int:
    """Return how many zeros are more than the law draws: those of dead rows and columns."""
    return unit.summary.zeros if unit.summary.zeros > 0 and unit.dead else 0


def _rounded(value: float, dtype: str) -> float:
    form = DTYPES.get(dtype)
    return value if form is None else form.round(DTYPES[form.compute].round(value))


def _stored(value: float, unit: Unit) -> set[float]:
    """Return what a constant may be in the dtype of the weights, and in the scheme's if they are stored in a wider.

    In float64 it may be the float32 nearest to it: many a model is computed in float32, and then converted.
    """
    own, stored = unit.parameter.dtype if unit.parameter is not None else "", unit.summary.dtype
    formats = {stored} | ({own} if is_wider(stored, own) else set()) | ({"float32"} if stored == "float64" else set())
    return {_rounded(value, one) for one in formats}


def _shown(unit: Unit) -> str:
    assert unit.parameter is not None
    return law_text(unit.parameter)


def _is(unit: Unit) -> str:
    return f"{unit.called} is" if unit.called else "is"


def _has(unit: Unit) -> str:
    return f"{unit.called} has" if unit.called else "has"


def _finding(
    severity: Severity, kind: str, unit: Unit, cause: str, evidence: dict[str, Any], context: Context
) -> Finding:
    return Finding(severity, kind, (unit.name,), cause, evidence, context.line(unit))
