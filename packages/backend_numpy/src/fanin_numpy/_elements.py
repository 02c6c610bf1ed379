"""The rules of single elements: cut an array into chunks that a kernel fills.

A chunk consists of rows of equal length. If the logical index runs along the rows, a kernel fills `rows`. Otherwise it
fills a `grid`, whose logical indices are the sums of a base per row and an offset per column, or `pairs` of rows that
share their blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.layout import Axis
from fanin.plans import Draw, Fill, Plan
from fanin.plans.pieces import cut, merge
from fanin.stream.threefry import Words
from fanin_numpy._dtypes import dtype_name
from fanin_numpy._engine import Engine, engine
from fanin_numpy._index import offsets
from fanin_numpy._threads import SERIAL, get_num_threads, run_tasks

__all__ = ["draw_elements"]

Array: TypeAlias = NDArray[Any]
Indices: TypeAlias = NDArray[np.int64]
Task: TypeAlias = Callable[[], None]

_SHORT = 64
"""Rows shorter than this are drawn as a grid: filled as `rows`, each would have its own first and last block."""

_LONG = 1 << 16
"""Maximum length of a row of a grid, whose offsets are kept in memory."""

_MANY = 1 << 18
"""Maximum number of rows that are sorted to find pairs: 4 MiB of bases and positions."""

_BUFFERED = 1 << 19
"""Maximum number of elements drawn into a buffer, which should stay in the cache."""

_TURN = 33
"""The counter's high word is the logical index shifted right by this; all indices of a row must share it."""

_BITS16 = np.dtype(np.uint16)

_LARGE = 1 << 22
"""Bytes from which it saves time to prepare memory: two of the large pages that an operating system gives."""


def draw_elements(plan: Plan, rule: Fill | Draw, out: Array) -> None:
    """Write the weights of a plan by a rule of single elements, which need not be the plan's own.

    Args:
        plan: The plan.
        rule: How each element is computed.
        out: The array to write, as in `draw_into`.
    """
    if isinstance(rule, Fill):
        out[...] = rule.value  # narrower dtypes: float32 rounded to nearest, ties to even
    elif out.size:
        kernels = engine()
        if out.dtype not in kernels.outputs and dtype_name(out.dtype) == "bfloat16" and _BITS16 in kernels.outputs:
            out = out.view(_BITS16)
        if plan.consecutive and out.size <= SERIAL and out.flags.c_contiguous and out.dtype in kernels.outputs:
            kernels.fill_run(out.reshape(-1), plan.offset, plan.keys[0], rule)
        else:
            if out.nbytes >= _LARGE and out.flags.c_contiguous:
                kernels.expect_filling(out)
            threads = get_num_threads() if out.size > SERIAL else 1
            run_tasks(_Job(rule, kernels, threads, out.size).tensor(plan, out), threads, kernels.release)


class _Job:
    """One draw: its rule, and the kernels that draw it."""

    def __init__(self, rule: Draw, kernels: Engine, threads: int, size: int) -> None:
        self.rule, self.engine = rule, kernels
        self.chunk = max(SERIAL // 2, min(kernels.chunk(threads), -(-size // (4 * threads))))  # work for every thread

    def tensor(self, plan: Plan, out: Array) -> Iterator[Task]:
        """Yield the tasks of a whole draw, one stream of the stack after another."""
        if plan.stack_axis is None:
            yield from self.stream(plan.keys[0], plan.offset, plan.axes, out)
            return
        axes = plan.axes[: plan.stack_axis] + plan.axes[plan.stack_axis + 1 :]
        slices = np.moveaxis(out, plan.stack_axis, 0)
        for k, key in enumerate(plan.keys):
            yield from self.stream(key, plan.offset, axes, slices[k, ...])

    def stream(self, key: Words, offset: int, axes: tuple[Axis, ...], out: Array) -> Iterator[Task]:
        """Yield the tasks of one stream, in memory order."""
        order = sorted(range(out.ndim), key=lambda k: -abs(out.strides[k]))
        out, axes = out.transpose(order), tuple(axes[k] for k in order)
        if out.dtype in self.engine.outputs and out.flags.c_contiguous:
            yield from self.contiguous(key, offset, axes, out)
            return
        for start, part, where in cut(offset, axes, min(self.chunk, _BUFFERED)):
            place: tuple[Any, ...] = (*where, ...)  # with the dots, a 0-d piece stays an array
            yield partial(self.through_buffer, key, start, part, out[place])

    def through_buffer(self, key: Words, offset: int, axes: tuple[Axis, ...], out: Array) -> None:
        """Draw into a contiguous buffer, then copy: for strided memory, and for dtypes that no kernel writes."""
        buffer = np.empty(out.shape, out.dtype if out.dtype in self.engine.outputs else np.float32)
        for task in self.contiguous(key, offset, axes, buffer):
            task()
        out[...] = buffer

    def contiguous(self, key: Words, offset: int, axes: tuple[Axis, ...], out: Array) -> Iterator[Task]:
        """Yield the tasks of C-contiguous memory: blocks of whole rows, or parts of a long row."""
        outer, inner, running = _rows(merge(axes))
        length = math.prod(axis.size for axis in inner)
        table = out.reshape(-1, length)
        width = min(length, self.chunk if running else _LONG)
        paired = None if running else _paired_rows(offset, outer, inner, len(table))
        if paired is not None:
            height = max(2, self.chunk // width // 2 * 2)  # keeps pairs together
        else:
            height = 1 if width < length else max(1, self.chunk // width)  # parts of several rows are not contiguous
        for top in range(0, len(table), height):
            for left in range(0, length, width):
                if paired is None:
                    block = table[top : top + height, left : left + width]
                    yield partial(self.block, key, offset, outer, inner, running, top, left, block)
                else:
                    rows, bases = (array[top : top + height] for array in paired)
                    yield partial(self.pairs, key, inner, slice(left, min(left + width, length)), rows, bases, table)

    def pairs(
        self, key: Words, inner: tuple[Axis, ...], part: slice, rows: Indices, bases: Indices, out: Array
    ) -> None:
        """Fill a part of some pairs of rows; the rows of each pair share their blocks."""
        columns = offsets(inner, part.start, part.stop - part.start)
        self.engine.fill_pairs(out, rows, bases, part.start, columns, key, self.rule)

    def block(
        self,
        key: Words,
        offset: int,
        outer: tuple[Axis, ...],
        inner: tuple[Axis, ...],
        running: bool,
        top: int,
        left: int,
        out: Array,
    ) -> None:
        """Fill one block of the table of rows."""
        height, width = out.shape
        bases = offsets(outer, top, height) + offset if outer else np.array([offset], np.int64)
        if running:
            bases += left
            if not ((bases ^ (bases + (width - 1))) >> _TURN).any():
                self.engine.fill_rows(out, bases, key, self.rule)
                return
        columns = np.arange(left, left + width, dtype=np.int64) if running else offsets(inner, left, width)
        self.engine.fill_grid(out, bases - left if running else bases, columns, key, self.rule)


def _rows(axes: tuple[Axis, ...]) -> tuple[tuple[Axis, ...], tuple[Axis, ...], bool]:
    """Return the axes that count the rows, those along a row, and whether the logical index runs along a row."""
    if not axes:
        return (), (Axis(1, 1),), True
    last = axes[-1]
    if last.stride == 1 and not last.period and (last.size >= _SHORT or len(axes) == 1):
        return axes[:-1], (last,), True
    cut, length = len(axes) - 1, last.size
    while cut and length * axes[cut - 1].size <= _LONG:
        cut -= 1
        length *= axes[cut].size
    return axes[:cut], axes[cut:], False


def _paired_rows(
    offset: int, outer: tuple[Axis, ...], inner: tuple[Axis, ...], count: int
) -> tuple[Indices, Indices] | None:
    """Return the rows in the order of their bases, and the bases, if these come in pairs (2k, 2k + 1).

    The two rows of a pair are then the two lanes of the same blocks, which need to be computed only once. A kernel in
    JAX's order, drawn as a whole, has such rows unless its number of inputs is odd.
    """
    if count % 2 or count > _MANY or any(axis.period or axis.stride % 2 for axis in inner):
        return None
    bases = offsets(outer, 0, count) + offset
    rows = np.argsort(bases).astype(np.int64, copy=False)  # a 32-bit processor's would be int32
    bases = bases[rows]
    last = bases + sum(axis.stride * (axis.size - 1) for axis in inner)
    if (bases[0::2] % 2).any() or (bases[1::2] != bases[0::2] + 1).any() or ((bases ^ last) >> _TURN).any():
        return None
    return rows, bases
