"""Fans and logical indices, against enumeration."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanin.exceptions import FaninValueError
from fanin.fans import Fans
from fanin.layout import Axis, Geometry, check_shape


class Layer(NamedTuple):
    """A layer as its author thinks of it, and its weight as a library stores it."""

    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    groups: int
    shape: tuple[int, ...]
    layout: str
    transposed: bool = False


LAYERS = [
    Layer(5, 3, (), (), 1, (3, 5), "OI"),
    Layer(5, 3, (), (), 1, (5, 3), "IO"),
    Layer(2, 3, (4,), (1,), 1, (3, 2, 4), "OIW"),
    Layer(2, 3, (3, 2), (1, 1), 1, (3, 2, 3, 2), "OIHW"),
    Layer(2, 3, (3, 2), (1, 1), 1, (3, 2, 2, 3), "HWIO"),
    Layer(2, 3, (3, 2), (1, 1), 1, (3, 3, 2, 2), "OHWI"),
    Layer(2, 3, (2, 3, 1), (1, 1, 1), 1, (2, 3, 1, 2, 3), "DHWIO"),
    Layer(4, 6, (3,), (1,), 2, (6, 2, 3), "OIW"),  # grouped
    Layer(3, 6, (2, 2), (1, 1), 3, (6, 1, 2, 2), "OIHW"),  # depthwise, with two outputs a channel
    Layer(3, 6, (2, 2), (1, 1), 3, (2, 2, 1, 6), "HWIO"),
    Layer(6, 8, (), (), 1, (6, 2, 4), "IOO"),  # projection to attention heads
    Layer(8, 6, (), (), 1, (2, 4, 6), "IIO"),  # and from them
    Layer(3, 2, (3,), (1,), 1, (3, 2, 3), "IOW", True),
    Layer(3, 2, (4,), (2,), 1, (3, 2, 4), "IOW", True),
    Layer(3, 2, (3, 2), (2, 3), 1, (3, 2, 3, 2), "IOHW", True),  # the stride does not divide the kernel
    Layer(4, 6, (2, 3), (2, 1), 2, (4, 3, 2, 3), "IOHW", True),
    Layer(4, 6, (2, 3), (2, 1), 2, (2, 3, 4, 3), "HWIO", True),
]


def connections(layer: Layer) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield (input, output), each (channel, *place), for every use of a weight, on a periodic grid (so no borders)."""
    side = 6
    per_in, per_out = layer.inputs // layer.groups, layer.outputs // layer.groups
    for i, o in itertools.product(range(layer.inputs), range(layer.outputs)):
        if i // per_in != o // per_out:
            continue
        for tap in itertools.product(*map(range, layer.kernel)):
            for place in itertools.product(range(side), repeat=len(layer.kernel)):
                if layer.transposed:
                    reach = zip(place, layer.stride, tap, strict=True)
                    yield (i, *place), (o, *((p * s + t) % (side * s) for p, s, t in reach))
                else:
                    yield (i, *((p + t) % side for p, t in zip(place, tap, strict=True))), (o, *place)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_fans_count_connections(layer: Layer) -> None:
    into: collections.Counter[tuple[int, ...]] = collections.Counter()
    out_of: collections.Counter[tuple[int, ...]] = collections.Counter()
    for source, target in connections(layer):
        into[target] += 1
        out_of[source] += 1
    outputs = layer.outputs * 6 ** len(layer.kernel) * (math.prod(layer.stride) if layer.transposed else 1)
    geometry = Geometry.of(
        layer.shape, layer.layout, layer.groups, layer.transposed, layer.stride if layer.transposed else None
    )
    assert geometry.fans() == Fans(into.total() / outputs, out_of.total() / len(out_of))
    if not layer.transposed:
        assert set(into.values()) == {geometry.fans().fan_in}


@pytest.mark.parametrize(
    ("shape", "layout", "fans"),
    [
        ((), "", Fans(1.0, 1.0)),
        ((7,), "O", Fans(1.0, 7.0)),
        ((7,), "I", Fans(7.0, 1.0)),
        ((4, 5, 3), "SOI", Fans(3.0, 5.0)),  # a stack does not widen its layers
        ((5, 4, 3), "OSI", Fans(3.0, 5.0)),
        ((0, 3), "OI", Fans(3.0, 0.0)),
        ((3, 0), "OI", Fans(0.0, 3.0)),
        ((2**31, 2**31), "OI", Fans(2.0**31, 2.0**31)),
    ],
)
def test_fans_of_other_shapes(shape: tuple[int, ...], layout: str, fans: Fans) -> None:
    assert Geometry.of(shape, layout).fans() == fans


class Stored(NamedTuple):
    """A stored tensor."""

    shape: tuple[int, ...]
    layout: str
    groups: int = 1
    transposed: bool = False


STORED = [
    Stored((), ""),
    Stored((5,), "O"),
    Stored((5,), "I"),
    Stored((5,), "W"),
    Stored((3, 5), "OI"),
    Stored((5, 3), "IO"),
    Stored((2, 3, 4), "OIW"),
    Stored((4, 3, 2), "WIO"),
    Stored((2, 3, 4, 5), "OIHW"),
    Stored((4, 5, 3, 2), "HWIO"),
    Stored((2, 4, 5, 3), "OHWI"),
    Stored((5, 4, 3, 2), "WHIO"),  # spatial axes count in the order D, H, W wherever they lie
    Stored((2, 3, 2, 3, 4), "OIDHW"),
    Stored((3, 2, 4, 2, 3), "HDWIO"),
    Stored((3, 2, 4), "IOO"),
    Stored((2, 4, 3), "OOI"),
    Stored((2, 4, 3), "IIO"),
    Stored((2, 3, 4), "OIO"),
    Stored((2, 5, 3, 4), "IOIO"),
    Stored((3, 2, 5), "SOI"),
    Stored((2, 3, 5), "OSI"),
    Stored((2, 5, 3), "IOS"),
    Stored((4,), "S"),
    Stored((3, 2), "OI", 3),  # a grouped convolution's stored order is canonical already
    Stored((3, 2, 2, 4), "IOHW", 1, True),
    Stored((4, 3, 2, 5), "IOHW", 2, True),
    Stored((6, 3, 2), "IOW", 3, True),
    Stored((4, 1, 3), "IOW", 4, True),
    Stored((2, 5, 4, 3), "HWIO", 2, True),
    Stored((3, 2, 5, 4), "OHWI", 2, True),
    Stored((4, 2, 3, 2), "IIOW", 2, True),  # a group's border lies between, within or beyond the in-axes' steps
    Stored((2, 4, 3, 2), "IIOW", 2, True),
    Stored((4, 2, 3, 2), "IIOW", 4, True),
    Stored((4, 3, 2), "IIO", 2, True),
    Stored((2, 4, 3), "IIO", 4, True),
    Stored((2, 3, 2, 5), "IIIO", 2, True),
    Stored((2, 2, 3, 2), "OIOI", 2, True),
    Stored((2, 4, 3, 2), "SIOW", 2, True),
    Stored((6, 1, 2), "IIO", 3, True),
    Stored((1, 6, 2), "IIO", 3, True),
]


def flat(pairs: list[tuple[int, int]]) -> int:
    """The flat index of positions in axes of sizes, in C order."""
    index = 0
    for position, size in pairs:
        index = index * size + position
    return index


def logical(stored: Stored, position: tuple[int, ...]) -> int:
    """The flat index in (out, in, *kernel) of a stored element."""
    axes = list(zip(stored.layout, position, stored.shape, strict=True))
    out, inp = ([(p, size) for letter, p, size in axes if letter == wanted] for wanted in "OI")
    space = [(p, size) for wanted in "DHW" for letter, p, size in axes if letter == wanted]
    if not stored.transposed:
        return flat(out + inp + space)
    per_group = math.prod(size for _, size in inp) // stored.groups
    group, within = divmod(flat(inp), per_group)
    return flat([(group, stored.groups), *out, (within, per_group), *space])


@pytest.mark.parametrize("stored", STORED, ids=str)
def test_axes_give_the_logical_index(stored: Stored) -> None:
    geometry = Geometry.of(stored.shape, stored.layout, stored.groups, stored.transposed)
    axes = geometry.axes()
    positions = list(itertools.product(*map(range, stored.shape)))
    indices = [sum(axis.offset(p) for axis, p in zip(axes, position, strict=True)) for position in positions]
    assert indices == [logical(stored, position) for position in positions]
    stacked = 1 if geometry.stack_axis is None else stored.shape[geometry.stack_axis]
    assert sorted(indices) == sorted(list(range(math.prod(stored.shape) // stacked)) * stacked)


@pytest.mark.parametrize("stored", STORED, ids=str)
def test_a_part_has_the_indices_of_the_whole(stored: Stored) -> None:
    for axis in Geometry.of(stored.shape, stored.layout, stored.groups, stored.transposed).axes():
        for start, stop in itertools.combinations(range(axis.size + 1), 2):
            offset, part = axis.part(start, stop)
            assert part.size == stop - start
            assert [offset + part.offset(i) for i in range(part.size)] == [axis.offset(i) for i in range(start, stop)]


def test_without_a_layout_the_stored_order_is_the_logical_one() -> None:
    assert Geometry.of((2, 3, 5)).axes() == (Axis(2, 15), Axis(3, 5), Axis(5, 1))


@pytest.mark.parametrize("layout", ["OI", "SOI", "HWIO"])
def test_an_empty_tensor_has_axes(layout: str) -> None:
    shape = (0, 3, 4, 5)[: len(layout)]
    assert [axis.size for axis in Geometry.of(shape, layout).axes()] == list(shape)


@st.composite
def stored_tensors(draw: st.DrawFn) -> Stored:
    letters = draw(st.lists(st.sampled_from("OOIIDHWS"), max_size=5))
    kept = [letter for k, letter in enumerate(letters) if letter in "OI" or letter not in letters[:k]]
    shape = tuple(draw(st.integers(1, 4)) for _ in kept)
    return Stored(shape, "".join(kept), transposed=draw(st.booleans()))


def separable(stored: Stored) -> bool:
    """Whether each axis adds to the logical index by itself."""
    zero = (0,) * len(stored.shape)
    alone = [[logical(stored, (*zero[:k], p, *zero[k + 1 :])) for p in range(n)] for k, n in enumerate(stored.shape)]
    return all(
        logical(stored, position) == sum(alone[k][p] for k, p in enumerate(position))
        for position in itertools.product(*map(range, stored.shape))
    )


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(stored_tensors())
def test_any_layout_orders_its_elements(stored: Stored) -> None:
    inputs = math.prod(size for size, letter in zip(stored.shape, stored.layout, strict=True) if letter == "I")
    for groups in (divisor for divisor in range(1, inputs + 1) if inputs % divisor == 0 and stored.transposed):
        grouped = stored._replace(groups=groups)
        geometry = Geometry.of(grouped.shape, grouped.layout, groups, transposed=True)
        if not separable(grouped):
            with pytest.raises(FaninValueError, match="do not split the in-axes"):
                geometry.axes()
            continue
        axes = geometry.axes()
        for position in itertools.product(*map(range, grouped.shape)):
            index = sum(axis.offset(p) for axis, p in zip(axes, position, strict=True))
            assert index == logical(grouped, position)


def test_in_axes_that_straddle_groups_are_refused() -> None:
    with pytest.raises(FaninValueError, match=r"groups=3 with 2 in-channels .* \[2, 3\] .* Merge"):
        Geometry.of((2, 3, 4), "IIO", 3, transposed=True).axes()


class Array:
    """An array without axes: it has __iter__, which refuses."""

    def __iter__(self) -> Iterator[int]:
        raise TypeError("iteration over a 0-d array")

    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("given", "shape"),
    [((), ()), (4, (4,)), ([2, 3], (2, 3)), (range(3), (0, 1, 2)), (Array(), (3,)), ((Array(), 2), (3, 2))],
)
def test_shapes(given: object, shape: tuple[int, ...]) -> None:
    checked = check_shape(given)
    assert checked == shape
    assert all(type(size) is int for size in checked)
