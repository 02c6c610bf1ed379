"""The draw of one stream on an accelerator by one launch of the Triton kernel."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from fanin.layout import Axis
from fanin.plans import Draw
from fanin.stream.lattice import signed
from fanin.stream.normal_table import normal_table_bytes
from fanin.stream.threefry import Words
from fanin_torch._dtypes import dtype_name
from fanin_torch._walk import MOST_AXES, Walk, walk

__all__ = ["LAUNCH", "draw_stream", "launch", "programs"]

LAUNCH: Final = {"num_warps": 4, "enable_fp_fusion": False, "sanitize_overflow": False}
"""No multiply-add is contracted, and Triton's debug mode accepts that 32-bit numbers wrap around."""

_CARRIERS: Final = {1: torch.int8, 2: torch.int16}
"""The dtypes in which the kernel gets bfloat16 and float8, which it rounds in integers."""

_ROUNDED_IN_INTEGERS: Final = ("bfloat16", "float8_e5m2", "float8_e4m3fn")


def draw_stream(start: int, axes: tuple[Axis, ...], rule: Draw, key: Words, out: Tensor) -> bool:
    """Write one stream, and return True; or return False if the kernel cannot walk through this memory.

    Args:
        start: Logical index of the first element.
        axes: How the logical index moves along each axis.
        rule: How each element is computed.
        key: The stream's key.
        out: The tensor to write, with at least one element.
    """
    path = walk(start, axes, out.stride())
    if path is None or out.is_neg():
        return False
    from fanin_torch import _triton_kernel as kernel

    arguments, options = launch(path, rule, key, out)
    grid = (programs(path, options, kernel.BLOCK),)
    if out.device.type == "cpu":  # Triton's interpreter compiles nothing, and in Triton 3.2 knows no such options
        kernel.draw[grid](*arguments, **options, block=kernel.BLOCK)
    else:
        with getattr(torch, out.device.type).device(out.device):  # Triton launches on the current device
            kernel.draw[grid](*arguments, **options, block=kernel.BLOCK, **LAUNCH)
    torch.autograd.graph.increment_version(out)  # autograd has not seen that Triton wrote
    return True


def launch(path: Walk, rule: Draw, key: Words, out: Tensor) -> tuple[list[Any], dict[str, Any]]:
    """Return the kernel's arguments, and what it is compiled for."""
    form = dtype_name(out.dtype)
    memory = out.view(_CARRIERS[out.element_size()]) if form in _ROUNDED_IN_INTEGERS else out
    if form == "float64":
        factor = struct.unpack("<ii", struct.pack("<d", rule.factor))
    else:
        factor = (*struct.unpack("<i", struct.pack("<f", rule.factor)), 0)
    missing = MOST_AXES - len(path.counts)
    numbers = [
        *map(signed, key),
        path.base,
        *factor,
        rule.mean,
        rule.shift,
        *(signed(rule.first_rank), signed(rule.ranks), rule.low, rule.high),
        path.extent,
        path.tasks,
        *path.counts,
        *[1] * missing,
        *path.steps,
        *[0] * missing,
        *path.hops,
        *[0] * missing,
    ]
    from fanin_torch._triton_kernel import BLOCK

    by_line = len(path.counts) == 1 or path.counts[0] >= BLOCK
    options = {
        "law": rule.distribution,
        "form": form,
        "plain": not (rule.mean or rule.shift),
        "axes": len(path.counts),
        "pair": -1 if path.pair is None else path.pair,
        "even": path.even,
        "by_line": by_line,
        "in_line": by_line and path.lines,
        "aligned": path.aligned(16),
        "wide": path.wide,
    }
    return [memory, _table(out.device), *numbers], options


def programs(path: Walk, options: dict[str, Any], block: int) -> int:
    """Return the number of programs of a launch."""
    if not options["by_line"]:
        return -(-path.tasks // block)
    return -(-path.counts[0] // block) * (path.tasks // path.counts[0])


@lru_cache(maxsize=16)
def _table(device: torch.device) -> Tensor:
    """Return the records of the normal table, one int64 each: C0 in the low half."""
    records = [record for (record,) in struct.iter_unpack("<q", normal_table_bytes())]
    return torch.tensor(records, dtype=torch.int64, device=device)
