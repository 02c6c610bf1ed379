"""The comparison as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["save_chart"]

SHOWN = ("torch", "numpy, 2", "jax, jitted")
OURS, THEIRS, LINE = "#0b7285", "#868e96", "#ced4da"


def save_chart(data: dict[str, Any], path: Path) -> None:
    """Draw nanoseconds per element, fanin's beside its peer's, for the smallest size measured."""
    size = min(case["size"] for case in data["cases"])
    cases = [case for case in data["cases"] if case["size"] == size and case["group"].startswith(SHOWN)]
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "fanin"}):
        figure = Figure(figsize=(9, 0.5 * len(cases) + 1.6), layout="constrained")
        axes = figure.subplots()
        for row, case in enumerate(reversed(cases)):
            # Dots: on a logarithmic axis the length of a bar would mean nothing.
            ends = sorted((case["fanin_ns"], case["peer_ns"]))
            axes.plot(ends, [row, row], color=LINE, linewidth=1.5, zorder=1)
            axes.plot(case["fanin_ns"], row, "o", color=OURS, markersize=8, zorder=3)
            axes.plot(case["peer_ns"], row, "D", color=THEIRS, markersize=7, zorder=2)
            label = f"{case['ratio']:.1f}× faster" if case["ratio"] >= 1 else f"{1 / case['ratio']:.1f}× slower"
            axes.annotate(
                f"{label} than {case['peer']}",
                (ends[1], row),
                (9, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axes.set_yticks(range(len(cases)), [f"{case['group']}\n{case['case']}" for case in reversed(cases)], fontsize=9)
        axes.set_xscale("log")
        right = max(case["peer_ns"] for case in cases)
        axes.set_xlim(right=right * 30)
        axes.set_ylim(-0.7, len(cases) - 0.3)
        axes.grid(axis="x", alpha=0.25)
        for name, marker, color in (("fanin", "o", OURS), ("the function that it replaces", "D", THEIRS)):
            axes.plot([], [], marker, color=color, label=name)
        figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=9)
        axes.set_xlabel(f"nanoseconds per element (log scale), float32 unless stated, {size >> 20} Mi elements")
        axes.set_title(f"fanin and the function that it replaces ({data['machine']['processor']}, "
                       f"{data['machine']['cores']} cores)", fontsize=10.5, loc="left")  # fmt: skip
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        figure.savefig(path, dpi=150)
