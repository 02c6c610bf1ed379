"""The layers of Linen, NNX, Equinox, Haiku and JAX itself: each law against the library's own numbers.

Each array that follows laws is drawn by fanin, and compared with what the library draws by a two-sample
Kolmogorov-Smirnov test. With n and m numbers it fails where the distance is above
sqrt(ln(2 / a) / 2 * (n + m) / (n m)): for right laws once in 1 / a = 10^9 arrays. With 4,000 numbers each that is a
distance of 0.073. Constants and tables must be equal.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

import fanin_jax
from fanin_jax import record

pytest.importorskip("flax")
pytest.importorskip("equinox")
pytest.importorskip("haiku")

import equinox as eqx
import flax.linen as nn
import haiku as hk
from flax import nnx

ALARM = 1e-9
X = jnp.ones((1, 48))
IMAGE = jnp.ones((1, 8, 8, 12))
IDS = jnp.zeros((1, 5), jnp.int32)


@dataclass(frozen=True)
class Case:
    """A layer.

    Attributes:
        function: What makes it.
        args: Its arguments.
        layouts: The layouts of its arrays that have one.
        replayed: The arrays that follow no law.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    layouts: dict[str, str] | None = None
    replayed: tuple[str, ...] = ()


def linen(module: nn.Module, *args: Any, **layouts: str) -> Case:
    return Case(module.init, args, layouts or None)


def haiku(function: Callable[..., Any], *args: Any, **layouts: str) -> Case:
    named = {name.replace("__", "."): letters for name, letters in layouts.items()}
    return Case(hk.transform(function).init, args, named or None)


def own(initializer: Any, shape: tuple[int, ...] = (64, 64)) -> Case:
    return Case(lambda key: {"w": initializer(key, shape, jnp.float32)})


INITIALIZERS = jax.nn.initializers
LINEN = {
    "Dense": linen(nn.Dense(96), X, kernel="IO"),
    "Dense in bfloat16": linen(nn.Dense(96, param_dtype=jnp.bfloat16), X, kernel="IO"),
    "Dense, two-layer": linen(nn.Sequential([nn.Dense(96), nn.relu, nn.Dense(64)]), X),
    "DenseGeneral": linen(nn.DenseGeneral((4, 24)), X, kernel="IOO"),
    "DenseGeneral, several axes": linen(nn.DenseGeneral(60, axis=(-2, -1)), jnp.ones((1, 4, 24)), kernel="IIO"),
    "Einsum": linen(nn.Einsum((48, 6, 16), "bi,iho->bho"), X, kernel="IOO"),
    "Conv": linen(nn.Conv(40, (3, 3)), IMAGE, kernel="HWIO"),
    "Conv, one axis": linen(nn.Conv(96, (5,)), jnp.ones((1, 9, 12)), kernel="WIO"),
    "Conv, groups": linen(nn.Conv(96, (3, 5), feature_group_count=3), IMAGE, kernel="HWIO"),
    "ConvTranspose": linen(nn.ConvTranspose(40, (3, 3), (2, 2)), IMAGE, kernel="HWIO"),
    "ConvLocal": linen(nn.ConvLocal(4, (3, 3)), IMAGE),
    "Embed": linen(nn.Embed(60, 80), IDS),
    "LayerNorm": linen(nn.LayerNorm(), X),
    "RMSNorm": linen(nn.RMSNorm(), X),
    "GroupNorm": linen(nn.GroupNorm(4), X),
    "BatchNorm": linen(nn.BatchNorm(use_running_average=False), X),
    "InstanceNorm": linen(nn.InstanceNorm(), IMAGE),
    "PReLU": linen(nn.PReLU(), X),
    "Attention": linen(nn.MultiHeadDotProductAttention(4), jnp.ones((1, 5, 64))),
    "LSTM": linen(nn.RNN(nn.LSTMCell(64)), jnp.ones((1, 3, 48))),
    "OptimizedLSTM": linen(nn.RNN(nn.OptimizedLSTMCell(64)), jnp.ones((1, 3, 48))),
    "GRU": linen(nn.RNN(nn.GRUCell(64)), jnp.ones((1, 3, 48))),
    "MGU": linen(nn.RNN(nn.MGUCell(64)), jnp.ones((1, 3, 48))),
    "SimpleCell": linen(nn.RNN(nn.SimpleCell(64)), jnp.ones((1, 3, 48))),
    "ConvLSTM": linen(nn.RNN(nn.ConvLSTMCell(12, (3, 3))), jnp.ones((1, 3, 8, 8, 12))),
    "vmap": linen(
        nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=None, axis_size=3)(24),
        X,
        kernel="SIO",
    ),
    "partitioned": linen(nn.Dense(96, kernel_init=nn.with_partitioning(INITIALIZERS.lecun_normal(), (None, "m"))), X),
    "WeightNorm": Case(nn.WeightNorm(nn.Dense(96)).init, (X,), None, ("layer_instance.kernel",)),
    "SpectralNorm": Case(
        lambda key, x: nn.SpectralNorm(nn.Dense(96)).init(key, x, update_stats=False),
        (X,),
        None,
        ("layer_instance.kernel",),
    ),
}
NNX = {
    "Linear": Case(nnx.Linear, (48, 96), {"kernel": "IO"}),
    "LinearGeneral": Case(nnx.LinearGeneral, (48, (4, 24)), {"kernel": "IOO"}),
    "Conv": Case(functools.partial(nnx.Conv, feature_group_count=2), (12, 80, (3, 3)), {"kernel": "HWIO"}),
    "ConvTranspose": Case(nnx.ConvTranspose, (12, 40, (3, 3)), {"kernel": "HWIO"}),
    "Embed": Case(nnx.Embed, (60, 80), {}),
    "BatchNorm": Case(nnx.BatchNorm, (48,), {}),
    "LayerNorm": Case(nnx.LayerNorm, (48,), {}),
    "LoRA": Case(nnx.LoRA, (96, 48, 80), {}),
    "LSTM": Case(nnx.LSTMCell, (48, 64), None),
    "OptimizedLSTM": Case(nnx.OptimizedLSTMCell, (48, 64), None),
    "GRU": Case(nnx.GRUCell, (48, 64), None),
    "Attention": Case(functools.partial(nnx.MultiHeadAttention, num_heads=4, in_features=64, decode=False), (), None),
    "Dropout": Case(lambda rngs: nnx.Sequential(nnx.Linear(48, 96, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)), (), None),
    "stacked": Case(lambda rngs: nnx.vmap(lambda r: nnx.Linear(48, 24, rngs=r))(rngs.split(4)), (), {"kernel": "SIO"}),
}
EQUINOX = {
    "Linear": Case(eqx.nn.Linear, (48, 96), {"weight": "OI"}),
    "MLP": Case(
        eqx.nn.MLP, (48, 40, 96, 2), {"layers.0.weight": "OI", "layers.1.weight": "OI", "layers.2.weight": "OI"}
    ),
    "Conv": Case(functools.partial(eqx.nn.Conv2d, groups=2), (12, 80, 3), {"weight": "OIHW"}),
    "ConvTranspose": Case(eqx.nn.ConvTranspose1d, (48, 40, 3), {"weight": "OIW"}),
    "Embedding": Case(eqx.nn.Embedding, (60, 80), {}),
    "GRU": Case(eqx.nn.GRUCell, (48, 64), {}),
    "LSTM": Case(eqx.nn.LSTMCell, (48, 64), {}),
    "LayerNorm": Case(lambda key: eqx.nn.LayerNorm(48), (), {}),
    "BatchNorm": Case(lambda key: eqx.nn.make_with_state(eqx.nn.BatchNorm)(48, "batch", mode="ema"), (), {}),
    "PReLU": Case(lambda key: eqx.nn.PReLU(), (), {}),
    "Attention": Case(eqx.nn.MultiheadAttention, (4, 64), None),
    "stacked": Case(
        lambda key: eqx.filter_vmap(lambda k: eqx.nn.Linear(48, 24, key=k))(random.split(key, 4)),
        (),
        {"weight": "SOI", "bias": "SO"},
    ),
}
SCALING: Any = hk.initializers.VarianceScaling()  # type: ignore[no-untyped-call]
ORTHOGONAL: Any = hk.initializers.Orthogonal(2.0)  # type: ignore[no-untyped-call]
UNIFORM: Any = hk.initializers.RandomUniform(-0.1, 0.3)  # type: ignore[no-untyped-call]
HAIKU = {
    "Linear": haiku(lambda x: hk.Linear(96)(x), X, linear__w="IO"),
    "Conv": haiku(lambda x: hk.Conv2D(40, 3)(x), IMAGE, conv2_d__w="HWIO"),
    "DepthwiseConv": haiku(lambda x: hk.DepthwiseConv2D(8, 3)(x), IMAGE),
    "Embed": haiku(lambda i: hk.Embed(60, 80)(i), IDS),
    "LayerNorm": haiku(lambda x: hk.LayerNorm(-1, True, True)(x), X),
    "GRU": haiku(lambda x: hk.GRU(64)(x, hk.GRU(64).initial_state(1)), X),
    "LSTM": haiku(lambda x: hk.LSTM(64)(x, hk.LSTM(64).initial_state(1)), X),
    "Attention": haiku(lambda x: hk.MultiHeadAttention(4, 16, w_init=SCALING)(x, x, x), X[None]),
    "layer_stack": haiku(lambda x: hk.experimental.layer_stack(3)(lambda y: hk.Linear(48)(y))(x), X),
    "an identity": haiku(lambda x: x @ hk.get_parameter("w", (48, 48), init=hk.initializers.Identity()), X),
    "orthogonal": haiku(lambda x: x @ hk.get_parameter("w", (48, 64), init=ORTHOGONAL), X),
    "with state": Case(
        hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True)).init, (X,), {}
    ),
    "uniform": haiku(lambda x: x @ hk.get_parameter("w", (48, 96), init=UNIFORM), X),
}
JAX = {
    "normal": own(INITIALIZERS.normal(0.02)),
    "uniform": own(INITIALIZERS.uniform(0.3)),
    "truncated_normal": own(INITIALIZERS.truncated_normal(0.02, lower=-1.0, upper=3.0)),
    "constant": own(INITIALIZERS.constant(0.3)),
    "orthogonal": own(INITIALIZERS.orthogonal(2.0), (96, 48)),
    "delta_orthogonal": own(INITIALIZERS.delta_orthogonal(), (3, 3, 40, 48)),
    **{
        name: own(getattr(INITIALIZERS, name)(), (3, 40, 48))
        for name in ("lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform")
    },
    "in bfloat16": Case(lambda key: {"w": INITIALIZERS.he_normal()(key, (64, 64), jnp.bfloat16)}),
}
CASES = {
    f"{library} {name}": case
    for library, cases in (("Linen", LINEN), ("NNX", NNX), ("Equinox", EQUINOX), ("Haiku", HAIKU), ("JAX", JAX))
    for name, case in cases.items()
}


def own_numbers(case: Case) -> dict[str, Any]:
    """What the library itself draws, by fanin's names."""
    scheme = record(case.function, *case.args)
    traced = scheme.recording.traced
    run = jax.jit(jax.extend.core.jaxpr_as_fun(traced.closed))
    arrays = run(random.key(11), *traced.given)
    return {leaf.name: array for leaf, array in zip(traced.leaves, arrays, strict=True) if not leaf.is_key}


def distance(a: Any, b: Any) -> float:
    """The largest distance of two empirical distribution functions."""
    a, b = np.sort(np.asarray(a, np.float64).ravel()), np.sort(np.asarray(b, np.float64).ravel())
    both = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, both, "right") / a.size - np.searchsorted(b, both, "right") / b.size).max())


def limit(n: int, m: int) -> float:
    return math.sqrt(math.log(2 / ALARM) / 2 * (n + m) / (n * m))


@pytest.mark.parametrize("case", CASES)
def test_every_law_is_the_librarys(case: str) -> None:
    one = CASES[case]
    scheme = record(one.function, *one.args)
    theirs = own_numbers(one)
    ours = {leaf.name: array for leaf, array in zip(scheme.recording.traced.leaves, leaves(one), strict=True)}
    assert [name for name, parameter in scheme.items() if (parameter.note or "").startswith("random")] == list(
        one.replayed
    )
    if one.layouts is not None:
        assert {name: parameter.layout for name, parameter in scheme.items() if parameter.layout} == one.layouts
    for name, parameter in scheme.items():
        drawn, expected = np.asarray(ours[name]), np.asarray(theirs[name])
        assert (drawn.shape, drawn.dtype) == (expected.shape, expected.dtype)
        random_ones = parameter.is_random or parameter.parts or name in one.replayed
        if not random_ones:
            assert np.array_equal(drawn, expected), name
            continue
        assert not np.array_equal(drawn, expected)
        assert distance(drawn, expected) <= limit(drawn.size, expected.size), name
        if parameter.follows_laws:
            alone = scheme.only_laws().draw(seed=3)[name]
            assert drawn.tobytes() == np.asarray(alone).tobytes(), name


def leaves(case: Case) -> list[Any]:
    """The arrays of what is built, in the order of the recording."""
    made = fanin_jax.build(case.function, *case.args, seed=3)
    if isinstance(made, nnx.Module):
        made = nnx.state(made)
    return [leaf for leaf in jax.tree.leaves(made) if isinstance(leaf, jax.Array)]


def test_the_comparison_finds_a_wrong_scale() -> None:
    numbers = np.random.default_rng(0).normal(size=8000)
    assert distance(numbers[:4000], numbers[4000:]) <= limit(4000, 4000)
    assert distance(numbers[:4000], 1.3 * numbers[4000:]) > limit(4000, 4000)
    assert distance(numbers[:4000], np.clip(numbers[4000:], -1.2, 1.2)) > limit(4000, 4000)
