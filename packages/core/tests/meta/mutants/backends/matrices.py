"""Wrong matrices: diagonals, masks and orthogonal matrices, on a toy that draws these rules as it should."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fanin_toy import Array, ToyBackend, Uint32s
from scipy.special import ndtr

from fanin import orthogonal, plan
from fanin.initializers import Sparse
from fanin.plans import Plan
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin.stream.threefry import Words

from .matrix_toy import Mask, MatrixBackend
from .record import Mutant


def _ruled(kind: type[Any], change: Callable[[Any], dict[str, Any]]) -> Callable[[], ToyBackend]:
    """Return a backend that follows another rule of a kind."""

    class Ruled(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if isinstance(plan.rule, kind):
                plan = dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, **change(plan.rule)))
            return super().draw(plan, device=device)

    return Ruled


class AntidiagonalBackend(MatrixBackend):
    """Turns identity matrices round."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        drawn = super().draw(plan, device=device)
        if isinstance(plan.rule, Diagonal) and plan.geometry.layout is not None:
            return np.flip(drawn, plan.geometry.layout.index("I")).copy()
        return drawn


class RoundedShareBackend(MatrixBackend):
    """Rounds the number of zeros to the nearest."""

    def masked(self, plan: Plan, rule: Masked) -> Array:
        assert isinstance(plan.initializer, Sparse)
        return super().masked(plan, dataclasses.replace(rule, zeros=round(plan.initializer.sparsity * rule.rows)))


class OneMaskBackend(MatrixBackend):
    """Has the zeros of every column in the same rows."""

    def mask(self, words: Uint32s, zeros: int) -> Mask:
        return super().mask(np.broadcast_to(words[..., :1], words.shape), zeros)


class PairedMaskBackend(MatrixBackend):
    """Has the zeros of every second column where those of the column before are."""

    def mask(self, words: Uint32s, zeros: int) -> Mask:
        return super().mask(words[..., np.arange(words.shape[-1]) // 2 * 2], zeros)


class FixedMaskBackend(MatrixBackend):
    """Has the zeros in the same places whatever the seed and the name."""

    def mask_key(self, key: Words, rule: Masked) -> Words:
        return rule.mask


class RowMaskBackend(MatrixBackend):
    """Has the same number of zeros in each row, not in each column."""

    def mask(self, words: Uint32s, zeros: int) -> Mask:
        share = math.ceil(zeros * words.shape[2] / words.shape[1])
        return super().mask(words.swapaxes(1, 2), share).swapaxes(1, 2)


class PrunedBackend(MatrixBackend):
    """Sets the smallest weights of each column to 0, as pruning does."""

    def masked(self, plan: Plan, rule: Masked) -> Array:
        drawn = ToyBackend.draw(self, dataclasses.replace(plan, rule=rule.draw))
        assert plan.geometry.layout is not None
        axis = plan.geometry.layout.index("O")
        smallest = np.argsort(np.abs(drawn), axis=axis).take(
            np.arange(rule.zeros).clip(max=drawn.shape[axis] - 1), axis
        )
        np.put_along_axis(drawn, smallest, 0, axis)
        return drawn


class SignedBackend(MatrixBackend):
    """Makes the diagonal of the triangular factor negative in every second column."""

    def signed(self, q: Array, diagonal: Array) -> Array:
        signed = super().signed(q, diagonal)
        signed[..., 1::2] *= -1
        return signed


class UnsignedBackend(MatrixBackend):
    """Leaves the signs as LAPACK has them."""

    def signed(self, q: Array, diagonal: Array) -> Array:
        return q


class RotationBackend(MatrixBackend):
    """Turns the last column of a square matrix round where the determinant is negative."""

    def orthogonal(self, normal: Array) -> Array:
        q = super().orthogonal(normal)
        if q.shape[-1] == q.shape[-2]:
            q[..., -1] *= np.where(np.linalg.det(q) < 0, -1.0, 1.0)[..., None]
        return q


class UniformBackend(MatrixBackend):
    """Decomposes uniform numbers, not normal ones."""

    def orthogonal(self, normal: Array) -> Array:
        return super().orthogonal(ndtr(normal) - 0.5)


class PaddedBackend(MatrixBackend):
    """Makes a wide matrix of a square one and zeros."""

    def orthogonal(self, normal: Array) -> Array:
        rows, columns = normal.shape[-2:]
        if rows >= columns:
            return super().orthogonal(normal)
        return np.concatenate((super().orthogonal(normal[..., :rows]), np.zeros_like(normal[..., rows:])), axis=-1)


class OneMatrixBackend(MatrixBackend):
    """Has the same orthogonal matrix in every group and slice."""

    def orthogonal(self, normal: Array) -> Array:
        return np.broadcast_to(super().orthogonal(normal)[:1, :1], normal.shape)


class LongSideBackend(MatrixBackend):
    """Gives the vectors of the longer side the norm of the gain, on average."""

    def orthogonal(self, normal: Array) -> Array:
        rows, columns = normal.shape[-2:]
        return super().orthogonal(normal) * math.sqrt(max(rows, columns) / min(rows, columns))


class TapsWithRowsBackend(MatrixBackend):
    """Counts the taps of a kernel among the rows, so that out * taps vectors are orthogonal and not out."""

    def haar(self, plan: Plan, rule: Haar) -> Array:
        layout, shape = plan.geometry.layout or "", plan.geometry.shape
        if not layout.startswith("OI") or len(layout) < 3 or rule.groups > 1 or rule.taps > 1:
            return super().haar(plan, rule)
        taps = math.prod(shape[2:])
        matrix = _plan((shape[0] * taps, shape[1]), rule.gain, plan)
        drawn = super().haar(matrix, _rule(matrix)).reshape(shape[0], taps, shape[1])
        return np.ascontiguousarray(drawn.swapaxes(1, 2)).reshape(plan.shape)


def _plan(shape: tuple[int, int], gain: float, like: Plan) -> Plan:
    return plan(shape, orthogonal(gain), layout="OI", seed=like.seed, name=like.name, dtype=like.dtype)


def _rule(made: Plan) -> Haar:
    assert isinstance(made.rule, Haar)
    return made.rule


class PlainNormalBackend(MatrixBackend):
    """Draws the normal matrix, and does not make it orthogonal."""

    def orthogonal(self, normal: Array) -> Array:
        scaled: Array = normal / math.sqrt(max(normal.shape[-2:]))
        return scaled


MATRICES: Final = (
    Mutant(
        "tap before the centre",
        "an even kernel's centre is (k - 1) // 2",
        _ruled(Diagonal, lambda r: {"tap": max(r.tap - 1, 0)}),
    ),
    Mutant(
        "one identity for all groups",
        "rows are not counted group by group",
        _ruled(Diagonal, lambda r: {"rows": 1 << 30}),
    ),
    Mutant(
        "rows for columns",
        "a matrix (in, out) for (out, in)",
        _ruled(Diagonal, lambda r: {"rows": r.columns, "columns": r.rows}),
    ),
    Mutant("antidiagonal", "the identity is turned round", AntidiagonalBackend),
    Mutant(
        "one zero fewer",
        "the zeros of a column are rounded down",
        _ruled(Masked, lambda r: {"zeros": max(r.zeros - 1, 0)}),
    ),
    Mutant("share rounded", "the zeros of a column are rounded to the nearest, not up", RoundedShareBackend),
    Mutant(
        "mask of the values", "the mask's stream is that of another label", _ruled(Masked, lambda r: {"mask": (0, 0)})
    ),
    Mutant("one mask", "the zeros of all columns are in the same rows", OneMaskBackend),
    Mutant("masks in pairs", "two neighbouring columns share their zeros", PairedMaskBackend),
    Mutant("mask without a key", "the zeros are in the same places for every seed", FixedMaskBackend),
    Mutant("zeros of a row", "each row has its share of zeros, not each column", RowMaskBackend),
    Mutant("pruned", "the smallest weights are the zeros", PrunedBackend),
    Mutant("signs of the QR", "the triangular factor's diagonal has either sign", SignedBackend),
    Mutant("no sign fix", "Q as LAPACK returns it", UnsignedBackend),
    Mutant("rotations only", "the determinant of a square matrix is 1", RotationBackend),
    Mutant("uniform decomposed", "the QR decomposition of uniform numbers", UniformBackend),
    Mutant("wide padded", "a wide orthogonal matrix is a square one and zeros", PaddedBackend),
    Mutant("orthogonal gain missing", "the gain is left out", _ruled(Haar, lambda r: {"gain": 1.0})),
    Mutant("one matrix for all groups", "groups and slices share one orthogonal matrix", OneMatrixBackend),
    Mutant("norm of the long side", "the shorter side's vectors are longer by √(long/short)", LongSideBackend),
    Mutant("taps with the rows", "a kernel is flattened to (out * taps, in)", TapsWithRowsBackend),
    Mutant(
        "delta beside the centre",
        "delta_orthogonal at the tap before the centre",
        _ruled(Haar, lambda r: {"tap": max(r.tap - 1, 0)}),
    ),
    Mutant("not orthogonal", "a normal matrix of the right width", PlainNormalBackend),
)
