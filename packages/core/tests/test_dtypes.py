"""Rounding to a format, and its bit patterns."""

from __future__ import annotations

import bisect
import math
import random
import struct
from fractions import Fraction
from types import SimpleNamespace

import pytest

from fanin.dtypes import DTYPES, dtype_of

STRUCT = {"float16": ("<e", "<H"), "float32": ("<f", "<I"), "float64": ("<d", "<Q")}

VALUES = [  # normal, subnormal and tiny numbers, both signs, and ties of every width
    *(
        sign * m * 2.0**e
        for sign in (1, -1)
        for m in (1.0, 1.25, 1 + 2**-24, 1 / 3)
        for e in (-160, -130, -25, -14, 0, 9)
    ),
    *(1 + k * 2.0**-11 for k in range(8)),  # float16: halves of the last place
    *(1 + k * 2.0**-24 for k in range(8)),  # float32
    *(k * 2.0**-25 for k in range(12)),  # float16 subnormals, and halves of the smallest
    *(k * 2.0**-150 for k in range(12)),  # float32
    65504.0,
    65519.0,
    -65519.99,
    (2 - 2.0**-24) * 2.0**127 * (1 - 2**-53),  # the last that float32 does not round to infinity
    0.0,
    -0.0,
]


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_round_and_encode_agree_with_struct(name: str) -> None:
    """C Python's struct rounds to nearest even too, by code of its own."""
    letter, integer = STRUCT[name]
    fits = [value for value in VALUES if name != "float16" or abs(value) < 65520]
    assert len(fits) > 80
    for value in fits:
        packed = struct.pack(letter, value)
        rounded = DTYPES[name].round(value)
        assert struct.pack("<d", rounded) == struct.pack("<d", struct.unpack(letter, packed)[0]), value
        assert DTYPES[name].encode(rounded) == struct.unpack(integer, packed)[0], value


def decode(name: str, pattern: int) -> Fraction | None:
    """The number of a bit pattern, from the definition of the format; None for an infinity or a NaN."""
    exponent_bits, mantissa_bits = {"bfloat16": (8, 7), "float8_e5m2": (5, 2), "float8_e4m3fn": (4, 3)}[name]
    mantissa = pattern & ((1 << mantissa_bits) - 1)
    field = pattern >> mantissa_bits & ((1 << exponent_bits) - 1)
    bias = (1 << (exponent_bits - 1)) - 1
    ones = (1 << exponent_bits) - 1
    if field == ones and (name != "float8_e4m3fn" or mantissa == 7):
        return None
    sign = -1 if pattern >> (exponent_bits + mantissa_bits) else 1
    if field == 0:
        return sign * Fraction(mantissa, 1 << mantissa_bits) * Fraction(2) ** (1 - bias)
    return sign * (1 + Fraction(mantissa, 1 << mantissa_bits)) * Fraction(2) ** (field - bias)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_every_pattern_encodes_to_itself(name: str) -> None:
    dtype = DTYPES[name]
    finite = 0
    for pattern in range(1 << dtype.bits):
        number = decode(name, pattern)
        if number is None:
            continue
        finite += 1
        value = -0.0 if number == 0 and pattern else float(number)
        assert dtype.round(value) == value
        assert dtype.encode(value) == pattern
    assert finite == {"bfloat16": 2 * 255 * 128, "float8_e5m2": 2 * 31 * 4, "float8_e4m3fn": 2 * (16 * 8 - 1)}[name]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_round_takes_the_nearest_pattern_and_the_even_one_of_two(name: str) -> None:
    dtype = DTYPES[name]
    patterns = range(1 << (dtype.bits - 1))
    numbers = [number for pattern in patterns if (number := decode(name, pattern)) is not None]  # ascending
    generator = random.Random(3)
    some = sorted(generator.sample(range(len(numbers) - 1), min(2000, len(numbers) - 1)))
    for k in some:
        low, high = numbers[k], numbers[k + 1]
        tie = float((low + high) / 2)
        below, above = math.nextafter(tie, 0.0), math.nextafter(tie, math.inf)
        assert dtype.round(below) == low
        assert dtype.round(above) == high
        assert dtype.round(tie) == (low if k % 2 == 0 else high)
        assert dtype.round(-tie) == -dtype.round(tie)
    for _ in range(500):
        value = generator.uniform(0, 1) * 2.0 ** generator.randint(-9, 6)
        k = bisect.bisect(numbers, Fraction(value))
        nearest = min((numbers[k - 1], numbers[k]), key=lambda number: abs(number - Fraction(value)))
        assert dtype.round(value) == nearest


@pytest.mark.parametrize(
    ("name", "largest", "tie"),
    [
        ("float32", (2 - 2.0**-23) * 2.0**127, (2 - 2.0**-24) * 2.0**127),
        ("float16", 65504.0, 65520.0),
        ("bfloat16", (2 - 2.0**-7) * 2.0**127, (2 - 2.0**-8) * 2.0**127),
        ("float8_e5m2", 57344.0, 61440.0),
        ("float8_e4m3fn", 448.0, 464.0),
    ],
)
def test_overflow_starts_half_a_unit_beyond_the_largest(name: str, largest: float, tie: float) -> None:
    dtype = DTYPES[name]
    assert dtype.largest == largest
    assert dtype.round(math.nextafter(tie, 0.0)) == largest
    # The pattern above float8_e4m3fn's largest is its NaN, and its largest is even; the others' largest are odd.
    assert dtype.round(tie) == (largest if name == "float8_e4m3fn" else math.inf)
    assert dtype.round(-math.nextafter(tie, math.inf)) == -math.inf


@pytest.mark.parametrize("name", DTYPES)
def test_what_is_not_finite_stays(name: str) -> None:
    dtype = DTYPES[name]
    assert dtype.round(math.inf) == math.inf
    assert dtype.round(-math.inf) == -math.inf
    assert math.isnan(dtype.round(math.nan))


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_a_negative_number_that_vanishes_is_a_negative_zero(name: str) -> None:
    assert math.copysign(1.0, DTYPES[name].round(-1e-60)) == -1.0
    assert math.copysign(1.0, DTYPES[name].round(1e-60)) == 1.0
    assert DTYPES[name].encode(-0.0) == 1 << (DTYPES[name].bits - 1)


@pytest.mark.parametrize(
    ("name", "smallest_normal", "itemsize", "compute"),
    [
        ("float64", 2.0**-1022, 8, "float64"),
        ("float32", 2.0**-126, 4, "float32"),
        ("float16", 2.0**-14, 2, "float32"),
        ("bfloat16", 2.0**-126, 2, "float32"),
        ("float8_e5m2", 2.0**-14, 1, "float32"),
        ("float8_e4m3fn", 2.0**-6, 1, "float32"),
    ],
)
def test_formats(name: str, smallest_normal: float, itemsize: int, compute: str) -> None:
    dtype = DTYPES[name]
    assert (dtype.smallest_normal, dtype.itemsize, dtype.compute) == (smallest_normal, itemsize, compute)


class float32:  # noqa: N801  # the name of the scalar classes of NumPy and JAX
    """A scalar class."""


class Torch:
    """A dtype whose only name is its text, as torch's are."""

    def __str__(self) -> str:
        return "torch.bfloat16"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        *((name, name) for name in DTYPES),
        (float32, "float32"),
        (SimpleNamespace(name="float16"), "float16"),
        (Torch(), "bfloat16"),
    ],
)
def test_dtype_of_knows_each_library_s_way_to_name_a_dtype(given: object, name: str) -> None:
    assert dtype_of(given) is DTYPES[name]
