"""`fanin probe --widths`: the coordinate check of networks of several widths."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from _fanin_command import EXIT_INTERRUPTED

from fanin.cli import options as shared
from fanin.cli.interruption import Interruption

if TYPE_CHECKING:
    from fanin.lab.data import Data
    from fanin.lab.network import Study
    from fanin.probe.coordinates import Coordinates

__all__ = ["run"]

_COMPARED: Final = ("he", "mup")
"""The initializations where none is named."""


def run(options: argparse.Namespace) -> int:
    """Check, print and write how far a few steps move each layer."""
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder
    from fanin.lab.network import Study
    from fanin.probe.coordinates_report import write_coordinates

    study = Study(
        initializations=shared.words(options.initializations or _COMPARED),
        dataset=options.dataset,
        depth=options.depth,
        activation=options.activation,
        seeds=shared.seeds(options.seeds),
        is_coordinates=True,
    )
    data = load_data(study.dataset)
    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    with Interruption() as interruption:
        result = _measure(study, data, options, interruption)
        if not result.moves:
            raise KeyboardInterrupt
        interruption.finish("\nfanin: writing what is finished; Ctrl-C again stops at once\n")
        try:
            _print(result)
        finally:
            page = write_coordinates(result, folder) if folder is not None else None
        if page is not None:
            print(f"report: {page}")
    return EXIT_INTERRUPTED if interruption.requested or not result.complete else 0


def _measure(study: Study, data: Data, options: argparse.Namespace, interruption: Interruption) -> Coordinates:
    from fanin.cli.console import progress
    from fanin.probe.coordinates import coordinates

    with progress(len(study.initializations) * len(options.widths)) as advance:

        def on_network(label: str, width: int) -> None:
            interruption.stop_here()
            advance(f"{label}, width {width}", 1)

        return coordinates(study, data, options.widths, options.learning_rate, on_network)


def _print(result: Coordinates) -> None:
    from rich.markup import escape

    from fanin.cli.console import output, print_labelled, verdict_line
    from fanin.probe.coordinates_report import coordinate_facts

    console = output()
    for fact in coordinate_facts(result):
        console.print(escape(fact), soft_wrap=True)
    headings = ["\ninit", "\npart", *(f"width\n{width}" for width in result.widths), "exponent\nof width"]
    print_labelled(console, headings, result.cells(), left=2)
    for one in result.moves:
        console.print("- " + verdict_line(*result.verdict(one)), soft_wrap=True)
    if not result.complete:
        console.print("Interrupted: the above is what was finished by then.", style="bold")
