"""Planted causes in Linen and NNX models and plain functions, each named; healthy ones without a finding."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import fanin_jax
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_jax import probe

ROWS = jax.random.normal(jax.random.key(0), (32, 48))
PICTURES = jax.random.normal(jax.random.key(0), (16, 10, 10, 3))
HE = jax.nn.initializers.he_normal()
WEIGHT = jnp.ones((48, 2))
no_function: Any = WEIGHT
LECUN = jax.nn.initializers.lecun_normal()


class Dense(linen.Module):
    """A plain network."""

    activation: Callable[[Any], Any]
    start: Any
    depth: int = 14
    residual: bool = False

    @linen.compact
    def __call__(self, hidden: Any) -> Any:
        for _ in range(self.depth):
            out = self.activation(linen.Dense(48, kernel_init=self.start)(hidden))
            hidden = hidden + out if self.residual else out
        return linen.Dense(10)(hidden)


class Convolutions(nnx.Module):
    """Convolutions of NNX, which are lecun's by default: too narrow for relu."""

    def __init__(self, rngs: nnx.Rngs, depth: int = 14) -> None:
        sizes = [3, *[32] * depth]
        self.layers = nnx.List(
            [nnx.Conv(a, b, (3, 3), padding="CIRCULAR", rngs=rngs) for a, b in itertools.pairwise(sizes)]
        )

    def __call__(self, hidden: Any) -> Any:
        for layer in self.layers:
            hidden = jax.nn.relu(layer(hidden))
        return hidden


def dense(*settings: Any) -> tuple[Callable[[Any, Any], Any], Any, Any]:
    model = Dense(*settings)
    return model.apply, model.init(jax.random.key(1), ROWS), ROWS


def convolutions(start: Any = None) -> tuple[Callable[[Any, Any], Any], Any, Any]:
    graph, state = nnx.split(Convolutions(nnx.Rngs(0)))
    if start is not None:
        state = jax.tree.map(
            lambda leaf: start(jax.random.key(leaf.size), leaf.shape) if leaf.ndim == 4 else leaf, state
        )
    return lambda weights, batch: nnx.merge(graph, weights)(batch), state, PICTURES


def normal(std: float) -> Any:
    return jax.nn.initializers.normal(std)


CAUSES: dict[str, tuple[Callable[[], Any], str, str, str]] = {
    "lecun under relu": (
        lambda: dense(jax.nn.relu, jax.nn.initializers.lecun_normal(), 24),
        "signal",
        "params.Dense_",
        "0.7",
    ),
    "convolutions": (convolutions, "signal", "layers.", "0.7"),
    "narrow": (lambda: dense(jax.nn.gelu, normal(0.02)), "signal", "params.Dense_1", "Try: kernel_init=fanin_jax.init"),
    "wide": (lambda: dense(jax.nn.relu, normal(1.0)), "signal", "params.Dense_", "grows"),
    "saturated": (lambda: dense(jnp.tanh, normal(1.0)), "saturated", "params.Dense_", "where tanh is flat"),
    "residual": (lambda: dense(jax.nn.relu, HE, 14, True), "residual", "the model", "1/sqrt(14)"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_planted_cause_is_named_first(case: str) -> None:
    make, kind, layer, words = CAUSES[case]
    found = probe(*make())
    first = found.findings[0]
    assert first.kind == kind, str(found)
    assert first.layer.startswith(layer), str(found)
    assert words in str(first)


HEALTHY: dict[str, Callable[[], Any]] = {
    "he": lambda: dense(jax.nn.relu, HE),
    "gelu": lambda: dense(jax.nn.gelu, normal(1.57 / 48**0.5)),
    "convolutions": lambda: convolutions(HE),
    "shallow": lambda: dense(jnp.tanh, LECUN, 2),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_model_has_no_finding(case: str) -> None:
    found = probe(*HEALTHY[case]())
    assert found.findings == [], str(found)


def test_what_is_measured() -> None:
    weights = {
        "first": {"kernel": jax.random.normal(jax.random.key(1), (48, 20)), "bias": jnp.arange(20.0)},
        "second": {"kernel": jax.random.normal(jax.random.key(2), (20, 3))},
    }

    def network(tree: Any, batch: Any) -> Any:
        hidden = batch @ tree["first"]["kernel"] + tree["first"]["bias"]
        return jax.nn.relu(hidden) @ tree["second"]["kernel"]

    def loss(outputs: Any) -> Any:
        return jnp.mean(outputs**2)

    first, second = probe(network, weights, ROWS, loss).layers
    hidden = np.asarray(ROWS @ weights["first"]["kernel"] + weights["first"]["bias"])
    assert (first.name, second.name) == ("first", "second")
    assert first.std == pytest.approx(hidden.var(axis=0, ddof=1).mean() ** 0.5, rel=1e-5)
    assert first.rms == pytest.approx((hidden**2).mean() ** 0.5, rel=1e-5)
    assert first.nonpositive == pytest.approx((hidden <= 0).all(axis=0).mean())
    assert (first.activation, second.activation) == ("relu", None)
    assert (first.weight_fan_in, second.weight_fan_in) == (48, 20)
    gradients = jax.grad(lambda tree: loss(network(tree, ROWS)))(weights)
    kernel, gradient = weights["second"]["kernel"], gradients["second"]["kernel"]
    assert second.update == pytest.approx(float(jnp.sqrt(jnp.mean(gradient**2) / jnp.mean(kernel**2))), rel=1e-4)
    outputs = network(weights, ROWS)
    assert second.gradient == pytest.approx(float(jnp.sqrt(jnp.mean((2 * outputs / outputs.size) ** 2))), rel=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: probe(lambda w, x: x @ w, WEIGHT, ROWS[:1]), FaninValueError, r"two or more.*\(1, 48\)"),
        (lambda: probe(lambda w, x: x @ w, WEIGHT, jnp.ones((4, 48))), FaninValueError, r"all the same.*\(4, 48\)"),
        (
            lambda: probe(no_function, lambda w, x: x @ w, ROWS),
            FaninTypeError,
            "a function of .* Received: ArrayImpl first",
        ),
        (lambda: probe(lambda w, x: x + w, jnp.ones((48,)), ROWS), FaninValueError, "no product of data and a weight"),
        (
            lambda: probe(lambda w, x: x @ w, WEIGHT, ROWS, lambda out: out),
            FaninTypeError,
            r"one number.*\(32, 2\)",
        ),
        (
            lambda: probe(lambda w, x: (x @ w) > 0, jnp.ones((48, 2)), ROWS),
            FaninTypeError,
            "nothing can be differentiated",
        ),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


class Embedded(linen.Module):
    """A table of vectors, and a normalization with a bias behind it."""

    std: float

    @linen.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        hidden = linen.Embed(40, 24, embedding_init=jax.nn.initializers.normal(self.std))(tokens)
        result: jax.Array = linen.Dense(5)(linen.LayerNorm()(hidden))
        return result


@pytest.mark.parametrize("std", [0.02, 30.0])
def test_a_normalization_behind_a_layer_is_no_bias_of_it(std: float) -> None:
    """The size of the vectors is theirs, and not that of what the normalization makes of them."""
    model, tokens = Embedded(std), jnp.arange(16)
    table = probe(model.apply, model.init(jax.random.key(0), tokens), tokens).layers[0]
    assert table.std == pytest.approx(std, rel=0.1)


def test_the_line_runs() -> None:
    line = 'kernel_init=fanin_jax.initializer("he")'
    weights = [jax.random.normal(jax.random.key(k), (24, 24)) * 0.02 for k in range(9)]

    def network(own: list[jax.Array], hidden: jax.Array) -> jax.Array:
        for weight in own:
            hidden = jax.nn.relu(hidden @ weight)
        return hidden

    assert probe(network, weights, jax.random.normal(jax.random.key(9), (16, 24))).findings[0].line == line
    initializer = eval(line.removeprefix("kernel_init="), {"fanin_jax": fanin_jax})
    linen.Dense(4, kernel_init=initializer).init(jax.random.key(0), jnp.ones((2, 3)))


def test_nan_in_the_data_is_refused() -> None:
    with pytest.raises(FaninValueError, match="data without NaN"):
        probe(lambda own, rows: rows @ own, jnp.ones((3, 2)), jnp.array([[1.0, 2, 3], [jnp.nan, 2, 3]]))


def test_an_infinity_in_the_samples_is_refused_and_one_in_a_mask_is_not() -> None:
    def model(own: Any, batch: Any) -> Any:
        rows, mask = batch
        return jax.nn.softmax(rows @ own + mask)

    rows, mask = jnp.array([[1.0, 2, 3], [3, 2, 3]]), jnp.array([[0.0, -jnp.inf]])
    assert probe(model, jnp.eye(3, 2), (rows, mask)).findings == []
    with pytest.raises(FaninValueError, match="needs finite samples"):
        probe(model, jnp.eye(3, 2), (rows.at[1, 2].set(-jnp.inf), mask))
