"""The report of `fanin probe`: tables, plots and a page, in one folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import fanin
from fanin.lab import files
from fanin.lab.palette import colour, styles
from fanin.probe.figures import probe_plots
from fanin.probe.measure import Probe
from fanin.probe.rows import HEADINGS, LEGEND, cells, layer_rows
from fanin.probe.summary import facts, severities, verdicts
from fanin.probe.verdict import describe

__all__ = ["write_report"]


def write_report(result: Probe, folder: Path) -> Path:
    """Write everything that a probe found, the tables first and the page last.

    Returns:
        The path of the page.
    """
    rows = [layer_rows(result, found) for found in result.measured]
    sentences = verdicts(result)
    numbers = styles([found.initialization for found in result.measured])
    files.clear(folder)
    files.write_json(
        folder / "probe.json",
        {
            "fanin": fanin.__version__,
            "complete": result.complete,
            "network": asdict(result.network),
            "input_second_moment": result.input_moment,
            "verdicts": sentences,
            "severities": severities(result),
            "layers": [row for group in rows for row in group],
            "snapshots": [
                {"initialization": found.initialization, "seeds": [taken.to_dict() for taken in found.snapshots]}
                for found in result.measured
            ],
        },
    )
    files.write_csv(folder / "layers.csv", [row for group in rows for row in group])
    moments, histograms = probe_plots(result)
    files.write_plots(folder / "plots", [*moments, *histograms])
    path = folder / "report.html"
    files.write_text(
        path,
        files.page(
            "probe.html.j2",
            title=f"fanin probe: {result.data.name}",
            version=fanin.__version__,
            complete=result.complete,
            verdicts=[
                {"text": text, "colour": colour(number), "severity": severity}
                for text, number, severity in zip(sentences, numbers, severities(result), strict=True)
            ],
            legend=LEGEND,
            facts=facts(result),
            headings=[heading.partition("\n")[::2] for heading in HEADINGS],
            tables=[
                {"caption": describe(found.initialization), "rows": [cells(row) for row in group]}
                for found, group in zip(result.measured, rows, strict=True)
            ],
            moments=moments,
            histograms=histograms,
        ),
    )
    return path
