"""The pass over weights of each path, against Python's whole numbers, and its sums bit by bit in their stated order."""

from __future__ import annotations

import ctypes
import math
import random
import struct
from collections.abc import Sequence
from ctypes import byref
from typing import Final, NamedTuple

import pytest
from memory import Memory, guarded, on_linux

from fanin_kernels import Seen, kernels, supported_paths

LANES: Final = {"avx512": 16, "avx2": 8, "neon": 4, "scalar": 1}
COLUMNS: Final = 512
"""Columns that are read at once, after which the parts of the sums are added."""

MASK: Final = (1 << 64) - 1

every_path = pytest.mark.parametrize("path", supported_paths())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])


def float32(word: int) -> float:
    (number,) = struct.unpack("<f", struct.pack("<I", word))
    return float(number)


def number_of(word: int, dtype: str) -> float:
    """Return the number that the bits of a weight stand for."""
    if dtype == "float16":
        (number,) = struct.unpack("<e", struct.pack("<H", word))
        return float(number)
    return float32(word << 16 if dtype == "bfloat16" else word)


class Answer(NamedTuple):
    """What a pass gives: the hashes that it adds, the ends of rows, and the counts and sums."""

    rows: list[int]
    columns: list[int]
    lows: list[float]
    highs: list[float]
    counts: list[int]
    sums: list[float]


def sums_of(numbers: Sequence[float], centre: float, lanes: int) -> list[float]:
    """Return the sums of a part of a row: of differences, and of their squares."""
    totals, squares = [0.0] * lanes, [0.0] * lanes
    whole = len(numbers) // lanes * lanes
    for j, number in enumerate(numbers):
        lane, moved = j % lanes if j < whole else 0, number - centre
        totals[lane] += moved
        squares[lane] += moved * moved
    return [*totals, *squares]


def answer(
    words: list[list[int]], dtype: str, centre: float, places: tuple[list[int], list[int]], lanes: int
) -> Answer:
    """Return what a rectangle of weights gives, by Python."""
    shift = 0 if dtype == "float32" else 16
    width = len(places[1])
    found = Answer([], [0] * width, [], [], [0] * 5, [0.0, 0.0])
    for row, place in zip(words, places[0], strict=True):
        numbers = [number_of(word, dtype) for word in row]
        found.rows.append(sum(word * column for word, column in zip(row, places[1], strict=True)) & MASK)
        for j, word in enumerate(row):
            found.columns[j] = found.columns[j] + word * place & MASK
            size = word << shift & 0x7FFFFFFF
            seen = (size == 0, word << shift & 0xFFFF == 0, size < 1 << 23, float32(size) < float32(0x0DA24260))
            huge = not float32(size) <= 1e10  # NaN too
            for k, is_seen in enumerate((*seen, huge)):
                found.counts[k] += is_seen
        real = [number for number in numbers if not math.isnan(number)]
        found.lows.append(min(real, default=math.inf))
        found.highs.append(max(real, default=-math.inf))
        for left in range(0, width, COLUMNS):
            parts = sums_of(numbers[left : left + COLUMNS], centre, lanes)
            for k in range(lanes):
                found.sums[0] += parts[k]
                found.sums[1] += parts[lanes + k]
    return found


def packed(words: list[list[int]], form: str) -> bytes:
    return b"".join(struct.pack(f"={len(row)}{form}", *row) for row in words)


def scanned(
    path: str, dtype: str, words: list[list[int]], width: int, centre: float, shift: int, end: int | None = None
) -> tuple[Answer, Answer]:
    """Return what the kernel finds, and what it should.

    Args:
        path: The instruction set.
        dtype: Of the weights.
        words: Their bits, row by row.
        width: How many a row has.
        centre: What is subtracted.
        shift: The distance of weights and numbers from a border of 64 bytes.
        end: The end of readable memory, in which the weights are to lie; None for other memory.
    """
    choose = random.Random(f"{dtype} {width} {shift}")
    rows = len(words)
    places = [choose.randrange(1 << 64) for _ in range(rows)], [choose.randrange(1 << 64) for _ in range(width)]
    before = [choose.randrange(1 << 64) for _ in range(rows)], [choose.randrange(1 << 64) for _ in range(width)]
    held = [(ctypes.c_uint64 * len(each))(*each) for each in places]
    hashes = [Memory(8 * rows), Memory(8 * width)]
    for memory, old in zip(hashes, before, strict=True):
        ctypes.memmove(memory.address, struct.pack(f"={len(old)}Q", *old), 8 * len(old))
    ends = [Memory(4 * rows), Memory(4 * rows)]
    data = packed(words, "I" if dtype == "float32" else "H")
    given = Memory(len(data), shift)
    weights = given.address if end is None else end - len(data)
    ctypes.memmove(weights, data, len(data))
    floats = struct.pack(f"={rows * width}f", *(number_of(word, dtype) for row in words for word in row))
    wide = Memory(len(floats), shift)
    ctypes.memmove(wide.address, floats, len(floats))
    numbers = weights if dtype == "float32" else wide.address
    seen = Seen(1, 2, 3, 4, 5, 0.0, 0.0)
    kernels(path).scan(
        weights, dtype != "float32", numbers, rows, width, centre,
        *map(ctypes.addressof, held), *(memory.address for memory in (*hashes, *ends)), byref(seen),
    )  # fmt: skip
    after = [struct.unpack(f"={memory.size // 8}Q", memory.written()) for memory in hashes]
    added = [
        [(new - old) & MASK for new, old in zip(now, then, strict=True)]
        for now, then in zip(after, before, strict=True)
    ]
    lows, highs = (list(struct.unpack(f"={rows}f", memory.written())) for memory in ends)
    counts = [seen.zero - 1, seen.narrow - 2, seen.small - 3, seen.tiny - 4, seen.huge - 5]
    found = Answer(added[0], added[1], lows, highs, counts, [seen.total, seen.squares])
    return found, answer(words, dtype, centre, places, LANES[path])


def assert_same(found: Answer, wanted: Answer) -> None:
    for name in Answer._fields:
        for k, (mine, right) in enumerate(zip(getattr(found, name), getattr(wanted, name), strict=True)):
            assert mine == right or (mine != mine and right != right), f"{name}[{k}]: {mine}, not {right}"


SPECIAL: Final = {
    "float32": [
        *(0, 1 << 31, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x00010000, 0x3F800000, 0x3F800001),  # zeros, subnormals
        *(0x0DA2425F, 0x0DA24260, 0x8DA24260, 0x501502F8, 0x501502F9, 0x501502FA, 0xD01502F9),  # about 1e-30 and 1e10
        *(0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7F800001),  # ends, inf, NaN
    ],
    "bfloat16": [0, 0x8000, 1, 0x8001, 0x7F, 0x80, 0x3F80, 0x0DA2, 0x5015, 0x5016, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0],
    "float16": [0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0x0DA2, 0x5015, 0x5016, 0x7BFF, 0x7C00, 0xFC00, 0x7E00],
}


def random_weights(choose: random.Random, dtype: str, count: int, special: float) -> list[int]:
    """Return the bits of weights, each of them, with a probability, one of the special ones."""
    form = ("e", "H") if dtype == "float16" else ("f", "I")
    data = struct.pack(f"={count}{form[0]}", *(choose.gauss(0, 0.02) for _ in range(count)))
    words = struct.unpack(f"={count}{form[1]}", data)
    shift = 16 if dtype == "bfloat16" else 0
    return [choose.choice(SPECIAL[dtype]) if choose.random() < special else word >> shift for word in words]


@every_path
@every_dtype
@pytest.mark.parametrize("special", [0.0, 0.1])
def test_every_length_and_alignment(path: str, dtype: str, special: float) -> None:
    """Every length of a row up to 200, at every distance from a border of 64 bytes, those of odd bytes included."""
    choose = random.Random(f"{dtype} {special}")
    for width in range(201):
        words = [random_weights(choose, dtype, width, special) for _ in range(width % 4)]
        assert_same(*scanned(path, dtype, words, width, 0.01, width % 64))


@every_path
@every_dtype
@pytest.mark.parametrize("width", [511, 512, 513, 1024, 1041, 1543])
def test_rows_of_several_parts(path: str, dtype: str, width: int) -> None:
    choose = random.Random(width)
    words = [random_weights(choose, dtype, width, 0.02) for _ in range(3)]
    assert_same(*scanned(path, dtype, words, width, -0.5, 2))


@every_path
@every_dtype
def test_rows_of_one_word(path: str, dtype: str) -> None:
    """Each special word alone: rows of zeros, of subnormal numbers, of infinities, of NaN."""
    for word in SPECIAL[dtype]:
        for width in (1, 16, 37):
            assert_same(*scanned(path, dtype, [[word] * width], width, 0.0, 0))


@every_path
@pytest.mark.parametrize("centre", [0.0, 1e300, -1e308, math.inf])
def test_sums_that_overflow(path: str, centre: float) -> None:
    """The largest weights, whose squares a double holds, and centres for which it does not."""
    words = [[0x7F7FFFFF, 0xFF7FFFFF, 0x7F7FFFFF] * 30 for _ in range(2)]
    found, wanted = scanned(path, "float32", words, 90, centre, 0)
    assert_same(found, wanted)
    assert math.isfinite(found.sums[1]) == (centre == 0)


@on_linux
@every_path
@every_dtype
def test_weights_at_the_end_of_readable_memory(path: str, dtype: str) -> None:
    """Nothing behind the weights is read, not even by a vector that is not needed."""
    choose = random.Random(dtype)
    with guarded() as (_, end):
        for width in range(1, 140):
            words = [random_weights(choose, dtype, width, 0.0) for _ in range(2)]
            assert_same(*scanned(path, dtype, words, width, 0.0, 0, end))
