"""Wrong behaviour: global state, memory, threads, errors, and the contract."""

from __future__ import annotations

import random
import time
from typing import Any, Final

import numpy as np
from fanin_toy import Array, ToyBackend, Uint32s

from fanin.contract import Capabilities, Description
from fanin.initializers import Constant
from fanin.plans import Plan
from fanin.plans.rules import Fill

from .record import Mutant


class GlobalGeneratorBackend(ToyBackend):
    """Draws from numpy.random's global generator, seeded with the key."""

    def words(self, plan: Plan) -> Uint32s:
        np.random.seed(plan.keys[0][1])  # noqa: NPY002  # the mistake
        return np.random.randint(0, 2**32, plan.shape, np.uint32)  # noqa: NPY002


class SeedingBackend(ToyBackend):
    """Seeds random's global generator on the way."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        random.seed(plan.seed)
        return super().draw(plan, device=device)


class WarningsBackend(ToyBackend):
    """Switches numpy's floating-point errors off, and leaves them off."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        np.seterr(over="ignore" if np.geterr()["over"] != "ignore" else "warn")
        return super().draw(plan, device=device)


class CachingBackend(ToyBackend):
    """Returns the array that it returned before."""

    def __init__(self) -> None:
        self.drawn: dict[Plan, Array] = {}

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if plan not in self.drawn:
            self.drawn[plan] = super().draw(plan, device=device)
        return self.drawn[plan]


class BroadcastBackend(ToyBackend):
    """Returns constants as a broadcast view of one number."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if isinstance(plan.rule, Fill):
            return np.broadcast_to(np.array(plan.rule.value, plan.compute).astype(plan.dtype), plan.shape)
        return super().draw(plan, device=device)


class SharedBufferBackend(ToyBackend):
    """Keeps the plan in an attribute while it draws, so that threads mix their plans up."""

    current: Plan

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        self.current = plan
        time.sleep(1e-3)  # where another thread gets its turn
        return super().draw(self.current, device=device)


class CountingBackend(ToyBackend):
    """Counts its draws, and gives each a stream of its own."""

    def __init__(self) -> None:
        self.draws = 0

    def keys(self, plan: Plan) -> tuple[Uint32s, Uint32s]:
        first, second = super().keys(plan)
        self.draws += 1
        return first, second + np.uint32(self.draws - 1)


class FirstCallBackend(ToyBackend):
    """Swaps the lanes from the second draw of the same plan on."""

    def __init__(self) -> None:
        self.seen: set[Plan] = set()

    def words(self, plan: Plan) -> Uint32s:
        words = super().words(plan)
        if plan in self.seen:
            return ~words
        self.seen.add(plan)
        return words


class AnyDeviceBackend(ToyBackend):
    """Accepts every device."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        return super().draw(plan)


class BareErrorBackend(ToyBackend):
    """Lets the library's own error escape."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if device not in (None, "cpu"):
            raise RuntimeError(f"device not found: {device}")
        return super().draw(plan)


class PositionalDeviceBackend(ToyBackend):
    """Takes the device as a second, required, positional argument."""

    def draw(self, plan: Plan, device: Any) -> Array:  # type: ignore[override]
        return super().draw(plan, device=device)

    def tobytes(self, array: Array, order: str) -> bytes:  # type: ignore[override]
        return super().tobytes(array)


class OldSpecBackend(ToyBackend):
    """Implements no version of the specification, and declares a dtype that does not exist."""

    SPEC_VERSION = 0
    capabilities = Capabilities(dtypes=frozenset({"float32", "float24"}))


class ListShapeBackend(ToyBackend):
    """Describes shapes as lists and dtypes as objects."""

    def describe(self, array: Array) -> Description:
        return Description(list(array.shape), array.dtype)  # type: ignore[arg-type]


class VectorForScalarBackend(ToyBackend):
    """Returns a vector of one element for a scalar."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        return np.atleast_1d(super().draw(plan, device=device))


class BigEndianBackend(ToyBackend):
    """Writes bytes in big-endian order."""

    def tobytes(self, array: Array) -> bytes:
        return array.astype(array.dtype.newbyteorder(">")).tobytes()


class MemoryOrderBackend(ToyBackend):
    """Writes bytes in Fortran order."""

    def tobytes(self, array: Array) -> bytes:
        return array.tobytes(order="F")


class EmptyBackend(ToyBackend):
    """Cannot draw a tensor without elements."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if plan.size == 0:
            raise IndexError("index 0 is out of bounds for axis 0 with size 0")
        return super().draw(plan, device=device)


class AlmostZeroBackend(ToyBackend):
    """Draws zeros as tiny random numbers."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if plan.rule == Fill(0.0):
            return (np.random.default_rng(3).normal(size=plan.shape) * 1e-4).astype(plan.dtype)
        return super().draw(plan, device=device)


class NegativeZeroBackend(ToyBackend):
    """Draws zeros as negative zeros."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        drawn = super().draw(plan, device=device)
        return -drawn if plan.initializer == Constant(0.0) else drawn


BEHAVIOURS: Final = (
    Mutant("global generator", "numpy.random's global generator, seeded with the key", GlobalGeneratorBackend),
    Mutant("global seed set", "random.seed on the way", SeedingBackend),
    Mutant("numpy's errors set", "np.seterr on the way", WarningsBackend),
    Mutant("cached array", "the same array is returned again", CachingBackend),
    Mutant("broadcast constant", "all elements of a constant are one", BroadcastBackend),
    Mutant("shared buffer", "an attribute holds the plan during the draw", SharedBufferBackend),
    Mutant("draws counted", "the stream depends on how many were drawn before", CountingBackend),
    Mutant("second draw differs", "a cache that is filled wrongly", FirstCallBackend),
    Mutant("any device", "an unknown device is ignored", AnyDeviceBackend),
    Mutant("bare error", "the library's own error escapes", BareErrorBackend),
    Mutant("positional device", "draw(plan, device) and tobytes(array, order)", PositionalDeviceBackend),
    Mutant("wrong declarations", "SPEC_VERSION 0, and a dtype that does not exist", OldSpecBackend),
    Mutant("list shapes", "describe returns lists and dtype objects", ListShapeBackend),
    Mutant("vector for scalar", "shape () comes back as (1,)", VectorForScalarBackend),
    Mutant("big-endian bytes", "tobytes in the other byte order", BigEndianBackend),
    Mutant("memory order", "tobytes in Fortran order", MemoryOrderBackend),
    Mutant("no empty tensors", "a size of zero raises", EmptyBackend),
    Mutant("almost zero", "zeros are tiny random numbers", AlmostZeroBackend),
    Mutant("negative zero", "zeros have the sign bit set", NegativeZeroBackend),
)
