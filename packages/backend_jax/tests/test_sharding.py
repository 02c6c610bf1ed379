"""One digest for each draw, on one device and on eight, in processes of their own."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("draws_program.py")


@cache
def expected() -> list[str]:
    """Return the digests in this process, without flags; test_draw checks its bits against the reference."""
    drawn: list[list[str]] = runpy.run_path(str(PROGRAM))["digests"]()
    assert all(len(set(digests)) == 1 for digests in drawn)
    assert len({digests[0] for digests in drawn}) == len(drawn)
    return [digests[0] for digests in drawn]


@cache
def report(flags: str) -> dict[str, Any]:
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM)], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


EIGHT = "--xla_force_host_platform_device_count=8"


def test_eight_devices_whole() -> None:
    assert report(EIGHT)["devices"] == 8
    assert [drawn[0] for drawn in report(EIGHT)["digests"]] == expected()


def test_eight_devices_sharded() -> None:
    sharded = report(EIGHT)["sharded"]
    assert [case["digests"] for case in sharded] == [[digest] for digest in expected()]
    assert all(case["placed"] for case in sharded)
    assert [case["shards"] for case in sharded] == [8, 8, 8, 8, 8, 8, 8, 8, 1, 8, 8, 8, 8, 8]


def test_each_device_computes_its_own_part_alone() -> None:
    """Nothing is sent, and no device has the memory for more: a part of the OIHW kernel alone takes 576 bytes."""
    assert [case["collectives"] for case in report(EIGHT)["sharded"]] == [[]] * len(expected())
    assert max(case["scratch"] for case in report(EIGHT)["sharded"]) <= 256


def test_a_mesh_whose_shardings_are_types() -> None:
    assert report(EIGHT)["explicit"] == [f"x y {expected()[0]}"]
