"""Recording: a model's own initialization, read from what its code does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.layout import Geometry
from fanin.models import Parameter, Part, Scheme
from fanin.models.parameter import part_name
from fanin_torch._dtypes import DTYPES, dtype_name
from fanin_torch._names import named_tensors
from fanin_torch.record._fold import Filled, Law, fold, source_law
from fanin_torch.record._hooks import hooked
from fanin_torch.record._layouts import layouts_of
from fanin_torch.record._replay import replayed
from fanin_torch.record._tape import Operation, Ref, Tape

__all__ = ["RecordedScheme", "Recording", "record"]


class _Constants(TorchFunctionMode):
    """On the meta device `torch.tensor([...])` forgets its numbers: they are made in main memory, and then moved."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        device = given.get("device")
        makes = func in (torch.tensor, torch.as_tensor, torch.scalar_tensor)
        if makes and device is not None and torch.device(device).type == "meta" and not _has_tensor(args):
            return func(*args, **{**given, "device": "cpu"}).to("meta")
        return func(*args, **given)


def _has_tensor(args: Any) -> bool:
    return any(isinstance(argument, Tensor) for argument in args)


@dataclass
class _Program:
    """What a tensor of a model was filled by."""

    ref: Ref
    operations: list[Operation]
    unfilled: set[int]
    filled: Filled | None


class RecordedScheme(Scheme):
    """A scheme that still knows the recording it was read from, so that it can compute what follows no law."""

    def __init__(
        self, parameters: Mapping[str, Parameter], recording: Recording, programs: dict[str, _Program]
    ) -> None:
        super().__init__(parameters)
        self._recording = recording
        self._programs = programs

    def replay(self, name: str, seed: int) -> Tensor:
        """Return a tensor that follows no law, computed again in main memory, with a named stream per random source.

        Raises:
            FaninValueError: It was made from something whose values the recording never saw.
        """
        program = self._programs[name]
        if program.unfilled:
            raise FaninValueError(
                f"{name} was made from a tensor whose values the recording never saw. Build the model inside of the "
                f"recording, on the CPU: with fanin_torch.record(draw=False) no number is drawn there."
            )
        return replayed(program.operations, self._recording.tape.given, program.ref, self._recording.sources, seed)


class Recording:
    """What `record` has seen: from it the scheme of any module that was built or re-initialised inside."""

    def __init__(self, tape: Tape) -> None:
        self.tape: Final = tape
        self.sources: dict[int, Parameter] = {}

    def scheme(self, model: nn.Module) -> Scheme:
        """Return the initialization of a module, with the names of `named_parameters` and `named_buffers`.

        A parameter has the law that its code draws it by. Several regions with laws of their own are parts. What
        follows no law has a note that says what computes it.

        Raises:
            FaninTypeError: It is not a module.
            FaninValueError: Nothing of it was made while the recording was on.
        """
        if not isinstance(model, nn.Module):
            raise FaninTypeError(f"a scheme is read of a torch.nn.Module. Received: {type(model).__name__}.")
        named = named_tensors(model)
        tensors = {one.names[0]: one.tensor for one in named}
        missing = [name for name, tensor in tensors.items() if not self.tape.knows(tensor)]
        if missing:
            raise FaninValueError(
                f"{len(missing)} of {len(tensors)} tensors were not made while the recording was on: "
                f"{', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}. Build or re-initialise the module "
                f"inside of it: with fanin_torch.record() as recording: model = ..."
            )
        layouts = layouts_of(model)
        programs = {name: self._program(tensor) for name, tensor in tensors.items()}
        streams = self._streams(programs, {one.names[0]: one.stream for one in named}, layouts)
        parameters = {
            name: self._parameter(name, tensor, programs[name], layouts.get(name), streams)
            for name, tensor in tensors.items()
        }
        return RecordedScheme(parameters, self, programs)

    def _program(self, tensor: Tensor) -> _Program:
        ref = Ref.of(tensor)
        operations, unfilled = self.tape.slice_of(ref.key)
        return _Program(ref, operations, unfilled, fold(operations, ref.key) if ref.whole else None)

    def _streams(
        self, programs: dict[str, _Program], own: dict[str, str], layouts: dict[str, Geometry]
    ) -> dict[int, str]:
        """Return the stream of each random source: its name is that of the first tensor that is it.

        Copies of one source then have one stream, and a tensor that is computed from another's source agrees with it.

        Args:
            programs: What filled each tensor.
            own: The stream of each tensor's own name.
            layouts: What the axes of a tensor are, where that is known.
        """
        streams: dict[int, str] = {}
        for name, program in programs.items():
            base = program.filled.base if program.filled else None
            if base is not None and base.source is not None and base.source not in streams:
                streams[base.source] = own[name]
                source = source_law(self.tape.operations[base.source])
                if source is not None:
                    self._source(base.source, source.initializer, own[name], layouts.get(name))
        for name, program in programs.items():
            regions = program.filled.regions if program.filled else []
            for k, (_, region) in enumerate(regions):
                if region.source is not None and region.source not in streams:
                    streams[region.source] = part_name(own[name], k)
        for name, program in programs.items():
            random = [operation for operation in program.operations if operation.is_random]
            for k, operation in enumerate(random):
                stream = streams.setdefault(operation.number, part_name(own[name], k))
                if operation.number not in self.sources:
                    law = source_law(operation)
                    self._source(operation.number, None if law is None else law.initializer, stream, None)
        return streams

    def _source(self, number: int, initializer: Initializer | None, stream: str, geometry: Geometry | None) -> None:
        target = self.tape.operations[number].target
        parameter = Parameter(target.shape, dtype_name(target.dtype), initializer, stream=stream)
        if geometry is not None and geometry.shape == target.shape:
            parameter = _laid_out(parameter, geometry)
        self.sources[number] = parameter

    def _parameter(
        self, name: str, tensor: Tensor, program: _Program, geometry: Geometry | None, streams: dict[int, str]
    ) -> Parameter:
        shape, dtype, filled = tuple(tensor.shape), dtype_name(tensor.dtype), program.filled
        plain = Parameter(shape, dtype)
        if geometry is not None and geometry.shape == shape:
            plain = _laid_out(plain, geometry)
        if dtype not in DTYPES or filled is None or (filled.base is None and not filled.regions):
            return replace(plain, note=self._note(program))
        parts: list[Part] = []
        for ref, law in filled.regions:
            region = _region(ref, program.ref)
            if region is None or law.initializer is None:
                return replace(plain, note=self._note(program))
            piece = tuple(stop - start for start, stop in region)
            one = Parameter(piece, dtype, law.initializer, _matrix_layout(law, piece), stream=_stream_of(law, streams))
            parts.append(Part(region, one))
        if filled.base is None:
            whole = replace(plain, parts=tuple(parts))
            return whole if whole.follows_laws else replace(plain, note=self._note(program))
        if filled.base.initializer is None:
            return replace(plain, note=self._note(program))
        stream = _stream_of(filled.base, streams)
        layout = plain.layout or _matrix_layout(filled.base, shape)
        return replace(
            plain,
            initializer=filled.base.initializer,
            layout=layout,
            stream=None if stream == name else stream,
            parts=tuple(parts),
        )

    def _note(self, program: _Program) -> str:
        """Return what computes a tensor that follows no law."""
        if program.unfilled:
            return "made from a tensor whose values the recording never saw"
        names = [operation.name for operation in program.operations]
        shown = ", ".join(dict.fromkeys(names)) or "torch.tensor or an array from outside of torch"
        random = any(operation.is_random for operation in program.operations)
        outside = any(ref.key in self.tape.given for operation in program.operations for ref in operation.reads())
        kind = "random, replayed by torch's arithmetic" if random else "computed"
        return f"{kind}: {shown}{', from numbers from outside of torch' if outside else ''}"


def _stream_of(law: Law, streams: dict[int, str]) -> str | None:
    return None if law.source is None else streams[law.source]


def _laid_out(parameter: Parameter, geometry: Geometry) -> Parameter:
    return replace(
        parameter,
        layout=geometry.layout,
        groups=geometry.groups,
        transposed=geometry.transposed,
        stride=geometry.stride if geometry.transposed else None,
    )


def _matrix_layout(law: Law, shape: tuple[int, ...]) -> str | None:
    """Return the layout of a matrix law as torch counts rows and columns; None where the law needs none."""
    from fanin.initializers import MatrixInitializer

    if not isinstance(law.initializer, MatrixInitializer):
        return None
    return {2: "OI", 3: "OIW", 4: "OIHW", 5: "OIDHW"}.get(len(shape), "O" + "I" * (len(shape) - 1))


def _region(view: Ref, whole: Ref) -> tuple[tuple[int, int], ...] | None:
    """Return the hyper-rectangle of a C-contiguous tensor that a view is, or None."""
    strides: list[int] = []
    step = 1
    for size in reversed(whole.shape):
        strides.insert(0, step)
        step *= size
    if whole.stride != tuple(strides) and any(size > 1 for size in whole.shape):
        return None
    start = view.offset - whole.offset
    corner = [start // stride % size if size else 0 for stride, size in zip(strides, whole.shape, strict=True)]
    lengths = [1] * len(whole.shape)
    free = list(range(len(whole.shape)))
    for size, stride in zip(view.shape, view.stride, strict=True):
        if size == 1:
            continue
        axis = next((k for k in free if strides[k] == stride and whole.shape[k] > 1), None)
        if axis is None:
            return None
        free.remove(axis)
        lengths[axis] = size
    region = tuple((first, first + length) for first, length in zip(corner, lengths, strict=True))
    inside = all(stop <= size for (_, stop), size in zip(region, whole.shape, strict=True))
    return region if inside else None


@contextmanager
def record(draw: bool = True) -> Iterator[Recording]:
    """Record how any code builds or re-initialises modules.

    The laws are read from what the code does, never from the names of classes. Only this thread is recorded, and
    nothing of the process is changed once the recording is over.

    Args:
        draw: Whether random numbers are drawn. With False the weights are undefined, building a large model costs no
            random numbers and touches no memory, and torch's generators stay as they are.

    Yields:
        A `Recording`, whose `scheme(model)` is the model's initialization as data.

    Example:
        >>> with record(draw=False) as recording:
        ...     model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10, bias=False))
        >>> print(recording.scheme(model))
        name      shape     dtype    law                 layout
        0.weight  256 x 64  float32  U(-0.125, 0.125)    OI
        0.bias    256       float32  U(-0.125, 0.125)    O
        2.weight  10 x 256  float32  U(-0.0625, 0.0625)  OI
    """
    tape = Tape(draw)
    generator = None if draw else torch.random.get_rng_state()
    try:
        with hooked(tape), _Constants(), tape:
            yield Recording(tape)
    finally:
        if generator is not None:
            torch.random.set_rng_state(generator)
