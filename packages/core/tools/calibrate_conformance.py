"""Run the distribution level on many fresh seeds of an implementation that is right, and count the failures.

    python packages/core/tools/calibrate_conformance.py numpy --runs 1000 --out calibration.jsonl

Each run is one line of the file, so that an interrupted calibration goes on where it stopped. The summary says how many
results failed, and how much of its accepted interval each check used at most.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def reach(result: Any) -> float:
    """Return how much of its accepted interval a statistic uses: 0 in the middle, 1 at an end, above 1 outside."""
    if result.statistic is None or (result.high is None and result.low is None):
        return 0.0
    if result.low is None:
        return float(result.statistic / result.high) if result.high else float(result.statistic > 0)
    if result.high is None:
        return float(result.low / result.statistic) if result.statistic > 0 else 2.0
    if result.low > 0 and result.high > 3 * result.low:  # a skewed law: compare with the nearer end
        return float(max(result.low / max(result.statistic, 1e-300), result.statistic / result.high))
    middle, half = (result.high + result.low) / 2, (result.high - result.low) / 2
    return float(abs(result.statistic - middle) / half) if half else float(result.statistic != middle)


def one_run(subject: str, seed: int, only: list[str]) -> dict[str, Any]:
    """Return what one run found."""
    from fanin.conformance import run

    report = run(subject, ["distribution"], seed=seed, only=only)
    used: dict[str, float] = {}
    for result in report.results:
        if result.verdict != "skipped" and result.alpha:
            used[result.check] = max(used.get(result.check, 0.0), reach(result))
    return {
        "subject": report.subject,
        "seed": seed,
        "results": sum(result.verdict != "skipped" for result in report.results),
        "statistical": sum(result.alpha > 0 for result in report.results),
        "false_alarm": report.false_alarm,
        "failures": [result.text() for result in report.failures],
        "seconds": round(report.seconds, 2),
        "used": used,
    }


def summary(runs: list[dict[str, Any]]) -> None:
    """Print how many runs failed, and the largest share of each check's interval."""
    console = Console()
    failed = [run for run in runs if run["failures"]]
    table = Table("check", "largest share of the accepted interval", title=f"{runs[0]['subject']}, {len(runs)} runs")
    for check in runs[0]["used"]:
        table.add_row(check, f"{max(run['used'][check] for run in runs):.3f}")
    console.print(table)
    results, statistical = (sum(run[key] for run in runs) for key in ("results", "statistical"))
    seconds = sum(run["seconds"] for run in runs) / len(runs)
    console.print(f"{len(runs)} seeds, {results} results, {statistical} of them statistical, {seconds:.1f} s a run")
    console.print(
        f"expected false alarms: {sum(run['false_alarm'] for run in runs):.1e}; runs that failed: {len(failed)}"
    )
    for check, count in Counter(text.partition(":")[0] for run in failed for text in run["failures"]).items():
        console.print(f"  {check}: {count}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", help="a backend, or module:object of an adapter")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--check", metavar="PATTERN", action="append", default=[], help='only these, as "large.*"')
    parser.add_argument("--start", type=int, default=20150206, help="seeds the generator of the 64-bit seeds")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("calibration.jsonl"))
    arguments = parser.parse_args()
    for name in THREADS:  # one process a core, one thread a process
        os.environ[name] = "1"
    generator = random.Random(arguments.start)
    seeds = [generator.getrandbits(64) for _ in range(arguments.runs)]
    lines = arguments.out.read_text(encoding="utf-8").splitlines() if arguments.out.exists() else []
    runs = [json.loads(line) for line in lines]
    done = {run["seed"] for run in runs}
    with ProcessPoolExecutor(arguments.processes) as pool, arguments.out.open("a", encoding="utf-8") as out:
        jobs = [pool.submit(one_run, arguments.subject, seed, arguments.check) for seed in seeds if seed not in done]
        for job in track(as_completed(jobs), total=len(jobs), description="calibrating"):
            runs.append(job.result())
            out.write(json.dumps(runs[-1]) + "\n")
            out.flush()
    summary(runs)


if __name__ == "__main__":
    main()
