"""The command `fanin probe`.

Prints a table and a verdict for each initialization, and with --out writes a report (HTML), plots (PNG) and tables
(CSV, JSON).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

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

_WIDE: Final = 90
"""In this many columns a table has room for two spaces between its own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.register("action", None, shared.Noted)
    shared.add_initializations(parser)
    parser.set_defaults(initializations=None)  # each of the three probes has defaults of its own
    parser.add_argument("--backend", metavar="NAME", help="numpy, torch, jax, ... (default: numpy if installed)")
    shared.add_network(parser, depth=8, width=128)
    parser.add_argument(
        "--widths",
        type=shared.whole,
        nargs="+",
        metavar="N",
        help="a coordinate check instead: how far a few steps move each layer at these widths; the initialization "
        "`mup` has learning rates of its own (default initializations: he and mup)",
    )
    parser.add_argument(
        "--model",
        metavar="MODULE:FUNCTION",
        help="a function that builds a torch module of your own, or returns a function of (weights, batch) and the "
        "weights, for JAX: is it the initialization? One batch of --dataset",
    )
    parser.add_argument(
        "--train", type=shared.whole, default=0, metavar="STEPS", help="with --model: a short run too, before and after"
    )
    parser.add_argument("--device", metavar="NAME", help="with --model: where to run it (default: cpu)")
    parser.add_argument("--learning-rate", type=shared.number, default=0.02, help="of --widths (default 0.02)")
    shared.add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print and write."""
    require_extra("probe")
    _check(options)
    if options.model is not None:
        from fanin.cli import probe_model

        return probe_model.run(options)
    if options.widths is not None:
        from fanin.cli import probe_coordinates

        return probe_coordinates.run(options)
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder
    from fanin.lab.network import Study
    from fanin.lab.training import check

    study = Study(
        initializations=shared.words(options.initializations or shared.PLAIN),
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


def _check(options: argparse.Namespace) -> None:
    """Check that the options are of one probe.

    Raises:
        FaninValueError: They are not.
    """
    if options.model is not None:
        unused = ("--backend", "--depth", "--width", "--activation", "--seeds", "--widths", "--learning-rate")
        because = "--model is probed as its function builds it. Received with it"
        shared.check_unused(options, unused, because)
        return
    because = "--train and --device are of a model of your own. Received without --model"
    shared.check_unused(options, ("--train", "--device"), because)
    if options.widths is not None:
        because = "--widths builds networks of its own on NumPy, as wide as it says. Received with it"
        shared.check_unused(options, ("--width", "--backend"), because)
        return
    because = "--learning-rate is of the steps of --widths: nothing is trained here. Received without --widths"
    shared.check_unused(options, ("--learning-rate",), because)


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

    from fanin.cli.console import output, plain_table, verdict_line
    from fanin.probe.rows import HEADINGS, LEGEND, cells, layer_rows
    from fanin.probe.summary import facts, severities, verdicts
    from fanin.probe.verdict import describe

    console = output()
    for fact in facts(result):
        console.print(escape(fact), soft_wrap=True)
    console.print(escape(LEGEND), soft_wrap=True)
    for found in result.measured:
        table = plain_table(*HEADINGS, title=describe(found.initialization), is_tight=console.width < _WIDE)
        for row in layer_rows(result, found):
            table.add_row(*cells(row))
        console.print()
        console.print(table)
    console.print()
    for severity, verdict in zip(severities(result), verdicts(result), strict=True):
        console.print("- " + verdict_line(severity, verdict), soft_wrap=True)
    if not result.complete:
        console.print("Interrupted: the above is what was finished by then.", style="bold")
