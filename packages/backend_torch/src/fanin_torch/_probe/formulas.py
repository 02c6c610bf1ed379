"""Activations that are written out, as x * sigmoid(x), by the numbers that come of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["COMBINING", "STEPS", "activation_of", "some_numbers"]

COMBINING: Final = ("mul", "div", "where", "maximum")
"""Operations of two tensors that an activation may end with."""

STEPS: Final = frozenset(
    {"mul", "div", "add", "sub", "rsub", "neg", "pow", "square", "sigmoid", "tanh", "erf", "exp", "softplus"}
    | {"log1p", "reciprocal", "gt", "ge", "lt", "le", "where", "maximum", "relu", "clamp", "clamp_min"}
)
"""Operations of its own numbers alone, of which such a formula is made."""

_KNOWN: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "silu": functional.silu,
    "gelu": functional.gelu,
    "mish": functional.mish,
    "relu": torch.relu,
}
_APPROXIMATIONS: Final[tuple[Callable[[Tensor], Tensor], ...]] = (
    lambda numbers: functional.gelu(numbers, approximate="tanh"),
    lambda numbers: numbers * torch.sigmoid(1.702 * numbers),
)
"""Of gelu (Hendrycks and Gimpel 2016)."""

_LIKE: Final = 1e-3
"""Numbers that are as near to an activation's, relative to their size, are its; in half precision 20 times as far."""

_MANY: Final = 4096


def some_numbers(tensor: Tensor) -> Tensor:
    """Return the first numbers of a tensor, as they are now."""
    return tensor.detach().flatten()[:_MANY].float().clone()


def activation_of(before: Tensor, after: Tensor, dtype: torch.dtype) -> str | None:
    """Return the activation that takes some numbers to others; None if it is none that is known.

    Args:
        before: The numbers.
        after: What comes of them, in the same order.
        dtype: What it was computed in.
    """
    if before.shape != after.shape:
        return None
    size = float(after.square().mean().sqrt())
    if not 0 < size < math.inf:
        return None
    made = [(name, function(before)) for name, function in _KNOWN.items()]
    made += [("gelu", function(before)) for function in _APPROXIMATIONS]
    made += [(name, 2 * one) for name, one in made if name == "gelu"]  # which is halved at the end
    far, name = min((float((one - after).abs().max()) / size, name) for name, one in made)
    return name if far < (_LIKE if dtype in (torch.float32, torch.float64) else 20 * _LIKE) else None
