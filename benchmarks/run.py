"""Measure fanin beside its peers: `python benchmarks/run.py [--sizes 24 27] [--repeats 9] [--best] [--only TEXT]`.

Prints one table, and writes results.json and results.png beside this file (or to --out).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from cases import cases
from chart import save_chart
from machine import machine
from measure import Timing, measure
from overhead import overheads
from rich.console import Console
from rich.progress import track
from rich.table import Table


def table(timings: list[tuple[int, Timing]]) -> Table:
    """Return the comparison for people."""
    shown = Table(title="fanin beside its peers: ns an element, and how many times faster")
    for column in ("size", "what", "case", "fanin", "peer", "peer's", "ratio", "± %", "target", ""):
        shown.add_column(column, justify="left" if column in ("what", "case", "peer") else "right")
    for size, timing in timings:
        case = timing.case
        reached = timing.ratio >= case.target
        shown.add_row(
            f"2^{size}",
            case.group,
            case.name,
            f"{timing.nanoseconds('ours'):.2f}",
            case.peer,
            f"{timing.nanoseconds('theirs'):.2f}",
            f"{timing.ratio:.2f}",
            f"{100 * timing.spread:.0f}",
            f"{case.target:.2f}",
            "yes" if reached else "NO",
        )
    return shown


def record(size: int, timing: Timing) -> dict[str, Any]:
    case = timing.case
    return {
        "size": 1 << size,
        "group": case.group,
        "case": case.name,
        "peer": case.peer,
        "elements": case.elements,
        "fanin_ns": timing.nanoseconds("ours"),
        "peer_ns": timing.nanoseconds("theirs"),
        "ratio": timing.ratio,
        "spread": timing.spread,
        "target": case.target,
        "fanin_seconds": timing.ours,
        "peer_seconds": timing.theirs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[24, 27], help="powers of two, in elements")
    parser.add_argument("--repeats", type=int, default=9, help="repetitions of each call, at least 7")
    parser.add_argument("--best", action="store_true", help="compare the fastest repetitions, for a machine with load")
    parser.add_argument("--only", default="", help='run the cases whose "group: name" holds this text')
    parser.add_argument("--no-overheads", action="store_true", help="leave out imports, first calls and memory")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of the results")
    options = parser.parse_args()
    console = Console(width=150)
    chosen = [
        (size, case)
        for size in options.sizes
        for case in cases(1 << size)
        if options.only in f"{case.group}: {case.name}"
    ]
    if not chosen:
        parser.error(f"no case holds the text of --only. Received: {options.only!r}.")
    timings = [
        (size, measure(case, max(7, options.repeats), min if options.best else statistics.median))
        for size, case in track(chosen, "measuring", console=Console(stderr=True))
    ]
    console.print(", ".join(f"{key} {value}" for key, value in machine().items()))
    console.print(table(timings))
    extra = {} if options.no_overheads else overheads()
    for name, value in extra.items():
        console.print(f"{name}: {value}")
    if not options.only:
        options.out.mkdir(parents=True, exist_ok=True)
        data = {"machine": machine(), "cases": [record(*one) for one in timings], "overheads": extra}
        (options.out / "results.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        save_chart(data, options.out / "results.png")


if __name__ == "__main__":
    main()
