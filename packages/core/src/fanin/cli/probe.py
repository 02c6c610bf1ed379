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

_PLAIN: Final = ["zeros", "random", "he"]
"""The initializations where none is named."""

_WIDE: Final = 90
"""In this many columns a table has room for two spaces between its own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    shared.add_initializations(parser)
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
        help="a function that builds a torch module of your own: is it the initialization? One batch of --dataset",
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
    if options.model is not None:
        from fanin.cli import probe_model

        options.initializations = () if options.initializations == _PLAIN else shared.words(options.initializations)
        return probe_model.run(options)
    if options.widths is not None:
        return _coordinates(options)
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


def _coordinates(options: argparse.Namespace) -> int:
    """Check, print and write how far a few steps move each layer, at several widths."""
    from rich.markup import escape

    from fanin.cli.console import output, print_labelled, progress, verdict_line
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder
    from fanin.lab.network import Study
    from fanin.probe.coordinates import PARTS, coordinates
    from fanin.probe.coordinates_report import coordinate_facts, write_coordinates

    is_plain = options.initializations == _PLAIN
    named = ("he", "mup") if is_plain else shared.words(options.initializations)
    study = Study(
        initializations=named,
        dataset=options.dataset,
        depth=options.depth,
        activation=options.activation,
        seeds=shared.seeds(options.seeds),
        is_coordinates=True,
    )
    data = load_data(study.dataset)
    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    with Interruption() as interruption:
        with progress(len(study.initializations) * len(options.widths)) as advance:

            def on_network(label: str, width: int) -> None:
                interruption.stop_here()
                advance(f"{label}, width {width}", 1)

            result = coordinates(study, data, options.widths, options.learning_rate, on_network)
        interruption.finish("\nfanin: writing what is finished; Ctrl-C again stops at once\n")
        console = output()
        for fact in coordinate_facts(result):
            console.print(escape(fact), soft_wrap=True)
        rows = [
            [
                one.initialization,
                part,
                *(f"{size:.2g}" for size in one.means(part)),
                f"{one.exponent(part, result.widths):.2f}",
            ]
            for one in result.moves
            for part in PARTS
        ]
        headings = ["\ninit", "\npart", *(f"width\n{width}" for width in result.widths), "exponent\nof width"]
        print_labelled(console, headings, rows, left=2)
        for one in result.moves:
            console.print("- " + verdict_line(*result.verdict(one)), soft_wrap=True)
        if folder is not None:
            print(f"report: {write_coordinates(result, folder)}")
    return 0 if result.complete else EXIT_INTERRUPTED


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
