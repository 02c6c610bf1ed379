"""Wrong compilers: draws that are right outside a compiled function, and other ones inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fanin_toy import Array, Ints, ToyBackend

from fanin.plans import Plan
from fanin.plans.rules import Draw

from .record import Mutant


class CompilingToy(ToyBackend):
    """The toy with a compiler that changes nothing but `inside`: right, and what the mutants are made from."""

    capabilities = dataclasses.replace(ToyBackend.capabilities, jit=True)
    inside = False

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            self.inside = True
            try:
                return function()
            finally:
                self.inside = False

        return run


class FusingBackend(CompilingToy):
    """Fuses the conversion with the multiplication, so that the weight is rounded once."""

    def weights(self, plan: Plan, rule: Draw, points: Ints) -> Array:
        if not self.inside:
            return super().weights(plan, rule, points)
        weights: Array = (((points >> rule.shift) + rule.mean) * rule.factor).astype(plan.dtype)
        return weights


class ExcessPrecisionBackend(CompilingToy):
    """Keeps float16 in float32 until the function returns, as XLA does where excess precision is allowed."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        wide = self.inside and plan.dtype == "float16"
        return super().draw(dataclasses.replace(plan, dtype="float32") if wide else plan, device=device)

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        run = super().compiled(function)
        return lambda: [wide.astype(array.dtype) for wide, array in zip(run(), function(), strict=True)]


class ConstantKeyBackend(CompilingToy):
    """Compiles a draw once for each shape, dtype and law, with the first one's key as a constant."""

    def __init__(self) -> None:
        self.keys_of: dict[Any, Any] = {}

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if self.inside:
            structure = plan.shape, plan.dtype, plan.rule
            plan = dataclasses.replace(plan, keys=self.keys_of.setdefault(structure, plan.keys))
        return super().draw(plan, device=device)


class FlatBackend(CompilingToy):
    """Returns vectors from a compiled function."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        drawn = super().draw(plan, device=device)
        return np.ravel(drawn) if self.inside else drawn


class NoCompilerBackend(ToyBackend):
    """Declares jit, and has no method that compiles."""

    capabilities = dataclasses.replace(ToyBackend.capabilities, jit=True)


JIT: Final = (
    Mutant("fused when compiled", "a compiled draw rounds once, not twice", FusingBackend),
    Mutant("excess precision", "a compiled float16 stays float32 until the function returns", ExcessPrecisionBackend),
    Mutant("key compiled in", "draws of one structure share the first one's key", ConstantKeyBackend),
    Mutant("flat when compiled", "a compiled function returns vectors", FlatBackend),
    Mutant("no compiler", "jit is declared, and there is no compiled()", NoCompilerBackend),
)
