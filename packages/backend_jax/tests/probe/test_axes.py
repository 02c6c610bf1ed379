"""What is measured is right whatever `vmap` does to the axes, and also where a width is the batch's size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.signal import Layer
from fanin_jax import probe
from fanin_jax._probe.axes import unit_axis_after

KEY = jax.random.key(3)
SAMPLES = 6


class Plain(eqx.Module):
    """A convolution and a dense layer of Equinox, with a function as a leaf."""

    conv: eqx.nn.Conv2d
    fc: eqx.nn.Linear
    activation: Callable[[Any], Any]
    rate: float

    def __init__(self, channels: int, has_bias: bool) -> None:
        one, two = jax.random.split(KEY)
        self.conv = eqx.nn.Conv2d(3, channels, (2, 3), use_bias=has_bias, key=one)
        self.fc = eqx.nn.Linear(channels, 5, key=two)
        self.activation = jax.nn.relu
        self.rate = 0.5

    def __call__(self, picture: Any) -> Any:
        return self.fc(self.activation(self.conv(picture)).mean((1, 2)))


class LinenPlain(linen.Module):
    """The same in Linen."""

    channels: int
    has_bias: bool

    @linen.compact
    def __call__(self, pictures: Any) -> Any:
        hidden = linen.Conv(self.channels, (2, 3), use_bias=self.has_bias, name="conv")(pictures)
        return linen.Dense(5, name="fc")(jax.nn.relu(hidden).mean((1, 2)))


class NnxPlain(nnx.Module):
    """The same in NNX."""

    def __init__(self, channels: int, has_bias: bool) -> None:
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, channels, (2, 3), use_bias=has_bias, rngs=rngs)
        self.fc = nnx.Linear(channels, 5, rngs=rngs)

    def __call__(self, pictures: Any) -> Any:
        return self.fc(jax.nn.relu(self.conv(pictures)).mean((1, 2)))


def equinox(channels: int, has_bias: bool) -> tuple[Any, Any, Any, Any, int]:
    model = Plain(channels, has_bias)
    pictures = jax.random.normal(KEY, (SAMPLES, 3, 7, 9))
    return lambda own, x: jax.vmap(own)(x), model, pictures, jax.vmap(model.conv)(pictures), 1


def of_linen(channels: int, has_bias: bool) -> tuple[Any, Any, Any, Any, int]:
    model = LinenPlain(channels, has_bias)
    pictures = jax.random.normal(KEY, (SAMPLES, 7, 9, 3))
    weights = model.init(KEY, pictures)
    conv = linen.Conv(channels, (2, 3), use_bias=has_bias)
    return model.apply, weights, pictures, conv.apply({"params": weights["params"]["conv"]}, pictures), 3


def of_nnx(channels: int, has_bias: bool) -> tuple[Any, Any, Any, Any, int]:
    model = NnxPlain(channels, has_bias)
    pictures = jax.random.normal(KEY, (SAMPLES, 7, 9, 3))
    return lambda own, x: own(x), model, pictures, model.conv(pictures), 3


@pytest.mark.parametrize(
    ("make", "channels", "has_bias"),
    [
        (equinox, 4, True),
        (equinox, SAMPLES, True),
        (equinox, SAMPLES, False),
        (equinox, 2 * SAMPLES, False),
        (of_linen, SAMPLES, True),
        (of_linen, 9, False),
        (of_nnx, SAMPLES, True),
        (of_nnx, 9, False),
    ],
)
def test_a_convolution_and_a_dense_layer(make: Any, channels: int, has_bias: bool) -> None:
    function, weights, batch, outputs, axis = make(channels, has_bias)
    first, second = probe(function, weights, batch).layers
    hidden = np.asarray(outputs, np.float64)
    assert [first.name.removeprefix("params."), second.name.removeprefix("params.")] == ["conv", "fc"]
    assert first.std == pytest.approx(hidden.var(axis=0, ddof=1).mean() ** 0.5, rel=1e-4)
    assert first.rms == pytest.approx((hidden**2).mean() ** 0.5, rel=1e-4)
    others = tuple(k for k in range(4) if k != axis)
    assert first.nonpositive == pytest.approx((hidden <= 0).all(axis=others).mean())
    pooled = np.maximum(hidden, 0).mean(axis=tuple(k for k in (1, 2, 3) if k != axis))
    whole = np.asarray(function(weights, batch), np.float64)
    assert second.std == pytest.approx(whole.var(axis=0, ddof=1).mean() ** 0.5, rel=1e-4)
    assert (first.weight_fan_in, second.weight_fan_in) == (3 * 2 * 3, pooled.shape[1])
    assert (first.activation, second.activation) == ("relu", None)
    assert (first.kind, second.kind) == ("convolution", "dense")


@pytest.mark.parametrize(
    ("move", "shape", "axis", "after"),
    [
        (lambda x: jnp.transpose(x, (2, 0, 1)), (2, 3, 4), 2, 0),
        (lambda x: jnp.transpose(x, (2, 0, 1)), (2, 3, 4), 0, 1),
        (lambda x: jax.lax.broadcast_in_dim(x, (5, 2, 6, 3), (1, 3)), (2, 3), 1, 3),
        (lambda x: jax.lax.squeeze(x, (0, 2)), (1, 3, 1, 4), 3, 1),
        (lambda x: jax.lax.squeeze(x, (0, 2)), (1, 3, 1, 4), 2, None),
        (lambda x: jax.lax.reshape(x, (6, 4)), (2, 3, 4), 2, 1),
        (lambda x: jax.lax.reshape(x, (2, 12)), (2, 3, 4), 2, None),
        (lambda x: jax.lax.reshape(x, (2, 3, 2, 2)), (6, 4), 1, None),
        (lambda x: jax.lax.reshape(x, (2, 3, 4)), (6, 4), 1, 2),
        (lambda x: -x, (2, 3), 1, 1),
        (lambda x: -x, (2, 3), None, None),
    ],
)
def test_where_an_axis_goes(move: Any, shape: tuple[int, ...], axis: int | None, after: int | None) -> None:
    (equation,) = jax.make_jaxpr(move)(jnp.zeros(shape)).jaxpr.eqns
    assert unit_axis_after(equation, axis, shape) == after


@pytest.mark.parametrize("width", [7, SAMPLES, 18])
def test_dead_units_of_an_equinox_layer(width: int) -> None:
    model = eqx.nn.MLP(4, 3, width, 1, key=KEY)
    shifted = eqx.tree_at(lambda own: own.layers[0].bias, model, jnp.where(jnp.arange(width) < 5, -100.0, 100.0))
    found = probe(lambda own, x: jax.vmap(own)(x), shifted, jax.random.normal(KEY, (SAMPLES, 4)))
    assert found.layers[0].nonpositive == pytest.approx(5 / width)
    assert found.layers[0].weight_fan_in == 4


def test_an_attention_and_its_width() -> None:
    model = eqx.nn.MultiheadAttention(2, 12, key=KEY)
    rows = jax.random.normal(KEY, (5, 8, 12))
    found = probe(lambda own, x: jax.vmap(lambda one: own(one, one, one))(x), model, rows)
    assert [layer.name.split(".")[0] for layer in found.layers] == [f"{a}_proj" for a in ("query", "key", "value")] + [
        "output_proj"
    ]
    assert all(layer.weight_fan_in == 12 for layer in found.layers)
    heads = [jax.vmap(jax.vmap(one))(rows).reshape(5, 8, 2, 6) for one in (model.query_proj, model.key_proj)]
    logits = np.einsum("bqhd,bkhd->bhqk", *map(np.asarray, heads)) / 6**0.5
    middle = logits - logits.mean(-1, keepdims=True)
    assert found.attentions[0].logits == pytest.approx((middle**2).mean() ** 0.5, rel=1e-4)


def recurrent(weights: Any, batch: Any) -> Any:
    hidden, _ = jax.lax.scan(lambda h, _: (jnp.tanh(h @ weights["w"]), None), batch, None, length=9)
    return hidden @ weights["out"]


def stacked(weights: Any, batch: Any) -> Any:
    return jax.lax.scan(lambda h, w: (jax.nn.relu(h @ w), None), batch, weights)[0]


def test_a_weight_in_a_loop_is_seen_each_time() -> None:
    rows = jax.random.normal(KEY, (SAMPLES, 10))
    small = {"w": 0.1 * jax.random.normal(KEY, (10, 10)), "out": jax.random.normal(KEY, (10, 3))}
    found = probe(recurrent, small, rows)
    assert [layer.name for layer in found.layers] == ["w", *(f"w (use {k})" for k in range(2, 10)), "out"]
    hidden = np.asarray(rows)
    for layer in found.layers[:-1]:
        hidden = hidden @ np.asarray(small["w"])
        assert layer.std == pytest.approx(hidden.var(axis=0, ddof=1).mean() ** 0.5, rel=1e-4)
        hidden = np.tanh(hidden)
    assert found.findings[0].kind == "signal"
    assert found.layers[0].gradient != found.layers[8].gradient


def test_a_stack_of_layers_is_told_apart() -> None:
    weights = jax.random.normal(KEY, (12, 10, 10)) * jnp.arange(1, 13)[:, None, None] / 10
    found = probe(stacked, weights, jax.random.normal(KEY, (SAMPLES, 10)))
    assert [layer.name for layer in found.layers] == [f"weights.{k}" for k in range(12)]
    for k, layer in enumerate(found.layers):
        assert layer.weight_std == pytest.approx(float(jnp.std(weights[k])), rel=1e-5)
    gradients = jax.grad(lambda w: jnp.sum(stacked(w, jax.random.normal(KEY, (SAMPLES, 10)))))(weights)
    assert found.layers[3].weight_gradient
    assert gradients.shape == weights.shape


class Words(linen.Module):
    """A table of vectors, a norm and a head."""

    @linen.compact
    def __call__(self, words: Any) -> Any:
        return linen.Dense(7)(linen.LayerNorm()(linen.Embed(11, 4)(words)))


def test_a_table_and_a_norm() -> None:
    words = jax.random.randint(KEY, (5, 3), 0, 11)
    found = probe(Words().apply, Words().init(KEY, words), words)
    table: Layer = found.layers[0]
    assert (table.name, table.is_embedding, table.kind) == ("params.Embed_0", True, "embedding")
    assert found.normalised


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: probe(lambda w, x: x @ w, jnp.ones((4, 2)), jnp.eye(4), loss=3),  # type: ignore[arg-type]
            FaninTypeError,
            "loss is a function.*3",
        ),
        (
            lambda: probe(lambda w, x: x @ w, jnp.ones((4, 2)), jnp.eye(4), lambda out: "text"),
            FaninTypeError,
            "one number. Received: str",
        ),
        (
            lambda: probe(
                lambda w, x: x @ w, jnp.ones((4, 2)), jnp.eye(4), lambda out: jnp.sum(jax.lax.stop_gradient(out))
            ),
            FaninValueError,
            "no gradient comes from the loss",
        ),
        (
            lambda: probe(lambda w, x: x @ w, jnp.ones((4, 2)), jnp.eye(4), seeds=2),
            FaninTypeError,
            "a function of a key",
        ),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_seeds() -> None:
    rows = jax.random.normal(KEY, (SAMPLES, 10))
    found = probe(lambda w, x: jnp.tanh(x @ w) @ w, lambda key: jax.random.normal(key, (10, 10)), rows, seeds=3)
    own = [one.layers[0].std for one in found.seeds]
    assert len(set(own)) == 3
    assert found.layers[0].std == pytest.approx(np.exp(np.mean(np.log(own))))
    assert found.layers[0].worst == max(own, key=lambda std: abs(np.log(std)))


def test_a_short_run_is_adam_and_leaves_the_weights() -> None:
    rows = jax.random.normal(KEY, (SAMPLES, 10))
    weights = {"w": jax.random.normal(KEY, (10, 3))}
    before = np.asarray(weights["w"]).copy()
    found = probe(lambda own, x: x @ own["w"], weights, rows, lambda out: jnp.mean(out**2), train=40)
    assert (np.asarray(weights["w"]) == before).all()
    assert found.training[0] == pytest.approx(float(jnp.mean((rows @ weights["w"]) ** 2)), rel=1e-5)
    own: Any = before.astype(np.float64)
    first, second, losses = np.zeros_like(own), np.zeros_like(own), []
    for step in range(1, 6):  # Adam, in double precision
        outputs = np.asarray(rows, np.float64) @ own
        losses.append((outputs**2).mean())
        gradient = 2 * np.asarray(rows, np.float64).T @ outputs / outputs.size
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        own = own - 1e-3 * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    assert found.training[:5] == pytest.approx(losses, rel=1e-5)
    assert list(found.training) == sorted(found.training, reverse=True)
    with pytest.raises(FaninValueError, match="a short run needs a loss"):
        probe(lambda own, x: x @ own["w"], weights, rows, train=2)
