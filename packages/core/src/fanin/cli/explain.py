"""The command `fanin explain`.

The text is that of `fanin.catalog`, which the documentation is made from too.
"""

from __future__ import annotations

import argparse
import dataclasses

from fanin.catalog import counterpart, facts, find, namesakes
from fanin.cli import numbers
from fanin.cli.console import print_paragraphs, print_table
from fanin.cli.options import whole
from fanin.exceptions import FaninError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.parse import parse_call
from fanin.layout import Geometry
from fanin.profiles import get_profile

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; those of the tensor are those of `fanin.plan`."""
    parser.add_argument(
        "name", metavar="NAME", help='he_normal, torch:linear_default, ..., or with settings in quotes: "he(0.2)"'
    )
    parser.add_argument("--shape", default="256,64", help="shape of a tensor as it is stored (default 256,64)")
    parser.add_argument("--layout", help="what its axes are (default OI, if there are two)")
    parser.add_argument("--groups", type=whole, default=1, help="groups of a grouped convolution")
    parser.add_argument("--transposed", action="store_true", help="the kernel of a transposed convolution")
    parser.add_argument("--stride", help="stride of the transposed convolution: 2, or 2,1 with one number per axis")


def run(options: argparse.Namespace) -> int:
    """Print what the catalog says of the name, and the numbers."""
    call = parse_call(options.name)
    entry = find(call.name)
    if call.values or call.settings:
        entry = dataclasses.replace(entry, example=call.initializer())
    shape = numbers.shape(options.shape, "--shape")
    layout = options.layout or ("OI" if len(shape) == 2 else None)
    geometry = Geometry.of(shape, layout, options.groups, options.transposed, numbers.stride(options.stride))
    profile = ":" in entry.name
    print_paragraphs(
        {
            "name": ", also ".join(filter(None, [entry.name, ", ".join(entry.aliases)])),
            "law": entry.formula,
            "call": entry.call,
            "level": "exact: the same bits from every backend"
            if entry.level == "exact"
            else "close: backends agree to a tolerance",
            "for": entry.when,
            "that of" if profile else "source": entry.source,
            "note" if profile else "elsewhere": entry.elsewhere,
        }
    )
    how = f"layout {layout}" if layout else "no layout"
    how += f", {options.groups} groups" * (options.groups > 1) + ", transposed" * options.transposed
    given = call.named() if call.values or call.settings else {}
    settings = f"{call.text}, passed on to the others" if given else f"{entry.example}, and the others' defaults"
    print(f"\nFor a tensor {shape}, {how}, with the settings of {settings}:\n")
    rows, calls = [[entry.name, *_numbers(entry.example, geometry)]], []
    for other in namesakes(entry):
        try:
            passed = counterpart(given, other.name)
            example = get_profile(other.name)(**passed) if given else other.example
        except FaninError as error:  # it has no such setting, or not with this value
            rows.append([other.name, f"left out: {str(error).partition('. ')[0]}", *[""] * 5])
            continue
        rows.append([other.name, *_numbers(example, geometry)])
        calls.append(f"{other.name}({', '.join(f'{name}={value}' for name, value in passed.items())})")
    print_table(["name", "law of a weight", "fan_in", "fan_out", "std", "lowest", "highest"], rows)
    if given and calls:
        print()
        print_paragraphs({"passed on": "as " + ", ".join(calls)})
    return 0


def _numbers(initializer: Initializer, geometry: Geometry) -> list[str]:
    try:
        found = facts(initializer, geometry)
    except FaninValueError as error:
        return [f"none: {error}", *[""] * 5]
    fans = ["", ""] if found.fans is None else [f"{found.fans.fan_in:g}", f"{found.fans.fan_out:g}"]
    return [found.law, *fans, *(f"{number:.5g}" for number in (found.std, found.low, found.high))]
