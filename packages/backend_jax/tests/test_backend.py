"""The contract, placement, and what a draw leaves alone."""

from __future__ import annotations

import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

import fanin
import fanin_jax
from fanin.contract import Backend, Capabilities, Description
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_jax import JaxBackend

BACKEND = JaxBackend()


def test_it_is_found_by_name() -> None:
    backend = fanin.backend("jax")
    assert isinstance(backend, JaxBackend)
    assert isinstance(backend, Backend)
    assert (backend.name, backend.SPEC_VERSION) == ("jax", 1)
    assert backend.capabilities == Capabilities(
        dtypes=frozenset(DTYPES),
        devices=("cpu", "gpu", "tpu"),
        jit=True,
        level="exact",
        rules=frozenset({"fill", "draw", "diagonal", "masked", "haar"}),
    )


def test_public_names() -> None:
    assert fanin_jax.__all__ == ["JaxBackend", "__version__", "build", "init", "initializer", "probe", "record"]
    assert fanin_jax.__version__ == fanin.__version__


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("initialization", ["zeros", "he"])
def test_the_dtype_that_was_asked_for_is_returned(dtype: str, initialization: str) -> None:
    array = fanin_jax.init((3, 5), initialization, dtype=dtype)
    assert isinstance(array, jax.Array)
    assert BACKEND.describe(array) == Description((3, 5), dtype)
    assert array.dtype == np.dtype(dtype)
    assert not array.weak_type


CONSTANTS = [0.0, 1.0, -0.3, 1 / 3, 300.0, 1e-7, 2.0**-24, -(2.0**-133), 1e-40]


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("value", CONSTANTS)
def test_constants_are_exact(dtype: str, value: float) -> None:
    """Subnormal constants too; rounded once from the compute format."""
    number = DTYPES[dtype]
    plan = fanin.plan((2, 3), fanin.constant(value), dtype=dtype)
    expected = number.encode(number.round(DTYPES[number.compute].round(value))).to_bytes(number.itemsize, "little")
    assert BACKEND.tobytes(BACKEND.draw(plan)) == expected * 6


@pytest.mark.parametrize(
    ("shape", "layout", "initialization", "name"),
    [
        ((0,), "O", "random", None),
        ((3, 0), "OI", "random", None),
        ((0, 4, 2), "SOI", "random", []),
        ((2, 0, 5), "SOI", "zeros", None),
        ((0, 7), "OI", "zeros", None),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_zero_sizes(shape: tuple[int, ...], layout: str, initialization: str, name: Any, dtype: str) -> None:
    array = fanin_jax.init(shape, initialization, layout=layout, name=name, dtype=dtype)
    assert BACKEND.describe(array) == Description(shape, dtype)
    assert BACKEND.tobytes(array) == b""


def test_bytes_are_in_the_order_of_the_stored_axes() -> None:
    array = jnp.arange(6, dtype=jnp.float32).reshape(2, 3).T
    assert BACKEND.tobytes(array) == np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()


def along(*spec: str | None) -> NamedSharding:
    """Return the sharding over one device whose spec this is."""
    return NamedSharding(Mesh(np.array(jax.devices()[:1]), ("x",)), PartitionSpec(*spec))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "device",
    [
        None,
        "cpu",
        jax.devices("cpu")[0],
        SingleDeviceSharding(jax.devices("cpu")[0]),
        along(None, "x"),
    ],
    ids=["none", "platform", "device", "single", "named"],
)
@pytest.mark.parametrize("initialization", ["zeros", "he"])
def test_devices(device: Any, initialization: str) -> None:
    array = fanin_jax.init((6, 4), initialization, device=device, seed=1)
    assert array.devices() == {jax.devices("cpu")[0]}
    if isinstance(device, NamedSharding):
        assert array.sharding == device
    np.testing.assert_array_equal(np.asarray(array), np.asarray(fanin_jax.init((6, 4), initialization, seed=1)))


@pytest.mark.parametrize(
    ("device", "error", "message"),
    [
        ("cuda:17", FaninValueError, "unknown device 'cuda:17'"),
        ("abacus", FaninValueError, "Available here: cpu"),
        (3, FaninTypeError, "Received: 3 of type int"),
        (along(None, None, "x"), FaninValueError, "does not divide shape"),
    ],
    ids=str,
)
def test_unknown_devices(device: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fanin_jax.init((6, 4), "he", device=device)


def test_an_axis_beyond_one_word_is_refused() -> None:
    plan = fanin.plan((2**32,), "random")
    with pytest.raises(FaninValueError, match="in parts, with slices"):
        BACKEND.draw(plan)


def test_a_draw_leaves_the_configuration_as_it_was() -> None:
    before = dict(jax.config.values)
    state = np.random.get_state()  # noqa: NPY002
    for dtype in ("float64", "float32", "bfloat16"):
        fanin_jax.init((4, 4), "he", dtype=dtype)
        fanin_jax.initializer("he")(jax.random.key(0), (4, 4), dtype)
    assert dict(jax.config.values) == before
    assert jnp.ones(1, float).dtype == jnp.float32
    np.testing.assert_equal(np.random.get_state(), state)  # noqa: NPY002


def test_the_order_of_draws_and_the_thread_do_not_matter() -> None:
    plans = [
        fanin.plan((17, 9), initialization, layout="OI", seed=seed, dtype=dtype)
        for initialization in ("he", "he_uniform", "he_truncated_normal")
        for seed in (1, 2)
        for dtype in ("float64", "float32")
    ]
    expected = [BACKEND.tobytes(BACKEND.draw(plan)) for plan in plans]
    drawn: dict[int, bytes] = {}

    def draw(k: int) -> None:
        drawn[k] = BACKEND.tobytes(BACKEND.draw(plans[k]))

    threads = [threading.Thread(target=draw, args=(k,)) for k in reversed(range(len(plans)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [drawn[k] for k in range(len(plans))] == expected
    assert len(set(expected)) == len(plans)


def test_a_draw_inside_a_compiled_function_is_the_same() -> None:
    plan = fanin.plan((21, 5), "he", layout="OI", name="w")
    inside = jax.jit(lambda: BACKEND.draw(plan))()
    assert BACKEND.tobytes(inside) == BACKEND.tobytes(BACKEND.draw(plan))


def test_float64_under_x64_is_the_same() -> None:
    plan = fanin.plan((21, 5), "he", layout="OI", name="w", dtype="float64")
    expected = BACKEND.tobytes(BACKEND.draw(plan))
    before: bool = jax.config.read("jax_enable_x64")  # type: ignore[no-untyped-call]
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    try:
        assert BACKEND.tobytes(BACKEND.draw(plan)) == expected
        assert fanin_jax.init((21, 5), "he", dtype="float32").dtype == jnp.float32
    finally:
        jax.config.update("jax_enable_x64", before)  # type: ignore[no-untyped-call]
