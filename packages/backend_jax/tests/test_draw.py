"""The bits of every draw, against the scalar reference."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fanin
from fanin.dtypes import DTYPES
from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.reference import tobytes as reference_bytes
from fanin.stream.lattice import normal_lattice, truncated_rank
from fanin_jax import JaxBackend, _elements
from fanin_jax._index import merge_axes
from fanin_jax._lattice import multiply_high, threefry2x32, words
from fanin_jax._rounding import round_to

BACKEND = JaxBackend()

INITIALIZATIONS: list[str | fanin.Initializer] = [
    "zeros",
    "random",
    "he",
    "he_uniform",
    "he_truncated_normal",
    "glorot_uniform",
    "lecun_truncated_normal",
    fanin.constant(-0.3),
    fanin.normal(mean=1.0, std=0.02),
    fanin.normal(mean=-1e6, std=3.0),
    fanin.uniform(0.0, 1.0),
    fanin.uniform(-3.0, -2.5),
    fanin.truncated_normal(mean=0.5, std=0.02, lower=-1.0, upper=3.0),
    fanin.truncated_normal(std=2.0, lower=0.25, upper=0.75),
    fanin.truncated_normal(lower=-6.5, upper=6.5),
    fanin.variance_scaling(1.0, "fan_geo", "normal"),
]

GEOMETRIES: list[dict[str, Any]] = [
    {"shape": (), "layout": ""},
    {"shape": (1,), "layout": "O"},
    {"shape": (37,), "layout": "O"},
    {"shape": (5, 7), "layout": "OI"},
    {"shape": (7, 5), "layout": "IO"},
    {"shape": (3, 70), "layout": "IO"},
    {"shape": (70, 3), "layout": "OI"},
    {"shape": (1, 9, 1), "layout": "OIW"},
    {"shape": (4, 3, 2, 5), "layout": "OIHW"},
    {"shape": (2, 5, 3, 4), "layout": "HWIO"},
    {"shape": (4, 2, 5, 3), "layout": "OHWI"},
    {"shape": (2, 3, 5, 2, 3), "layout": "DHWIO"},
    {"shape": (6, 3, 4), "layout": "IOO"},
    {"shape": (3, 4, 6), "layout": "OOI"},
    {"shape": (3, 4, 5), "layout": "SOI", "name": ["a", "б", "重み"]},
    {"shape": (4, 3, 5), "layout": "ISO", "name": ["x", "y", "z"]},
    {"shape": (5, 4, 3), "layout": "OIS", "name": ["x", "y", "z"]},
    {"shape": (6, 4, 3, 2), "layout": "OIHW", "groups": 3},
    {"shape": (6, 4, 3, 2), "layout": "IOHW", "transposed": True, "groups": 3, "stride": 2},
    {"shape": (3, 2, 6, 4), "layout": "HWIO", "transposed": True, "groups": 2, "stride": (2, 3)},
    {"shape": (6, 4, 3), "layout": "IOW", "transposed": True, "stride": 2},
]

STREAMS: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 2**32 - 1},
    {"seed": 2**32},
    {"seed": 2**64 - 1, "name": "fc.weight"},
    {"seed": 12345, "name": "блок.0.重み 🧮"},
    {"seed": 7, "name": ""},
]


def label(case: object) -> str:
    text = case if isinstance(case, str) else repr(case)
    return text.replace("'", "").replace(" ", "")


def check(plan: Plan) -> None:
    array = BACKEND.draw(plan)
    assert array.shape == plan.shape
    assert array.dtype.name == plan.dtype
    assert BACKEND.tobytes(array) == reference_bytes(plan)


@pytest.mark.parametrize("initialization", INITIALIZATIONS, ids=label)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_initializations(initialization: str | fanin.Initializer, dtype: str) -> None:
    check(fanin.plan((19, 11), initialization, layout="IO", seed=3, name="w", dtype=dtype))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=label)
@pytest.mark.parametrize("initialization", ["random", fanin.uniform(-2.0, 1.0)], ids=label)
def test_geometries(geometry: dict[str, Any], initialization: str | fanin.Initializer) -> None:
    check(fanin.plan(initialization=initialization, seed=11, **geometry))


@pytest.mark.parametrize("stream", STREAMS, ids=label)
@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_streams(stream: dict[str, Any], dtype: str) -> None:
    check(fanin.plan((9, 23), "he", layout="OI", dtype=dtype, **stream))


@pytest.mark.parametrize("dtype", ["float16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("ratio", [1 / 64, 1 / 4, 3.0])
def test_subnormal_weights_are_rounded_and_not_flushed(dtype: str, ratio: float) -> None:
    smallest = DTYPES[dtype].smallest_normal
    plan = fanin.plan((1024,), fanin.normal(std=ratio * smallest), seed=5, dtype=dtype)
    check(plan)
    magnitudes = np.abs(np.asarray(BACKEND.draw(plan)).astype(np.float64))
    assert np.any((magnitudes > 0) & (magnitudes < smallest)) == (ratio > 1 / 64 or dtype == "float16")


@pytest.mark.parametrize(
    ("shape", "layout", "slices"),
    [
        ((11, 13), "OI", (slice(3, 8), slice(2, 9))),
        ((11, 13), "OI", (None, slice(5, 6))),
        ((13, 11), "IO", (slice(4, 13),)),
        ((3, 2, 5, 7), "HWIO", (slice(1, 3), slice(0, 1), slice(2, 5), slice(3, 7))),
        ((7, 5, 3, 2), "OIHW", (slice(2, 6), None, None, None)),
        ((7, 5, 3, 2), "OIHW", (slice(2, 6), slice(1, 3), slice(0, 3), slice(1, 2))),
        ((5, 6), "OI", (slice(2, 2), slice(1, 4))),
        ((6, 4, 5), "SOI", (slice(2, 5), slice(1, 4), slice(0, 3))),
        ((8, 6, 3), "IOW", (slice(3, 7), slice(2, 5), slice(1, 3))),
    ],
    ids=label,
)
def test_a_part_equals_the_slice_of_the_whole(
    shape: tuple[int, ...], layout: str, slices: tuple[slice | None, ...]
) -> None:
    options: dict[str, Any] = {"layout": layout, "seed": 21}
    if "S" in layout:
        options["name"] = [f"layer.{i}" for i in range(shape[0])]
    if layout == "IOW":
        options |= {"transposed": True, "groups": 2, "stride": 2}
    part = fanin.plan(shape, "he", slices=slices, **options)
    check(part)
    whole = np.asarray(BACKEND.draw(fanin.plan(shape, "he", **options)))
    cut = tuple(slice(None) if piece is None else piece for piece in slices)
    np.testing.assert_array_equal(np.asarray(BACKEND.draw(part)), whole[cut])


END = slice(2**20 - 3, 2**20)
GROUPED: dict[str, Any] = {"layout": "IOW", "transposed": True, "groups": 2**10}


@pytest.mark.parametrize(
    ("shape", "options", "slices"),
    [
        ((2**20, 2**20), {"layout": "OI"}, (END, slice(2**20 - 70, 2**20))),
        ((2**20, 2**20), {"layout": "IO"}, (END, slice(2**20 - 70, 2**20))),
        ((2**20, 2**20), {"layout": "IO"}, (slice(4094, 4098), slice(4095, 4098))),
        ((2**12, 2**20), {"layout": "OI"}, (slice(2**12 - 2, 2**12), END)),
        ((2**12 + 1, 2**20), {"layout": "OI"}, (slice(2**12 - 1, 2**12 + 1), slice(0, 5))),
        ((2**31, 2**31), {"layout": "IO"}, (slice(2**31 - 4, 2**31), slice(2**31 - 3, 2**31))),
        ((2**62,), {"layout": "O"}, (slice(2**62 - 9, 2**62),)),
        ((2**8, 2**20, 2**18), {"layout": "OII"}, (slice(250, 255), END, slice(7, 12))),
        ((2**40, 3, 3), {"layout": "OIW"}, (slice(2**39 + 1, 2**39 + 9), slice(0, 3), slice(0, 3))),
        ((2**24, 2**12, 3), GROUPED, (slice(2**24 - 5, 2**24), slice(4090, 4096), slice(1, 3))),
        ((2**24, 2**12, 3), GROUPED, (slice(2**23 - 2, 2**23 + 3), slice(4090, 4096), slice(0, 3))),
        ((2, 2**20, 2**20), {"layout": "SOI", "name": ["a", "b"]}, (slice(0, 2), END, slice(2**20 - 5, 2**20))),
    ],
    ids=label,
)
def test_parts_of_tensors_whose_index_exceeds_32_bits(
    shape: tuple[int, ...], options: dict[str, Any], slices: tuple[slice, ...]
) -> None:
    check(fanin.plan(shape, "random", seed=2**63 + 5, slices=slices, **options))


def test_the_whole_of_a_tensor_crosses_no_border_differently() -> None:
    """More elements than one vector, one block of threads or 2^16; digests of the two orders agree with one another."""
    canonical = np.asarray(BACKEND.draw(fanin.plan((321, 257), "he", layout="OI", name="w")))
    stored = np.asarray(BACKEND.draw(fanin.plan((257, 321), "he", layout="IO", name="w")))
    np.testing.assert_array_equal(canonical, stored.T)
    sample = fanin.plan((321, 257), "he", layout="OI", name="w", slices=(slice(318, 321),))
    assert canonical[318:].tobytes() == reference_bytes(sample)


@pytest.mark.parametrize(("lower", "upper"), [(3.3, 3.34), (-2.0, -1.999), (-1.5, -1.4995)])
def test_truncation_holds_at_the_extreme_ranks(lower: float, upper: float) -> None:
    """The first and last rank of an interval may lie outside of it; they are found among 2^20 words, and clamped."""
    law = fanin.truncated_normal(std=1.0, lower=lower, upper=upper)
    indices = jnp.arange(2**20, dtype=jnp.uint32)
    w = np.asarray(jax.jit(words)((jnp.uint32(0), jnp.uint32(17)), (jnp.uint32(0), indices)))
    clamped = 0
    for extreme in (int(w.argmin()), int(w.argmax())):
        plan = fanin.plan((2**20,), law, seed=17, slices=(slice(extreme, extreme + 1),))
        check(plan)
        assert isinstance(plan.rule, Draw)
        rank = truncated_rank(int(w[extreme]), plan.rule.first_rank, plan.rule.ranks)
        clamped += not plan.rule.low <= normal_lattice(rank) <= plan.rule.high
    assert clamped


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_words_against_jax_random_bits(seed: int, size: int) -> None:
    """`jax.random.bits` is the XOR of the two words of each block, an implementation of Threefry that is not ours."""
    expected = jax.random.bits(jax.random.key(seed, impl="threefry2x32"), (size,), "uint32")
    blocks = jnp.arange(size, dtype=jnp.uint32)
    x0, x1 = jax.jit(threefry2x32)((jnp.uint32(0), jnp.uint32(seed)), (jnp.zeros_like(blocks), blocks))
    np.testing.assert_array_equal(np.asarray(x0 ^ x1), np.asarray(expected))


@pytest.mark.parametrize(
    ("key", "counter", "block"),
    [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_known_answers(key: tuple[int, int], counter: tuple[int, int], block: tuple[int, int]) -> None:
    """The Random123 vectors of threefry2x32 with 20 rounds."""
    pair = threefry2x32((jnp.uint32(key[0]), jnp.uint32(key[1])), (jnp.uint32(counter[0]), jnp.uint32(counter[1])))
    assert (int(pair[0]), int(pair[1])) == block


def test_multiply_high_against_64_bit_products() -> None:
    edges = np.array([0, 1, 0xFFFF, 0x10000, 0x1FFFF, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF], np.uint32)
    a, b = (axis.ravel() for axis in np.meshgrid(np.append(edges, np.arange(91) * 0x2C3D4E5), edges))
    a = a.astype(np.uint32)
    expected = ((a.astype(np.uint64) * b.astype(np.uint64)) >> np.uint64(32)).astype(np.uint32)
    np.testing.assert_array_equal(np.asarray(jax.jit(multiply_high)(a, b)), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_rounding_at_every_border(dtype: str) -> None:
    """Rounding is monotone, so it is right everywhere if it is right beside and on every border between two numbers."""
    target = DTYPES[dtype]
    patterns = np.arange(1 << (target.bits - 1), dtype=f"uint{target.bits}")
    with np.errstate(invalid="ignore"):  # the format's NaNs
        numbers = patterns.view(np.dtype(dtype)).astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    middle = ((numbers[1:] + numbers[:-1]) / 2).astype(np.float32)
    points = np.concatenate([numbers.astype(np.float32), middle])
    points = np.concatenate([points, np.nextafter(points, np.float32(0)), np.nextafter(points, np.float32(np.inf))])
    points = points[(points == 0) | (points >= DTYPES["float32"].smallest_normal)]
    points = np.concatenate([points, -points])
    expected = points.astype(np.dtype(dtype))
    kept = np.isfinite(expected.astype(np.float32))
    rounded = np.asarray(jax.jit(lambda weights: round_to(weights, target))(points))
    assert kept.sum() > 4 * numbers.size
    assert rounded.dtype == np.dtype(dtype)
    assert rounded[kept].tobytes() == expected[kept].tobytes()


@pytest.mark.parametrize(
    ("axes", "stack_axis", "merged"),
    [
        ([(4, 30), (5, 6), (6, 1)], None, ([(120, 1)], None)),
        ([(5, 6), (6, 1), (4, 30)], None, ([(30, 1), (4, 30)], None)),
        ([(3, 0), (5, 6), (6, 1)], 0, ([(3, 0), (30, 1)], 0)),
        ([(1, 0), (5, 6), (6, 1)], 0, ([(1, 0), (30, 1)], 0)),
        ([(5, 6), (3, 0), (6, 1)], 1, ([(5, 6), (3, 0), (6, 1)], 1)),
        ([(2, 30), (5, 6), (3, 0), (6, 1)], 2, ([(10, 6), (3, 0), (6, 1)], 1)),
        ([(1 << 16, 1 << 16), (1 << 16, 1)], None, ([(1 << 16, 1 << 16), (1 << 16, 1)], None)),
    ],
)
def test_merged_axes(
    axes: list[tuple[int, int]], stack_axis: int | None, merged: tuple[list[tuple[int, int]], int | None]
) -> None:
    expected = tuple(Axis(*axis) for axis in merged[0]), merged[1]
    assert merge_axes(tuple(Axis(*axis) for axis in axes), stack_axis) == expected


def test_a_new_seed_name_or_scale_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[object] = []
    draw = _elements._draw

    def counted(*args: Any) -> jax.Array:
        traced.append(args)
        return draw(*args)

    monkeypatch.setattr(_elements, "_draw", counted)
    for seed, mean, std in ((1, 0.0, 0.5), (2, 0.0, 0.25), (2**64 - 1, 1.0, 0.125)):
        BACKEND.draw(fanin.plan((31, 187), fanin.normal(mean=mean, std=std), seed=seed, name=f"layer.{seed}"))
    assert len(traced) == 1


def test_large_draws_have_one_digest() -> None:
    """The digest of 2^20 elements, drawn whole and as eight parts."""
    whole = fanin.plan((1024, 1024), "he", layout="OI", seed=2**40, name="w")
    parts = [
        fanin.plan((1024, 1024), "he", layout="OI", seed=2**40, name="w", slices=(slice(128 * k, 128 * (k + 1)),))
        for k in range(8)
    ]
    together = hashlib.sha256(b"".join(BACKEND.tobytes(BACKEND.draw(part)) for part in parts)).hexdigest()
    assert hashlib.sha256(BACKEND.tobytes(BACKEND.draw(whole))).hexdigest() == together
