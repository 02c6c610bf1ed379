"""fanin probe: push data through an untrained network, and hold every layer against the theory.

Prints a table and a verdict for each initialization, and with --out writes a report (HTML), plots (PNG) and tables
(CSV, JSON).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fanin.cli import options as shared
from fanin.cli.text import require_extra

if TYPE_CHECKING:
    from fanin.compare.data import Data
    from fanin.compare.experiment import Experiment
    from fanin.probe.measure import Probe

__all__ = ["add_arguments", "run"]

EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    shared.add_initializations(parser)
    parser.add_argument("--backend", metavar="NAME", help="numpy, torch, jax, ... (default: numpy if installed)")
    shared.add_network(parser, depth=8, width=128)
    shared.add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print and write."""
    require_extra("probe")
    from fanin.compare.data import load_data
    from fanin.compare.experiment import Experiment
    from fanin.compare.files import make_folder

    experiment = Experiment(
        initializations=shared.words(options.initializations),
        backends=shared.backends([options.backend] if options.backend else None)[:1],
        dataset=options.dataset,
        depth=options.depth,
        width=options.width,
        activation=options.activation,
        seeds=shared.seeds(options.seeds),
    )
    folder = make_folder(options.out) if options.out else None
    result = _measure(experiment, load_data(experiment.dataset))
    if not result.measured:
        raise KeyboardInterrupt
    _print(result)
    if folder is not None:
        from fanin.probe.report import write_report

        print(f"report: {write_report(result, folder)}")
    return 0 if result.complete else EXIT_INTERRUPTED


def _measure(experiment: Experiment, data: Data) -> Probe:
    from fanin.cli.progress import progress
    from fanin.probe.measure import probe

    with progress(len(experiment.initializations) * len(experiment.seeds)) as advance:
        return probe(experiment, data, on_network=lambda label, seed: advance(f"{label}, seed {seed}", 1))


def _print(result: Probe) -> None:
    from rich.markup import escape

    from fanin.cli.progress import output, plain_table
    from fanin.probe.tables import HEADINGS, cells, facts, layer_rows, verdicts
    from fanin.probe.verdict import describe

    console = output()
    for fact in facts(result):
        console.print(escape(fact), soft_wrap=True)
    legend = "E[x²]: mean square of a layer's output; E[g²]: of the derivative of the loss by its pre-activations"
    console.print(escape(legend), soft_wrap=True)
    for found in result.measured:
        table = plain_table(*HEADINGS, title=describe(found.initialization))
        for row in layer_rows(result, found):
            table.add_row(*cells(row))
        console.print()
        console.print(table)
    console.print()
    for verdict in verdicts(result):
        console.print("- " + escape(verdict), soft_wrap=True)
    if not result.complete:
        console.print("Interrupted: the above is what was finished by then.", style="bold")
