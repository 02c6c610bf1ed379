"""Building a model once: without drawing, and then drawn where its weights shall live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.stream.keys import seed_words
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
        function: What makes the module: a class or any function. A lazy layer needs its input inside of it.
        args: Its arguments.
        seed: An integer in [0, 2^64).
        device: Where the module shall live, a `torch.device` or what makes one; None for where the function makes it,
            and for the CPU where it makes it without memory (on the meta device).
        kwargs: Its arguments by name. A `seed` or a `device` of its own is bound by `functools.partial`.

    Raises:
        FaninTypeError: It is no function, or returns no module.
        FaninValueError: The seed is none, there is no such device or it has no memory, a parameter has no shape yet, or
            one was not made by the function or is made from numbers that the recording never saw.

    Example:
        >>> model = build(nn.Linear, 64, 256, seed=1)
        >>> torch.equal(model.weight, build(nn.Linear, 64, 256, seed=1, device="cpu").weight)
        True
        >>> model.weight.abs().max() <= 1 / 64**0.5
        tensor(True)
    """
    if isinstance(function, nn.Module) or not callable(function):
        raise FaninTypeError(
            f"build calls what makes a torch.nn.Module: a class or a function. Received: {_shown(function)}. Pass the "
            f"class and its arguments, build(nn.Linear, 64, 256), or use init_module_ for a module that exists."
        )
    seed_words(seed)
    where = None if device is None else _device(device)
    with record(draw=False) as recording:
        model = function(*args, **kwargs)
    if not isinstance(model, nn.Module):
        raise FaninTypeError(
            f"build calls a function that returns a torch.nn.Module. Received: {type(model).__name__} from "
            f"{getattr(function, '__name__', function)!r}. Pass the model's class and its arguments."
        )
    scheme = recording.scheme(model)
    made_elsewhere = [one.names[0] for one in named_tensors(model) if not one.is_buffer and scheme.keeps(one.names[0])]
    if made_elsewhere:
        raise FaninValueError(
            f"build cannot draw what was not made by the function itself, in this thread, as a plain tensor: "
            f"{', '.join(made_elsewhere[:5])}{' and more' * (len(made_elsewhere) > 5)}. Load weights, start threads "
            f"and distribute the model after it is built: init_module_(model, scheme, seed) draws distributed tensors."
        )
    if where is not None:
        _move(model, where)
    apply_scheme(model, named_tensors(model), scheme, seed)
    return model


def _shown(value: object) -> str:
    return f"a {type(value).__name__} that exists" if isinstance(value, nn.Module) else repr(value)


def _device(given: object) -> torch.device:
    """Return a device that has memory.

    Raises:
        FaninValueError: It has none, or there is no such device.
    """
    try:
        device: torch.device = torch.device(given)  # type: ignore[call-overload]
    except (RuntimeError, TypeError) as error:
        accepted = 'a torch.device or its name, such as "cuda:0"'
        raise FaninValueError(f"device must be {accepted}. Received: {given!r}.") from error
    if device.type == "meta":
        raise FaninValueError(
            'build draws weights, and the device "meta" has no memory for them. For a module without weights, build it '
            'inside of `with fanin_torch.record() as recording, torch.device("meta"):`, and draw it later by '
            "init_module_(model, recording.scheme(model), seed)."
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise FaninValueError(f"device {str(device)!r} cannot be used here: {error}") from error
    return device


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
