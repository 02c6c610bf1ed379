"""Fans: the width of the weights in every layout, against fans that are written down here by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.moments import std_result
from fanin.conformance.distribution.sample import Sample, SampleTrial, initializer_of
from fanin.fans import Fans
from fanin.initializers import VarianceScaling
from fanin.initializers.presets import (
    glorot_normal,
    glorot_truncated_normal,
    glorot_uniform,
    he_normal,
    he_truncated_normal,
    he_uniform,
    lecun_normal,
    lecun_truncated_normal,
    lecun_uniform,
    variance_scaling,
)

__all__ = ["FANS", "FAN_CHECKS", "fan_samples"]

_EXPERTS: Final = tuple(f"experts.{i}.weight" for i in range(8))

FANS: Final[tuple[tuple[Case, float, float], ...]] = (
    (Case((512, 128), he_normal(), "OI"), 128, 512),
    (Case((128, 512), he_normal(), "IO"), 128, 512),
    (Case((512, 128), he_normal(mode="fan_out"), "OI"), 128, 512),
    (Case((512, 128), he_normal(0.5), "OI"), 128, 512),
    (Case((512, 128), he_uniform(), "OI"), 128, 512),
    (Case((512, 128), he_truncated_normal(), "OI"), 128, 512),
    (Case((512, 128), glorot_normal(), "OI"), 128, 512),
    (Case((512, 128), glorot_uniform(), "OI"), 128, 512),
    (Case((512, 128), glorot_truncated_normal(), "OI"), 128, 512),
    (Case((512, 128), lecun_normal(), "OI"), 128, 512),
    (Case((512, 128), lecun_uniform(), "OI"), 128, 512),
    (Case((512, 128), lecun_truncated_normal(), "OI"), 128, 512),
    (Case((512, 128), variance_scaling(0.7, "fan_geo", "normal"), "OI"), 128, 512),
    (Case((512, 128), variance_scaling(0.7, "fan_geo", "uniform"), "OI"), 128, 512),
    (Case((512, 128), variance_scaling(3.0, "fan_out", "truncated_normal"), "OI"), 128, 512),
    (Case((128, 48, 11), he_normal(), "OIW"), 48 * 11, 128 * 11),
    (Case((11, 48, 128), he_normal(), "WIO"), 48 * 11, 128 * 11),
    (Case((96, 48, 3, 5), he_normal(), "OIHW"), 48 * 15, 96 * 15),
    (Case((96, 48, 3, 5), he_truncated_normal(mode="fan_out"), "OIHW"), 48 * 15, 96 * 15),
    (Case((96, 48, 3, 5), glorot_uniform(), "OIHW"), 48 * 15, 96 * 15),
    (Case((3, 5, 48, 96), he_normal(), "HWIO"), 48 * 15, 96 * 15),
    (Case((3, 5, 48, 96), lecun_uniform(), "HWIO"), 48 * 15, 96 * 15),
    (Case((96, 3, 5, 48), he_uniform(), "OHWI"), 48 * 15, 96 * 15),
    (Case((48, 24, 2, 3, 7), he_normal(), "OIDHW"), 24 * 42, 48 * 42),
    (Case((2, 3, 7, 24, 48), glorot_normal(), "DHWIO"), 24 * 42, 48 * 42),
    (Case((96, 12, 5, 7), he_normal(), "OIHW", groups=8), 12 * 35, 12 * 35),
    (Case((96, 12, 5, 7), he_normal(mode="fan_out"), "OIHW", groups=2), 12 * 35, 48 * 35),
    (Case((5, 7, 12, 96), he_uniform(mode="fan_out"), "HWIO", groups=2), 12 * 35, 48 * 35),
    (Case((1536, 1, 7, 5), he_normal(), "OIHW", groups=1536), 35, 35),
    (Case((3072, 1, 7, 5), he_normal(mode="fan_out"), "OIHW", groups=1536), 35, 70),
    (Case((48, 96, 3, 5), he_normal(), "IOHW", transposed=True), 48 * 15, 96 * 15),
    (Case((48, 96, 4, 4), he_normal(), "IOHW", transposed=True, stride=2), 48 * 4, 96 * 16),
    (Case((4, 4, 96, 48), he_uniform(), "HWOI", transposed=True, stride=2), 48 * 4, 96 * 16),
    (Case((48, 96, 4, 6), glorot_normal(), "IOHW", transposed=True, stride=(2, 3)), 48 * 4, 96 * 24),
    (Case((96, 48, 11), he_normal(), "IOW", groups=4, transposed=True), 24 * 11, 48 * 11),
    (Case((96, 12, 64), glorot_uniform(), "IOO"), 96, 12 * 64),
    (Case((12, 64, 96), he_normal(), "IIO"), 12 * 64, 96),
    (Case((8, 64, 128), he_normal(), "SOI", name=_EXPERTS), 128, 64),
    (Case((64, 8, 128), glorot_normal(), "ISO", name=_EXPERTS), 64, 128),
    (Case((8, 24, 6, 3, 5), he_normal(), "SOIHW", groups=4, name=_EXPERTS), 6 * 15, 6 * 15),
    (Case((8, 48, 12, 11), he_uniform(mode="fan_out"), "SOIW", groups=2, name=_EXPERTS), 12 * 11, 24 * 11),
    (Case((11, 12, 48, 8), he_normal(mode="fan_out"), "WIOS", groups=4, name=_EXPERTS), 12 * 11, 12 * 11),
    (Case((8, 24, 12, 3, 5), he_normal(), "SIOHW", groups=4, transposed=True, name=_EXPERTS), 6 * 15, 12 * 15),
    (Case((96, 5, 7, 12), he_normal(mode="fan_out"), "OHWI", groups=4), 12 * 35, 24 * 35),
    (Case((12, 96, 5, 7), he_truncated_normal(mode="fan_out"), "IOHW", groups=8), 12 * 35, 12 * 35),
    (Case((3, 2, 5, 12, 96), glorot_normal(), "DHWIO", groups=6), 12 * 30, 16 * 30),
    (Case((5, 7, 12, 96), he_normal(), "HWOI", groups=4, transposed=True, stride=(1, 2)), 12 * 35, 12 * 35),
)
"""The case, its fan-in and its fan-out."""


def fan_samples(trial: SampleTrial) -> Iterator[Sample | Result]:
    """Yield the sample of each case, with the law that the written fans ask for."""
    for i, (case, fan_in, fan_out) in enumerate(FANS):
        named = dataclasses.replace(case, seed=301 + i, name=case.name or f"fans.{i}.weight")
        initializer = initializer_of(case)
        assert isinstance(initializer, VarianceScaling)
        yield from trial.samples((named,), initializer.law(Fans(fan_in, fan_out)))


def widths(trial: SampleTrial) -> Iterator[Result]:
    """Yield the variance of each sample over the one that its fans ask for: chi-squared for a normal law."""
    for item in fan_samples(trial):
        yield item if isinstance(item, Result) else std_result(item, trial.alpha)


FAN_CHECKS: Final = (
    Check("fans.width", "distribution", "the width follows the fans, in every layout, grouped and transposed", widths),
)
