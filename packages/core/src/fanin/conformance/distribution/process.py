"""Another process: the weights depend on the seed and the name, not on how the process was started."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.conformance.adapter import Adapter
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.streams import REPEATED

__all__ = ["PROCESS_CHECKS"]

_LIMIT: Final = 300
_UNREADABLE: Final = 3
_CHILD: Final = f"""
import pickle, sys
try:
    adapter, seed, cases = pickle.load(sys.stdin.buffer)
except Exception as error:
    sys.stderr.write(f"{{type(error).__name__}}: {{error}}")
    sys.exit({_UNREADABLE})
from fanin.conformance.distribution.sample import SampleTrial
trial = SampleTrial(adapter, seed)
answer = pickle.dumps([trial.weights(case) for case in cases])
sys.stdout.buffer.write(b"\\nWEIGHTS" + answer)
"""


def another_process(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether a process with another hash seed, another time of start and another number draws the same."""
    found: dict[Case, npt.NDArray[Any]] = {}
    for case in REPEATED:
        drawn = trial.drawn(case)
        if isinstance(drawn, Result):
            yield drawn
        else:
            found[case] = drawn
    if not found:
        return
    again = _elsewhere(trial.adapter, trial.seed, list(found))
    if isinstance(again, Result):
        yield again
        return
    for (case, here), there in zip(found.items(), again, strict=True):
        yield judge(
            f"{trial.call(case)}, in another process",
            "the number of weights that differ between two processes",
            int(np.count_nonzero(here != there)),
            n=here.size,
            high=0,
            detects="any difference",
            call=trial.call(case),
            mistake="the weights depend on the start of the process: hash() of a text, a time, or a process number",
        )


def _elsewhere(adapter: Adapter, seed: int, cases: list[Case]) -> list[npt.NDArray[Any]] | Result:
    """Return what a new process draws; a skipped result where it cannot be told what to draw with."""
    on = f"{len(cases)} tensors in another process"
    try:
        task = pickle.dumps((adapter, seed, cases))
    except Exception as error:  # pickle raises what the object raises
        return _unknown(on, f"{type(error).__name__}: {error}")
    salt = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=task,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": path},
        timeout=_LIMIT,
        check=False,
    )
    said = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if child.returncode == _UNREADABLE:
        return _unknown(on, said)
    if child.returncode:
        return Result(on=on, verdict="failed", call=on, expected="the tensors that were drawn here", got=said)
    answer: list[npt.NDArray[Any]] = pickle.loads(child.stdout.rpartition(b"\nWEIGHTS")[2])
    return answer


def _unknown(on: str, why: str) -> Result:
    return Result(
        on=on, verdict="skipped", note=f"not claimed: another process cannot import the implementation ({why})"
    )


PROCESS_CHECKS: Final = (
    Check("streams.process", "distribution", "a process that was started otherwise draws the same", another_process),
)
