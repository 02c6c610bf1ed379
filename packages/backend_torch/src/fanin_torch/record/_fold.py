"""From a slice of the tape to the law that it computes, where it is one: a random source and what is done to it.

A storage is one law, or a law and regions with a law of their own. Whatever is not known to keep a law ends it, so that
a fold is either right or not there.
"""

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
from fanin_torch.record._tape import CONSTANTS, EMPTY, SOURCES, Operation, Ref

__all__ = ["Filled", "Law", "fold", "source_law"]

_SAME: Final = frozenset({"clone", "_to_copy", "detach", "lift_fresh", "alias"})
_METADATA: Final = frozenset(
    {"t_", "transpose_", "squeeze_", "unsqueeze_", "detach_", "swapaxes_", "swapdims_", "as_strided_", "requires_grad_"}
)
"""Operations in place that change how a tensor is seen, and none of its elements."""

_SIGMAS: Final = 7.0
"""No normal weight of fanin's is beyond 6.2304 standard deviations: a bound further out cuts nothing off."""


@dataclass(frozen=True, slots=True)
class Law:
    """What every element of a region follows.

    Attributes:
        initializer: The law; None for the quantile that `erfinv` makes of a uniform one, until it is scaled.
        source: The number of the operation that drew it; None for a constant.
        ends: The ends of the uniform law under an `erfinv`.
    """

    initializer: Initializer | None
    source: int | None = None
    ends: tuple[float, float] | None = None


@dataclass(slots=True)
class Filled:
    """What fills a storage.

    Attributes:
        base: The law of the elements that no region has; None where they are not filled.
        regions: Views with a law of their own, the latest last.
    """

    base: Law | None
    regions: list[tuple[Ref, Law]]


def fold(operations: list[Operation], key: int) -> Filled | None:
    """Return the laws of a storage, given the operations that its contents come from; None if they are none."""
    states: dict[int, Filled | None] = {}
    for operation in operations:
        _step(operation, states)
    return states.get(key)


def _step(operation: Operation, states: dict[int, Filled | None]) -> None:
    name, args, target = operation.name, operation.args, operation.target
    if name in _METADATA:
        return
    if name in EMPTY:
        states[target.key] = Filled(None, [])
    elif name in _SAME:
        before = states.get(args[0].key)
        same = before is not None and args[0].whole and args[0].stride == target.stride
        states[target.key] = Filled(before.base, list(before.regions)) if before and same else None
        if states[target.key] and before and before.regions and args[0].dtype != target.dtype:
            states[target.key] = None  # the regions' offsets are those of another dtype's elements
    elif name == "cat":
        states[target.key] = _joined(operation, states)
    else:
        _fill(target, _law(operation, states), states)


def _fill(target: Ref, law: Law | None, states: dict[int, Filled | None]) -> None:
    """Note that a view now follows a law, or none."""
    state = states.get(target.key)
    if target.whole:
        states[target.key] = None if law is None else Filled(law, [])
    elif law is not None and law.initializer is not None and state is not None:
        state.regions = [(ref, old) for ref, old in state.regions if ref != target]
        state.regions.append((target, law))
    else:
        states[target.key] = None


def _before(ref: object, states: dict[int, Filled | None]) -> Law | None:
    """Return the one law of a tensor's elements, if it has one."""
    if not isinstance(ref, Ref) or (state := states.get(ref.key)) is None:
        return None
    if ref.whole and not state.regions:
        return state.base
    for region, law in reversed(state.regions):
        if region == ref:
            return law
    return state.base if not state.regions else None


def _joined(operation: Operation, states: dict[int, Filled | None]) -> Filled | None:
    """Return what concatenation makes: a region for each tensor."""
    parts = operation.args[0]
    axis = operation.args[1] if len(operation.args) > 1 else operation.kwargs.get("dim", 0)
    target = operation.target
    made = Filled(None, [])
    start = 0
    for part in parts:
        law = _before(part, states)
        if law is None or law.initializer is None or not part.shape:
            return None
        offset = target.offset + start * target.stride[axis % len(target.shape)]
        made.regions.append((dataclasses.replace(target, shape=part.shape, offset=offset, whole=False), law))
        start += part.shape[axis % len(target.shape)]
    return made


def source_law(operation: Operation) -> Law | None:
    """Return the law of a random operation by itself, whatever it fills."""
    name, args = operation.name, operation.args
    if any(isinstance(value, Ref) for value in args[1:]):
        return None
    settings = [float(value) for value in args[1:] if _is_number(value)]
    if operation.function is None:
        return _hooked(operation, settings)
    if name not in SOURCES:
        return None
    if name in _ENDS:
        given = zip(_ENDS[name], [*settings, *(0.0, 1.0)[len(settings) :]], strict=True)
        settings = [float(operation.kwargs.get(key, value)) for key, value in given]
    elif name == "normal":
        settings = [float(value) for value in args[:2] if _is_number(value)]
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
            if low < mean - _SIGMAS * std and high > mean + _SIGMAS * std:
                return _made(Normal, mean, std, source=source)
            law = profile(
                "torch:trunc_normal", mean=mean, std=std, a=max(low, mean - 9 * std), b=min(high, mean + 9 * std)
            )
            return Law(law, source)
        if name == "init.orthogonal_":
            return Law(profile("torch:orthogonal", gain=settings[0]), source)
        if name == "init.sparse_":
            return Law(Sparse(*settings), source)
        if name == "init.dirac_":
            return Law(Dirac() if settings[0] == 1 else profile("torch:dirac", groups=int(settings[0])))
    except FaninError:
        return None
    return None


def _law(operation: Operation, states: dict[int, Filled | None]) -> Law | None:
    """Return the law of what an operation fills."""
    name, args = operation.name, operation.args
    value = args[1] if len(args) > 1 else None
    if operation.function is None or name in SOURCES:
        return source_law(operation)
    if name in CONSTANTS:
        return Law(Constant(CONSTANTS[name]))
    if name in ("fill_", "full", "full_like", "new_full", "scalar_tensor"):
        number = args[0] if name == "scalar_tensor" else args[2] if name == "new_full" and len(args) > 2 else value
        if _is_number(number) and math.isfinite(number):
            return Law(Constant(float(number)))
    if name in ("copy_", "fill_"):
        law = _before(value, states)
        if law is None or not isinstance(value, Ref):
            return None
        constant = isinstance(law.initializer, Constant)
        return law if constant or (value.shape, value.stride) == (args[0].shape, args[0].stride) else None
    if name == "eye" and operation.target.shape:
        return Law(Identity())
    before = _before(args[0], states) if args else None
    if before is None:
        return None
    return _transformed(before, name.rstrip("_"), value, operation)


def _transformed(law: Law, name: str, value: object, operation: Operation) -> Law | None:
    """Return the law of f(w), w following a law, where f is affine, a clamp that cuts nothing off, or erfinv."""
    if name in ("mul", "div") and _is_number(value) and value != 0:
        return _affine(law, float(value) if name == "mul" else 1.0 / float(value), 0.0)
    if name in ("add", "sub") and _is_number(value):
        step = float(value) * float(operation.kwargs.get("alpha", 1.0))
        return _affine(law, 1.0, step if name == "add" else -step)
    if name == "mul" and _is_number(value):
        return Law(Constant(0.0))
    if name == "neg":
        return _affine(law, -1.0, 0.0)
    if name == "erfinv" and isinstance(law.initializer, Uniform):
        return Law(None, law.source, (law.initializer.low, law.initializer.high))
    if name == "clamp":
        low = value if value is not None else operation.kwargs.get("min")
        high = operation.args[2] if len(operation.args) > 2 else operation.kwargs.get("max")
        return law if _cuts_nothing(law, low, high) else None
    return None


def _affine(law: Law, factor: float, shift: float) -> Law | None:
    """Return the law of factor * w + shift."""
    if law.ends is not None:
        return _quantile(law, factor, shift)
    initializer = law.initializer
    match initializer:
        case Constant(value):
            return _made(Constant, factor * value + shift, source=None)
        case Normal(mean, std):
            return _made(Normal, factor * mean + shift, abs(factor) * std, source=law.source)
        case Uniform(low, high):
            ends = sorted((factor * low + shift, factor * high + shift))
            return _made(Uniform, *ends, source=law.source)
        case TruncatedNormal(mean, std, lower, upper):
            bounds = (lower, upper) if factor > 0 else (-upper, -lower)
            return _made(TruncatedNormal, factor * mean + shift, abs(factor) * std, *bounds, source=law.source)
        case Orthogonal() | Identity() | Dirac() if shift == 0.0 and factor > 0:
            return Law(dataclasses.replace(initializer, gain=initializer.gain * factor), law.source)
    return None


def _quantile(law: Law, factor: float, shift: float) -> Law | None:
    """Return the law of factor * erfinv(u): a normal, truncated where u is (the inverse method)."""
    assert law.ends is not None
    if shift != 0.0 or factor <= 0:
        return None
    sigma = factor / math.sqrt(2.0)
    lower, upper = (
        math.copysign(math.inf, end)
        if abs(end) >= 1
        else math.sqrt(2.0) * torch.erfinv(torch.tensor(end, dtype=torch.float64)).item()
        for end in law.ends
    )
    return _made(_parent_truncated, sigma, lower, upper, source=law.source)


def _parent_truncated(sigma: float, lower: float, upper: float) -> Initializer:
    if lower < -_SIGMAS and upper > _SIGMAS:
        return Normal(0.0, sigma)
    bounds = {"a": max(lower, -9.0) * sigma, "b": min(upper, 9.0) * sigma}
    return profile("torch:trunc_normal", mean=0.0, std=sigma, **bounds)


def _made(kind: Any, *settings: float, source: int | None) -> Law | None:
    """Return a law, a constant where it has no width; None where fanin has none with such settings."""
    if (kind is Normal and settings[1] == 0) or (kind is Uniform and settings[0] == settings[1]):
        kind, settings, source = Constant, settings[:1], None
    try:
        return Law(kind(*settings), source)
    except FaninError:
        return None


def _cuts_nothing(law: Law, low: object, high: object) -> bool:
    """Return whether all weights are within [low, high], to rounding."""
    match law.initializer:
        case Uniform(start, stop):
            ends = start, stop
            slack = 1e-6 * (stop - start)
        case Normal(mean, std):
            ends = mean - _SIGMAS * std, mean + _SIGMAS * std
            slack = 0.0
        case TruncatedNormal(mean, _, lower, upper):
            sigma = law.initializer.parent_std
            ends = mean + max(lower, -_SIGMAS) * sigma, mean + min(upper, _SIGMAS) * sigma
            slack = 1e-6 * sigma
        case _:
            return False
    return (not _is_number(low) or low <= ends[0] + slack) and (not _is_number(high) or high >= ends[1] - slack)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
