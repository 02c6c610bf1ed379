"""What a wrong standard deviation looks like: the mistakes that are known, computed for the tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from fanin.auditing.units import Unit
from fanin.exceptions import FaninError
from fanin.initializers import Initializer, Uniform, VarianceScaling
from fanin.models.parameter import Parameter

__all__ = ["TRUNCATED", "likely_factors"]

TRUNCATED: Final = 0.8796256610342398
"""The standard deviation of a standard normal that is truncated at two."""

_SHOWN: Final = 3


def likely_factors(unit: Unit, std: float, error: float, family: str) -> list[str]:
    """Return what a standard deviation may come from, the nearest first.

    Args:
        unit: What has it, with its law.
        std: The standard deviation that was found.
        error: Its relative uncertainty.
        family: What the weights' distribution looks like: "normal", "uniform", "truncated normal", or nothing.
    """
    law = unit.expected
    assert law is not None
    found: dict[str, float] = {}
    for right, text in _candidates(unit, law.std, family):
        off = abs(math.log(std / right)) if right > 0 else math.inf
        if off <= error and abs(math.log(law.std / right)) > 0.2 * error:
            found.setdefault(text, off)
    return list(found)[:_SHOWN]


def _candidates(unit: Unit, std: float, family: str) -> Iterator[tuple[float, str]]:
    """Yield standard deviations and what they come from, the most specific first."""
    parameter = unit.parameter
    assert parameter is not None
    initializer = parameter.initializer
    if family == "truncated normal" or not isinstance(unit.law, Uniform):
        yield std * TRUNCATED, "the truncation was not corrected (0.8796)"
        yield std / TRUNCATED, "a truncation was corrected that was not done (1/0.8796)"
    if isinstance(initializer, VarianceScaling):
        yield from _fans(parameter, initializer, std)
    if family == "uniform" or isinstance(unit.law, Uniform):
        yield std / math.sqrt(3), "the standard deviation was taken for the bound of a uniform (1/sqrt(3))"
        yield std * math.sqrt(3), "the bound was taken for the standard deviation (sqrt(3))"
    yield std / math.sqrt(2), "a gain of sqrt(2) was forgotten"
    yield std * math.sqrt(2), "a gain of sqrt(2) too much, or fans of a shard at tensor-parallel degree 2"
    yield std * 2, "a gain was not rooted (2), or fans of a shard at tensor-parallel degree 4"
    yield std * math.sqrt(8), "fans of a shard at tensor-parallel degree 8 (sqrt(8))"
    yield std * 4, "fans of a shard at tensor-parallel degree 16 (4)"
    yield std / 2, "half of it: a gain of 2 was forgotten, or fans 4 times too large"
    yield std / math.sqrt(6), "torch's default, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), in place of he (1/sqrt(6))"
    yield std / math.sqrt(3), "a factor of 1/sqrt(3): a bound and a standard deviation were confused"
    yield std * math.sqrt(3), "a factor of sqrt(3): a bound and a standard deviation were confused"
    yield from ((std * k**0.5, f"a factor of sqrt({k}): fans {k} times too small") for k in (3, 6, 12, 24))
    yield std**2, "the variance was taken for the standard deviation"
    yield math.sqrt(std), "the standard deviation was taken for the variance"
    for fixed, text in ((0.02, "GPT-2's and BERT's"), (1.0, "an embedding's default"), (0.01, "a fixed one")):
        yield fixed, f"std {fixed:g}, {text}, in place of the law's"


def _fans(parameter: Parameter, initializer: VarianceScaling, std: float) -> Iterator[tuple[float, str]]:
    fans = parameter.geometry.fans()
    for mode in ("fan_out", "fan_in", "fan_avg"):
        if mode != initializer.mode:
            yield _std(parameter, replace(initializer, mode=mode)), f"{mode} was used for {initializer.mode}"
    letters = parameter.layout or ""
    swapped = letters.translate(str.maketrans("OI", "IO"))
    if swapped != letters:
        try:
            other = replace(parameter, layout=swapped, groups=1, transposed=False, stride=None)
            yield _std(other, initializer), f"the fans were counted for the layout {swapped}, and not {letters}"
        except FaninError:
            pass
    taps = math.prod(size for size, letter in zip(parameter.shape, letters, strict=False) if letter in "DHW")
    if taps > 1:
        yield std * math.sqrt(taps), f"the kernel's {taps} positions were not counted in the fans"
    if parameter.groups > 1:
        root = math.sqrt(parameter.groups)
        yield std / root, f"the {parameter.groups} groups were not counted in the fans"
        yield std * root, f"the {parameter.groups} groups were counted twice in the fans"
    default = 1 / math.sqrt(3 * fans.fan_in) if fans.fan_in > 0 else 0.0
    yield default, "torch's default, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), in place of the law"
    average = (fans.fan_in + fans.fan_out) / 2
    if average > 0 and initializer.mode != "fan_avg":
        yield math.sqrt(1 / average), "it is that of glorot"


def _std(parameter: Parameter, initializer: Initializer) -> float:
    try:
        law = initializer.law(initializer.fans(parameter.geometry))
    except FaninError:
        return 0.0
    if isinstance(law, Uniform):
        return (law.high - law.low) / math.sqrt(12)
    return float(getattr(law, "std", 0.0))
