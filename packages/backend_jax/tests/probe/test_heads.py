"""Which layers of a trace are heads, and that these may start small."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from fanin_jax import probe

ROWS = jax.random.normal(jax.random.key(0), (32, 48))


def weights(policy: int, scale: float) -> dict[str, Any]:
    """Return the weights of two layers as wide as tanh needs, of a policy of some units, and of a value."""
    keys = jax.random.split(jax.random.key(1), 4)
    wide = 5 / 3 / 48**0.5
    return {
        "first": wide * jax.random.normal(keys[0], (48, 48)),
        "second": wide * jax.random.normal(keys[1], (48, 48)),
        "policy": scale * wide * jax.random.normal(keys[2], (48, policy)),
        "value": 48**-0.5 * jax.random.normal(keys[3], (48, 1)),
    }


def features(own: Any, rows: Any) -> Any:
    return jnp.tanh(jnp.tanh(rows @ own["first"]) @ own["second"])


def shared(own: Any, rows: Any) -> Any:
    hidden = features(own, rows)
    return jax.nn.softmax(hidden @ own["policy"]), hidden @ own["value"]


def apart(own: Any, rows: Any) -> Any:
    return jax.nn.softmax(rows @ own["policy"]), features(own, rows) @ own["value"]


def chained(own: Any, rows: Any) -> Any:
    chosen = features(own, rows) @ own["policy"]
    return chosen, jax.nn.relu(jnp.concatenate([chosen, 0 * chosen])[:32]) @ own["value"]


def scanned(own: Any, rows: Any) -> Any:
    """The same with the policy over the steps of a loop, from whose outputs the value is computed."""

    def step(state: Any, row: Any) -> Any:
        return state, row @ own["policy"]

    _, chosen = jax.lax.scan(step, 0.0, features(own, rows)[None])
    return chosen[0], jax.nn.relu(chosen[0]) @ own["value"]


@pytest.mark.parametrize(
    ("function", "units", "heads", "blamed"),
    [
        (shared, 4, ["policy", "value"], []),
        (apart, 4, ["policy", "value"], []),
        (chained, 48, ["value"], ["policy"]),
        (scanned, 48, ["value"], ["policy"]),
    ],
)
def test_heads_may_start_small(function: Any, units: int, heads: list[str], blamed: list[str]) -> None:
    found = probe(function, weights(units, 0.015), ROWS)
    assert [layer.name for layer in found.layers if layer.is_head] == heads
    assert [one.layer for one in found.findings] == blamed, found
