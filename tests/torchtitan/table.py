"""Print what `test_torchtitan.py` checks as a table: `python tests/torchtitan/table.py`."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import torch
from titan_jobs import BACKENDS, run
from titan_models import MODELS, Mesh, seed
from titan_process import digests, own, whole


def equal(reports: list[dict[str, Any]], key: str, expected: dict[str, str]) -> int:
    """Return of how many tensors every process has the digest of one process."""
    return sum(all(one[key][name] == digest for one in reports) for name, digest in expected.items())


def main() -> None:
    warnings.simplefilter("ignore")
    drawn = {name: digests(whole(titan, Mesh())) for name, titan in MODELS.items()}
    own_digests: dict[str, dict[str, str]] = {}
    lines: dict[tuple[str, str, int], dict[str, tuple[int, int]]] = defaultdict(dict)
    for processes in (1, 2, 4):
        for (name, mesh), reports in run(processes).items():
            if processes == 1:
                own_digests[name] = reports[0]["own"]
            degrees = str(mesh).partition(" ")[2]
            lines[name, degrees, processes][mesh.backend] = (
                equal(reports, "digests", drawn[name]),
                equal(reports, "own", own_digests[name]),
            )
    print("| model | mesh | processes | tensors | " + " | ".join(f"`{one}`" for one in BACKENDS) + " | torch's |")
    print("|---|---|---|---|" + "---|" * (len(BACKENDS) + 1))
    for (name, degrees, processes), counts in sorted(lines.items(), key=lambda line: list(MODELS).index(line[0][0])):
        shown = " | ".join(f"{counts[one][0]} equal" for one in BACKENDS)
        theirs = " / ".join(str(counts[one][1]) for one in BACKENDS)
        print(f"| {name} | {degrees} | {processes} | {len(drawn[name])} | {shown} | {theirs} |")


if __name__ == "__main__":
    main()
