"""Triton's own normal generator, Philox with Box-Muller, as a peer. Importing this module imports Triton."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

__all__ = ["fill"]

_BLOCK = 1024


@triton.jit  # type: ignore[untyped-decorator]
def _kernel(out, size, seed, block: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    tl.store(out + at, tl.randn(seed, at.to(tl.uint32)) * 0.02, mask=at < size)


def fill(out: Any) -> None:
    """Fill a contiguous tensor with normal numbers."""
    _kernel[(-(-out.numel() // _BLOCK),)](out, out.numel(), 7, block=_BLOCK)
