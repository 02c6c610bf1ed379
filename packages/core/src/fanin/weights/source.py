"""Weights of anything: what kind of source it is, and the reader of each kind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.weights import jax_tree, keras_model, torch_tensors
from fanin.weights.arrays import tensor_of_array
from fanin.weights.files import open_file
from fanin.weights.roles import Role
from fanin.weights.tensor import Tensor, Weights

__all__ = ["open_weights"]

_ACCEPTED: Final = (
    "a torch module or state dict, a JAX tree, a Keras model, a mapping of names to arrays, or the path of a "
    ".safetensors, .npz, .pt, .pth or .bin file, of a *.safetensors.index.json, or of a folder of a torch distributed "
    "checkpoint or of Orbax"
)

_READERS: Final[tuple[tuple[Callable[[object], bool], Callable[[str, Any], Tensor]], ...]] = (
    (lambda value: isinstance(value, np.ndarray), tensor_of_array),
    (torch_tensors.is_tensor, torch_tensors.tensor_of_torch),
    (jax_tree.is_array, jax_tree.tensor_of_jax),
)


def open_weights(source: object) -> Weights:
    """Return the tensors of a source by name; their values are read later, by slices.

    Names of a tree are paths joined by dots: "params.Dense_0.kernel". What is no array, such as a step counter or a
    function, is left out.

    Args:
        source: A torch module or state dict, a JAX tree, a Keras model, a mapping of names to arrays (also nested), or
            a path: of a `.safetensors`, `.npz`, `.pt`, `.pth` or `.bin` file, of an `*.safetensors.index.json`, or of
            the folder of a torch distributed checkpoint or of Orbax.

    Raises:
        FaninTypeError: It is nothing of these.
        FaninValueError: It has no tensors, or one of them has no values; a file is broken, or not what its name says.
        LibraryMissingError: The library that reads the format is not installed.

    Example:
        >>> import numpy as np
        >>> weights = open_weights({"fc": {"weight": np.eye(2, 3), "bias": np.zeros(2)}})
        >>> list(weights), weights["fc.weight"].read(((1, 2), (0, 3)))
        (['fc.weight', 'fc.bias'], array([[0., 1., 0.]]))
    """
    if isinstance(source, Weights):
        return source
    if isinstance(source, (str, Path)):
        return open_file(Path(source), tensors_of)
    what = f"the {type(source).__name__}"
    return Weights(tensors_of(source, what), what)


def tensors_of(source: object, what: str) -> list[Tensor]:
    """Return the tensors of something in memory.

    Args:
        source: What holds arrays.
        what: What it is, for an error.

    Raises:
        FaninTypeError: It holds no arrays, and is nothing that could.
        FaninValueError: It has no tensors, or one of them has no values.
    """
    found = [
        replace(tensor, role=role) if role else tensor
        for name, leaf, role in _leaves(source)
        if (tensor := _tensor(name, leaf)) is not None
    ]
    if not found:
        holds = isinstance(source, (Mapping, list, tuple))
        error = FaninValueError if holds else FaninTypeError
        raise error(f"{what} has no arrays. Accepted: {_ACCEPTED}.")
    return found


def _tensor(name: str, leaf: object) -> Tensor | None:
    for fits, reader in _READERS:
        if fits(leaf):
            return reader(name, leaf)
    if isinstance(leaf, np.generic):
        return tensor_of_array(name, np.asarray(leaf))
    return None


def _leaves(source: object) -> Iterator[tuple[str, object, Role]]:
    if keras_model.is_layer(source):  # with the backend torch it is a module too
        return keras_model.variables(source)
    if torch_tensors.is_module(source):
        return torch_tensors.torch_tensors(source)
    if isinstance(source, (np.ndarray, np.generic)) or torch_tensors.is_tensor(source):
        raise FaninTypeError(
            f"weights are tensors by name. Received: one {type(source).__name__}. Pass a mapping: {{name: array}}."
        )
    if "jax" in sys.modules and not _is_plain(source):
        return jax_tree.leaves(source)
    return ((name, leaf, "") for name, leaf in _walk(source, ""))


def _is_plain(source: object) -> bool:
    """Return whether plain mappings and sequences are all that a source is made of, down to arrays and the like."""
    if isinstance(source, Mapping):
        return type(source).__module__ != "flax" and all(map(_is_plain, source.values()))
    if isinstance(source, (list, tuple)):
        return not hasattr(source, "_fields") and all(map(_is_plain, source))
    return isinstance(source, (np.ndarray, np.generic, int, float, complex, str, bytes, type(None))) or any(
        fits(source) for fits, _ in _READERS
    )


def _walk(source: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield what nested mappings and sequences hold, under paths joined by dots."""
    if isinstance(source, Mapping):
        pairs: list[tuple[object, object]] = list(source.items())
    elif isinstance(source, (list, tuple)):
        pairs = list(enumerate(source))
    else:
        yield path, source
        return
    for key, value in pairs:
        yield from _walk(value, f"{path}.{key}" if path else str(key))
