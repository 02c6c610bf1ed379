"""What a build returns: the function's own tree, with fanin's weights; and what it refuses."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import fanin
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin_jax import build, record

pytest.importorskip("flax")
pytest.importorskip("equinox")

import equinox as eqx
import flax.linen as nn
from flax import nnx

X = jnp.ones((2, 12))


class Net(nn.Module):
    """Two layers, running statistics and a table."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.BatchNorm(use_running_average=True, name="norm")(nn.Dense(8, name="first")(x))
        self.variable("constants", "table", lambda: jnp.arange(5.0))
        return nn.Dense(3, name="second")(x)


class NnxNet(nnx.Module):
    """The same with NNX, a tied layer and dropout."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(12, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.second = nnx.Linear(8, 3, rngs=rngs)
        self.tied = self.first
        self.dropout = nnx.Dropout(0.5, rngs=rngs)


class EqxNet(eqx.Module):
    """A module with a function, a number and an array that are no weights."""

    first: eqx.nn.Linear
    activation: Callable[[Any], Any]
    scale: float
    table: Any

    def __init__(self, width: int, *, key: Any) -> None:
        self.first = eqx.nn.Linear(12, width, key=key)
        self.activation = jax.nn.gelu
        self.scale = 0.5
        self.table = np.arange(3)


def test_linen() -> None:
    scheme = record(Net().init, X)
    names = {"first.kernel", "first.bias", "norm.scale", "norm.bias", "norm.mean", "norm.var", "second.kernel"}
    assert set(scheme) == {*names, "second.bias", "table"}
    built = build(Net().init, X, seed=4)
    expected: Any = jax.tree.structure(Net().init(random.key(0), X))
    assert jax.tree.structure(built) == expected
    drawn = scheme.only_laws().draw(seed=4)
    assert np.array_equal(built["params"]["second"]["kernel"], drawn["second.kernel"])
    assert np.array_equal(built["batch_stats"]["norm"]["var"], np.ones(8))
    assert np.array_equal(built["constants"]["table"], np.arange(5.0))
    outputs: Any = Net().apply(built, X)
    assert outputs.shape == (2, 3)


def test_the_names_are_the_same_without_the_collections_and_in_nnx() -> None:
    linen = record(Net().init, X).only_laws()
    alone = record(lambda key: Net().init(key, X)["params"])
    assert set(alone) < set(linen)
    nnxs = record(NnxNet)
    assert set(linen) == set(nnxs) - {"dropout.rngs.count"}
    one, two = linen.draw(seed=2), nnxs.only_laws().draw(seed=2)
    assert all(np.array_equal(one[name], two[name]) for name in linen)


def test_names_that_two_collections_share_keep_them() -> None:
    def init(key: Any) -> Any:
        weights = {"w": random.normal(key, (3,))}
        return {"params": weights, "ema": weights, "other": {"v": jnp.zeros(2)}}

    assert list(record(init)) == ["ema.w", "v", "w"]


def test_nnx() -> None:
    model = build(NnxNet, seed=4)
    assert isinstance(model, NnxNet)
    assert model.tied is model.first
    assert model.dropout.rngs is not None
    fresh = NnxNet(nnx.Rngs(random.key(4)))
    assert fresh.dropout.rngs is not None
    assert model.dropout.rngs.count.get_value() == fresh.dropout.rngs.count.get_value()
    assert model.dropout.rngs.key.get_value() == fresh.dropout.rngs.key.get_value()
    drawn = record(lambda rngs: NnxNet(rngs=rngs)).only_laws().draw(seed=4)
    assert np.array_equal(model.second.kernel.get_value(), drawn["second.kernel"])
    assert not np.array_equal(model.second.kernel.get_value(), fresh.second.kernel.get_value())


def test_equinox() -> None:
    model = build(EqxNet, 7, seed=4)
    assert isinstance(model, EqxNet)
    assert (model.activation, model.scale) == (jax.nn.gelu, 0.5)
    assert np.array_equal(model.table, np.arange(3))
    assert np.array_equal(model.first.weight, record(EqxNet, 7).only_laws().draw(seed=4)["first.weight"])
    assert model.first(jnp.ones(12)).shape == (7,)


def test_boxes_stay() -> None:
    init = nn.with_partitioning(nn.initializers.lecun_normal(), ("in", "out"))
    boxed, plain = nn.Dense(4, kernel_init=init), nn.Dense(4)
    built = build(boxed.init, X)["params"]["kernel"]
    assert isinstance(built, nn.Partitioned)
    assert built.names == ("in", "out")
    assert np.array_equal(built.value, build(plain.init, X)["params"]["kernel"])


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, 2**64 - 1])
def test_every_seed(seed: int) -> None:
    built = build(NnxNet, seed=seed)
    assert np.array_equal(built.first.kernel.get_value(), record(NnxNet).only_laws().draw(seed=seed)["first.kernel"])


def test_shapes_of_arguments_are_enough() -> None:
    shape = jax.ShapeDtypeStruct((2, 12), jnp.float32)  # type: ignore[no-untyped-call]
    assert record(nn.Dense(4).init, shape) == record(nn.Dense(4).init, X)

    def data_dependent(key: Any, x: Any) -> Any:
        return {"w": random.normal(key, (3,)), "mean": x.mean(0)}

    assert (
        record(data_dependent, shape)["mean"].note == "unknown: made from an argument of which only the shape is known"
    )
    with pytest.raises(FaninValueError, match="mean cannot be computed: it is made from an argument"):
        build(data_dependent, shape)
    assert np.array_equal(build(data_dependent, X)["mean"], np.ones(12))


def test_dtypes() -> None:
    def model(key: Any) -> Any:
        return {
            "half": random.normal(key, (5, 6), jnp.bfloat16) * 0.02,
            "steps": jnp.zeros((), jnp.int32),
            "mask": jnp.ones((3,), bool),
            "eight": random.uniform(key, (4, 5)).astype(jnp.float8_e4m3fn),
        }

    built, drawn = build(model, seed=1), record(model).draw(seed=1)
    for name, array in built.items():
        assert array.dtype == drawn[name].dtype
        assert np.asarray(array).tobytes() == np.asarray(drawn[name]).tobytes()


def test_a_scheme_stands_for_the_functions_own_laws() -> None:
    scheme = record(Net().init, X)
    changed = {name: dataclasses.replace(one) for name, one in scheme.items()}
    changed["first.kernel"] = dataclasses.replace(scheme["first.kernel"], initializer=fanin.he_normal(), stream="stem")
    other = fanin.Scheme.from_json(fanin.Scheme(changed).to_json())
    built = build(Net().init, X, seed=3, scheme=other)
    expected = fanin.init((12, 8), "he", layout="IO", seed=3, name="stem", backend="numpy")
    assert np.array_equal(built["params"]["first"]["kernel"], expected)
    assert np.array_equal(built["constants"]["table"], np.arange(5.0))
    same = build(Net().init, X, seed=3, scheme=fanin.Scheme.from_json(scheme.to_json()))
    assert jax.tree.all(jax.tree.map(np.array_equal, same, build(Net().init, X, seed=3)))


def test_it_stays_in_64_bits() -> None:
    with jax.enable_x64(True):
        made = build(lambda key: {"w": random.normal(key, (3, 4), jnp.float64)}, seed=1)["w"]
        expected = record(lambda key: {"w": random.normal(key, (3, 4), jnp.float64)}).draw(seed=1)["w"]
    assert made.dtype == "float64"
    assert np.asarray(made).tobytes() == expected.tobytes()


def test_a_build_can_be_traced() -> None:
    made = jax.jit(lambda: build(nn.Dense(4).init, X, seed=2))()
    assert np.array_equal(made["params"]["kernel"], build(nn.Dense(4).init, X, seed=2)["params"]["kernel"])


def mesh() -> Mesh:
    return Mesh(np.array(jax.devices()[:1]), ("d",))


def placed(*axes: str | None) -> NamedSharding:
    return NamedSharding(mesh(), PartitionSpec(*axes))  # type: ignore[no-untyped-call]


BAD: dict[str, tuple[Callable[[], Any], type[FaninError], str]] = {
    "no function": (lambda: record(3), FaninTypeError, "take a function of a key .* Received: 3 of type int"),  # type: ignore[arg-type]
    "no array": (lambda: record(lambda key: {"name": "x"}), FaninTypeError, "returns no array.*Received: a dict"),
    "nothing": (lambda: build(lambda key: None), FaninTypeError, "returns no array.*a NoneType"),
    "a function without a key": (
        lambda: record(lambda: jnp.zeros(3)),
        FaninTypeError,
        "called with a key and then its arguments, and cannot be: too many positional",
    ),
    "an argument is missing": (
        lambda: build(lambda key, width: jnp.zeros(3)),
        FaninTypeError,
        "missing a required argument: 'width'",
    ),
    "a dot in a key": (
        lambda: record(lambda key: {"a.b": jnp.zeros(1), "a": {"b": jnp.zeros(1)}}),
        FaninValueError,
        "two arrays .* would be called 'a.b'",
    ),
    "a seed": (lambda: build(nn.Dense(4).init, X, seed=-1), FaninValueError, "seed"),
    "no scheme": (
        lambda: build(nn.Dense(4).init, X, scheme={"kernel": 1}),  # type: ignore[arg-type]
        FaninTypeError,
        "must be a fanin.Scheme or None. Received: dict",
    ),
    "another model's scheme": (
        lambda: build(nn.Dense(4).init, X, scheme=record(nn.Dense(4).init, X).rename({"kernel": "kernels"})),
        FaninValueError,
        r"kernel is not in the scheme \(which has kernels\); the function returns no kernels, .* \(it returns kernel\)",
    ),
    "another shape": (
        lambda: build(nn.Dense(4).init, X, scheme=record(nn.Dense(5).init, X)),
        FaninValueError,
        r"bias has shape \(4,\), and \(5,\) in the scheme; kernel has shape",
    ),
    "shardings of another tree": (
        lambda: build(nn.Dense(4).init, X, shardings={"params": {"kernels": placed()}}),
        FaninValueError,
        "the shardings do not fit what the function returns",
    ),
    "shardings that are none": (
        lambda: build(nn.Dense(4).init, X, shardings={"params": "x"}),
        FaninTypeError,
        "Received: 'x' of type str",
    ),
    "more axes than the array": (
        lambda: build(nn.Dense(4).init, X, shardings=placed(None, None)),
        FaninValueError,
        "bias: the sharding does not divide shape",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case: str) -> None:
    call, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        call()


def test_a_function_that_returns_another_tree_each_time() -> None:
    calls: list[int] = []

    def model(key: Any) -> Any:
        calls.append(1)
        return {f"layer_{len(calls)}": random.normal(key, (3, 4))}

    assert list(build(model, seed=1)) == ["layer_1"]  # it is called once
    scheme = record(model)
    with pytest.raises(
        FaninValueError, match=r"layer_3 is not in the scheme \(which has layer_2\).*the same at each call"
    ):
        build(model, scheme=scheme)


def test_settings_by_name() -> None:
    function = functools.partial(nnx.Linear, use_bias=False)
    assert list(record(function, 12, 8)) == ["kernel"]
    bound = functools.partial(nn.Dense(4).init, mutable=["params"])  # whose argument `rngs` is a key
    assert list(record(bound, X)) == ["bias", "kernel"]


def test_nothing_is_left_behind() -> None:
    """Neither a tracer nor a change of the configuration."""
    before = jax.config.values if hasattr(jax.config, "values") else None
    with jax.checking_leaks():
        build(NnxNet, seed=1)
        build(EqxNet, 3, seed=1)
        build(Net().init, X, seed=1)
    assert (jax.config.values if hasattr(jax.config, "values") else None) == before
