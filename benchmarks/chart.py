"""The comparison as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["save_chart"]

SHOWN = ("torch", "numpy, 2", "jax, jitted")
OURS, THEIRS = "#0b7285", "#adb5bd"


def save_chart(data: dict[str, Any], path: Path) -> None:
    """Draw nanoseconds per element, fanin beside its peer, for the smallest size measured."""
    size = min(case["size"] for case in data["cases"])
    cases = [case for case in data["cases"] if case["size"] == size and case["group"].startswith(SHOWN)]
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "fanin"}):
        figure = Figure(figsize=(9, 0.62 * len(cases) + 1.6), layout="constrained")
        axes = figure.subplots()
        for row, case in enumerate(reversed(cases)):
            for offset, which, color in ((0.19, "fanin_ns", OURS), (-0.19, "peer_ns", THEIRS)):
                axes.barh(row + offset, case[which], 0.36, color=color)
            label = f"{case['ratio']:.1f}× faster" if case["ratio"] >= 1 else f"{1 / case['ratio']:.1f}× slower"
            axes.text(case["peer_ns"], row - 0.19, f"  {case['peer']}", va="center", color="#495057", fontsize=8.5)
            axes.text(case["fanin_ns"], row + 0.19, f"  {label}", va="center", color=OURS, weight="bold", fontsize=9)
        axes.set_yticks(range(len(cases)), [f"{case['group']}\n{case['case']}" for case in reversed(cases)], fontsize=9)
        axes.set_xscale("log")
        right = max(case["peer_ns"] for case in cases)
        axes.set_xlim(right=right * 6)
        axes.set_xlabel(f"nanoseconds per element (log scale), float32 unless stated, {size >> 20} Mi elements")
        axes.set_title(f"fanin and the function that it replaces ({data['machine']['processor']}, "
                       f"{data['machine']['cores']} cores)", fontsize=10.5, loc="left")  # fmt: skip
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        figure.savefig(path, dpi=150)
