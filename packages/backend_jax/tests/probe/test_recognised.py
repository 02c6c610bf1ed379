"""Formulas of activations, softmaxes, dropouts, equal units, depth, small branches, and several outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from jax import lax

from fanin_jax import probe

ROWS = jax.random.normal(jax.random.key(0), (24, 40))
HE = jax.nn.initializers.he_normal()
Made = tuple[Callable[[Any, Any], Any], Any]


def weights(count: int, scale: float = 1.0) -> list[jax.Array]:
    return [scale * HE(key, (40, 40)) for key in jax.random.split(jax.random.key(1), count)]


def plain(function: Callable[[Any], Any], depth: int = 2, *, norm: bool = False) -> Made:
    def network(own: list[Any], hidden: Any) -> Any:
        for weight in own[:-1]:
            hidden = hidden @ weight
            if norm:
                hidden = (hidden - hidden.mean(0)) * lax.rsqrt(hidden.var(0) + 1e-5)
            hidden = function(hidden)
        return hidden @ own[-1]

    return network, weights(depth + 1)


FORMULAS: dict[str, tuple[Callable[[Any], Any], str | None]] = {
    "clip": (lambda x: jnp.clip(x, 0), "relu"),
    "clamp": (lambda x: lax.clamp(0.0, x, 6.0), "relu6"),
    "clamp to 1": (lambda x: lax.clamp(-1.0, x, 1.0), "hardtanh"),
    "relu6": (jax.nn.relu6, "relu6"),
    "hard_tanh": (jax.nn.hard_tanh, "hardtanh"),
    "hard_swish": (jax.nn.hard_swish, "hardswish"),
    "where": (lambda x: jnp.where(x > 0, x, 0), "relu"),
    "a mask": (lambda x: x * (x > 0), "relu"),
    "silu": (lambda x: x * jax.nn.sigmoid(x), "silu"),
    "silu by exp": (lambda x: x / (1 + jnp.exp(-x)), "silu"),
    "gelu by sigmoid": (lambda x: x * jax.nn.sigmoid(1.702 * x), "gelu"),
    "gelu by tanh": (lambda x: 0.5 * x * (1 + jnp.tanh(0.7978846 * (x + 0.044715 * x * x * x))), "gelu"),
    "gelu, halved last": (lambda x: x * (1 + lax.erf(x / math.sqrt(2))) * 0.5, "gelu"),
    "mish": (lambda x: x * jnp.tanh(jax.nn.softplus(x)), "mish"),
    "a half": (lambda x: 1e-4 * x * 0.5, None),
    "a square": (lambda x: x * x, None),
}


@pytest.mark.parametrize("case", FORMULAS)
def test_an_activation_that_is_written_out(case: str) -> None:
    function, name = FORMULAS[case]
    assert [layer.activation for layer in probe(*plain(function), ROWS).layers] == [name, name, None]


def test_a_gate_is_no_formula() -> None:
    found = probe(lambda own, x: (x @ own[0]) * jax.nn.sigmoid(x @ own[1]) @ own[2], weights(3), ROWS)
    assert [layer.activation for layer in found.layers] == [None, "sigmoid", None]


def through_softmax(own: list[Any], rows: Any) -> Any:
    return jax.nn.softmax(jax.nn.relu(rows @ own[0]) @ own[1]) @ own[2]


def to_softmax(own: list[Any], rows: Any) -> Any:
    return jax.nn.softmax(jax.nn.relu(rows @ own[0]) @ own[1])


def dropping(rate: float, *, deterministic: bool = False) -> Callable[[list[Any], Any], Any]:
    dropout = linen.Dropout(rate, deterministic=deterministic)
    return lambda own, rows: dropout.apply({}, jax.nn.relu(rows @ own[0]), rngs={"dropout": jax.random.key(3)}) @ own[1]


def repeated(units: slice, of: slice, *, fed_alike: bool = False) -> list[Any]:
    first, second, third = weights(3)
    second = second.at[:, units].set(second[:, of])
    return [first, second, third.at[units].set(third[of]) if fed_alike else third]


def relu_network(own: list[Any], hidden: Any) -> Any:
    for weight in own[:-1]:
        hidden = jax.nn.relu(hidden @ weight)
    return hidden @ own[-1]


def joined(own: list[Any], rows: Any) -> Any:
    network, _ = plain(jax.nn.relu, norm=True)
    return jnp.concatenate([rows, network(own[:-1], rows)], 1)[:, 20:60] @ own[-1]


@pytest.mark.parametrize(
    ("network", "own", "found"),
    [
        (through_softmax, weights(3), ("softmax", "1")),
        (to_softmax, weights(2), None),
        (dropping(0.95), weights(2), ("dropout", "the model")),
        (dropping(0.5), weights(2), None),
        (dropping(0.95, deterministic=True), weights(2), None),
        (relu_network, repeated(slice(0, 40), slice(3, 4)), ("symmetry", "1")),
        (relu_network, repeated(slice(0, 13), slice(13, 26), fed_alike=True), ("symmetry", "1")),
        (relu_network, repeated(slice(0, 20), slice(20, 40)), None),
        (*plain(jax.nn.relu, 60, norm=True), ("depth", "0")),
        (*plain(jax.nn.relu, 40, norm=True), None),
        (joined, weights(52), None),
    ],
)
def test_a_planted_cause_and_its_like(network: Any, own: Any, found: tuple[str, str] | None) -> None:
    result = probe(network, own, ROWS)
    assert [(one.kind, one.layer) for one in result.findings] == ([] if found is None else [found]), str(result)


def residual(blocks: int, first: float = 1.0, last: float = 1.0, gain: float = 1.0) -> Made:
    def network(own: Any, hidden: Any) -> Any:
        hidden = hidden @ own["stem"]
        for inner, outer in own["blocks"]:
            hidden = hidden + gain * (jax.nn.relu(hidden @ inner) @ outer)
        return hidden @ own["head"]

    stem, head, *rest = weights(2 * blocks + 2)
    pairs = [(first * a, last * b) for a, b in zip(rest[::2], rest[1::2], strict=True)]
    return network, {"stem": 0.7 * stem, "head": head, "blocks": pairs}


@pytest.mark.parametrize(
    "settings", [(20, 1.0, 40**-0.5), (50, 50**-0.5, 0.0), (20, 1.0, 1e-5), (20, 0.02, 0.02), (20, 1.0, 1.0, 1e-5),
                 (1, 1.0, 1e-3), (1, 1.0, 0.0), (1, 1.0, 1.0, 1e-5)]
)  # fmt: skip
def test_a_small_branch_is_meant(settings: tuple[Any, ...]) -> None:
    assert probe(*residual(*settings), ROWS).findings == []


def test_a_sum_knows_the_layers_of_its_branch() -> None:
    found = probe(*residual(2), ROWS).sums
    assert [one.layers for one in found] == [("blocks.0.0", "blocks.0.1"), ("blocks.1.0", "blocks.1.1")]


def test_all_outputs_count_without_a_loss() -> None:
    def network(own: Any, rows: Any) -> Any:
        return {"a": rows @ own[0], "more": (rows @ own[1], jnp.arange(3))}

    found = probe(network, weights(2), ROWS)
    assert found.notes == ("Without loss=, the random direction is one of a, more.0, each scaled to its size.",)
    for layer in found.layers:
        assert layer.gradient == pytest.approx(1 / math.sqrt(24 * 40), rel=0.2)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_tokens_stay_whole_numbers(dtype: str) -> None:
    tokens = (np.arange(540).reshape(90, 6) * 7 % 9).astype(dtype)
    model = linen.Sequential([linen.Embed(9, 16), lambda vectors: vectors.mean(1), linen.Dense(3)])
    found = probe(model.apply, model.init(jax.random.key(0), tokens), tokens)
    assert [layer.kind for layer in found.layers] == ["embedding", "dense"]
