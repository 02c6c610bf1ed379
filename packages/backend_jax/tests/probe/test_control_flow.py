"""Branches, loops, derivatives of one's own and weights whose axes move: seen, or said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fanin.exceptions import FaninValueError
from fanin_jax import probe

KEY = jax.random.key(3)
ROWS = jax.random.normal(KEY, (12, 9))
WEIGHTS = {name: jax.random.normal(jax.random.key(k), (9, 9)) / 3 for k, name in enumerate("abc")}


def mean_square(outputs: Any) -> Any:
    return jnp.mean(outputs**2)


def branching(weights: Any, rows: Any) -> Any:
    hidden = rows @ weights["a"]
    return jax.lax.cond(hidden[0, 0] > 0, lambda h: h @ weights["b"], jnp.negative, hidden) @ weights["c"]


def branch_only(weights: Any, rows: Any) -> Any:
    return jax.lax.switch(rows[0, 0].astype(int), [lambda h: h @ weights["b"], lambda h: h @ weights["c"]], rows)


def looping(weights: Any, rows: Any) -> Any:
    hidden = jax.lax.while_loop(jnp.any, lambda h: jnp.where(h > 0, h - 1, 0.0) @ weights["b"] * 0, rows @ weights["a"])
    return (hidden + rows) @ weights["c"]


def test_a_branch_is_not_looked_into_and_its_derivative_is() -> None:
    found = probe(branching, WEIGHTS, ROWS, mean_square, train=2)
    assert [layer.name for layer in found.layers] == ["a", "c"]
    assert found.notes == ("The layers inside of a cond were not told apart.",)
    gradient = jax.grad(lambda own: mean_square(branching(own, ROWS)))(WEIGHTS)["a"]
    assert found.layers[0].weight_gradient == pytest.approx(float(jnp.sqrt(jnp.mean(gradient**2))), rel=1e-4)
    assert len(found.training) == 2


def test_a_loop_without_a_derivative_is_said() -> None:
    found = probe(looping, WEIGHTS, ROWS, mean_square, train=2)
    assert [(layer.name, layer.gradient) for layer in found.layers] == [("a", None), ("c", None)]
    assert found.notes == (
        "There are no gradients, and no short run: JAX differentiates no loop that ends by a condition.",
        "The layers inside of a while were not told apart.",
    )
    assert found.training == ()


def test_layers_in_branches_alone_are_refused() -> None:
    with pytest.raises(FaninValueError, match=r"was seen\. Received: 3 weights.* not inside of a cond alone"):
        probe(branch_only, WEIGHTS, ROWS)


@jax.custom_vjp
def rounded(values: Any, scale: Any) -> tuple[Any, Any]:
    """Round, where JAX cannot differentiate it, and differentiate as if it did not: a straight-through estimator."""
    shape = jax.ShapeDtypeStruct(values.shape, values.dtype)  # type: ignore[no-untyped-call]
    return jax.pure_callback(lambda given: np.round(np.asarray(given) * 4) / 4, shape, values), scale


rounded.defvjp(
    lambda values, scale: (rounded(values, scale), None), lambda kept, given: (given[0], jnp.zeros_like(given[1]))
)


def quantised(weights: Any, rows: Any) -> Any:
    hidden, _ = rounded(rows @ weights["a"], 3.0)
    return rounded(hidden, hidden)[0] @ weights["b"]


def test_a_derivative_of_ones_own_is_the_one_that_counts() -> None:
    found = probe(quantised, WEIGHTS, ROWS, mean_square)
    gradients = jax.grad(lambda own: mean_square(quantised(own, ROWS)))(WEIGHTS)
    assert [layer.name for layer in found.layers] == ["a", "b"]
    for layer in found.layers:
        expected = float(jnp.sqrt(jnp.mean(gradients[layer.name] ** 2)))
        assert expected > 0.01
        assert layer.weight_gradient == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_stack_along_any_axis(axis: int) -> None:
    stack = np.stack([np.asarray(weight) * k for k, weight in enumerate(WEIGHTS.values(), 1)], axis)

    def scanned(weights: Any, rows: Any) -> Any:
        return jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), rows, jnp.moveaxis(weights, axis, 0))[0]

    found = probe(scanned, jnp.asarray(stack), ROWS)
    expected = [float(np.std(np.take(stack, k, axis))) for k in range(3)]
    assert [layer.weight_std for layer in found.layers] == pytest.approx(expected)
    assert all((layer.weight_gradient is None) == (axis != 0) for layer in found.layers)


def one_by_one(weights: Any, rows: Any) -> Any:
    return jax.lax.map(lambda row: row @ weights["a"], rows)


def test_samples_one_at_a_time_are_said_once() -> None:
    found = probe(one_by_one, WEIGHTS, ROWS)
    assert found.verdict == "It cannot be told: no layer could be measured."
    assert found.notes == (
        "a, a (use 2), a (use 3) and 9 more left out: no axis of their outputs, such as (9,), counts the samples.",
    )


def recomputed(weights: Any, rows: Any) -> Any:
    return jax.checkpoint(lambda h: jax.nn.relu(h @ weights["b"]))(rows @ weights["a"])


@pytest.mark.parametrize("function", [recomputed, jax.jit(recomputed)])
def test_what_is_computed_again_is_seen_once(function: Callable[[Any, Any], Any]) -> None:
    assert [layer.name for layer in probe(function, WEIGHTS, ROWS).layers] == ["a", "b"]
