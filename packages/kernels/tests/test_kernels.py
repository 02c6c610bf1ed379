"""Each path that this processor has, against the specification in Python: every length, alignment and offset.

Whatever is written lies in a block of known bytes, or ends where readable memory ends: a kernel that leaves its array
is seen.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator

import pytest
from drawing import DRAWS, PACKED, SIZES, WIDE, expected, rule_of
from memory import Memory, guarded, on_linux

from fanin import reference
from fanin.plans import Draw
from fanin.stream.threefry import Words, threefry2x32
from fanin_kernels import Kernels, kernels, supported_paths

FORMS = tuple(SIZES)
CASES = [(draw, form) for draw in DRAWS.values() for form in FORMS]
CASES += [(draw, "float64") for draw in WIDE.values()]
NAMES = [f"{name} {form}" for name in DRAWS for form in FORMS] + [f"{name} float64" for name in WIDE]

every_path = pytest.mark.parametrize("path", supported_paths())
every_case = pytest.mark.parametrize(("draw", "form"), CASES, ids=NAMES)


def answer(draw: Draw, form: str, indices: Iterator[int] | range) -> bytes:
    return b"".join(expected(draw, form, index) for index in indices)


@every_path
@every_case
def test_every_length_and_lane(path: str, draw: Draw, form: str) -> None:
    """Every length up to 200, from an even and an odd index."""
    run, rule = kernels(path).run, rule_of(draw, form)
    for first in (0, 1001):
        whole = answer(draw, form, range(first, first + 200))
        for count in range(201):
            memory = Memory(count * SIZES[form], count % 64)
            run(memory.address, count, first, PACKED, rule)
            assert memory.written() == whole[: count * SIZES[form]]


@every_path
@pytest.mark.parametrize("form", FORMS)
def test_every_alignment_and_offset(path: str, form: str) -> None:
    """Every distance from a 64-byte border, elements not aligned to themselves too, and every offset in a group."""
    draw = DRAWS["normal"]
    run, rule = kernels(path).run, rule_of(draw, form)
    whole = answer(draw, form, range(600))
    for shift in range(64):
        memory = Memory(83 * SIZES[form], shift)
        run(memory.address, 83, 3 * shift, PACKED, rule)
        assert memory.written() == whole[3 * shift * SIZES[form] :][: 83 * SIZES[form]]
    for first in range(257):
        memory = Memory(271 * SIZES[form])
        run(memory.address, 271, first, PACKED, rule)
        assert memory.written() == whole[first * SIZES[form] :][: 271 * SIZES[form]]


@every_path
@every_case
def test_lengths_around_a_buffer(path: str, draw: Draw, form: str) -> None:
    """Lengths about the buffers' own: those of the paths have 960 to 1,024 words."""
    run, rule = kernels(path).run, rule_of(draw, form)
    whole = answer(draw, form, range(2060))
    for first, count in (
        (0, 959),
        (1, 960),
        (0, 961),
        (7, 1023),
        (0, 1024),
        (1, 1024),
        (0, 1025),
        (3, 2051),
        (0, 2048),
    ):
        memory = Memory(count * SIZES[form])
        run(memory.address, count, first, PACKED, rule)
        assert memory.written() == whole[first * SIZES[form] : (first + count) * SIZES[form]]


@every_path
@pytest.mark.parametrize("first", [(1 << 33) - 75, (1 << 33) - 1, (1 << 33) - 1024, (5 << 33) - 200, (1 << 62) + 3])
def test_the_counters_high_word(path: str, first: int) -> None:
    draw, count = DRAWS["uniform"], 1300
    memory = Memory(count * 4)
    kernels(path).run(memory.address, count, first, PACKED, rule_of(draw, "float32"))
    assert memory.written() == answer(draw, "float32", range(first, first + count))


class Numbers:
    """Whole numbers in memory, as the kernels take bases, columns and places."""

    def __init__(self, numbers: list[int]) -> None:
        self.array = (ctypes.c_int64 * len(numbers))(*numbers)
        self.address = ctypes.addressof(self.array)


def tables() -> Iterator[tuple[int, int, int]]:
    """Yield shapes of tables, (rows, columns, elements from one row to the next)."""
    yield from ((0, 5, 5), (1, 0, 3), (1, 1, 1), (2, 1, 4), (4, 3, 3), (6, 17, 20), (2, 65, 65), (4, 200, 211))
    yield from ((2, 961, 962), (2, 1025, 1030))


def check_rows(found: bytes, width: int, pitch: int, size: int, rows: list[list[int]], draw: Draw, form: str) -> None:
    for i, indices in enumerate(rows):
        row = found[i * pitch * size : (i * pitch + width) * size]
        assert row == answer(draw, form, iter(indices))


@every_path
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", list(tables()))
@pytest.mark.parametrize("kind", ["rows", "grid", "pairs"])
def test_tables(path: str, form: str, table: tuple[int, int, int], kind: str) -> None:
    """Tables of rows with room between them, which must stay as it is."""
    rows, width, pitch = table
    choose = random.Random(f"{table} {kind}")
    draw, size = DRAWS["truncated, mean"], SIZES[form]
    memory = Memory(rows * pitch * size, choose.randrange(64))
    own, rule = kernels(path), rule_of(draw, form)
    arguments = memory.address, pitch * size, rows, width
    columns = [choose.randrange(3000) for _ in range(width)]
    bases = [choose.randrange(3000) + choose.choice([0, 3 << 33]) for _ in range(rows)]
    places = list(range(rows))
    if kind == "rows":
        columns = list(range(width))
        kept = [Numbers(bases)]
        own.rows(*arguments, kept[0].address, PACKED, rule)
    elif kind == "grid":
        kept = [Numbers(bases), Numbers(columns)]
        own.grid(*arguments, kept[0].address, kept[1].address, PACKED, rule)
    else:
        rows -= rows % 2
        columns = [2 * column for column in columns]
        bases = [2 * choose.randrange(3000) + choose.choice([0, 3 << 33]) for _ in range(rows)]
        bases = [base if i % 2 == 0 else bases[i - 1] + 1 for i, base in enumerate(bases)]
        places = choose.sample(range(rows), rows)
        kept = [Numbers(numbers) for numbers in (places, bases, columns)]
        own.pairs(memory.address, pitch * size, rows, width, *(each.address for each in kept), PACKED, rule)
    found = memory.written()
    order = sorted(range(rows), key=lambda i: places[i])
    check_rows(found, width, pitch, size, [[bases[i] + c for c in columns] for i in order], draw, form)
    for i in range(rows):
        gap = slice((i * pitch + width) * size, (i + 1) * pitch * size)
        assert found[gap] == memory.before[memory.start :][gap], "written between the rows"


@every_path
@pytest.mark.parametrize("seed", [(0, 0), (0xFFFFFFFF, 5)])
def test_named_streams(path: str, seed: Words) -> None:
    """Each stream has the key that its name selects, and its own length, memory and rule; the neighbours stay."""
    choose, own = random.Random(f"{seed}"), kernels(path)
    cases = [(draw, form, choose.randrange(1, 3000)) for draw, form in CASES] + [(DRAWS["normal"], "float32", 0)]
    names = [(choose.randrange(1 << 32), choose.randrange(1 << 32)) for _ in cases]
    kept = [(Memory(count * SIZES[form], k % 64), rule_of(draw, form)) for k, (draw, form, count) in enumerate(cases)]
    numbers = [
        (memory.address, count, name[0] << 32 | name[1], ctypes.addressof(rule._obj))
        for (memory, rule), (_, _, count), name in zip(kept, cases, names, strict=True)
    ]
    flat = (ctypes.c_uint64 * (4 * len(numbers)))(*(number for one in numbers for number in one))
    own.streams(ctypes.addressof(flat), len(numbers), seed[0] << 32 | seed[1])
    for (memory, rule), (_, form, count), name in zip(kept, cases, names, strict=True):
        alone, key = Memory(count * SIZES[form]), threefry2x32(seed, name)
        own.run(alone.address, count, 0, key[0] << 32 | key[1], rule)
        assert memory.written() == alone.written()
    own.streams(0, 0, 7)


def test_given_words() -> None:
    words = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, *(random.Random(5).randrange(2**32) for _ in range(1500))]
    numbers = (ctypes.c_uint32 * len(words))(*words)
    for path in supported_paths():
        for draw in DRAWS.values():
            memory = Memory(len(words) * 4)
            kernels(path).given(memory.address, ctypes.addressof(numbers), len(words), rule_of(draw, "points"))
            points = [(reference.lattice_point(draw, word) >> draw.shift) + draw.mean for word in words]
            assert memory.written() == b"".join(point.to_bytes(4, "little", signed=True) for point in points)


def test_float16_beyond_its_range_is_infinite() -> None:
    """No plan allows it; the paths agree nevertheless."""
    draw = Draw("uniform", 2.0**-7)  # up to 2^17
    for path in supported_paths():
        memory, points = Memory(2 * 600), Memory(4 * 600)
        kernels(path).run(memory.address, 600, 0, PACKED, rule_of(draw, "float16"))
        kernels(path).run(points.address, 600, 0, PACKED, rule_of(draw, "points"))
        found = memoryview(memory.written()).cast("H")
        for bits, point in zip(found, memoryview(points.written()).cast("i"), strict=True):
            if abs(point) * draw.factor >= 65520:
                assert bits == (0x7C00 if point > 0 else 0xFC00)
            else:
                assert bits & 0x7FFF < 0x7C00


@on_linux
@every_path
@pytest.mark.parametrize("form", FORMS)
def test_memory_that_ends_with_the_array(path: str, form: str) -> None:
    """The page behind the array, then that before it, must not be touched: a fault would end the tests."""
    draw, size = DRAWS["normal, mean"], SIZES[form]
    rule = rule_of(draw, form)
    own: Kernels = kernels(path)
    with guarded() as (start, end):
        for count in range(1, 301):
            for first in (0, 1):
                for address in (end - count * size, start):
                    own.run(address, count, first, PACKED, rule)
                    assert ctypes.string_at(address, count * size) == answer(draw, form, range(first, first + count))
