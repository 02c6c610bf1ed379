"""Mistakes in the logical order: which index an element of a stored array has."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Final

from fanin.conformance.diagnosis.known.mistake import Mistake
from fanin.layout import Axis
from fanin.plans import Plan

__all__ = ["ORDER"]


def _c_order(shape: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(Axis(size, math.prod(shape[k + 1 :])) for k, size in enumerate(shape))


def _exchanged(one: str, other: str) -> Callable[[Plan], Plan]:
    """Return the plan in whose logical order two letters of the layout have each other's place."""

    def follow(plan: Plan) -> Plan:
        layout = plan.geometry.layout
        if layout is None or not {one, other} <= set(layout):
            raise ValueError(f"no {one} or no {other}")
        if plan.geometry.groups > 1 and "I" in one + other:
            raise ValueError("groups have no in for out")
        swapped = layout.translate(str.maketrans(one + other, other + one))
        axes = dataclasses.replace(plan.geometry, layout=swapped).axes()
        parts = [axis.part(*part) for axis, part in zip(axes, plan.slices, strict=True)]
        return dataclasses.replace(plan, axes=tuple(axis for _, axis in parts), offset=sum(start for start, _ in parts))

    return follow


def _stored_order(plan: Plan) -> Plan:
    axes = _c_order(plan.geometry.shape)
    offset = sum(start * axis.stride for (start, _), axis in zip(plan.slices, axes, strict=True))
    return dataclasses.replace(plan, axes=axes, offset=offset)


ORDER: Final = (
    Mistake(
        "the part is drawn as if it were the start of the tensor: plan.offset is ignored",
        plan=lambda plan: dataclasses.replace(plan, offset=0),
    ),
    Mistake("the elements are numbered in stored order, not in the logical order of plan.axes", plan=_stored_order),
    Mistake(
        "the part is numbered by itself, without the strides and offset of the whole",
        plan=lambda plan: dataclasses.replace(plan, axes=_c_order(plan.shape), offset=0),
    ),
    Mistake(
        "an axis's period is ignored: the groups of a transposed convolution",
        plan=lambda plan: dataclasses.replace(plan, axes=tuple(Axis(axis.size, axis.stride) for axis in plan.axes)),
    ),
    Mistake(
        "an axis's phase is ignored: a part that starts within a group",
        plan=lambda plan: dataclasses.replace(
            plan, axes=tuple(dataclasses.replace(axis, phase=0) for axis in plan.axes)
        ),
    ),
    *(
        Mistake(f"{one} and {other} are exchanged in the logical order (out, in, *kernel)", plan=_exchanged(one, other))
        for one, other in ("HW", "DH", "DW", "OI")
    ),
)
