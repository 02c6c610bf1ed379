"""Scales that a known mistake gives: the ratio of what was seen to what was asked for has a name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from fanin.conformance.check import OR
from fanin.conformance.diagnosis.patterns import decode
from fanin.dtypes import DTYPES
from fanin.fans import Fans
from fanin.initializers import Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.layout import Geometry
from fanin.plans import Plan
from fanin.plans.facts import facts
from fanin.stream.normal_tail import truncated_std

__all__ = ["ratio_mistake", "scale_mistake"]

_ENOUGH = 4
"""Fewer weights than that have a common ratio by chance."""


def scale_mistake(initializer: Initializer, geometry: Geometry, ratio: float, tolerance: float) -> str:
    """Return the mistake that makes weights `ratio` times as wide as they should be, or nothing.

    Args:
        initializer: What was asked for.
        geometry: The tensor.
        ratio: Seen standard deviation over the expected one.
        tolerance: Relative uncertainty of the ratio.
    """
    found = [
        text
        for text, factor in _known(initializer, geometry)
        if abs(factor - 1) > 2 * tolerance and abs(ratio / factor - 1) <= tolerance
    ]
    return OR.join(list(dict.fromkeys(found))[:3])


def ratio_mistake(plan: Plan, wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return the mistake behind weights that are all the same multiple of the right ones, or nothing."""
    pairs = [(decode(a, plan.dtype), decode(b, plan.dtype)) for a, b in zip(wanted, got, strict=True)]
    ratios = [b / a for a, b in pairs if a]
    tolerance = 4 * 2.0 ** -DTYPES[plan.dtype].mantissa
    if len(ratios) < _ENOUGH or ratios[0] <= 0 or any(abs(ratio / ratios[0] - 1) > tolerance for ratio in ratios):
        return ""
    if abs(ratios[0] - 1) <= 2 * tolerance:
        return "the weights differ by rounding: an entry of the table, a shift or a conversion"
    named = scale_mistake(plan.initializer, plan.geometry, ratios[0], tolerance)
    if not named and plan.initializer.needs_fans and plan.shape != plan.geometry.shape:
        part = dataclasses.replace(plan.geometry, shape=plan.shape)
        own, whole = (facts(plan.initializer, found).std for found in (part, plan.geometry))
        named = "the fans are those of the part, not of the whole" if abs(ratios[0] * whole / own - 1) < 1e-6 else ""
    return named or f"every weight is {ratios[0]:.6g} times what it should be"


def _known(initializer: Initializer, geometry: Geometry) -> Iterator[tuple[str, float]]:
    """Yield known mistakes and the factor by which each is off."""
    law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    std = facts(initializer, geometry).std
    if isinstance(initializer, VarianceScaling):
        yield from ((text, math.sqrt(ratio)) for text, ratio in _fan_mistakes(initializer, geometry))
        yield "the square root is missing: the variance is used as the standard deviation", std
        yield "the gain is missing: √(1/n) for √(scale/n)", 1 / math.sqrt(initializer.scale)
        yield "the gain is applied twice, or not under the root", math.sqrt(initializer.scale)
    if std:
        yield "the square root of the standard deviation is used: std taken for a variance", 1 / math.sqrt(std)
        yield "the standard deviation is squared: a variance taken for a standard deviation", std
    if isinstance(law, Uniform):
        yield "the standard deviation is used as the half-width: √3 is missing", 1 / math.sqrt(3)
        yield "the uniform is on [0, high), not on (low, high)", 0.5
    if isinstance(law, TruncatedNormal):
        shrink = truncated_std(law.lower, law.upper)
        yield "the standard deviation is not corrected for the truncation", shrink
        yield "the standard deviation is corrected for the truncation twice, or without a truncation", 1 / shrink
        yield "the standard deviation is corrected for the truncation the wrong way", shrink * shrink
    if isinstance(law, Normal):
        yield "the normal is truncated at 2σ, and its standard deviation not corrected", truncated_std(-2.0, 2.0)


def _fan_mistakes(initializer: VarianceScaling, geometry: Geometry) -> Iterator[tuple[str, float]]:
    """Yield known mistakes in the fan, and the factor by which the variance is off."""
    used = initializer.fan(geometry.fans())
    fans = geometry.fans()
    kernel = _count(geometry, "DHW")
    steps = math.prod(geometry.stride)
    others = {
        "fan_in": fans.fan_in,
        "fan_out": fans.fan_out,
        "fan_avg": (fans.fan_in + fans.fan_out) / 2,
        "fan_geo": math.sqrt(fans.fan_in * fans.fan_out),
        "fan_in + fan_out": fans.fan_in + fans.fan_out,
    }
    for name, fan in others.items():
        if name != initializer.mode:
            yield f"the scale is √({initializer.scale:g}/{name}): {name} used for {initializer.mode}?", used / fan
    yield "the receptive field is forgotten in the fan", float(kernel)
    yield "groups are ignored in the fan", 1 / geometry.groups
    yield "the fan is divided by the groups twice", float(geometry.groups)
    yield "the stride of the transposed convolution is ignored", 1 / steps
    if geometry.transposed:
        outputs, inputs = _count(geometry, "O"), _count(geometry, "I")
        yield (
            "the fan of a transposed convolution is taken from the stored axes: in and out exchanged",
            (used / (outputs * kernel)),
        )
        yield "in and out are exchanged", inputs / geometry.groups / outputs
    if geometry.stack_axis is not None:
        yield "the stack axis is counted in the fan", 1 / geometry.shape[geometry.stack_axis]
    if geometry.layout is not None:
        for letter in "OI":
            sizes = [size for size, other in zip(geometry.shape, geometry.layout, strict=True) if other == letter]
            for size in {sizes[0], sizes[-1]} if len(sizes) > 1 else ():
                share = size / math.prod(sizes)
                shares = (share, 1.0) if letter == "I" else (1.0, share)
                counted = initializer.fan(Fans(fans.fan_in * shares[0], fans.fan_out * shares[1]))
                yield f"only one of the {letter} axes is counted in the fan", used / counted


def _count(geometry: Geometry, letters: str) -> int:
    assert geometry.layout is not None
    return math.prod(n for n, letter in zip(geometry.shape, geometry.layout, strict=True) if letter in letters)
