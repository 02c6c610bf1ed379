"""The tensors that the distribution level draws, shared by its checks so that each is drawn once."""

from __future__ import annotations

import math
from typing import Final

from fanin.conformance.case import Case
from fanin.initializers.presets import (
    glorot_uniform,
    he_normal,
    he_truncated_normal,
    he_uniform,
    lecun_uniform,
    normal,
    random,
    truncated_normal,
    uniform,
)

__all__ = ["ATOM", "BOUNDED", "LAWS", "LOW_PRECISION", "NORMAL", "WIDE"]

ATOM: Final = 2.0**-22
"""A float32 weight may have this probability, and no value a greater one: so weights have 22 random bits at least."""

_SHAPE: Final = (2048, 512)

NORMAL: Final = (
    Case(_SHAPE, he_normal(), "OI", seed=101, name="law.0.weight"),
    Case(_SHAPE, random(), "OI", seed=102, name="law.1.weight"),
    Case(_SHAPE, normal(mean=0.3, std=0.1), "OI", seed=103, name="law.2.weight"),
    Case(_SHAPE, he_normal(), "OI", seed=104, name="law.3.weight", dtype="float64"),
)
BOUNDED: Final = (
    Case(_SHAPE, he_uniform(), "OI", seed=105, name="law.4.weight"),
    Case(_SHAPE, uniform(0.0, 1.0), "OI", seed=106, name="law.5.weight"),
    Case(_SHAPE, glorot_uniform(), "OI", seed=107, name="law.6.weight"),
    Case(_SHAPE, he_truncated_normal(), "OI", seed=108, name="law.7.weight"),
    Case(_SHAPE, truncated_normal(std=0.02), "OI", seed=109, name="law.8.weight"),
    Case(_SHAPE, truncated_normal(mean=0.1, std=0.05, lower=-1.0, upper=3.0), "OI", seed=110, name="law.9.weight"),
    Case(_SHAPE, lecun_uniform(), "OI", seed=111, name="law.10.weight", dtype="float64"),
    Case(_SHAPE, truncated_normal(std=0.05, upper=math.inf), "OI", seed=118, name="law.17.weight"),
    Case(_SHAPE, truncated_normal(std=0.05, lower=-math.inf, upper=0.5), "OI", seed=119, name="law.18.weight"),
)
LOW_PRECISION: Final = tuple(
    Case(_SHAPE, initializer, "OI", seed=112 + i, name=f"law.{11 + i}.weight", dtype=dtype)
    for i, (initializer, dtype) in enumerate(
        (initializer, dtype)
        for dtype in ("float16", "bfloat16")
        for initializer in (he_normal(), he_uniform(), he_truncated_normal())
    )
)
WIDE: Final = (*NORMAL, *BOUNDED)
"""Formats in which rounding is far below what the statistics resolve."""

LAWS: Final = (*WIDE, *LOW_PRECISION)
