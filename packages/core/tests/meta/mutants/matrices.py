"""Wrong matrices: diagonals, masks and orthogonal matrices, on a toy that draws these rules as the reference does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fanin_toy import Array, ToyBackend

from fanin import Diagonal, Haar, Masked, Plan, reference

from .record import Mutant


class MatrixBackend(ToyBackend):
    """The toy, with every rule."""

    capabilities = dataclasses.replace(
        ToyBackend.capabilities, rules=frozenset({"fill", "draw", "diagonal", "masked", "haar"})
    )

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        if isinstance(plan.rule, Diagonal | Masked | Haar):
            return np.frombuffer(reference.tobytes(plan), plan.dtype).reshape(plan.shape).copy()
        return super().draw(plan, device=device)


def _ruled(kind: type[Any], change: Callable[[Any], dict[str, Any]]) -> Callable[[], ToyBackend]:
    """Return a backend that follows another rule of a kind."""

    class Ruled(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if isinstance(plan.rule, kind):
                plan = dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, **change(plan.rule)))
            return super().draw(plan, device=device)

    return Ruled


class SignedBackend(MatrixBackend):
    """Leaves the signs of the orthogonal factor as LAPACK has them: here every second column is turned round."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        drawn = super().draw(plan, device=device)
        if isinstance(plan.rule, Haar):
            drawn[..., 1::2] *= -1
        return drawn


class PlainNormalBackend(MatrixBackend):
    """Draws the normal matrix, and does not make it orthogonal."""

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        drawn = super().draw(plan, device=device)
        if not isinstance(plan.rule, Haar):
            return drawn
        rng = np.random.default_rng(plan.keys[0])
        width = plan.rule.gain / np.sqrt(max(plan.rule.rows, plan.rule.columns))
        weights: Array = rng.normal(0, width, drawn.shape).astype(drawn.dtype)
        return weights


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
    Mutant(
        "one zero fewer",
        "the zeros of a column are rounded down",
        _ruled(Masked, lambda r: {"zeros": max(r.zeros - 1, 0)}),
    ),
    Mutant(
        "mask of the values", "the mask's stream is that of another label", _ruled(Masked, lambda r: {"mask": (0, 0)})
    ),
    Mutant("signs of the QR", "the triangular factor's diagonal has either sign", SignedBackend),
    Mutant("orthogonal gain missing", "the gain is left out", _ruled(Haar, lambda r: {"gain": 1.0})),
    Mutant("not orthogonal", "a normal matrix of the right width", PlainNormalBackend),
)
