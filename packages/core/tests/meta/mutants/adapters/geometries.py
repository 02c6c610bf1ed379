"""Placed mistakes of one geometry: fans, and dependence that shows in grouped, stacked or transposed kernels only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from fanin.initializers import VarianceScaling

from .record import Call, Family, Mistaken, Placed, Values, one

GEOMETRIES: Final[dict[str, Callable[[Call], bool]]] = {
    "grouped stacks": lambda call: call.groups > 1 and "S" in (call.layout or ""),
    "stacks": lambda call: "S" in (call.layout or ""),
    "grouped, out-channels last": lambda call: call.groups > 1 and (call.layout or "").endswith("O"),
    "grouped, in-channels last": lambda call: call.groups > 1 and (call.layout or "").endswith("I"),
    "grouped": lambda call: call.groups > 1,
    "transposed": lambda call: call.transposed,
    "three-dimensional": lambda call: "D" in (call.layout or ""),
    "one-dimensional": lambda call: (call.layout or "").count("W") == 1 and "H" not in (call.layout or ""),
}


class Elsewhere(Mistaken):
    """Wrong in one geometry."""

    geometry: str

    def wrong(self, call: Call) -> Values:
        weights = self.right(call)
        if isinstance(call.law, VarianceScaling) and GEOMETRIES[self.geometry](call):
            return self.changed(call, weights).astype(weights.dtype)
        return weights

    def changed(self, call: Call, weights: Values) -> Values:
        """Return the wrong weights."""
        raise NotImplementedError


class Scaled(Elsewhere):
    """Another fan: too wide or too narrow."""

    factor: float

    def changed(self, call: Call, weights: Values) -> Values:
        return weights * self.factor


class Sliced(Elsewhere):
    """The slices of one axis share something."""

    how: str
    axis: float

    def changed(self, call: Call, weights: Values) -> Values:
        long = [k for k, size in enumerate(weights.shape) if size > 1]
        axis = long[int(self.axis * len(long))]
        first = np.take(weights, [0], axis)
        if self.how == "two slices are equal":
            weights = np.moveaxis(weights, axis, 0).copy()
            weights[1] = weights[0]
            return np.moveaxis(weights, 0, axis)
        if self.how == "two slices have the same magnitudes":
            weights = np.moveaxis(weights, axis, 0).copy()
            weights[1] = np.abs(weights[0]) * np.sign(weights[1])
            return np.moveaxis(weights, 0, axis)
        shape = [1] * weights.ndim
        shape[axis] = weights.shape[axis]
        generator = np.random.default_rng(call.seed)
        if self.how == "slices have means of their own":
            return weights + generator.standard_normal(shape) * 0.4 * float(weights.std())
        assert first.size
        scale: Values = np.exp(generator.standard_normal(shape) * 0.4)
        return weights * scale / math.sqrt(float(np.mean(scale**2)))


def _fan(g: np.random.Generator) -> Placed:
    geometry = one(g, tuple(GEOMETRIES))
    factor = float(np.exp(one(g, (-1, 1)) * g.uniform(math.log(1.07), math.log(2))))
    made = lambda: Scaled(geometry=geometry, factor=factor)  # noqa: E731
    return Placed("fans of one geometry", f"a std {factor:.2f} times as wide, {geometry}", made, "fans.width")


def _slices(how: str, check: str) -> Family:
    def place(g: np.random.Generator) -> Placed:
        geometry, axis = one(g, tuple(GEOMETRIES)), g.uniform()
        made: Any = lambda: Sliced(geometry=geometry, axis=axis, how=how)  # noqa: E731
        return Placed(f"{how}, in one geometry", f"{geometry}, axis at {axis:.0%}", made, check)

    return place


GEOMETRIC: Final[tuple[Family, ...]] = (
    _fan,
    _slices("two slices are equal", "correlation.axes"),
    _slices("two slices have the same magnitudes", "correlation.axes"),
    _slices("slices have means of their own", "correlation.offsets"),
    _slices("slices have widths of their own", "correlation.offsets"),
)
