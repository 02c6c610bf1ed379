"""fanin plan: show what `fanin.init` would do with a tensor, without drawing it.

The plan is what a backend reads: key words, distribution, factor, logical strides.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re

import fanin
from fanin.compare.experiment import parse_initialization
from fanin.exceptions import FaninValueError
from fanin.matrices import MatrixInitializer

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, which are those of `fanin.plan`."""
    parser.add_argument("shape", metavar="SHAPE", help="shape as it is stored: 256,64 or 256x64")
    parser.add_argument(
        "initialization", metavar="INIT", nargs="?", default="he", help='he (default), zeros, "normal(std=0.02)", ...'
    )
    parser.add_argument("--layout", help="what each axis is, for example OI or HWIO")
    parser.add_argument("--seed", type=int, default=0, help="0 to 2^64-1 (default 0)")
    parser.add_argument("--name", help="the parameter's name, which selects its stream")
    parser.add_argument("--dtype", default="float32", help="float32 (default), float64, float16, bfloat16, ...")
    parser.add_argument("--groups", type=int, default=1, help="groups of a grouped convolution")
    parser.add_argument("--transposed", action="store_true", help="the kernel of a transposed convolution")
    parser.add_argument("--stride", type=int, help="stride of the transposed convolution")
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    initializer = parse_initialization(options.initialization)
    made = fanin.plan(
        _shape(options.shape),
        initializer,
        layout=options.layout,
        seed=options.seed,
        name=options.name,
        dtype=options.dtype,
        groups=options.groups,
        transposed=options.transposed,
        stride=options.stride,
    )
    if options.json:
        print(json.dumps(made.to_dict(), indent=2))
        return 0
    rule = {"kind": made.rule.kind, **dataclasses.asdict(made.rule)}
    lines = {
        "tensor": f"{made.shape}, {made.dtype}, {made.size} elements",
        "initializer": str(initializer),
        "fans": "unknown (no layout)",
    }
    if made.geometry.layout is not None:
        fans = initializer.fans(made.geometry)
        lines["fans"] = f"fan_in {fans.fan_in:g}, fan_out {fans.fan_out:g}"
        if not isinstance(initializer, MatrixInitializer):
            lines["law"] = str(initializer.law(fans))
    lines["stream"] = f"seed {made.seed}, name {made.name!r}, key {' '.join(f'{a:08x} {b:08x}' for a, b in made.keys)}"
    lines["rule"] = ", ".join(f"{key} {value}" for key, value in rule.items())
    lines["strides"] = ", ".join(str(axis.stride) for axis in made.axes) + " (steps of the logical index)"
    for key, value in lines.items():
        print(f"{key:12} {value}")
    return 0


def _shape(text: str) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[,x×\s()\[\]]+", text) if part]
    if not all(re.fullmatch(r"-?\d+", part) for part in parts):
        raise FaninValueError(f"SHAPE must be whole numbers with commas between, such as 256,64. Received: {text!r}.")
    return tuple(map(int, parts))
