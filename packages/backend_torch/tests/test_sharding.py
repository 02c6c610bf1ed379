"""Distributed tensors: each process draws its own part, and the parts make the tensor that one process would draw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PARTS = {
    1: ["(3, 10)", "(13, 2)", "(13, 10)", "(7, 4)", "(5, 5)", "(13, 4)", "(3, 10)"],
    5: ["(0, 10)", "(13, 0)", "(13, 10)", "(6, 2)", "(3, 5)", "(13, 2)", "(2, 10)"],
}
"""By rank: the shapes that it holds of each of the program's meshes, of a tensor of shape (13, 10)."""


@pytest.mark.parametrize("rank", PARTS)
def test_own_part(rank: int) -> None:
    program = Path(__file__).with_name("sharded_process.py")
    run = subprocess.run([sys.executable, str(program), str(rank)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    *lines, unnamed, refusal, of_module = run.stdout.splitlines()
    assert [line[line.rindex("(") :] for line in lines] == PARTS[rank]
    assert "init_ needs name=" in unnamed
    assert "Shard and Replicate. Received: P" in refusal
    assert of_module.startswith("sum: a distributed tensor's")  # for ones, and not for zeros
