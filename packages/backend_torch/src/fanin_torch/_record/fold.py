"""From a slice of the tape to what fills a storage: one law, or a law and regions with a law of their own.

Whatever is not known to keep a law ends it, so that a fold is either right or not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from fanin.initializers import Constant, Identity
from fanin_torch._record.laws import Law, affine, clamped, is_number, quantile_of, source_law
from fanin_torch._record.ref import Ref
from fanin_torch._record.tape import CONSTANTS, EMPTY, SOURCES, Operation

__all__ = ["Filled", "fold"]

_SAME: Final = frozenset({"clone", "_to_copy", "detach", "lift_fresh", "lift_fresh_copy", "alias"})

_MOST: Final = 1 << 16
"""Bytes of a tensor from outside that are looked at, whether they are one number."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What fills a storage.

    Attributes:
        dtype: The dtype in which it was filled.
        base: The law of the elements that no region has; None where they are not filled.
        regions: Views with a law of their own, the latest last.
    """

    dtype: torch.dtype
    base: Law | None
    regions: tuple[tuple[Ref, Law], ...] = ()

    @property
    def constant(self) -> float | None:
        """The number that every element is, or None."""
        law = None if self.base is None or self.regions else self.base.initializer
        return law.value if isinstance(law, Constant) else None

    def mapped(self, function: Callable[[Law], Law | None]) -> Filled | None:
        """Return what a function of each element makes of it, or None where some law does not survive."""
        base = None if self.base is None else function(self.base)
        regions = tuple((ref, function(law)) for ref, law in self.regions)
        if (self.base is not None and base is None) or any(law is None for _, law in regions):
            return None
        return Filled(self.dtype, base, tuple((ref, law) for ref, law in regions if law is not None))


def fold(operations: list[Operation], ref: Ref, given: Mapping[int, Tensor]) -> Filled | None:
    """Return the laws of a whole storage, given the operations that its contents come from; None if they are none."""
    folding = _Folding(given)
    for operation in operations:
        folding.step(operation)
    return folding.state(ref) if ref.whole else None


class _Folding:
    """What is known of each storage while operations are followed."""

    def __init__(self, given: Mapping[int, Tensor]) -> None:
        self.states: dict[int, Filled | None] = {}
        self.given = given

    def step(self, operation: Operation) -> None:
        """Follow one operation."""
        first, *others = operation.filled
        content = None if operation.opaque else self._content(operation)
        for other in others:
            if other.key != first.key:
                self.states[other.key] = None
        if any(other.key == first.key and other != first for other in others):
            content = None
        if first.whole:
            self.states[first.key] = content if content and _holds(content, first.dtype) else None
        else:
            self._fill(first, content)

    def _fill(self, region: Ref, content: Filled | None) -> None:
        """Note that a part of a storage now follows a law, or none."""
        state = self.state(region)
        law = None if content is None or content.regions else content.base
        if (
            state is None
            or law is None
            or law.initializer is None
            or not _holds(Filled(state.dtype, law), region.dtype)
        ):
            self.states[region.key] = None
            return
        kept = tuple((ref, old) for ref, old in state.regions if ref != region)
        self.states[region.key] = replace(state, regions=(*kept, (region, law)))

    def state(self, ref: Ref) -> Filled | None:
        """Return what is in a view's storage, if it was filled in the view's dtype."""
        if ref.key not in self.states and ref.key in self.given:
            self.states[ref.key] = _outside(self.given[ref.key], ref.dtype)
        state = self.states.get(ref.key)
        return state if state is not None and state.dtype == ref.dtype else None

    def _read(self, ref: object) -> Filled | None:
        """Return what is seen through a view; a part of random numbers is no law by itself, for others share them."""
        state = self.state(ref) if isinstance(ref, Ref) else None
        if state is None or not isinstance(ref, Ref) or ref.whole:
            return state
        for region, law in reversed(state.regions):
            if region == ref:
                return Filled(state.dtype, law)
            if region.overlaps(ref):
                return None
        return replace(state, regions=()) if state.base and isinstance(state.base.initializer, Constant) else None

    def _content(self, operation: Operation) -> Filled | None:
        """Return what an operation fills its target with."""
        name, args, target = operation.name, operation.args, operation.target
        value = args[1] if len(args) > 1 else None
        if name in EMPTY:
            return Filled(target.dtype, None)
        if operation.function is None or name in SOURCES:
            return _filled(target, source_law(operation))
        if name in CONSTANTS:
            return _filled(target, Law(Constant(CONSTANTS[name])))
        if name in ("fill_", "full", "full_like", "new_full", "scalar_tensor"):
            number = args[0] if name == "scalar_tensor" else args[2] if name == "new_full" and len(args) > 2 else value
            if is_number(number) and math.isfinite(number):
                return _filled(target, Law(Constant(float(number))))
        if name in _SAME:
            return self._copied(args[0], target)
        if name in ("copy_", "fill_"):
            return self._copied(value, target)
        if name in ("cat", "stack"):
            return self._joined(operation)
        if name == "constant_pad_nd":
            return self._padded(operation)
        if name == "eye" and target.dtype.is_floating_point and len(target.shape) == 2:
            return _filled(target, Law(Identity()))
        return self._transformed(operation)

    def _copied(self, source: object, target: Ref) -> Filled | None:
        """Return what a copy has: the same laws, where its elements lie in the same order."""
        content = self._read(source)
        if content is not None and isinstance(source, Ref) and _rounds(source.dtype, target.dtype):
            content = content.mapped(lambda law: _rounded(law, source.dtype))
        if content is None or not isinstance(source, Ref):
            return None
        if content.constant is not None:
            return _filled(target, content.base)
        if source.shape != target.shape:
            return None
        if source.whole and target.whole and source.stride == target.stride:
            shift = target.offset - source.offset
            moved = ((_moved(ref, target, shift), law) for ref, law in content.regions)
            return Filled(target.dtype, content.base, tuple(moved))
        if content.regions or not (source.is_contiguous and (target.is_contiguous or not target.whole)):
            return None
        return _filled(target, content.base)

    def _joined(self, operation: Operation) -> Filled | None:
        """Return what concatenation makes: a region for each tensor."""
        target, pieces = operation.target, operation.args[0]
        axis = operation.args[1] if len(operation.args) > 1 else operation.kwargs.get("dim", 0)
        axis %= len(target.shape)
        made: list[tuple[Ref, Law]] = []
        start = 0
        for piece in pieces:
            content = self._read(piece)
            whole = content is not None and content.base is not None and not content.regions
            if content is None or not whole or content.base is None or content.base.initializer is None:
                return None
            if not (piece.is_contiguous or content.constant is not None) or content.dtype != target.dtype:
                return None
            shape = (*piece.shape[:axis], 1, *piece.shape[axis:]) if operation.name == "stack" else piece.shape
            if len(shape) != len(target.shape):
                return None
            offset = target.offset + start * target.stride[axis]
            made.append((replace(target, shape=shape, offset=offset, whole=False), content.base))
            start += shape[axis]
        return Filled(target.dtype, None, tuple(made))

    def _padded(self, operation: Operation) -> Filled | None:
        """Return what padding makes: the tensor itself where it adds nothing, or a constant that goes on."""
        source, ends, *rest = operation.args
        if not any(ends):
            return self._copied(source, operation.target)
        content = self._read(source)
        number = rest[0] if rest else 0
        if content is None or content.constant is None or not is_number(number):
            return None
        same = repr(content.constant) == repr(float(number))  # a zero has a sign, too
        return _filled(operation.target, content.base) if same else None

    def _transformed(self, operation: Operation) -> Filled | None:
        """Return what an operation on each element makes of what it reads."""
        name, args, target = operation.name.rstrip("_"), list(operation.args), operation.target
        if not args or not target.dtype.is_floating_point or operation.kwargs.get("rounding_mode") is not None:
            return None
        numbers = [self._number(value) for value in args[:2]]
        if name in ("add", "mul") and len(args) > 1 and numbers[0] is not None and numbers[1] is None:
            args[:2], numbers = args[1::-1], numbers[::-1]
            if not operation.made or operation.kwargs.get("alpha", 1) != 1:
                return None
        content = self._read(args[0])
        function = _function(name, args, numbers, operation.kwargs)
        if content is None or function is None or not isinstance(args[0], Ref):
            return None
        made = content.mapped(function)
        if made is None or made.constant is not None:
            return made
        same = args[0] == target or (args[0].whole and target.whole and args[0].stride == target.stride)
        if not same or args[0].shape != target.shape or args[0].dtype != target.dtype:
            return None
        regions = tuple((_moved(ref, target, target.offset - args[0].offset), law) for ref, law in made.regions)
        return replace(made, regions=regions)

    def _number(self, value: object) -> float | None:
        """Return the number that an argument is, or a tensor of one element has."""
        if is_number(value):
            return float(value)
        if isinstance(value, Ref) and math.prod(value.shape) == 1 and (content := self._read(value)):
            return content.constant
        return None


def _function(
    name: str, args: list[object], numbers: list[float | None], kwargs: Mapping[str, object]
) -> Callable[[Law], Law | None] | None:
    """Return what an elementwise operation does to a law, or None where it is not known."""
    value = numbers[1] if len(numbers) > 1 else None
    if value is not None and name in ("mul", "div") and not (name == "div" and value == 0):
        factor = value if name == "mul" else 1.0 / value
        return lambda law: affine(law, factor, 0.0)
    alpha = kwargs.get("alpha", 1)
    if value is not None and name in ("add", "sub", "rsub") and is_number(alpha):
        if name == "rsub":
            return lambda law: affine(law, -float(alpha), value)
        shift = value * alpha if name == "add" else -value * alpha
        return lambda law: affine(law, 1.0, shift)
    if name == "neg":
        return lambda law: affine(law, -1.0, 0.0)
    if name == "erfinv":
        return quantile_of
    given = args[1] if len(args) > 1 else None
    if name in ("clamp", "clamp_min", "clamp_max"):
        low = given if name != "clamp_max" else None
        high = args[2] if len(args) > 2 else given if name == "clamp_max" else None
        ends = kwargs.get("min", low), kwargs.get("max", high)
        return lambda law: clamped(law, *ends)
    return None


def _filled(target: Ref, law: Law | None) -> Filled | None:
    return None if law is None else Filled(target.dtype, law)


def _moved(ref: Ref, target: Ref, shift: int) -> Ref:
    """Return a region of a storage as that of a copy."""
    return replace(ref, key=target.key, offset=ref.offset + shift, dtype=target.dtype, bytes=target.bytes)


def _holds(content: Filled, dtype: torch.dtype) -> bool:
    """Return whether a dtype holds such weights: integers and truth values hold whole numbers only."""
    if dtype.is_floating_point or content == Filled(content.dtype, None):
        return True
    value = content.constant
    return (
        value is not None and value.is_integer() and not dtype.is_complex and (dtype != torch.bool or value in (0, 1))
    )


def _rounds(source: torch.dtype, target: torch.dtype) -> bool:
    """Return whether a copy has numbers that were rounded visibly, and its own dtype would not round them so.

    A model that is drawn in float32 and cast to float64 keeps its laws: nothing tells it from one drawn in float64.
    """
    if not (source.is_floating_point and target.is_floating_point) or source.itemsize >= torch.float32.itemsize:
        return False
    coarse, fine = torch.finfo(source), torch.finfo(target)
    return coarse.eps > fine.eps or coarse.tiny > fine.tiny or coarse.max < fine.max


def _rounded(law: Law, dtype: torch.dtype) -> Law | None:
    """Return what rounding to a dtype makes of a law: only a constant stays one."""
    if not isinstance(law.initializer, Constant):
        return None
    return Law(Constant(float(torch.tensor(law.initializer.value, dtype=torch.float64).to(dtype))))


def _outside(given: Tensor, dtype: torch.dtype) -> Filled | None:
    """Return what a tensor from outside holds, where it is one number."""
    if given.numel() == 0 or given.numel() > _MOST or dtype.is_complex or given.numel() % dtype.itemsize:
        return None
    values = given.cpu().view(dtype)
    first = float(values[0].item())
    same = math.isfinite(first) and bool((values == values[0]).all())
    return Filled(dtype, Law(Constant(first))) if same else None
