"""Mistakes in few values: zeros, subnormals, ties, the largest numbers, scalars; and in few names or matrices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from random import Random
from typing import Any, Final

import numpy as np
from fanin_toy import Array, Ints, ToyBackend

from fanin.initializers import Sparse
from fanin.plans import Plan
from fanin.plans.rules import Diagonal, Draw, Haar, Masked
from fanin.stream.keys import named_key

from .combined import SEED
from .matrix_toy import MatrixBackend
from .record import Mutant


def _drawn(change: Callable[[Plan, Array], Array]) -> Callable[[], MatrixBackend]:
    """Return a backend whose arrays are changed."""

    class Changed(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            return np.asarray(change(plan, super().draw(plan, device=device)))  # of scalars NumPy makes numbers

    return Changed


def _weighed(change: Callable[[Plan, Draw, Ints], Array | None]) -> Callable[[], MatrixBackend]:
    """Return a backend that makes some weights from lattice points in another way."""

    class Weighed(MatrixBackend):
        def weights(self, plan: Plan, rule: Draw, points: Ints) -> Array:
            changed = change(plan, rule, points)
            return super().weights(plan, rule, points) if changed is None else changed

    return Weighed


def _plus_zero(plan: Plan, drawn: Array) -> Array:
    return drawn + drawn.dtype.type(0)  # -0 + 0 is 0


def _minus_zero(plan: Plan, drawn: Array) -> Array:
    return np.where(drawn == 0, drawn.dtype.type(-0.0), drawn).astype(drawn.dtype)


def _only(has: Callable[[Plan], Any], change: Callable[[Plan, Array], Array]) -> Callable[[], MatrixBackend]:
    return _drawn(lambda plan, drawn: change(plan, drawn) if has(plan) else drawn)


def _flushed(plan: Plan, drawn: Array) -> Array:
    return np.where(np.abs(drawn) < np.finfo(drawn.dtype).tiny, np.copysign(drawn.dtype.type(0), drawn), drawn)


def _saturated(plan: Plan, drawn: Array) -> Array:
    return np.clip(drawn, drawn.dtype.type(-65472), drawn.dtype.type(65472))


def _half_up(plan: Plan, rule: Draw, points: Ints) -> Array | None:
    if plan.dtype != "float16":
        return None
    wide = ToyBackend().weights(dataclasses.replace(plan, dtype="float32"), rule, points)
    near = wide.astype(np.float16)
    step = np.spacing(near).astype(np.float64)
    tie = np.abs(near.astype(np.float64) - wide) * 2 == np.abs(step)
    away = np.abs(wide) > np.abs(near)
    up: Array = np.where(tie & away, np.nextafter(near, np.copysign(np.float16(np.inf), near)), near)
    return up.astype(np.float16)


def _from_double(plan: Plan, rule: Draw, points: Ints) -> Array | None:
    if plan.dtype != "float16":
        return None
    exact: Array = (((points >> rule.shift) + rule.mean) * rule.factor).astype(np.float16)
    return exact


def _constant_twice(plan: Plan, drawn: Array) -> Array:
    return drawn.astype(np.float16).astype(drawn.dtype)


def _scalar(law: str) -> Callable[[Plan], bool]:
    return lambda plan: plan.shape == () and isinstance(plan.rule, Draw) and plan.rule.distribution == law


def _empty(plan: Plan, drawn: Array) -> Array:
    return drawn.astype(np.float32) if drawn.size == 0 else drawn


class NamesBackend(MatrixBackend):
    """Changes names before they are hashed."""

    change: Callable[[str], str]

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if isinstance(plan.name, str):
            key = named_key(plan.seed, type(self).change(plan.name))
            plan = dataclasses.replace(plan, keys=(key,))
        return super().draw(plan, device=device)


def _renamed(change: Callable[[str], str]) -> Callable[[], MatrixBackend]:
    return type("Renamed", (NamesBackend,), {"change": staticmethod(change)})


class CountedBackend(MatrixBackend):
    """Counts the zeros of a sparse column from a product that is rounded first."""

    def masked(self, plan: Plan, rule: Masked) -> Array:
        assert isinstance(plan.initializer, Sparse)
        zeros = math.ceil(round(plan.initializer.sparsity * rule.rows, 9))
        return super().masked(plan, dataclasses.replace(rule, zeros=zeros))


def _blocked(rows: int, columns: int, kind: type[Any]) -> Callable[[], MatrixBackend]:
    """Return a backend that is wrong in matrices with more rows, or more columns, than a block has."""

    def change(plan: Plan, drawn: Array) -> Array:
        rule: Any = plan.rule
        if isinstance(rule, kind) and (rule.rows > rows or rule.columns > columns):
            drawn.reshape(-1)[-1] += drawn.dtype.type(0.25)
        return drawn

    return _drawn(change)


class DirectHalfBackend(MatrixBackend):
    """Rounds orthogonal matrices from doubles to float16."""

    def haar(self, plan: Plan, rule: Haar) -> Array:
        if plan.dtype != "float16":
            return super().haar(plan, rule)
        direct: Array = super().haar(dataclasses.replace(plan, dtype="float64"), rule).astype(np.float16)
        return direct


def value_mutants(seed: int) -> tuple[Mutant, ...]:
    """Return mutants that are wrong in few values, some of them in a dtype, law, length or block drawn at random."""
    random = Random(seed)
    dtype = random.choice(["float16", "float64"])
    law = random.choice(["uniform", "normal", "truncated_normal"])
    rule = random.choice([Diagonal, Masked])
    length = random.randrange(900, 1025)
    count = random.randrange(8, 11)
    rows, columns = random.randrange(16, 33), random.randrange(64, 129)
    bound = random.choice([16, 17])
    return (
        Mutant("-0 lost", f"{dtype} has no -0", _only(lambda p: p.dtype == dtype, _plus_zero)),
        Mutant("-0 lost in scalars", "a scalar is never -0", _only(lambda p: p.shape == (), _plus_zero)),
        Mutant("-0 in scalars", "a scalar zero is -0", _only(lambda p: p.shape == (), _minus_zero)),
        Mutant(
            "-0 off the diagonal", "zeros of a matrix are -0", _only(lambda p: isinstance(p.rule, rule), _minus_zero)
        ),
        Mutant("float16 flushed", "subnormal float16 are 0", _only(lambda p: p.dtype == "float16", _flushed)),
        Mutant("float16 saturated", "float16 ends at 65472", _only(lambda p: p.dtype == "float16", _saturated)),
        Mutant("ties away from zero", "float16 rounds ties away from zero", _weighed(_half_up)),
        Mutant("float16 from doubles", "float16 is rounded once, from the exact product", _weighed(_from_double)),
        Mutant(
            "constants through float16",
            "a float64 constant is rounded to float16 first",
            _only(lambda p: p.dtype == "float64" and p.rule.kind == "fill" and p.shape == (), _constant_twice),
        ),
        Mutant(
            f"scalar {law}",
            f"a scalar from a {law} law is halved",
            _only(_scalar(law), lambda p, a: a / a.dtype.type(2)),
        ),
        Mutant("empty float32", "tensors without elements are float32", _drawn(_empty)),
        Mutant(f"names cut at {length}", f"the first {length} bytes count", _renamed(lambda name: name[:length])),
        Mutant("names stripped", "white space at the ends is dropped", _renamed(str.strip)),
        Mutant(
            "trailing newline dropped",
            "a name's last newline is dropped",
            _renamed(lambda name: name.removesuffix("\n")),
        ),
        Mutant(
            "byte order mark dropped",
            "a name's byte order mark is dropped",
            _renamed(lambda n: n.removeprefix("\ufeff")),
        ),
        Mutant(
            "names end at a zero", "a name ends at its first zero byte, as in C", _renamed(lambda n: n.split("\0")[0])
        ),
        Mutant(
            f"stacks of {count}",
            f"from slice {count} on the keys begin again",
            _keyed(lambda keys: tuple(keys[k % count] for k in range(len(keys)))),
        ),
        Mutant("sparse count rounded", "the product is rounded before it is rounded up", CountedBackend),
        Mutant(f"diagonal beyond {rows} × {columns}", "the last block is wrong", _blocked(rows, columns, Diagonal)),
        Mutant(f"mask beyond {rows} × {columns}", "the last block is wrong", _blocked(rows, columns, Masked)),
        Mutant(f"orthogonal beyond {bound} × 64", "the last block is wrong", _blocked(bound, 64, Haar)),
        Mutant("orthogonal float16 from doubles", "rounded once, not from float32", DirectHalfBackend),
    )


def _keyed(change: Callable[[Any], Any]) -> Callable[[], MatrixBackend]:
    class Keyed(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            return super().draw(dataclasses.replace(plan, keys=change(plan.keys)), device=device)

    return Keyed


VALUES: Final = value_mutants(SEED)
