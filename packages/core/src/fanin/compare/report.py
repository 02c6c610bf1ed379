"""The report of `fanin compare`: tables, plots and a page, in one folder."""

from __future__ import annotations

from pathlib import Path

import fanin
from fanin.compare import rows, summary
from fanin.compare.agreement import HEADINGS, agreements
from fanin.compare.figures import difference_plot, histogram_plots, overview_plots
from fanin.compare.results import Results
from fanin.lab import files
from fanin.lab.palette import colour, styles

__all__ = ["write_report"]


def write_report(results: Results, folder: Path) -> Path:
    """Write everything that a comparison found, the tables first and the page last.

    Returns:
        The path of the page.
    """
    found = agreements(results)
    numbers = styles(results.experiment.initializations)
    files.clear(folder)
    files.write_json(
        folder / "results.json",
        {
            "fanin": fanin.__version__,
            "complete": results.complete,
            "experiment": results.experiment.to_dict(),
            "widths": results.network.widths,
            "verdicts": [summary.judgement(results, label) for label in results.experiment.initializations],
            "severities": [summary.severity(results, label) for label in results.experiment.initializations],
            "runs": [run.to_dict() for run in results.runs],
            "controls": [{"initialization": k[0], "seed": k[1], "losses": v} for k, v in results.controls.items()],
        },
    )
    files.write_csv(folder / "summary.csv", rows.summary_rows(results))
    files.write_csv(folder / "curves.csv", rows.curve_rows(results))
    files.write_csv(folder / "layers.csv", rows.layer_rows(results))
    files.write_csv(folder / "differences.csv", rows.difference_rows(found))
    overview, histograms = overview_plots(results), histogram_plots(results)
    differences = [difference_plot(results, found)] if found else []
    files.write_plots(folder / "plots", [*overview, *differences, *histograms])
    path = folder / "report.html"
    files.write_text(
        path,
        files.page(
            "compare.html.j2",
            title=f"fanin compare: {results.data.name}",
            version=fanin.__version__,
            complete=results.complete,
            verdicts=[
                {
                    "text": summary.judgement(results, label),
                    "colour": colour(number),
                    "severity": summary.severity(results, label),
                }
                for number, label in zip(numbers, results.experiment.initializations, strict=True)
            ],
            facts=summary.facts(results),
            epochs=summary.checkpoints(results),
            rows=summary.page_rows(results, summary.checkpoints(results)),
            overview=overview,
            differences=differences,
            histograms=histograms,
            headings=[heading.split("\n") for heading in HEADINGS],
            agreements=[
                {
                    "initialization": item.initialization,
                    "text": item.sentence(),
                    "cells": item.cells(),
                    "broken": item.broken,
                }
                for item in found
            ],
        ),
    )
    return path
