"""Building a model once: without drawing, and then drawn where its weights shall live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from fanin.exceptions import FaninTypeError
from fanin_torch._apply_scheme import apply_scheme
from fanin_torch._names import named_tensors
from fanin_torch._record import record

__all__ = ["build"]

_Module = TypeVar("_Module", bound=nn.Module)


def build(function: Callable[..., _Module], *args: Any, seed: int = 0, device: object = None, **kwargs: Any) -> _Module:
    """Return a new module with its own initialization, drawn from fanin's streams.

    The function is called once, and draws nothing: its weights are drawn afterwards, each from the stream of its own
    name, on the device where they shall live.

    Args:
        function: What makes the module: a class or any function.
        args: Its arguments.
        seed: An integer in [0, 2^64).
        device: Where the module shall live, a `torch.device` or what makes one; None for where the function makes it.
        kwargs: Its arguments by name.

    Raises:
        FaninTypeError: The function returns no module.
        FaninValueError: A parameter is made from numbers that the recording never saw.

    Example:
        >>> model = build(nn.Linear, 64, 256, seed=1)
        >>> torch.equal(model.weight, build(nn.Linear, 64, 256, seed=1, device="cpu").weight)
        True
        >>> model.weight.abs().max() <= 1 / 64**0.5
        tensor(True)
    """
    with record(draw=False) as recording:
        model = function(*args, **kwargs)
    if not isinstance(model, nn.Module):
        raise FaninTypeError(
            f"build calls a function that returns a torch.nn.Module. Received: {type(model).__name__} from "
            f"{getattr(function, '__name__', function)!r}. Pass the model's class and its arguments."
        )
    scheme = recording.scheme(model)
    if device is not None:
        _move(model, torch.device(device))  # type: ignore[call-overload]
    apply_scheme(model, scheme, seed)
    return model


def _move(model: nn.Module, device: torch.device) -> None:
    """Give the module undefined memory on a device, with tied tensors still tied."""
    tensors = named_tensors(model)
    model.to_empty(device=device)
    for one in tensors:
        (module, key), *others = one.places
        for other, other_key in others:
            home, place = (
                (module._buffers, other._buffers) if one.is_buffer else (module._parameters, other._parameters)
            )
            place[other_key] = home[key]  # type: ignore[assignment]
