"""Wrong behaviour that shows in one dtype, rule or size only, or that changes a setting once and for all."""

from __future__ import annotations

import dataclasses
import decimal
import os
import random as generator
import time
import warnings
from collections.abc import Callable
from random import Random
from typing import Any, Final

import numpy as np
from fanin_toy import Array

from fanin.plans import Plan

from .combined import SEED
from .jit import CompilingToy
from .matrix_toy import MatrixBackend
from .record import Mutant

Has = Callable[[Plan], bool]

KINDS: Final[dict[str, Has]] = {
    "float16": lambda plan: plan.dtype == "float16",
    "float64": lambda plan: plan.dtype == "float64",
    "scalars": lambda plan: plan.shape == (),
    "constants": lambda plan: plan.rule.kind == "fill" and plan.size > 1,
    "diagonals": lambda plan: plan.rule.kind == "diagonal",
    "sparse matrices": lambda plan: plan.rule.kind == "masked",
    "orthogonal matrices": lambda plan: plan.rule.kind == "haar",
    "stacks": lambda plan: plan.stack_axis is not None,
    "more than 2^17 elements": lambda plan: plan.size > 1 << 17,
}


def _behaving(has: Has, act: Callable[[Any, Plan, Array], Array]) -> Callable[[], MatrixBackend]:
    """Return a backend that does something with the arrays of one kind."""

    class Behaving(MatrixBackend):
        def __init__(self) -> None:
            self.kept: dict[Any, Any] = {}

        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            drawn = super().draw(plan, device=device)
            return act(self, plan, drawn) if has(plan) else drawn

    return Behaving


def _cached(backend: Any, plan: Plan, drawn: Array) -> Array:
    kept: Array = backend.kept.setdefault(plan, drawn)
    return kept


def _buffered(backend: Any, plan: Plan, drawn: Array) -> Array:
    """Return a part of one buffer, which the next draw overwrites."""
    buffer = backend.kept.setdefault(drawn.dtype, np.empty(1 << 23, drawn.dtype))
    part: Array = buffer[: drawn.size].reshape(drawn.shape)
    part[...] = drawn
    return part


def _read_only(backend: Any, plan: Plan, drawn: Array) -> Array:
    drawn.flags.writeable = False
    return drawn


def _fortran(backend: Any, plan: Plan, drawn: Array) -> Array:
    return np.asfortranarray(drawn)


def _borrowed(backend: Any, plan: Plan, drawn: Array) -> Array:
    return np.frombuffer(bytearray(drawn.tobytes()), drawn.dtype).reshape(drawn.shape)


def _global(backend: Any, plan: Plan, drawn: Array) -> Array:
    np.random.random()  # noqa: NPY002  # the mistake
    return drawn


def _shuffled(backend: Any, plan: Plan, drawn: Array) -> Array:
    generator.random()
    return drawn


class NumberBackend(MatrixBackend):
    """Returns NumPy's own number for a scalar."""

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        drawn = super().draw(plan, device=device)
        return drawn if drawn.shape else drawn[()]

    def tobytes(self, array: Any) -> bytes:
        return super().tobytes(np.asarray(array))


def _racing(has: Has) -> Callable[[], MatrixBackend]:
    """Return a backend that keeps the plans of one kind in an attribute while it draws."""

    class Racing(MatrixBackend):
        current: Plan

        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if not has(plan):
                return super().draw(plan, device=device)
            self.current = plan
            time.sleep(5e-3)  # where another thread gets its turn
            return super().draw(self.current, device=device)

    return Racing


def _setting(act: Callable[[], Any]) -> Callable[[], MatrixBackend]:
    """Return a backend that changes a setting at every draw, to the same value."""

    class Setting(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            act()
            return super().draw(plan, device=device)

    return Setting


SETTINGS: Final[dict[str, tuple[str, Callable[[], Any]]]] = {
    "np.seterr": ("numpy's errors are ignored", lambda: np.seterr(all="ignore")),
    "print options": ("numpy prints four digits", lambda: np.set_printoptions(precision=4)),
    "warning filters": ("all warnings are ignored", lambda: warnings.simplefilter("ignore", RuntimeWarning)),
    "environment": ("an environment variable is set", lambda: os.environ.__setitem__("MKL_NUM_THREADS", "1")),
    "decimal": ("decimal's precision is 60 digits", lambda: setattr(decimal.getcontext(), "prec", 60)),
    "numpy.random seed": ("numpy.random.seed(0)", lambda: np.random.seed(0)),  # noqa: NPY002
}


def _compiled_with(
    key: Callable[[Plan], Any], *fields: str, has: Has = lambda plan: True
) -> Callable[[], CompilingToy]:
    """Return a backend that compiles the first plan's fields in, for all plans that have one key."""

    class Compiled(MatrixBackend):
        capabilities = dataclasses.replace(MatrixBackend.capabilities, jit=True)
        inside = False
        compiled = CompilingToy.compiled

        def __init__(self) -> None:
            self.first: dict[Any, Plan] = {}

        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if self.inside and has(plan):
                first = self.first.setdefault(key(plan), plan)
                plan = dataclasses.replace(plan, **{name: getattr(first, name) for name in fields})
            return super().draw(plan, device=device)

    return Compiled  # type: ignore[return-value]


def _shaped(plan: Plan) -> Any:
    return plan.shape, plan.dtype, plan.rule, plan.geometry.layout


COMPILED: Final = (
    Mutant(
        "seed compiled in",
        "the first seed of a name",
        _compiled_with(lambda p: (*_shaped(p), p.name, p.slices), "keys"),
    ),
    Mutant("part compiled in", "the first part of a shape", _compiled_with(lambda p: (*_shaped(p), p.keys), "offset")),
    Mutant(
        "stack compiled in",
        "the first stack's keys",
        _compiled_with(_shaped, "keys", has=lambda p: p.stack_axis is not None),
    ),
    Mutant(
        "mask compiled in",
        "the first sparse matrix's keys",
        _compiled_with(_shaped, "keys", has=lambda p: p.rule.kind == "masked"),
    ),
    Mutant(
        "share compiled in",
        "the first sparse matrix's zeros",
        _compiled_with(lambda p: (p.shape, p.dtype), "rule", has=lambda p: p.rule.kind == "masked"),
    ),
    Mutant(
        "diagonal compiled in",
        "the first diagonal's axes",
        _compiled_with(lambda p: p.shape, "axes", has=lambda p: p.rule.kind == "diagonal"),
    ),
    Mutant(
        "constant compiled in",
        "the first constant of a shape",
        _compiled_with(lambda p: (p.shape, p.dtype), "rule", has=lambda p: p.rule.kind == "fill"),
    ),
)


def habit_mutants(seed: int) -> tuple[Mutant, ...]:
    """Return mutants that misbehave in one kind of tensor, drawn at random, and those that set something."""
    random = Random(seed)
    arrays = list(KINDS)
    matrices = [kind for kind in arrays if kind not in ("scalars",)]
    found: list[Mutant] = []
    for name, mistake, act, kinds in (
        ("cached", "the same array is returned again", _cached, arrays),
        ("one buffer", "the next draw overwrites the last", _buffered, arrays),
        ("read-only", "the array cannot be written to", _read_only, arrays),
        ("Fortran order", "the array is in Fortran order", _fortran, ["diagonals", "sparse matrices", "stacks"]),
        ("borrowed memory", "the array does not own its memory", _borrowed, arrays),
        ("numpy's generator", "numpy.random's global generator is used up", _global, arrays),
        ("random's generator", "random's global generator is used up", _shuffled, arrays),
    ):
        for kind in random.sample(kinds, 2):
            found.append(Mutant(f"{name}, {kind}", f"{mistake}, of {kind} alone", _behaving(KINDS[kind], act)))
    for kind in random.sample([k for k in matrices if k not in ("constants", "diagonals")], 3):
        found.append(Mutant(f"race, {kind}", f"threads mix up their plans of {kind}", _racing(KINDS[kind])))
    found.append(Mutant("number for scalar", "NumPy's number for an array of shape ()", NumberBackend))
    found += [
        Mutant(f"{name} set once", f"{mistake}, for good", _setting(act)) for name, (mistake, act) in SETTINGS.items()
    ]
    return tuple(found)


HABITS: Final = (*habit_mutants(SEED), *COMPILED)
