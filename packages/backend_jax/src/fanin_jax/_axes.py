"""Axes by number, as in `jax.nn.initializers`, and batch axes joined into the one stack axis of a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from fanin.exceptions import FaninValueError
from fanin.initializers import Initializer
from fanin.numbered_axes import Axes, axis_numbers, layout_of_axes
from fanin.profiles import FrameworkScaling

__all__ = ["NumberedAxes", "counted_by"]

Several = int | tuple[int, ...]


@dataclass(frozen=True)
class NumberedAxes:
    """The in-, out- and batch axes of a shape that is not known yet."""

    in_axis: Several
    out_axis: Several
    batch_axis: Several

    @classmethod
    def of(
        cls, layout: str | None, in_axis: Axes | None, out_axis: Axes | None, batch_axis: Axes | None
    ) -> NumberedAxes | None:
        """Return the axes, with JAX's defaults for those that are None; or None if all are None.

        Raises:
            FaninValueError: A layout is given too.
            FaninTypeError: An axis is not a whole number.
        """
        if in_axis is None and out_axis is None and batch_axis is None:
            return None
        if layout is not None:
            raise FaninValueError(
                f"a layout cannot be combined with in_axis, out_axis and batch_axis. Received: layout={layout!r}, "
                f"in_axis={in_axis}, out_axis={out_axis}, batch_axis={batch_axis}. Pass either the layout or the axes."
            )
        return cls(
            axis_numbers(-2 if in_axis is None else in_axis, "in_axis"),
            axis_numbers(-1 if out_axis is None else out_axis, "out_axis"),
            axis_numbers(() if batch_axis is None else batch_axis, "batch_axis"),
        )

    def layout(self, ndim: int) -> str:
        """Return one letter per axis, with an S for each batch axis."""
        return layout_of_axes(ndim, self.in_axis, self.out_axis, self.batch_axis)

    def count(self, shape: tuple[int, ...]) -> int:
        """Return the number of positions of all batch axes together."""
        return math.prod(shape[k] for k in self._batch(shape))

    def joined(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
        """Return the shape and layout with the batch axes joined into the first."""
        others = [k for k in range(len(shape)) if k not in self._batch(shape)]
        layout = self.layout(len(shape))
        return (self.count(shape), *(shape[k] for k in others)), "S" + "".join(layout[k] for k in others)

    def split(self, weights: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """Return an array of the joined shape in the stored shape."""
        batch = self._batch(shape)
        apart = weights.reshape(*(shape[k] for k in batch), *weights.shape[1:])
        return jnp.moveaxis(apart, range(len(batch)), batch)

    def _batch(self, shape: tuple[int, ...]) -> list[int]:
        return [k for k, letter in enumerate(self.layout(len(shape))) if letter == "S"]


def counted_by(layout: str, initialization: Initializer) -> Initializer:
    """Return the initializer; if it is a profile of JAX, with the in- and out-axes of the layout, given by number.

    Without axes, the profiles of JAX take the last two axes for in and out, whatever the layout calls them.

    Raises:
        FaninValueError: The initializer has its own axes.
    """
    if not isinstance(initialization, FrameworkScaling):
        return initialization
    if initialization.in_axis is not None:
        raise FaninValueError(
            f"the axes are given twice, to the profile and to fanin_jax.initializer. Received: {initialization}. Pass "
            f"in_axis, out_axis and batch_axis to only one of them."
        )
    if initialization.fan_rule != "jax":
        return initialization
    inputs, outputs = (tuple(k for k, letter in enumerate(layout) if letter == role) for role in "IO")
    return replace(initialization, in_axis=inputs, out_axis=outputs)
