"""fanin explain: an initializer in full, with its numbers for a tensor, beside its namesakes elsewhere.

The text is that of `fanin.catalog`, which the documentation is made from too.
"""

from __future__ import annotations

import argparse
import dataclasses

from fanin.catalog import Entry, facts, find, namesakes
from fanin.cli import numbers
from fanin.cli.catalog import print_paragraphs, print_table
from fanin.cli.options import whole
from fanin.exceptions import FaninValueError
from fanin.initializers.parse import parse_call
from fanin.layout import Geometry

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
    parser.add_argument("--stride", help="stride of the transposed convolution: 2, or 2,1 with one number an axis")


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
    print(f"\nFor a tensor {shape}, {how}, with the settings of {entry.example}:\n")
    rows = [_numbers(other, geometry) for other in (entry, *namesakes(entry))]
    print_table(["name", "law of a weight", "fan_in", "fan_out", "std", "lowest", "highest"], rows)
    return 0


def _numbers(entry: Entry, geometry: Geometry) -> list[str]:
    try:
        found = facts(entry.example, geometry)
    except FaninValueError as error:
        return [entry.name, f"none: {error}", *[""] * 5]
    fans = ["", ""] if found.fans is None else [f"{found.fans.fan_in:g}", f"{found.fans.fan_out:g}"]
    return [entry.name, found.law, *fans, *(f"{number:.5g}" for number in (found.std, found.low, found.high))]
