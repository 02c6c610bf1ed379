"""Every way to draw gives the reference's bits: both engines, any memory order, any number of threads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from engines import engines, use

import fanin
import fanin_numpy
from fanin import reference
from fanin.contract import Description
from fanin.plans import Plan

Engine = Literal["numpy", "native"]

CASES: dict[str, dict[str, Any]] = {
    "dense": {"shape": (33, 70), "layout": "OI"},
    "dense, JAX order, odd fan": {"shape": (71, 90), "layout": "IO"},
    "dense, JAX order, even fan": {"shape": (70, 91), "layout": "IO"},
    "conv": {"shape": (5, 6, 3, 3), "layout": "OIHW", "dtype": "float64"},
    "conv, JAX order": {"shape": (3, 2, 6, 70), "layout": "HWIO"},
    "conv, MLX order": {"shape": (5, 3, 3, 66), "layout": "OHWI", "dtype": "bfloat16"},
    "heads": {"shape": (12, 3, 65), "layout": "IOO", "dtype": "float16"},
    "stack": {"shape": (2, 5, 3), "layout": "ISO", "name": list("abcde")},
    "only a stack": {"shape": (4,), "layout": "S", "name": list("wxyz"), "initialization": "random"},
    "transposed": {"shape": (6, 4, 2, 3), "layout": "IOHW", "groups": 3, "transposed": True, "stride": (2, 1)},
    "transposed, cut inside a group": {
        "shape": (4, 12, 3),
        "layout": "OIW",
        "groups": 3,
        "transposed": True,
        "slices": (slice(1, 4), slice(3, 10), slice(0, 2)),
    },
    "columns of a shard": {"shape": (40, 300), "layout": "OI", "slices": (slice(7, 20), slice(33, 200))},
    "short rows": {"shape": (40, 300), "layout": "OI", "slices": (None, slice(298, 300))},
    "far away": {
        "shape": (1 << 20, 1 << 20),
        "layout": "OI",
        "slices": (slice((1 << 20) - 3, 1 << 20), slice((1 << 20) - 99, None)),
    },
    "across the counter's turn": {
        "shape": (4, 1 << 32),
        "layout": "OI",
        "slices": (slice(1, 3), slice((1 << 32) - 70, None)),
    },
    "on the counter's turn": {"shape": (1 << 34,), "layout": "O", "slices": (slice((1 << 33) - 75, (1 << 33) + 5),)},
    "scalar": {"shape": (), "layout": "", "dtype": "float16"},
    "empty": {"shape": (0, 5), "layout": "OI"},
    "empty shard": {"shape": (7, 5), "layout": "OI", "slices": (slice(3, 3),)},
    "no layout": {"shape": (7, 5, 3), "initialization": "random"},
    "float8": {"shape": (40, 5), "layout": "OI", "dtype": "float8_e4m3fn"},
    "float8, wide": {"shape": (40, 5), "layout": "OI", "dtype": "float8_e5m2"},
}
INITIALIZATIONS: dict[str, fanin.Initializer] = {
    "he": fanin.he_normal(),
    "uniform": fanin.he_uniform(),
    "truncated": fanin.he_truncated_normal(),
    "mean": fanin.normal(mean=1.0, std=0.02),
    "mean far away": fanin.normal(mean=-300.0, std=1e-6),
    "uniform, shifted": fanin.uniform(-0.25, 1.0),
    "truncated, lopsided": fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0),
    "constant": fanin.constant(1 / 3),
}


@pytest.fixture(params=engines(), ids=" ".join)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with use(*request.param):
        yield request.param[0]


def draws() -> Iterator[tuple[str, dict[str, Any]]]:
    for case, initialization in itertools.product(CASES, INITIALIZATIONS):
        arguments = {"seed": 2**63 + 5, "name": "блок.重み", "initialization": INITIALIZATIONS[initialization]}
        arguments |= CASES[case]
        yield f"{case} / {initialization}", arguments


def expected(arguments: dict[str, Any]) -> tuple[Plan, bytes]:
    plan = fanin.plan(**arguments)
    return plan, reference.tobytes(plan)


@pytest.mark.parametrize("arguments", [pytest.param(arguments, id=case) for case, arguments in draws()])
def test_bits(engine: Engine, arguments: dict[str, Any]) -> None:
    plan, bits = expected(arguments)
    backend = fanin_numpy.NumpyBackend()
    array = fanin.init(**arguments, backend=backend)
    assert backend.describe(array) == Description(plan.shape, plan.dtype)
    assert backend.tobytes(array) == bits


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("step", [1, 2, -1, -3])
def test_any_memory_order(engine: Engine, order: tuple[int, ...], step: int, dtype: str) -> None:
    plan = fanin.plan((5, 6, 7), "he", layout="OIW", name="w", dtype=dtype)
    whole = fanin.init((1,), "zeros", dtype=dtype, backend="numpy").dtype
    sizes = [plan.shape[k] * abs(step) for k in order]
    stored = np.zeros(sizes, whole)[tuple(slice(None, None, step) for _ in order)]
    view = stored.transpose(np.argsort(order))
    fanin_numpy.init_(view, "he", layout="OIW", name="w")
    assert fanin_numpy.NumpyBackend().tobytes(view) == reference.tobytes(plan)


POSITIONS = [(0, 0), (0, 999), (1, 0), (350, 617), (698, 1), (699, 999)]


@pytest.mark.parametrize("shape", [(700, 1001), (701, 1000)], ids=["odd fan", "even fan"])
@pytest.mark.parametrize("layout", ["OI", "IO"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_chunks_do_not_change_the_bits(
    engine: Engine, threads: int, layout: str, shape: tuple[int, int]
) -> None:
    """More elements than a chunk: sampled weights against the reference, all against one thread of plain NumPy."""
    fanin_numpy.set_engine("numpy")
    fanin_numpy.set_num_threads(1)
    first = fanin_numpy.init(shape, "he", layout="OI", seed=3, name="large")
    fanin_numpy.set_engine(engine)
    fanin_numpy.set_num_threads(threads)
    try:
        stored = shape if layout == "OI" else shape[::-1]
        array = fanin_numpy.init(stored, "he", layout=layout, seed=3, name="large")
    finally:
        fanin_numpy.set_num_threads(None)
    canonical = array if layout == "OI" else array.T
    plan = fanin.plan(shape, "he", layout="OI", seed=3, name="large")
    assert [float(canonical[position]) for position in POSITIONS] == [reference.value(plan, k) for k in POSITIONS]
    assert np.array_equal(canonical, first)


PAIRS: dict[str, tuple[tuple[int, int], tuple[slice, slice]]] = {
    "whole": ((2, 40_000), (slice(0, 2), slice(0, 40_000))),
    "begins between two lanes": ((4, 40_000), (slice(1, 3), slice(0, 40_000))),
    "before the counter's turn": ((2, 1 << 33), (slice(0, 2), slice((1 << 32) - 40_000, 1 << 32))),
    "across the counter's turn": ((2, 1 << 33), (slice(0, 2), slice((1 << 32) - 20_000, (1 << 32) + 20_000))),
    "an odd number of inputs": ((3, 40_000), (slice(0, 2), slice(0, 40_000))),
}


@pytest.mark.parametrize("case", PAIRS)
def test_rows_that_share_their_blocks(engine: Engine, case: str) -> None:
    """Rows longer than those of a grid, in JAX's order; in canonical order the same weights run along the memory."""
    shape, slices = PAIRS[case]
    transposed = fanin_numpy.init(shape, "he", layout="IO", seed=3, name="w", slices=slices)
    canonical = fanin_numpy.init(shape[::-1], "he", layout="OI", seed=3, name="w", slices=slices[::-1])
    assert np.array_equal(transposed, canonical.T)
