"""What a wrong standard deviation looks like: the mistakes that are known, computed for the tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from fanin.auditing.units import Unit
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.exceptions import FaninError
from fanin.fans import Fans
from fanin.initializers import Initializer, Law, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.initializers.laws import Distribution, Mode
from fanin.models.parameter import Parameter

__all__ = ["TRUNCATED", "likely_factors"]

TRUNCATED: Final = 0.8796256610342398
"""The standard deviation of a standard normal that is truncated at two."""

_SHOWN: Final = 3

_MODES: Final[tuple[Mode, ...]] = ("fan_in", "fan_out", "fan_avg")
_SCALES: Final = (2.0, 1.0, 1 / 3)
"""Variances times fans of he, of glorot and lecun, and of torch's default."""

_SAME: Final = 1e-6


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
    if family == "truncated normal" or not isinstance(unit.law, Uniform):
        yield std * TRUNCATED, "the truncation was not corrected (0.8796)"
        yield std / TRUNCATED, "a truncation was corrected that was not done (1/0.8796)"
    scaling = _scaling_of(parameter, unit.law)
    if scaling is not None:
        yield from _fans(parameter, scaling, std, is_part=bool(unit.place))
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


def _scaling_of(parameter: Parameter, law: Law | None) -> VarianceScaling | None:
    """Return the rule of fans of a law; of one that is given in numbers, as a recording does, a usual rule of it."""
    if isinstance(parameter.initializer, VarianceScaling):
        return parameter.initializer
    if parameter.layout is None or not isinstance(law, (Normal, Uniform, TruncatedNormal)):
        return None
    expected = ExpectedLaw.of(law)
    if expected.mean:
        return None
    distribution: Distribution = "uniform" if isinstance(law, Uniform) else "normal"
    fans = parameter.geometry.fans()
    for mode in _MODES:
        for scale in _SCALES:
            rule = VarianceScaling(scale, mode, distribution)
            fan = rule.fan(fans)
            if fan > 0 and abs(expected.std**2 * fan / scale - 1) < _SAME:
                return rule
    return None


def _fans(
    parameter: Parameter, initializer: VarianceScaling, std: float, *, is_part: bool
) -> Iterator[tuple[float, str]]:
    fans = parameter.geometry.fans()
    for mode in _MODES:
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
    if initializer.mode == "fan_avg":
        yield from _parts(fans, std, is_part=is_part)
    for gain, name in ((5 / 3, "tanh"), (3 / 4, "selu")):
        text = f"the gain of {name}, {gain:.4g}, in place of {math.sqrt(initializer.scale):.4g}"
        yield _std(parameter, replace(initializer, scale=gain**2)), text
    default = 1 / math.sqrt(3 * fans.fan_in) if fans.fan_in > 0 else 0.0
    yield default, "torch's default, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), in place of the law"
    average = (fans.fan_in + fans.fan_out) / 2
    if average > 0 and initializer.mode != "fan_avg":
        yield math.sqrt(1 / average), "it is that of glorot"


def _parts(fans: Fans, std: float, *, is_part: bool) -> Iterator[tuple[float, str]]:
    """Yield what an average of fans becomes that is taken of a part, or of a whole of packed parts."""
    right = fans.fan_in + fans.fan_out
    for k in (2, 3, 4, 8, 16):
        for fan in (fans.fan_in + fans.fan_out / k, fans.fan_in / k + fans.fan_out):
            yield std * math.sqrt(right / fan), f"fans of one of {k} parts: a shard, or a packed projection"
    for k in (2, 3) if is_part else ():
        yield std * math.sqrt(right / (fans.fan_in + k * fans.fan_out)), f"fans of all {k} packed parts together"


def _std(parameter: Parameter, initializer: Initializer) -> float:
    try:
        law = initializer.law(initializer.fans(parameter.geometry))
    except FaninError:
        return 0.0
    if isinstance(law, Uniform):
        return (law.high - law.low) / math.sqrt(12)
    return float(getattr(law, "std", 0.0))
