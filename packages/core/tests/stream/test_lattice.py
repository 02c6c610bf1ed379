"""The lattices: which integer a word becomes."""

from __future__ import annotations

import itertools
import random
import statistics

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanin.stream.lattice import (
    NORMAL_BITS,
    NORMAL_BOUND,
    NORMAL_MAX,
    UNIFORM_BITS,
    UNIFORM_BOUND,
    normal_lattice,
    truncated_rank,
    uniform_lattice,
)

LAST = 2**32 - 1
words = st.integers(0, LAST)
profile = settings(derandomize=True, deadline=None, max_examples=300, database=None)

# Words about each power of two, where the normal table's octaves meet, and about each quarter of an octave.
BORDERS = sorted({min(2**e * q // 4 + d, 2**31 - 1) for e in range(3, 32) for q in (4, 5, 6, 7) for d in range(-4, 5)})


@pytest.mark.parametrize(
    ("word", "point"),
    [
        (0, 2**24 - 1),
        (255, 2**24 - 1),  # 256 words share a point
        (256, 2**24 - 3),
        (2**31 - 1, 1),
        (2**31, -1),
        (LAST - 255, -(2**24) + 1),
        (LAST, -(2**24) + 1),
        (0x12345678, 2**24 - 1 - 2 * 0x123456),
    ],
)
def test_uniform_points(word: int, point: int) -> None:
    assert uniform_lattice(word) == point


@profile
@given(words)
def test_uniform_is_the_quantile_of_its_rank(word: int) -> None:
    """The upper tail of k * 2^-24 is (1 - k * 2^-24) / 2: the middle of the word's 256 ranks."""
    point = uniform_lattice(word)
    assert point % 2 == 1
    assert abs(point) < UNIFORM_BOUND == 1 << UNIFORM_BITS
    assert point == -uniform_lattice(LAST - word)
    assert (2**24 - point) * 2**7 == (word & ~255) + 128


@pytest.mark.parametrize(
    ("word", "point"),
    [
        # Computed by hand from the table's first, middle and last records, and the formula.
        (0, NORMAL_MAX),
        (1, NORMAL_MAX),
        (2**31 - 1, 0),
        (2**31, 0),
        (LAST - 1, -NORMAL_MAX),
        (LAST, -NORMAL_MAX),
    ],
)
def test_normal_points(word: int, point: int) -> None:
    assert normal_lattice(word) == point


@profile
@given(words)
def test_normal_is_antisymmetric_and_bounded(word: int) -> None:
    point = normal_lattice(word)
    assert point == -normal_lattice(LAST - word) == normal_lattice(word ^ 1)
    assert (point >= 0) == (word < 2**31) or point == 0
    assert abs(point) <= NORMAL_MAX < NORMAL_BOUND


def test_normal_decreases_over_dense_samples() -> None:
    points = [normal_lattice(word) for word in range(0, 2**32, 2**17 + 1)]
    assert len(points) > 32_000
    assert all(before > after for before, after in itertools.pairwise(points))


def test_normal_decreases_over_the_borders_of_its_octaves() -> None:
    points = [normal_lattice(word) for word in BORDERS]
    rises = [after - before for before, after in itertools.pairwise(points) if after > before]
    assert len(BORDERS) > 900
    assert rises == [3]  # between words 2^24 - 1 and 2^24 + 1: see the next test


@pytest.mark.parametrize(("word", "rise"), [(2**24 - 1, 3), (241_172_471, 7), (532_676_591, 4), (15_335_423, 4)])
def test_normal_rises_by_a_few_units_between_some_segments(word: int, rise: int) -> None:
    """37 of the 2^30 steps go up, each where two segments meet, by 7 * 2^-28 at most: far below the 8.2e-8 of error."""
    assert normal_lattice(word + 2) - normal_lattice(word) == rise


def exact_quantile(word: int) -> mpmath.mpf:
    """The upper-tail normal quantile at the middle of the ranks that share a point: (word | 1) / 2^32."""
    with mpmath.workdps(60):
        return mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * mpmath.mpf(word | 1) / 2**32)


def test_normal_is_as_accurate_as_stated() -> None:
    """8.2e-8 is the largest error over all magnitudes. It holds for small words and for any; a wrong slope shows."""
    generator = random.Random(11)
    sample = [*range(0, 64, 2), *BORDERS[::7], *(generator.randrange(2**31) for _ in range(300))]
    errors = [abs(normal_lattice(word) * mpmath.mpf(2) ** -NORMAL_BITS - exact_quantile(word)) for word in sample]
    assert max(errors) < 8.2e-8
    assert statistics.median(errors) < 2e-8


def test_the_largest_normal_point() -> None:
    assert NORMAL_MAX == normal_lattice(0) == 1_672_422_726
    assert round(NORMAL_MAX * 2.0**-NORMAL_BITS, 4) == 6.2303


@pytest.mark.parametrize(
    ("word", "first", "ranks", "rank"),
    [
        (0, 97_711_073, 4_099_545_150, 97_711_073),
        (LAST, 97_711_073, 4_099_545_150, 97_711_073 + 4_099_545_149),
        (2**31, 7, 3, 8),
        (LAST, 7, 3, 9),
        (LAST, 0, 1 << 16, (1 << 16) - 1),
        (0x89ABCDEF, 5, 0xFEDCBA98, 5 + 0x89ABCDEF * 0xFEDCBA98 // 2**32),
    ],
)
def test_truncated_ranks(word: int, first: int, ranks: int, rank: int) -> None:
    assert truncated_rank(word, first, ranks) == rank


@profile
@given(words, words)
def test_all_laws_fall_together(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert uniform_lattice(low) >= uniform_lattice(high)
    assert truncated_rank(low, 5, 2**31) <= truncated_rank(high, 5, 2**31)
    assert normal_lattice(low) >= normal_lattice(high) - 7
