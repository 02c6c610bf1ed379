"""A trace carried out step by step, so that the products of data and weights can be seen, and moved, on the way."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from fanin_jax._probe.axes import kernel_units_of, unit_axis_after, units_of
from fanin_jax._probe.formulas import activation_of

__all__ = ["FLAT", "Seen", "Use", "Value", "walk"]

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
    "relu6": "relu6",
    "hard_tanh": "hardtanh",
    "hard_sigmoid": "hardsigmoid",
    "hard_silu": "hardswish",
    "hard_swish": "hardswish",
    "celu": "celu",
}
"""Primitives, and functions that are traced under their names, which are activations."""

_GELU: Final = {"integer_pow": "gelu", "erf": "gelu", "erfc": "gelu"}
"""What a gelu, which is traced without its name, begins with: x^3 of its approximation, or erf(x)."""

_MOVES: Final = frozenset(
    {"broadcast_in_dim", "reshape", "transpose", "convert_element_type", "squeeze", "copy", "rev", "copy_p", "slice"}
)
"""Primitives that leave a weight a weight, or a layer's output an output."""

_WITH_RULES: Final = ("custom_jvp_call", "custom_vjp_call")
"""Calls of functions that bring their own derivatives."""

_CALLS: Final = ("jaxpr", "call_jaxpr", "fun_jaxpr")

MOST_STEPS: Final = 256
"""A longer scan is carried out as one operation."""

FLAT: Final = {"tanh": 2.9932, "sigmoid": 5.2934}
"""Beyond this an activation's derivative is below 1 % of its largest."""


@dataclass(frozen=True)
class Value:
    """A number of the trace, and where it comes from.

    Attributes:
        array: It.
        weight: The path of the weight that it is, moved or scaled by constants at most.
        layer: The number of the layer whose output it is, normalised at most.
        origin: The number of the layer that it comes from, through activations too.
        is_data: Whether it depends on the batch.
        units: Which of its axes counts the layer's units, where that is known.
        is_bare: Whether it is the product of data and a weight itself, to which a bias may come.
        exponent: What it is the exponential of, or the sum of the exponentials of, and along which axis.
        born: How many layers had run when it was made.
        shares: The number of the layer whose outputs' softmax it is.
        sources: The numbers of the layers that it is computed from, with no other layer between.
    """

    array: Any
    weight: str | None = None
    layer: int | None = None
    origin: int | None = None
    is_data: bool = False
    units: int | None = None
    is_bare: bool = False
    exponent: tuple[Any, int | None] | None = None
    born: int | None = None
    shares: int | None = None
    sources: frozenset[int] = frozenset()


@dataclass
class Use:
    """One use of a weight: a layer that has run.

    Attributes:
        weight: The path of the weight.
        kernel: The weight itself, as it is multiplied.
        product: The product of data and it, which is what is moved to differentiate.
        kind: "dense", "convolution" or "embedding".
        fan_in: How many products one output sums up.
        output: What comes of it, with its bias.
        units: Which axis of that counts the units.
        activation: What it is passed to.
        before: What that activation is applied to, and which axis counts the units.
        kernel_units: Which axes of the weight count the units.
        is_followed: Whether another layer is computed from its output.
    """

    weight: str
    kernel: Any
    product: Any
    kind: str
    fan_in: int | None
    output: Any
    units: int | None
    activation: str | None = None
    before: tuple[Any, int | None] | None = None
    kernel_units: tuple[int, ...] = ()
    is_followed: bool = False


@dataclass
class Seen:
    """What has been seen on the way.

    Attributes:
        uses: The uses of weights, in the order in which they ran.
        sums: Sums of outputs of two layers, or of one and what skips it, with the layer that ran last, and how many
            had run when the older one of the two was made and when they were added.
        softmaxes: What a softmax is taken of, with the layer that ran last.
        is_normalised: Whether anything is divided by a deviation.
        is_idle: Whether a deviation was a weight: the running statistics of a normalization.
        is_joined: Whether numbers are joined to what is older than a layer.
        dropouts: The layer that ran last, and what share a dropout sets to 0.
        unseen: Loops whose layers were not told apart.
    """

    uses: list[Use] = field(default_factory=list)
    sums: list[tuple[Any, Any, Any, str, tuple[int, int]]] = field(default_factory=list)
    softmaxes: list[tuple[Any, str]] = field(default_factory=list)
    is_normalised: bool = False
    is_idle: bool = False
    is_joined: bool = False
    dropouts: list[tuple[str, float]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def last(self) -> str:
        """The path of the module of the layer that ran last."""
        path = self.uses[-1].weight.rpartition(".")[0].rpartition(".")[0] if self.uses else ""
        return "the model" if path in ("", "params") else path


Move = Callable[[int, Any], Any]


def walk(traced: Any, values: Sequence[Value], seen: Seen, move: Move) -> list[Value]:
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
        given = [read(atom) for atom in equation.invars]
        results = _step(equation, given, seen, move)
        sources = _sources(given)
        for variable, value in zip(equation.outvars, results, strict=True):
            born = len(seen.uses) if value.is_data and value.born is None else value.born
            known[variable] = dataclasses.replace(value, born=born, sources=value.sources or sources)
    return [read(atom) for atom in traced.jaxpr.outvars]


def _step(equation: Any, given: list[Value], seen: Seen, move: Move) -> list[Value]:
    name = equation.primitive.name
    called = str(equation.params.get("name", ""))
    activation = _ACTIVATIONS.get(called) or _ACTIVATIONS.get(name)
    if activation is None:
        activation = _clipping(name, given)
    seen_as = activation or (_GELU.get(name) if equation.params.get("y", 3) == 3 else None)
    if seen_as is not None:
        _note_activation(seen_as, given, seen)
    if called == "_bernoulli" and len(given) > 1 and not isinstance(given[1].array, jax.core.Tracer):
        seen.dropouts.append((seen.last, 1 - float(given[1].array)))
    if name == "concatenate":
        seen.is_joined |= any(value.is_data and (value.born or 0) < len(seen.uses) for value in given)
    shares = _note_softmax(given, seen) if name == "div" else None
    if name == "rsqrt" and (given[0].is_data or given[0].weight is not None):
        seen.is_normalised = True
        seen.is_idle |= not given[0].is_data
    if name == "scan" and equation.params["length"] <= MOST_STEPS:
        return _scan(equation, given, seen, move)
    inner = _inner(equation)
    if inner is not None:
        used = given[len(given) - len(inner.jaxpr.invars) :]
        if activation is None and name in _WITH_RULES and all(value.weight is None for value in given):
            return _with_own_derivative(equation, given, inner, seen, move)
        if activation is None:
            return walk(inner, used, seen, move)
        arrays = core.jaxpr_as_fun(inner)(*(value.array for value in used))
    else:
        if name in ("scan", "while", "cond"):
            seen.unseen.append(name)
        bound = equation.primitive.bind(*(value.array for value in given), **equation.params)
        arrays = list(bound) if equation.primitive.multiple_results else [bound]
    is_data = any(value.is_data for value in given)
    if activation is not None:
        units = next((value.units for value in given if value.layer is not None), None)
        return [Value(array, origin=_origin(given), is_data=is_data, units=units) for array in arrays]
    if name in _PRODUCTS or name == "gather":
        return [_product(equation, given, arrays[0], seen, move)]
    if name in _MOVES:
        units = unit_axis_after(equation, given[0].units, np.shape(given[0].array))
        return [dataclasses.replace(given[0], array=array, units=units) for array in arrays]
    exponent = _exponent(equation, given)
    if name in ("mul", "div", "select_n", "max"):
        _note_formula(given, arrays[0], seen)
    return [dataclasses.replace(_mixed(name, given, array, seen), exponent=exponent, shares=shares) for array in arrays]


def _clipping(name: str, given: list[Value]) -> str | None:
    """Return the activation that a maximum or a clamp is, or None."""
    if name == "max" and any(_is_zero(value) for value in given):
        return "relu"
    if name != "clamp" or any(isinstance(value.array, jax.core.Tracer) or np.ndim(value.array) for value in given[::2]):
        return None
    low, high = float(given[0].array), float(given[2].array)
    if low == 0:
        return "relu6" if math.isfinite(high) else "relu"
    return "hardtanh" if low == -high else None


def _note_formula(given: list[Value], array: Any, seen: Seen) -> None:
    """Note an activation that is written out, as x * sigmoid(x), by the numbers that come of it."""
    origins = {value.origin for value in given if np.shape(value.array) == np.shape(array) and value.is_data}
    numbers = [value for value in given if jnp.issubdtype(jnp.result_type(value.array), jnp.floating)]  # and no masks
    one = next((value for value in numbers if value.layer is not None and value.layer in origins), None)
    if one is None or len(origins) != 1 or isinstance(array, jax.core.Tracer):
        return
    if sum(value.is_data for value in given) < 2 or np.shape(one.array) != np.shape(array):
        return
    use = seen.uses[one.layer or 0]
    activation = activation_of(one.array, array)
    if activation is not None:
        use.activation = activation
        use.before = (one.array, one.units)


def _exponent(equation: Any, given: list[Value]) -> tuple[Any, int | None] | None:
    """Return what the result is the exponential of, or the sum of the exponentials of."""
    name, first = equation.primitive.name, given[0] if given else Value(0.0)
    if name == "exp" and first.is_data and np.ndim(first.array) > 1:
        return first.array, None
    axes = equation.params.get("axes", ())
    if name == "reduce_sum" and first.exponent is not None and len(axes) == 1:
        return first.exponent[0], int(axes[0])
    return None


def _note_softmax(given: list[Value], seen: Seen) -> int | None:
    """Note exponentials that are divided by their sum, and return the number of the one layer that they are of."""
    above, below = given[0].exponent, given[1].exponent
    if above is None or below is None or above[0] is not below[0] or below[1] is None:
        return None
    if np.ndim(above[0]) > 2:
        seen.softmaxes.append((jnp.moveaxis(above[0], below[1], -1), seen.last))
    return given[0].layer


def _note_activation(activation: str, given: list[Value], seen: Seen) -> None:
    for value in given:
        if value.layer is not None and seen.uses[value.layer].activation is None:
            seen.uses[value.layer].activation = activation
            seen.uses[value.layer].before = (value.array, value.units)


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


def _with_own_derivative(
    equation: Any, given: list[Value], inner: core.ClosedJaxpr, seen: Seen, move: Move
) -> list[Value]:
    """Carry out a function that brings its own derivative: look into it, and let JAX differentiate it as a whole."""
    apart = [dataclasses.replace(value, array=jax.lax.stop_gradient(value.array)) for value in given]
    results = walk(inner, apart[len(given) - len(inner.jaxpr.invars) :], seen, move)
    bound = equation.primitive.get_bind_params(equation.params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)  # the one before JAX 0.10, the other since
    arrays = equation.primitive.bind(*functions, *(value.array for value in given), **params)
    return [dataclasses.replace(value, array=array) for value, array in zip(results, arrays, strict=True)]


def _scan(equation: Any, given: list[Value], seen: Seen, move: Move) -> list[Value]:
    """Carry out a scan step by step, so that its layers are seen each time that they run."""
    params = equation.params
    first, carried = params["num_consts"], params["num_consts"] + params["num_carry"]
    constants, carry, rows = given[:first], given[first:carried], given[carried:]
    order = range(params["length"])
    collected: list[list[Value]] = []
    for k in reversed(order) if params["reverse"] else order:
        # a stacked weight is one of its own in each step, and has its number
        own = [
            Value(
                row.array[k],
                None if row.weight is None else f"{row.weight}.{k}",
                is_data=row.is_data,
                sources=row.sources,
            )
            for row in rows
        ]
        results = walk(params["jaxpr"], [*constants, *carry, *own], seen, move)
        carry = results[: len(carry)]
        collected.append(results[len(carry) :])
    if params["reverse"]:
        collected.reverse()
    stacked = [
        Value(
            jnp.stack([value.array for value in column]),
            is_data=any(value.is_data for value in column),
            sources=_sources(column),
        )
        for column in zip(*collected, strict=True)
    ]
    if not collected:
        stacked = [Value(jnp.zeros(atom.aval.shape, atom.aval.dtype)) for atom in equation.outvars[len(carry) :]]
    return [*carry, *stacked]


def _product(equation: Any, given: list[Value], array: Any, seen: Seen, move: Move) -> Value:
    """Return the product of data and a weight as the output of a layer."""
    place = next((k for k, value in enumerate(given[:2]) if value.weight is not None), None)
    is_data = any(value.is_data for value in given)
    if place is None or not is_data or given[place].is_data:
        weight = None if place is None or is_data else given[place].weight
        return Value(array, weight=weight, is_data=is_data)
    if equation.primitive.name == "gather" and place != 0:
        return Value(array, is_data=is_data)
    units, fan_in, kind = units_of(equation, place, [np.shape(value.array) for value in given[:2]])
    number = len(seen.uses)
    moved = move(number, array)
    rows = kernel_units_of(equation, place, [np.shape(value.array) for value in given[:2]])
    made = Use(str(given[place].weight), given[place].array, moved, kind, fan_in, moved, units, kernel_units=rows)
    for before in _sources(given):
        seen.uses[before].is_followed = True
    seen.uses.append(made)
    shared = None if len(given) < 2 else given[1 - place].shares
    if shared is not None:
        seen.uses[shared].activation = "softmax"
    return Value(
        moved, layer=number, origin=number, is_data=True, units=units, is_bare=True, sources=frozenset({number})
    )


def _mixed(name: str, given: list[Value], array: Any, seen: Seen) -> Value:
    """Return what comes of several numbers: still a layer's output if they come of one layer, weights and constants."""
    is_data = any(value.is_data for value in given)
    if not is_data:
        weights = [value for value in given if value.weight is not None]
        largest = max(weights, key=lambda value: np.size(value.array), default=None)
        return Value(array, weight=None if largest is None else largest.weight)
    origins = {value.origin for value in given if value.weight is None and np.ndim(value.array)}
    if name == "add" and len(origins) > 1 and np.ndim(array) > 1:
        if all(np.shape(value.array) == np.shape(array) and value.is_data for value in given):
            since = min(value.born or 0 for value in given)
            seen.sums.append((given[0].array, given[1].array, array, seen.last, (since, len(seen.uses))))
        return Value(array, is_data=True)
    layers = {value.layer for value in given if value.layer is not None}
    layer = layers.pop() if len(layers) == 1 else None
    units = None
    own = next((value for value in given if value.layer is not None and np.ndim(value.array)), None)
    if layer is not None and own is not None:  # one number of a layer's output is none any more
        units = own.units if np.shape(own.array) == np.shape(array) else None
        if name == "add" and own.is_bare and any(value.weight is not None for value in given):
            seen.uses[layer].output = array
            seen.uses[layer].units = units
    return Value(array, layer=layer, origin=_origin(given), is_data=True, units=units)


def _sources(given: Sequence[Value]) -> frozenset[int]:
    return frozenset().union(*(value.sources for value in given))


def _origin(given: list[Value]) -> int | None:
    """Return the one layer that numbers come from, weights and constants aside; None for several or none."""
    known = {value.origin for value in given if value.origin is not None}
    return known.pop() if len(known) == 1 else None


def _is_zero(value: Value) -> bool:
    array = value.array
    return not isinstance(array, jax.core.Tracer) and getattr(array, "ndim", 0) == 0 and bool(array == 0)
