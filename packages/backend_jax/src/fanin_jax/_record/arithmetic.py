"""What operations on each element make of a law: affine steps, bounds, casts, and the way from bits to numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from fanin.initializers import Constant
from fanin_jax._record.laws import Bits, Drawn, Law, affine, bitcast, clamped, quantile_of, shifted
from fanin_jax._record.tape import Operation
from fanin_jax._record.values import Filled, Value, number_of

__all__ = ["transformed"]


def transformed(operation: Operation, inputs: Sequence[Value], avals: Sequence[Any]) -> Filled | None:
    """Return what an operation on each element makes; None where no law is known to survive it."""
    name, dtype = operation.name, np.dtype(avals[operation.outputs[0]].dtype)
    for value, number in zip(inputs, operation.inputs, strict=True):
        grown = avals[number].shape != avals[operation.outputs[0]].shape
        if grown and isinstance(value, Filled) and value.regions:  # boxes do not grow with the axes
            return None
    if name in ("convert_element_type", "reduce_precision"):
        return _converted(inputs[0], np.dtype(avals[operation.inputs[0]].dtype), dtype)
    if name in ("max", "min", "clamp"):
        return _clamped(name, inputs)
    if name in ("add", "add_any", "sub", "mul", "div", "neg") and jnp.issubdtype(dtype, jnp.floating):
        return _affine(name, inputs)
    first = inputs[0] if inputs else None
    function = _function(name, inputs, dtype)
    if function is None or not isinstance(first, Filled):
        return None
    return first.mapped(lambda law: law.becomes(function(law.drawn)) if isinstance(law, Law) else None)


def _function(name: str, inputs: Sequence[Value], dtype: np.dtype[Any]) -> Callable[[Drawn], Drawn | None] | None:
    """Return what an operation makes of a law, as a function."""
    if name == "erf_inv":
        return lambda drawn: quantile_of(drawn, dtype)
    if name == "bitcast_convert_type":
        return lambda drawn: bitcast(drawn, dtype)
    number = number_of(inputs[1]) if len(inputs) > 1 else None
    if number is None:
        return None
    if name == "shift_right_logical":
        return lambda drawn: shifted(drawn, int(number))
    return (lambda drawn: _under(drawn, int(number))) if name == "or" else None


def _under(drawn: Drawn, number: int) -> Bits | None:
    """Return bits with constant bits above them."""
    if not isinstance(drawn, Bits) or drawn.above is not None or number & ((1 << (drawn.width - drawn.shift)) - 1):
        return None
    return replace(drawn, above=number)


def _converted(value: Value, before: np.dtype[Any], after: np.dtype[Any]) -> Filled | None:
    """Return a law in another dtype: no random number becomes a whole one, and bits only become wider."""
    if not isinstance(value, Filled):
        return None
    if jnp.issubdtype(after, jnp.floating) and jnp.issubdtype(before, jnp.floating):
        return value
    wider = before.kind == after.kind == "u" and after.itemsize >= before.itemsize
    return value if wider and value.law is not None and isinstance(value.law.drawn, Bits) else None


def _affine(name: str, inputs: Sequence[Value]) -> Filled | None:
    """Return what an affine step makes."""
    if name == "neg":
        return _each(inputs[0], -1.0, 0.0)
    for place in (0, 1):
        value, number = inputs[place], number_of(inputs[1 - place])
        if not isinstance(value, Filled) or number is None:
            continue
        if name == "mul":
            return _each(value, number, 0.0)
        if name == "div":
            return _each(value, 1.0 / number, 0.0) if not place and number else None
        if name == "sub":
            return _each(value, -1.0, number) if place else _each(value, 1.0, -number)
        return _each(value, 1.0, number)
    return None


def _each(value: Value, factor: float, shift: float) -> Filled | None:
    """Return factor * w + shift of each element."""

    def made(law: Law | float) -> Law | float | None:
        if not isinstance(law, Law):
            return factor * law + shift
        drawn = affine(law.drawn, factor, shift)
        return drawn.value if isinstance(drawn, Constant) else law.becomes(drawn)

    return value.mapped(made) if isinstance(value, Filled) else None


def _clamped(name: str, inputs: Sequence[Value]) -> Filled | None:
    """Return a law within bounds that cut nothing off."""
    values = [one for one in inputs if isinstance(one, Filled)]
    bounds = [number_of(one) for one in inputs if not isinstance(one, Filled)]
    if len(values) != 1 or None in bounds or (name == "clamp" and not isinstance(inputs[1], Filled)):
        return None
    numbers = [bound for bound in bounds if bound is not None]
    low = numbers[0] if name != "min" else -math.inf
    high = numbers[-1] if name != "max" else math.inf

    def made(law: Law | float) -> Law | float | None:
        if isinstance(law, Law):
            return law.becomes(clamped(law.drawn, low, high))
        return law if low <= law <= high else None

    return values[0].mapped(made)
