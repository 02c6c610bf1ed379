"""Count the kernels that torch's own operations launch to draw a tensor on a device without Triton.

    python benchmarks/launches.py

The operations run in main memory and are counted, not timed: each operator that is no view and no allocation is a
launch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import fanin
import fanin_torch
from fanin_torch._draw import draw_with_torch
from fanin_torch._dtypes import DTYPES

__all__ = ["Launches"]

LAWS = {
    "normal": fanin.normal(std=0.02),
    "uniform": fanin.uniform(-0.1, 0.1),
    "truncated normal": fanin.truncated_normal(std=0.02),
    "normal with a mean": fanin.normal(mean=1.0, std=0.02),
}


ALLOCATIONS = (torch.ops.aten.empty, torch.ops.aten.empty_like)


class Launches(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that run inside, views and allocations apart."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and count it."""
        self.count += not (func.is_view or func.overloadpacket in ALLOCATIONS)
        return func(*args, **kwargs or {})


def launches(shape: tuple[int, ...], layout: str, law: fanin.Initializer, dtype: str) -> int:
    """Return how many operators draw a tensor, its table already being there."""
    plan = fanin.plan(shape, law, layout=layout, name="w", dtype=dtype)
    out = torch.empty(plan.shape, dtype=DTYPES[dtype])
    draw_with_torch(plan, out)
    with Launches() as counted:
        draw_with_torch(plan, out)
    return int(counted.count)


def main() -> None:
    fanin_torch.set_device_engine("torch")
    print("| law | dtype | 64 × 64 | 64 × 64, IO | 16 Mi | 16 Mi, IO |\n|---|---|---|---|---|---|")
    for name, law in LAWS.items():
        for dtype in ("float32", "bfloat16"):
            found = [launches((side, side), kind, law, dtype) for side in (64, 4096) for kind in ("OI", "IO")]
            print(f"| {name} | {dtype} | {' | '.join(f'{count:,}' for count in found)} |")


if __name__ == "__main__":
    main()
