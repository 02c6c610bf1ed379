"""Words and weights in Triton's language. Importing this module imports Triton.

Arithmetic is on 32-bit integers that wrap around. A weight is one conversion and one product, both rounded to nearest,
and no sum follows: there is nothing that a compiler may contract into a fused multiply-add. bfloat16 and float8 are
rounded in integers, since processors differ in what they convert, and Triton's interpreter cuts off where they round.
"""

from __future__ import annotations

import triton
import triton.language as tl

from fanin.stream.threefry import PARITY, ROTATIONS

__all__ = ["threefry", "weights_of"]

_PARITY = tl.constexpr(PARITY)
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7 = map(tl.constexpr, ROTATIONS)


@triton.jit
def _round(x0, x1, turn: tl.constexpr):
    x0 = x0 + x1
    x1 = ((x1 << turn) | (x1 >> (32 - turn))) ^ x0
    return x0, x1


@triton.jit
def _four_rounds(x0, x1, r0: tl.constexpr, r1: tl.constexpr, r2: tl.constexpr, r3: tl.constexpr):
    x0, x1 = _round(x0, x1, r0)
    x0, x1 = _round(x0, x1, r1)
    x0, x1 = _round(x0, x1, r2)
    x0, x1 = _round(x0, x1, r3)
    return x0, x1


@triton.jit
def threefry(counter, k0, k1):
    """Return both lanes of the blocks of 64-bit counters."""
    k2 = k0 ^ k1 ^ _PARITY
    x0, x1 = (counter >> 32).to(tl.uint32) + k0, counter.to(tl.uint32) + k1
    x0, x1 = _four_rounds(x0, x1, _R0, _R1, _R2, _R3)
    x0, x1 = x0 + k1, x1 + (k2 + 1)
    x0, x1 = _four_rounds(x0, x1, _R4, _R5, _R6, _R7)
    x0, x1 = x0 + k2, x1 + (k0 + 2)
    x0, x1 = _four_rounds(x0, x1, _R0, _R1, _R2, _R3)
    x0, x1 = x0 + k0, x1 + (k1 + 3)
    x0, x1 = _four_rounds(x0, x1, _R4, _R5, _R6, _R7)
    x0, x1 = x0 + k1, x1 + (k2 + 4)
    x0, x1 = _four_rounds(x0, x1, _R0, _R1, _R2, _R3)
    return x0 + k2, x1 + (k0 + 5)


@triton.jit
def _uniform_point(word):
    return (((word.to(tl.int32, bitcast=True) ^ 0x7FFFFFFF) >> 8) << 1) | 1


@triton.jit
def _normal_point(word, table):
    p = word.to(tl.int32, bitcast=True)
    sign = p >> 31
    number = ((p ^ sign) | 1).to(tl.float32)
    segment = number.to(tl.int32, bitcast=True) - (127 << 23)
    record = tl.load(table + (segment >> 16))
    s = (segment & 0xFFFF) - 32768
    packed = (record >> 32).to(tl.int32)
    point = record.to(tl.int32) - ((s * (packed & 0xFFFF)) >> 11)
    point += (((s * s) >> 15) * ((packed >> 16) & 0xFFFF)) >> 15
    return (point ^ sign) - sign


@triton.jit
def _narrow(number, mantissa: tl.constexpr, smallest: tl.constexpr):
    """Return the bits of a float32 rounded to `mantissa` bits behind the point, normal from 2^smallest on.

    The bits are those of a format of 8 bits. A plan whose largest weight overflows it is an error, so none does here.
    """
    bits = number.to(tl.uint32, bitcast=True)
    exponent = ((bits >> 23) & 0xFF).to(tl.int32) - (127 + smallest)
    significand = (bits & 0x7FFFFF) | 0x800000
    cut = (tl.minimum(tl.maximum(-exponent, 0), 2 + mantissa) + (23 - mantissa)).to(tl.uint32)
    half = (significand * 0 + 1) << (cut - 1)
    kept = significand >> cut
    rest = significand - (kept << cut)
    kept += ((rest > half) | ((rest == half) & ((kept & 1) == 1))).to(tl.uint32)
    kept += (tl.maximum(exponent, 0) << mantissa).to(tl.uint32)  # the leading bit counts as the first exponent
    return (((bits >> 31) << 7) | kept).to(tl.int8)


@triton.jit
def _rounded(number, form: tl.constexpr):
    """Return float32 numbers in a dtype, or their bits for dtypes that are rounded in integers."""
    if form == "float16":
        weight = number.to(tl.float16)
    elif form == "bfloat16":
        bits = number.to(tl.uint32, bitcast=True)
        weight = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).to(tl.int16)
    elif form == "float8_e5m2":
        weight = _narrow(number, 2, -14)
    elif form == "float8_e4m3fn":
        weight = _narrow(number, 3, -6)
    else:
        weight = number
    return weight


@triton.jit
def weights_of(
    word,
    table,
    factor,
    mean,
    shift,
    first_rank,
    ranks,
    low,
    high,
    law: tl.constexpr,
    form: tl.constexpr,
    plain: tl.constexpr,
):
    """Return the weights of words, or their bits for formats that are rounded in integers."""
    if law == "uniform":
        point = _uniform_point(word)
    elif law == "normal":
        point = _normal_point(word, table)
    else:
        rank = ((word.to(tl.uint64) * ranks.to(tl.uint64)) >> 32).to(tl.uint32) + first_rank
        point = tl.minimum(tl.maximum(_normal_point(rank, table), low), high)
    if not plain:
        point = point >> shift
    if form == "float64":
        total = point.to(tl.int64)  # with the mean it may not fit in 32 bits
        if not plain:
            total += mean.to(tl.int64)
        weight = total.to(tl.float64) * factor
    else:
        if not plain:
            point = point + mean
        weight = _rounded(point.to(tl.float32) * factor, form)
    return weight
