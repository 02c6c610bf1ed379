"""The handlers of XLA, called as XLA calls them: every way to cut an array, every format, and any number of threads."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pytest
from drawing import DRAWS, KEY, PACKED, SIZES, WIDE, expected, rule_of
from memory import Memory
from xla_calls import REFUSED, UNKNOWN, Help, Outcome, call, version

from fanin_kernels import Path, kernels, supported_paths

every_path = pytest.mark.parametrize("path", supported_paths())

DONE: Final = Outcome([], [], 0)
"""By the caller's own thread."""

TURN: Final = 1 << 33
"""Where the counter's high word changes."""


def axis(size: int, stride: int, period: int = 0, outer_stride: int = 0, phase: int = 0) -> tuple[int, ...]:
    return size, stride, period, outer_stride, phase


class Case(NamedTuple):
    """An array: its axes, how many of them count the rows, and the index of its first element."""

    mode: str
    axes: tuple[tuple[int, ...], ...]
    outer: int
    offset: int = 0


CASES: Final = {
    "one run": Case("runs", (axis(201, 1),), 0),
    "one element": Case("runs", (axis(1, 1),), 0, 7),
    "rows": Case("runs", (axis(5, 300), axis(7, 3000), axis(67, 1)), 2, 11),
    "rows across the turn": Case("runs", (axis(3, 200), axis(150, 1)), 1, TURN - 275),
    "a grid": Case("grid", (axis(3, 1), axis(9, 30), axis(4, 7)), 1, 3),
    "a grid that is one row": Case("grid", (axis(9, 30), axis(4, 7)), 0),
    "a grid across the turn": Case("grid", (axis(5, 1), axis(40, 5)), 1, TURN - 99),
    "groups": Case("grid", (axis(10, 6, 4, 1000, 3), axis(6, 1, 5, 500, 2)), 1, 20),
    "pairs": Case("pairs", (axis(6, 1), axis(70, 6)), 1),
    "more pairs than are drawn at once": Case("pairs", (axis(600, 1), axis(3, 600)), 1, 2),
    "pairs of several axes": Case("pairs", (axis(3, 1000), axis(4, 1), axis(5, 4), axis(7, 20)), 2, 8),
    "pairs that begin between two lanes": Case("pairs", (axis(6, 1), axis(70, 6)), 1, 9),
    "pairs before the turn": Case("pairs", (axis(6, 1), axis(70, 6)), 1, TURN - 420),
    "pairs that reach the turn": Case("pairs", (axis(6, 1), axis(70, 6)), 1, TURN - 418),
    "pairs across the turn": Case("pairs", (axis(6, 1), axis(70, 6)), 1, TURN - 200),
    "pairs behind the turn": Case("pairs", (axis(6, 1), axis(70, 6)), 1, 3 * TURN),
}


def indices(case: Case) -> Iterator[int]:
    """Yield the logical index of each element, in the order of memory."""
    for place in itertools.product(*(range(size) for size, *_ in case.axes)):
        index = case.offset
        for position, (_, stride, period, outer_stride, phase) in zip(place, case.axes, strict=True):
            if period:
                whole, rest = divmod(position + phase, period)
                index += whole * outer_stride + rest * stride
            else:
                index += position * stride
        yield index


def size_of(axes: Sequence[tuple[int, ...]]) -> int:
    return math.prod(size for size, *_ in axes)


@every_path
@pytest.mark.parametrize("form", SIZES)
@pytest.mark.parametrize("name", CASES)
def test_every_way_to_cut_an_array(path: Path, name: str, form: str) -> None:
    case = CASES[name]
    draw = WIDE["normal, mean beyond 32 bits"] if form == "float64" else DRAWS["truncated, mean"]
    memory = Memory(size_of(case.axes) * SIZES[form])
    assert call(path, memory.address, draw, form, *case[:3], offset=case.offset, keys=[KEY]) == DONE
    assert memory.written() == b"".join(expected(draw, form, index) for index in indices(case))


@every_path
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("form", ["float32", "float64", "points"])
def test_every_rule(path: Path, name: str, form: str) -> None:
    """The numbers of a plan, of which each has its place among the words."""
    memory = Memory(150 * SIZES[form])
    assert call(path, memory.address, DRAWS[name], form, "runs", [axis(150, 1)], 0, keys=[KEY]) == DONE
    assert memory.written() == b"".join(expected(DRAWS[name], form, index) for index in range(150))


@every_path
@pytest.mark.parametrize(
    ("mode", "axes", "outer", "stack"),
    [
        ("runs", (axis(3, 0), axis(4, 70), axis(67, 1)), 2, 0),
        ("runs", (axis(4, 70), axis(3, 0), axis(67, 1)), 2, 1),
        ("grid", (axis(2, 400), axis(3, 0), axis(5, 1), axis(8, 5)), 3, 1),
        ("pairs", (axis(3, 0), axis(4, 1), axis(9, 4)), 2, 0),
        ("pairs", (axis(3, 0), axis(300, 1), axis(2, 300)), 2, 0),
    ],
)
def test_stacks(path: Path, mode: str, axes: tuple[tuple[int, ...], ...], outer: int, stack: int) -> None:
    """Each slice has a key of its own; the same draw without the others gives it."""
    keys = [(5, 7), (1 << 31, 3), KEY]
    draw = DRAWS["normal"]
    memory = Memory(4 * size_of(axes))
    assert call(path, memory.address, draw, "float32", mode, axes, outer, stack=stack, keys=keys) == DONE
    inner = 4 * size_of(axes[stack + 1 :])
    found = [memory.written()[k : k + inner] for k in range(0, memory.size, inner)]
    rest = (*axes[:stack], *axes[stack + 1 :])
    for k, key in enumerate(keys):
        alone = Memory(4 * size_of(rest))
        assert call(path, alone.address, draw, "float32", mode, rest, outer - 1, keys=[key]) == DONE
        assert b"".join(found[k :: len(keys)]) == alone.written()


LARGE: Final = {
    "one row of several parts": ("runs", (axis(70_001, 1),), 0),
    "several rows": ("runs", (axis(300, 333), axis(333, 1)), 1),
    "long rows": ("runs", (axis(3, 40_000), axis(40_000, 1)), 1),
    "grid": ("grid", (axis(311, 1), axis(301, 311)), 1),
    "pairs": ("pairs", (axis(400, 1), axis(203, 400)), 1),
    "long pairs": ("pairs", (axis(2, 1), axis(70_001, 2)), 1),
}


@every_path
@pytest.mark.parametrize("helping", ["at once", "in threads", "late", "refused", "unknown"])
@pytest.mark.parametrize("name", LARGE)
def test_threads_share_the_parts(path: Path, name: str, helping: Help) -> None:
    """Whoever fills them, and when: the bits are those of one run, at each element's place."""
    mode, axes, outer = LARGE[name]
    draw, size = DRAWS["uniform"], size_of(axes)
    canonical = Memory(4 * size)
    kernels(path).run(canonical.address, size, 0, PACKED, rule_of(draw, "float32"))
    whole = memoryview(canonical.written()).cast("I")
    wanted = array("I", (whole[index] for index in indices(Case(mode, axes, outer)))).tobytes()
    for threads in (1, 2, 3):
        memory = Memory(4 * size)
        arguments = path, memory.address, draw, "float32", mode, axes, outer
        errors, destroyed, tasks = call(*arguments, keys=[KEY], threads=threads, helping=helping)
        assert not errors
        assert destroyed == {"refused": [REFUSED] * (threads > 1), "unknown": [UNKNOWN]}.get(helping, [])
        assert tasks == (0 if helping in ("refused", "unknown") else threads - 1)
        assert memory.written() == wanted


@every_path
def test_the_array_is_filled_when_the_handler_returns(path: Path) -> None:
    """Although others may still be at their last parts: of many draws, one would show it."""
    draw, size = DRAWS["normal"], 1 << 19
    canonical = Memory(4 * size)
    kernels(path).run(canonical.address, size, 0, PACKED, rule_of(draw, "float32"))
    for _ in range(30):
        memory = Memory(4 * size)
        call(
            path,
            memory.address,
            draw,
            "float32",
            "runs",
            [axis(size, 1)],
            0,
            keys=[KEY],
            threads=3,
            helping="in threads",
        )
        assert memory.written() == canonical.written()


@every_path
def test_no_memory(path: Path) -> None:
    """An error of XLA, and nothing is written."""
    memory = Memory(64)
    arguments = (path, memory.address, DRAWS["uniform"], "float32", "grid", [axis(1 << 59, 2)], 0)
    assert call(*arguments, keys=[KEY]) == Outcome([(b"no memory to draw weights", 8)], [], 0)
    assert memory.written() == memory.before[memory.start :][:64]


@every_path
def test_the_version_of_the_interface(path: Path) -> None:
    assert version(path) == (0, 1)
