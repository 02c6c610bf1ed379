"""The rules of whole matrices, eagerly, compiled and sharded, and axes by number as JAX's initializers have them."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fanin
import fanin_jax
from fanin import reference
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.plans import Plan
from fanin_jax import JaxBackend, _matrix, _x64

BACKEND = JaxBackend()
KEY = jax.random.key(7, impl="threefry2x32")

EXACT = {"identity": fanin.identity(0.3), "dirac": fanin.dirac(1.1), "sparse": fanin.sparse(0.6, 0.5)}
CLOSE = {"orthogonal": fanin.orthogonal(1.7), "delta_orthogonal": fanin.delta_orthogonal(0.7)}


@pytest.mark.parametrize("dtype", ["float16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("name", EXACT)
def test_narrow_bits(name: str, dtype: str) -> None:
    plan = fanin.plan((9, 5), EXACT[name], layout="OI", name="w", dtype=dtype)
    assert BACKEND.tobytes(BACKEND.draw(plan)) == reference.tobytes(plan)


def condition(plan: Plan) -> float:
    """The largest condition number of the normal matrices behind a plan."""
    matrices = np.asarray(BACKEND.draw(fanin.plans.matrix_work.normal_matrices(plan)))
    return float(np.linalg.cond(matrices).max()) if matrices.size else 1.0


def error_of(plan: Plan, array: jax.Array) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the differences from the reference, and the reference."""
    wanted = np.array(list(reference.values(plan)), np.float64).reshape(plan.shape)
    return np.abs(np.asarray(array).astype(np.float64) - wanted), np.abs(wanted)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("name", CLOSE)
def test_a_narrow_orthogonal_weight_is_the_rounded_float32(name: str, dtype: str) -> None:
    narrow, wide = (
        BACKEND.draw(fanin.plan((2, 3, 4, 6), CLOSE[name], layout="HWIO", name="w", dtype=kind))
        for kind in (dtype, "float32")
    )
    number_format = DTYPES[dtype]
    patterns = [number_format.encode(number_format.round(float(weight))) for weight in np.asarray(wide).flat]
    assert np.asarray(narrow).reshape(-1).view(f"u{number_format.itemsize}").tolist() == patterns


def test_a_part_of_orthogonal_matrices_is_the_slice_of_the_whole() -> None:
    cut = (slice(1, 3), slice(0, 4), slice(2, 3), slice(1, 5))
    part = fanin_jax.init((3, 4, 4, 6), "orthogonal", name="w", slices=cut)
    np.testing.assert_array_equal(part, fanin_jax.init((3, 4, 4, 6), "orthogonal", name="w")[cut])


def test_of_equal_words_the_first_are_smallest() -> None:
    words = jnp.array([[5, 0, 5, 5, 9], [7, 7, 7, 7, 7], [2**32 - 1, 2**32 - 1, 0, 2**32 - 1, 2**31]], jnp.uint32)
    found = [np.flatnonzero(row).tolist() for row in np.asarray(_matrix._smallest(words, 3))]
    assert found == [[0, 1, 2], [0, 1, 2], [0, 2, 4]]


def test_more_rows_than_words_are_refused() -> None:
    arguments: dict[str, Any] = {"shape": (1 << 20, 1 << 20, 3), "layout": "OOI", "initialization": "identity"}
    here = fanin.init(**arguments, slices=(slice(0, 2), slice(0, 2)), backend=BACKEND)
    assert here.tolist() == [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[0.0] * 3] * 2]
    with pytest.raises(FaninValueError, match=r"fewer than 2\*\*32 rows"):
        fanin.init(**arguments, slices=(slice((1 << 12) - 1, (1 << 12) + 1), slice(0, 1)), backend=BACKEND)


@pytest.mark.parametrize(
    ("initialization", "shape", "dtype", "settings"),
    [
        ("dirac", (4, 3, 2, 6), "bfloat16", {"groups": 2}),
        ("dirac", (3, 4, 2), "float32", {"layout": "SOI"}),
        (fanin.sparse(0.4), (6, 4), "bfloat16", {"name": "w"}),
        (fanin.sparse(0.4), (3, 4, 6), "float32", {"layout": "SIO", "name": ["a", "b", "c"]}),
        ("orthogonal", (3, 3, 4, 6), "bfloat16", {"name": "w"}),
        ("orthogonal", (3, 4, 6), "float32", {"layout": "SIO", "name": ["a", "b", "c"]}),
        ("delta_orthogonal", (4, 3, 2, 6), "float32", {"groups": 2}),
    ],
    ids=str,
)
def test_the_same_bits_however_it_is_called(
    initialization: Any, shape: tuple[int, ...], dtype: str, settings: dict[str, Any]
) -> None:
    one = fanin_jax.initializer(initialization, **settings)
    expected = BACKEND.tobytes(fanin_jax.init(shape, initialization, seed=7, dtype=dtype, **settings))
    keys = jnp.stack([jax.random.key(3), KEY])

    def call(key: jax.Array) -> jax.Array:
        return one(key, shape, dtype)

    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"), jax.checking_leaks():
        drawn = [
            call(KEY),
            jax.jit(call)(KEY),
            jax.jit(lambda: call(KEY))(),
            jax.vmap(call)(keys)[1],
            jax.jit(jax.vmap(call))(keys)[1],
            jax.lax.map(call, keys)[1],
        ]
    assert [BACKEND.tobytes(array) for array in drawn] == [expected] * len(drawn)
    assert {(array.shape, array.dtype.name) for array in drawn} == {(shape, dtype)}


def test_float64_under_a_trace_is_refused_without_64_bits() -> None:
    with pytest.raises(FaninValueError, match="jax_enable_x64 off"):
        jax.jit(lambda key: fanin_jax.initializer("orthogonal")(key, (4, 3), "float64"))(KEY)


def test_a_decomposition_in_float32_is_less_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a TPU has."""
    plan = fanin.plan((40, 40), fanin.orthogonal(2.0), layout="OI", name="w")
    exact, _ = error_of(plan, BACKEND.draw(plan))
    monkeypatch.setattr(_matrix, "can_use_float64", lambda: False)
    array = BACKEND.draw(plan)
    error, wanted = error_of(plan, array)
    assert array.dtype == np.float32
    assert np.all(error <= 2.0**-19 * condition(plan) * 2.0 + 2.0**-23 * wanted)
    assert error.max() > 4 * exact.max()


@pytest.mark.parametrize(("platform", "can"), [("cpu", True), ("gpu", True), ("tpu", False)])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("enabled", [False, True])
def test_where_an_intermediate_result_may_be_float64(
    monkeypatch: pytest.MonkeyPatch, platform: str, compiled: bool, enabled: bool, can: bool
) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    answers: list[bool] = []

    def ask() -> None:
        answers.append(_x64.can_use_float64())

    with _x64.enable_x64(enabled):
        (jax.jit(ask) if compiled else ask)()
    assert answers == [can]


@pytest.mark.parametrize(
    ("shape", "axes", "layout"),
    [
        ((6, 4), {"in_axis": 1, "out_axis": 0}, "OI"),
        ((6, 4), {"batch_axis": ()}, "IO"),
        ((4, 3, 5), {"in_axis": 0, "out_axis": (1, 2)}, "IOO"),
        ((4, 3, 5), {"in_axis": [-3, -2]}, "IIO"),
        ((5, 4, 3, 2), {"in_axis": 1, "out_axis": 0}, "OIHW"),
    ],
    ids=str,
)
@pytest.mark.parametrize("initialization", ["he_uniform", "orthogonal"])
def test_axes_by_number(initialization: str, shape: tuple[int, ...], axes: dict[str, Any], layout: str) -> None:
    found = fanin_jax.initializer(initialization, **axes)(KEY, shape)
    assert BACKEND.tobytes(found) == BACKEND.tobytes(fanin_jax.init(shape, initialization, layout=layout, seed=7))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((40, 90), {}),
        ((40, 90), {"in_axis": 1, "out_axis": 0}),
        ((3, 3, 20, 40), {}),
        ((30, 4, 50), {"in_axis": 0, "out_axis": (1, 2)}),
        ((4, 30, 50), {"in_axis": (0, 1), "out_axis": 2}),
        ((5, 40, 30), {"batch_axis": 0}),
        ((20, 5, 40, 3), {"in_axis": 0, "out_axis": 2, "batch_axis": (1, 3)}),
        ((3, 40, 5, 30), {"in_axis": 1, "out_axis": 3, "batch_axis": 2}),  # one axis is left and spatial
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("profile", [False, True], ids=["fanin's", "the profile"])
def test_the_fans_are_those_of_jax(shape: tuple[int, ...], axes: dict[str, Any], mode: str, profile: bool) -> None:
    """The largest of 3,600 or more uniform weights is within 0.5 % of their bound, so a fan is right to 1 %."""
    theirs = jax.nn.initializers.variance_scaling(2.0, mode, "uniform", **axes)(KEY, shape)  # type: ignore[arg-type]
    if profile:
        ours = fanin.profile("jax:variance_scaling", scale=2.0, mode=mode, distribution="uniform")
    else:
        ours = fanin.variance_scaling(2.0, mode, "uniform")  # type: ignore[arg-type]
    found = fanin_jax.initializer(ours, **axes)(KEY, shape)
    assert float(jnp.abs(found).max() / jnp.abs(theirs).max()) == pytest.approx(1.0, rel=0.005)


def test_batch_axes_are_a_stack_of_numbered_streams() -> None:
    one = fanin_jax.initializer("orthogonal", in_axis=1, out_axis=3, batch_axis=(0, 2))
    for drawn in (one(KEY, (2, 4, 3, 5)), jax.jit(lambda key: one(key, (2, 4, 3, 5)))(KEY)):
        for i, j in itertools.product(range(2), range(3)):
            alone = fanin_jax.initializer("orthogonal", name=str(3 * i + j))(KEY, (4, 5))
            np.testing.assert_array_equal(drawn[i, :, j], alone)


def test_batch_axes_may_be_named() -> None:
    named = fanin_jax.initializer("he", in_axis=1, out_axis=0, batch_axis=2, name=["a", "b"])(KEY, (3, 4, 2))
    for k, name in enumerate("ab"):
        alone = fanin_jax.initializer("he", layout="OI", name=name)(KEY, (3, 4))
        np.testing.assert_array_equal(named[:, :, k], alone)


@pytest.mark.parametrize(
    ("settings", "shape", "error", "message"),
    [
        ({"layout": "OI", "in_axis": 0}, (3, 4), FaninValueError, "Pass either the layout or the axes"),
        ({"in_axis": 0, "out_axis": 0}, (3, 4), FaninValueError, "axis 0 is named twice"),
        ({"batch_axis": -1}, (3, 4), FaninValueError, "axis 1 is named twice"),
        ({"batch_axis": 0}, (3,), FaninValueError, "in_axis must name axes in .-1, 1.. Received: -2"),
        ({"in_axis": 0, "out_axis": 1}, (3,) * 6, FaninValueError, "at most three axes may be spatial"),
        ({"in_axis": 1.0}, (3, 4), FaninTypeError, "must be a whole number"),
        ({"batch_axis": 0, "name": "w"}, (2, 3, 4), FaninTypeError, "Pass a list of 2 names"),
        ({"batch_axis": (0, 1), "name": ["w"]}, (2, 2, 3, 4), FaninValueError, "Received: 1 names"),
    ],
    ids=str,
)
def test_axes_that_are_refused(
    settings: dict[str, Any], shape: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fanin_jax.initializer("he", **settings)(KEY, shape)


def test_axes_given_twice_are_refused() -> None:
    twice = fanin.profile("jax:he_normal", in_axis=0, out_axis=1)
    with pytest.raises(FaninValueError, match="the axes are given twice"):
        fanin_jax.initializer(twice, in_axis=0, out_axis=1)(KEY, (3, 4))
    keras = fanin_jax.initializer("keras:he_normal", in_axis=1, out_axis=0)(KEY, (3, 4))
    assert bool((keras == fanin_jax.init((3, 4), "keras:he_normal", layout="OI", seed=7)).all())


def test_equal_axes_are_equal_callables() -> None:
    one, same = (fanin_jax.initializer("he", in_axis=axes, batch_axis=[0]) for axes in ([1], (1,)))
    assert one == same != fanin_jax.initializer("he", in_axis=2, batch_axis=[0])
    assert hash(one) == hash(same)
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize(("size", "ours", "theirs"), [(3, 1, 1), (4, 2, 1), (2, 1, 0), (1, 0, 0)])
def test_where_the_centre_of_a_kernel_is(size: int, ours: int, theirs: int) -> None:
    found = fanin_jax.initializer("delta_orthogonal")(KEY, (size, 4, 5))
    jax_s = jax.nn.initializers.delta_orthogonal()(KEY, (size, 4, 5))
    assert [int(np.flatnonzero(np.abs(array).sum(axis=(1, 2)))[0]) for array in (found, jax_s)] == [ours, theirs]


def test_eight_devices() -> None:
    program = Path(__file__).with_name("matrices_program.py")
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
    }
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    digests: dict[str, list[str]] = json.loads(finished.stdout)
    assert len(digests) == 7
    assert {name: len(set(found)) for name, found in digests.items()} == dict.fromkeys(digests, 1)
    assert {len(found) for found in digests.values()} == {6}
