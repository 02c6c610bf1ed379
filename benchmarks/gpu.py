"""Check the bits on a GPU, and measure fanin there beside torch's own initializers.

    python benchmarks/gpu.py                                     # on the current CUDA, ROCm or XPU device
    TRITON_INTERPRET=1 python benchmarks/gpu.py --device cpu     # without one: small tensors, times that say nothing

It draws every golden vector and a table of layouts by both engines, Triton and torch's operations, then measures. The
exit status is 1 if any bit differs. `--json PATH` keeps the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

import fanin
import fanin_numpy
import fanin_torch
from fanin.golden import golden_cases
from fanin.plans import Plan
from fanin.plans.rules import Haar
from fanin_torch import TorchBackend
from fanin_torch._draw import draw_with_torch
from fanin_torch._dtypes import DTYPES

ENGINES: Final[tuple[Literal["triton", "torch"], ...]] = ("triton", "torch")
INTERPRETED = 1 << 13
"""The largest tensor, in elements, that the interpreter draws here."""

LAYOUTS: dict[str, dict[str, Any]] = {
    "run": {"shape": (1031, 517), "layout": "OI"},
    "inputs first": {"shape": (512, 1031), "layout": "IO"},
    "odd inputs first": {"shape": (511, 1031), "layout": "IO"},
    "convolution, JAX order": {"shape": (3, 3, 64, 131), "layout": "HWIO"},
    "columns": {"shape": (301, 4099), "layout": "OI", "slices": (slice(None), slice(5, 2055))},
    "one column": {"shape": (5003, 4), "layout": "OI", "slices": (slice(None), slice(1, 2))},
    "across the counter's turn": {"shape": (1 << 34,), "layout": "O", "slices": slice((1 << 33) - 99, (1 << 33) + 99)},
}
LAWS = {
    "normal": fanin.normal(std=0.02),
    "uniform": fanin.uniform(-0.3, 0.3),
    "truncated": fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0),
    "mean": fanin.normal(mean=1.0, std=0.02),
}


def drawn(plan: Plan, device: str) -> Tensor:
    """Draw by the chosen engine, on a device or as if main memory were one."""
    out = torch.empty(plan.shape, dtype=DTYPES[plan.dtype], device=device)
    draw_with_torch(plan, out)
    return out


def wrong_bits(device: str, limit: int | None) -> list[str]:
    """Return what is drawn with other bits than the stored ones, or than NumPy's."""
    wrong = []
    backend, numpy = TorchBackend(), fanin_numpy.NumpyBackend()
    for engine in ENGINES:
        fanin_torch.set_device_engine(engine)
        for case in golden_cases():
            plan = case.plan()
            if isinstance(plan.rule, Haar) or plan.size > (limit or plan.size):
                continue
            if hashlib.sha256(backend.tobytes(drawn(plan, device))).hexdigest() != case.sha256:
                wrong.append(f"{engine}: golden vector {case.title!r}")
        for layout, arguments in LAYOUTS.items():
            for law, initializer in LAWS.items():
                for dtype in DTYPES:
                    plan = fanin.plan(initialization=initializer, name="check", dtype=dtype, **arguments)
                    if plan.size > (limit or plan.size):
                        continue
                    if backend.tobytes(drawn(plan, device)) != numpy.tobytes(numpy.draw(plan)):
                        wrong.append(f"{engine}: {layout}, {law}, {dtype}")
    return wrong


def seconds(call: Callable[[], object], device: str, repeats: int) -> float:
    """Return the median time of a call: on a device between two events, of several calls each."""
    if device == "cpu":
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return statistics.median(times)
    module = getattr(torch, torch.device(device).type)
    times = []
    with module.device(device):  # whose stream the events are in
        for _ in range(3):
            call()
        for _ in range(repeats):
            start, stop = module.Event(enable_timing=True), module.Event(enable_timing=True)
            start.record()
            for _ in range(4):
                call()
            stop.record()
            module.synchronize()
            times.append(start.elapsed_time(stop) / 4e3)
    return statistics.median(times)


def calls(out: Tensor) -> dict[str, Callable[[], object]]:
    """Return what is measured on one matrix: fanin's draws, and what a user would call instead."""
    import philox  # imports Triton

    def ours(engine: Literal["triton", "torch"], law: str, layout: str) -> Callable[[], object]:
        plan = fanin.plan(out.shape, LAWS[law], layout=layout, name="w", dtype=str(out.dtype).removeprefix("torch."))

        def call() -> None:
            fanin_torch.set_device_engine(engine)
            draw_with_torch(plan, out)

        return call

    made: dict[str, Callable[[], object]] = {
        "fill_": lambda: out.fill_(1.0),
        "torch normal_": lambda: out.normal_(0.0, 0.02),
        "torch uniform_": lambda: out.uniform_(-0.3, 0.3),
        "torch trunc_normal_": lambda: torch.nn.init.trunc_normal_(out),
        "Triton's Philox normal": lambda: philox.fill(out),
    }
    for engine in ENGINES:
        for law, layout in (("normal", "OI"), ("normal", "IO"), ("uniform", "OI"), ("truncated", "OI")):
            made[f"fanin {law}, {layout}, by {engine}"] = ours(engine, law, layout)
    return made


def measured(device: str, sides: list[int], dtypes: list[str], repeats: int) -> list[dict[str, Any]]:
    """Print a table of times, and return its rows."""
    print("| dtype | matrix | call | µs | G words/s | GB/s | time of normal_ ÷ its time |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for dtype in dtypes:
        for side in sides:
            out = torch.empty((side, side), dtype=DTYPES[dtype], device=device)
            found = {name: seconds(call, device, repeats) for name, call in calls(out).items()}
            for name, took in found.items():
                words, size = out.numel() / took / 1e9, out.numel() * out.element_size() / took / 1e9
                ratio = found["torch normal_"] / took
                figures = f"{took * 1e6:.1f} | {words:.3g} | {size:.3g} | {ratio:.2f}"
                print(f"| {dtype} | {side} × {side} | {name} | {figures} |")
                rows.append({"dtype": dtype, "side": side, "call": name, "seconds": took})
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="xpu" if torch.xpu.is_available() else "cuda")
    parser.add_argument("--sides", type=int, nargs="+", help="sides of square matrices")
    parser.add_argument("--repeats", type=int, help="times that each call is timed")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    interpreted = options.device == "cpu"
    if interpreted and os.environ.get("TRITON_INTERPRET") != "1":
        parser.error("the CPU needs Triton's interpreter: set TRITON_INTERPRET=1")
    fanin_torch.set_device_engine("triton")
    import triton

    device = options.device
    name = "Triton's interpreter" if interpreted else getattr(torch, torch.device(device).type).get_device_name(device)
    print(f"{name}; torch {torch.__version__}, Triton {triton.__version__}, fanin {fanin.__version__}\n")
    wrong = wrong_bits(device, INTERPRETED if interpreted else None)
    print("\n".join(wrong) if wrong else "every bit as specified, by both engines", end="\n\n", flush=True)
    sides = options.sides or ([64] if interpreted else [64, 1024, 4096, 16384])
    dtypes = ["float32", "bfloat16"]
    rows = measured(device, sides, dtypes, options.repeats or (1 if interpreted else 20))
    if options.json:
        record = {"device": name, "torch": torch.__version__, "triton": triton.__version__, "rows": rows}
        options.json.write_text(json.dumps(record | {"wrong": wrong}, indent=1), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
