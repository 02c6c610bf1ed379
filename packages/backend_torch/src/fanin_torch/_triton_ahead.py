"""The kernel compiled for a processor that is not here: for tests, and to count instructions."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from fanin.plans import Draw, Plan
from fanin_torch._dtypes import DTYPES
from fanin_torch._fused import LAUNCH, launch
from fanin_torch._walk import walk

__all__ = ["compiled"]

_POINTERS: Final = {
    torch.float64: "*fp64",
    torch.float32: "*fp32",
    torch.float16: "*fp16",
    torch.int64: "*i64",
    torch.int16: "*i16",
    torch.int8: "*i8",
}


def compiled(plan: Plan, target: Any) -> dict[str, Any]:
    """Return the stages of the kernel that draws a plan's first stream into contiguous memory, by their names.

    Args:
        plan: A plan without a stack axis, whose rule is a draw.
        target: A `triton.backends.compiler.GPUTarget`.
    """
    from triton import compile as compile_source
    from triton.compiler import ASTSource

    from fanin_torch._triton_kernel import BLOCK, draw

    memory = torch.empty(plan.shape, dtype=DTYPES[plan.dtype], device="meta")
    path = walk(plan.offset, plan.axes, memory.stride())
    assert path is not None
    assert isinstance(plan.rule, Draw)
    arguments, options = launch(path, plan.rule, plan.keys[0], memory)
    fixed = {**options, "block": BLOCK}
    signature = {name: _type(value) for name, value in zip(draw.arg_names, arguments, strict=False)}
    constants = {(draw.arg_names.index(name),): value for name, value in fixed.items()}
    attributes = {(k,): [["tt.divisibility", 16]] for k in range(2)}  # what torch allocates
    source = ASTSource(draw, signature | dict.fromkeys(fixed, "constexpr"), constants, attributes)
    stages: dict[str, Any] = compile_source(source, target=target, options=LAUNCH).asm
    return stages


def _type(value: Any) -> str:
    if isinstance(value, Tensor):
        return _POINTERS[value.dtype]
    return "i32" if -(1 << 31) <= value < 1 << 31 else "i64"
