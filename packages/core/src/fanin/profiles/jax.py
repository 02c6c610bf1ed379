"""The distributions of jax.nn.initializers (jax 0.10).

JAX computes the scale and draws in the requested dtype: in bfloat16 its normal has 128 distinct values. fanin computes
the scale in double precision, and its bfloat16 weights are the float32 weights, rounded. JAX's uniform intervals are
[a, b); fanin's are symmetric about the midpoint and end half a step of 2^-24 inside the bounds. Complex dtypes have no
counterpart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, cast

from fanin._checks import closest, finite_number
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Distribution, Initializer, Mode, Normal, Uniform
from fanin.profiles.matrices import UngroupedDeltaOrthogonal, UngroupedOrthogonal
from fanin.profiles.record import Recorder, parent_truncated
from fanin.profiles.scaling import FanRule, FrameworkScaling, axes

__all__ = ["PROFILES"]

_jax: Final = Recorder("jax", "jax.nn.initializers")
_Axis = int | Sequence[int] | None
_Mode = Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]


def _scaling(
    scale: float, mode: Mode, distribution: Distribution, in_axis: _Axis, out_axis: _Axis, batch_axis: _Axis
) -> FrameworkScaling:
    rule: FanRule = "jax"
    if in_axis is None and out_axis is None and not axes(batch_axis, "batch_axis"):
        return FrameworkScaling(scale, mode, distribution, rule)
    return FrameworkScaling(
        scale,
        mode,
        distribution,
        rule,
        axes(-2 if in_axis is None else in_axis, "in_axis"),
        axes(-1 if out_axis is None else out_axis, "out_axis"),
        axes(batch_axis, "batch_axis") or (),
    )


@_jax.law_of("zeros")
def zeros() -> Initializer:
    """Every weight is 0."""
    return Constant(0.0)


@_jax.law_of("ones")
def ones() -> Initializer:
    """Every weight is 1."""
    return Constant(1.0)


@_jax.law_of("constant")
def constant(value: float) -> Initializer:
    """Every weight is value."""
    return Constant(value)


@_jax.law_of("uniform")
def uniform(scale: float = 0.01) -> Initializer:
    """U(0, scale).

    Not symmetric: the mean is half the scale.
    """
    number = finite_number(scale, "scale")
    return Uniform(min(0.0, number), max(0.0, number))


@_jax.law_of("normal")
def normal(stddev: float = 0.01) -> Initializer:
    """N(0, stddev^2)."""
    return Normal(0.0, stddev)


@_jax.law_of("truncated_normal")
def truncated_normal(stddev: float = 0.01, lower: float = -2.0, upper: float = 2.0) -> Initializer:
    """N(0, stddev^2) truncated to [lower stddev, upper stddev].

    stddev is that of the parent: with the default bounds, the weights have 0.8796 stddev. fanin's
    truncated_normal(std=...) gives the requested std, and so do JAX's own variance scaling functions.
    """
    return parent_truncated(0.0, stddev, lower, upper)


_FANS: Final = (
    "The fans are counted for (*kernel, in, out): fan_out is not divided by the groups, the stride of a transposed "
    "kernel does not count, and the first axis of an attention kernel (in, heads, size) counts as a receptive field. "
    "in_axis, out_axis and batch_axis are positions in the stored tensor, as in JAX. Without them, a tensor of any "
    "layout is counted as JAX counts it in its own order."
)
_CORRECTED: Final = (
    "Truncated at 2 standard deviations of the parent, which are 2.274 of the weights; std is that of the weights."
)


@_jax.law_of("variance_scaling", remark=_FANS)
def variance_scaling(
    scale: float,
    mode: _Mode,
    distribution: Distribution,
    in_axis: _Axis = None,
    out_axis: _Axis = None,
    batch_axis: _Axis = (),
) -> Initializer:
    """Mean 0 and variance scale / n, where n is the fan that mode names.

    A truncated normal is truncated at 2 parent standard deviations, and the variance is that of the weights.
    """
    known = {"fan_in": "fan_in", "fan_out": "fan_out", "fan_avg": "fan_avg", "fan_geo_avg": "fan_geo"}
    if mode not in known:
        raise FaninValueError(f"mode must be one of {', '.join(known)}. Received: {mode!r}.{closest(str(mode), known)}")
    return _scaling(scale, cast(Mode, known[mode]), distribution, in_axis, out_axis, batch_axis)


@_jax.law_of("he_normal", "kaiming_normal", remark=_CORRECTED + " " + _FANS)
def he_normal(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """N(0, 2 / fan_in), truncated."""
    return _scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis)


@_jax.law_of("he_uniform", "kaiming_uniform", remark=_FANS)
def he_uniform(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """U(-b, b), b = sqrt(6 / fan_in)."""
    return _scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis)


@_jax.law_of("glorot_normal", "xavier_normal", remark=_CORRECTED + " " + _FANS)
def glorot_normal(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """N(0, 2 / (fan_in + fan_out)), truncated."""
    return _scaling(1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis)


@_jax.law_of("glorot_uniform", "xavier_uniform", remark=_FANS)
def glorot_uniform(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """U(-b, b), b = sqrt(6 / (fan_in + fan_out))."""
    return _scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis)


@_jax.law_of("lecun_normal", remark=_CORRECTED + " " + _FANS)
def lecun_normal(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """N(0, 1 / fan_in), truncated."""
    return _scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis)


@_jax.law_of("lecun_uniform", remark=_FANS)
def lecun_uniform(in_axis: _Axis = None, out_axis: _Axis = None, batch_axis: _Axis = ()) -> Initializer:
    """U(-b, b), b = sqrt(3 / fan_in)."""
    return _scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis)


@_jax.law_of("orthogonal")
def orthogonal(scale: float = 1.0) -> Initializer:
    """W = scale Q, where Q is uniform among the matrices (in * kernel, out) with orthonormal rows or columns.

    For column_axis=-1, the default. It is one matrix, whatever the groups; fanin's orthogonal makes one per group.
    """
    return UngroupedOrthogonal(scale)


@_jax.law_of("delta_orthogonal")
def delta_orthogonal(scale: float = 1.0) -> Initializer:
    """W = scale Q at the centre tap, where Q is a uniform orthogonal matrix (in, out), and 0 elsewhere.

    For odd kernels only: the centre of an even one is (k - 1) // 2 in JAX and k // 2 in fanin, so it is rejected.
    """
    return UngroupedDeltaOrthogonal(scale)


PROFILES: Final = _jax.profiles
