"""The report: what it prints, its data, its page, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fanin
from fanin.auditing import KINDS, Audit, Finding
from fanin.auditing.findings import joined, names_text
from fanin.exceptions import FaninTypeError, FaninValueError

from .faults import FAULTS
from .models import MODELS, Arrays, drawn


@pytest.fixture
def weights() -> Arrays:
    return drawn(MODELS["transformer"], np.random.default_rng(3))


def faulty(weights: Arrays) -> Audit:
    weights["layers.1.mlp.down.weight"] *= np.float32(2)
    weights["layers.0.norm1.weight"][3] = np.nan
    weights["head.weight"] = weights["head.weight"].astype(np.float16)
    report: Audit = fanin.audit(weights, MODELS["transformer"])
    return report


def test_findings_come_first_and_the_worst_first(weights: Arrays) -> None:
    report = faulty(weights)
    assert [one.severity for one in report.findings] == ["error", "error", "note"]
    lines = str(report).splitlines()
    assert lines[0].startswith("error: layers.0.norm1.weight has 1 NaN")
    assert lines[1].startswith("    weights[")
    heading = next(k for k, line in enumerate(lines) if line.startswith("name"))
    assert lines[heading].split() == ["name", "shape", "dtype", "mean", "std", "verdict"]
    assert all(not line.startswith(("error", "warning", "note")) for line in lines[heading:])
    assert not report


def test_rows_that_differ_by_numbers_are_one(weights: Arrays) -> None:
    names = [row[0] for row in fanin.audit(weights, MODELS["transformer"]).rows()]
    assert "layers.{0..2}.mlp.up.weight" in names
    assert "  layers.{0..2}.attn.qkv.weight[48:96, :]" in names
    assert len(names) == len(set(names))


def test_the_line_gives_the_right_weights(weights: Arrays) -> None:
    """The line of a finding, run as it is, mends the model."""
    scheme = MODELS["transformer"]
    weights["layers.1.mlp.down.weight"] *= np.float32(2)
    weights["layers.1.attn.qkv.weight"][48:96] *= np.float32(2)
    weights["layers.0.norm1.weight"][...] = 0
    report = fanin.audit(weights, scheme)
    assert len(report.findings) == 3
    for one in report.findings:
        exec(one.line, {"fanin": fanin, "weights": weights})
    assert list(fanin.audit(weights, scheme).findings) == []


def test_plain_data_is_strict_json(weights: Arrays) -> None:
    report = faulty(weights)
    data = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert data == report.to_dict()
    assert [one["kind"] for one in data["findings"]] == ["nan", "std", "dtype"]
    assert data["is_well"] is False
    assert len(data["parameters"]) == len(report.entries)


def test_ties_are_in_the_data() -> None:
    """In one memory, or stored twice."""
    shared = np.random.default_rng(3).normal(0, 0.02, (40, 30)).astype(np.float32)
    scheme = fanin.Scheme({"embed.weight": fanin.Parameter((40, 30), "float32", fanin.normal(std=0.02))})
    for weights, known in (
        ({"embed.weight": shared, "head.weight": shared}, None),
        ({"embed.weight": shared, "head.weight": shared.copy()}, scheme),
    ):
        report = fanin.audit(weights, known)
        data = json.loads(report.to_json())
        assert [one["same_as"] for one in data["parameters"]] == [None, "embed.weight"]
        assert report.entries[1].verdict.endswith("embed.weight")


def test_data_come_back(weights: Arrays) -> None:
    weights["again.weight"] = weights["position.weight"]
    twice = {f"{prefix}.{name}": array for prefix in ("student", "teacher") for name, array in weights.items()}
    for report in (faulty(weights), fanin.audit(twice), fanin.audit({"z": np.ones(3, np.complex64)})):
        again = Audit.from_json(report.to_json())
        assert again.to_json() == report.to_json()
        assert str(again) == str(report)


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"findings": [{}]}', "{" * 5000])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(FaninValueError, match=r"^the text is no report of an audit"):
        Audit.from_json(text)


def test_the_page_loads_nothing_and_escapes(weights: Arrays) -> None:
    weights["<b>x</b>"] = np.zeros(3, np.float32)
    page = faulty(weights).to_html()
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    assert "http" not in page
    assert "layers.{0..2}.mlp.up.weight" in page


def test_all_kinds_are_documented() -> None:
    assert {fault.kind for fault in FAULTS.values()} <= set(KINDS)


def test_findings_of_one_cause_are_one() -> None:
    def finding(name: str, cause: str, kind: str = "std") -> Finding:
        return Finding("error", kind, (name,), cause)

    found = joined(
        [finding("a.0", "has x"), finding("a.1", "has x"), finding("b", "has y"), finding("c", "has x", "mean")]
    )
    assert [str(one) for one in found] == ["a.{0,1} have x", "b has y", "c has x"]


def test_names_are_few() -> None:
    assert names_text([*"abcdef"]) == "a, b, c and 3 more"
    assert names_text(["w.0", "w.1", "w.3"]) == "w.{0,1,3}"


REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "no weights": (3, {}, FaninTypeError, "int"),
    "no scheme": ({"w": np.ones(3)}, {"scheme": "he"}, FaninTypeError, "must be a fanin.Scheme or None. Received: str"),
    "a seed alone": ({"w": np.ones(3)}, {"seed": 0}, FaninValueError, "Pass scheme="),
    "a bad seed": ({"w": np.ones(3)}, {"seed": -1, "scheme": MODELS["mlp"]}, FaninValueError, "-1"),
    "a rate of 1": ({"w": np.ones(3)}, {"false_alarm_rate": 1.0}, FaninValueError, "must be below 1"),
    "a rate of 0": ({"w": np.ones(3)}, {"false_alarm_rate": 0}, FaninValueError, "false_alarm_rate"),
    "no file": ("nowhere.safetensors", {}, FaninValueError, "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str) -> None:
    weights, settings, error, text = REFUSED[case]
    with pytest.raises(error, match=text.replace(".", r"\.")):
        fanin.audit(weights, **settings)


def test_nothing_is_changed(weights: Arrays) -> None:
    before = {name: array.copy() for name, array in weights.items()}
    for array in weights.values():
        array.flags.writeable = False
    fanin.audit(weights, MODELS["transformer"], seed=0)
    assert all(array.tobytes() == before[name].tobytes() for name, array in weights.items())


def test_files_are_read_like_arrays(weights: Arrays, tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", **weights)  # type: ignore[arg-type]
    seen: list[tuple[str, int, int]] = []
    report = fanin.audit(tmp_path / "model.npz", MODELS["transformer"], progress=lambda *now: seen.append(now))
    assert report.rows() == fanin.audit(weights, MODELS["transformer"]).rows()
    assert list(report.findings) == []
    assert seen[-1][1:] == (report.elements, report.elements)


def test_a_wrapped_model_has_the_names_of_its_scheme(weights: Arrays) -> None:
    wrapped = {f"model.module.{name}": array for name, array in weights.items()}
    assert list(fanin.audit(wrapped, MODELS["transformer"]).findings) == []


def test_what_is_no_real_number_is_not_judged() -> None:
    weights = {"z": np.ones((3, 4), np.complex64), "flag": np.asarray([True, False]), "empty": np.ones((0, 4))}
    verdicts = {one.name: one.verdict for one in fanin.audit(weights).entries}
    assert verdicts["z"] == "complex64: not judged"
    assert verdicts["empty"] == "no elements"
