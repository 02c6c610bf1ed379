"""The command `fanin compare`.

Prints a table, and with --out writes a report (HTML), plots (PNG) and tables (CSV, JSON). The exit code is 1 if
backends disagree on initial weights that the specification promises to be equal.
"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from _fanin_command import EXIT_INTERRUPTED

from fanin._raised import another_ones_code
from fanin.cli import options as shared
from fanin.cli.interruption import Interruption
from fanin.cli.text import require_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fanin.compare.agreement import Agreement
    from fanin.compare.experiment import Experiment
    from fanin.compare.results import Results
    from fanin.lab.data import Data
    from fanin.lab.severity import Severity

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.register("action", None, shared.Noted)
    shared.add_initializations(parser)
    parser.add_argument(
        "--backends", nargs="+", metavar="NAME", help="numpy, torch, jax, ... (default: all installed that can train)"
    )
    shared.add_kind(parser)
    shared.add_network(parser, depth=8, width=128)
    parser.add_argument("--learning-rate", type=shared.number, default=0.02, help="of plain SGD (default 0.02)")
    parser.add_argument("--epochs", type=shared.whole, default=20, help="passes over the training data (default 20)")
    parser.add_argument("--batch-size", type=shared.whole, default=32, help="samples of a step (default 32)")
    parser.add_argument("--dtype", default="float32", help="float32 (default) or float64")
    shared.add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Train, print and write."""
    require_extra("compare")
    unused = () if options.model is None else ("--network", "--depth", "--width", "--activation")
    because = "--model is trained as its function builds it, and not a network of fanin's. Received with it"
    shared.check_unused(options, unused, because)
    from fanin.compare.agreement import agreements
    from fanin.compare.experiment import Experiment
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder
    from fanin.lab.training import as_it_is_taken, check

    experiment = Experiment(
        initializations=shared.words(options.initializations),
        backends=_backends(options),
        dataset=options.dataset,
        depth=options.depth,
        width=options.width,
        activation=options.activation,
        learning_rate=options.learning_rate,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seeds=shared.seeds(options.seeds),
        dtype=options.dtype,
        kind=options.network,
        device=options.device,
        model=options.model,
    )
    data = load_data(experiment.dataset)
    with _theirs(options.model, data):
        data = as_it_is_taken(experiment, data)
        check(experiment, data)
    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    with Interruption() as interruption:
        with _theirs(options.model, data):
            results = _train(experiment, data, interruption)
        if not results.runs:
            raise KeyboardInterrupt
        interruption.finish("\nfanin: writing what is finished; Ctrl-C again stops at once\n")
        found = agreements(results)
        try:
            _print(results, found)
        finally:  # a reader of the output that is gone, with the same Ctrl-C perhaps, is no reason to lose the report
            page = _write(results, folder) if folder is not None else None
        if page is not None:
            print(f"report: {page}")
    if interruption.requested or not results.complete:
        return EXIT_INTERRUPTED
    return 1 if any(agreement.broken for agreement in found) else 0


def _theirs(model: str | None, data: Data) -> AbstractContextManager[None]:
    """Return a context that makes one message of what a person's own model raises."""
    if model is None:
        return nullcontext()
    shape = " × ".join(("samples", *map(str, data.shape)))
    hint = f"It is called with tensors of {shape} from --dataset {data.name}. Run it on such a tensor by itself."
    return another_ones_code(model.partition(":")[0], f"the model of {model}", hint)


def _backends(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the backends: those that are named, or else all installed ones that train such a network."""
    from fanin.lab.trainer import kinds_of, load_trainer

    if options.model is not None:
        return shared.backends(options.backends or ["torch"])
    found = shared.backends(options.backends)
    if options.backends is not None or options.network == "mlp":
        return found
    able = tuple(name for name in found if options.network in kinds_of(load_trainer(name, options.activation)))
    return able or found


def _train(experiment: Experiment, data: Data, interruption: Interruption) -> Results:
    from fanin.cli.console import progress
    from fanin.compare.running import steps, train

    with progress(steps(experiment, data)) as advance:

        def on_step(text: str) -> None:
            advance(text, 1)
            interruption.stop_here()

        return train(experiment, data, on_step)


def _write(results: Results, folder: Path) -> Path:
    from fanin.compare.report import write_report

    return write_report(results, folder)


def _print(results: Results, found: Sequence[Agreement]) -> None:
    from rich.markup import escape

    from fanin.cli.console import output, print_labelled, verdict_line
    from fanin.compare.agreement import HEADINGS, ROUNDING_ALONE
    from fanin.compare.summary import checkpoints, facts, judgement, severity, terminal_cells

    console = output()
    for fact in facts(results):
        console.print(escape(fact), soft_wrap=True)
    headings, rows = terminal_cells(results, checkpoints(results, 4 if console.width > 100 else 3))
    print_labelled(console, headings, rows, left=3)
    for label in results.experiment.initializations:
        console.print("- " + verdict_line(severity(results, label), judgement(results, label)), soft_wrap=True)
    if found:
        console.print("Backends against each other:")
        for agreement in found:
            grade: Severity = "failure" if agreement.broken else "fine"
            console.print("- " + verdict_line(grade, agreement.sentence()), soft_wrap=True)
        print_labelled(console, ("\ninit", *HEADINGS), [[one.initialization, *one.cells()] for one in found])
        if any(agreement.control is not None for agreement in found):
            console.print(f"({ROUNDING_ALONE})", soft_wrap=True)
    if not results.complete:
        console.print("Interrupted: the above is what was finished by then.", style="bold")
