"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Final

from fanin.exceptions import BackendNotInstalledError, FaninValueError
from fanin.gains.activations import activation_names

__all__ = [
    "PLAIN",
    "Noted",
    "add_initializations",
    "add_kind",
    "add_network",
    "add_out",
    "backends",
    "check_unused",
    "number",
    "seeds",
    "whole",
    "words",
]

PLAIN: Final = ("zeros", "random", "he")
"""The initializations where none is named."""

_MOST_SEEDS: Final = 1000
"""More are a mistake, such as a seed that was meant."""


class Noted(argparse.Action):
    """Stores a value, and notes in `noted` that its option was given, which its default does not tell.

    `parser.register("action", None, Noted)` makes it that of all options that store.
    """

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        """Store and note."""
        setattr(namespace, self.dest, values)
        namespace.noted = (*getattr(namespace, "noted", ()), option)


def check_unused(options: argparse.Namespace, unused: Iterable[str], because: str) -> None:
    """Check that no option was given that would have no effect.

    Args:
        options: What was given.
        unused: The options without an effect, such as "--depth".
        because: Why, as the first words of a message; it ends with what they were given with.

    Raises:
        FaninValueError: One was, or `--force` without `--out`.
    """
    noted = getattr(options, "noted", ())
    if given := [name for name in unused if name in noted]:
        raise FaninValueError(f"{because}: {', '.join(given)}. Leave {'it' if len(given) == 1 else 'them'} out.")
    if options.force and options.out is None:
        raise FaninValueError("--force lets --out replace an earlier report. Received without --out: --force.")


def whole(text: str) -> int:
    """Return the whole number that a text is, for argparse, whose own message says what Python calls it."""
    if not re.fullmatch(r"-?[0-9]{1,30}", text):
        raise argparse.ArgumentTypeError(f"it must be a whole number. Received: {text!r}.")
    return int(text)


def number(text: str) -> float:
    """Return the number that a text is, for argparse."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it must be a number. Received: {text!r}.") from None


def add_initializations(parser: argparse.ArgumentParser) -> None:
    """Add the list of initializations."""
    parser.add_argument(
        "--initializations",
        nargs="+",
        default=PLAIN,
        metavar="INIT",
        help='names, or calls in quotes: zeros random he (default), glorot_uniform, "normal(std=0.02)", ...',
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add where to write."""
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write the report, plots and tables into this folder, which must hold no report yet",
    )
    parser.add_argument("--force", action="store_true", help="let --out replace an earlier report")


def add_kind(parser: argparse.ArgumentParser) -> None:
    """Add which kind of network, or whose, and where."""
    parser.add_argument(
        "--network",
        default="mlp",
        metavar="KIND",
        help="mlp (default), cnn, resnet (without normalization) or transformer; all but mlp on torch and jax",
    )
    parser.add_argument(
        "--model",
        metavar="MODULE:FUNCTION",
        help="a function that builds a torch module of your own, in place of --network; the initialization `own` is "
        "that of its code",
    )
    parser.add_argument("--device", metavar="NAME", help="where to draw and train: cpu, cuda (default: the backend's)")


def add_network(parser: argparse.ArgumentParser, *, depth: int, width: int) -> None:
    """Add what describes the network and its data."""
    parser.add_argument(
        "--dataset",
        default="digits",
        metavar="NAME",
        help="digits (bundled with scikit-learn, the default), sequences (generated), or the path of an .npz file with "
        "arrays X and y",
    )
    parser.add_argument("--depth", type=whole, default=depth, help=f"hidden layers (default {depth})")
    parser.add_argument("--width", type=whole, default=width, help=f"units of a hidden layer (default {width})")
    parser.add_argument(
        "--activation",
        default="relu",
        metavar="NAME",
        help=f"one that the backends' trainers know, of {', '.join(activation_names())} (default relu)",
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        default=["1"],
        metavar="N",
        help="how many seeds (3: seeds 0 to 2), or the seeds themselves: 4 7 11, or with a comma, which makes one a "
        "list too: 7,",
    )


def words(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a list argument, given apart or with commas (outside parentheses) between."""
    found = []
    for value in values:
        depth, start = 0, 0
        for k, letter in enumerate(value):
            depth += (letter == "(") - (letter == ")")
            if letter == "," and not depth:
                found.append(value[start:k])
                start = k + 1
        found.append(value[start:])
    return tuple(word.strip() for word in found if word.strip())


def seeds(values: Iterable[str]) -> tuple[int, ...]:
    """Return the seeds that `--seeds` means: one number is how many, several are the seeds, and so is one with a comma.

    Raises:
        FaninValueError: It holds something other than whole numbers, or asks for none or for too many.

    Example:
        >>> seeds(["3"]), seeds(["4", "7"]), seeds(["7,"])
        ((0, 1, 2), (4, 7), (7,))
    """
    values = list(values)
    texts = words(values)
    try:
        numbers = tuple(map(whole, texts))
    except argparse.ArgumentTypeError as error:
        raise FaninValueError(f"--seeds takes whole numbers. Received: {' '.join(texts)}.") from error
    if len(numbers) != 1 or any("," in value for value in values):
        return numbers
    count = numbers[0]
    if count < 1:
        raise FaninValueError(f"--seeds takes at least one seed. Received: {count}.")
    if count > _MOST_SEEDS:
        raise FaninValueError(
            f"--seeds takes one number for how many, at most {_MOST_SEEDS}. Received: {count}. For the seed of this "
            f"number put a comma behind it: --seeds {count},"
        )
    return tuple(range(count))


def backends(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return the backends that `--backends` names; all installed ones that can train, if it names none.

    Raises:
        FaninValueError: A name is empty.
        BackendNotInstalledError: None is installed.
    """
    chosen = words(values or ())
    if values is not None and not chosen:
        raise FaninValueError("a backend has a name. Received: none. Leave the option out for what is installed.")
    if chosen and chosen != ("all",):
        return chosen
    from fanin.lab.trainer import trainable_backends  # looks through everything that is installed

    found = trainable_backends()
    if not found:
        raise BackendNotInstalledError('no backend that can train is installed. Run: pip install "fanin[cli,numpy]".')
    return found
