"""The law of random bits, and of what shifts, affine steps, clamps and the inverse error function make of them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jax.numpy as jnp
import numpy as np
from scipy import special

from fanin.exceptions import FaninError
from fanin.initializers import Constant, Initializer, Normal, Orthogonal, TruncatedNormal, Uniform
from fanin.initializers.names import profile
from fanin_jax._record.ref import Ref

__all__ = [
    "Bits",
    "Drawn",
    "Law",
    "Orthonormal",
    "Quantile",
    "affine",
    "bitcast",
    "clamped",
    "quantile_of",
    "settled",
    "shifted",
]

_SIGMAS: Final = 7.0
"""No normal weight of fanin's is beyond 6.2304 standard deviations: a bound further out cuts nothing off."""

_SLACK: Final = 4e-6
"""How far a bound may be off, in the units of the law: JAX computes bounds in float32."""


_ROOTS: Final = frozenset(
    float(np.sqrt(2.0).astype(dtype)) for dtype in ("float16", jnp.bfloat16, "float32", "float64")
)
"""The square root of 2, as JAX has it in each dtype."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Random bits, on their way to be numbers of [1, 2): shifted right, and put under the exponent of 1.

    Attributes:
        width: The number of random bits.
        shift: How far they have been shifted.
        above: The bits above them, which are constant; None before they are set.
    """

    width: int
    shift: int = 0
    above: int | None = None


@dataclass(frozen=True, slots=True)
class Quantile:
    """The inverse error function of uniform numbers: a normal once it is scaled, truncated where they are."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Orthonormal:
    """The first factor of a QR decomposition of normal numbers, which is no law before its signs are set."""


Drawn: TypeAlias = Initializer | Bits | Quantile | Orthonormal


@dataclass(frozen=True, slots=True)
class Law:
    """What every element of a region follows.

    Attributes:
        drawn: The law, or what becomes one.
        source: The number of the source that it is drawn from.
        ref: Which of the source's numbers they are.
    """

    drawn: Drawn
    source: int
    ref: Ref

    @property
    def initializer(self) -> Initializer | None:
        """The law, or None where it is none yet."""
        return self.drawn if isinstance(self.drawn, Initializer) else None

    def becomes(self, drawn: Drawn | None) -> Law | None:
        """Return the law of the same numbers as another one."""
        return None if drawn is None else dataclasses.replace(self, drawn=drawn)


def shifted(drawn: Drawn, by: int) -> Drawn | None:
    """Return what shifting bits to the right makes."""
    if isinstance(drawn, Bits) and drawn.above is None and 0 <= by < drawn.width - drawn.shift:
        return dataclasses.replace(drawn, shift=drawn.shift + by)
    return None


def bitcast(drawn: Drawn, dtype: np.dtype[Any]) -> Drawn | None:
    """Return the law of bits as floating-point numbers: uniform in [1, 2), where they fill the mantissa of 1."""
    if not isinstance(drawn, Bits) or not jnp.issubdtype(dtype, jnp.floating):
        return None
    mantissa = int(jnp.finfo(dtype).nmant)  # type: ignore[no-untyped-call]
    one = int(np.ones((), dtype).view(f"uint{8 * dtype.itemsize}"))
    return Uniform(1.0, 2.0) if (drawn.width - drawn.shift, drawn.above) == (mantissa, one) else None


def affine(drawn: Drawn, factor: float, shift: float) -> Drawn | None:
    """Return the law of factor * w + shift; a constant where it has no width, None where fanin has none such."""
    try:
        return _affine(drawn, factor, shift)
    except (FaninError, OverflowError):
        return None


def _affine(drawn: Drawn, factor: float, shift: float) -> Drawn | None:
    match drawn:
        case Bits() | Orthonormal():
            return None
        case _ if factor == 0:
            return Constant(shift)
        case Quantile(low, high):
            if factor < 0:
                low, high, factor = -high, -low, -factor
            lower, upper = (math.sqrt(2.0) * float(special.erfinv(end)) for end in (low, high))
            return _truncated(shift, 1.0 if factor in _ROOTS else factor / math.sqrt(2.0), lower, upper)
        case Normal(mean, std):
            return Normal(factor * mean + shift, abs(factor) * std)
        case Uniform(low, high):
            return Uniform(*sorted((factor * low + shift, factor * high + shift)))
        case TruncatedNormal(mean, std, lower, upper):
            bounds = (lower, upper) if factor > 0 else (-upper, -lower)
            return TruncatedNormal(factor * mean + shift, abs(factor) * std, *bounds)
        case Orthogonal(gain) if shift == 0:
            return dataclasses.replace(drawn, gain=gain * abs(factor))
        case _:
            return None


def quantile_of(drawn: Drawn, dtype: np.dtype[Any]) -> Drawn | None:
    """Return the law of the inverse error function of w, where w is uniform.

    Args:
        drawn: The law of w.
        dtype: Its dtype: the number next to -1 stands for -1, of which there is no finite value.
    """
    step = float(jnp.finfo(dtype).epsneg)  # type: ignore[no-untyped-call]
    if not isinstance(drawn, Uniform) or max(-drawn.low, drawn.high) > 1 + 2 * step:
        return None
    last = 1 - 4 * step  # an error function in float32 may stop that far from 1
    ends = (math.copysign(1.0, end) if abs(end) >= last else end for end in (drawn.low, drawn.high))
    return Quantile(*ends)


def _truncated(mean: float, std: float, lower: float, upper: float) -> Initializer:
    """Return a normal law within bounds, which are in units of its own std before it is cut."""
    lower, upper = (_near(bound) for bound in (lower, upper))
    if lower < -_SIGMAS and upper > _SIGMAS:
        return Normal(mean, std)
    made = profile("jax:truncated_normal", stddev=std, lower=max(lower, -9.0), upper=min(upper, 9.0))
    return dataclasses.replace(made, mean=mean) if isinstance(made, TruncatedNormal) else made


def _near(bound: float) -> float:
    """Return a bound as it was meant: JAX computes the error function of it in float32, and back."""
    short = round(bound, 4) if math.isfinite(bound) else bound
    return short if abs(short - bound) <= _SLACK * max(1.0, abs(bound)) else bound


def clamped(drawn: Drawn, low: float, high: float) -> Drawn | None:
    """Return the law of clamp(w, low, high), where it cuts nothing off, to rounding."""
    match drawn:
        case Uniform(start, stop):
            ends, slack = (start, stop), _SLACK * max(stop - start, abs(start), abs(stop))
        case Normal(mean, std):
            ends, slack = (mean - _SIGMAS * std, mean + _SIGMAS * std), 0.0
        case TruncatedNormal(mean, _, lower, upper):
            std = drawn.parent_std
            ends = mean + max(lower, -_SIGMAS) * std, mean + min(upper, _SIGMAS) * std
            slack = _SLACK * max(std, *map(abs, ends))
        case _:
            return None
    return drawn if low <= ends[0] + slack and high >= ends[1] - slack else None


def settled(initializer: Initializer, dtype: np.dtype[Any]) -> Initializer:
    """Return a law with its numbers as short as the dtype's: 0.02, and not what float32 makes of it."""
    match initializer:
        case Constant(value):
            return Constant(_short(value, dtype))
        case Normal(mean, std):
            return Normal(_short(mean, dtype), _short(std, dtype))
        case Uniform(low, high):
            return Uniform(_short(low, dtype), _short(high, dtype))
        case TruncatedNormal(mean, _, lower, upper):
            return _truncated(_short(mean, dtype), _short(initializer.parent_std, dtype), lower, upper)
        case Orthogonal(gain):
            return dataclasses.replace(initializer, gain=_short(gain, dtype))
        case _:
            return initializer


def _short(value: float, dtype: np.dtype[Any]) -> float:
    """Return the shortest decimal that is the same number in a dtype."""
    if dtype.itemsize >= 8 or not math.isfinite(value):
        return value
    narrow = np.float32(value)
    return float(str(narrow)) if np.isfinite(narrow) and narrow != 0 else value
