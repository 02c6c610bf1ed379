"""The command `fanin audit`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fanin.cli.app import main

from .models import MODELS, drawn


@pytest.fixture
def model(tmp_path: Path) -> Path:
    np.savez(tmp_path / "model.npz", **drawn(MODELS["mlp"], np.random.default_rng(3)))  # type: ignore[arg-type]
    (tmp_path / "scheme.json").write_text(MODELS["mlp"].to_json(), encoding="utf-8")
    return tmp_path


def test_a_right_model_exits_with_0(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(model / "model.npz"), "--scheme", str(model / "scheme.json")]) == 0
    assert "no findings in 7 tensors" in capsys.readouterr().out


def test_a_fault_exits_with_1(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", str(model / "model.npz"), "--scheme", str(model / "scheme.json"), "--seed", "0"]
    assert main(words) == 1
    assert capsys.readouterr().out.startswith("warning: fc{1,3}.weight")


def test_json_and_a_page(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = model / "page.html"
    assert main(["audit", str(model / "model.npz"), "--json", "--html", str(page)]) == 0
    assert json.loads(capsys.readouterr().out)["is_well"] is True
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_several_files_are_replicas(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = drawn(MODELS["mlp"], np.random.default_rng(3))
    weights["fc1.bias"][2] = 1
    np.savez(model / "other.npz", **weights)  # type: ignore[arg-type]
    assert main(["audit", str(model / "model.npz"), str(model / "other.npz")]) == 1
    assert "fc1.bias differs between replicas 0 and 1" in capsys.readouterr().out


def test_what_is_left_out(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = drawn(MODELS["mlp"], np.random.default_rng(3))
    del weights["fc2.bias"], weights["fc1.bias"]
    np.savez(model / "model.npz", **weights)  # type: ignore[arg-type]
    words = ["audit", str(model / "model.npz"), "--scheme", str(model / "scheme.json")]
    assert main(words) == 1
    assert main([*words, "--ignore", "fc2.*", "--ignore", "fc1.bias"]) == 0
    assert "Left out: fc2.kernel and fc{1,2}.bias." in capsys.readouterr().out


REFUSED = {
    "no file": (["nowhere.npz"], "cannot be read"),
    "a broken scheme": (["model.npz", "--scheme", "model.npz"], "no text file"),
    "a seed alone": (["model.npz", "--seed", "3"], "Pass scheme="),
    "a pattern": (["model.npz", "--ignore", "fc7.*"], "no tensor has a name that matches 'fc7.*'"),
    "a rate of 0": (["model.npz", "--false-alarm-rate", "0"], "must be above 0, such as 1e-6"),
    "a rate": (["model.npz", "--false-alarm-rate", "2"], "must be below 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_exit_with_2(
    case: str, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, text = REFUSED[case]
    monkeypatch.chdir(model)
    assert main(["audit", *words]) == 2
    assert text in capsys.readouterr().err
