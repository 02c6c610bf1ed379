"""What the tests share: rules, and the core's answer to them."""

from __future__ import annotations

import ctypes
from ctypes import byref
from functools import lru_cache
from typing import Any, Final

from fanin import reference
from fanin.dtypes import DTYPES
from fanin.plans import Draw
from fanin.stream.normal_table import normal_segments
from fanin.stream.threefry import Words
from fanin_kernels import FORMATS, LAWS, Rule

__all__ = ["DRAWS", "KEY", "PACKED", "SIZES", "WIDE", "expected", "rule_of"]

KEY: Final[Words] = (0x243F6A88, 0x85A308D3)
PACKED: Final = KEY[0] << 32 | KEY[1]

SIZES: Final = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "points": 4}

DRAWS: Final = {
    "uniform": Draw("uniform", 10066330 * 2.0**-49),
    "normal": Draw("normal", 11863283 * 2.0**-52),
    "truncated": Draw("truncated_normal", 2.0**-28, 0, 0, 97713444, 4099540409, -2 << 28, 2 << 28),
    "truncated far out": Draw("truncated_normal", 2.0**-30, 0, 0, 5798, 573000, 3 << 28, 9 << 27),
    "normal, mean": Draw("normal", 13421773 * 2.0**-45, 999_999_937, 5),
    "normal, only a shift": Draw("normal", 2.0**-20, 0, 8),
    "uniform, mean": Draw("uniform", 9393093 * 2.0**-47, -(2**30) + 12345),
    "truncated, mean": Draw("truncated_normal", 2.0**-14, -(2**29) + 7, 18, 97713444, 4099540409, -2 << 28, 2 << 28),
    "normal, small": Draw("normal", 2.0**-42),  # float16: subnormal numbers, and ties between them
    "uniform, few points": Draw("uniform", 2.0**-12, 0, 12),  # ties of float16 and bfloat16
    "normal, shifted to nothing": Draw("normal", 2.0**-20, 77, 31),
}
WIDE: Final = {
    "normal, mean beyond 32 bits": Draw("normal", 2.0**-60, 2**51 + 2**40 + 12345, 0),
    "uniform, mean beyond 32 bits": Draw("uniform", 2.0**-60, -(2**50) - 3, 4),
}
"""For float64 only."""


@lru_cache(maxsize=1)
def _table() -> ctypes.Array[ctypes.c_uint64]:
    records = [(c0 & 0xFFFFFFFF) | c1 << 32 | c2 << 48 for c0, c1, c2 in normal_segments()]
    return (ctypes.c_uint64 * len(records))(*records)


def rule_of(draw: Draw, form: str) -> Any:
    """Return a reference to a rule as the kernels take it."""
    rule = Rule(
        ctypes.addressof(_table()), draw.factor, draw.mean, draw.low, draw.high, draw.first_rank,
        draw.ranks & 0xFFFFFFFF, draw.shift, LAWS[draw.distribution], FORMATS[form],
    )  # fmt: skip
    return byref(rule)


@lru_cache(maxsize=1 << 16)
def _point(draw: Draw, index: int) -> int:
    return (reference.lattice_point(draw, reference.word(KEY, index)) >> draw.shift) + draw.mean


@lru_cache(maxsize=1 << 18)
def expected(draw: Draw, form: str, index: int) -> bytes:
    """Return the bytes of the weight, or of the point, at a logical index, as the specification in Python gives it."""
    point = _point(draw, index)
    if form == "points":
        return point.to_bytes(4, "little", signed=True)
    dtype = DTYPES[form]
    compute = DTYPES[dtype.compute]
    weight = dtype.round(compute.round(compute.round(float(point)) * draw.factor))
    return dtype.encode(weight).to_bytes(dtype.itemsize, "little")
