"""The backend class, through which the core finds torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final

import torch
from torch import Tensor

from fanin.contract import Capabilities, Description
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import RULES
from fanin_numpy import NumpyBackend
from fanin_torch._device_engine import device_engine_label
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import DTYPES, dtype_name, numpy_view
from fanin_torch._opaque import draw_opaquely, keep

__all__ = ["TorchBackend"]

_OUTSIDE_OF_TRANSFORMS: Final = getattr(torch._C, "_DisableFuncTorch", nullcontext)
"""Inside a `torch.func` transform, a new tensor is wrapped and has no accessible memory; the weights are constants."""


class TorchBackend:
    """Draws plans as torch tensors on any device."""

    name = "torch"
    SPEC_VERSION = 1
    capabilities = Capabilities(
        dtypes=frozenset(DTYPES), devices=("cpu", "cuda", "mps", "xpu"), jit=True, level="exact", rules=RULES
    )

    @property
    def engine(self) -> str:
        """What draws on the CPU and on accelerators, for people: "native (avx2), devices: Triton 3.7.1"."""
        return f"{NumpyBackend().engine}, devices: {device_engine_label()}"

    def draw(self, plan: Plan, *, device: Any = None) -> Tensor:
        """Return the tensor that `plan` describes, contiguous and without a gradient.

        Args:
            plan: The plan.
            device: A `torch.device` or anything that torch converts to one; None for torch's default device.

        Raises:
            FaninValueError: The device is unknown or not available, or it is "meta", which holds no values.
            MemoryError: There is not enough memory.
        """
        if torch.compiler.is_compiling():
            return draw_opaquely(keep(plan), device)
        with _OUTSIDE_OF_TRANSFORMS():
            return self._draw(plan, device)

    @staticmethod
    def _draw(plan: Plan, device: Any) -> Tensor:
        try:
            out = torch.empty(plan.shape, dtype=DTYPES[plan.dtype], device=device)
        except (RuntimeError, TypeError, AssertionError) as error:
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                size = plan.size * DTYPES[plan.dtype].itemsize / 2**30
                raise MemoryError(
                    f"torch has no memory for a {plan.dtype} tensor of shape {plan.shape}, which needs {size:.1f} GiB. "
                    f"Draw a part of it: slices=."
                ) from error
            raise FaninValueError(
                f"torch cannot create a {plan.dtype} tensor on the device {device!r}: {error} "
                f'Use an available device, for example "cpu".'
            ) from error
        if out.is_meta:
            raise FaninValueError(
                "a tensor on the meta device has no values to draw. Use a real device, or plan now with "
                "fanin.plan(...) and draw later."
            )
        if type(out) is not Tensor:  # a fake tensor
            return draw_opaquely(keep(plan), device)
        draw_into(plan, out)
        return out

    def tobytes(self, array: Any) -> bytes:
        """Return the elements as little-endian bytes, in C order."""
        array = self._check(array)
        view = numpy_view(array.cpu())
        data: bytes = view.astype(view.dtype.newbyteorder("<"), copy=False).tobytes()
        return data

    def describe(self, array: Any) -> Description:
        """Return the shape and the dtype's name."""
        array = self._check(array)
        return Description(tuple(array.shape), dtype_name(array.dtype))

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return the function compiled by `torch.compile` as one graph, with a backend that needs no C++ compiler."""
        made: Callable[[], Any] = torch.compile(function, fullgraph=True, backend="aot_eager")
        return made

    @staticmethod
    def _check(array: Any) -> Tensor:
        if not isinstance(array, Tensor):
            raise FaninTypeError(f"expected a torch.Tensor. Received: {type(array).__name__}.")
        return array
