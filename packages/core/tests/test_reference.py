"""The scalar reference: the specification, one weight at a time."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest

import fanin
from fanin import reference
from fanin.dtypes import DTYPES
from fanin.plans.rules import Draw
from fanin.stream.keys import further_key, named_key
from fanin.stream.lattice import normal_lattice
from fanin.stream.threefry import threefry2x32


@pytest.mark.parametrize("index", [0, 1, 2, 5, 2**32 - 1, 2**32, 2**33 - 1, 2**33, 2**33 + 1, 2**62 + 3])
def test_a_word_is_a_lane_of_a_block(index: int) -> None:
    key = (0x8C685953, 0x053230E4)
    block = index // 2
    assert reference.word(key, index) == threefry2x32(key, (block // 2**32, block % 2**32))[index % 2]


def test_one_weight_by_hand() -> None:
    """Element (0, 1) of a dense layer, each step written out."""
    plan = fanin.plan((256, 64), "he", layout="OI", seed=0, name="fc.weight")
    word = threefry2x32(named_key(0, "fc.weight"), (0, 0))[1]
    point = normal_lattice(word)

    def single(value: float) -> float:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])

    factor = single((2 / 64) ** 0.5) * 2.0**-28
    weight = single(single(point) * factor)
    assert reference.value(plan, (0, 1)) == weight == -0.08656018227338791
    assert list(itertools.islice(reference.bits(plan), 2)) == [0xBD6883D0, 0xBDB14677]


def array(shape: tuple[int, ...], initialization: Any = "he", **arguments: Any) -> dict[tuple[int, ...], float]:
    plan = fanin.plan(shape, initialization, **{"seed": 3, "name": "w", **arguments})
    return dict(zip(itertools.product(*map(range, plan.shape)), reference.values(plan), strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [("OI", "IO"), ("OIHW", "HWIO"), ("OIHW", "OHWI"), ("OIDHW", "DHWIO"), ("IOO", "OOI"), ("OIW", "WIO")],
)
def test_a_layout_transposes_the_same_weights(one: str, other: str) -> None:
    sizes = {"O": iter((4, 3)), "I": iter((5,)), "D": iter((1,)), "H": iter((2,)), "W": iter((3,))}
    numbered = [letter + str(one[:k].count(letter)) for k, letter in enumerate(one)]
    target = [letter + str(other[:k].count(letter)) for k, letter in enumerate(other)]
    shape = {axis: next(sizes[axis[0]]) for axis in numbered}
    first = array(tuple(shape[axis] for axis in numbered), layout=one)
    second = array(tuple(shape[axis] for axis in target), layout=other)
    assert len(first) > 10
    for place, weight in first.items():
        at = dict(zip(numbered, place, strict=True))
        assert second[tuple(at[axis] for axis in target)] == weight


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (5, 4, 3), "layout": "OIW", "slices": (slice(1, 4), slice(2, 3), slice(0, 2))},
        {"shape": (3, 4, 5), "layout": "WIO", "slices": (slice(1, 3), None, slice(2, 5))},
        {"shape": (6, 2, 3), "layout": "IOW", "transposed": True, "groups": 2, "slices": (slice(1, 5), slice(1, 2))},
        {"shape": (3, 4, 2), "layout": "SOI", "name": ["a", "b", "c"], "slices": (slice(1, 3), slice(1, 4))},
        {"shape": (5,), "layout": None, "initialization": "random", "slices": slice(2, 4)},
    ],
    ids=str,
)
def test_a_part_equals_the_slice_of_the_whole(arguments: dict[str, Any]) -> None:
    slices = arguments["slices"] if isinstance(arguments["slices"], tuple) else (arguments["slices"],)
    whole = array(**{key: value for key, value in arguments.items() if key != "slices"})
    starts = [part.start if part is not None else 0 for part in slices]
    starts += [0] * (len(arguments["shape"]) - len(starts))
    part = array(**arguments)
    assert part
    for place, weight in part.items():
        assert whole[tuple(start + k for start, k in zip(starts, place, strict=True))] == weight


@pytest.mark.parametrize(("layout", "axis"), [("SOI", 0), ("OSI", 1), ("OIS", 2)])
def test_a_stack_is_the_stack_of_the_named(layout: str, axis: int) -> None:
    shape = [4, 5]
    shape.insert(axis, 3)
    stacked = array(tuple(shape), layout=layout, name=["a", "b", "c"])
    for k, name in enumerate("abc"):
        alone = array((4, 5), layout="OI", name=name)
        assert {
            tuple(p for j, p in enumerate(place) if j != axis): w for place, w in stacked.items() if place[axis] == k
        } == alone


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize(
    "initialization", ["he", "glorot_uniform", fanin.normal(mean=0.5, std=0.1), fanin.constant(0.1)], ids=str
)
def test_a_narrow_weight_is_the_rounded_float32(dtype: str, initialization: Any) -> None:
    wide, narrow = (array((6, 7), initialization, layout="OI", dtype=name) for name in ("float32", dtype))
    assert {place: DTYPES[dtype].round(weight) for place, weight in wide.items()} == narrow


@pytest.mark.parametrize(
    ("dtype", "index", "pattern"),
    [
        # Elements whose float32 weight is a tie of the narrower format while the exact product is not (by NumPy):
        # rounding once gives the pattern one above or below.
        ("float16", 4764, 0x279C),
        ("float16", 10977, 0xA2E2),
        ("bfloat16", 396029, 0xBC86),
        ("bfloat16", 567951, 0xBC84),
    ],
)
def test_a_narrow_weight_is_rounded_twice(dtype: str, index: int, pattern: int) -> None:
    plan = fanin.plan((1024, 1024), "he", layout="OI", seed=7, name="big", dtype=dtype)
    assert DTYPES[dtype].encode(reference.value(plan, divmod(index, 1024))) == pattern


def test_float64_is_not_the_widened_float32() -> None:
    wide, narrow = (array((6, 7), layout="OI", dtype=name) for name in ("float64", "float32"))
    assert all(abs(wide[place] - narrow[place]) <= 2.0**-22 * abs(wide[place]) for place in wide)
    assert sum(wide[place] == narrow[place] for place in wide) < 3


def test_the_laws_of_one_stream_rise_and_fall_together() -> None:
    laws = ["he", "he_uniform", "he_truncated_normal", fanin.normal(mean=3.0, std=0.1), fanin.uniform(-5.0, 1.0)]
    drawn = [array((8, 9), law, layout="OI") for law in laws]
    order = sorted(drawn[0], key=drawn[0].__getitem__)
    assert len(order) == 72
    for weights in drawn[1:]:
        assert sorted(weights, key=weights.__getitem__) == order


def test_truncated_weights_stay_within_their_bounds() -> None:
    for lower, upper in [(-2.0, 2.0), (-0.5, 1.25), (0.0, 9.0), (2.5, 2.625)]:
        law = fanin.truncated_normal(std=1.0, lower=lower, upper=upper)
        rule = fanin.plan((1,), law).rule
        assert isinstance(rule, Draw)
        points = [reference.lattice_point(rule, word) for word in (0, 1, 2**31, 2**32 - 2, 2**32 - 1)]
        assert all(lower * 2**28 <= point <= upper * 2**28 for point in points)
        assert points == sorted(points, reverse=True)
        if upper <= 3:  # the ends are reached, but for half a rank
            assert points[0] * 2.0**-28 == pytest.approx(upper, abs=2e-6)
            assert points[-1] * 2.0**-28 == pytest.approx(lower, abs=2e-6)


def test_a_negative_weight_that_vanishes_keeps_its_sign() -> None:
    plan = fanin.plan((64,), fanin.normal(std=1e-9), dtype="float16", name="w")
    points = [normal_lattice(reference.word(plan.keys[0], i)) for i in range(64)]
    assert list(reference.bits(plan)) == [0x8000 if point < 0 else 0 for point in points]


def test_further_streams_differ_from_the_values() -> None:
    key = named_key(0, "w")
    values = [reference.word(key, i) for i in range(100)]
    mask = [reference.word(further_key(key, "mask"), i) for i in range(100)]
    assert set(values).isdisjoint(mask)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_are_little_endian_in_stored_order(dtype: str) -> None:
    plan = fanin.plan((3, 5), "he", layout="IO", dtype=dtype, name="w")
    size = DTYPES[dtype].itemsize
    data = reference.tobytes(plan)
    patterns = [int.from_bytes(data[k : k + size], "little") for k in range(0, len(data), size)]
    assert patterns == list(reference.bits(plan))
    assert len(patterns) == 15


def test_sizes_without_elements() -> None:
    assert reference.tobytes(fanin.plan((0, 3), "he", layout="OI")) == b""
    assert len(list(reference.values(fanin.plan((), "random")))) == 1
