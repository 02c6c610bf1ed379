"""The command `fanin plan`.

The plan is what a backend reads: key words, distribution, factor, logical strides.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re

import fanin
from fanin.cli import numbers
from fanin.cli.options import whole
from fanin.exceptions import FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.parse import parse_initialization
from fanin.plans import Name, Plan

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, which are those of `fanin.plan`."""
    parser._negative_number_matcher = re.compile(r"-[0-9]")  # a shape of "-3,4" is refused as such, and is no option
    parser.add_argument("shape", metavar="SHAPE", help="shape as it is stored: 256,64")
    parser.add_argument(
        "initialization", metavar="INIT", nargs="?", help='he (default), zeros, "normal(std=0.02)", ...'
    )
    parser.set_defaults(late="initialization")
    parser.add_argument("--layout", help="what each axis is, for example OI or HWIO")
    parser.add_argument("--seed", type=whole, default=0, help="0 to 2^64-1 (default 0)")
    parser.add_argument(
        "--name",
        action="append",
        help="the parameter's name, which selects its stream; for a stack (S in the layout) once for each slice",
    )
    parser.add_argument("--dtype", default="float32", help="float32 (default), float64, float16, bfloat16, ...")
    parser.add_argument("--groups", type=whole, default=1, help="groups of a grouped convolution")
    parser.add_argument("--transposed", action="store_true", help="the kernel of a transposed convolution")
    parser.add_argument("--stride", help="stride of the transposed convolution: 2, or 2,1 with one number an axis")
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    if (options.initialization or "").isdecimal():
        raise FaninValueError(
            f"a shape is one word, its numbers with commas between. Received: {options.shape!r} and "
            f"{options.initialization!r}. For example: fanin plan {options.shape},{options.initialization} he"
        )
    initializer = parse_initialization("he" if options.initialization is None else options.initialization)
    made = fanin.plan(
        numbers.shape(options.shape, "SHAPE"),
        initializer,
        layout=options.layout,
        seed=options.seed,
        name=_name(options.name, options.layout, initializer),
        dtype=options.dtype,
        groups=options.groups,
        transposed=options.transposed,
        stride=numbers.stride(options.stride),
    )
    if options.json:
        print(json.dumps(made.to_dict(), indent=2))
        return 0
    rule = {"kind": made.rule.kind, **dataclasses.asdict(made.rule)}
    lines = {
        "tensor": f"{made.shape}, {made.dtype}, {made.size} element{'s' if made.size != 1 else ''}",
        "initializer": str(initializer),
        "fans": "unknown (no layout)",
    }
    if made.geometry.layout is not None:
        fans = initializer.fans(made.geometry)
        lines["fans"] = f"fan_in {fans.fan_in:g}, fan_out {fans.fan_out:g}"
        if (law := initializer.law(fans)) != initializer:
            lines["law"] = str(law)
    lines["stream"] = f"seed {made.seed}, {_streams(made)}"
    lines["rule"] = ", ".join(f"{key} {value}" for key, value in rule.items())
    lines["strides"] = ", ".join(str(axis.stride) for axis in made.axes) + " (steps of the logical index)"
    for key, value in lines.items():
        print(f"{key:12} {value}")
    return 0


def _name(names: list[str] | None, layout: str | None, initializer: Initializer) -> Name:
    """Return the name, or the names of a stack's slices, as `fanin.plan` takes them."""
    stack = "S" in (layout or "")
    if stack and names is None and initializer.is_random:
        raise FaninValueError(
            f"layout {layout!r} has a stack axis S, whose slices are streams of their own. Received: no name. Give one "
            f"for each slice: --name layers.0.weight --name layers.1.weight ..."
        )
    if stack or names is None:
        return names
    if len(names) > 1:
        raise FaninValueError(
            f"--name may be given more than once for a stack only, which has S in its layout. Received: "
            f"{', '.join(names)}, and {f'layout {layout!r}' if layout else 'no layout'}. Give one name."
        )
    return names[0]


def _streams(made: Plan) -> str:
    """Return the name and the key of each stream, each of a stack on a line of its own."""
    if not made.keys:
        return "no names, for nothing is random"
    names = made.name if isinstance(made.name, tuple) else (made.name,)
    keys = [f"name {name!r}, key {a:08x} {b:08x}" for name, (a, b) in zip(names, made.keys, strict=True)]
    return ("\n" + " " * 13).join(keys)
