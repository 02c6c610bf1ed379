"""Layouts: the role of each axis, which gives a tensor's logical order and its fans (specification, sections 6, 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from fanin._checks import whole_number
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.fans import Fans, count_fans

__all__ = ["Axis", "Geometry", "check_shape"]

Whole = TypeVar("Whole", bound=Any)
"""A whole number, or an array of them."""

_LETTERS: Final = "OIDHWS"
_SPATIAL: Final = "DHW"
_EXAMPLES: Final = {
    0: '"" (a scalar)',
    1: '"O" (one weight per output)',
    2: '"OI" (torch, ONNX) or "IO" (JAX, Keras)',
    3: '"OIW" (torch conv1d), "WIO" (JAX conv1d), "SOI" (a stack of matrices) or "IOO" (attention heads)',
    4: '"OIHW" (torch conv2d), "HWIO" (JAX, Keras) or "OHWI" (MLX); "IOHW" with transposed=True (torch)',
    5: '"OIDHW" (torch conv3d) or "DHWIO" (JAX, Keras)',
}


def layout_choices(ndim: int) -> str:
    """Return the usual layouts of a tensor with `ndim` axes, as text for an error message."""
    return _EXAMPLES.get(ndim, f"{ndim} letters, one per axis")


@dataclass(frozen=True, slots=True)
class Axis:
    """How the logical index moves along one stored axis.

    Position i of the axis adds `(phase + i) // period * outer_stride + (phase + i) % period * stride` to the index. If
    `period` is 0, as on every axis except an in-axis of a grouped transposed convolution, it adds `i * stride`.

    Attributes:
        size: Number of positions drawn.
        stride: Steps of the logical index from one position to the next; 0 on a stack axis.
        period: Number of positions of one group, or 0.
        outer_stride: Steps of the logical index from one group to the next.
        phase: Position of the first drawn element within its group.
    """

    size: int
    stride: int
    period: int = 0
    outer_stride: int = 0
    phase: int = 0

    def terms(self, position: Whole) -> tuple[tuple[Whole, int], ...]:
        """Return what a position adds to the logical index, as pairs (number, stride) to multiply.

        Args:
            position: The position, counted from the first drawn one: a whole number, or an array of them.
        """
        if not self.period:
            return ((position, self.stride),)
        moved = position + self.phase
        return (moved // self.period, self.outer_stride), (moved % self.period, self.stride)

    def offset(self, position: Whole) -> Whole:
        """Return what a position, counted from the first drawn one, adds to the logical index: the sum of its terms."""
        total: Whole = sum(number * stride for number, stride in self.terms(position))
        return total

    def part(self, start: int, stop: int) -> tuple[int, Axis]:
        """Return the logical offset of the part [start, stop) of this axis, and the part as an axis."""
        if not self.period:
            return start * self.stride, Axis(stop - start, self.stride)
        group, phase = divmod(self.phase + start, self.period)
        return group * self.outer_stride, Axis(stop - start, self.stride, self.period, self.outer_stride, phase)


def check_shape(shape: object) -> tuple[int, ...]:
    """Return a shape as a tuple of non-negative Python integers. A single integer is a shape with one axis.

    Raises:
        FaninTypeError: It is neither an integer nor a sequence of integers.
        FaninValueError: A dimension is negative, or the product of the nonzero dimensions is 2^63 or more.
    """
    try:
        sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    except TypeError:  # a zero-dimensional array is an Iterable that cannot be iterated over
        sizes = (shape,)
    if isinstance(shape, (str, bytes, Mapping, Set)) or not all(hasattr(size, "__index__") for size in sizes):
        raise FaninTypeError(
            f"shape must be a sequence of whole numbers, for example (256, 64). Received: {shape!r} of type "
            f"{type(shape).__name__}."
        )
    result = tuple(whole_number(size, "each dimension of a shape", 0) for size in sizes)
    if math.prod(size for size in result if size) >= 2**63:
        raise FaninValueError(
            f"a tensor must have fewer than 2**63 elements, not counting zero dimensions. Received: shape {result}."
        )
    return result


def _strides(sizes: list[int]) -> list[int]:
    strides = [1] * len(sizes)
    for k in range(len(sizes) - 2, -1, -1):
        strides[k] = strides[k + 1] * sizes[k + 1]
    return strides


@lru_cache(maxsize=1024)
def _check_layout(layout: str, ndim: int) -> None:
    unknown = [letter for letter in layout if letter not in _LETTERS]
    if unknown:
        meant = "".join(layout.upper().split()).replace(",", "")
        hint = f" Did you mean {meant!r}?" if set(meant) <= set(_LETTERS) else ""
        raise FaninValueError(
            f"layout {layout!r} has the unknown letter {unknown[0]!r}. Accepted: O (out), I (in), D, H, W (spatial), "
            f"S (stack), one letter per axis, for example {layout_choices(ndim)}.{hint}"
        )
    if len(layout) != ndim:
        raise FaninValueError(
            f"layout {layout!r} names {len(layout)} axes, but the shape has {ndim}. Use one letter per axis, for "
            f"example {layout_choices(ndim)}."
        )
    for letter in "SDHW":
        if layout.count(letter) > 1:
            raise FaninValueError(
                f"layout {layout!r} repeats {letter!r}, but only O and I may stand for several axes. Use D, H, W and S "
                f"at most once each."
            )


@dataclass(frozen=True, slots=True)
class Geometry:
    """A whole tensor as stored: its shape and the roles of its axes.

    Attributes:
        shape: The global shape, in stored order.
        layout: One letter per axis, or None if the roles of the axes are not stated.
        groups: Number of groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution, which stores all in-channels and the
            out-channels of one group.
        stride: Strides, one per spatial axis in the order D, H, W. Only the fan-in of a transposed convolution needs
            them.
    """

    shape: tuple[int, ...]
    layout: str | None = None
    groups: int = 1
    transposed: bool = False
    stride: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        shape: object,
        layout: str | None = None,
        groups: object = 1,
        transposed: object = False,
        stride: object = None,
    ) -> Geometry:
        """Check the arguments of `fanin.init` that describe the tensor, and return them as a geometry.

        Raises:
            FaninTypeError: An argument has the wrong type.
            FaninValueError: The layout does not fit the shape, or the groups do not divide the channels.
        """
        sizes = check_shape(shape)
        if layout is not None:
            if not isinstance(layout, str):
                raise FaninTypeError(
                    f"layout must be a string or None. Received: {layout!r} of type {type(layout).__name__}. Pass, for "
                    f"example, {layout_choices(len(sizes))}."
                )
            _check_layout(layout, len(sizes))
        if not isinstance(transposed, bool):
            raise FaninTypeError(f"transposed must be True or False. Received: {transposed!r}.")
        group_count = whole_number(groups, "groups", 1)
        if layout is None:
            if group_count != 1 or transposed or stride is not None:
                raise FaninValueError(
                    f"groups, transposed and stride need a layout. Received: layout=None with groups={group_count}, "
                    f"transposed={transposed}, stride={stride!r}. State the layout, for example "
                    f"{layout_choices(len(sizes))}."
                )
            return cls(sizes)
        spatial = sum(letter in _SPATIAL for letter in layout)
        if stride is None:
            strides = (1,) * spatial
        elif isinstance(stride, Iterable):
            strides = tuple(whole_number(step, "a stride", 1) for step in stride)
            if len(strides) != spatial:
                raise FaninValueError(
                    f"stride must be one number, or one number per spatial axis: layout {layout!r} has {spatial} "
                    f"spatial axes. Received: {stride!r}."
                )
        else:
            strides = (whole_number(stride, "a stride", 1),) * spatial
        return _checked(cls(sizes, layout, group_count, transposed, strides))

    def channels(self, letters: str) -> int:
        """Return the product of the sizes of the stored axes with these letters; 1 if there are none."""
        assert self.layout is not None
        return math.prod(size for size, letter in zip(self.shape, self.layout, strict=True) if letter in letters)

    def fans(self) -> Fans:
        """Return the fans of the whole tensor (see `fanin.fans.count_fans`).

        Raises:
            FaninValueError: The layout is not stated.

        Example:
            >>> Geometry.of((128, 64, 3, 3), "OIHW").fans()
            Fans(fan_in=576.0, fan_out=1152.0)
        """
        if self.layout is None:
            hint = ' For a bias or a scale, use an initializer without fans: "zeros", "ones".' * (len(self.shape) < 2)
            raise FaninValueError(
                f"this initializer needs the fan-in, which is never guessed. Received: shape {self.shape} without a "
                f"layout. State the layout: {layout_choices(len(self.shape))}.{hint}"
            )
        return count_fans(
            self.channels("O"), self.channels("I"), self.channels(_SPATIAL), self.groups, self.transposed, self.stride
        )

    @property
    def stack_axis(self) -> int | None:
        """The position of the stack axis S, or None."""
        return None if self.layout is None or "S" not in self.layout else self.layout.index("S")

    def axes(self) -> tuple[Axis, ...]:
        """Return how the logical index moves along each stored axis of the whole tensor.

        The logical index is the flat position in the canonical order (out, in, *kernel), in C order.

        Raises:
            FaninValueError: A group of a grouped transposed convolution does not begin at an axis boundary.
        """
        if math.prod(self.shape) == 0:
            return tuple(Axis(size, 0) for size in self.shape)
        if self.layout is None:
            return tuple(Axis(size, step) for size, step in zip(self.shape, _strides(list(self.shape)), strict=True))
        positions = {letters: self._positions(letters) for letters in ("O", "I", "D", "H", "W", "S")}
        spatial = positions["D"] + positions["H"] + positions["W"]
        order = positions["O"] + positions["I"] + spatial
        steps = dict(zip(order, _strides([self.shape[k] for k in order]), strict=True))
        axes = [Axis(size, steps.get(k, 0)) for k, size in enumerate(self.shape)]
        if self.transposed and self.groups > 1:
            if self.channels("O") > 1:  # with one out-channel the orders agree, wherever the groups split
                self.check_groups_split()
            self._split_groups(axes, positions["O"], positions["I"])
        return tuple(axes)

    def _positions(self, letter: str) -> list[int]:
        assert self.layout is not None
        return [k for k, other in enumerate(self.layout) if other == letter]

    def _split_groups(self, axes: list[Axis], out_axes: list[int], in_axes: list[int]) -> None:
        """Rewrite the strides for the canonical order: out, numbered group by group; in, per group; then *kernel."""
        kernel = self.channels(_SPATIAL)
        in_per_group = self.channels("I") // self.groups
        group_stride = self.channels("O") * in_per_group * kernel
        for k, step in zip(out_axes, _strides([self.shape[k] for k in out_axes]), strict=True):
            axes[k] = Axis(self.shape[k], step * in_per_group * kernel)
        for k, step in zip(in_axes, _strides([self.shape[k] for k in in_axes]), strict=True):
            size = self.shape[k]
            if step % in_per_group == 0:  # a step along this axis crosses whole groups
                axes[k] = Axis(size, step // in_per_group * group_stride)
            elif _splits(in_per_group, size, step) and in_per_group % (step * size):
                axes[k] = Axis(size, step * kernel, in_per_group // step, group_stride)
            else:  # the axis lies within one group, or there is one out-channel
                axes[k] = Axis(size, step * kernel)

    def check_groups_split(self) -> None:
        """Check that each group of a transposed kernel begins at an axis boundary, so that each axis has its strides.

        Raises:
            FaninValueError: A group begins within an axis.
        """
        sizes = [self.shape[k] for k in self._positions("I")]
        in_per_group = self.channels("I") // self.groups
        if not all(_splits(in_per_group, size, step) for size, step in zip(sizes, _strides(sizes), strict=True)):
            raise FaninValueError(
                f"groups={self.groups} with {in_per_group} in-channels each do not split the in-axes {sizes} of layout "
                f"{self.layout!r} at an axis boundary. Merge the in-axes into one, draw, and reshape."
            )


def _splits(in_per_group: int, size: int, step: int) -> bool:
    """Return whether an in-axis steps over whole groups, lies within one group, or holds several whole groups."""
    if step % in_per_group == 0 or in_per_group % (step * size) == 0:
        return True
    return in_per_group % step == 0 and size % (in_per_group // step) == 0


@lru_cache(maxsize=4096)
def _checked(geometry: Geometry) -> Geometry:
    """Return the geometry if its groups divide the channels. Equal geometries share one object, for fast comparison."""
    letter, channels = ("I", "in") if geometry.transposed else ("O", "out")
    count = geometry.channels(letter)
    if count % geometry.groups:
        raise FaninValueError(
            f"groups={geometry.groups} does not divide the {count} {channels}-channels of shape {geometry.shape} with "
            f"layout {geometry.layout!r}. Use a divisor."
        )
    return geometry
