"""`fanin probe --model`: is it the initialization of a person's own torch model?"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable
from typing import Any

from fanin._named import named
from fanin.cli import options as shared
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.parse import parse_initialization
from fanin.signal.finding import tables_of

__all__ = ["law_of", "run"]

_SAMPLES = 256


def run(options: argparse.Namespace) -> int:
    """Probe the model as it is and with the law that the verdict asks for, print both verdicts, and write a page."""
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder

    try:
        import torch

        import fanin_torch
    except ModuleNotFoundError as error:
        raise ExtraMissingError('probe --model needs fanin_torch. Run: pip install "fanin[torch]"') from error
    home, _, name = options.model.partition(":")
    if not home or not name:
        raise FaninValueError(f"--model names a function, my.module:function. Received: {options.model!r}.")
    function = _without_arguments(named(home, name, "my.module:function"), options.model)
    chosen = shared.words(options.initializations or ())
    if len(chosen) > 1:
        raise FaninValueError(
            f"--model is compared with one initialization. Received: {', '.join(chosen)}. For several, train it: "
            f"fanin compare --model."
        )
    fanin_torch.init((1,), "zeros", name="a trial", device=options.device)  # says what it is if the device is none
    data = load_data(options.dataset)
    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    labels = torch.from_numpy(data.train_labels[:_SAMPLES])
    inputs = torch.from_numpy(data.train_inputs[:_SAMPLES].astype("float32")).reshape(len(labels), *data.shape)
    batch, labels = inputs.to(options.device), labels.to(options.device)

    def loss(outputs: Any) -> Any:
        if not isinstance(outputs, torch.Tensor) or tuple(outputs.shape) != (len(labels), data.classes):
            shown = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
            raise FaninValueError(
                f"the model must return logits, of shape {(len(labels), data.classes)} here. Received: {shown}."
            )
        return torch.nn.functional.cross_entropy(outputs, labels)

    def built() -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = function()
        if not isinstance(model, torch.nn.Module):
            raise FaninTypeError(f"--model names a function that builds a torch.nn.Module. Received: {model!r}.")
        return model.to(options.device)

    before = fanin_torch.probe(built(), batch, loss, train=options.train)
    print(before)
    law = chosen[0] if chosen else law_of(before.findings)
    after = None
    if law is not None:
        kept: dict[str, None] = dict.fromkeys(tables_of(before.layers))
        is_constant = any(finding.constants for finding in before.findings[:1])
        model = fanin_torch.init_module_(
            built(),
            parse_initialization(law),
            seed=0,
            overrides=kept,
            constants="overwrite" if is_constant else "keep",
        )
        after = fanin_torch.probe(model, batch, loss, train=options.train)
        print(f"\nWith {law}:\n{after}")
    if folder is not None:
        before.save(folder / "report.html", after)
        print(f"report: {folder / 'report.html'}")
    return 0


def _without_arguments(function: Any, name: str) -> Callable[[], Any]:
    """Return what builds the model, if it can be called without arguments."""
    needed = f"--model names a function that builds the model without arguments. Received: {name}, which"
    if not callable(function):
        raise FaninTypeError(f"{needed} is no function, but {type(function).__name__}.")
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise FaninTypeError(f"{needed} cannot be called so: {error}. Write one that calls it.") from error
    except ValueError:  # some functions written in C tell no arguments
        pass
    made: Callable[[], Any] = function
    return made


def law_of(findings: Any) -> str | None:
    r"""Return the initialization that the first finding's line asks for, if it is one for all layers.

    Example:
        >>> from fanin.signal import Finding
        >>> law_of([Finding("signal", "0", "", "", "fanin_torch.init_module_(model, \"he\", seed=0)")])
        'he'
    """
    line = findings[0].line if findings else None
    if line is None or "init_module_" not in line:
        return None
    if found := re.search(r"activation='(\w+)'", line):
        return f"he(activation={found[1]})"
    plain = re.search(r'"(\w+)"', line)
    return plain[1] if plain else None
