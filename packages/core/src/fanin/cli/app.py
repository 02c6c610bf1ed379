"""The shell: which command, and how errors leave."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

import fanin
from fanin._checks import closest
from fanin.cli.text import replace_letters
from fanin.exceptions import FaninError

__all__ = ["build_parser", "main"]

EXIT_ERROR = 2

_COMMANDS: Final = {
    "compare": "train one network from several initializations on every backend, and show what each does",
    "probe": "push data through an untrained network, and hold every layer against the theory",
    "list": "list the initializers, and the profiles of other frameworks",
    "explain": "an initializer in full, with its numbers for a tensor, beside its namesakes elsewhere",
    "plan": "show what `fanin.init` would do with a tensor, without drawing it",
    "scheme": "show which law each parameter of a model follows, by what its own code does",
    "diff": "show what two schemes do differently, parameter by parameter",
    "lock": "write down a model's initial weights as digests, to verify weights by later",
    "verify": "hold weights against a lock, bit by bit, and show which parameters differ, and how",
    "audit": "find out whether weights are initialized as they should be, and what went wrong",
    "backends": "list the backends, what they can do, and why one does not load",
    "conformance": "test a backend against the specification",
}
"""Each command in a few words. Its module has its name, `add_arguments` and `run`."""


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"fanin.cli.{command}")


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only a command that is among the words gets its arguments, so that no other is loaded."""
    parser = argparse.ArgumentParser(
        prog="fanin", description="Weight initialization with the same bits on every array library."
    )
    parser.add_argument("--version", action="version", version=f"fanin {fanin.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        # Without abbreviations: --seed would be taken for --seeds, where one number is a count.
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if name in words:
            _module(name).add_arguments(command)
        command.set_defaults(parser=command)
    return parser


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options; an argument that need not be given may also come behind options.

    argparse takes `fanin plan 3,4 --layout OI zeros` to have none, and `zeros` to be a mistake.
    """
    parser = build_parser(words)
    options, rest = parser.parse_known_args(words)
    late = getattr(options, "late", None)
    if late and len(rest) == 1 and not rest[0].startswith("-") and getattr(options, late) is None:
        setattr(options, late, rest.pop())
    if rest:
        options.parser.error(f"unrecognized arguments: {' '.join(rest)}.{_hint(rest[0], options.parser)}")
    return options


def _hint(word: str, command: argparse.ArgumentParser) -> str:
    """Return what a word may have been meant for, that a command does not know."""
    known = command.format_usage()
    if word.startswith("-"):
        return closest(word.partition("=")[0], re.findall(r"--[a-z-]+", known))
    return " Initializations come behind --initializations." if "--initializations" in known else ""


def _close_output() -> None:
    """Keep the interpreter from flushing once more into an output that takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after `fanin`; None for those of the process.

    Returns:
        0 if all is well; 1 if the command found a fault, such as weights that differ between backends; 2 if what was
        asked for cannot be done, with the reason on stderr; 130 if a command was interrupted and has shown
        what was finished.

    Raises:
        KeyboardInterrupt: It was interrupted before that; `_fanin_command.main` makes 130 of it.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if sys.stdout is None:  # as after `>&-`
        print("fanin: there is no standard output to write to.", file=sys.stderr or io.StringIO())
        return EXIT_ERROR
    replace_letters()
    try:
        try:
            options = _parse(words)
            code: int = _module(options.command).run(options)
        except SystemExit:  # of --help
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except FaninError as error:
        print(f"fanin: {error}", file=sys.stderr)
        return EXIT_ERROR
    except MemoryError:
        print("fanin: there is not enough memory for that. Ask for less, or for a part.", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        _close_output()
    except OSError as error:
        if error.filename is not None:  # of a file, and so a mistake of the program
            raise
        _close_output()
        print(f"fanin: the output cannot be written: {error.strerror or error}.", file=sys.stderr)
        return EXIT_ERROR
    else:
        return code
    return 0
