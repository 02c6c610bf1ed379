"""Probing a function of weights and a batch: once forward and back, by its trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.presets import normal
from fanin.signal import Layer, ModelProbe, Sum
from fanin_jax._api import init
from fanin_jax._probe.walk import FLAT, Seen, Value, walk

__all__ = ["probe"]


def probe(
    function: Callable[[Any, Any], Any], weights: Any, batch: Any, loss: Callable[[Any], Any] | None = None
) -> ModelProbe:
    """Return what a model's signal and gradient do before training, layer by layer, with a verdict.

    A layer is a product of data and a weight, and has the weight's path as its name. Nothing is changed.

    Args:
        function: A function of (weights, batch) that returns the outputs: `model.apply` of Flax,
            `lambda model, x: jax.vmap(model)(x)` for Equinox, `lambda state, x: nnx.merge(graphdef, state)(x)` for NNX.
        weights: The tree of initial weights.
        batch: Its second argument, an array or a tree. The first axis counts the samples, of which there must be two or
            more.
        loss: A function of what it returns, which returns a scalar. None for a fixed random direction of the outputs.

    Raises:
        FaninTypeError: The first argument is no function, the loss is no scalar, or there is no array to differentiate.
        FaninValueError: The batch has one sample only, or no product of data and a weight was seen.

    Example:
        >>> weights = [jax.random.normal(jax.random.key(k), (64, 64)) * 0.02 for k in range(12)]
        >>> def network(weights, hidden):
        ...     for weight in weights:
        ...         hidden = jax.nn.relu(hidden @ weight)
        ...     return hidden
        >>> found = probe(network, weights, jax.random.normal(jax.random.key(12), (32, 64)))
        >>> print(found.findings[0].line)
        kernel_init=fanin_jax.initializer("he", seed=0)
    """
    if not callable(function):
        raise FaninTypeError(
            f"probe takes a function of (weights, batch), and then both. Received: {type(function).__name__} first. "
            f"Pass, for example, model.apply."
        )
    samples = _samples(batch)
    flat, structure = jax.tree_util.tree_flatten_with_path(weights)
    arrays = [leaf for _, leaf in flat]
    floating = [k for k, leaf in enumerate(arrays) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]
    names = [_name(path) for path, _ in flat]

    def call(leaves: Any, data: Any) -> Any:
        return function(jax.tree_util.tree_unflatten(structure, leaves), data)

    traced, shapes = jax.make_jaxpr(call, return_shape=True)(arrays, batch)
    data = jax.tree_util.tree_leaves(batch)
    seen = Seen()

    def value(moves: list[Any] | None, given: list[Any]) -> tuple[Any, Seen]:
        noted = Seen()
        leaves = list(arrays)
        for k, leaf in zip(floating, given, strict=True):
            leaves[k] = leaf
        values = [Value(leaf, weight=name) for leaf, name in zip(leaves, names, strict=True)]
        out = walk(
            traced,
            [*values, *map(Value, data)],
            noted,
            lambda number, array: array if moves is None else array + moves[number].astype(array.dtype),
        )
        tree = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), [one.array for one in out])
        return _scalar(tree, loss), noted

    own = [arrays[k] for k in floating]
    _, seen = value(None, own)
    if not seen.names:
        raise FaninValueError(
            f"no product of data and a weight was seen. Received: {len(arrays)} weights. Pass a function of (weights, "
            f"batch) that uses them."
        )
    moves = [jnp.zeros(jnp.shape(out), jnp.float32) for out in seen.outputs]
    by_moves, by_weights = jax.grad(lambda a, b: value(a, b)[0], argnums=(0, 1))(moves, own)
    update = {names[k]: (_rms(gradient), _rms(arrays[k])) for k, gradient in zip(floating, by_weights, strict=True)}
    stored = dict(zip(names, arrays, strict=True))
    layers, notes = [], [f"The layers inside of a {kind} were not told apart." for kind in dict.fromkeys(seen.unseen)]
    for k, name in enumerate(seen.names):
        if samples not in np.shape(seen.outputs[k]):
            notes.append(f"{name} was left out: none of its axes {np.shape(seen.outputs[k])} counts the samples.")
            continue
        layers.append(_layer(k, name, seen, stored[name], by_moves[k], update[name], samples))
    sums = [
        Sum("the model", _between(total, samples), min(_between(a, samples), _between(b, samples)))
        for a, b, total in seen.sums
        if samples in np.shape(total)
    ]
    return ModelProbe(tuple(layers), tuple(sums), (), tuple(notes), framework="jax")


def _samples(batch: Any) -> int:
    """Return the number of samples of a batch.

    Raises:
        FaninValueError: There are fewer than two.
    """
    first = next((leaf for leaf in jax.tree_util.tree_leaves(batch) if np.ndim(leaf)), None)
    if first is None or np.shape(first)[0] < 2:
        shown = "no array" if first is None else f"a batch of shape {np.shape(first)}"
        raise FaninValueError(
            f"a probe needs two or more samples, to see what tells one from another. Received: {shown}. The first axis "
            f"counts the samples."
        )
    if bool(np.all(np.asarray(first) == np.asarray(first)[:1])):
        raise FaninValueError(
            f"the samples of the batch are all the same, so that nothing tells one from another. Received: a batch of "
            f"shape {np.shape(first)}. Pass different ones."
        )
    return int(np.shape(first)[0])


def _name(path: Any) -> str:
    words = [str(getattr(part, "key", getattr(part, "name", getattr(part, "idx", part)))) for part in path]
    return ".".join(words).removesuffix(".value") or "weights"


def _scalar(outputs: Any, loss: Callable[[Any], Any] | None) -> Any:
    if loss is not None:
        value = loss(outputs)
        if np.size(value) != 1:
            raise FaninTypeError(f"a loss returns one number. Received: shape {np.shape(value)}.")
        return jnp.reshape(value, ())
    leaves = [leaf for leaf in jax.tree_util.tree_leaves(outputs) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    if not leaves:
        raise FaninTypeError(f"nothing can be differentiated: {type(outputs).__name__}. Pass loss=, a function of it.")
    direction = init(leaves[0].shape, normal(std=1.0), name="fanin.probe.direction")
    return jnp.sum(leaves[0].astype(jnp.float32) * direction) / leaves[0].size ** 0.5


def _layer(
    number: int, name: str, seen: Seen, weight: Any, gradient: Any, update: tuple[float, float], samples: int
) -> Layer:
    outputs = jnp.asarray(seen.outputs[number], jnp.float32)
    activation = seen.activations.get(number)
    before = jnp.asarray(seen.before.get(number, outputs), jnp.float32)
    path, _, own = name.rpartition(".")
    fan_in = weight.size // weight.shape[-1] if own in ("kernel", "w", "weight", "") or weight.ndim == 2 else None
    return Layer(
        name=path if own in ("kernel", "w", "weight", "embedding") and path else name,
        kind="convolution" if weight.ndim > 2 else "dense",
        std=_between(outputs, samples),
        rms=_rms(outputs),
        gradient=_rms(gradient),
        nonpositive=_nonpositive(before, samples),
        activation=activation,
        saturated=None if activation not in FLAT else float(jnp.mean(jnp.abs(before) > FLAT[activation])),
        weight_std=float(jnp.std(weight.astype(jnp.float32))) if weight.size > 1 else None,
        weight_fan_in=fan_in,
        update=update[0] / update[1] if update[1] else None,
        is_embedding=own == "embedding",
    )


def _rms(array: Any) -> float:
    return float(jnp.sqrt(jnp.mean(jnp.square(jnp.asarray(array, jnp.float32)))))


def _between(outputs: Any, samples: int) -> float:
    """Return the root of the mean variance over the samples."""
    axis = list(np.shape(outputs)).index(samples)
    return float(jnp.sqrt(jnp.mean(jnp.var(jnp.asarray(outputs, jnp.float32), axis=axis, ddof=1))))


def _nonpositive(outputs: Any, samples: int) -> float:
    """Return the share of units, along the last axis, that are 0 or below for every sample and position."""
    moved = jnp.moveaxis(outputs, list(np.shape(outputs)).index(samples), 0)
    return float(jnp.mean(jnp.all(moved.reshape(-1, moved.shape[-1]) <= 0, axis=0)))
