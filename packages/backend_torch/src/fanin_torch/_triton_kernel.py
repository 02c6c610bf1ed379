"""The kernel of one stream for accelerators, compiled by Triton. Importing this module imports Triton.

One launch computes words, lattice points and weights, and writes them in the tensor's own dtype. Both lanes of a block
are used wherever the tensor holds both. The table of the normal lattice, 32 kB of which half of all look-ups touch 1
kB, is read through the first-level cache.
"""

from __future__ import annotations

import triton
import triton.language as tl

from fanin_torch._triton_weights import threefry, weights_of

__all__ = ["BLOCK", "draw"]

BLOCK = 512
"""Tasks of one program: four blocks of the generator for each of 128 threads, whose rounds overlap."""

_NUMBERS = ["key0", "key1", "base", "factor_low", "factor_high", "mean", "shift", "first_rank", "ranks", "low", "high"]
_NUMBERS += ["extent", "tasks", "count0", "count1", "count2", "count3", "step0", "step1", "step2", "step3"]
_NUMBERS += ["hop0", "hop1", "hop2", "hop3"]


@triton.jit(do_not_specialize=_NUMBERS)  # each value of interest would be compiled anew
def draw(
    out,
    table,
    key0,
    key1,
    base,
    factor_low,
    factor_high,
    mean,
    shift,
    first_rank,
    ranks,
    low,
    high,
    extent,
    tasks,
    count0,
    count1,
    count2,
    count3,
    step0,
    step1,
    step2,
    step3,
    hop0,
    hop1,
    hop2,
    hop3,
    law: tl.constexpr,
    form: tl.constexpr,
    plain: tl.constexpr,
    axes: tl.constexpr,
    pair: tl.constexpr,
    even: tl.constexpr,
    by_line: tl.constexpr,
    in_line: tl.constexpr,
    aligned: tl.constexpr,
    wide: tl.constexpr,
    block: tl.constexpr,
):
    """Write one stream.

    `out` is the memory, of bfloat16 and float8 as integers of their size, and `table` the records of the normal table
    as int64. Then come whole numbers: the key's words as int32; `base`, `extent`, `tasks` and the counts, steps and
    hops of the walk; the bits of the factor as one int32, or two for float64; and the rule, `first_rank` and `ranks` as
    int32. What follows is compiled in: the distribution; the dtype; whether mean and shift are 0; the number of axes;
    the axis that counts blocks, or -1; whether every block has both lanes inside; whether a program stays on one line
    of the first axis; whether it then also writes the two lanes side by side; whether lines start at multiples of 16
    elements; whether numbers of tasks and places may not fit in 31 bits; and the number of tasks of a program.
    """
    k0, k1 = key0.to(tl.uint32), key1.to(tl.uint32)
    first_rank, ranks = first_rank.to(tl.uint32), ranks.to(tl.uint32)
    if form == "float64":
        factor = ((factor_high.to(tl.int64) << 32) | factor_low.to(tl.uint32).to(tl.int64)).to(tl.float64, bitcast=True)
    else:
        factor = factor_low.to(tl.float32, bitcast=True)
    program = tl.program_id(0).to(tl.int64)
    number = tl.arange(0, block)
    index = base.to(tl.int64)

    # Positions along the axes: one number for the whole program, or one for each task.
    if by_line:
        pieces = (count0.to(tl.int64) + (block - 1)) // block
        left = (program % pieces) * block
        rest = program // pieces
        place = rest * 0
        relative = rest * 0
    else:
        task = program * block + number
        if not wide:
            task = task.to(tl.uint32)
        valid = task < tasks.to(task.dtype)
        position0 = task % count0.to(task.dtype)
        rest = task // count0.to(task.dtype)
        place = task * 0
        relative = task * 0
    blocks = rest * 0
    if axes > 1:
        position = rest % count1.to(rest.dtype)
        rest = rest // count1.to(rest.dtype)
        if pair == 1:
            blocks = position
        else:
            relative += position * step1.to(rest.dtype)
            place += position * hop1.to(rest.dtype)
    if axes > 2:
        position = rest % count2.to(rest.dtype)
        rest = rest // count2.to(rest.dtype)
        if pair == 2:
            blocks = position
        else:
            relative += position * step2.to(rest.dtype)
            place += position * hop2.to(rest.dtype)
    if axes > 3:
        if pair == 3:
            blocks = rest
        else:
            relative += rest * step3.to(rest.dtype)
            place += rest * hop3.to(rest.dtype)
    index += relative.to(tl.int64)

    if in_line:
        lane = index & 1
        x0, x1 = threefry((index >> 1) + left + number, k0, k1)
        even_ones = weights_of(x0, table, factor, mean, shift, first_rank, ranks, low, high, law, form, plain)
        odd_ones = weights_of(x1, table, factor, mean, shift, first_rank, ranks, low, high, law, form, plain)
        weights = tl.interleave(even_ones, odd_ones)
        start = tl.multiple_of(place + 2 * left, 16) if aligned else place + 2 * left - lane
        within = tl.arange(0, 2 * block)
        room = tl.minimum(extent.to(tl.int64) - 2 * left + lane, 2 * block).to(tl.int32)
        outside = tl.maximum(lane - 2 * left, 0).to(tl.int32)  # the element before an odd start
        if (room == 2 * block) & (outside == 0):
            tl.store(out + start + within, weights)
        else:
            tl.store(out + start + within, weights, mask=(within >= outside) & (within < room))
        return

    if by_line:
        position0 = left + number
        valid = position0 < count0.to(tl.int64)
        if not wide:
            position0 = position0.to(tl.uint32)
    if pair == 0:
        blocks = position0
    else:
        index += position0.to(tl.int64) * step0.to(tl.int64)
        place += position0 * hop0.to(position0.dtype)
    if pair == -1:
        x0, x1 = threefry(index >> 1, k0, k1)
        words = tl.where((index & 1) == 1, x1, x0)
        weights = weights_of(words, table, factor, mean, shift, first_rank, ranks, low, high, law, form, plain)
        tl.store(out + place, weights, mask=valid)
        return
    x0, x1 = threefry((index >> 1) + blocks.to(tl.int64), k0, k1)
    even_ones = weights_of(x0, table, factor, mean, shift, first_rank, ranks, low, high, law, form, plain)
    odd_ones = weights_of(x1, table, factor, mean, shift, first_rank, ranks, low, high, law, form, plain)
    if pair == 0:
        hop = hop0.to(tl.int64)
    elif pair == 1:
        hop = hop1.to(tl.int64)
    elif pair == 2:
        hop = hop2.to(tl.int64)
    else:
        hop = hop3.to(tl.int64)
    if even:
        first = out + (place.to(tl.int64) + blocks.to(tl.int64) * 2 * hop)
        tl.store(first, even_ones, mask=valid)
        tl.store(first + hop, odd_ones, mask=valid)
    else:
        along = blocks.to(tl.int64) * 2 - (index & 1)
        first = out + (place.to(tl.int64) + along * hop)
        tl.store(first, even_ones, mask=valid & (along >= 0) & (along < extent))
        tl.store(first + hop, odd_ones, mask=valid & (along + 1 < extent))
