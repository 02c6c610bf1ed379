"""The toy with the rules of whole matrices, each step a method: right, and what the wrong matrices are made from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from fanin_toy import Array, ToyBackend, Uint32s

from fanin import plan as replan
from fanin.plans import Plan
from fanin.plans.matrix_work import coordinates, normal_matrices
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["MatrixBackend"]

Mask = npt.NDArray[np.bool_]


class MatrixBackend(ToyBackend):
    """The toy, with every rule."""

    capabilities = dataclasses.replace(
        ToyBackend.capabilities, rules=frozenset({"fill", "draw", "diagonal", "masked", "haar"})
    )

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if isinstance(plan.rule, Diagonal) and plan.size:
            return self.diagonal(plan, plan.rule)
        if isinstance(plan.rule, Masked) and plan.size:
            return self.masked(plan, plan.rule)
        if isinstance(plan.rule, Haar) and plan.size:
            return self.haar(plan, plan.rule)
        return super().draw(plan, device=device)

    def diagonal(self, plan: Plan, rule: Diagonal) -> Array:
        """Return the rule's value where row and column are equal and the tap is the rule's, and 0 elsewhere."""
        place, tap = np.divmod(self.index(plan).astype(np.int64), rule.taps)
        row, column = np.divmod(place, rule.columns)
        on = (tap == rule.tap) & (row % rule.rows == column)
        weights: Array = np.where(on, rule.value, 0.0).astype(plan.compute).astype(plan.dtype)
        return weights

    def masked(self, plan: Plan, rule: Masked) -> Array:
        """Return the whole columns that the part has elements of, with their zeros, cut to the part."""
        geometry = plan.geometry
        assert geometry.layout is not None
        asked = zip(geometry.shape, geometry.layout, plan.slices, strict=True)
        slices = [(0, size) if letter == "O" else part for size, letter, part in asked]
        whole = replan(
            geometry.shape,
            plan.initializer,
            layout=geometry.layout,
            seed=plan.seed,
            name=plan.name,
            dtype=plan.dtype,
            slices=[slice(*part) for part in slices],
            groups=geometry.groups,
            transposed=geometry.transposed,
        )
        drawn = super().draw(dataclasses.replace(whole, rule=rule.draw, keys=plan.keys))
        words = self.words(dataclasses.replace(whole, keys=tuple(self.mask_key(key, rule) for key in plan.keys)))
        index = np.broadcast_to(self.index(whole), whole.shape).astype(np.int64)
        group, row, column = np.unravel_index(index, (geometry.groups, rule.rows, rule.columns))
        for stream in range(len(plan.keys)):
            where = (slice(None),) * (plan.stack_axis or 0) + (() if plan.stack_axis is None else (stream,))
            at = [numbers[where].ravel() for numbers in (row, column, group)]
            order = np.lexsort(at)  # column after column, each from its first row to its last
            zeros = self.mask(words[where].ravel()[order].reshape(1, -1, rule.rows).swapaxes(1, 2), rule.zeros)
            part = drawn[where].copy().ravel()
            part[order[zeros.swapaxes(1, 2).ravel()]] = 0
            drawn[where] = part.reshape(drawn[where].shape)
        cut = (slice(a - first, b - first) for (a, b), (first, _) in zip(plan.slices, slices, strict=True))
        return drawn[tuple(cut)].copy()

    def mask_key(self, key: Words, rule: Masked) -> Words:
        """Return the key of the mask's stream."""
        return threefry2x32(key, rule.mask)

    def mask(self, words: Uint32s, zeros: int) -> Mask:
        """Return which elements (group, row, column) are 0: those with the smallest words of a column."""
        ranks = np.argsort(np.argsort(words, axis=1, kind="stable"), axis=1)
        found: Mask = ranks < zeros
        return found

    def haar(self, plan: Plan, rule: Haar) -> Array:
        """Return the elements of the orthogonal matrices where the kernel has them, and 0 elsewhere."""
        matrices = rule.gain * self.orthogonal(super().draw(normal_matrices(plan)))
        table = matrices.reshape(len(plan.keys), -1, rule.columns)
        row, column, tap = (
            self.index(dataclasses.replace(plan, offset=first, axes=axes)).astype(np.int64)
            for first, axes in coordinates(plan)
        )
        stream = np.zeros(plan.shape, np.int64)
        if plan.stack_axis is not None:
            stream += np.arange(len(plan.keys)).reshape(-1, *[1] * (len(plan.shape) - plan.stack_axis - 1))
        weights = np.where(tap == rule.tap, table[stream, row, column], 0.0)
        return weights.astype(plan.compute).astype(plan.dtype)

    def orthogonal(self, normal: Array) -> Array:
        """Return normal matrices made orthogonal, the wide ones by their transposes."""
        if normal.shape[-2] < normal.shape[-1]:
            return self.orthogonal(normal.swapaxes(-1, -2)).swapaxes(-1, -2)
        q, r = np.linalg.qr(normal)
        return self.signed(q, np.diagonal(r, axis1=-2, axis2=-1))

    def signed(self, q: Array, diagonal: Array) -> Array:
        """Return the columns of Q with the signs that leave the triangular factor's diagonal positive."""
        signed: Array = q * np.where(diagonal < 0, -1.0, 1.0)[..., None, :]
        return signed
