"""Hashes of rows and columns, by which equal ones are found in one pass and little memory."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Hashes", "groups_of_equal", "words_of"]

Words = npt.NDArray[np.uint64]

_FIRST: Final = np.uint64(0x9E3779B97F4A7C15)
_SECOND: Final = np.uint64(0xBF58476D1CE4E5B9)
_THIRD: Final = np.uint64(0x94D049BB133111EB)


class Hashes:
    """The hash of each row and each column of a tensor, whose rows are the positions of its first axis.

    Each is a sum, over elements, of the element's bits times a random odd word of its place, modulo 2^64, so that the
    pieces of a tensor may come in any order. Rows that differ by a multiple of 2^k in every element have one hash with
    a probability of 2^(k - 64) (multilinear hashing, Lemire and Kaser 2014, "Strongly universal string hashing is
    fast", section 3).
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows: Words = np.zeros(rows, np.uint64)
        self.columns: Words = np.zeros(columns, np.uint64)
        self.row_used = np.zeros(rows, np.bool_)
        self.column_used = np.zeros(columns, np.bool_)
        self.row_places, self.column_places = (_mixed(_counted(count)) | np.uint64(1) for count in (rows, columns))

    def add(self, words: Words, width: int, row: int, column: int) -> None:
        """Add a rectangle of elements.

        Args:
            words: The elements, as `words_of` gives them.
            width: Bits of an element, of which the first one is its sign.
            row: Its first row.
            column: Its first column.
        """
        rows = slice(row, row + words.shape[0])
        columns = slice(column, column + words.shape[1])
        used = (words << np.uint64(65 - width)) != 0  # neither 0 nor -0
        self.rows[rows] += (words * self.column_places[columns]).sum(1, dtype=np.uint64)
        self.columns[columns] += (words * self.row_places[rows, None]).sum(0, dtype=np.uint64)
        self.row_used[rows] |= used.any(1)
        self.column_used[columns] |= used.any(0)

    @property
    def digest(self) -> int:
        """The hash of the whole tensor."""
        return int((_mixed(self.rows) * self.row_places).sum(dtype=np.uint64))


def words_of(array: npt.NDArray[Any]) -> Words:
    """Return the bits of elements as words, whose low bits they are."""
    array = np.ascontiguousarray(array)
    if array.dtype.kind == "c":
        return words_of(array.real) ^ _mixed(words_of(array.imag))
    return array.view(f"u{array.dtype.itemsize}").astype(np.uint64)


def groups_of_equal(hashes: Words, among: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Return the places of equal hashes, group by group, among some of the places."""
    places = np.flatnonzero(among)
    if places.size < 2:
        return []
    order = places[np.argsort(hashes[places], kind="stable")]
    ends = np.flatnonzero(np.diff(hashes[order].view(np.int64)) != 0) + 1
    groups = np.split(order, ends) if ends.size < order.size - 1 else []
    return sorted(sorted(map(int, group)) for group in groups if group.size > 1)


def _counted(count: int) -> Words:
    return np.arange(1, count + 1, dtype=np.uint64) * _FIRST


def _mixed(words: Words) -> Words:
    """Return each word mixed, as SplitMix64 does it: every bit of it depends on every bit of the word."""
    mixed: Words = (words ^ (words >> np.uint64(30))) * _SECOND
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _THIRD
    mixed ^= mixed >> np.uint64(31)
    return mixed
