"""From a recording to a scheme: the law, the parts and the stream of each tensor of a module, or what computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Constant, MatrixInitializer
from fanin.layout import Geometry
from fanin.models import Parameter, Part, Scheme
from fanin.models.parameter import part_name
from fanin.models.table import Row, columns, merged
from fanin_torch._dtypes import DTYPES, dtype_name
from fanin_torch._layers import geometry_of
from fanin_torch._names import Named, named_tensors
from fanin_torch._record.laws import Law, source_law
from fanin_torch._record.program import Program, keep_apart, program_of
from fanin_torch._record.replay import replayed
from fanin_torch._record.tape import EMPTY, Tape

__all__ = ["RecordedScheme", "read_scheme"]


_SILENT: Final = {*EMPTY, "alias", "clone", "_to_copy", "detach", "lift_fresh"}
"""What a note need not name."""


class RecordedScheme(Scheme):
    """A scheme that still knows the recording it was read from, so that it can compute what follows no law.

    Attributes:
        tied: For each further name of a tied tensor, the name that it has in the scheme.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        tape: Tape,
        programs: dict[str, Program],
        sources: dict[int, Parameter],
        tied: Mapping[str, str],
    ) -> None:
        super().__init__(parameters)
        self.tied = tied
        self._tape = tape
        self._programs = programs
        self._sources = sources

    def __str__(self) -> str:
        ties = merged(Row(alias, (), name) for alias, name in self.tied.items())
        return f"{super().__str__()}\n\n{columns([('tied', 'to'), *ties])}" if self.tied else super().__str__()

    def keeps(self, name: str) -> bool:
        """Return whether a tensor was there before the recording, and nothing inside of it has changed it."""
        return not self._programs[name].is_known

    def replay(self, name: str, seed: int) -> Tensor:
        """Return a tensor that follows no law, computed again in main memory, with a named stream per random source.

        Raises:
            FaninValueError: It cannot be computed again.
        """
        self.check_replay(name)
        program = self._programs[name]
        with torch.device("cpu"):  # whatever is the default of the caller
            return replayed(program.slice.operations, self._tape.given, program.ref, self._sources, seed)

    def check_replay(self, name: str) -> None:
        """Check that a tensor that follows no law can be computed again.

        Raises:
            FaninValueError: It was made from something whose values the recording never saw, or by code that decided
                by its numbers.
        """
        program = self._programs[name]
        if program.is_decided or program.slice.unfilled:
            raise FaninValueError(
                f"{name} cannot be computed again: {self[name].note}. Build the model inside of the recording, on the "
                f"CPU (fanin_torch.record(draw=False) draws nothing there), or initialise {name} by a law."
            )


def read_scheme(model: nn.Module, tape: Tape) -> RecordedScheme:
    """Return the initialization of a module from what a tape has seen.

    Raises:
        FaninTypeError: It is not a module.
        FaninValueError: Nothing of it is on the tape, a parameter has no shape yet, or it holds random numbers that
            nobody can draw.
    """
    if not isinstance(model, nn.Module):
        raise FaninTypeError(f"a scheme is read of a torch.nn.Module. Received: {type(model).__name__}.")
    tape.note_writes()
    named = named_tensors(model)
    if odd := [one.names[0] for one in named if not _is_dense(one.tensor)]:
        raise FaninValueError(
            f"{', '.join(odd)}: sparse, nested or quantised tensors cannot be recorded. Make them after the model is "
            f"built."
        )
    if not named:
        raise FaninValueError(f"{type(model).__name__} has no parameters and no buffers: there is nothing to record.")
    if shapeless := [one.names[0] for one in named if torch.nn.parameter.is_lazy(one.tensor)]:
        raise FaninValueError(
            f"{', '.join(shapeless)}: no shape yet, since a lazy layer takes it from its first input. Call the model "
            f"on one batch inside of the recording, or of the function that builds it."
        )
    _check(model, named, tape)
    programs = {one.names[0]: program_of(one, tape, _geometry(one)) for one in named}
    keep_apart(programs, tape)
    sources = _sources(programs, tape)
    parameters = {one.names[0]: _parameter(one.tensor, programs[one.names[0]], sources, tape) for one in named}
    tied = {name: one.names[0] for one in named for name in one.names[1:]}
    return RecordedScheme(parameters, tape, programs, sources, tied)


def _is_dense(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not (tensor.is_quantized or tensor.is_nested)


def _check(model: nn.Module, named: list[Named], tape: Tape) -> None:
    if not any(tape.knows(one.tensor) for one in named):
        raise FaninValueError(
            f"no tensor of the module was made while the recording was on. Received: "
            f"{type(model).__name__} with {len(named)} tensors. Build or re-initialise it inside of the recording: "
            f"with fanin_torch.record() as recording: model = ..."
        )
    plain = [
        f"{path}.{key}".lstrip(".")
        for path, module in model.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, Tensor) and not tape.draws and tape.is_random(value)
    ]
    if plain:
        raise FaninValueError(
            f"{', '.join(plain)}: random, and neither a parameter nor a buffer, so that nothing can draw it later. "
            f"Register it as a buffer, or record with draw=True."
        )


def _geometry(one: Named) -> Geometry | None:
    """Return the axes of a tensor, if the layers that have it and know its axes agree on them."""
    found = {geometry_of(owner, key, one.tensor) for owner, key in one.places} - {None}
    return found.pop() if len(found) == 1 else None


def _sources(programs: dict[str, Program], tape: Tape) -> dict[int, Parameter]:
    """Return each random operation as a parameter with a stream: that of the first tensor that is it.

    Copies of one source then have one stream, and a tensor that is computed from another's source agrees with it.
    """
    streams: dict[int, tuple[str, Geometry | None]] = {}
    for program in programs.values():
        base = program.filled.base if program.filled else None
        if base is not None and base.source is not None:
            streams.setdefault(base.source, (program.stream, program.geometry))
    for program in programs.values():
        for k, (_, law) in enumerate(program.filled.regions if program.filled else ()):
            if law.source is not None:
                streams.setdefault(law.source, (part_name(program.stream, k), None))
    for program in programs.values():
        for k, number in enumerate(sorted(program.slice.sources)):
            streams.setdefault(number, (part_name(program.stream, k), None))
    return {number: _source(number, *found, tape) for number, found in streams.items()}


def _source(number: int, stream: str, geometry: Geometry | None, tape: Tape) -> Parameter:
    operation = tape.operations[number]
    law = source_law(operation)
    target = operation.target
    dtype = dtype_name(target.dtype)
    initializer = None if law is None or dtype not in DTYPES else law.initializer
    axes = _axes(target.shape, geometry, law)
    return Parameter(target.shape, dtype, initializer, stream=stream, **axes)


def _parameter(tensor: Tensor, program: Program, sources: dict[int, Parameter], tape: Tape) -> Parameter:
    shape, dtype, filled = tuple(tensor.shape), dtype_name(tensor.dtype), program.filled
    axes = _axes(shape, program.geometry, filled.base if filled else None)

    def noted() -> Parameter:
        return Parameter(shape, dtype, note=_note(program, tape), **axes)

    if filled is None:
        return noted()
    if dtype not in DTYPES:
        constant = filled.base.initializer if filled.base is not None and not filled.regions else None
        whole = isinstance(constant, Constant) and constant.value.is_integer()
        return Parameter(shape, dtype, constant, **axes) if whole else noted()
    parts: list[Part] = []
    for ref, law in filled.regions:
        region = ref.region_of(program.ref)
        if region is None or law.initializer is None:
            return noted()
        piece = tuple(stop - start for start, stop in region)
        stream = _stream(law, sources)
        parts.append(Part(region, Parameter(piece, dtype, law.initializer, stream=stream, **_axes(piece, None, law))))
    if filled.base is None:
        packed = Parameter(shape, dtype, parts=tuple(parts), **axes)
        return packed if parts and packed.follows_laws else noted()
    if filled.base.initializer is None:
        return noted()
    stream = _stream(filled.base, sources)
    own = None if stream == program.name else stream
    return Parameter(shape, dtype, filled.base.initializer, stream=own, parts=tuple(parts), **axes)


def _stream(law: Law, sources: dict[int, Parameter]) -> str | None:
    stream = None if law.source is None else sources[law.source].stream
    assert stream is None or isinstance(stream, str)
    return stream


def _axes(shape: tuple[int, ...], geometry: Geometry | None, law: Law | None) -> dict[str, Any]:
    """Return what the axes of a parameter are, as its layer says; for a matrix law without, as torch counts them."""
    if geometry is not None and geometry.shape == shape:
        return {
            "layout": geometry.layout,
            "groups": geometry.groups,
            "transposed": geometry.transposed,
            "stride": geometry.stride if geometry.transposed else None,
        }
    if law is not None and isinstance(law.initializer, MatrixInitializer):
        return {"layout": {3: "OIW", 4: "OIHW", 5: "OIDHW"}.get(len(shape), "OI")}
    return {}


def _note(program: Program, tape: Tape) -> str:
    """Return what computes a tensor that follows no law."""
    if not program.is_known:
        return "as it was before the recording"
    if program.slice.doubtful:
        return "unknown: made outside of torch, by code that had read random numbers"
    raw = [one.name for one in program.slice.operations if one.function is None and not one.is_hook]
    if "numpy" in raw:
        return "unknown: written outside of torch, into the memory that NumPy shares with it"
    if raw:
        return f"unknown: written by {raw[-1]}, which is no operation that can be done again"
    if program.slice.unfilled:
        return "unknown: made from a tensor whose values the recording never saw"
    if program.is_decided:
        return "unknown: the code read its numbers and decided by them"
    names = dict.fromkeys(operation.name for operation in program.slice.operations)
    shown = ", ".join(name for name in names if name not in _SILENT)
    outside = "numbers from outside of torch" if program.slice.outside else ""
    how = ", from ".join(filter(None, [shown, outside])) or "a copy"
    if program.is_looked_at:
        how += ", by code that read its numbers"
    return f"random, replayed by torch's arithmetic: {how}" if program.slice.sources else f"computed: {how}"
