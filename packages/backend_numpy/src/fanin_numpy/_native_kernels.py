"""The compiled kernels of the package fanin-kernels: the same bits, many times faster. Importing this loads them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.plans import Draw
from fanin.stream.threefry import Words
from fanin_kernels import FORMATS, LAWS, NORMAL_TABLE, Path, Rule, kernels, use_large_pages

__all__ = ["NativeKernels"]

Indices = NDArray[np.int64]

_FORMAT_OF: Final = {
    np.dtype(np.float32): FORMATS["float32"],
    np.dtype(np.float64): FORMATS["float64"],
    np.dtype(np.float16): FORMATS["float16"],
    np.dtype(np.uint16): FORMATS["bfloat16"],
    np.dtype(np.int32): FORMATS["points"],
}


@lru_cache(maxsize=1024)
def _rule(draw: Draw, format: int) -> Rule:
    """Return what the kernels need of a rule and of what they write."""
    return Rule(
        table=NORMAL_TABLE,
        factor=draw.factor,
        mean=draw.mean,
        low=draw.low,
        high=draw.high,
        first_rank=draw.first_rank,
        ranks=draw.ranks if draw.distribution == "truncated_normal" else 0,  # else 2^32, and not used
        shift=draw.shift,
        law=LAWS[draw.distribution],
        format=format,
    )


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


class NativeKernels:
    """The kernels of one instruction set. Their buffers are on the stack.

    Wherever they write, the dtype is float32, float64, float16, uint16 for the bits of bfloat16, or int32 for lattice
    points, and rows are contiguous.
    """

    def __init__(self, path: Path) -> None:
        self._kernels: Final = kernels(path)

    def expect_filling(self, out: NDArray[Any]) -> None:
        """Prepare the memory of a contiguous array that is about to be filled, perhaps for the first time."""
        use_large_pages(_address(out), out.nbytes)

    def points_of(self, words: NDArray[np.uint32], draw: Draw) -> NDArray[np.int32]:
        """Return the lattice point of each word of a flat array, with the plan's shift and mean applied."""
        words, points = np.ascontiguousarray(words), np.empty(words.shape, np.int32)
        self._kernels.given(_address(points), _address(words), len(words), _rule(draw, FORMATS["points"]))
        return points

    @staticmethod
    def writes(dtype: str) -> bool:
        """Return whether the kernels write weights of a dtype; bfloat16 is one that they do."""
        return dtype in FORMATS

    @staticmethod
    def rule(draw: Draw, dtype: str) -> Rule:
        """Return a rule as `fill_streams` takes it, for weights of a dtype."""
        return _rule(draw, FORMATS[dtype])

    def release(self) -> None:
        """Do nothing, for there is no memory to free."""

    def fill_run(self, out: NDArray[Any], first: int, key: Words, draw: Draw) -> None:
        """Fill a flat array with the weights of logical indices first + j."""
        rule = _rule(draw, _FORMAT_OF[out.dtype])
        self._kernels.run(_address(out), out.size, first, key[0] << 32 | key[1], rule)

    def fill_rows(self, out: NDArray[Any], bases: Indices, key: Words, draw: Draw) -> None:
        """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + j."""
        rule, packed = _rule(draw, _FORMAT_OF[out.dtype]), key[0] << 32 | key[1]
        self._kernels.rows(_address(out), out.strides[0], *out.shape, _address(bases), packed, rule)

    def fill_grid(self, out: NDArray[Any], bases: Indices, columns: Indices, key: Words, draw: Draw) -> None:
        """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + columns[j]."""
        rule, packed = _rule(draw, _FORMAT_OF[out.dtype]), key[0] << 32 | key[1]
        addresses = _address(bases), _address(columns)
        self._kernels.grid(_address(out), out.strides[0], *out.shape, *addresses, packed, rule)

    def fill_pairs(
        self, out: NDArray[Any], rows: Indices, bases: Indices, left: int, columns: Indices, key: Words, draw: Draw
    ) -> None:
        """Fill out[rows[i], left + j] with the weights of logical indices bases[i] + columns[j].

        Columns are even, and bases come in pairs of an even number and the next one, so both rows of a pair share their
        blocks.
        """
        rule, packed = _rule(draw, _FORMAT_OF[out.dtype]), key[0] << 32 | key[1]
        start = _address(out) + left * out.itemsize
        addresses = _address(rows), _address(bases), _address(columns)
        self._kernels.pairs(start, out.strides[0], len(rows), len(columns), *addresses, packed, rule)

    def fill_streams(self, streams: int, count: int, seed: int) -> None:
        """Fill several tensors, each from the start of a named stream.

        Args:
            streams: The address of four uint64 for each: its address, its size, the words of its name as one number,
                and the address of its rule.
            count: How many there are.
            seed: The seed.
        """
        self._kernels.streams(streams, count, seed)
