"""Wrong weights: how a lattice point becomes a number of the dtype."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
from fanin_toy import Array, Ints, ToyBackend

from fanin.plans import Plan
from fanin.plans.facts import facts
from fanin.plans.rules import Draw

from .record import Mutant


def _weighed(change: Callable[[ToyBackend, Plan, Draw, Ints], Array]) -> Callable[[], ToyBackend]:
    """Return a backend that makes weights from lattice points in another way."""

    class Weighed(ToyBackend):
        def weights(self, plan: Plan, rule: Draw, points: Ints) -> Array:
            return change(ToyBackend(), plan, rule, points)

    return Weighed


def _float_mean(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    number = points.astype(plan.compute)
    kind = number.dtype.type
    scaled = number * kind(rule.factor / 2.0**rule.shift)
    return (scaled + kind(rule.mean * rule.factor)).astype(plan.dtype)  # type: ignore[no-any-return]


def _fused_mean(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    if not rule.mean or plan.compute == "float64":
        return toy.weights(plan, rule, points)
    exact = points.astype(np.float32).astype(np.float64) * (rule.factor / 2.0**rule.shift)
    fused: Array = (exact + float(np.float32(rule.mean * rule.factor))).astype(np.float32).astype(plan.dtype)
    return fused


def _double_then_once(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    number: Array = (((points >> rule.shift) + rule.mean) * rule.factor).astype(plan.dtype)
    return number


def _toward_zero(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    weights = toy.weights(dataclasses.replace(plan, dtype="float32"), rule, points)
    if plan.dtype != "float16":
        return toy.weights(plan, rule, points)
    near: Array = weights.astype(np.float16)
    beyond = np.abs(near.astype(np.float32)) > np.abs(weights)
    return np.where(beyond, np.nextafter(near, np.float16(0)), near)


def _single_for_double(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    if plan.dtype != "float64":
        return toy.weights(plan, rule, points)
    wide: Array = toy.weights(dataclasses.replace(plan, dtype="float32"), rule, points).astype(np.float64)
    return wide


def _wrong_dtype(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    return toy.weights(plan, rule, points).astype(np.float64)


def _coarse_half(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    """A float16 whose random number has 7 bits."""
    if plan.dtype != "float16":
        return toy.weights(plan, rule, points)
    step = 1 << (23 if rule.distribution != "uniform" else 18)
    return toy.weights(plan, rule, points // step * step)


def _normalised(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    """Weights scaled so that their own standard deviation is the law's."""
    weights = toy.weights(plan, rule, points)
    if weights.size < 2:
        return weights
    wide = weights.astype(np.float64)
    mean = wide.mean()
    if not wide.std():
        return weights
    exact: Array = (mean + (wide - mean) / wide.std() * facts(plan.initializer, plan.geometry).std).astype(plan.dtype)
    return exact


def _centred_rows(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    weights = toy.weights(plan, rule, points)
    if weights.ndim < 2 or rule.mean:
        return weights
    centred: Array = (weights - weights.mean(axis=1, keepdims=True, dtype=np.float64)).astype(plan.dtype)
    return centred


def _equal_units(toy: ToyBackend, plan: Plan, rule: Draw, points: Ints) -> Array:
    """Every output unit has the same weights."""
    weights = toy.weights(plan, rule, points)
    layout = plan.geometry.layout or ""
    for axis, letter in enumerate(layout):
        if letter == "O" and weights.shape[axis] > 1:
            weights = np.repeat(np.take(weights, [0], axis), weights.shape[axis], axis)
    return weights


WEIGHTS: Final = (
    Mutant("float mean", "the mean is added to the float weight", _weighed(_float_mean)),
    Mutant("fused mean", "a compiler contracts the float mean to a fused multiply-add", _weighed(_fused_mean)),
    Mutant("rounded once", "the product is formed in double precision", _weighed(_double_then_once)),
    Mutant("rounded toward zero", "float16 truncates", _weighed(_toward_zero)),
    Mutant("float64 from float32", "float64 is computed in single precision", _weighed(_single_for_double)),
    Mutant("wrong dtype", "float64 is returned for float32", _weighed(_wrong_dtype)),
    Mutant("7 random bits in float16", "low-precision sampling", _weighed(_coarse_half)),
    Mutant("tensor normalised", "divided by its own standard deviation", _weighed(_normalised)),
    Mutant("rows centred", "the mean of each row is subtracted", _weighed(_centred_rows)),
    Mutant("equal units", "every output unit has the same weights", _weighed(_equal_units)),
)
