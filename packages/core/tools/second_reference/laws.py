"""From an initializer and a tensor's fans to the integers of a draw (specification, sections 3.3, 4, 7 and 8)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath

from second_reference.arguments import Refused, Tensor, refuse
from second_reference.formats import FORMATS, Number, number
from second_reference.streams import normal_point, uniform_point

FURTHEST = normal_point(0)


def fans(tensor: Tensor) -> tuple[float, float]:
    """Return fan_in and fan_out, of the whole tensor (section 7)."""
    if tensor.layout is None:
        raise Refused("fans without a layout")
    kernel = tensor.count("DHW")
    rows, columns = tensor.matrix  # of one group: what it has of each channel, an output or an input reaches
    return columns * kernel / (tensor.strides if tensor.transposed else 1), float(rows * kernel)


@dataclass(frozen=True)
class Law:
    """A distribution in doubles: the scale is the parent's standard deviation, or the uniform's half-width."""

    kind: str
    scale: float
    mean: float = 0.0
    lower: float = -math.inf
    upper: float = math.inf


def law(settings: dict[str, Any], tensor: Tensor) -> Law:
    """Return the law of an initializer that is drawn element by element (section 8)."""
    kind = settings["initializer"]
    if kind == "variance_scaling":
        return _scaled(settings["scale"], settings["distribution"], _fan(settings["mode"], *fans(tensor)))
    if kind == "uniform":
        return _uniform(settings["low"], settings["high"])
    if kind == "truncated_normal":
        return _truncated(settings["mean"], settings["std"], settings["lower"], settings["upper"])
    return Law("normal", settings["std"], settings.get("mean", 0.0))


def _fan(mode: str, fan_in: float, fan_out: float) -> float:
    found = {
        "fan_in": fan_in,
        "fan_out": fan_out,
        "fan_avg": (fan_in + fan_out) / 2,
        "fan_geo": math.sqrt(fan_in * fan_out),
    }[mode]
    refuse(found == 0, f"{mode} is 0")
    return found


def _scaled(scale: float, distribution: str, fan: float) -> Law:
    variance = scale / fan
    spread = math.sqrt(3.0 * variance) if distribution == "uniform" else math.sqrt(variance)
    refuse(not 0 < spread < math.inf, "the variance leaves the doubles")
    if distribution == "uniform":
        return _uniform(-spread, spread)
    return Law("normal", spread) if distribution == "normal" else _truncated(0.0, spread, -2.0, 2.0)


def _uniform(low: float, high: float) -> Law:
    return Law("uniform", (high - low) / 2, (low + high) / 2)


def _truncated(mean: float, std: float, lower: float, upper: float) -> Law:
    refuse(ranks(lower, upper)[1] < 1 << 16, "a truncation that keeps too little")
    return Law("truncated_normal", std / truncated_std(lower, upper), mean, lower, upper)


@lru_cache(maxsize=1024)
def ranks(lower: float, upper: float) -> tuple[int, int]:
    """Return the rank of word 0, and how many ranks lie between the bounds (section 3.3)."""
    with mpmath.workdps(50):
        first, end = (int(mpmath.nint(mpmath.erfc(_clipped(x) / mpmath.sqrt(2)) * 2**31)) for x in (upper, lower))
    return first, end - first


@lru_cache(maxsize=1024)
def truncated_std(lower: float, upper: float) -> float:
    """Return the standard deviation of a truncated standard normal, from its moments (section 8)."""
    if math.isinf(lower) and math.isinf(upper):
        return 1.0
    with mpmath.workdps(60):
        a, b = _clipped(lower), _clipped(upper)
        mass, second = _moment(b, 0) - _moment(a, 0), _moment(b, 2) - _moment(a, 2)
        first = mpmath.npdf(a) - mpmath.npdf(b)
        return float(mpmath.sqrt(second / mass - (first / mass) ** 2))


def _moment(x: Any, power: int) -> Any:
    """Return the integral of t^power times the normal density from 0 to x; the power is even."""
    whole = mpmath.gammainc((power + 1) / mpmath.mpf(2), 0, x * x / 2) * 2 ** (power // 2)
    return mpmath.sign(x) * whole / (2 * mpmath.sqrt(mpmath.pi))


def _clipped(x: float) -> Any:
    return mpmath.mpf(max(-15.0, min(15.0, x)))  # beyond lies 4e-51 of the probability


@dataclass(frozen=True)
class Draw:
    """How a word becomes a number: (point(word) >> shift) + mean, times the factor."""

    point: Callable[[int], int]
    shift: int
    mean: int
    factor: Number
    computed: str

    def number(self, point: int) -> Number:
        """Return the weight of a lattice point in the format in which it is computed."""
        form = FORMATS[self.computed]
        total = form.rounded(number((point >> self.shift) + self.mean))
        product = Number(total.negative, total.digits * self.factor.digits, total.exponent + self.factor.exponent)
        return form.rounded(product)

    def pattern(self, word: int, dtype: str) -> int:
        """Return the bits of the weight of a word."""
        return FORMATS[dtype].pattern(self.number(self.point(word)))


def draw(found: Law, dtype: str) -> Draw:
    """Return how a law is drawn in a dtype (section 4), or refuse it (section 10)."""
    computed = "float64" if dtype == "float64" else "float32"
    bits, bound = (24, 1 << 24) if found.kind == "uniform" else (28, 7 << 28)
    scale = _scale(found.scale, computed)
    shift, mean = _on_lattice(found, bits, bound, 52 if computed == "float64" else 31)
    point, ends = _points(found)
    made = Draw(point, shift, mean, _moved(scale, shift - bits, computed), computed)
    try:
        for end in ends:
            FORMATS[dtype].pattern(made.number(end))
    except OverflowError:
        raise Refused(f"weights beyond the largest {dtype}") from None
    return made


def _scale(value: float, computed: str) -> Number:
    try:
        return _moved(FORMATS[computed].rounded(number(value)), 0, computed)
    except OverflowError:
        raise Refused("a scale that is not finite") from None


def _moved(scale: Number, exponent: int, computed: str) -> Number:
    """Return scale * 2^exponent, which must have lost nothing."""
    moved = scale._replace(exponent=scale.exponent + exponent)
    refuse(not FORMATS[computed].is_normal(moved), "a scale that is lost to underflow or overflow")
    return moved


def _points(found: Law) -> tuple[Callable[[int], int], tuple[int, int]]:
    """Return the lattice point of a word, and the furthest ones."""
    if found.kind == "uniform":
        return uniform_point, (1 - (1 << 24), (1 << 24) - 1)
    first, count = (0, 1 << 32) if found.kind == "normal" else ranks(found.lower, found.upper)
    if count == 1 << 32:
        return normal_point, (-FURTHEST, FURTHEST)
    low = -FURTHEST if found.lower < -7 else math.ceil(Fraction(found.lower) * (1 << 28))
    high = FURTHEST if found.upper > 7 else math.floor(Fraction(found.upper) * (1 << 28))
    low, high = max(low, -FURTHEST), min(high, FURTHEST)
    return lambda word: min(max(normal_point(first + (word * count >> 32)), low), high), (low, high)


def _on_lattice(found: Law, bits: int, bound: int, width: int) -> tuple[int, int]:
    """Return the smallest shift for which the sum has `width` bits beside its sign, and the mean (section 4.2)."""
    if found.mean == 0:
        return 0, 0
    ratio = Fraction(found.mean) / Fraction(found.scale)
    for shift in itertools.count():
        mean = round(ratio * Fraction(2) ** (bits - shift))
        if abs(mean) + math.ceil(Fraction(bound, 1 << shift)) < 1 << width:
            return shift, mean
    raise AssertionError


def constant(value: float, dtype: str) -> int:
    """Return the bits of a constant (section 4.5)."""
    computed = FORMATS["float64" if dtype == "float64" else "float32"]
    try:
        return FORMATS[dtype].pattern(computed.rounded(number(value)))
    except OverflowError:
        raise Refused(f"a constant beyond the largest {dtype}") from None


def check_gain(gain: float, dtype: str) -> None:
    """Refuse the gain of an orthogonal matrix that underflows as a scale would, or overflows the dtype."""
    computed = "float64" if dtype == "float64" else "float32"
    _moved(_scale(gain, computed), -28, computed)
    constant(gain, dtype)
