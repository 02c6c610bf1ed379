"""Probing a function of weights and a batch: once forward and back, by its trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.signal import Dropout, ModelProbe, combined
from fanin.signal.samples import INFINITE, NAN, Arrangement, arrangements, best, counted, left_out
from fanin.signal.seeds import count
from fanin_jax._probe.outputs import name_of, outputs_of, scalar_of
from fanin_jax._probe.rows import arranged, attention_of, layer_of, sums_of
from fanin_jax._probe.training import short_run
from fanin_jax._probe.walk import Seen, Use, Value, walk

__all__ = ["probe"]

_OWN: tuple[str, ...] = ("kernel", "w", "weight", "embedding")
"""What libraries call the weight of a layer, which its name goes without."""

_NO_GRADIENTS = "There are no gradients, and no short run: JAX differentiates no loop that ends by a condition."


def probe(
    function: Callable[[Any, Any], Any],
    weights: Any,
    batch: Any,
    loss: Callable[[Any], Any] | None = None,
    seeds: int | None = None,
    train: int = 0,
) -> ModelProbe:
    """Return what a model's signal and gradient do before training, layer by layer, with a verdict.

    A layer is a product of data and a weight, and has the weight's path as its name. Which axis of it counts the
    samples, which `vmap` may put anywhere, is found by running the batch once more in another order. Nothing is
    changed.

    Args:
        function: A function of (weights, batch) that returns the outputs: `model.apply` of Flax,
            `lambda model, x: jax.vmap(model)(x)` for Equinox, `lambda model, x: model(x)` for NNX.
        weights: The tree of initial weights: Linen's variables, an Equinox or NNX model; what is no array stays as it
            is. With `seeds`, a function of a key that returns it.
        batch: Its second argument, an array or a tree. The first axis counts the samples, of which there must be two or
            more.
        loss: A function of what it returns, which returns a scalar. None for a fixed random direction of the outputs.
        seeds: How many times to make and probe the weights, with the keys 0, 1, ...: geometric means are shown, and
            each layer's worst.
        train: How many steps of Adam, learning rate 0.001, the weights are trained for on this batch; it needs a loss.
            What comes of it is shown beside the rest, and has no part in the verdict.

    Raises:
        FaninTypeError: The first argument or the loss is no function, the loss is no scalar, or there is no array to
            differentiate.
        FaninValueError: The batch has one sample only, no product of data and a weight was seen, or no gradient comes
            from the loss.

    Example:
        >>> weights = [jax.random.normal(jax.random.key(k), (64, 64)) * 0.02 for k in range(12)]
        >>> def network(weights, hidden):
        ...     for weight in weights:
        ...         hidden = jax.nn.relu(hidden @ weight)
        ...     return hidden
        >>> found = probe(network, weights, jax.random.normal(jax.random.key(12), (32, 64)))
        >>> print(found.findings[0].line)
        kernel_init=fanin_jax.initializer("he")
    """
    if not callable(function):
        raise FaninTypeError(
            f"probe takes a function of (weights, batch), and then both. Received: {type(function).__name__} first. "
            f"Pass, for example, model.apply."
        )
    if loss is not None and not callable(loss):
        raise FaninTypeError(f"loss is a function of what the function returns. Received: {loss!r}.")
    steps = count(train, "train", 0)
    if steps and loss is None:
        raise FaninValueError("a short run needs a loss to train for. Received: train without loss. Pass loss=.")
    if seeds is None:
        return _probe(function, weights, batch, loss, steps)
    if not callable(weights):
        raise FaninTypeError(
            f"with seeds, probe takes a function of a key that returns the weights. Received: "
            f"{type(weights).__name__}. Pass, for example, lambda key: model.init(key, batch), or leave seeds out."
        )
    keys = [jax.random.key(seed) for seed in range(count(seeds, "seeds", 1))]
    return combined([_probe(function, weights(key), batch, loss, steps) for key in keys])


@dataclass
class _Model:
    """A function of weights as a trace, which can be carried out with what is seen noted.

    Attributes:
        traced: The trace.
        structure: The structure of what it returns.
        names: The paths of the weights.
        arrays: They themselves.
    """

    traced: Any
    structure: Any
    names: list[str]
    arrays: list[Any]

    def run(self, leaves: list[Any], data: list[Any], moves: list[Any] | None = None) -> tuple[Any, Seen]:
        """Return what it returns, and what was seen."""
        seen = Seen()
        values = [Value(leaf, weight=name) for leaf, name in zip(leaves, self.names, strict=True)]
        given = [*values, *(Value(leaf, is_data=True) for leaf in data)]
        out = walk(
            self.traced,
            given,
            seen,
            lambda number, array: array if moves is None else array + moves[number].astype(array.dtype),
        )
        return jax.tree_util.tree_unflatten(self.structure, [one.array for one in out]), seen


def _probe(
    function: Callable[[Any, Any], Any], weights: Any, batch: Any, loss: Callable[[Any], Any] | None, steps: int
) -> ModelProbe:
    samples = _samples(batch)
    flat, structure = jax.tree_util.tree_flatten_with_path(weights)
    kept = [k for k, (_, leaf) in enumerate(flat) if isinstance(leaf, (jax.Array, np.ndarray))]
    still = [None if k in kept else leaf for k, (_, leaf) in enumerate(flat)]  # functions, and other settings
    arrays = [flat[k][1] for k in kept]
    names = [name_of(flat[k][0]) for k in kept]

    def call(leaves: Any, data: Any) -> Any:
        whole = list(still)
        for k, leaf in zip(kept, leaves, strict=True):
            whole[k] = leaf
        return function(jax.tree_util.tree_unflatten(structure, whole), data)

    traced, shapes = jax.make_jaxpr(call, return_shape=True)(arrays, batch)
    model = _Model(traced, jax.tree_util.tree_structure(shapes), names, arrays)
    data = jax.tree_util.tree_leaves(batch)
    outputs, seen = model.run(arrays, data)
    if not seen.uses:
        raise FaninValueError(
            f"no product of data and a weight was seen. Received: {len(arrays)} weights. Pass a function of (weights, "
            f"batch) that uses them"
            + (f", and not inside of a {' or '.join(dict.fromkeys(seen.unseen))} alone." if seen.unseen else ".")
        )
    scalar_of(outputs, loss)  # whose errors are not those of the derivative
    by_moves, by_weights, notes = _gradients(model, seen, data, loss)
    chosen = _choose(seen, model, data, samples)
    notes += [f"The layers inside of a {kind} were not told apart." for kind in dict.fromkeys(seen.unseen)]
    if seen.is_idle:
        notes.append("A normalization uses running statistics, where fresh ones do nothing: try the mode for training.")
    if loss is None and not isinstance(outputs, jax.Array):
        notes += counted(list(outputs_of(outputs)))
    stored = dict(zip(names, arrays, strict=True))
    layers, nowhere, counts, called = [], {}, dict[str, int](), list[str]()
    for use, arrangement, gradient in zip(seen.uses, chosen, by_moves, strict=True):
        counts[use.weight] = counts.get(use.weight, 0) + 1
        name = _layer_name(use.weight) + (f" (use {counts[use.weight]})" if counts[use.weight] > 1 else "")
        called.append(name)
        if arrangement is None:
            nowhere[name] = np.shape(use.output)
            continue
        shape = np.shape(use.kernel)
        weight, by_weight = _weight(use.weight, stored, shape), _weight(use.weight, by_weights, shape)
        weight = use.kernel if weight is None else weight
        layers.append(layer_of(name, use, arrangement, gradient, weight, by_weight))
    floating = [k for k, leaf in enumerate(arrays) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def trained(own: list[Any]) -> Any:
        leaves = list(arrays)
        for k, leaf in zip(floating, own, strict=True):
            leaves[k] = leaf
        return scalar_of(call(leaves, batch), loss)

    is_differentiable = any(gradient is not None for gradient in by_moves)
    training = short_run(trained, [arrays[k] for k in floating], steps) if steps and is_differentiable else []
    return ModelProbe(
        tuple(layers),
        tuple(sums_of(seen, chosen, samples, called)),
        tuple(attention_of(logits, where) for logits, where in seen.softmaxes),
        (*notes, *left_out(nowhere)),
        framework="jax",
        normalised=seen.is_normalised,
        has_loss=loss is not None,
        training=tuple(training),
        concatenated=seen.is_joined,
        dropouts=tuple(Dropout(*one) for one in seen.dropouts),
    )


def _samples(batch: Any) -> int:
    """Return the number of samples of a batch.

    Raises:
        FaninValueError: There are fewer than two, or a NaN or an infinity is among them.
    """
    leaves = jax.tree_util.tree_leaves(batch)
    if any(bool(jnp.isnan(leaf).any()) for leaf in leaves if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)):
        raise FaninValueError(NAN)
    first = next((leaf for leaf in leaves if np.ndim(leaf)), None)
    if first is None or np.shape(first)[0] < 2:
        shown = "no array" if first is None else f"a batch of shape {np.shape(first)}"
        raise FaninValueError(
            f"a probe needs two or more samples, to see what tells one from another. Received: {shown}. The first axis "
            f"counts the samples."
        )
    if jnp.issubdtype(jnp.result_type(first), jnp.floating) and bool(jnp.isinf(first).any()):
        raise FaninValueError(INFINITE)
    if bool(np.all(np.asarray(first) == np.asarray(first)[:1])):
        raise FaninValueError(
            f"the samples of the batch are all the same, so that nothing tells one from another. Received: a batch of "
            f"shape {np.shape(first)}. Pass different ones."
        )
    return int(np.shape(first)[0])


def _layer_name(weight: str) -> str:
    path, _, own = weight.rpartition(".")
    return path if own in _OWN and path else weight


def _weight(name: str, stored: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """Return a weight by its path, or the part of a stacked one that a step of a scan used; None if its axes moved.

    Args:
        name: The path; of a part, with the number of the step behind it.
        stored: The weights, or the derivatives by them.
        shape: The shape of the part, as it is multiplied.
    """
    if name in stored:
        return stored[name]
    path, _, step = name.rpartition(".")
    whole = _weight(path, stored, (0, *shape)) if path else None
    return None if whole is None or np.shape(whole)[1:] != shape else whole[int(step)]


def _gradients(
    model: _Model, seen: Seen, data: list[Any], loss: Callable[[Any], Any] | None
) -> tuple[list[Any], dict[str, Any], list[str]]:
    """Return the derivatives of the loss by each use's product and by each weight, and what to say of what lacks.

    Raises:
        FaninValueError: A loss that was given is cut off from the model.
    """
    floating = [k for k, leaf in enumerate(model.arrays) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    own = [model.arrays[k] for k in floating]
    moves = [jnp.zeros(np.shape(use.product), jnp.float32) for use in seen.uses]

    def value(shifts: list[Any], given: list[Any]) -> Any:
        leaves = list(model.arrays)
        for k, leaf in zip(floating, given, strict=True):
            leaves[k] = leaf
        return scalar_of(model.run(leaves, data, shifts)[0], loss)

    try:
        by_moves, by_weights = jax.jit(jax.grad(value, argnums=(0, 1)))(moves, own)
    except ValueError as error:
        if "while_loop" not in str(error):
            raise
        return [None] * len(moves), {}, [_NO_GRADIENTS]
    if all(not bool(jnp.any(one)) for one in (*by_moves, *by_weights)):
        if loss is not None and float(value(moves, own)) != 0.0:
            raise FaninValueError(
                "no gradient comes from the loss: every derivative is 0. Received: a loss that does not depend on what "
                "the function returns, or is cut off by jax.lax.stop_gradient."
            )
        return by_moves, {}, ["Every derivative is 0."]
    return by_moves, {model.names[k]: one for k, one in zip(floating, by_weights, strict=True)}, []


def _choose(seen: Seen, model: _Model, data: list[Any], samples: int) -> list[Arrangement | None]:
    """Find the samples in the output of each use, by the batch in another order where it is not clear."""
    found = [arrangements(np.shape(use.output), samples) for use in seen.uses]
    if all(len(ways) == 1 and ways[0].axis == 0 for ways in found):
        return [ways[0] for ways in found]
    rolled = [jnp.roll(leaf, 1, 0) if np.ndim(leaf) and np.shape(leaf)[0] == samples else leaf for leaf in data]
    others = model.run(model.arrays, rolled)[1].uses

    def choice(use: Use, other: Use, ways: list[Arrangement]) -> Arrangement | None:
        own, again = (np.asarray(one.output, np.float32) for one in (use, other))
        spread = float(np.mean(np.square(own - own.mean())))

        def mismatch(way: Arrangement) -> float:
            off = np.roll(arranged(own, way), 1, 0) - arranged(again, way)
            return float(np.mean(np.square(off))) / spread if spread else 0.0

        return best(ways, mismatch)

    return [choice(*three) for three in zip(seen.uses, others, found, strict=True)]
