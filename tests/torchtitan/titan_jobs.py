"""Which of torchtitan's models are distributed how, and the jobs of several processes that do it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from titan_models import Mesh

__all__ = ["BACKENDS", "cases", "run"]

PROGRAM: Final = Path(__file__).with_name("titan_process.py")

BACKENDS: Final = ("partial_dtensor", "full_dtensor")
"""Of torchtitan's three. The third, `spmd_types`, needs a newer torch than 2.13 on more than one process."""

MESHES: Final[dict[int, list[dict[str, int]]]] = {
    1: [{}],
    2: [{"dp_shard": 2}, {"tp": 2}],
    4: [{"dp_shard": 4}, {"tp": 4}, {"dp_shard": 2, "tp": 2}, {"dp_replicate": 2, "dp_shard": 2}],
}
"""By the number of processes."""

EXPERTS: Final[dict[int, list[dict[str, int]]]] = {
    1: [],
    2: [{"dp_shard": 2, "ep": 2}, {"tp": 2, "ep": 2}],
    4: [
        {"dp_shard": 4, "ep": 2},
        {"dp_shard": 4, "ep": 4},
        {"dp_shard": 2, "tp": 2, "ep": 4},
        {"dp_replicate": 2, "dp_shard": 2, "ep": 2},
    ],
}
"""Further ones, for a model of experts."""


def cases(processes: int) -> Iterator[tuple[str, Mesh]]:
    """Yield each model and mesh that takes so many processes."""
    for model in ("llama3", "qwen3", "deepseek_v3"):
        for degrees in [*MESHES[processes], *(EXPERTS[processes] if model == "deepseek_v3" else [])]:
            for backend in (*BACKENDS, "spmd_types") if processes == 1 else BACKENDS:
                yield model, Mesh(**degrees, backend=backend)


def run(processes: int) -> dict[tuple[str, Mesh], list[dict[str, Any]]]:
    """Run all cases of so many processes in one job; return what each process found."""
    chosen = list(cases(processes))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cases.json"
        file.write_text(json.dumps([{"model": model, "mesh": asdict(mesh)} for model, mesh in chosen]), "utf-8")
        started = [
            subprocess.Popen(
                [sys.executable, str(PROGRAM), str(rank), str(processes), str(port), str(file)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for port in [_free_port()]
            for rank in range(processes)
        ]
        outputs = [one.communicate(timeout=1800) for one in started]
    if any(one.returncode for one in started):
        raise RuntimeError("\n".join(error for _, error in outputs))
    found = [json.loads(line) for line in outputs[0][0].splitlines() if line.startswith("[")]
    return dict(zip(chosen, found, strict=True))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
