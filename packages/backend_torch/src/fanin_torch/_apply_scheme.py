"""A scheme into a module, in place: every tensor, or none of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.nn.parameter import is_lazy

import fanin_numpy
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant
from fanin.models import Parameter, Scheme
from fanin.models.draw import common_region, counted_from
from fanin.models.parameter import OTHER_DTYPES, part_name
from fanin.plans import Fill, Plan, Run
from fanin.stream.keys import text_words
from fanin.stream.threefry import Words
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import dtype_name
from fanin_torch._names import Named
from fanin_torch._record import RecordedScheme
from fanin_torch._record.hooks import current_tape
from fanin_torch._sharding import Block, local_blocks
from fanin_torch._writable import PLAIN, check_named, check_writable, is_plain

__all__ = ["apply_scheme"]

_FILLED: Final = 1 << 14
"""Constants of up to so many elements are filled by torch, which takes no other threads for them: a process that was
forked may have none."""


@dataclass
class _Write:
    """What to write where: plans into regions of this process's memory, or values that a recording computes.

    Attributes:
        plans: Plans, and the region that each fills.
        run: For a small tensor in main memory that is drawn with others: what draws it, and its stream's counter.
        replay: The name of a tensor that the recording computes.
        blocks: The parts of it that this process holds.
        fill: The value of a constant.
    """

    plans: Sequence[tuple[Plan, tuple[slice, ...]]] = ()
    run: tuple[Run, Words] | None = None
    replay: str | None = None
    blocks: Sequence[Block] = ()
    fill: float | None = None


def apply_scheme(model: nn.Module, tensors: list[Named], scheme: Scheme, seed: int, prefix: str = "") -> None:
    """Overwrite a module's parameters and buffers by a scheme.

    Args:
        model: The module.
        tensors: Its `named_tensors`, with the same prefix.
        scheme: The scheme.
        seed: An integer in [0, 2^64).
        prefix: The module's own name in a larger model.

    Raises:
        FaninValueError: The scheme is another model's, a tensor cannot be written, or one has no values and nothing
            says what they are. Nothing has been written then.
    """
    known = _matched(tensors, scheme, prefix)
    batch = None if current_tape() is not None or _share_memory(tensors) else fanin_numpy.batch(seed)
    writes = [(*its, _write(*its, scheme, seed, batch)) for its in known]
    make_real(model, tensors)
    with torch.no_grad():
        for one, name, parameter, write in writes:
            if batch is not None and write.run is not None:
                batch.add(*write.run, one.tensor.data_ptr())
            else:
                _carry_out(write, _held(one, name, parameter)[0], scheme, seed)
    if batch is not None:
        batch.draw()
        increment_version([one.tensor for one, _, _, write in writes if write.run is not None])


def _share_memory(tensors: list[Named]) -> bool:
    """Return whether several tensors lie in one storage, and may overlap: the later one of the scheme then counts."""
    own = [one.tensor.untyped_storage()._cdata for one in tensors if type(one.tensor) in PLAIN]
    return len(set(own)) < len(own)


def _matched(tensors: list[Named], scheme: Scheme, prefix: str) -> list[tuple[Named, str, Parameter]]:
    """Return the tensors that a scheme knows, each with its name there, which may be any of its names.

    Raises:
        FaninValueError: The scheme is not this model's.
    """
    faults: list[str] = []
    found: dict[str, tuple[Named, str, Parameter]] = {}
    for one in tensors:
        name = next((name for name in one.names if name in scheme), None)
        if name is None:
            if tied := _tied(one, scheme):
                faults.append(f"{one.names[0]} is not tied to {tied}, as it was when recorded: tie it again")
            elif not one.is_buffer or one.tensor.is_meta:
                close = difflib.get_close_matches(one.names[0], scheme, n=1)
                faults.append(f"{one.names[0]} is not in the scheme" + (f" (which has {close[0]})" if close else ""))
            continue
        parameter = scheme[name]
        found[name] = one, name, parameter
        _check_shaped(one)
        if parameter.shape != one.tensor.shape:
            faults.append(f"{name} has shape {tuple(one.tensor.shape)}, and {parameter.shape} in the scheme")
        elif parameter.initializer is None and not parameter.parts and parameter.note is None:
            faults.append(f"{name} has no law in the scheme, and no note that says why")
        elif one.tensor.is_meta and not parameter.follows_laws and not _computes(scheme, name):
            faults.append(f"{name} has no values, and the scheme says only: {parameter.note}")
        elif parameter.needs_recording and not isinstance(scheme, RecordedScheme):
            faults.append(f"{name} follows no law, and only the recording could compute it again ({parameter.note})")
    for name in scheme:
        if name not in found and (not prefix or name.startswith(f"{prefix}.")):
            faults.append(f"the scheme's {name} is not in the module")
    if faults:
        shown = "; ".join(faults[:8]) + (f"; and {len(faults) - 8} more" if len(faults) > 8 else "")
        raise FaninValueError(
            f"the scheme is not that of this module: {shown}. Record the module itself, or rename: scheme.rename(...)."
        )
    return list(found.values())


def _check_shaped(one: Named) -> None:
    """Refuse a tensor that has no shape to compare with a scheme's."""
    if is_lazy(one.tensor) or one.tensor.is_nested:
        try:
            check_writable(one.tensor)
        except FaninValueError as error:
            raise FaninValueError(f"{one.names[0]}: {error}") from error


def _tied(one: Named, scheme: Scheme) -> str | None:
    """Return the tensor of a scheme that one which it does not have was tied to, when it was recorded."""
    return scheme.tied.get(one.names[0]) if isinstance(scheme, RecordedScheme) else None


def _held(one: Named, name: str, parameter: Parameter) -> tuple[Tensor, list[Block] | None]:
    """Return what this process holds of a tensor, as `local_blocks` does."""
    law = parameter.initializer
    is_zero = isinstance(law, Constant) and law.value == 0 and not parameter.parts
    try:
        return local_blocks(one.tensor.detach(), is_zero)
    except FaninValueError as error:
        raise FaninValueError(f"{name}: {error}") from error


def _computes(scheme: Scheme, name: str) -> bool:
    """Return whether a scheme knows the recording that can compute a tensor without a law."""
    return isinstance(scheme, RecordedScheme) and not scheme.keeps(name)


def make_real(model: nn.Module, tensors: list[Named], device: torch.device | None = None) -> None:
    """Give memory to the tensors on the meta device, in place, here too; tied ones stay tied."""
    if not any(one.tensor.is_meta for one in tensors):
        return

    def real(tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return tensor
        return torch.empty_like(tensor, device=_device_of(tensor) if device is None else device)

    model._apply(real)  # type: ignore[no-untyped-call]
    for one in tensors:
        (module, key), *others = one.places
        kind = "_buffers" if one.is_buffer else "_parameters"
        one.tensor = getattr(module, kind)[key]
        for other, other_key in others:
            getattr(other, kind)[other_key] = one.tensor


def _device_of(tensor: Tensor) -> str:
    mesh = getattr(tensor, "device_mesh", None)
    return "cpu" if mesh is None else str(mesh.device_type)


def _write(
    one: Named, name: str, parameter: Parameter, scheme: Scheme, seed: int, batch: fanin_numpy.Batch | None
) -> _Write:
    """Return what to write into a tensor, which is nothing where it is to stay as it is."""
    run = parameter.run if batch is not None and is_plain(one.tensor) else None
    if batch is not None and run is not None and run.dtype == dtype_name(one.tensor.dtype):
        if isinstance(run.rule, Fill) and run.size <= _FILLED:
            return _Write(fill=run.rule.value)
        if batch.takes(run):
            return _Write(run=(run, text_words(name if parameter.stream is None else str(parameter.stream))))
    blocks = _held(one, name, parameter)[1]
    if blocks is None:
        whole = tuple((0, size) for size in parameter.shape)
        blocks = [Block(whole, tuple(slice(*ends) for ends in whole))]
    if parameter.initializer is None and not parameter.parts:
        if not _computes(scheme, name):
            return _Write()
        assert isinstance(scheme, RecordedScheme)
        scheme.check_replay(name)
        return _Write(replay=name, blocks=blocks)
    if isinstance(parameter.initializer, Constant) and parameter.dtype in OTHER_DTYPES:
        return _Write(fill=parameter.initializer.value)
    check_named(name, one.tensor)
    dtype = dtype_name(one.tensor.dtype)
    return _Write([drawn for block in blocks for drawn in _plans(parameter, name, dtype, block, seed)])


def _plans(
    parameter: Parameter, name: str, dtype: str, block: Block, seed: int
) -> Iterator[tuple[Plan, tuple[slice, ...]]]:
    """Yield the plans of a parameter's own law and of its parts, with the place of each in this process's memory."""
    if parameter.initializer is not None:
        is_whole = all(ends == (0, size) for ends, size in zip(block.part, parameter.shape, strict=True))
        part = None if is_whole else block.part
        yield parameter.with_dtype(dtype).plan(name, seed, part), block.place
    for k, one in enumerate(parameter.parts):
        common = common_region(block.part, one.region)
        if common is None:
            continue
        place = tuple(
            slice(base.start + start, base.start + stop)
            for (start, stop), base in zip(counted_from(block.part, common), block.place, strict=True)
        )
        within = counted_from(one.region, common)
        yield one.parameter.with_dtype(dtype).plan(part_name(name, k), seed, within), place


def _carry_out(write: _Write, memory: Tensor, scheme: Scheme, seed: int) -> None:
    if write.fill is not None:
        memory.fill_(write.fill)
    for plan, place in write.plans:
        draw_into(plan, memory[place] if place else memory)
    if write.replay is not None:
        assert isinstance(scheme, RecordedScheme)
        values = scheme.replay(write.replay, seed)
        for block in write.blocks:
            _copy(memory[block.place], values[tuple(slice(*ends) for ends in block.part)])


def _copy(target: Tensor, values: Tensor) -> None:
    """Copy values into memory, and once where several elements lie in the same memory, as `expand` makes them."""
    for axis, (step, size) in enumerate(zip(target.stride(), target.shape, strict=True)):
        if step == 0 and size > 1:
            target, values = target.narrow(axis, 0, 1), values.narrow(axis, 0, 1)
    target.copy_(values)
