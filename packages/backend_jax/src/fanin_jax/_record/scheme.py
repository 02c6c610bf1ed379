"""From a traced function to a scheme: the law, the parts and the stream of each array, or what computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import jax
import numpy as np

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, MatrixInitializer
from fanin.layout import Geometry
from fanin.models import Parameter, Part, Scheme
from fanin.models.parameter import OTHER_DTYPES
from fanin_jax._record.fold import Fold
from fanin_jax._record.laws import settled
from fanin_jax._record.programs import Draw, Program, keep_apart, program_of
from fanin_jax._record.replay import replayed
from fanin_jax._record.streams import Streams
from fanin_jax._record.tape import Tape
from fanin_jax._record.trace import Traced, trace
from fanin_jax._record.values import Region

__all__ = ["RecordedScheme", "Recording", "record"]

_SILENT: Final = {
    *("broadcast_in_dim", "reshape", "squeeze", "transpose", "convert_element_type", "random_bits", "random_wrap"),
    *("random_split", "random_fold_in", "random_unwrap", "random_clone", "random_seed", "slice", "shift_right_logical"),
    *("or", "bitcast_convert_type", "stop_gradient", "copy", "concatenate", "expand_dims", "nextafter", "select_n"),
}
"""What a note need not name."""


@dataclass(frozen=True)
class Recording:
    """A function of a key that was traced, and what is known of it.

    Attributes:
        traced: What it does and returns.
        fold: What is known of each value.
        programs: What fills each array that it returns.
        streams: The streams.
        templates: By the identity of a slice, the shape and axes that its stream has as a parameter.
    """

    traced: Traced
    fold: Fold
    programs: list[Program]
    streams: Streams
    templates: dict[object, Parameter] = field(default_factory=dict)


class RecordedScheme(Scheme):
    """A scheme that still knows the function it was read from, so that it can compute what follows no law."""

    def __init__(self, parameters: Mapping[str, Parameter], recording: Recording) -> None:
        super().__init__(parameters)
        self.recording = recording

    def replay(self, name: str, seed: int = 0) -> jax.Array:
        """Return an array that follows no law, computed again with a named stream per random source.

        Raises:
            FaninValueError: There is no such array, or it was made from an argument of which only the shape is known.
        """
        program = next((one for one in self.recording.programs if one.leaf.name == name), None)
        if program is None:
            raise FaninValueError(f"the scheme has no {name!r}. It has: {', '.join(list(self)[:5])}.")
        return replayed(self.recording, program, seed)


def record(function: Callable[..., Any], *args: Any) -> RecordedScheme:
    """Return a model's own initialization as a scheme, read from what its code does. Nothing is drawn.

    The function is traced once, and each array that it returns is followed back to its random source: a uniform,
    normal, truncated normal or orthogonal one, scaled, moved, reshaped, transposed, cut, joined or stacked; a
    constant; or a table. What follows no law is named with what computes it, and `fanin_jax.build` computes it again.

    A name is the path in the tree, joined by dots. Of Linen's variables the collection ("params") is left out, so that
    `model.init(key, x)`, `model.init(key, x)["params"]` and an NNX model with the same attributes have the same names.
    Layers that were made by `vmap` or `scan` are stacks with one stream per layer, with the number where a list of
    layers would have it: "blocks.0.kernel", "blocks.1.kernel", ...

    Args:
        function: A function of a key and `args` that returns a tree of arrays: `model.init` of Linen or Haiku, or any
            other. A function or class with an argument `rngs` gets `nnx.Rngs(key)` for it (Flax NNX); one with a
            keyword-only argument `key` gets the key for that (Equinox).
        args: The other arguments. Of an array, a `jax.ShapeDtypeStruct` is enough.

    Returns:
        A `fanin.Scheme`.

    Raises:
        FaninTypeError: It is no function of a key, or returns no array.
        FaninValueError: Two arrays would have the same name.

    Example:
        >>> def layer(key, width):
        ...     return {"kernel": jax.random.normal(key, (width, 4)) * width**-0.5, "bias": jax.numpy.zeros(4)}
        >>> print(record(layer, 16))
        name    shape   dtype    law
        bias    4       float32  every weight is 0
        kernel  16 x 4  float32  N(0, 0.25^2)
    """
    traced = trace(function, args)
    tape = Tape.of(traced.closed)
    for number, given in zip(tape.arguments[1:], traced.given, strict=True):
        if given is not None:
            tape.given[number] = given
    fold = Fold.of(tape)
    programs = [
        program_of(leaf, number, traced.geometries.get(k), fold)
        for k, (leaf, number) in enumerate(zip(traced.leaves, tape.results, strict=True))
    ]
    keep_apart(programs, fold)
    recording = Recording(traced, fold, programs, Streams(programs, fold.identities))
    parameters = {program.leaf.name: _parameter(program, recording) for program in programs if not program.leaf.is_key}
    return RecordedScheme(parameters, recording)


def _parameter(program: Program, recording: Recording) -> Parameter:
    leaf = program.leaf
    shape, dtype = leaf.shape, str(leaf.dtype)
    if dtype not in DTYPES and dtype not in OTHER_DTYPES:
        raise FaninValueError(
            f"{leaf.name} has dtype {dtype}, which a scheme has no word for. Accepted: "
            f"{', '.join([*DTYPES, *sorted(OTHER_DTYPES)])}. Let the function return it in one of these."
        )
    plain = _laid_out(Parameter(shape, dtype), program.geometry)
    if not program.folds:
        return replace(plain, note=_note(program, recording))
    constant = None
    if program.constant is not None:
        constant = settled(Constant(program.constant), np.dtype(leaf.dtype))
    if not program.draws and not program.fills:
        return replace(plain, initializer=constant)
    base = program.base
    made = replace(plain, initializer=constant) if base is None else _drawn(plain, base, program, recording)
    parts = []
    for k, draw in enumerate(program.draws):
        parts += [_fill(region, dtype, value) for before, region, value in program.fills if before == k]
        if draw is not base:
            inner = Parameter(tuple(stop - start for start, stop in draw.region), dtype)
            parts.append(Part(draw.region, _drawn(inner, draw, program, recording)))
    parts += [_fill(region, dtype, value) for before, region, value in program.fills if before == len(program.draws)]
    packed = replace(made, parts=tuple(parts))
    return packed if packed.follows_laws else replace(plain, note=_note(program, recording))


def _fill(region: Region, dtype: str, value: float) -> Part:
    return Part(region, Parameter(tuple(stop - start for start, stop in region), dtype, Constant(value)))


def _drawn(parameter: Parameter, draw: Draw, program: Program, recording: Recording) -> Parameter:
    """Return a parameter, or a part of one, with its law, its streams and the axes that these need."""
    streams = recording.streams.of(program, draw)
    layout = parameter.layout
    if isinstance(draw.initializer, MatrixInitializer):
        layout = _matrix_layout(draw, parameter, recording)
    if draw.axis is None:
        stream = None if streams[0] == program.leaf.name and draw is program.base else streams[0]
        laid_out = _with_layout(parameter, layout)
        if draw.whole:
            recording.templates.setdefault(draw.slices[0], laid_out)
        return replace(laid_out, initializer=draw.initializer, stream=stream)
    letters = list(layout or "O" * len(parameter.shape))
    letters[draw.axis] = "S"
    stacked = _with_layout(parameter, "".join(letters))
    if draw.whole:
        shape = parameter.shape[: draw.axis] + parameter.shape[draw.axis + 1 :]
        known = "".join(letters).replace("S", "") if layout is not None else None
        one = replace(stacked, shape=shape, layout=known)
        for identity in draw.slices:
            recording.templates.setdefault(identity, one)
    return replace(stacked, initializer=draw.initializer, stream=streams)


def _matrix_layout(draw: Draw, parameter: Parameter, recording: Recording) -> str:
    """Return the letters that say which axes of an orthogonal matrix are rows and which are columns."""
    shape = next(source.shape for source in recording.fold.sources if source.slice(0) == draw.slices[0])
    columns = shape[-1]
    strides = list(draw.within.strides)
    sizes = list(draw.within.shape)
    if draw.axis is not None:
        strides.insert(draw.axis, 0)
        sizes.insert(draw.axis, 1)
    in_columns = [stride % columns != 0 and size != 1 for stride, size in zip(strides, sizes, strict=True)]
    moving = [k for k, size in enumerate(sizes) if size != 1]
    known = parameter.layout
    if known is not None and moving:
        outputs = (
            {known[k] == "O" for k in moving if in_columns[k]},
            {known[k] == "O" for k in moving if not in_columns[k]},
        )
        if all(len(kind) == 1 for kind in outputs) and outputs[0] != outputs[1]:
            return known
    last = in_columns[moving[-1]] if moving else False
    return "".join("O" if k in moving and in_columns[k] == last else "I" for k in range(len(sizes)))


def _with_layout(parameter: Parameter, layout: str | None) -> Parameter:
    """Return a parameter with other letters; groups and strides stay where only a stack's letter is new."""
    if layout == parameter.layout:
        return parameter
    if layout is None or parameter.layout is None or len(layout.replace("S", "")) != len(parameter.layout):
        return replace(parameter, layout=layout, groups=1, transposed=False, stride=None)
    return replace(parameter, layout=layout)


def _laid_out(parameter: Parameter, geometry: Geometry | None) -> Parameter:
    """Return a parameter with the axes that its layer, or the forward pass, says it has."""
    if geometry is None or geometry.layout is None or geometry.shape != parameter.shape:
        return parameter
    return replace(
        parameter,
        layout=geometry.layout.replace("S", "O"),
        groups=geometry.groups,
        transposed=geometry.transposed,
        stride=geometry.stride if geometry.transposed else None,
    )


def _note(program: Program, recording: Recording) -> str:
    """Return what computes an array that follows no law."""
    tape = recording.fold.tape
    operations = tape.slice_of(program.number)
    needed = {number for operation in operations for number in operation.inputs} | {program.number}
    unknown = [number for number in tape.arguments[1:] if number in needed and number not in tape.given]
    if unknown:
        return "unknown: made from an argument of which only the shape is known"
    names = dict.fromkeys(operation.name for operation in operations)
    shown = ", ".join(name for name in names if name not in _SILENT) or "a copy"
    return f"random, replayed by XLA's arithmetic: {shown}" if program.is_random else f"computed: {shown}"
