"""The rules of whole matrices in torch's operations: a diagonal, columns with zeros, and orthogonal matrices."""

from __future__ import annotations

import itertools
import math
from typing import Final

import torch
from torch import Tensor

from fanin.plans import Draw, Plan
from fanin.plans.columns import Columns
from fanin.plans.matrix_work import coordinates, normal_matrices
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin.stream.threefry import Words, threefry2x32
from fanin_torch._dtypes import DTYPES
from fanin_torch._elements import draw_elements
from fanin_torch._index import values
from fanin_torch._lattice import words_of

__all__ = ["draw_matrices"]

_CHUNK: Final = 1 << 19
"""Elements of the columns that are ranked at once; each takes some 60 bytes."""

_BITS: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def draw_matrices(plan: Plan, rule: Diagonal | Masked | Haar, target: Tensor) -> None:
    """Write the weights of a plan by a rule of matrices.

    Args:
        plan: The plan.
        rule: The plan's rule.
        target: The tensor to write, as in `draw_with_torch`.
    """
    if target.numel() == 0:
        return
    compute = DTYPES[plan.compute]
    if isinstance(rule, Diagonal):
        row, column, tap = (values(*moves, target.device) for moves in coordinates(plan))
        on_diagonal = (row % rule.rows == column) & (tap == rule.tap)
        target.copy_(on_diagonal * torch.tensor(rule.value, dtype=compute, device=target.device))
    elif isinstance(rule, Masked):
        draw_elements(plan, rule.draw, target)
        columns = plan.columns
        assert columns is not None
        for key, stream in zip(plan.keys, _streams(plan, target), strict=True):
            zeros = _zeros(rule, columns, threefry2x32(key, rule.mask), target.device)
            patterns = stream.view(_BITS[stream.element_size()])  # torch cannot fill a float8 tensor
            patterns.permute(columns.stored).masked_fill_(zeros, 0)
    else:
        row, column, tap = (_of_one_stream(plan, values(*moves, target.device)) for moves in coordinates(plan))
        place = target.device if target.device.type == "cuda" else torch.device("cpu")  # other devices may lack doubles
        for k, stream in enumerate(_streams(plan, target)):
            normal = normal_matrices(plan, slice(k, k + 1))
            matrices = torch.empty(normal.shape, dtype=torch.float64, device=place)
            assert isinstance(normal.rule, Draw)
            draw_elements(normal, normal.rule, matrices)
            weights = (rule.gain * _orthogonal(matrices)).to(compute).to(target.device)
            stream.copy_(torch.where(tap == rule.tap, weights.reshape(-1, rule.columns)[row, column], 0.0))


def _streams(plan: Plan, target: Tensor) -> tuple[Tensor, ...]:
    return (target,) if plan.stack_axis is None else target.unbind(plan.stack_axis)


def _of_one_stream(plan: Plan, number: Tensor) -> Tensor:
    return number if plan.stack_axis is None else number.squeeze(plan.stack_axis)


def _orthogonal(matrices: Tensor) -> Tensor:
    """Return the orthogonal factors of the matrices, with the signs that make the triangular diagonal positive."""
    if matrices.shape[-2] < matrices.shape[-1]:
        return _orthogonal(matrices.mT).mT
    q, r = torch.linalg.qr(matrices)
    negative = r.diagonal(dim1=-2, dim2=-1).unsqueeze(-2) < 0
    return torch.where(negative, -q, q)


def _zeros(rule: Masked, columns: Columns, key: Words, device: torch.device) -> Tensor:
    """Return which elements of a part are 0, (in-axes, out-axes)."""
    ins, outs = (tuple(axis.size for axis in axes) for axes in (columns.in_axes, columns.out_axes))
    part = columns.part[len(ins) :]
    shape = math.prod(ins), *(stop - start for start, stop in part)
    found = torch.zeros(shape, dtype=torch.bool, device=device)
    if rule.zeros:
        tops = values(columns.offset, columns.in_axes, device).reshape(-1, 1)
        rows = values(0, columns.out_axes, device).reshape(1, -1)
        step = max(1, _CHUNK // rows.numel())
        for first in range(0, len(tops), step):
            words = words_of(tops[first : first + step] + rows, key)
            smallest = _smallest(words.reshape(-1, rule.rows), rule.zeros)
            found[first : first + step] = smallest.reshape(-1, *outs)[(slice(None), *itertools.starmap(slice, part))]
    return found.reshape(*ins, *found.shape[1:])


def _smallest(words: Tensor, count: int) -> Tensor:
    """Return which words of each row are among its `count` smallest. Of equal words, the first count as smaller."""
    ranks = (words.to(torch.int64) & 0xFFFFFFFF) << 31
    ranks |= torch.arange(words.shape[1], dtype=torch.int64, device=words.device)
    return ranks <= ranks.kthvalue(count, dim=1, keepdim=True).values
