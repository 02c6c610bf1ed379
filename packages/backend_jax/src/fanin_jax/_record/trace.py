"""A function of a key, traced: what it does, and what it returns, with a name for each array."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.layout import Geometry
from fanin_jax._record.layouts import layer_geometry, used_geometries

__all__ = ["Leaf", "Traced", "trace"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array that a function returns.

    Attributes:
        path: Where it is in what the function returns.
        shape: Its shape.
        dtype: Its dtype.
    """

    path: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: Any

    @property
    def name(self) -> str:
        """Its path, joined by dots."""
        return ".".join(self.path) or "array"

    @property
    def is_key(self) -> bool:
        """Whether it has keys, and no weights."""
        return bool(jax.numpy.issubdtype(self.dtype, jax.dtypes.prng_key))


@dataclass(frozen=True)
class Traced:
    """What a function of a key does, and what it returns.

    Attributes:
        closed: What it does: a function of a key, and of the arrays among its arguments.
        given: Those arrays; None where only the shape is known.
        leaves: The arrays that it returns.
        tree: What it returns, with the number of each leaf in place of the array; NNX modules as their state.
        rebuild: Makes what it returns of new arrays.
        geometries: By the number of a leaf, what its axes are, where that is certain.
    """

    closed: ClosedJaxpr
    given: tuple[Any, ...]
    leaves: tuple[Leaf, ...]
    tree: Any
    rebuild: Callable[[Sequence[Any]], Any]
    geometries: Mapping[int, Geometry]


def trace(function: Callable[..., Any], args: tuple[Any, ...]) -> Traced:
    """Trace a function of a key. Nothing is drawn.

    Raises:
        FaninTypeError: It is no function of a key, or returns no array.
    """
    if not callable(function):
        raise FaninTypeError(
            f"record and build take a function of a key that returns arrays. Received: {function!r} of type "
            f"{type(function).__name__}. Pass model.init, a module's class, or lambda key: ..."
        )
    call = _caller(function, args)
    flat, structure = jax.tree.flatten(args)
    places = [k for k, leaf in enumerate(flat) if _is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)]
    returned: list[_Outline] = []

    def traced(key: Any, *arrays: Any) -> list[Any]:
        filled = list(flat)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        found, outline = _outline(call(key, *jax.tree.unflatten(structure, filled)))
        returned.append(outline)
        return found

    closed = jax.make_jaxpr(traced)(jax.random.key(0), *(flat[place] for place in places))
    outline = returned[-1]
    if not outline.paths:
        raise FaninTypeError(
            f"the function returns no array, so there is nothing to initialize. Received: a "
            f"{outline.kind} from {_name(function)}. Pass a function that returns a tree of arrays, such as model.init."
        )
    leaves = tuple(
        Leaf(path, aval.shape, aval.dtype)
        for path, aval in zip(_named(outline.paths, outline.is_linen), closed.out_avals, strict=True)
    )
    names = [leaf.name for leaf in leaves]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FaninValueError(
            f"two arrays that {_name(function)} returns would be called {twice!r}: a key of its tree has a dot in it. "
            f"Rename the key."
        )
    given = tuple(None if isinstance(flat[place], jax.ShapeDtypeStruct) else flat[place] for place in places)
    geometries = {**used_geometries(closed.jaxpr), **outline.geometries}
    return Traced(closed, given, leaves, outline.tree, outline.rebuild, geometries)


def _caller(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """Return how to call a function: with a key first, with `key=`, or with `rngs=` for NNX.

    Raises:
        FaninTypeError: It takes no key.
    """
    signature = _signature(function)
    if signature is None:
        return function
    parameters = signature.parameters
    if "rngs" in parameters and not _is_linen(function):
        from flax import nnx

        return lambda key, *rest: function(*rest, rngs=nnx.Rngs(key))
    if "key" in parameters and parameters["key"].kind is inspect.Parameter.KEYWORD_ONLY:
        return lambda key, *rest: function(*rest, key=key)
    try:
        signature.bind(None, *args)
    except TypeError as error:
        raise FaninTypeError(
            f"the function is called with a key and then its arguments, and cannot be: {error}. Received: "
            f"{_name(function)}{signature} with {len(args)} arguments. Accepted: a function(key, *args), or one that "
            f"takes rngs= (Flax NNX) or key= (Equinox). Bind other settings by functools.partial."
        ) from error
    return function


def _signature(function: Any) -> inspect.Signature | None:
    """Return what a function takes; of a class, what its constructor takes, which a metaclass may hide."""
    try:
        if isinstance(function, functools.partial):
            inner = _signature(function.func)
            if inner is None:
                return None
            bound = inner.bind_partial(*function.args, **function.keywords).arguments
            return inner.replace(parameters=[one for name, one in inner.parameters.items() if name not in bound])
        if inspect.isclass(function):
            signature = inspect.signature(function.__init__)
            return signature.replace(parameters=list(signature.parameters.values())[1:])
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _is_linen(function: Any) -> bool:
    """Return whether a function is a method of a Linen module, whose `rngs` are keys."""
    linen = sys.modules.get("flax.linen")
    while isinstance(function, functools.partial):
        function = function.func
    return linen is not None and isinstance(getattr(function, "__self__", None), linen.Module)


def _name(function: Any) -> str:
    return str(
        getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or type(function).__name__
    )


def _is_array(leaf: object) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "biufcV" and leaf.dtype.names is None
    return isinstance(leaf, jax.Array)


@dataclass(frozen=True)
class _Outline:
    """What a function returned, but for its arrays."""

    paths: list[tuple[str, ...]]
    is_linen: bool
    kind: str
    tree: Any
    rebuild: Callable[[Sequence[Any]], Any]
    geometries: Mapping[int, Geometry]


def _outline(returned: Any) -> tuple[list[Any], _Outline]:
    """Return the arrays of what a function returned, and the rest."""
    merge, state, objects = _split(returned)
    paths: list[tuple[str, ...]] = []
    arrays: list[Any] = []
    rest: list[Any] = []
    flat, structure = jax.tree.flatten(state)
    outer = jax.tree_util.tree_flatten_with_path(state, is_leaf=_is_box)[0]
    inner = [(path + more, leaf) for path, box in outer for more, leaf in _unboxed(box)]
    geometries: dict[int, Geometry] = {}
    for path, leaf in inner:
        names = tuple(_component(key) for key in path)
        if _is_array(leaf):
            rest.append(len(arrays))
            if names[:-1] in objects and (found := layer_geometry(objects[names[:-1]], names[-1], leaf.shape)):
                geometries[len(arrays)] = found
            paths.append(names)
            arrays.append(leaf)
        else:
            rest.append(None)
    numbered = jax.tree.unflatten(structure, [_Place(k) if k is not None else None for k in rest])

    def rebuild(new: Sequence[Any]) -> Any:
        leaves = [old if k is None else new[k] for k, old in zip(rest, flat, strict=True)]
        return merge(jax.tree.unflatten(structure, leaves))

    is_linen = (
        isinstance(returned, Mapping)
        and isinstance(returned.get("params"), Mapping)
        and all(isinstance(value, Mapping) for value in returned.values())
    )
    flat = [leaf if k is None else None for k, leaf in zip(rest, flat, strict=True)]  # keep no tracer
    return arrays, _Outline(paths, is_linen, type(returned).__name__, numbered, rebuild, geometries)


@dataclass(frozen=True)
class _Place:
    """The number of a leaf, where the array was."""

    number: int


def _split(returned: Any) -> tuple[Callable[[Any], Any], Any, dict[tuple[str, ...], Any]]:
    """Return a tree, what makes of it what was returned, and the layers in it that are objects, by path."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None:
        nodes = jax.tree.leaves(returned, is_leaf=lambda node: isinstance(node, nnx.Module))
        if any(isinstance(node, nnx.Module) for node in nodes):
            graph, state = nnx.split(returned)
            layers = {tuple(map(str, path)): node for path, node in nnx.iter_graph(returned)}
            return lambda new: nnx.merge(graph, new), state, layers
    return lambda new: new, returned, _equinox_layers(returned)


def _equinox_layers(returned: Any) -> dict[tuple[str, ...], Any]:
    """Return the Equinox modules in a tree, by path."""
    equinox = sys.modules.get("equinox")
    if equinox is None:
        return {}
    layers: dict[tuple[str, ...], Any] = {}

    def visit(node: Any, path: tuple[str, ...]) -> None:
        """Note a module, and go on below it."""
        is_top = [True]

        def stop(one: Any) -> bool:
            if is_top[0]:
                is_top[0] = False
                return False
            return isinstance(one, equinox.Module)

        if isinstance(node, equinox.Module):
            layers[path] = node
        for more, below in jax.tree_util.tree_flatten_with_path(node, is_leaf=stop)[0]:
            if isinstance(below, equinox.Module) and more:
                visit(below, path + tuple(_component(key) for key in more))

    visit(returned, ())
    return layers


def _is_box(node: Any) -> bool:
    """Return whether a node of a tree only wraps an array: Flax's partitioned parameters and NNX's variables."""
    meta, nnx = sys.modules.get("flax.core.meta"), sys.modules.get("flax.nnx")
    return (meta is not None and isinstance(node, meta.AxisMetadata)) or (
        nnx is not None and isinstance(node, nnx.Variable)
    )


def _unboxed(node: Any) -> list[tuple[Any, Any]]:
    """Return the leaves of a node, each with its path, that of a box's only value left out."""
    found = jax.tree_util.tree_flatten_with_path(node)[0]
    return [((), leaf) for _, leaf in found] if _is_box(node) and len(found) == 1 else list(found)


def _component(key: Any) -> str:
    match key:
        case DictKey(name) | FlattenedIndexKey(name):
            return str(name)
        case GetAttrKey(name):
            return str(name)
        case SequenceKey(number):
            return str(number)
        case _:
            return str(key).strip(".[]'\"")


def _named(paths: list[tuple[str, ...]], is_linen: bool) -> list[tuple[str, ...]]:
    """Return the paths as names: of Linen's variables without the collection, where that is enough."""
    if not is_linen:
        return paths
    short = [path[1:] for path in paths]
    params = {path[1:] for path in paths if path[0] == "params"}
    return [
        path if path[0] != "params" and (path[1:] in params or short.count(path[1:]) > 1) else path[1:]
        for path in paths
    ]
