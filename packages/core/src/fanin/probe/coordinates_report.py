"""The report of a coordinate check: a plot for each part of the network, a table and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fanin
from fanin.lab import files
from fanin.lab.figures import Plot, band, log_scale, marker
from fanin.lab.palette import colour, styles
from fanin.probe.coordinates import PARTS, Coordinates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["coordinate_facts", "coordinate_plots", "write_coordinates"]


def coordinate_facts(result: Coordinates) -> list[str]:
    """Return what was checked, in a few lines."""
    widths = ", ".join(map(str, result.widths))
    several = f"; geometric means of {result.seeds} seeds" if result.seeds > 1 else ""
    return [
        f"{result.data.name}: {result.network.depth} hidden {result.network.activation} layers of {widths} units",
        f"three steps of plain gradient descent on one batch, learning rate {result.learning_rate:g}{several}",
    ]


def coordinate_plots(result: Coordinates) -> list[Plot]:
    """Return a plot for each part: how far it moves, against the width."""

    def drawing(part: str) -> Plot:
        def draw(axes: Axes) -> None:
            shown = []
            for number, found in zip(styles([one.initialization for one in result.moves]), result.moves, strict=True):
                curves = [list(run) for run in zip(*found.sizes[part], strict=True)]
                if curves:
                    widths = list(result.widths[: len(curves[0])])
                    look = {"marker": marker(number)}
                    band(axes, widths, curves, found.initialization, number, geometric=True, **look)
                    shown += curves
            log_scale(axes, shown)
            axes.set_xscale("log", base=2)
            axes.set_xticks(result.widths, [str(width) for width in result.widths])
            axes.minorticks_off()
            axes.set_xlabel("width")
            axes.set_ylabel("RMS of the output's change")

        caption = "How far three steps move it. Flat: a learning rate found at one width fits the others."
        return Plot(f"coordinates-{PARTS.index(part) + 1}", f"The {part}", caption, draw)

    return [drawing(part) for part in PARTS]


def write_coordinates(result: Coordinates, folder: Path) -> Path:
    """Write the tables, the plots and the page, and return the page's path."""
    found = [result.verdict(one) for one in result.moves]
    numbers = styles([one.initialization for one in result.moves])
    files.clear(folder)
    files.write_json(
        folder / "coordinates.json",
        {
            "fanin": fanin.__version__,
            "complete": result.complete,
            "verdicts": [text for _, text in found],
            "severities": [severity for severity, _ in found],
            "moves": result.rows(),
        },
    )
    files.write_csv(folder / "coordinates.csv", result.rows())
    plots = coordinate_plots(result)
    files.write_plots(folder / "plots", plots)
    path = folder / "report.html"
    page = files.page(
        "coordinates.html.j2",
        title=f"fanin probe: coordinate check on {result.data.name}",
        version=fanin.__version__,
        complete=result.complete,
        verdicts=[
            {"text": text, "severity": severity, "colour": colour(number)}
            for (severity, text), number in zip(found, numbers, strict=True)
        ],
        facts=coordinate_facts(result),
        widths=result.widths,
        rows=result.cells(),
        plots=plots,
    )
    files.write_text(path, page)
    return path
