"""Trees of JAX arrays: nested dicts, lists and dataclasses, of Flax, Equinox or one's own; sharded arrays too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Region
from fanin.weights.numbers import bits_of
from fanin.weights.roles import Role, role_in
from fanin.weights.tensor import Tensor

__all__ = ["is_array", "leaves", "tensor_of_jax", "without_value"]

_VALUE = ("value", "raw_value", "_raw_value")
"""What the variables of Flax call the array that they hold."""


def is_array(value: object) -> bool:
    """Return whether a value is an array of JAX, whose values are known; JAX is not imported for that."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def leaves(tree: object) -> Iterator[tuple[str, object, Role]]:
    """Yield the leaves of a tree with their paths, joined by dots, and their roles; JAX is imported."""
    jax: Any = sys.modules["jax"]
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        words = without_value([_word(key) for key in path])
        yield ".".join(words), leaf, _role(tree, path[: len(words)], leaf)


def _role(tree: object, path: Sequence[Any], leaf: object) -> Role:
    """Return what a leaf is to the module that has it: of Flax NNX or of Equinox."""
    jax: Any = sys.modules["jax"]
    if not is_array(leaf) or not path:
        return ""
    array: Any = leaf
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        return "random state"
    owner = tree
    for key in path[:-1]:
        owner = _child(owner, key)
    variable = _child(owner, path[-1])  # of Flax, whose class tells it too
    return role_in(variable, "", 0) or role_in(owner, _word(path[-1]), array.ndim)


def _child(owner: object, key: Any) -> object:
    """Return what a key of a path leads to; None where that cannot be told."""
    if hasattr(key, "name"):
        return getattr(owner, key.name, None)
    try:
        return owner[getattr(key, "key", getattr(key, "idx", None))]  # type: ignore[index]
    except Exception:  # a tree of any kind
        return None


def without_value(words: list[str]) -> list[str]:
    """Return a path without what Flax's variables call the array that they hold."""
    return words[:-1] if len(words) > 1 and words[-1] in _VALUE else words


def _word(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def tensor_of_jax(name: str, array: Any) -> Tensor:
    """Return an array of JAX: of a sharded one the shards of this process.

    Raises:
        FaninValueError: It has no values: it is traced, was donated or is a key.
    """
    jax: Any = sys.modules["jax"]
    if isinstance(array, jax.core.Tracer):
        raise FaninValueError(f"{name} has no values while it is traced. Read weights outside of jit, vmap and grad.")
    if array.is_deleted():
        raise FaninValueError(f"{name} has no values any more: it was donated or deleted. Keep a copy of it.")
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    shards: dict[Region, Any] = {}
    for shard in array.addressable_shards:
        region = tuple(part.indices(size)[:2] for part, size in zip(shard.index, array.shape, strict=True))
        shards.setdefault(region, shard.data)  # replicas hold the same region
    return Tensor(
        name,
        tuple(array.shape),
        array.dtype.name,
        lambda region: _fetch(shards, region),
        tuple(shards),
        id(array),
    )


def _fetch(shards: dict[Region, Any], region: Region) -> NDArray[Any]:
    for held, data in shards.items():
        if all(low <= start and stop <= high for (start, stop), (low, high) in zip(region, held, strict=True)):
            place = tuple(slice(start - low, stop - low) for (start, stop), (low, _) in zip(region, held, strict=True))
            return bits_of(np.asarray(data)[place])
    raise AssertionError("Tensor.read checks that the region is held")
