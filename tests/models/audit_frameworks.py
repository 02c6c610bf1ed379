"""Audit freshly built models of the frameworks, without a scheme, and write what is found into docs/audited.md.

python tests/models/audit_frameworks.py --out found.jsonl           # build and audit: an hour on one core
python tests/models/audit_frameworks.py --out found.jsonl --page    # and write the page's tables from it

`nox -s models` installs what it needs.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import layer_models
import published_models
import torch

import fanin
from fanin.auditing import Audit

__all__ = ["LIBRARIES", "audited", "summary"]

os.environ.setdefault("KERAS_BACKEND", "jax")

PAGE: Final = Path(__file__).parents[2] / "docs" / "audited.md"
START, END = "<!-- Made by tests/models/audit_frameworks.py -->", "<!-- End of what is made -->"

LIBRARIES: Final[dict[str, Callable[..., Iterable[Any]]]] = {
    "timm": published_models.timm_models,
    "torchvision": published_models.torchvision_models,
    "transformers": published_models.transformers_models,
    "torch.nn": layer_models.torch_models,
    "flax": layer_models.flax_models,
    "equinox": layer_models.equinox_models,
    "keras": layer_models.keras_models,
}
PACKAGES: Final = ("timm", "torchvision", "transformers", "torch", "flax", "equinox", "keras", "jax")


def audited(model: Any) -> Audit:
    """Build a model with seed 0, and audit it without a scheme."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fanin.audit(model.build())


def summary(name: str, report: Audit) -> dict[str, Any]:
    """Return what the page needs of a report."""
    matrices = [one for one in report.entries if sum(size > 1 for size in one.shape) > 1 and one.std > 0]
    return {
        "name": name,
        "tensors": len({one.name for one in report.entries}),
        "weights": report.elements,
        "findings": [
            {"severity": one.severity, "kind": one.kind, "parameters": list(one.parameters), "text": str(one)}
            for one in report.findings
        ],
        "matrices": len(matrices),
        "default": sum("torch's default" in _first_rule(one.verdict) for one in matrices),
        "no rule": sum("no rule" in one.verdict for one in matrices),
        "no law": sum("no law that" in one.verdict for one in matrices),
        "small": sum("too small" in one.verdict for one in matrices),
    }


def _first_rule(verdict: str) -> str:
    """Return the rule of the standard deviation that fits best: what follows the distributions."""
    return verdict.partition(", ")[2].partition(" or ")[0]


def measure(libraries: list[str], out: Path, only: str, every: int) -> None:
    """Audit what is not yet in the file, and add it, one line of JSON per model."""
    from rich.progress import track

    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    done = {json.loads(line)["name"] for line in lines}
    for library in libraries:
        models = (one for one in _models(library, every) if one.name not in done and only in one.name)
        for model in track(models, library, transient=True, disable=not sys.stderr.isatty()):
            try:
                found = summary(model.name, audited(model))
            except Exception as error:  # whatever a library raises while it builds
                found = {"name": model.name, "error": f"{type(error).__name__}: {error}"}
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            gc.collect()


def _models(library: str, every: int) -> Iterable[Any]:
    """Return the models of a library; of those that are published one by one each n-th."""
    models = LIBRARIES[library]
    return models() if library not in ("timm", "torchvision", "transformers") else models(0, every)


def counts(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table of counts, a row per library."""
    yield (
        "| library | models | tensors | weights | with an error | with a warning, no error | notes alone | none | "
        "matrices and kernels | at torch's default | no known rule |"
    )
    yield "|---|" + "---|" * 10
    libraries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        libraries[one["name"].partition(":")[0]].append(one)
    for library, models in libraries.items():
        done = [one for one in models if "error" not in one]
        worst = Counter(_worst(one) for one in done)
        total = Counter[str]()
        for one in done:
            total.update({key: one[key] for key in ("tensors", "weights", "matrices", "default", "no rule", "no law")})
        cells = [f"{len(done)} of {len(models)}" if len(done) < len(models) else str(len(done))]
        cells += [f"{total['tensors']:,}", f"{total['weights'] / 1e6:,.1f} M"]
        cells += [str(worst[key]) for key in ("error", "warning", "note", "")]
        cells += [f"{total['matrices']:,}", f"{total['default']:,}", f"{total['no rule'] + total['no law']:,}"]
        yield f"| {library} | {' | '.join(cells)} |"


def kinds(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table of findings, a row per severity and kind."""
    yield "| severity | finding | models | parameters | for example |"
    yield "|---|---|---|---|---|"
    groups: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for one in found:
        for finding in one.get("findings", ()):
            groups[finding["severity"], finding["kind"]].append((one["name"], finding))
    order = ("error", "warning", "note")
    for (severity, kind), places in sorted(groups.items(), key=lambda item: (order.index(item[0][0]), -len(item[1]))):
        models = {name for name, _ in places}
        name, first = min(places, key=lambda place: len(place[1]["text"]))
        parameters = sum(len(finding["parameters"]) for _, finding in places)
        yield f"| {severity} | {kind} | {len(models):,} | {parameters:,} | `{name}`: {_cell(first['text'])} |"


def versions() -> str:
    """Return the versions of what was audited."""
    named = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"Audited: {named}."


def write(found: list[dict[str, Any]]) -> None:
    """Write the tables between the two marks of the page."""
    made = "\n".join([versions(), "", *counts(found), "", *kinds(found)])
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    PAGE.write_text(f"{before}{START}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8", newline="\n")


def _worst(one: dict[str, Any]) -> str:
    severities = {finding["severity"] for finding in one["findings"]}
    return next((each for each in ("error", "warning", "note") if each in severities), "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Run."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("libraries", nargs="*", choices=[[], *LIBRARIES], help="all if none is named")
    arguments.add_argument("--out", type=Path, required=True, help="the file of what was found; it is added to")
    arguments.add_argument("--only", default="", help="take models whose name contains this")
    arguments.add_argument("--every", type=int, default=1, help="of timm, torchvision and transformers each n-th model")
    arguments.add_argument("--page", action="store_true", help="write the page from the file, and audit nothing")
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    if chosen.page:
        found = [json.loads(line) for line in chosen.out.read_text(encoding="utf-8").splitlines()]
        write(list({one["name"]: one for one in found}.values()))
    else:
        measure(chosen.libraries or list(LIBRARIES), chosen.out, chosen.only, chosen.every)


if __name__ == "__main__":
    main()
