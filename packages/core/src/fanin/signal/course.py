"""What becomes of the signal and of the gradient from layer to layer."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Sequence
from typing import Final

from fanin.dtypes import DTYPES
from fanin.signal.finding import Finding, Severity
from fanin.signal.layer import Layer, Sum
from fanin.signal.width import cause_of, common_activation, initialization_for, width_of

__all__ = ["HEALTHY", "course_of", "factor"]

HEALTHY: Final = (0.1, 10.0)
"""Where the signal of most models that train begins and ends."""

_STEADY: Final = 1.25
"""A change by less than this factor a layer is no finding,"""

_TOTAL: Final = 30.0
"""nor is one by less than this in all,"""

_HOPELESS: Final = 1e4
"""unless it is one by this in all: it is an error, in however many layers."""

_HOPELESS_BACK: Final = 1e8
"""Gradients of normalised networks change by 3e6 in the 115 layers of timm's RDNet, which trains."""

_MISFIT: Final = 30.0
"""One layer is to blame whose weights are this many times as wide as it needs, or as narrow, and its outputs too."""


def factor(values: Sequence[float]) -> float:
    """Return the geometric mean of the ratios of neighbours; 1 where there are none, 0 where the last is 0."""
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2 or known[0] <= 0:
        return 1.0
    return (known[-1] / known[0]) ** (1 / (len(known) - 1)) if known[-1] > 0 else 0.0


def course_of(
    layers: Sequence[Layer], sums: Sequence[Sum], normalised: bool, *, is_plain: bool = False
) -> Finding | None:
    """Return what is wrong with the signal's course through the layers, with its scale, or with the gradient's course.

    Args:
        layers: The layers, in the order in which they ran.
        sums: The residual sums, which stand for the signal's course where there are several.
        normalised: Whether anything is normalised, which keeps the signal's size.
        is_plain: Whether no layer's output skips another.
    """
    inner = [layer for layer in layers if not layer.is_norm and not layer.is_embedding]
    signal = None if normalised else _signal(inner, sums)
    gradient = _depth(inner) if normalised and is_plain else None
    lost = _lost(inner, sums, normalised)
    return lost or signal or gradient or _gradient(inner, sums, normalised) or _scale(inner, sums, normalised)


def _lost(inner: Sequence[Layer], sums: Sequence[Sum], normalised: bool) -> Finding | None:
    lost = _lost_from(inner)
    if lost is None:
        return None
    before = inner[: inner.index(lost)]
    if lost.weight_std and not normalised and before and before[-1].std < before[0].std:
        faded = _signal([*before, lost], sums)  # little by little, until a bias rounds it away
        if faded is not None:
            return dataclasses.replace(faded, text=f"{faded.text}, and from {lost.name} on nothing is left of it")
    text = "its outputs are the same for every sample"
    cause = "Its weights are zeros or constants, or what it is given is the same for every sample."
    return Finding("signal", lost.name, text, cause, "he")


def _signal(inner: Sequence[Layer], sums: Sequence[Sum]) -> Finding | None:
    is_residual = len(sums) > 1
    course: Sequence[Sum | Layer] = sums if is_residual else _without_ends(_followed(inner), sums)
    names, sizes = [one.name for one in course], [one.std for one in course]
    if not _is_far(sizes):
        return None
    change = factor(sizes)
    places = zip(names, sizes, strict=True)
    worst = next((name for name, size in places if not HEALTHY[0] <= size <= HEALTHY[1]), names[-1])
    goes = "shrinks" if change < 1 else "grows"
    each = "residual sum" if is_residual else "layer"
    text = f"what tells one sample from another {goes} {_times(change)} a {each}, to {sizes[-1]:.1e}"
    if (limit := _left(sizes[-1])) is not None:
        text += f", {limit}"
    if is_residual and change > 1:
        cause = (
            f"Each of {len(sums)} branches adds its variance: multiply the last weight of each branch by "
            f"1/sqrt({len(sums)}), or start it at 0 (fanin.recipes has both)."
        )
        return Finding("residual", worst, text, cause, severity=_how_bad(sizes))
    cause, law, blamed = cause_of(_without_ends(inner, sums))
    return Finding("signal", worst, text, cause, law, _how_bad(sizes), blamed=blamed)


def _gradient(inner: Sequence[Layer], sums: Sequence[Sum], normalised: bool) -> Finding | None:
    is_residual = len(sums) > 1
    compared = _alike(_last_uses(inner), sums)
    gradients = [layer.gradient for layer in compared if layer.gradient]
    if len(gradients) < 2 or not _is_far(gradients, _HOPELESS_BACK if normalised else _HOPELESS):
        return None
    if normalised and _how_bad(gradients) == "warning":  # so much comes of the positions and widths of its stages
        return None
    back = factor(gradients[::-1])
    course = "shrinks" if back < 1 else "grows"
    text = f"the gradient {course} {_times(back)} a {'block' if is_residual else 'layer'} on its way back"
    cause, law, blamed = cause_of(_without_ends(inner, sums))
    return Finding("gradient", compared[0].name, text, cause, law, _how_bad(gradients), blamed=blamed)


def _depth(inner: Sequence[Layer]) -> Finding | None:
    """Return how gradients grow through many normalised layers that nothing skips, whatever their weights."""
    compared = _followed(_last_uses(inner))
    gradients = [layer.gradient for layer in compared if layer.gradient][::-1]
    if len(gradients) < 2 or _total(gradients) < _HOPELESS:
        return None
    text = (
        f"the gradient grows {_times(factor(gradients))} a layer on its way back, {_total(gradients):.1e} times in all "
        f"{len(gradients)}"
    )
    cause = (
        "Nothing skips the normalised layers: batch normalization with relu makes gradients grow 1.21 times a layer, "
        "whatever the weights (Yang et al. 2019). Add residual connections, take fewer layers, or start close to "
        "linear."
    )
    blamed = "the depth, which no width of the weights makes up for"
    return Finding("depth", compared[0].name, text, cause, blamed=blamed)


def _scale(inner: Sequence[Layer], sums: Sequence[Sum], normalised: bool) -> Finding | None:
    """Return the layer whose weights alone put the scale of all that follows, or of the outputs, far off.

    In a branch small weights are meant: what follows is the sum.
    """
    activation = common_activation(inner)
    branches = {name for one in sums for name in (one.layers if len(sums) > 1 else one.layers[-1:])}
    for layer in inner:
        is_last = layer.is_head or layer is inner[-1]
        width, size = width_of(layer, activation), layer.std
        too_large = width > _MISFIT and size > _MISFIT
        too_small = 0 < width < 1 / _MISFIT and size < 1 / _MISFIT  # a last layer may start small
        too_small = too_small and not is_last and layer.name not in branches
        if (too_large or too_small) and (is_last or not normalised):
            what = "the model's outputs" if is_last else "its outputs, and what follows"
            text = f"{what} have a size of {size:.1e}"
            cause = f"Its weights are {width:.2g} times as wide as {activation or 'no activation'} needs."
            return Finding("signal", layer.name, text, cause, initialization_for(activation))
    return None


def _lost_from(inner: Sequence[Layer]) -> Layer | None:
    """Return the layer from which on all outputs are the same for every sample, down to the last; None without one.

    Layers that start at 0 are no loss if the last one gets a gradient: the first step moves it.
    """
    at_end = list(itertools.takewhile(lambda layer: layer.std == 0.0, reversed(inner)))
    if not at_end or (all(layer.weight_rms == 0.0 for layer in at_end) and at_end[0].weight_gradient):
        return None
    return at_end[-1]


def _followed(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that others are computed from: a head may start small."""
    return [layer for layer in layers[:-1] if not layer.is_head]


def _last_uses(layers: Sequence[Layer]) -> list[Layer]:
    """Return the last use of each layer: over the steps of a loop a gradient may fade, as in recurrent networks."""
    last = {layer.name.partition(" (use ")[0]: layer for layer in layers}
    return [layer for layer in layers if last[layer.name.partition(" (use ")[0]] is layer]


def _without_ends(inner: Sequence[Layer], sums: Sequence[Sum]) -> list[Layer]:
    """Return the layers but for the last one of each branch, which is to start small or at 0."""
    names = {layer.name for layer in inner}
    ends = {next((name for name in reversed(one.layers) if name in names), "") for one in sums}
    return [layer for layer in inner if layer.name not in ends]


def _alike(layers: Sequence[Layer], sums: Sequence[Sum]) -> Sequence[Layer]:
    """Return layers whose gradients can be compared: all but the last, and where there are branches those of a kind.

    None arrives in a branch that ends in zeros, and a small one in a branch that is scaled down.
    """
    if not sums:
        return _followed(layers)
    if len(sums) > 1:
        # Of "blocks.3.conv2", first those of all blocks, and where too few are, "conv1" and "conv2" together.
        group = _largest_group(layers, r"\d+(?=.*\.)")
        return group if len(group) >= len(sums) / 2 else _largest_group(layers, r"\d+")
    inside = [layer for layer in _without_ends(layers, sums) if layer.name in sums[0].layers]
    outside = [layer for layer in _followed(layers) if layer.name not in sums[0].layers]
    return max(inside, outside, key=len)


def _largest_group(layers: Sequence[Layer], number: str) -> list[Layer]:
    """Return the layers that do the same in each block: those whose names differ by a number only, the most of them."""
    groups: dict[str, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(re.sub(number, "*", layer.name), []).append(layer)
    return max(groups.values(), key=len, default=[])


def _is_far(values: Sequence[float], hopeless: float = _HOPELESS) -> bool:
    """Return whether a course changes by much in all, and by much in each step; or by `hopeless` in however many."""
    change = factor(values)
    if change == 0.0:
        return True
    total = max(_total(values), 1 / _total(values))
    return total > hopeless or (max(change, 1 / change) > _STEADY and total > _TOTAL)


def _how_bad(values: Sequence[float]) -> Severity:
    """Return how bad a course is: a warning where a learning rate may make up for it."""
    return "warning" if 1 / _HOPELESS < _total(values) < _HOPELESS else "error"


def _total(values: Sequence[float]) -> float:
    """Return by what factor a course changes in all; infinity where it ends at 0."""
    change = factor(values)
    return change ** (len(values) - 1) if change else math.inf


def _left(size: float) -> str | None:
    """Return which format has no number for a size."""
    for name in ("float32", "bfloat16", "float16"):
        number = DTYPES[name]
        smallest = math.ldexp(number.smallest_normal, -number.mantissa)
        if size > number.largest:
            return f"beyond {name}'s largest number ({number.largest:.1e})"
        if size < smallest:
            return f"below {name}'s smallest number ({smallest:.1e})"
    return None


def _times(change: float) -> str:
    if change == 0.0:
        return "to 0 within"
    return f"{max(change, 1 / change):.3g}×"
