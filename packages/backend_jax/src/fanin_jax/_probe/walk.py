"""A trace carried out step by step, so that the products of data and weights can be seen, and moved, on the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jax
import numpy as np
from jax.extend import core

__all__ = ["FLAT", "Seen", "Value", "walk"]

_PRODUCTS: Final = ("dot_general", "conv_general_dilated")
_ACTIVATIONS: Final = {
    "relu": "relu",
    "tanh": "tanh",
    "logistic": "sigmoid",
    "sigmoid": "sigmoid",
    "gelu": "gelu",
    "silu": "silu",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "softplus": "softplus",
    "mish": "mish",
}
"""Primitives, and functions that are traced under their names, which are activations."""

_GELU: Final = {"integer_pow": "gelu", "erf": "gelu", "erfc": "gelu"}
"""What a gelu, which is traced without its name, begins with: x^3 of its approximation, or erf(x)."""

_MOVES: Final = frozenset(
    {"broadcast_in_dim", "reshape", "transpose", "convert_element_type", "squeeze", "copy", "rev", "copy_p", "slice"}
)
"""Primitives that leave a weight a weight, or a layer's output an output."""

_CALLS: Final = ("jaxpr", "call_jaxpr", "fun_jaxpr")

FLAT: Final = {"tanh": 2.9932, "sigmoid": 5.2934}
"""Beyond this an activation's derivative is below 1 % of its largest."""


@dataclass(frozen=True)
class Value:
    """A number of the trace, and where it comes from.

    Attributes:
        array: It.
        weight: The path of the weight that it is, moved at most.
        layer: The number of the layer whose output it is, normalised at most.
        origin: The number of the layer that it comes from, through activations too.
    """

    array: Any
    weight: str | None = None
    layer: int | None = None
    origin: int | None = None


@dataclass
class Seen:
    """What has been seen on the way.

    Attributes:
        names: The path of each layer's weight, in the order in which they ran.
        outputs: Each layer's output, with its bias.
        shapes: The shape of each weight as it is stored.
        activations: What each layer's output is passed to.
        before: What that activation is applied to.
        sums: Sums of outputs of two layers, or of one and what skips it.
        unseen: Loops whose layers were not told apart.
    """

    names: list[str] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    activations: dict[int, str] = field(default_factory=dict)
    before: dict[int, Any] = field(default_factory=dict)
    sums: list[tuple[Any, Any, Any]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def walk(traced: Any, values: Sequence[Value], seen: Seen, move: Callable[[int, Any], Any]) -> list[Value]:
    """Carry out a closed jaxpr.

    Args:
        traced: It.
        values: Its arguments.
        seen: Where to note what is seen.
        move: Called with the number and the output of each layer, and returns what goes on in its place.
    """
    known: dict[Any, Value] = {}

    def read(atom: Any) -> Value:
        return Value(atom.val) if isinstance(atom, core.Literal) else known[atom]

    for variable, constant in zip(traced.jaxpr.constvars, traced.consts, strict=True):
        known[variable] = Value(constant)
    for variable, value in zip(traced.jaxpr.invars, values, strict=True):
        known[variable] = value
    for equation in traced.jaxpr.eqns:
        results = _step(equation, [read(atom) for atom in equation.invars], seen, move)
        for variable, value in zip(equation.outvars, results, strict=True):
            known[variable] = value
    return [read(atom) for atom in traced.jaxpr.outvars]


def _step(equation: Any, given: list[Value], seen: Seen, move: Callable[[int, Any], Any]) -> list[Value]:
    name = equation.primitive.name
    called = str(equation.params.get("name", ""))
    activation = _ACTIVATIONS.get(called) or _ACTIVATIONS.get(name)
    if activation is None and name == "max" and any(_is_zero(value) for value in given):
        activation = "relu"
    seen_as = activation or (_GELU.get(name) if equation.params.get("y", 3) == 3 else None)
    if seen_as is not None:
        for value in given:
            if value.layer is not None:
                seen.activations.setdefault(value.layer, seen_as)
                seen.before.setdefault(value.layer, value.array)
    inner = _inner(equation)
    if inner is not None:
        used = given[len(given) - len(inner.jaxpr.invars) :]
        if activation is None:
            return walk(inner, used, seen, move)
        arrays = core.jaxpr_as_fun(inner)(*(value.array for value in used))
    else:
        if name in ("scan", "while", "cond"):
            seen.unseen.append(name)
        bound = equation.primitive.bind(*(value.array for value in given), **equation.params)
        arrays = list(bound) if equation.primitive.multiple_results else [bound]
    if activation is not None:
        return [Value(array, origin=_origin(given)) for array in arrays]
    if name in _PRODUCTS:
        return [_product(given, arrays[0], seen, move)]
    if name in _MOVES:
        return [dataclasses.replace(given[0], array=array) for array in arrays]
    return [_mixed(name, given, array, seen) for array in arrays]


def _inner(equation: Any) -> Any:
    """Return the function that an operation calls, as a closed jaxpr; None for an operation of its own."""
    if equation.primitive.name in ("scan", "while", "cond"):
        return None
    for key in _CALLS:
        found = equation.params.get(key)
        if isinstance(found, core.ClosedJaxpr):
            return found
        if isinstance(found, core.Jaxpr):
            return core.ClosedJaxpr(found, ())
    return None


def _product(given: list[Value], array: Any, seen: Seen, move: Callable[[int, Any], Any]) -> Value:
    """Return the product of data and a weight as the output of a layer."""
    weight = next((value for value in given if value.weight is not None), None)
    if weight is None or all(value.weight is not None for value in given):
        return Value(array)
    assert weight.weight is not None
    if weight.weight in seen.names:  # a weight that is used again is shown as it was used first
        return Value(array)
    number = len(seen.names)
    seen.names.append(weight.weight)
    moved = move(number, array)
    seen.outputs.append(moved)
    return Value(moved, layer=number, origin=number)


def _mixed(name: str, given: list[Value], array: Any, seen: Seen) -> Value:
    """Return what comes of several numbers: still a layer's output if they come of one layer, weights and constants."""
    if len(given) == 1 and given[0].weight is not None:
        return Value(array, weight=given[0].weight)
    origins = {value.origin for value in given if value.weight is None and np.ndim(value.array)}
    if name == "add" and len(origins) > 1 and np.ndim(array) > 1:
        if all(np.shape(value.array) == np.shape(array) and value.weight is None for value in given):
            seen.sums.append((given[0].array, given[1].array, array))
        return Value(array)
    layers = {value.layer for value in given if value.layer is not None}
    layer = layers.pop() if len(layers) == 1 else None
    if layer is not None and name == "add" and any(value.weight is not None for value in given):
        seen.outputs[layer] = array
    return Value(array, layer=layer, origin=_origin(given))


def _origin(given: list[Value]) -> int | None:
    """Return the one layer that numbers come from, weights and constants aside; None for several or none."""
    known = {value.origin for value in given if value.origin is not None}
    return known.pop() if len(known) == 1 else None


def _is_zero(value: Value) -> bool:
    array = value.array
    return not isinstance(array, jax.core.Tracer) and getattr(array, "ndim", 0) == 0 and bool(array == 0)
