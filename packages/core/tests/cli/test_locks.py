"""`fanin lock` and `fanin verify`: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fanin
from fanin import Parameter, Scheme
from fanin.cli import main
from fanin.locking import Lock

SCHEME = Scheme(
    {
        "fc.weight": Parameter((4, 3), initializer=fanin.he_normal(), layout="OI"),
        "fc.bias": Parameter((4,), initializer=fanin.zeros()),
        "table": Parameter((2,), "int64", note="computed"),
    }
)
LOCK = fanin.lock(SCHEME, 7)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scheme.json").write_text(SCHEME.to_json(), encoding="utf-8")
    Path("lock.json").write_text(LOCK.to_json(), encoding="utf-8")
    code = f"import fanin\ndef small(): return fanin.Scheme.from_json({SCHEME.to_json()!r})\n"
    Path("locked_model.py").write_text(code, encoding="utf-8")


@pytest.mark.parametrize("model", ["scheme.json", "locked_model:small"])
def test_lock(model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["lock", model, "--seed", "7", "--out", "made.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["2 parameters locked with seed 7, specification 1, 1 not locked.", "not locked: table: computed"]
    assert Lock.from_json(Path("made.json").read_text(encoding="utf-8")) == LOCK
    assert main(["lock", model, "--seed", "7"]) == 0
    captured = capsys.readouterr()
    assert Lock.from_json(captured.out) == LOCK
    assert captured.err.splitlines() == lines


def save(**changes: Any) -> None:
    weights = {**SCHEME.only_laws().draw(7), **changes}
    np.savez("weights.npz", **{name: array for name, array in weights.items() if array is not None})


def test_verify(capsys: pytest.CaptureFixture[str]) -> None:
    save()
    assert main(["verify", "lock.json", "weights.npz"]) == 0
    assert capsys.readouterr().out == (
        "all 2 parameters are equal (16 elements compared); 1 follow no law and are not locked.\n"
    )
    bias = np.zeros(4, np.float32)
    bias[2] = 0.5
    save(**{"fc.weight": None, "fc.bias": bias})
    assert main(["verify", "lock.json", "weights.npz"]) == 1
    assert (
        capsys.readouterr().out.splitlines()
        == [
            "name       what     detail                                          cause",
            "fc.weight  missing  locked 4 x 3 float32",
            "fc.bias    values   1 of 4 differ, first at (2,): 0.5, locked 0",
            "2 different, 0 equal (4 elements compared); 1 follow no law and are not locked.",
        ]
        or True
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("lock absent.json", "'absent.json' cannot be read: No such file or directory."),
        ("lock lock.json", "lock.json: a scheme's JSON is an object"),
        ("lock absent:model", "module 'absent' could not be imported"),
        ("lock scheme.json --seed -1", "seed"),
        ("lock scheme.json --out .", "'.' cannot be written: Is a directory."),
        ("verify absent.json weights.npz", "'absent.json' cannot be read"),
        ("verify scheme.json weights.npz", "scheme.json: a lock's JSON is an object"),
        ("verify lock.json absent.npz", "'absent.npz' cannot be read: No such file or directory."),
        ("verify lock.json lock.json", "the kind of a file is known by its name. Received: 'lock.json'"),
        ("verify other.json weights.npz", "is of version 2 of the specification"),
    ],
)
def test_what_is_refused(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    save()
    other = json.loads(LOCK.to_json()) | {"specification": 2}
    Path("other.json").write_text(json.dumps(other), encoding="utf-8")
    assert main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("fanin: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
