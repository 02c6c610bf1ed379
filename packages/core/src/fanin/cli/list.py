"""The command `fanin list`.

The text is that of `fanin.catalog`, which the documentation is made from too.
"""

from __future__ import annotations

import argparse

from fanin.catalog import entries, find
from fanin.cli.console import print_table
from fanin.exceptions import FaninValueError
from fanin.profiles import PROFILES, profile_names

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("word", metavar="WORD", nargs="?", help="only what has it in its name: he, torch, uniform, ...")


def run(options: argparse.Namespace) -> int:
    """Print the table of fanin's own initializers, and that of the profiles if a word asks for some."""
    word = (options.word or "").lower().strip()
    frameworks = list(dict.fromkeys(name.partition(":")[0] for name in PROFILES))
    own = [entry for entry in entries() if any(word in name for name in (entry.name, *entry.aliases))]
    profiles = [find(name) for name in PROFILES if word and word in name]
    if not own and not profiles:
        raise FaninValueError(
            f"no initializer has {word!r} in its name. Accepted: any part of a name, such as he, uniform, "
            f"{', '.join(frameworks)}; or no word, for fanin's own."
        )
    if own:
        print_table(
            ["name", "law", "level", "also called"],
            [[entry.name, entry.formula, entry.level, ", ".join(entry.aliases)] for entry in own],
        )
    if profiles:
        print("\n" * bool(own), end="")
        print_table(["profile", "law", "that of"], [[entry.name, entry.formula, entry.source] for entry in profiles])
    if not word:
        counts = ", ".join(f"{name} ({len(profile_names(name))})" for name in frameworks)
        print(f"\nProfiles, which are other frameworks' functions by law: {counts}. For example: fanin list torch")
    print("\nIn full, with numbers for a tensor: fanin explain NAME --shape 128,64,3,3 --layout OIHW")
    return 0
