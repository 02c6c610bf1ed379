"""Layouts from numbered axes, as JAX's initializers take them: the in-axes, the out-axes and the batch axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from fanin._checks import whole_number
from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["Axes", "axis_numbers", "layout_of_axes"]

Axes: TypeAlias = int | Iterable[int]
"""One axis or several, each counted from the first (0, 1, ...) or from the last (-1, -2, ...)."""

_SPATIAL: Final = ("", "W", "HW", "DHW")


def layout_of_axes(ndim: int, in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = ()) -> str:
    """Return the layout in which these axes are I, O and S, and the remaining axes are the spatial ones, in order.

    Args:
        ndim: Number of axes.
        in_axis: One in-axis or several.
        out_axis: One out-axis or several.
        batch_axis: The stack axes: none, one or several. `fanin.plan` accepts at most one.

    Returns:
        One letter per axis; `layout_of_axes(4)` is the layout of JAX's convolution kernels.

    Raises:
        FaninValueError: An axis does not exist or is named twice, or more than three axes are left to be spatial.
        FaninTypeError: An axis is not a whole number.

    Example:
        >>> layout_of_axes(4), layout_of_axes(3, in_axis=1, out_axis=2, batch_axis=0), layout_of_axes(3, 0, (1, 2))
        ('HWIO', 'SIO', 'IOO')
    """
    letters: dict[int, str] = {}
    for letter, name, axes in (("I", "in_axis", in_axis), ("O", "out_axis", out_axis), ("S", "batch_axis", batch_axis)):
        places = axis_numbers(axes, name)
        for place in (places,) if isinstance(places, int) else places:
            if not -ndim <= place < ndim:
                raise FaninValueError(f"{name} must name axes in [{-ndim}, {ndim}). Received: {place}.")
            if place % ndim in letters:
                raise FaninValueError(
                    f"in_axis, out_axis and batch_axis must name different axes. Received: {in_axis}, {out_axis} and "
                    f"{batch_axis} of {ndim} axes, where axis {place % ndim} is named twice."
                )
            letters[place % ndim] = letter
    left = [place for place in range(ndim) if place not in letters]
    if len(left) > len(_SPATIAL) - 1:
        raise FaninValueError(
            f"at most three axes may be spatial. Received: {ndim} axes, with in_axis={in_axis}, out_axis={out_axis} "
            f"and batch_axis={batch_axis}, which leave {len(left)}. Assign more axes to these three."
        )
    letters |= zip(left, _SPATIAL[len(left)], strict=True)
    return "".join(letters[place] for place in range(ndim))


def axis_numbers(axes: object, name: str) -> int | tuple[int, ...]:
    """Return axis numbers of any library as Python integers, which can be hashed. A single number stays single.

    Raises:
        FaninTypeError: They are neither a whole number nor a sequence of whole numbers.

    Example:
        >>> axis_numbers(-2, "in_axis"), axis_numbers([0, 1], "out_axis")
        (-2, (0, 1))
    """
    if isinstance(axes, (str, bytes)):
        raise FaninTypeError(f"{name} must be a whole number or a sequence of them. Received: {axes!r}.")
    what, least = f"an axis of {name}", -(2**31)
    if not isinstance(axes, Iterable) or getattr(axes, "ndim", 1) == 0:
        return whole_number(axes, what, least)
    return tuple(whole_number(axis, what, least) for axis in axes)
