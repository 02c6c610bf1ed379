"""The walk visits every element once, with its own logical index, and shares blocks where it can."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fanin
from fanin.layout import Axis
from fanin_torch._walk import MOST_AXES, Walk, walk


def visited(path: Walk) -> Iterator[tuple[int, int]]:
    """Yield (logical index, place) of each element, as the kernel computes them."""
    for position in itertools.product(*map(range, path.counts)):
        moves = [(at, step, hop) for at, step, hop in zip(position, path.steps, path.hops, strict=True)]
        blocks = 0
        if path.pair is not None:
            blocks, _, along = moves.pop(path.pair)
        index = path.base + sum(at * step for at, step, _ in moves)
        place = sum(at * hop for at, _, hop in moves)
        if path.pair is None:
            yield index, place
            continue
        lane = index & 1
        for side in range(2):
            element = 2 * blocks - lane + side
            if 0 <= element < path.extent:
                yield index + element, place + element * along
            else:
                assert not path.even


def expected(base: int, axes: tuple[Axis, ...], hops: tuple[int, ...]) -> list[tuple[int, int]]:
    return sorted(
        (
            base + sum(axis.offset(at) for axis, at in zip(axes, position, strict=True)),
            sum(map(math.prod, zip(position, hops, strict=True))),
        )
        for position in itertools.product(*(range(axis.size) for axis in axes))
    )


PARTS = {
    "matrix": ((6, 10), "OI", {}),
    "odd matrix": ((5, 7), "OI", {}),
    "inputs first": ((6, 10), "IO", {}),
    "odd inputs first": ((7, 10), "IO", {}),
    "columns": ((6, 10), "OI", {"slices": (slice(1, 6), slice(3, 8))}),
    "convolution, JAX order": ((3, 3, 4, 5), "HWIO", {}),
    "attention heads": ((6, 2, 3), "IOO", {}),
    "groups of a transposed convolution": ((6, 4, 3), "IOW", {"groups": 3, "transposed": True}),
    "one row of a group": ((6, 4, 2), "IOW", {"groups": 3, "transposed": True, "slices": (slice(3, 4),)}),
    "inside a group": ((12, 4, 2), "IOW", {"groups": 3, "transposed": True, "slices": (slice(5, 8),)}),
    "whole groups": ((6, 4, 2), "IOW", {"groups": 3, "transposed": True, "slices": (slice(2, 6),)}),
    "one row": ((6, 10), "OI", {"slices": (slice(2, 3),)}),
    "one column": ((6, 10), "OI", {"slices": (slice(None), slice(2, 3))}),
    "one element": ((6, 10), "OI", {"slices": (slice(2, 3), slice(4, 5))}),
    "scalar": ((), "", {}),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("backwards", [False, True])
def test_every_element_once(part: str, backwards: bool) -> None:
    shape, layout, more = PARTS[part]
    plan = fanin.plan(shape, "random", layout=layout, **more)  # type: ignore[arg-type]
    order = range(len(plan.shape)) if backwards else range(len(plan.shape) - 1, -1, -1)
    hops, span = [0] * len(plan.shape), 3
    for k in order:
        hops[k] = span
        span *= plan.shape[k] + 1  # as in a larger tensor
    path = walk(plan.offset, plan.axes, tuple(hops))
    assert path is not None
    assert sorted(visited(path)) == expected(plan.offset, plan.axes, tuple(hops))


@given(
    st.integers(0, 2**34),
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 3, 4, 6, 30])), max_size=MOST_AXES),
)
def test_any_axes(base: int, sizes: list[tuple[int, int]]) -> None:
    """Whatever the logical strides; here indices may repeat."""
    axes = tuple(Axis(size, stride) for size, stride in sizes)
    hops = tuple(6**k for k in range(len(axes)))
    path = walk(base, axes, hops)
    assert path is not None
    assert sorted(visited(path)) == expected(base, axes, hops)


BLOCKS = {
    "a run": ((10, 10), "OI", 50),
    "an odd run": ((5, 5), "OI", 13),
    "inputs first": ((10, 6), "IO", 30),
    "an odd number of inputs first": ((9, 6), "IO", 30),
    "a convolution of odd size, JAX order": ((3, 3, 4, 5), "HWIO", 100),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_number_of_blocks(case: str) -> None:
    shape, layout, blocks = BLOCKS[case]
    plan = fanin.plan(shape, "he", layout=layout, name="w")
    hops = tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))
    path = walk(plan.offset, plan.axes, hops)
    assert path is not None
    assert path.tasks == blocks


def test_what_has_no_walk() -> None:
    across = fanin.plan((6, 4), "random", layout="IO", groups=2, transposed=True, slices=(slice(1, 5),))
    assert walk(across.offset, across.axes, (4, 1)) is None
    apart = tuple(Axis(2, 3**k) for k in range(MOST_AXES + 1))
    assert walk(0, apart, tuple(5**k for k in range(MOST_AXES + 1))) is None


SIZES = {
    "small": ((1 << 14, 1 << 14), "OI", False, True),
    "2^31 elements": ((1 << 16, 1 << 15), "OI", True, True),
    "2^31 elements, inputs first": ((1 << 16, 1 << 15), "IO", True, False),
    "rows of 8 elements": ((1 << 10, 8), "OI", False, True),
    "odd": ((3, 5), "OI", False, False),
}


@pytest.mark.parametrize("case", SIZES)
def test_width_and_alignment(case: str) -> None:
    shape, layout, wide, aligned = SIZES[case]
    plan = fanin.plan(shape, "he", layout=layout, name="w")
    path = walk(plan.offset, plan.axes, (shape[1], 1))
    assert path is not None
    assert (path.wide, path.aligned(16)) == (wide, aligned)


@pytest.mark.parametrize(("hop", "aligned"), [(64, True), (72, False), (48, True), (50, False)])
def test_lines_that_lie_apart(hop: int, aligned: bool) -> None:
    """Lines of 40 elements in a larger tensor: the second one starts where the row begins."""
    path = walk(8, (Axis(3, 64), Axis(40, 1)), (hop, 1))
    assert path is not None
    assert path.lines
    assert path.even
    assert path.aligned(16) == aligned
