"""The choice of how a tensor on an accelerator is drawn: by one Triton kernel, or by torch's own operations.

Both give the same bits. Triton comes with torch's builds for CUDA, ROCm and XPU. It is imported when the first tensor
on such a device is drawn, and never for others.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from functools import cache
from typing import Final, Literal

import torch
from torch import Tensor

from fanin.environment import chosen
from fanin.exceptions import FaninValueError
from fanin.layout import Axis
from fanin.plans import Draw
from fanin.stream.threefry import Words

__all__ = ["device_engine_label", "draw_fused", "get_device_engine", "set_device_engine"]

_VARIABLE: Final = "FANIN_DEVICE_ENGINE"
_CHOICES: Final = ("auto", "torch", "triton")
_DEVICES: Final = ("cuda", "xpu")
"""The devices of torch that Triton compiles for; ROCm's are called "cuda" too."""

_OLDEST: Final = (3, 2)
"""The oldest Triton that the kernel is written for, that of torch 2.6."""


class _Choice:
    """The chosen name, and whether Triton failed in this process."""

    name: str | None = None
    failed: bool = False


def get_device_engine() -> str:
    """Return how tensors on accelerators are drawn: "auto", "torch" or "triton"."""
    return chosen(_VARIABLE, _CHOICES) if _Choice.name is None else _Choice.name


def set_device_engine(name: Literal["auto", "torch", "triton"] | None) -> None:
    """Choose how tensors on accelerators are drawn; the bits do not depend on the choice.

    Args:
        name: "torch" uses torch's own operations, and never imports Triton. "triton" uses one kernel per tensor on
            CUDA, ROCm and XPU devices, and passes on the errors of Triton. "auto" does so where Triton 3.2 or newer can
            be imported; where it cannot, or, with a warning, where it fails, it uses torch's operations. None goes back
            to the environment variable FANIN_DEVICE_ENGINE, read at the next draw, or "auto".

    Raises:
        FaninValueError: The name is unknown, or it is "triton" and Triton is missing, too old or broken.
    """
    if name is not None and name not in _CHOICES:
        raise FaninValueError(f"the device engine must be one of {', '.join(_CHOICES)}. Received: {name!r}.")
    if name == "triton":
        _require_triton()
    _Choice.name, _Choice.failed = name, False


def device_engine_label() -> str:
    """Return what draws tensors on accelerators, for people: "Triton 3.7.1" or "torch (Triton is not installed)".

    Raises:
        FaninValueError: The environment names an unknown engine, or "triton", which cannot be used.
    """
    choice = get_device_engine()
    if choice == "torch":
        return "torch"
    if choice == "triton":
        _require_triton()
    elif (fault := _fault()) is not None or _Choice.failed:
        return f"torch ({fault or 'Triton failed'})"
    import triton

    return f"Triton {triton.__version__}"


def draw_fused(start: int, axes: tuple[Axis, ...], rule: Draw, key: Words, out: Tensor) -> bool:
    """Write one stream by the Triton kernel, and return True; or return False, and torch's operations write it.

    The arguments are those of `fanin_torch._fused.draw_stream`.

    Raises:
        FaninValueError: The engine is "triton", and Triton is missing, too old or broken.
    """
    choice = get_device_engine()
    if choice == "torch" or not _is_for(out.device):
        return False
    from fanin_torch._fused import draw_stream

    if choice == "triton":
        _require_triton()
        return draw_stream(start, axes, rule, key, out)
    if _Choice.failed or _fault() is not None:
        return False
    try:
        return draw_stream(start, axes, rule, key, out)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:
        _Choice.failed = True
        warnings.warn(
            f"Triton failed, so torch's own operations draw tensors on {out.device.type} devices: the same bits, but "
            f"slower. {type(error).__name__}: {error} Set {_VARIABLE}=torch to draw them so without this warning.",
            RuntimeWarning,
            stacklevel=2,
        )
        return False


def _is_for(device: torch.device) -> bool:
    """Return whether Triton writes a device's memory; its interpreter, which tests use, writes main memory."""
    return device.type in _DEVICES or (device.type == "cpu" and os.environ.get("TRITON_INTERPRET") == "1")


@cache
def _fault() -> str | None:
    """Return why Triton cannot be used, or None if it can."""
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    try:
        import triton

        version = triton.__version__
    except Exception as error:  # its library does not load, or another folder has its name
        reason = str(error).partition("\n")[0]
        return f"Triton cannot be imported: {type(error).__name__}: {reason}"
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        return f"Triton {version} is older than {_oldest()}"
    return None


def _require_triton() -> None:
    if (fault := _fault()) is not None:
        raise FaninValueError(
            f'the device engine "triton" needs Triton {_oldest()} or newer. Here, {fault}. It comes with torch\'s '
            f'builds for CUDA, ROCm and XPU. Install one, or choose "torch".'
        )


def _oldest() -> str:
    return ".".join(map(str, _OLDEST))
