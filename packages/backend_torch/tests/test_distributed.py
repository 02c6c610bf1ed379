"""A model over several processes: the same digest of every parameter, however it is distributed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import fanin_torch
from fanin_torch import init_module_

from .distributed_processes import ONE_LAW, SEED, Model, digests

PROGRAM = Path(__file__).with_name("distributed_processes.py")
WAYS = ("fully sharded", "offloaded", "hybrid", "sharded over tensor parallel")


@cache
def scheme() -> Any:
    with fanin_torch.record(draw=False) as recording:
        model = Model()
    return recording.scheme(model)


@cache
def expected() -> dict[str, dict[str, str]]:
    """The digests of one process: by the model's own scheme, and by one law."""
    return {
        "scheme": digests(init_module_(Model(), scheme(), seed=SEED)),
        "one law": digests(init_module_(Model(), **ONE_LAW, seed=SEED)),
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=[2, 4])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    world, port = request.param, free_port()
    file = tmp_path_factory.mktemp("scheme") / "scheme.json"
    file.write_text(scheme().only_laws().to_json(), "utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), str(world), str(port), str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * world, outputs[0][1]
    found: dict[str, Any] = json.loads(outputs[0][0])
    return found


def test_the_laws_are_the_model_s_own() -> None:
    weights = init_module_(Model(), scheme(), seed=SEED)
    assert not weights.embedding.weight[2].any()
    assert weights.first.weight.abs().max() < 0.2
    torch.testing.assert_close(weights.second.weight @ weights.second.weight.T, torch.eye(16), rtol=0, atol=1e-6)


@pytest.mark.parametrize("by", ["scheme", "one law"])
@pytest.mark.parametrize("way", WAYS)
def test_every_parameter_is_that_of_one_process(report: dict[str, Any], way: str, by: str) -> None:
    assert report[way][by] == expected()[by]


def test_a_tensor_that_is_sharded_twice_has_strided_shards(report: dict[str, Any]) -> None:
    world_of_four = "StridedShard" in str(report["sharded over tensor parallel"]["placements"])
    assert world_of_four == (report["world"] == 4)
