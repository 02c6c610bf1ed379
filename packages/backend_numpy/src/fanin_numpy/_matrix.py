"""The rules of whole matrices: a diagonal, columns with zeros, and orthogonal matrices by LAPACK's QR in doubles."""

from __future__ import annotations

import itertools
import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.plans import Draw, Plan
from fanin.plans.columns import Columns
from fanin.plans.matrix_work import coordinates, normal_matrices
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin.stream.threefry import Words, threefry2x32
from fanin_numpy._elements import draw_elements
from fanin_numpy._index import offsets, values
from fanin_numpy._numpy_kernels import words_grid

__all__ = ["draw_matrices"]

Array: TypeAlias = NDArray[Any]

_CHUNK = 1 << 19
"""Elements of the columns that are ranked at once; each takes 20 bytes."""


def draw_matrices(plan: Plan, rule: Diagonal | Masked | Haar, out: Array) -> None:
    """Write the weights of a plan by a rule of matrices.

    Args:
        plan: The plan.
        rule: The plan's rule.
        out: The array to write, as in `draw_into`.
    """
    if not out.size:
        return
    if isinstance(rule, Diagonal):
        row, column, tap = (values(*moves) for moves in coordinates(plan))
        value = np.array(rule.value, plan.compute)
        out[...] = 0
        np.copyto(out, value, where=(row % rule.rows == column) & (tap == rule.tap), casting="unsafe")
    elif isinstance(rule, Masked):
        draw_elements(plan, rule.draw, out)
        columns = plan.columns
        assert columns is not None
        for key, stream in zip(plan.keys, _streams(plan, out), strict=True):
            target = stream.transpose(columns.stored)
            target[_zeros(rule, columns, threefry2x32(key, rule.mask))] = 0
    else:
        row, column, tap = (_of_one_stream(plan, values(*moves)) for moves in coordinates(plan))
        for k, stream in enumerate(_streams(plan, out)):
            normal = normal_matrices(plan, slice(k, k + 1))
            matrices = np.empty(normal.shape)
            assert isinstance(normal.rule, Draw)
            draw_elements(normal, normal.rule, matrices)
            weights = rule.gain * _orthogonal(matrices[0]).reshape(-1, rule.columns)[row, column]
            stream[...] = 0
            np.copyto(stream, weights.astype(plan.compute), where=tap == rule.tap, casting="unsafe")


def _streams(plan: Plan, out: Array) -> Array | tuple[Array]:
    return (out,) if plan.stack_axis is None else np.moveaxis(out, plan.stack_axis, 0)


def _of_one_stream(plan: Plan, number: Array) -> Array:
    return number if plan.stack_axis is None else number.squeeze(plan.stack_axis)


def _orthogonal(matrices: Array) -> Array:
    """Return the orthogonal factors of the matrices, with the signs that make the triangular diagonal positive."""
    if matrices.shape[-2] < matrices.shape[-1]:
        return _orthogonal(matrices.swapaxes(-1, -2)).swapaxes(-1, -2)
    q, r = np.linalg.qr(matrices)
    q *= np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)[..., None, :]
    return q


def _zeros(rule: Masked, columns: Columns, key: Words) -> NDArray[np.bool_]:
    """Return which elements of a part are 0, (in-axes, out-axes)."""
    ins, outs = (tuple(axis.size for axis in axes) for axes in (columns.in_axes, columns.out_axes))
    part = columns.part[len(ins) :]
    found = np.zeros((math.prod(ins), *(stop - start for start, stop in part)), np.bool_)
    if rule.zeros:
        tops = offsets(columns.in_axes, 0, math.prod(ins)) + columns.offset
        rows = offsets(columns.out_axes, 0, math.prod(outs))
        step = max(1, _CHUNK // len(rows))
        for first in range(0, len(tops), step):
            words = words_grid(tops[first : first + step], rows, key)
            smallest = _smallest(words.reshape(-1, rule.rows), rule.zeros)
            found[first : first + step] = smallest.reshape(-1, *outs)[:, *itertools.starmap(slice, part)]
    return found.reshape(*ins, *found.shape[1:])


def _smallest(words: NDArray[np.uint32], count: int) -> NDArray[np.bool_]:
    """Return which words of each row are among its `count` smallest. Of equal words, the first count as smaller."""
    ranks = words.astype(np.uint64)
    ranks <<= np.uint64(32)
    ranks |= np.arange(words.shape[1], dtype=np.uint64)
    found: NDArray[np.bool_] = ranks <= np.partition(ranks, count - 1, axis=1)[:, count - 1, None]
    return found
