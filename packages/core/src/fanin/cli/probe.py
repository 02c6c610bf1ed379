"""The command `fanin probe`.

Prints a table and a verdict for each initialization, and with --out writes a report (HTML), plots (PNG) and tables
(CSV, JSON).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from _fanin_command import EXIT_INTERRUPTED

from fanin.cli import options as shared
from fanin.cli.interruption import Interruption
from fanin.cli.text import require_extra

if TYPE_CHECKING:
    from pathlib import Path

    from fanin.lab.data import Data
    from fanin.lab.network import Study
    from fanin.probe.measure import Probe

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    shared.add_initializations(parser)
    parser.add_argument("--backend", metavar="NAME", help="numpy, torch, jax, ... (default: numpy if installed)")
    shared.add_network(parser, depth=8, width=128)
    shared.add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print and write."""
    require_extra("probe")
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder
    from fanin.lab.network import Study
    from fanin.lab.training import check

    study = Study(
        initializations=shared.words(options.initializations),
        backends=shared.backends([options.backend] if options.backend is not None else None)[:1],
        dataset=options.dataset,
        depth=options.depth,
        width=options.width,
        activation=options.activation,
        seeds=shared.seeds(options.seeds),
    )
    data = load_data(study.dataset)
    check(study, data)
    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    with Interruption() as interruption:
        result = _measure(study, data, interruption)
        if not result.measured:
            raise KeyboardInterrupt
        interruption.finish("\nfanin: writing what is finished; Ctrl-C again stops at once\n")
        try:
            _print(result)
        finally:
            page = _write(result, folder) if folder is not None else None
        if page is not None:
            print(f"report: {page}")
    return EXIT_INTERRUPTED if interruption.requested or not result.complete else 0


def _measure(study: Study, data: Data, interruption: Interruption) -> Probe:
    from fanin.cli.console import progress
    from fanin.probe.measure import probe

    with progress(len(study.initializations) * len(study.seeds)) as advance:

        def on_network(label: str, seed: int) -> None:
            interruption.stop_here()
            advance(f"{label}, seed {seed}", 1)

        return probe(study, data, on_network)


def _write(result: Probe, folder: Path) -> Path:
    from fanin.probe.report import write_report

    return write_report(result, folder)


def _print(result: Probe) -> None:
    from rich.markup import escape

    from fanin.cli.console import output, plain_table
    from fanin.probe.rows import HEADINGS, cells, layer_rows
    from fanin.probe.summary import facts, verdicts
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
