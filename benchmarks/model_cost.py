"""What a model's own initialization costs through fanin: `python benchmarks/model_cost.py [--repeats 5] [--only TEXT]`.

Builds whole models in processes of their own, as usual, with `fanin_torch.build`, and on the meta device with a kept
scheme; the ways alternate. Needs timm, torchvision and transformers. Prints tables, and with --write puts them into
docs/models.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from machine import machine
from one_model import MODELS, WAYS
from rich.progress import track

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
START, END = "<!-- Made by benchmarks/model_cost.py -->", "<!-- End of benchmarks/model_cost.py -->"
LIBRARIES = ("fanin", "fanin-kernels", "numpy", "torch", "torchvision", "timm", "transformers")

Runs: TypeAlias = dict[tuple[str, int, str], list[dict[str, Any]]]
"""What each process measured, by model, number of threads and way."""


def run(model: str, way: str, threads: int) -> dict[str, Any]:
    """Return what one process measures."""
    program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("one_model.py")), model, way, str(threads)]
    done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(models: list[str], threads: list[int], repeats: int) -> Runs:
    """Run every way of every model in turn, as often as asked."""
    found: Runs = {(model, count, way): [] for model in models for count in threads for way in WAYS}
    for _, key in track([(k, key) for k in range(repeats) for key in found], "measuring", transient=True):
        model, count, way = key
        found[key].append(run(model, way, count))
    return found


def median(runs: list[dict[str, Any]], what: str) -> float:
    return statistics.median(float(one[what]) for one in runs)


def ratio(runs: list[dict[str, Any]], plain: list[dict[str, Any]], what: str) -> str:
    """Return the median of the ratios to the constructor's runs beside them, and the least and the greatest."""
    ratios = [one[what] / other[what] for one, other in zip(runs, plain, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def times(found: Runs) -> Iterator[str]:
    """Yield the table of times, a row per model and number of threads."""
    columns = [
        "model",
        "threads",
        "constructor: first, again, s",
        "build: first",
        "again",
        "record + scheme + draw, s",
    ]
    columns += ["on meta: first", "again"]
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for model, count in dict.fromkeys((model, count) for model, count, _ in found):
        plain, built, meta = (found[model, count, way] for way in WAYS)
        each = zip(*(one["stages"] for one in built), strict=True)
        stages = " + ".join(f"{statistics.median(seconds):.3f}" for seconds in each)
        row = [model, str(count), f"{median(plain, 'first'):.3f}, {median(plain, 'again'):.3f}"]
        row += [ratio(built, plain, "first"), ratio(built, plain, "again"), stages]
        row += [ratio(meta, plain, "first"), ratio(meta, plain, "again")]
        yield f"| {' | '.join(row)} |"


def memory(found: Runs) -> Iterator[str]:
    """Yield the table of memory, a row per model."""
    yield f"| model | parameters, MiB | {' | '.join(f'{way}, MiB' for way in WAYS)} | build / constructor |"
    yield "|---" * (len(WAYS) + 3) + "|"
    most = max(count for _, count, _ in found)
    for model in dict.fromkeys(model for model, _, _ in found):
        plain, built, meta = (found[model, most, way] for way in WAYS)
        peaks = [f"{median(one, 'peak'):.0f}" for one in (plain, built, meta)]
        row = [model, f"{median(plain, 'mib'):.0f}", *peaks, ratio(built, plain, "peak")]
        yield f"| {' | '.join(row)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="processes of each way")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads")
    parser.add_argument("--only", default="", help="take the models whose name holds this text")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/models.md")
    options = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    found = measure([model for model in MODELS if options.only in model], options.threads, options.repeats)
    known = machine(LIBRARIES)
    shown = ", ".join(f"{known[key]} cores" if key == "cores" else f"{key} {known[key]}" for key in known)
    made = "\n".join([f"{shown}; medians of {options.repeats} processes:", "", *times(found), "", *memory(found)])
    print(made)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        PAGE.write_text(f"{before}{START}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
