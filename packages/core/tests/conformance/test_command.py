"""The command line of the suite: what it refuses before it runs, and how it ends."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fanin import FaninError
from fanin.cli import main
from fanin.cli.conformance import add_arguments
from fanin.cli.conformance import run as run_command
from fanin.conformance import AdapterSuite, Check, Result, load_subject, run, running
from fanin.exceptions import FaninValueError
from fanin.plans import Plan

from .doubles import OnesAdapter, ReferenceBackend

ADAPTER = "fanin.conformance.peers.torch_init:TorchInit"
QUICK = ("--level", "exact", "--check", "bits.seeds")


def _command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run_command(parser.parse_args(["tests_of_the_command", *words]))


class CardlessBackend(ReferenceBackend):
    """Has no device but the processor, and says so with an error of its own."""

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        if device == "card":
            raise RuntimeError("no card in this machine")
        if device is not None:
            raise FaninValueError(f"there is no {device}")
        return super().draw(plan)


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list whose only element is what the command loads."""
    held: list[Any] = [ReferenceBackend()]
    monkeypatch.setattr(running, "load_subject", lambda name: held[0])
    return held


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_outside_64_bits_is_refused(subject: list[Any], seed: int) -> None:
    words = rf"seed must be .*Received: {seed}"
    with pytest.raises(FaninValueError, match=words):
        _command("--seed", str(seed))
    with pytest.raises(FaninValueError, match=words):
        run(OnesAdapter(), seed=seed)

    class Seeded(AdapterSuite):
        adapter = OnesAdapter

    Seeded.seed = seed
    with pytest.raises(FaninValueError, match=words):
        Seeded().test_moments_mean()  # type: ignore[attr-defined]


def test_the_ends_of_the_seeds_are_seeds(subject: list[Any]) -> None:
    for seed in (0, (1 << 64) - 1):
        assert _command(*QUICK, "--seed", str(seed)) == 0


def test_a_device_that_is_not_there_is_one_message(subject: list[Any]) -> None:
    subject[0] = CardlessBackend()
    with pytest.raises(FaninValueError, match=r"^there is no gpu$"):
        _command(*QUICK, "--device", "gpu")
    with pytest.raises(FaninError, match="cannot draw on the device 'card': RuntimeError: no card in this machine"):
        _command(*QUICK, "--device", "card")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere/a", "its folder does not exist"), (".", "it is a folder"), ("x" * 300, "name too long")],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reason: str
) -> None:
    monkeypatch.setattr(running, "load_subject", lambda name: pytest.fail("the checks ran"))
    with pytest.raises(FaninValueError, match=rf"(?i)--json must be a file that can be written.*{reason}"):
        _command(*QUICK, "--json", str(tmp_path / name))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_report_that_fails_to_be_written_is_one_message(subject: list[Any]) -> None:
    with pytest.raises(FaninValueError, match=r"--json '/dev/full' could not be written: No space left on device\.$"):
        _command(*QUICK, "--json", "/dev/full")


@pytest.mark.parametrize("name", [":", "module:", ":object", ".module:object"])
def test_half_a_name_is_refused(name: str) -> None:
    with pytest.raises(FaninValueError, match="names no object: use module:object"):
        load_subject(name)


def _interrupting() -> Check[Any]:
    def body(trial: object) -> list[Result]:
        raise KeyboardInterrupt

    return Check("a.second", "exact", "claim", body)


def test_what_was_finished_before_ctrl_c_is_shown_and_written(
    subject: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Check[Any]("a.first", "exact", "claim", lambda trial: [Result(on="x", verdict="passed", n=1)])
    monkeypatch.setattr(running, "EXACT_CHECKS", (first, _interrupting()))
    assert _command("--level", "exact", "--json", str(tmp_path / "report.json")) == 130
    printed = capsys.readouterr().out
    assert "a.first" in printed
    assert "a.second" not in printed
    assert "reference: INTERRUPTED, the above is what was finished: 0 of 1 results failed, " in printed
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["passed"], written["interrupted"], len(written["results"])) == (False, True, 1)


def test_ctrl_c_before_anything_was_finished_is_ctrl_c(subject: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "EXACT_CHECKS", (_interrupting(),))
    with pytest.raises(KeyboardInterrupt):
        _command("--level", "exact")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_ascii_is_enough(subject: list[Any], monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors=errors))
    assert main(["conformance", "tests_of_the_command", *QUICK]) == 0
    assert b"18 x 19" in written.getvalue()


def test_every_refusal_of_the_module_is_a_line_and_exit_code_2(tmp_path: Path) -> None:
    for words in (
        [":"],
        ["numpy", "--seed", "-1"],
        ["numpy", "--json", "."],
        ["numpy", "--device", "gpu9"],
        [ADAPTER, "--device", "gpu9"],
    ):
        command = [sys.executable, "-m", "fanin.conformance", *words, "--check", "moments.mean"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "LC_ALL": "C"}
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith("fanin: ")
