"""Parameters as plain data, and a scheme as text: versioned JSON, one line per parameter."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from fanin._checks import closest, whole_number
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.models.parameter import Parameter, Part
from fanin.models.strict_json import read_json

__all__ = ["parameter_data", "parameter_of_data", "parameters_of_text", "text_of_parameters"]

_VERSION: Final = 1
_KEYS: Final = ("fanin_scheme", "parameters")
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Parameter) if field.name != "initializer")
_INFINITE: Final = {"inf": math.inf, "-inf": -math.inf}
"""JSON has no infinity, which a bound of a truncated normal may be."""


def parameter_data(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter as plain data, without what is the default."""
    data: dict[str, Any] = {"shape": list(parameter.shape), "dtype": parameter.dtype}
    if parameter.initializer is not None:
        data["law"] = {name: _in_json(value) for name, value in parameter.initializer.to_dict().items()}
    for field in dataclasses.fields(Parameter):
        value = getattr(parameter, field.name)
        if field.name not in ("shape", "dtype", "initializer", "parts") and value != field.default:
            data[field.name] = _in_json(value)
    if parameter.parts:
        data["parts"] = [_part_data(part) for part in parameter.parts]
    return data


def _part_data(part: Part) -> dict[str, Any]:
    """Return a part as plain data; its shape and dtype follow from the region and the whole."""
    rest = parameter_data(part.parameter)
    del rest["shape"], rest["dtype"]
    return {"region": [list(ends) for ends in part.region], **rest}


def _in_json(value: object) -> object:
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return list(value) if isinstance(value, tuple) else value


def _of_json(value: object) -> object:
    return _INFINITE.get(value, value) if isinstance(value, str) else value


def parameter_of_data(data: object) -> Parameter:
    """Return the parameter that `parameter_data` described.

    Raises:
        FaninValueError: A setting is missing, unknown or out of range.
        FaninTypeError: `data` is not a mapping, or a setting has the wrong type.
    """
    settings = _settings(data, ("law", *_FIELDS), "a parameter's")
    if "shape" not in settings:
        raise FaninValueError(f"a parameter's data has a shape. Received: {', '.join(settings) or 'nothing'}.")
    if "law" in settings:
        law = settings.pop("law")
        if isinstance(law, Mapping):
            law = {
                name: _INFINITE.get(value, value) if isinstance(value, str) else value for name, value in law.items()
            }
        settings["initializer"] = Initializer.from_dict(law)
    for name in ("shape", "parts"):
        if not isinstance(settings.get(name, []), list):
            raise FaninTypeError(f"{name} must be a list. Received: {settings[name]!r}.")
    dtype = settings.get("dtype", "float32")
    settings["parts"] = [_part(part, k, dtype) for k, part in enumerate(settings.get("parts", []))]
    return Parameter(**settings)


def _part(data: object, number: int, dtype: object) -> Part:
    """Return the part that `_part_data` described.

    Args:
        data: What it described.
        number: The part's place, for an error.
        dtype: The dtype of the whole.
    """
    try:
        settings = _settings(data, ("region", "law", *_FIELDS[2:]), "a part's")
        region = settings.pop("region", None)
        if not isinstance(region, list) or not all(isinstance(ends, list) and len(ends) == 2 for ends in region):
            raise FaninTypeError(f"a part's region has [start, stop] per axis. Received: {region!r}.")
        starts, stops = ([whole_number(ends[k], "an end of a part's region", 0) for ends in region] for k in (0, 1))
        shape = [whole_number(stop - start, "stop - start", 0) for start, stop in zip(starts, stops, strict=True)]
        whole = parameter_of_data({"shape": shape, "dtype": dtype, **settings})
        return Part(tuple(zip(starts, stops, strict=True)), whole)
    except FaninError as error:
        raise type(error)(f"part {number}: {error}") from error


def _settings(data: object, known: tuple[str, ...], whose: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise FaninTypeError(f"{whose} data must be a mapping. Received: {data!r} of type {type(data).__name__}.")
    for name in data:
        if name not in known:
            raise FaninValueError(
                f"{whose} data may have {', '.join(known)}. Received: {name!r}.{closest(str(name), known)}"
            )
    return dict(data)


def text_of_parameters(parameters: Mapping[str, Parameter]) -> str:
    """Return JSON: stable, versioned, and one line per parameter, so that a diff reads well."""
    lines = [
        f"    {json.dumps(name)}: {json.dumps(parameter_data(one), allow_nan=False)}"
        for name, one in parameters.items()
    ]
    body = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
    return f'{{\n  "fanin_scheme": {_VERSION},\n  "parameters": {body}\n}}\n'


def parameters_of_text(text: object) -> dict[str, Parameter]:
    """Return the parameters that `text_of_parameters` described.

    Raises:
        FaninValueError: The text is no JSON, no scheme, or of another version.
        FaninTypeError: It is no text, or a setting has the wrong type.
    """
    data = read_json(text, "a scheme", "scheme.to_json()")
    if not isinstance(data, dict) or "fanin_scheme" not in data:
        received = f"the keys {', '.join(data) or 'none'}" if isinstance(data, dict) else type(data).__name__
        hint = " That is a lock: fanin.locking.Lock.from_json(text).scheme is its scheme." * ("fanin_lock" in received)
        raise FaninValueError(f"a scheme's JSON is an object with {' and '.join(_KEYS)}. Received: {received}.{hint}")
    version = data["fanin_scheme"]
    if version != _VERSION or isinstance(version, bool):
        raise FaninValueError(f"this fanin reads schemes of version {_VERSION}. Received: version {version!r}.")
    if set(data) != set(_KEYS) or not isinstance(data["parameters"], dict):
        raise FaninValueError(
            f"a scheme's JSON is an object with {' and '.join(_KEYS)}, the latter an object too. Received: the keys "
            f"{', '.join(data)}."
        )
    parameters = {}
    for name, record in data["parameters"].items():
        try:
            parameters[name] = parameter_of_data(record)
        except FaninError as error:
            raise type(error)(f"{name}: {error}") from error
    return parameters
