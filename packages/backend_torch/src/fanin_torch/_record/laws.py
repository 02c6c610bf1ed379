"""The law of a random operation, and of what affine steps, clamps and erfinv make of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import torch

from fanin.exceptions import FaninError
from fanin.initializers import (
    Constant,
    Dirac,
    Identity,
    Initializer,
    Normal,
    Orthogonal,
    Sparse,
    TruncatedNormal,
    Uniform,
)
from fanin.initializers.names import profile
from fanin_torch._record.ref import Ref
from fanin_torch._record.tape import SOURCES, Operation

__all__ = ["Law", "affine", "clamped", "is_number", "quantile_of", "source_law"]

_SIGMAS: Final = 7.0
"""No normal weight of fanin's is beyond 6.2304 standard deviations: a bound further out cuts nothing off."""


@dataclass(frozen=True, slots=True)
class Law:
    """What every element of a region follows.

    Attributes:
        initializer: The law; None for the quantile that `erfinv` makes of a uniform one, until it is scaled.
        source: The number of the operation that drew it; None for a constant.
        ends: The ends of the uniform law under an `erfinv`.
        inverted: Whether it was an `erfinv`, so that other numbers come from its stream than the operation's own.
        negated: Whether its numbers have been multiplied by a negative one, which a symmetric law does not show.
    """

    initializer: Initializer | None
    source: int | None = None
    ends: tuple[float, float] | None = None
    inverted: bool = False
    negated: bool = False


def source_law(operation: Operation) -> Law | None:
    """Return the law of a random operation by itself, whatever it fills."""
    name, args = operation.name, operation.args
    settings = [float(value) for value in args[1:] if is_number(value)]
    if operation.function is None:
        return _hooked(operation, settings)
    if name not in SOURCES or any(isinstance(value, Ref) for value in args[1:]):
        return None
    if name in _ENDS:
        given = zip(_ENDS[name], [*settings, *(0.0, 1.0)[len(settings) :]], strict=True)
        settings = [float(operation.kwargs.get(key, value)) for key, value in given]
    elif name == "normal":
        if isinstance(args[0], Ref):
            return None
        settings = [float(value) for value in args[:2] if is_number(value)]
        settings += [0.0, 1.0][len(settings) :]
    else:
        settings = [0.0, 1.0]
    kind = SOURCES[name]
    return _made(Normal if kind == "normal" else Uniform, *settings, source=operation.number)


_ENDS: Final = {"normal_": ("mean", "std"), "uniform_": ("from", "to")}
"""What the settings are called, which are 0 and 1 where they are not given."""


def _hooked(operation: Operation, settings: list[float]) -> Law | None:
    """Return the law of a function of torch.nn.init."""
    name, source = operation.name, operation.number
    try:
        if name == "init.trunc_normal_":
            mean, std, low, high = settings
            return Law(_truncated(mean, std, (low - mean) / std, (high - mean) / std), source)
        if name == "init.orthogonal_":
            return Law(profile("torch:orthogonal", gain=settings[0]), source)
        if name == "init.sparse_":
            return Law(Sparse(*settings), source)
        if name == "init.dirac_":
            return Law(Dirac() if settings[0] == 1 else profile("torch:dirac", groups=int(settings[0])))
    except (FaninError, ZeroDivisionError):
        return None
    return None


def affine(law: Law, factor: float, shift: float) -> Law | None:
    """Return the law of factor * w + shift."""
    if law.ends is not None:
        return _scaled_quantile(law, factor, shift)
    made: Law | None = None
    match initializer := law.initializer:
        case Constant(value):
            made = _made(Constant, factor * value + shift, source=None)
        case _ if factor == 0:
            made = _made(Constant, shift, source=None)
        case Normal(mean, std):
            made = _made(Normal, factor * mean + shift, abs(factor) * std, source=law.source)
        case Uniform(low, high):
            ends = sorted((factor * low + shift, factor * high + shift))
            made = _made(Uniform, *ends, source=law.source)
        case TruncatedNormal(mean, std, lower, upper):
            bounds = (lower, upper) if factor > 0 else (-upper, -lower)
            made = _made(TruncatedNormal, factor * mean + shift, abs(factor) * std, *bounds, source=law.source)
        case Orthogonal() | Identity() | Dirac() if shift == 0 and factor > 0:
            made = Law(dataclasses.replace(initializer, gain=initializer.gain * factor), law.source)
        case Sparse(sparsity, std) if shift == 0 and factor > 0:
            made = _made(Sparse, sparsity, std * factor, source=law.source)
    negated = law.negated != (factor < 0)
    return dataclasses.replace(made, inverted=law.inverted, negated=negated) if made else None


def quantile_of(law: Law) -> Law | None:
    """Return the law of erfinv(w), where w is uniform."""
    if not isinstance(law.initializer, Uniform):
        return None
    return Law(None, law.source, (law.initializer.low, law.initializer.high), inverted=True)


def _scaled_quantile(law: Law, factor: float, shift: float) -> Law | None:
    """Return the law of factor * erfinv(u): a normal, truncated where u is (the inverse method)."""
    assert law.ends is not None
    if shift != 0 or factor <= 0:
        return None
    lower, upper = (
        math.copysign(math.inf, end)
        if abs(end) >= 1
        else math.sqrt(2.0) * torch.erfinv(torch.tensor(end, dtype=torch.float64)).item()
        for end in law.ends
    )
    try:
        return Law(_truncated(0.0, factor / math.sqrt(2.0), lower, upper), law.source, inverted=True)
    except FaninError:
        return None


def _truncated(mean: float, std: float, lower: float, upper: float) -> Initializer:
    """Return a normal law within bounds, which are in units of its own std before it is cut."""
    if lower < -_SIGMAS and upper > _SIGMAS:
        return Normal(mean, std)
    ends = {"a": mean + max(lower, -9.0) * std, "b": mean + min(upper, 9.0) * std}
    return profile("torch:trunc_normal", mean=mean, std=std, **ends)


def clamped(law: Law, low: object, high: object) -> Law | None:
    """Return the law of clamp(w, low, high), where it cuts nothing off, to rounding."""
    if not all(bound is None or is_number(bound) for bound in (low, high)):
        return None
    match law.initializer:
        case Constant(value):
            ends, slack = (value, value), 0.0
        case Uniform(start, stop):
            ends, slack = (start, stop), 1e-6 * (stop - start)
        case Normal(mean, std):
            ends, slack = (mean - _SIGMAS * std, mean + _SIGMAS * std), 0.0
        case TruncatedNormal(mean, _, lower, upper):
            sigma = law.initializer.parent_std
            ends = mean + max(lower, -_SIGMAS) * sigma, mean + min(upper, _SIGMAS) * sigma
            slack = 1e-6 * sigma
        case _:
            return None
    inside = (not is_number(low) or low <= ends[0] + slack) and (not is_number(high) or high >= ends[1] - slack)
    return law if inside else None


def _made(kind: Any, *settings: float, source: int | None) -> Law | None:
    """Return a law, a constant where it has no width; None where fanin has none with such settings."""
    if (kind is Normal and settings[1] == 0) or (kind is Uniform and settings[0] == settings[1]):
        kind, settings, source = Constant, settings[:1], None
    try:
        return Law(kind(*settings), source)
    except FaninError:
        return None


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a setting is a number, which True is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
