"""Calls from inside of a model, where a module does not know its place: there equal layers would get equal weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FrameType
from typing import Final

from torch import nn

from fanin.exceptions import FaninTypeError

__all__ = ["check_callers"]

_APPLY: Final = nn.Module.apply.__code__


def check_callers() -> None:
    """Check that nothing calls for the parts of a model, one by one, without saying what they are called in the whole.

    Raises:
        FaninTypeError: `Module.apply` calls, or the constructor of a module.
    """
    for frame in _stack():
        if frame.f_code is _APPLY:
            raise FaninTypeError(
                "init_module_ was called by Module.apply, once per submodule. Each submodule then has only the names "
                "of its own inside, and equal layers would get equal weights. Call it once, for the whole model: "
                "fanin_torch.init_module_(model, ...)."
            )
        owner = frame.f_locals.get("self") if frame.f_code.co_name == "__init__" else None
        if isinstance(owner, nn.Module):
            raise FaninTypeError(
                f"init_module_ was called in the constructor of {type(owner).__name__}, which does not know its place "
                f"in the whole model: two of them would get equal weights. Call it for the whole model, or state the "
                f'place: prefix="blocks.0". For the outermost module say prefix="".'
            )


def _stack() -> Iterator[FrameType]:
    """Yield the frames that led here, the latest first, without those of this package."""
    frame = inspect.currentframe()
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("fanin_torch"):
            yield frame
        frame = frame.f_back
