"""A scheme with the laws and streams of another: the same weights in other shapes and layouts.

Two tensors can have the same weights where they have the same logical shape, (out, in, *kernel), whose order the
logical index goes by (specification, section 6), and where one rule draws both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from fanin._checks import closest
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.layout import Geometry
from fanin.models.parameter import Parameter, Part, packed_regions, part_name
from fanin.plans.rule_of import rule_of
from fanin.plans.rules import Rule

__all__ = ["Names", "like"]

Names: TypeAlias = Mapping[str, str | Sequence[str]]
"""A target's name to a source's; of a stack to one per slice, and of a packed tensor to one per piece."""


class _UnlikeError(Exception):
    """Why two parameters cannot have the same weights."""


def like(
    target: Mapping[str, Parameter], source: Mapping[str, Parameter], names: Names | None = None
) -> dict[str, Parameter]:
    """Return the target's parameters with the source's laws and streams.

    Raises:
        FaninValueError: A name is missing, or two tensors cannot have the same weights; the message lists all of them.
        FaninTypeError: `names` is not a mapping of names to names.
    """
    mapping = _checked(names)
    sources = _named(source)
    unknown = [name for name in mapping if name not in target]
    faults = [f"names has {name!r}, which this scheme has not.{closest(name, target)}" for name in unknown]
    made: dict[str, Parameter] = {}
    for name, parameter in target.items():
        wanted = mapping.get(name, name)
        absent = [one for one in ([wanted] if isinstance(wanted, str) else wanted) if one not in sources]
        if absent:
            faults.append(f"{name}: the source has no {', '.join(map(repr, absent))}.{closest(absent[0], sources)}")
            continue
        try:
            if isinstance(wanted, str):
                made[name] = _like(parameter, sources[wanted])
            else:
                several = _stack if parameter.geometry.stack_axis is not None else _packed
                made[name] = several(parameter, [sources[one] for one in wanted])
        except (_UnlikeError, FaninError) as fault:
            faults.append(f"{name} like {wanted if isinstance(wanted, str) else ', '.join(wanted)}: {fault}")
    if faults:
        raise FaninValueError(
            f"{len(faults)} fault{'s' * (len(faults) > 1)}, {len(target)} parameters, and nothing was changed:\n- "
            + "\n- ".join(faults)
            + "\nPass names={target: source}, and state the layout of tensors whose axes are stored in another order."
        )
    return made


def _checked(names: object) -> Names:
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise FaninTypeError(f"names must map this scheme's names to the source's. Received: {type(names).__name__}.")
    for name, other in names.items():
        several = isinstance(other, Sequence) and not isinstance(other, bytes)
        if not isinstance(name, str) or not several or not all(isinstance(one, str) for one in other):
            raise FaninTypeError(
                f"names must map a name to a name, or that of a stack or of a packed tensor to a list. Received: "
                f"{name!r}: {other!r}."
            )
    return names


def _named(source: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return every parameter by name, and what is within one by its stream: parts, and the slices of a stack."""
    found = {name: parameter.with_streams_of(name) for name, parameter in source.items()}
    for name, parameter in list(found.items()):
        for stream, inner in _inner(name, parameter):
            found.setdefault(stream, inner)
    return found


def _inner(name: str, parameter: Parameter) -> Iterator[tuple[str, Parameter]]:
    if isinstance(parameter.stream, tuple) and parameter.initializer is not None and not parameter.parts:
        one = _slice(parameter)
        try:
            law = _law(parameter.initializer, parameter, one)
        except _UnlikeError:
            return
        for stream in parameter.stream:
            yield stream, dataclasses.replace(one, initializer=law, stream=stream)
    for k, part in enumerate(parameter.parts):
        own = part_name(name, k)
        if isinstance(part.parameter.stream, str):
            yield part.parameter.stream, part.parameter
        yield own, part.parameter
        yield from _inner(own, part.parameter)


def _slice(stack: Parameter) -> Parameter:
    """Return a slice of a stack, without a law."""
    axis = stack.geometry.stack_axis
    assert axis is not None
    assert stack.layout is not None
    shape = stack.shape[:axis] + stack.shape[axis + 1 :]
    layout = stack.layout.replace("S", "")
    return dataclasses.replace(stack, shape=shape, layout=layout, initializer=None, stream=None, parts=(), note=None)


def _like(target: Parameter, source: Parameter) -> Parameter:
    """Return the target with the law and the streams of the source.

    Raises:
        _UnlikeError: They cannot have the same weights.
    """
    if target.layout is None and target.shape == source.shape:  # the same array, whatever its axes are
        return source.with_dtype(target.dtype)
    _check_order(target, source)
    if source.parts and not _stored_alike(target, source):
        raise _UnlikeError(
            f"the source is packed of {len(source.parts)} parts, and stored in another order; name one of its parts"
        )
    initializer = None if source.initializer is None else _law(source.initializer, source, target)
    parts = source.with_dtype(target.dtype).parts
    return dataclasses.replace(target, initializer=initializer, stream=source.stream, parts=parts, note=source.note)


def _stack(target: Parameter, sources: list[Parameter]) -> Parameter:
    """Return a stack with the law and the streams of its slices.

    Raises:
        _UnlikeError: It is no stack of as many slices, or a slice cannot have the weights of its source.
    """
    if _slices(target.geometry) != len(sources) or not sources:
        raise _UnlikeError(f"{len(sources)} sources make a stack of as many, and this tensor is {_shown(target)}")
    one = _slice(target)
    slices = [_like(one, source) for source in sources]
    initializers = [made.initializer for made in slices if made.initializer is not None and not made.parts]
    if len(initializers) < len(slices):
        raise _UnlikeError("a slice of a stack follows one law, and a source has parts, or no law")
    if len({_rule(initializer, one) for initializer in initializers}) > 1:
        raise _UnlikeError("the slices of a stack follow one law, and those of the sources differ")
    first = slices[0]
    streams = tuple(str(made.stream) for made in slices) if first.is_random else None
    if streams is not None and len(set(streams)) < len(streams):
        raise _UnlikeError("the slices of a stack have streams of their own, and two sources have the same")
    law = _law(initializers[0], first, target)
    return dataclasses.replace(target, initializer=law, stream=streams, parts=(), note=None)


def _packed(target: Parameter, sources: list[Parameter]) -> Parameter:
    """Return a tensor packed of others along its first out-axis, in their order: one part each.

    Raises:
        _UnlikeError: They do not fill it, or one of them cannot be stored in its place.
    """
    regions = packed_regions(target, [source.size for source in sources])
    if regions is None:
        sizes = ", ".join(str(source.shape) for source in sources)
        raise _UnlikeError(f"{_shown(target)} is not packed of {sizes} along its first out-axis")
    parts = []
    for region, source in zip(regions, sources, strict=True):
        shape = tuple(stop - start for start, stop in region)
        one = _like(
            dataclasses.replace(target, shape=shape, initializer=None, stream=None, parts=(), note=None), source
        )
        if one.initializer is None or one.parts:
            raise _UnlikeError("what is packed follows one law, and a source has parts, or no law")
        parts.append(Part(region, one))
    return dataclasses.replace(target, initializer=None, stream=None, parts=tuple(parts), note=None)


def _law(initializer: Initializer, source: Parameter, target: Parameter) -> Initializer:
    """Return an initializer that draws the target as the source's draws the source: it, or its law.

    Raises:
        _UnlikeError: There is none, since a matrix would be another one.
    """
    try:
        wanted = _rule(initializer, source)
        geometry = source.geometry
        law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    except FaninError as error:
        raise _UnlikeError(f"the source cannot be drawn: {error}") from error
    for one in (initializer, law):
        try:
            if _rule(one, target) == wanted:
                return one
        except FaninError:
            continue
    raise _UnlikeError(f"{initializer} makes another matrix of a tensor {_shown(target)} than of {_shown(source)}")


def _rule(initializer: Initializer, parameter: Parameter) -> Rule:
    """Return how an initializer draws a tensor's elements, in doubles, which tell apart what float32 does not."""
    return rule_of(initializer, parameter.geometry, DTYPES["float64"])


def _check_order(target: Parameter, source: Parameter) -> None:
    """Check that two tensors have the same logical shape.

    Raises:
        _UnlikeError: They do not.
    """
    ours, theirs = target.geometry, source.geometry
    try:
        for geometry in (ours, theirs):
            geometry.axes()
    except FaninValueError as error:
        raise _UnlikeError(str(error)) from error
    if ours.layout is None or theirs.layout is None:
        same = _sizes(ours) == _sizes(theirs) and _slices(ours) == _slices(theirs)
        same = same or (target.size == source.size and {ours.layout, theirs.layout} == {None, "O"})  # a bias of heads
    else:
        same = _channels(ours) == _channels(theirs)
    if not same:
        raise _UnlikeError(f"their shapes are {_shown(target)} and {_shown(source)}")


def _channels(geometry: Geometry) -> tuple[object, ...]:
    """Return what the logical order of a laid-out tensor goes by; spatial axes of size 1 make no difference."""
    outputs, inputs, groups = geometry.channels("O"), geometry.channels("I"), geometry.groups
    if geometry.transposed:
        outputs, inputs = outputs * groups, inputs // groups
    spatial = tuple(size for letter in "DHW" if (size := geometry.channels(letter)) != 1)
    return _slices(geometry), groups if geometry.transposed else 1, outputs, inputs, spatial


def _slices(geometry: Geometry) -> int | None:
    return None if geometry.stack_axis is None else geometry.shape[geometry.stack_axis]


def _sizes(geometry: Geometry) -> tuple[int, ...]:
    """Return the logical shape without the axes of size 1; without a layout it is as stored."""
    if geometry.layout is None:
        return tuple(size for size in geometry.shape if size != 1)
    _, _, outputs, inputs, spatial = _channels(geometry)
    assert isinstance(spatial, tuple)
    return tuple(size for size in (outputs, inputs, *spatial) if size != 1)


def _stored_alike(target: Parameter, source: Parameter) -> bool:
    return target.shape == source.shape and target.geometry.axes() == source.geometry.axes()


def _shown(parameter: Parameter) -> str:
    words = [str(parameter.shape), parameter.layout or "no layout"]
    words += [f"groups={parameter.groups}"] * (parameter.groups > 1) + ["transposed"] * parameter.transposed
    return ", ".join(words)
