"""The suite that anybody's backend is checked by, both levels, on both paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import fanin.conformance
from fanin.plans import Plan
from fanin_torch import TorchBackend
from fanin_torch._draw import draw_with_torch
from fanin_torch._dtypes import DTYPES


class TestTorch(fanin.conformance.BackendSuite):
    backend = "torch"


class DevicePath(TorchBackend):
    """Draws in main memory as on a device without NumPy: by torch's own operations."""

    def draw(self, plan: Plan, *, device: Any = None) -> Tensor:
        if torch.compiler.is_compiling() or device is not None:
            return super().draw(plan, device=device)
        out = torch.empty(plan.shape, dtype=DTYPES[plan.dtype])
        draw_with_torch(plan, out)
        return out


class TestTheDevicePath(fanin.conformance.BackendSuite):
    backend = DevicePath()
