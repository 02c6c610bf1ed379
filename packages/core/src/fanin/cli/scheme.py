"""The command `fanin scheme`.

The model is built by its own code, and nothing is drawn or fetched.
"""

from __future__ import annotations

import argparse

from fanin.cli.files import write_text

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="timm:NAME, torchvision:NAME, transformers:CONFIG.json, or my.module:function, of a function without "
        "arguments that returns a torch module or a fanin.Scheme",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        nargs="?",
        const="-",
        help="write the scheme as JSON, which `fanin diff` reads, into this file; without one instead of the table",
    )


def run(options: argparse.Namespace) -> int:
    """Print the table, or the JSON."""
    from fanin.cli.sources import scheme_of_text  # it may import torch

    scheme = scheme_of_text(options.model)
    if options.json == "-":
        print(scheme.to_json(), end="")
        return 0
    if options.json is not None:
        write_text(options.json, scheme.to_json())
    print(scheme)
    return 0
