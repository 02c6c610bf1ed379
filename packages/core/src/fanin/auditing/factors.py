"""What a wrong standard deviation looks like: the mistakes that are known, computed for the tensor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress
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
    for known, scaling in _scalings(parameter, unit.law):
        yield from _fans(known, scaling, std, is_part=bool(unit.place))
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
    yield from _other_fan(parameter, unit.law, std)
    for fixed, text in ((0.02, "GPT-2's and BERT's"), (1.0, "an embedding's default"), (0.01, "a fixed one")):
        yield fixed, f"std {fixed:g}, {text}, in place of the law's"


def _scalings(parameter: Parameter, law: Law | None) -> Iterator[tuple[Parameter, VarianceScaling]]:
    """Yield the rule of fans of a law; of one that is given in numbers, as a recording does, each usual rule of them.

    Where no layout says which axis is which, it comes with a parameter that does: the first order that fits.
    """
    if isinstance(parameter.initializer, VarianceScaling):
        yield parameter, parameter.initializer
        return
    expected = _centred(law)
    if expected is None:
        return
    distribution: Distribution = "uniform" if isinstance(law, Uniform) else "normal"
    orders = [parameter] if parameter.layout is not None else list(_with_layouts(parameter))
    for mode, known, scale in itertools.product(_MODES, orders, _SCALES):
        rule = VarianceScaling(scale, mode, distribution)
        fan = rule.fan(known.geometry.fans())
        if fan > 0 and abs(expected.std**2 * fan / scale - 1) < _SAME:
            yield known, rule
            if parameter.layout is None:
                return


def _centred(law: Law | None) -> ExpectedLaw | None:
    """Return a law of independent weights around 0 in numbers; None of any other."""
    if not isinstance(law, (Normal, Uniform, TruncatedNormal)):
        return None
    expected = ExpectedLaw.of(law)
    return None if expected.mean else expected


def _with_layouts(parameter: Parameter) -> Iterator[Parameter]:
    """Yield a parameter without a layout in the orders of torch and of JAX."""
    kernel = "DHW"[5 - len(parameter.shape) :]
    for layout in (f"OI{kernel}", f"{kernel}IO") if 2 <= len(parameter.shape) <= 5 else ():
        try:
            yield replace(parameter, layout=layout, stream=None, parts=())
        except FaninError:
            continue


def _other_fan(parameter: Parameter, law: Law | None, std: float) -> Iterator[tuple[float, str]]:
    """Yield what the other fan makes of a law whose rule is not known, unless it is a round number that has none."""
    if parameter.layout is None or _centred(law) is None or any(True for _ in _scalings(parameter, law)):
        return
    fans = parameter.geometry.fans()
    if float(f"{std:.2g}") != std and min(fans.fan_in, fans.fan_out) > 0:
        root = math.sqrt(fans.fan_in / fans.fan_out)
        yield std * root, "fan_out for fan_in, if the law divides by it"
        yield std / root, "fan_in for fan_out, if the law divides by it"


def _fans(
    parameter: Parameter, initializer: VarianceScaling, std: float, *, is_part: bool
) -> Iterator[tuple[float, str]]:
    fans = parameter.geometry.fans()
    letters = parameter.layout or ""
    swapped = letters.translate(str.maketrans("OI", "IO"))
    with_swapped = 0.0
    if swapped != letters:
        with suppress(FaninError):
            other = replace(parameter, layout=swapped, groups=1, transposed=False, stride=None)
            with_swapped = _std(other, initializer)
    for mode in _MODES:
        if mode != initializer.mode:
            right = _std(parameter, replace(initializer, mode=mode))
            is_both = with_swapped > 0 and abs(right / with_swapped - 1) < _SAME
            why = f", as by the layout {swapped} in place of {letters}" if is_both else ""
            yield right, f"{mode} for {initializer.mode}{why}"
            with_swapped = 0.0 if is_both else with_swapped
    yield with_swapped, f"the fans were counted for the layout {swapped}, and not {letters}"
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
