"""Plans: the numbers a backend reads, against searches and arithmetic of their own."""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from fractions import Fraction
from typing import Any

import pytest

import fanin
from fanin import Initializer, reference
from fanin.dtypes import DTYPES
from fanin.initializers import Normal, Uniform
from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.rules import Draw, Fill
from fanin.stream.keys import named_key

MEANS: list[tuple[Initializer, str]] = [
    (fanin.normal(mean=1.0, std=0.02), "float32"),
    (fanin.normal(mean=-1.0, std=0.02), "float32"),
    (fanin.normal(mean=-0.25, std=2.0), "float32"),
    (fanin.normal(mean=1e-30, std=1.0), "float32"),  # far below one lattice step
    (fanin.normal(mean=0.5 * 2.0**-28, std=1.0), "float32"),  # a tie: half of a step
    (fanin.normal(mean=1.5 * 2.0**-28, std=1.0), "float32"),
    (fanin.normal(mean=-2.5 * 2.0**-28, std=1.0), "float32"),
    (fanin.normal(mean=1.0, std=1.0), "float32"),  # 2^28 + 7 * 2^28 = 2^31 leaves int32: shift 1
    (fanin.normal(mean=1.0 - 2.0**-28, std=1.0), "float32"),  # the last mean that needs none
    (fanin.normal(mean=2.0, std=1.0), "float32"),
    (fanin.normal(mean=3.0, std=3e-6), "float32"),
    (fanin.normal(mean=-1e6, std=1e-7), "float32"),  # the shift exceeds 31
    (fanin.normal(mean=1e300, std=1e-300), "float64"),
    (fanin.normal(mean=0.1, std=0.3), "float64"),
    (fanin.normal(mean=-100.0, std=1e-4), "bfloat16"),
    (fanin.uniform(0.0, 1.0), "float32"),
    (fanin.uniform(-0.001, 2.0), "float16"),
    (fanin.uniform(1000.0, 1000.5), "float32"),
    (fanin.uniform(-1e9, -1e9 + 1024.0), "float64"),
    (fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.5, upper=1.0), "float32"),
    # a shift beyond a double's exponents
    (fanin.truncated_normal(mean=1e308, std=1e-30, lower=-1.0, upper=math.inf), "float64"),
]


def half_even(ratio: Fraction) -> int:
    """The nearest integer, from the definition."""
    below = ratio.numerator // ratio.denominator
    rest = ratio - below
    return below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1))


def search(mean: float, scale: float, bits: int, bound: int, limit: int) -> tuple[int, int]:
    """Try every shift from 0."""
    for shift in range(4000):
        m = half_even(Fraction(mean) / Fraction(scale) * Fraction(2) ** (bits - shift))
        if abs(m) + math.ceil(Fraction(bound, 2**shift)) < limit:
            return shift, m
    raise AssertionError("no shift")


def scale_and_mean(initializer: Any) -> tuple[float, float, int, int]:
    if isinstance(initializer, Uniform):
        low, high = initializer.low, initializer.high
        return (high - low) / 2, (low + high) / 2, 24, 2**24
    return getattr(initializer, "parent_std", initializer.std), initializer.mean, 28, 7 * 2**28


def draw_of(initializer: Initializer, dtype: str = "float32") -> Draw:
    rule = fanin.plan((3,), initializer, dtype=dtype).rule
    assert isinstance(rule, Draw)
    return rule


@pytest.mark.parametrize(("initializer", "dtype"), MEANS, ids=str)
def test_the_mean_on_the_lattice(initializer: Initializer, dtype: str) -> None:
    scale, mean, bits, bound = scale_and_mean(initializer)
    limit = 2**52 if dtype == "float64" else 2**31
    shift, m = search(mean, scale, bits, bound, limit)
    draw = draw_of(initializer, dtype)
    assert (draw.shift, draw.mean) == (min(shift, 31), m)
    # The factor undoes the whole shift, also the part beyond 31 that leaves a lattice point no bits.
    rounded = Fraction(scale if dtype == "float64" else struct.unpack("<f", struct.pack("<f", scale))[0])
    assert Fraction(draw.factor) == rounded * Fraction(2) ** (shift - bits)
    if shift:  # minimal
        smaller = half_even(Fraction(mean) / Fraction(scale) * Fraction(2) ** (bits - shift + 1))
        assert abs(smaller) + math.ceil(Fraction(bound, 2 ** (shift - 1))) >= limit


def test_the_mean_s_table_reaches_every_branch() -> None:
    draws = [draw_of(initializer, dtype) for initializer, dtype in MEANS]
    assert {0, 1, 31} <= {draw.shift for draw in draws}
    assert {0, 2, -2} <= {draw.mean for draw in draws}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("std", [0.1, 1 / 3, 0.7], ids=str)
def test_the_factor_is_a_number_of_the_compute_format(dtype: str, std: float) -> None:
    plan = fanin.plan((3,), fanin.normal(std=std), dtype=dtype)
    draw = plan.rule
    assert isinstance(draw, Draw)
    assert DTYPES[plan.compute].round(draw.factor) == draw.factor
    assert (draw.factor == std * 2.0**-28) == (dtype == "float64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_compute_format(dtype: str) -> None:
    plan = fanin.plan((3,), "zeros", dtype=dtype)
    assert plan.dtype == dtype
    assert plan.compute == ("float64" if dtype == "float64" else "float32")


@pytest.mark.parametrize(
    ("lower", "upper", "first_rank", "ranks", "low", "high"),
    [
        # By mpmath, Q(x) * 2^32 is 97711072.697 at 2, 3613548169.026 at -1, 5797767.899 at 3, 1641057945.874 at 0.3
        # and 2318542906.575 at -0.1.
        (-2.0, 2.0, 97_711_073, 2**32 - 2 * 97_711_073, -2 * 2**28, 2 * 2**28),
        (-1.0, 3.0, 5_797_768, 3_613_548_169 - 5_797_768, -(2**28), 3 * 2**28),
        (0.0, math.inf, 0, 2**31, 0, 7 * 2**28),
        (-math.inf, 0.3, 1_641_057_946, 2**32 - 1_641_057_946, -7 * 2**28, 80_530_636),
        (-6.2, 6.2, 1, 2**32 - 2, -1_664_299_827, 1_664_299_827),  # one rank is missing at each end
        (-0.1, 6.5, 0, 2_318_542_907, -26_843_545, 1_744_830_464),
    ],
)
def test_truncation(lower: float, upper: float, first_rank: int, ranks: int, low: int, high: int) -> None:
    draw = draw_of(fanin.truncated_normal(lower=lower, upper=upper))
    assert draw.distribution == "truncated_normal"
    assert (draw.first_rank, draw.ranks) == (first_rank, ranks)
    assert (draw.low, draw.high) == (low, high)


@pytest.mark.parametrize(("lower", "upper"), [(-math.inf, math.inf), (-6.5, 6.5), (-100.0, 7.0)])
def test_a_truncation_of_nothing_is_a_plain_normal(lower: float, upper: float) -> None:
    initializer = fanin.truncated_normal(std=0.5, lower=lower, upper=upper)
    plain = draw_of(fanin.normal(std=initializer.parent_std))
    assert draw_of(initializer) == plain


@pytest.mark.parametrize(
    ("value", "dtype", "filled"),
    [
        (0.1, "float32", 0.10000000149011612),
        (0.1, "float64", 0.1),
        (0.1, "float16", 0.10000000149011612),  # the float32; the backend rounds once more
        (65519.0, "float16", 65519.0),
        (1e-60, "float32", 0.0),  # a negative number that vanishes is a negative zero
    ],
)
def test_constants(value: float, dtype: str, filled: float) -> None:
    for _ in range(2):  # a cached plan too
        for sign in (1, -1):
            assert fanin.plan((3,), fanin.constant(sign * value), dtype=dtype).rule == Fill(sign * filled)


def test_a_plan_does_not_depend_on_the_sign_of_a_zero_before_it() -> None:
    for value in (-0.0, 0.0, -0.0):
        assert fanin.plan((3,), fanin.constant(value)).rule == Fill(0.0)


def test_a_negative_zero_is_another_fill() -> None:
    assert Fill(0.0) != Fill(-0.0)
    assert len({Fill(0.0), Fill(-0.0), Fill(0.0)}) == 2


@pytest.mark.parametrize(
    ("slices", "parts", "shape", "offset", "axes"),
    [
        (None, ((0, 5), (0, 6), (0, 2)), (5, 6, 2), 0, (Axis(5, 12), Axis(6, 2), Axis(2, 1))),
        (slice(1, 3), ((1, 3), (0, 6), (0, 2)), (2, 6, 2), 12, (Axis(2, 12), Axis(6, 2), Axis(2, 1))),
        ([slice(None), slice(4, None)], ((0, 5), (4, 6), (0, 2)), (5, 2, 2), 8, (Axis(5, 12), Axis(2, 2), Axis(2, 1))),
        ((None, slice(2, 5, 1), slice(1)), ((0, 5), (2, 5), (0, 1)), (5, 3, 1), 4, None),
        ((slice(4, 5), slice(5, 6), slice(1, 2)), ((4, 5), (5, 6), (1, 2)), (1, 1, 1), 59, None),
        ((slice(5, 5),), ((5, 5), (0, 6), (0, 2)), (0, 6, 2), 60, None),
        ((), ((0, 5), (0, 6), (0, 2)), (5, 6, 2), 0, None),
    ],
)
def test_slices(
    slices: Any, parts: tuple[tuple[int, int], ...], shape: tuple[int, ...], offset: int, axes: tuple[Axis, ...] | None
) -> None:
    plan = fanin.plan((5, 6, 2), "random", layout="OIW", name="w", slices=slices)
    assert (plan.slices, plan.shape, plan.offset) == (parts, shape, offset)
    assert plan.geometry.shape == (5, 6, 2)
    assert axes is None or plan.axes == axes


def test_fans_are_of_the_whole_and_not_of_the_part() -> None:
    whole = fanin.plan((8, 50), "he", layout="OI")
    part = fanin.plan((8, 50), "he", layout="OI", slices=(slice(0, 2), slice(3, 4)))
    assert part.rule == whole.rule == fanin.plan((8, 50), Normal(0.0, math.sqrt(2 / 50))).rule


@pytest.mark.parametrize(("layout", "axis"), [("SOI", 0), ("OSI", 1), ("OIS", 2)])
def test_a_stack_has_a_key_for_each_drawn_slice(layout: str, axis: int) -> None:
    names = ["a", "b", "c", "d"]
    shape = tuple(4 if letter == "S" else 3 for letter in layout)
    slices = tuple(slice(1, 3) if letter == "S" else None for letter in layout)
    whole = fanin.plan(shape, "he", layout=layout, seed=2**40, name=names)
    part = fanin.plan(shape, "he", layout=layout, seed=2**40, name=names, slices=slices)
    assert whole.stack_axis == part.stack_axis == axis
    assert whole.keys == tuple(named_key(2**40, name) for name in names)
    assert part.keys == whole.keys[1:3]
    assert whole.axes[axis].stride == 0
    assert whole.index_bound == part.index_bound == 9
    assert part.name == ("a", "b", "c", "d")


def test_a_constant_stack_needs_no_names() -> None:
    assert fanin.plan((3, 2), "zeros", layout="SO").keys == ()


def test_a_plan_says_where_it_came_from() -> None:
    plan = fanin.plan((4, 3), "he", layout="OI", seed=5, name="w", dtype="bfloat16")
    assert (plan.spec_version, plan.seed, plan.name, plan.dtype) == (1, 5, "w", "bfloat16")
    assert (plan.initializer, plan.geometry.layout, plan.size) == (fanin.he_normal(), "OI", 12)
    assert plan.keys == (named_key(5, "w"),)


def test_equal_arguments_give_equal_plans() -> None:
    def make(**changes: Any) -> Plan:
        return fanin.plan(**{"shape": (4, 3), "layout": "OI", "seed": 5, "name": "w", **changes})

    assert make() == make(shape=[4, 3], initialization=fanin.he_normal(), dtype="float32")
    assert hash(make()) == hash(make())
    others: list[dict[str, Any]] = [
        {"seed": 6},
        {"name": "v"},
        {"dtype": "float64"},
        {"layout": "IO"},
        {"initialization": "random"},
        {"slices": slice(1, 2)},
    ]
    assert len({make(), *(make(**other) for other in others)}) == len(others) + 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().seed = 7  # type: ignore[misc]


@pytest.mark.parametrize(
    "initialization", ["he", "zeros", fanin.truncated_normal(mean=0.1, std=0.2, lower=-1.0, upper=3.0)], ids=str
)
def test_to_dict_is_plain_data(initialization: str | Initializer) -> None:
    plan = fanin.plan((4, 3), initialization, layout="SO", name=["a", "b", "c", "d"], slices=slice(1, 3))
    data = json.loads(json.dumps(plan.to_dict()))
    assert data["rule"]["kind"] == ("fill" if initialization == "zeros" else "draw")
    assert Initializer.from_dict(data["initializer"]) == plan.initializer
    assert data["shape"] == [2, 3]
    assert data["name"] == ["a", "b", "c", "d"]
    assert data["keys"] == [list(named_key(0, "b")), list(named_key(0, "c"))]


@pytest.mark.parametrize(
    ("initializer", "dtype", "largest"),
    [
        # The furthest lattice point is 6.2303 deviations; every weight must fit the dtype.
        (fanin.normal(std=71.9), "float8_e4m3fn", 448.0),
        (fanin.normal(std=9_200.0), "float8_e5m2", 57344.0),
        (fanin.normal(std=10_515.0), "float16", 65504.0),
        (fanin.normal(mean=400.0, std=8.0), "float8_e4m3fn", 448.0),
        (fanin.uniform(-448.0, 448.0), "float8_e4m3fn", 448.0),
        (fanin.truncated_normal(mean=-448.0, std=50.0, lower=0.0, upper=2.0), "float8_e4m3fn", 448.0),
        (fanin.normal(std=5.4e37), "float32", None),
    ],
    ids=str,
)
def test_the_widest_laws_that_fit(initializer: Initializer, dtype: str, largest: float | None) -> None:
    """The extreme words of the accepted law are finite, and a law 10 % wider is refused (see test_errors)."""
    draw = draw_of(initializer, dtype)
    values = []
    for word in (0, 2**32 - 1):
        point = (reference.lattice_point(draw, word) >> draw.shift) + draw.mean
        values.append(DTYPES[dtype].round(DTYPES["float32"].round(point * draw.factor)))
    assert all(map(math.isfinite, values))
    assert largest is None or max(map(abs, values)) >= 0.85 * largest
