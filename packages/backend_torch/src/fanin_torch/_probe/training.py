"""A short run of training on one batch, on a copy of the model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["short_run"]

_RATE: Final = 1e-3


def short_run(
    model: nn.Module, call: Callable[[nn.Module], Any], loss: Callable[[Any], Tensor], steps: int
) -> list[float]:
    """Return the loss before each step of Adam, learning rate 0.001.

    Args:
        model: The model, which is copied.
        call: Passes the batch through a model.
        loss: A function of what that returns.
        steps: How many.

    Raises:
        FaninTypeError: The model cannot be copied.
        FaninValueError: It has no parameter that requires gradients.
    """
    try:
        own = copy.deepcopy(model)
    except Exception as error:  # whatever a model's parts raise
        what = f"{type(error).__name__}: {error}"
        raise FaninTypeError(f"a short run trains a copy, and this model cannot be copied: {what}.") from error
    wanted = [one for one in own.parameters() if one.requires_grad]
    if not wanted:
        raise FaninValueError(
            f"a short run trains the parameters that require gradients. Received: {type(model).__name__}, of which "
            f"none does. Leave train out, or set requires_grad."
        )
    optimizer = torch.optim.Adam(wanted, lr=_RATE)
    losses = []
    for _ in range(steps):
        value = loss(call(own))
        losses.append(float(value.detach()))
        for one, gradient in zip(wanted, torch.autograd.grad(value, wanted, allow_unused=True), strict=True):
            one.grad = gradient
        optimizer.step()
    return losses
