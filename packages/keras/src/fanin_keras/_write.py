"""A scheme into a model, in place: every variable, or none of them."""

from __future__ import annotations

import difflib
from typing import Any, Final

import keras
import numpy as np

from fanin.exceptions import FaninError, FaninValueError
from fanin.models import Parameter, Scheme
from fanin.models.parameter import OTHER_DTYPES, part_name
from fanin_keras._names import Named, dtype_name, shape_of
from fanin_numpy import NumpyBackend

__all__ = ["check", "write"]

_BACKEND: Final = NumpyBackend()


def check(variables: list[Named], scheme: Scheme, seed: int) -> dict[str, Parameter]:
    """Return what is to be drawn, by name, in the dtypes of a model's variables.

    Raises:
        FaninValueError: The scheme is another model's, or a law cannot be drawn.
    """
    _check(variables, scheme)
    drawn = {}
    for one in variables:
        known = scheme[one.name]
        if known.initializer is None and not known.parts:
            continue
        parameter = _in_dtype_of(one, known)
        _check_plans(one.name, parameter, seed)
        drawn[one.name] = parameter
    return drawn


def write(variables: list[Named], drawn: dict[str, Parameter], seed: int) -> None:
    """Overwrite a model's variables by what `check` returned."""
    for one in variables:
        if (parameter := drawn.get(one.name)) is not None:
            base = None if parameter.follows_laws else np.array(keras.ops.convert_to_numpy(one.variable.value))
            one.variable.assign(_values(one.name, parameter, seed, base))


def _in_dtype_of(one: Named, parameter: Parameter) -> Parameter:
    """Return a parameter in the dtype of its variable.

    Raises:
        FaninValueError: A law cannot be drawn in it.
    """
    dtype = dtype_name(one.variable)
    if dtype == parameter.dtype:
        return parameter
    try:
        return parameter.with_dtype(dtype)
    except FaninError as error:
        raise type(error)(f"{one.name}: {error}") from error


def _check(variables: list[Named], scheme: Scheme) -> None:
    """Refuse a scheme that is not this model's."""
    faults, names = [], {one.name for one in variables}
    for one in variables:
        if one.name not in scheme:
            close = difflib.get_close_matches(one.name, scheme, n=1)
            faults.append(f"{one.name} is not in the scheme" + (f" (which has {close[0]})" if close else ""))
        elif scheme[one.name].shape != shape_of(one.variable):
            faults.append(f"{one.name} has shape {shape_of(one.variable)}, and {scheme[one.name].shape} in the scheme")
    faults += [f"the scheme's {name} is not in the model" for name in scheme if name not in names]
    if faults:
        shown = "; ".join(faults[:8]) + (f"; and {len(faults) - 8} more" if len(faults) > 8 else "")
        raise FaninValueError(
            f"the scheme is not that of this model: {shown}. Record the model itself, or rename: scheme.rename(...)."
        )


def _check_plans(name: str, parameter: Parameter, seed: int) -> None:
    """Refuse a law that cannot be drawn, by name."""
    try:
        if parameter.initializer is not None and parameter.dtype not in OTHER_DTYPES:
            parameter.plan(name, seed)
    except FaninError as error:
        raise type(error)(f"{name}: {error}") from error
    for k, part in enumerate(parameter.parts):
        _check_plans(part_name(name, k), part.parameter, seed)


def _values(name: str, parameter: Parameter, seed: int, base: Any) -> Any:
    """Return a variable's new values; where parts leave something out, it is what the variable has now."""
    if base is None:
        return Scheme({name: parameter}).draw(seed, _BACKEND)[name]
    for k, part in enumerate(parameter.parts):
        place = tuple(slice(start, stop) for start, stop in part.region)
        piece = part_name(name, k)
        base[place] = Scheme({piece: part.parameter}).draw(seed, _BACKEND)[piece]
    return base
