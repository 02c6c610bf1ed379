"""Variance scaling with the fans as another framework counts them.

A framework's function sees only a shape and counts by position, so its fans are wrong wherever the positions do not
mean what it assumes: for groups, transposed and depthwise kernels, and attention heads. Here a tensor of any layout is
first put into the framework's own order and then counted as the framework counts it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args

from fanin._checks import closest, whole_number
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.fans import Fans
from fanin.initializers import VarianceScaling
from fanin.layout import Geometry

__all__ = ["FanRule", "FrameworkScaling", "axes"]

FanRule = Literal["torch", "jax", "keras", "keras_depthwise", "flax_dense", "flax_transpose_kernel"]
"""The framework whose count is used, after the tensor has been put into its order:

- torch: (out, in, *kernel), transposed (in, out, *kernel); fan_in = size 1 * rest, fan_out = size 0 * rest, where rest
  is the product of the sizes after the first two.
- jax: (*kernel, in, out), transposed or not; fan_in = size -2 * rest, fan_out = size -1 * rest, where rest is the
  product of the sizes before the last two.
- keras: as jax, but a transposed kernel is (*kernel, out, in), and the size of a tensor with one axis is both fans.
- keras_depthwise: as keras, for (*kernel, in, out per in).
- flax_dense: as jax, after the in-axes and out-axes have been flattened, as Flax's dense layers do.
- flax_transpose_kernel: as jax, for (*kernel, out, in).
"""


@dataclass(frozen=True, repr=False)
class FrameworkScaling(VarianceScaling):
    """Weights with mean 0 and variance `scale / n`, where n is the fan that `mode` names, as a framework counts it.

    Attributes:
        scale: A number above 0.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo".
        distribution: "normal", "uniform" or "truncated_normal".
        fan_rule: The framework whose count is used.
        in_axis: Positions of the in-axes in the stored tensor, or None for those that the rule assumes.
        out_axis: Positions of the out-axes, or None; given together with `in_axis` or not at all.
        batch_axis: Positions that are not counted; a stack axis is never counted.
        receptive_field: Whether the remaining axes multiply both fans, if `in_axis` is given.
    """

    kind: ClassVar[str] = "framework_scaling"
    fan_rule: FanRule = "torch"
    in_axis: tuple[int, ...] | None = None
    out_axis: tuple[int, ...] | None = None
    batch_axis: tuple[int, ...] = ()
    receptive_field: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fan_rule not in get_args(FanRule):
            raise FaninValueError(
                f"fan_rule must be one of {', '.join(get_args(FanRule))}. Received: {self.fan_rule!r}."
                f"{closest(str(self.fan_rule), get_args(FanRule))}"
            )
        for name in ("in_axis", "out_axis", "batch_axis"):
            object.__setattr__(self, name, axes(getattr(self, name), name))
        object.__setattr__(self, "batch_axis", self.batch_axis or ())
        if (self.in_axis is None) != (self.out_axis is None):
            raise FaninValueError(
                f"in_axis and out_axis must be given together. Received: in_axis={self.in_axis}, "
                f"out_axis={self.out_axis}. Pass both or neither."
            )

    def __repr__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def fans(self, geometry: Geometry) -> Fans:
        """Return the fans of a tensor by the rule, or by the given axes.

        Raises:
            FaninValueError: The layout is not stated and no axes are given, or the tensor has too few axes.

        Example:
            >>> transposed = Geometry.of((64, 32, 4, 4), "IOHW", transposed=True, stride=2)
            >>> transposed.fans(), FrameworkScaling(2.0, "fan_in", "normal", "torch").fans(transposed)
            (Fans(fan_in=256.0, fan_out=512.0), Fans(fan_in=512.0, fan_out=1024.0))
        """
        if self.in_axis is not None and self.out_axis is not None:
            return self._fans_of_axes(geometry, self.in_axis, self.out_axis)
        geometry.fans()  # rejects a tensor without a layout
        sizes = _stored(self.fan_rule, geometry)
        if self.fan_rule.startswith("keras") and len(sizes) < 2:
            return Fans(float(math.prod(sizes)), float(math.prod(sizes)))
        if len(sizes) < 2:
            raise FaninValueError(
                f"{self.fan_rule.partition('_')[0]} counts fans only for tensors with at least two axes. Received: "
                f"shape {geometry.shape} with layout {geometry.layout!r}. Use an initializer without fans, such as "
                f"fanin.zeros() for a bias."
            )
        first, second = (sizes[1], sizes[0]) if self.fan_rule == "torch" else (sizes[-2], sizes[-1])
        field = math.prod(sizes[2:] if self.fan_rule == "torch" else sizes[:-2])
        return Fans(float(first * field), float(second * field))

    def _fans_of_axes(self, geometry: Geometry, in_axis: tuple[int, ...], out_axis: tuple[int, ...]) -> Fans:
        """Count as JAX does; axes may repeat, as they do in Flax's default for embeddings."""
        sizes = list(geometry.shape)
        if geometry.stack_axis is not None:
            sizes[geometry.stack_axis] = 1
        if beyond := [k for k in (*in_axis, *out_axis, *self.batch_axis) if not -len(sizes) <= k < len(sizes)]:
            raise FaninValueError(
                f"an axis must be in [-{len(sizes)}, {len(sizes)}) for shape {geometry.shape}. Received: {beyond[0]}."
            )
        inputs, outputs, batch = (math.prod(sizes[k] for k in part) for part in (in_axis, out_axis, self.batch_axis))
        if not self.receptive_field:
            return Fans(float(inputs), float(outputs))
        if not math.prod(sizes):
            return Fans(0.0, 0.0)
        field = math.prod(sizes) / inputs / outputs / batch
        return Fans(inputs * field, outputs * field)


def axes(value: object, what: str) -> tuple[int, ...] | None:
    """Return one axis or several as a tuple of integers; None stays None.

    Raises:
        FaninTypeError: It is neither an integer nor a sequence of integers.
    """
    if value is None:
        return None
    given = (value,) if hasattr(value, "__index__") else value
    if not isinstance(given, (tuple, list)):
        raise FaninTypeError(
            f"{what} must be an axis or a tuple of axes, such as -2 or (0, 1). Received: {value!r} of type "
            f"{type(value).__name__}."
        )
    return tuple(whole_number(axis, f"each axis of {what}", -(2**31)) for axis in given)


def _stored(rule: FanRule, geometry: Geometry) -> list[int]:
    """Return the sizes of a tensor's axes, without the stack axis, in the order in which the framework stores them."""
    assert geometry.layout is not None
    letters = sorted(zip(geometry.layout, geometry.shape, strict=True), key=lambda pair: "DHWIOS".index(pair[0]))
    kernel, inputs, outputs = ([size for letter, size in letters if letter in some] for some in ("DHW", "I", "O"))
    if rule == "torch":
        return [*inputs, *outputs, *kernel] if geometry.transposed else [*outputs, *inputs, *kernel]
    if rule == "keras_depthwise":
        if geometry.transposed or math.prod(inputs) != 1:
            raise FaninValueError(
                f"a depthwise kernel has one in-channel per group, and as many groups as in-channels. Received: shape "
                f"{geometry.shape} with layout {geometry.layout!r}, groups={geometry.groups}. Omit depthwise=True."
            )
        return [*kernel, geometry.groups, math.prod(outputs) // geometry.groups]
    if rule == "flax_dense":
        return [*kernel, math.prod(inputs), math.prod(outputs)]
    swapped = rule == "flax_transpose_kernel" or (rule == "keras" and geometry.transposed)
    return [*kernel, *outputs, *inputs] if swapped else [*kernel, *inputs, *outputs]
