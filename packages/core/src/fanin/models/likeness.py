"""A scheme with the laws and streams of another: the same weights in other shapes and layouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Parameter, part_name

__all__ = ["like"]


def like(
    target: Mapping[str, Parameter], source: Mapping[str, Parameter], names: Mapping[str, str] | None
) -> dict[str, Parameter]:
    """Return the target's parameters with the source's laws and streams.

    Raises:
        FaninValueError: A name is missing, or two logical shapes differ; the message lists all of them.
    """
    sources = dict(_named(source))
    wanted = {name: (names or {}).get(name, name) for name in target}
    faults = [f"there is no parameter {name!r} in this scheme" for name in names or {} if name not in target]
    made: dict[str, Parameter] = {}
    for name, parameter in target.items():
        if wanted[name] not in sources:
            faults.append(f"{name}: the source has no {wanted[name]!r}")
            continue
        other = sources[wanted[name]]
        if fault := _fault(parameter, other):
            faults.append(f"{name} like {wanted[name]}: {fault}")
            continue
        made[name] = _with_law(parameter, other.with_streams_of(wanted[name]))
    if faults:
        raise FaninValueError(
            f"{len(faults)} of {len(target)} parameters cannot be like the source's: " + "; ".join(faults) + ". Pass "
            "names={target: source}, and state the layout of parameters whose axes are stored in another order."
        )
    return made


def _named(source: Mapping[str, Parameter]) -> Iterator[tuple[str, Parameter]]:
    """Yield every parameter and every part by name."""
    for name, parameter in source.items():
        yield name, parameter
        for k, part in enumerate(parameter.parts):
            stream = part.parameter.stream
            yield stream if isinstance(stream, str) else part_name(name, k), part.parameter


def _with_law(parameter: Parameter, other: Parameter) -> Parameter:
    if parameter.layout is None and parameter.shape == other.shape:  # the same order of the elements, whatever it is
        return dataclasses.replace(other, dtype=parameter.dtype) if not other.parts else other
    return dataclasses.replace(parameter, initializer=other.initializer, stream=other.stream, parts=(), note=other.note)


def _fault(parameter: Parameter, other: Parameter) -> str:
    """Return why two parameters cannot have the same weights, or nothing."""
    if parameter.layout is None and parameter.shape == other.shape:
        return ""
    if other.parts and parameter.shape != other.shape:
        return f"it is packed of {len(other.parts)} parts; name one of them"
    ours, theirs = _logical(parameter), _logical(other)
    if ours == theirs:
        return ""
    return f"their shapes are {_shown(parameter)} and {_shown(other)}"


def _logical(parameter: Parameter) -> tuple[object, ...]:
    """Return what the logical order of the elements depends on."""
    geometry = parameter.geometry
    if geometry.layout is None or set(geometry.layout) <= {"O"}:
        return (parameter.size,) if len(parameter.shape) <= 1 or geometry.layout else parameter.shape
    spatial = tuple(geometry.channels(letter) for letter in "DHW" if letter in geometry.layout)
    outputs, inputs, groups = geometry.channels("O"), geometry.channels("I"), geometry.groups
    if geometry.transposed:
        outputs, inputs = outputs * groups, inputs // groups
    stack = geometry.shape[geometry.stack_axis] if geometry.stack_axis is not None else None
    if not spatial and stack is None and groups == 1:
        return (outputs, inputs)  # as a matrix without a layout has it
    return (stack, groups if geometry.transposed else 1, outputs, inputs, spatial)


def _shown(parameter: Parameter) -> str:
    return f"{parameter.shape} ({parameter.layout or 'no layout'})"
