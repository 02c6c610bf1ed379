"""A sharded model: on eight devices, of one process and of two, each part has the bits of the whole."""

from __future__ import annotations

import json
import os
import runpy
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from fanin_jax import build, record

pytest.importorskip("flax")

PROGRAM = Path(__file__).with_name("build_program.py")


@cache
def program() -> dict[str, Any]:
    return runpy.run_path(str(PROGRAM))


@cache
def whole() -> list[Any]:
    """The arrays, drawn in this process by NumPy; the one that follows no law by JAX."""
    model, x = program()["Model"]().init, jnp.ones((2, 16))
    scheme = record(model, x)
    drawn: dict[str, Any] = scheme.only_laws().draw(seed=program()["SEED"])
    return [drawn[name] if name in drawn else scheme.replay(name, program()["SEED"]) for name in scheme]


def start(devices: int, *arguments: str) -> subprocess.Popen[str]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    return report


@cache
def reports(processes: int) -> list[dict[str, Any]]:
    if processes == 1:
        return [finished(start(8))]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    return [finished(one) for one in [start(4, port, str(number)) for number in range(2)]]


@pytest.mark.parametrize("processes", [1, 2])
def test_every_part_has_the_bits_of_the_whole(processes: int) -> None:
    seen: set[tuple[int, str]] = set()
    for report in reports(processes):
        assert (report["devices"], report["here"]) == (8, 8 // processes)
        for number, region, digest in report["parts"]:
            part = whole()[number][tuple(slice(*ends) for ends in region)]
            assert program()["digest"](part) == digest, (number, region)
            seen.add((number, str(region)))
    assert {number for number, _ in seen} == set(range(len(whole())))
    assert len(seen) > 2 * len(whole())


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_sent(processes: int) -> None:
    """Each device computes its own part alone."""
    assert [report["sent"] for report in reports(processes)] == [[]] * processes


def test_the_specs_are_those_that_were_asked_for() -> None:
    specs = reports(1)[0]["specs"]
    assert ["x", None, "y"] in specs
    assert specs == reports(2)[0]["specs"]


def test_one_device_has_the_bits_too() -> None:
    model, x = program()["Model"]().init, jnp.ones((2, 16))
    built = jax.tree.leaves(build(model, x, seed=program()["SEED"]))
    digest = program()["digest"]
    assert [digest(array) for array in built] == [digest(array) for array in whole()]
