"""The cases at the edges of the formats: zeros and their signs, subnormals, ties, the largest numbers, scalars."""

from __future__ import annotations

from typing import Final

from fanin.conformance.case import Case
from fanin.dtypes import DTYPES
from fanin.initializers import Initializer
from fanin.initializers.presets import constant, identity, normal, sparse, truncated_normal, uniform

__all__ = ["SCALARS", "VALUES"]

_ONE: Final = {"float16": 2049.0, "bfloat16": 257.0, "float8_e5m2": 18.0, "float8_e4m3fn": 17.0}
"""Halfway between two numbers of the format, the even one of which is below; the next tie's even one is above."""
_STEP: Final = {"float16": 2.0, "bfloat16": 2.0, "float8_e5m2": 4.0, "float8_e4m3fn": 2.0}
_LARGEST: Final = {"float16": 65519.0, "bfloat16": 3.38e38, "float8_e5m2": 61439.0, "float8_e4m3fn": 463.0}
"""Beyond the largest finite number, and rounded to it."""


def _narrow() -> tuple[Case, ...]:
    cases: list[Case] = []
    for dtype, tie in _ONE.items():
        number, largest = DTYPES[dtype], _LARGEST[dtype]
        tiniest = number.smallest_normal * 2.0**-number.mantissa
        laws: list[Initializer] = [
            constant(tie),
            constant(tie + _STEP[dtype]),
            constant(-tie),
            constant(largest),
            constant(-largest),
            normal(
                mean=tie, std=tie * 2.0**-22
            ),  # float32 has few numbers here: rounded to it first, many weights are ties
            normal(mean=-tie - _STEP[dtype], std=tie * 2.0**-22),
            uniform(tie - tie * 2.0**-22, tie + tie * 2.0**-22),
            uniform(-largest, largest),
            truncated_normal(mean=0.0, std=largest / 4, lower=-2.0, upper=2.0),
        ]
        if number.min_exponent > -126:
            laws += [
                constant(tiniest / 2),  # a tie: 0
                constant(-tiniest / 2),  # a tie: -0
                constant(tiniest * 1.5),
                constant(tiniest * 0.51),
                constant(-tiniest * 0.49),
                normal(std=tiniest),
                normal(std=number.smallest_normal),
                uniform(-tiniest * 2, tiniest * 2),
                uniform(-tiniest / 4, tiniest / 4),  # every weight is a zero, with its sign
            ]
        cases += [Case((401,), law, seed=31, name="edge", dtype=dtype) for law in laws]
    return tuple(cases)


VALUES: Final = (
    *_narrow(),
    *(
        Case((5,), constant(value), dtype=dtype)
        for dtype in DTYPES
        for value in (-0.0, -1e-60, 1e-60, -1e-46, 2.0**-149, 2.0**-126, -(2.0**-127))
    ),
    Case((401,), normal(std=2.0**-98), seed=31, name="edge"),  # the smallest scale, whose weights are just normal
    Case((401,), normal(std=5e37), seed=31, name="edge"),
    Case((401,), uniform(-3.4e38, 3.4e38), seed=31, name="edge", dtype="float64"),
    Case((401,), normal(std=2.0**-990), seed=31, name="edge", dtype="float64"),
    Case((401,), normal(std=1e307), seed=31, name="edge", dtype="float64"),
    Case((401,), normal(mean=16777217.0, std=1.0), seed=31, name="edge"),
    Case((401,), uniform(-1.0, 1.0 + 2.0**-20), seed=31, name="edge"),
    Case((401,), normal(mean=1.0, std=1e-6), seed=31, name="edge"),
    *(
        Case((2**33,), initializer, slices=((index, index + 1),), dtype=dtype)
        for dtype in DTYPES
        for initializer in (normal(std=1.0), uniform(-1.0, 1.0))
        for index in (3382420280, 1712065893)  # the words at the median: points of 0 and of -0, or of 1 and -1
    ),
)

_LAWS: Final = (
    constant(-0.0),
    constant(0.3),
    constant(-1e-60),
    uniform(-0.3, 0.3),
    uniform(0.1, 0.3),
    normal(std=0.3),
    normal(mean=0.5, std=0.3),
    truncated_normal(std=0.3),
    truncated_normal(mean=0.4, std=0.3, lower=-0.5, upper=1.5),
)

SCALARS: Final = (
    *(
        Case((), law, seed=seed, name="scalar", dtype=dtype)
        for dtype in DTYPES
        for law in _LAWS
        for seed in (0, 5)
        if seed or law == normal(std=0.3)
    ),
    *(Case((0,), law, seed=5, name="empty", dtype=dtype) for law in _LAWS for dtype in ("float32", "float16")),
    *(Case((0, 3), law, "OI", seed=5, name="empty") for law in (identity(), sparse(0.5))),
    *(Case((0, 3), normal(), seed=5, name="empty", dtype=dtype) for dtype in ("float64", "bfloat16")),
    Case((1,), normal(std=0.3), seed=5, name="scalar"),
    Case((1, 1, 1), normal(std=0.3), seed=5, name="scalar"),
    Case((), "he", "", seed=5, name="scalar"),
)
