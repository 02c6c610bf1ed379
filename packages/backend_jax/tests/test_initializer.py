"""The drop-in for `jax.nn.initializers`, and `fanin_jax.init`."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fanin
import fanin_jax
from fanin.exceptions import FaninTypeError, FaninValueError

SHAPES: list[tuple[int, ...]] = [(7, 5), (3, 70), (3, 5, 4), (2, 3, 5, 4), (2, 1, 3, 4, 5)]
LAYOUTS = {2: "IO", 3: "WIO", 4: "HWIO", 5: "DHWIO"}


def assert_same(actual: jax.Array, expected: jax.Array) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert np.asarray(actual).tobytes() == np.asarray(expected).tobytes()


def reference(shape: tuple[int, ...], initialization: Any = "he", **options: Any) -> jax.Array:
    options.setdefault("layout", LAYOUTS.get(len(shape)))
    array: jax.Array = fanin.init(shape, initialization, backend="jax", **options)
    return array


@pytest.fixture
def x64() -> Iterator[None]:
    before: bool = jax.config.read("jax_enable_x64")  # type: ignore[no-untyped-call]
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    yield
    jax.config.update("jax_enable_x64", before)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("shape", "dtype", "seed"),
    [
        (SHAPES[0], "float32", 0),
        (SHAPES[0], "bfloat16", 2**32 - 1),
        (SHAPES[0], "float16", 1),
        (SHAPES[1], "float16", 2**31),
        (SHAPES[2], "float32", 2**32 - 1),
        (SHAPES[3], "bfloat16", 5),
        (SHAPES[4], "float8_e5m2", 6),
    ],
)
def test_eager_jit_and_vmap_equal_init(shape: tuple[int, ...], dtype: str, seed: int) -> None:
    he = fanin_jax.initializer("he")
    key = jax.random.key(seed, impl="threefry2x32")
    expected = reference(shape, seed=seed, dtype=dtype)
    assert_same(fanin_jax.init(shape, seed=seed, dtype=dtype), expected)
    assert_same(he(key, shape, dtype), expected)
    assert_same(he(jax.random.key_data(key), shape, jnp.dtype(dtype)), expected)
    assert_same(jax.jit(he, static_argnums=(1, 2))(key, shape, dtype), expected)
    batch = jax.vmap(lambda one: he(one, shape, dtype))(jnp.stack([jax.random.key(99), key]))
    assert_same(batch[1], expected)
    assert_same(batch[0], reference(shape, seed=99, dtype=dtype))
    described = jax.eval_shape(lambda: he(key, shape, dtype))
    assert (described.shape, described.dtype.name) == (shape, dtype)


@pytest.mark.parametrize(
    ("initialization", "shape", "options"),
    [
        ("zeros", (5,), {}),
        ("random", (5,), {}),
        ("glorot_uniform", (5, 3), {"layout": "OI"}),
        ("he_truncated_normal", (5, 3), {"name": "fc.weight"}),
        (fanin.uniform(-1.0, 3.0), (4, 3, 2, 5), {"name": "блок.重み", "layout": "OIHW"}),
        ("he", (3, 4, 5), {"layout": "SOI", "name": ["a", "b", "c"]}),
        ("he", (4, 5, 3), {"layout": "OIS", "name": ("c", "b", "a")}),
        ("he", (2, 3, 6, 4), {"groups": 2, "name": "grouped"}),
        ("he", (2, 3, 6, 4), {"transposed": True, "groups": 2, "stride": [2, 1]}),
        (fanin.constant(0.25), (3, 4, 5), {"layout": "SOI"}),
    ],
    ids=str,
)
def test_settings(initialization: Any, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    one = fanin_jax.initializer(initialization, **options)
    expected = reference(shape, initialization, seed=5, **options)
    keys = jnp.stack([jax.random.key(5), jax.random.key(6)])
    assert_same(one(keys[0], shape), expected)
    assert_same(jax.jit(lambda key: one(key, shape))(keys[0]), expected)
    assert_same(jax.vmap(lambda key: one(key, shape))(keys)[0], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_default_layouts(shape: tuple[int, ...]) -> None:
    assert_same(fanin_jax.init(shape, seed=3), fanin_jax.init(shape, seed=3, layout=LAYOUTS[len(shape)]))
    expected = reference(shape, seed=3, slices=(slice(1, 2),))
    assert_same(fanin_jax.init(shape, seed=3, slices=(slice(1, 2),)), expected)


def test_a_name_takes_the_place_of_another_key() -> None:
    key = jax.random.key(8)
    drawn = [fanin_jax.initializer("he", name=name)(key, (6, 4)) for name in (None, "a", "b", "")]
    assert len({np.asarray(array).tobytes() for array in drawn}) == 4


def test_an_initialised_model_has_the_same_bits_compiled() -> None:
    kernel, bias = fanin_jax.initializer("he"), fanin_jax.initializer("zeros")

    def init(key: jax.Array) -> dict[str, jax.Array]:
        first, second = jax.random.split(key)
        return {
            "conv": kernel(first, (3, 3, 4, 8)),
            "dense": kernel(second, (72, 10), jnp.bfloat16),
            "bias": bias(second, (10,)),
        }

    eager, compiled = init(jax.random.key(1)), jax.jit(init)(jax.random.key(1))
    constant = jax.jit(lambda: init(jax.random.key(1)))()
    for name, array in eager.items():
        assert_same(compiled[name], array)
        assert_same(constant[name], array)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float8_e4m3fn"])
def test_what_the_program_does_next_changes_no_weight(dtype: str) -> None:
    """XLA may not merge the factor with a later one, nor keep bits that rounding to the dtype removes."""

    def program(key: jax.Array) -> jax.Array:
        weights = fanin_jax.initializer("he")(key, (64, 48), dtype).astype(jnp.float32)
        return jnp.multiply(weights, jnp.float32(0.3))

    weights = np.asarray(fanin_jax.init((64, 48), seed=4, dtype=dtype)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(jax.jit(program)(jax.random.key(4))), weights * np.float32(0.3))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("initialization", ["he_truncated_normal", "he_uniform"])
def test_under_the_strictest_checks_of_jax(initialization: str, dtype: str) -> None:
    expected = reference((6, 4, 3), initialization, layout="IOW", transposed=True, groups=2, dtype=dtype)
    one = fanin_jax.initializer(initialization, layout="IOW", transposed=True, groups=2)
    with (
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
        jax.checking_leaks(),
        jax.debug_nans(True),
    ):
        assert_same(jax.jit(lambda key: one(key, (6, 4, 3), dtype))(jax.random.key(0)), expected)


def test_float64_needs_no_configuration_when_eager() -> None:
    expected = reference((5, 3), seed=2, dtype="float64")
    assert expected.dtype == np.dtype("float64")
    assert_same(fanin_jax.initializer("he")(jax.random.key(2), (5, 3), np.float64), expected)
    assert_same(fanin_jax.init((5, 3), seed=2, dtype=np.float64), expected)


@pytest.mark.usefixtures("x64")
def test_float64_under_a_trace_with_x64() -> None:
    he = fanin_jax.initializer("he")
    expected = reference((5, 3), seed=2, dtype="float64")
    assert_same(jax.jit(lambda key: he(key, (5, 3), jnp.float64))(jax.random.key(2)), expected)
    assert_same(he(jax.random.key(2), (5, 3)), reference((5, 3), seed=2, dtype="float32"))
    assert_same(he(jax.random.key(2), (5, 3), None), reference((5, 3), seed=2, dtype="float32"))


def test_float64_under_a_trace_without_x64_is_refused() -> None:
    he = fanin_jax.initializer("he")
    with pytest.raises(FaninValueError, match="jax_enable_x64 off"):
        jax.jit(lambda key: he(key, (5, 3), jnp.float64))(jax.random.key(2))


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (0, FaninTypeError, "key must be a JAX key. Received: 0 of type int"),
        (None, FaninTypeError, "key must be a JAX key"),
        (jax.random.key(0, impl="rbg"), FaninValueError, "Received: rbg"),
        (jax.random.key(0, impl="unsafe_rbg"), FaninValueError, "Received: unsafe_rbg"),
        (jnp.zeros(4, jnp.uint32), FaninValueError, r"Received: uint32\[4\]"),
        (jnp.zeros(2, jnp.float32), FaninValueError, r"Received: float32\[2\]"),
        (np.zeros((), np.uint32), FaninValueError, r"Received: uint32\[\]"),
        (jax.random.split(jax.random.key(0), 3), FaninValueError, r"shape \(3,\). Use jax.vmap"),
        (jnp.zeros((3, 2), jnp.uint32), FaninValueError, r"shape \(3,\). Use jax.vmap"),
    ],
    ids=str,
)
def test_keys_that_are_refused(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fanin_jax.initializer("he")(key, (5, 3))


@pytest.mark.parametrize(
    ("settings", "shape", "dtype", "error", "message"),
    [
        ({}, (5,), "float32", FaninValueError, "needs the fan-in"),
        ({}, (2, 2, 2, 2, 2, 2), "float32", FaninValueError, "needs the fan-in"),
        ({}, (5, 3), "int32", FaninValueError, "real floating-point"),
        ({}, (5, 3), jnp.complex64, FaninValueError, "real floating-point"),
        ({}, (5, -3), "float32", FaninValueError, "at least 0"),
        ({}, (5, 3.0), "float32", FaninTypeError, "whole number"),
        ({}, "53", "float32", FaninTypeError, "shape must be"),
        ({}, (0, 3), "float32", FaninValueError, "fan_in is 0"),
        ({"layout": "OHI"}, (5, 3), "float32", FaninValueError, "names 3 axes"),
        ({"layout": "SOI"}, (2, 5, 3), "float32", FaninValueError, "stack axis S|name"),
        ({"layout": "SOI", "name": ["a"]}, (2, 5, 3), "float32", FaninValueError, "Received: 1 names"),
        ({"name": ["a", "b"]}, (5, 3), "float32", FaninTypeError, "name must be a string"),
        ({"name": 5}, (5, 3), "float32", FaninTypeError, "name must be a string"),
        ({"groups": 2}, (5, 3), "float32", FaninValueError, "does not divide"),
    ],
    ids=str,
)
def test_settings_that_are_refused(
    settings: dict[str, Any], shape: Any, dtype: Any, error: type[Exception], message: str
) -> None:
    one = fanin_jax.initializer("he", **settings)
    with pytest.raises((error, FaninTypeError), match=message):
        one(jax.random.key(0), shape, dtype)
    with pytest.raises((error, FaninTypeError), match=message):
        fanin_jax.init(shape, "he", dtype=dtype, **settings)


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: fanin_jax.init((5, 3), seed=seed),
        lambda seed: fanin.init((5, 3), layout="IO", seed=seed, backend="jax"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda draw: jax.jit(draw)(3),
        lambda draw: jax.vmap(draw)(jnp.arange(3)),
        lambda draw: draw(jax.random.key(3)),
        lambda draw: draw(jax.random.PRNGKey(3)),
    ],
    ids=["jit", "vmap", "key", "raw key"],
)
def test_a_traced_seed_or_a_key_is_for_the_initializer(call: Callable[..., Any], draw: Callable[..., Any]) -> None:
    with pytest.raises(FaninTypeError, match=r'(?s)seed must be .* fanin_jax\.initializer\("he"\)\(jax\.random\.key'):
        call(draw)
    assert draw(jnp.uint32(3)).shape == (5, 3)  # a number that is known is a seed


@pytest.mark.parametrize("axes", ["I", 0.5, (0, 1.5), True, np.array(0.5)])
def test_axes_that_are_none(axes: Any) -> None:
    with pytest.raises(FaninTypeError, match=r"out_axis must be (a|one) whole number"):
        fanin_jax.initializer("he", out_axis=axes)


@pytest.mark.parametrize("axes", [np.array(1), jnp.array(1), np.int64(1), [1], (np.int8(1),), jnp.array([1])])
def test_axes_of_any_library(axes: Any) -> None:
    one, other = fanin_jax.initializer("he", in_axis=axes, out_axis=0), fanin_jax.initializer("he", layout="OI")
    key = jax.random.key(0)
    assert (one(key, (5, 3)) == other(key, (5, 3))).all()
    assert hash(one) != hash(other)


def test_an_unknown_initialization_is_refused_before_any_key() -> None:
    with pytest.raises(FaninValueError, match="Did you mean 'he_normal'"):
        fanin_jax.initializer("he_normall")


def test_it_has_the_signature_of_jax_initializers() -> None:
    ours = inspect.signature(fanin_jax.initializer("he")).parameters
    theirs = inspect.signature(jax.nn.initializers.he_normal()).parameters
    assert list(ours) == ["key", "shape", "dtype", "out_sharding"]
    assert list(theirs) == list(ours)[: len(theirs)]


def test_equal_settings_are_equal_callables() -> None:
    """So that a compiled function with an initializer among its static arguments is compiled once."""
    one, same = (fanin_jax.initializer("he", layout="SOI", name=["a", "b"], stride=[1]) for _ in range(2))
    other = fanin_jax.initializer("he", layout="SOI", name=["a", "c"], stride=[1])
    assert one == same != other
    assert hash(one) == hash(same)
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_seed_stands_for_every_key() -> None:
    seeded = fanin_jax.initializer("he", seed=2**40 + 3, name="fc.kernel")
    expected = fanin_jax.init((7, 5), "he", seed=2**40 + 3, name="fc.kernel")
    for key in (jax.random.key(0), jax.random.key(9, impl="rbg"), jax.random.PRNGKey(4), None):
        assert_same(seeded(key, (7, 5)), expected)
    keys = jax.random.split(jax.random.key(0), 3)
    assert_same(jax.jit(lambda key: seeded(key, (7, 5)))(keys[0]), expected)
    assert_same(jax.vmap(lambda key: seeded(key, (7, 5)))(keys), jnp.broadcast_to(expected, (3, 7, 5)))
    assert seeded != fanin_jax.initializer("he", seed=2**40 + 2, name="fc.kernel")
    assert pickle.loads(pickle.dumps(seeded)) == seeded


def test_a_seeded_stack_and_a_constant() -> None:
    names = ["blocks.0.kernel", "blocks.1.kernel"]
    stack = fanin_jax.initializer("he", layout="SIO", seed=5, name=names)(None, (2, 7, 5))
    assert_same(stack[1], fanin_jax.init((7, 5), "he", seed=5, name=names[1]))
    assert_same(fanin_jax.initializer("ones", seed=5)(None, (3,)), jnp.ones(3))
    experts = fanin_jax.initializer("he", seed=5, name=names, in_axis=1, out_axis=2, batch_axis=0)(None, (2, 7, 5))
    assert_same(experts, stack)


def test_a_seed_without_a_name_is_refused() -> None:
    with pytest.raises(FaninValueError, match="with seed=, each parameter needs a name"):
        fanin_jax.initializer("he", seed=0)
    with pytest.raises(FaninValueError, match="seed"):
        fanin_jax.initializer("he", seed=-1, name="fc.kernel")
