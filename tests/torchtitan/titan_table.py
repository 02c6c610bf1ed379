"""Print what `test_torchtitan.py` checks as a table: `python tests/torchtitan/titan_table.py`."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

from titan_jobs import BACKENDS, run
from titan_models import MODELS, Mesh
from titan_process import digests, whole


def equal(reports: list[dict[str, Any]], key: str, expected: dict[str, str]) -> int:
    """Return of how many tensors every process has the digest of one process."""
    return sum(all(one[key][name] == digest for one in reports) for name, digest in expected.items())


def main() -> None:
    warnings.simplefilter("ignore")
    drawn = {name: digests(whole(titan, Mesh())) for name, titan in MODELS.items()}
    alone: dict[str, dict[str, str]] = {}
    lines: dict[tuple[str, str, int], dict[str, tuple[int, int, float]]] = defaultdict(dict)
    for processes in (1, 2, 4):
        for (name, mesh), reports in run(processes).items():
            alone.setdefault(name, reports[0]["own"])
            lines[name, str(mesh).partition(" ")[2], processes][mesh.backend] = (
                equal(reports, "digests", drawn[name]),
                equal(reports, "own", alone[name]),
                max(one["difference"] for one in reports),
            )
    names = " | ".join(f"`{one}`" for one in BACKENDS)
    print(f"| model | mesh | processes | tensors | {names} | by torch | logits |")
    print("|---|---|---|---|" + "---|" * (len(BACKENDS) + 2))
    for (name, mesh_name, processes), found in sorted(lines.items(), key=lambda line: list(MODELS).index(line[0][0])):
        counts = " | ".join(str(found[one][0]) for one in BACKENDS)
        theirs = " / ".join(str(found[one][1]) for one in BACKENDS)
        difference = f"{max(each[2] for each in found.values()):.0e}".replace("0e+00", "0")
        print(f"| {name} | {mesh_name} | {processes} | {len(drawn[name])} | {counts} | {theirs} | {difference} |")


if __name__ == "__main__":
    main()
