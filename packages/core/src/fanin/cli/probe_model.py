"""`fanin probe --model`: is it the initialization of a person's own torch model?"""

from __future__ import annotations

import argparse
import re
from typing import Any

from fanin._named import named
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninValueError

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
    function = named(home, name, "my.module:function")
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
            return function().to(options.device)

    before = fanin_torch.probe(built(), batch, loss, train=options.train)
    print(before)
    law = options.initializations[0] if options.initializations else law_of(before.findings)
    after = None
    if law is not None:
        model = fanin_torch.init_module_(built(), law, seed=0, constants="keep")
        after = fanin_torch.probe(model, batch, loss, train=options.train)
        print(f"\nWith {law}:\n{after}")
    if folder is not None:
        before.save(folder / "report.html", after)
        print(f"report: {folder / 'report.html'}")
    return 0


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
