"""`fanin probe --model`: is it the initialization of a person's own model?"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fanin._named import named
from fanin._raised import another_ones_code
from fanin.cli import options as shared
from fanin.cli import probe_jax_model
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.parse import parse_initialization
from fanin.signal.finding import Finding

if TYPE_CHECKING:
    from fanin.lab.data import Data

__all__ = ["law_of", "run"]

_SAMPLES = 256


def run(options: argparse.Namespace) -> int:
    """Probe the model as it is and with the law that the verdict asks for, print both verdicts, and write a page."""
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder

    home, _, name = options.model.partition(":")
    if not home or not name:
        raise FaninValueError(f"--model names a function, my.module:function. Received: {options.model!r}.")
    function = _without_arguments(named(home, name, "my.module:function"), options.model)
    with another_ones_code(home, options.model, "It is called without arguments."):
        made = _seeded(function)
    if probe_jax_model.is_pair(made):
        return probe_jax_model.run(options, made, _SAMPLES)
    try:
        import torch

        import fanin_torch
    except ModuleNotFoundError as error:
        raise ExtraMissingError('probe --model needs fanin_torch. Run: pip install "fanin[torch]"') from error
    if not isinstance(made, torch.nn.Module):
        raise FaninTypeError(
            f"--model names a function that builds a torch.nn.Module. Received: {made!r}. For JAX, let it return a "
            f"function of (weights, batch) and the weights."
        )
    chosen = shared.words(options.initializations or ())
    if len(chosen) > 1:
        raise FaninValueError(
            f"--model is compared with one initialization. Received: {', '.join(chosen)}. For several, train it: "
            f"fanin compare --model."
        )
    fanin_torch.init((1,), "zeros", name="a trial", device=options.device)  # says what it is if the device is none
    data = load_data(options.dataset)

    def built() -> Any:
        with another_ones_code(home, options.model, "It is called without arguments."):
            return _seeded(function).to(options.device)

    def probed(model: Any) -> Any:
        kind = str(batch.dtype).removeprefix("torch.")
        given = f"It is called with a tensor of shape {tuple(batch.shape)} and dtype {kind},"
        hint = f"{given} from --dataset {options.dataset}. Run it on such a tensor by itself."
        with another_ones_code(home, f"the model of {options.model}", hint):
            return fanin_torch.probe(model, batch, loss, train=options.train)

    labels = torch.from_numpy(data.train_labels[:_SAMPLES]).to(options.device)
    batch = _batch(data, built, options.device)

    def loss(outputs: Any) -> Any:
        if not isinstance(outputs, torch.Tensor) or tuple(outputs.shape) != (len(labels), data.classes):
            shown = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
            raise FaninValueError(
                f"the model must return logits, of shape {(len(labels), data.classes)} here. Received: {shown}."
            )
        return torch.nn.functional.cross_entropy(outputs, labels)

    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    before = probed(built())
    print(before)
    law = chosen[0] if chosen else law_of(before.findings)
    after = None
    if law is not None:
        is_constant = any(finding.constants for finding in before.findings[:1])
        model = fanin_torch.init_module_(
            built(),
            parse_initialization(law),
            seed=0,
            overrides=dict.fromkeys(before.kept),
            constants="overwrite" if is_constant else "keep",
        )
        after = probed(model)
        print(f"\nWith {law}:\n{after}")
    if folder is not None:
        before.save(folder / "report.html", after)
        print(f"report: {folder / 'report.html'}")
    return 0


def _seeded(function: Callable[[], Any]) -> Any:
    """Return what a function builds, with torch's generator at 0 where torch is installed, and as it was afterwards."""
    if importlib.util.find_spec("torch") is None:
        return function()
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return function()


def _batch(data: Data, built: Callable[[], Any], device: str | None) -> Any:
    """Return the first samples as the model takes them: whole numbers as they came if it runs on them.

    A model that begins with a table of vectors does, and one that begins with a layer does not.
    """
    import torch

    def first(inputs: Any) -> Any:
        return torch.from_numpy(inputs[:_SAMPLES]).reshape(-1, *data.shape).to(device)

    standardised: Any = first(data.train_inputs.astype("float32"))
    if data.train_whole is None:
        return standardised
    whole = first(data.train_whole)
    if _runs(built(), whole):
        return whole
    # Where neither runs, a model with a table is meant to have the whole numbers, and the message is to say why not.
    model = built()
    tables = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    has_table = any(isinstance(one, tables) for one in model.modules())
    return whole if has_table and not _runs(model, standardised) else standardised


def _runs(model: Any, batch: Any) -> bool:
    import torch

    try:
        with torch.no_grad(), torch.random.fork_rng():
            model(batch)
    except Exception:  # whatever a person's code raises
        return False
    return True


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


def law_of(findings: Sequence[Finding]) -> str | None:
    """Return the initialization that the first finding asks for, if it is one for all layers.

    Example:
        >>> law_of([Finding("signal", "0", "", "", "he(activation='tanh')")])
        "he(activation='tanh')"
        >>> law_of([Finding("embedding", "words", "", "", "normal(std=0.02)")]) is None
        True
    """
    first = findings[0] if findings else None
    return None if first is None or first.kind == "embedding" else first.law
