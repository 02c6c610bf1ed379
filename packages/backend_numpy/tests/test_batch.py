"""Small tensors that are drawn together: the bits of each drawn alone."""

from __future__ import annotations

import numpy as np
import pytest
from engines import engines, use

import fanin
import fanin_numpy
from fanin.plans import Plan, Run
from fanin.stream.keys import text_words

LAWS: dict[str, fanin.Initializer] = {
    "he": fanin.he_normal(),
    "uniform": fanin.uniform(-0.25, 0.5),
    "truncated": fanin.truncated_normal(std=0.02),
    "far out": fanin.normal(mean=1000.0, std=3.0),
}
SHAPES = [(1, 1), (3, 5), (64, 64), (256, 256), (1, 7), (129, 3)]
DTYPES = ("float32", "float64", "float16", "bfloat16")
NATIVE = [path for _, path in engines() if path]


def run_of(made: Plan) -> Run:
    run = Run.of(made)
    assert run is not None
    return run


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("seed", [0, (1 << 64) - 2])
def test_each_has_the_bits_that_it_has_alone(path: str, threads: int, seed: int) -> None:
    """Laws, dtypes and sizes in any order, some of them with the same rule, and more in all than one thread draws."""
    plans = {
        f"{law} {shape} {dtype} {copy}": fanin.plan(shape, LAWS[law], layout="OI", seed=seed, dtype=dtype,
                                                    name=f"{law} {shape} {dtype} {copy}")
        for copy in range(2) for dtype in DTYPES for shape in SHAPES for law in LAWS
        if (law, dtype) != ("far out", "float16")
    }  # fmt: skip
    backend = fanin_numpy.NumpyBackend()
    alone = {name: backend.draw(made) for name, made in plans.items()}
    together = {name: np.full_like(array, 7) for name, array in alone.items()}
    fanin_numpy.set_num_threads(threads)
    try:
        with use("native", path):
            batch = fanin_numpy.batch(seed)
            assert batch is not None
            for name, made in plans.items():
                assert batch.takes(run_of(made))
                batch.add(run_of(made), text_words(name), together[name].ctypes.data)
            batch.draw()
    finally:
        fanin_numpy.set_num_threads(None)
    for name, array in alone.items():
        assert array.tobytes() == together[name].tobytes(), name


@pytest.mark.skipif(not NATIVE, reason="plain NumPy has no batches")
def test_what_is_drawn_alone() -> None:
    """Large tensors, constants, and dtypes that no kernel writes; and everything, where there are no kernels."""
    batch = fanin_numpy.batch(0)
    assert batch is not None
    batch.draw()
    assert not batch.takes(run_of(fanin.plan((257, 256), "he", layout="OI", name="w")))
    assert not batch.takes(run_of(fanin.plan((2, 2), "he", layout="OI", name="w", dtype="float8_e5m2")))
    assert not batch.takes(run_of(fanin.plan((2, 2), "ones")))


def test_plain_numpy_draws_each_alone() -> None:
    with use("numpy", ""):
        assert fanin_numpy.batch(0) is None


@pytest.mark.parametrize(
    ("settings", "is_run"),
    [
        ({"shape": (4, 6), "layout": "OI"}, True),
        ({"shape": (4, 6), "layout": "IO"}, False),
        ({"shape": (1, 6), "layout": "IO"}, True),
        ({"shape": (4, 6), "layout": "OI", "slices": (slice(0, 2),)}, True),
        ({"shape": (4, 6), "layout": "OI", "slices": (slice(1, 3),)}, False),
        ({"shape": (4, 6), "layout": "OI", "slices": (None, slice(0, 3))}, False),
        ({"shape": (2, 4, 6), "layout": "SOI", "name": ["a", "b"]}, False),
        ({"shape": (4, 6), "layout": "OI", "initialization": "orthogonal"}, False),
        ({"shape": (4, 6), "layout": "OI", "initialization": "zeros"}, True),
    ],
)
def test_what_is_a_run(settings: dict[str, object], is_run: bool) -> None:
    """Whole streams from their start, in their own order."""
    run = Run.of(fanin.plan(**{"name": "w", **settings}))  # type: ignore[arg-type]
    assert (run is not None) == is_run
