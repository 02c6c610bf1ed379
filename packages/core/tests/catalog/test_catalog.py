"""The catalog: what it says of each initializer, against numbers worked out apart from it."""

from __future__ import annotations

import doctest
import importlib
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fanin
from fanin.catalog import entries, facts, find, namesakes
from fanin.cli import main
from fanin.exceptions import FaninValueError
from fanin.layout import Geometry
from fanin.profiles import PROFILES, profile_names

CORE = Path(__file__).parents[2]
DENSE = Geometry.of((24, 40), "OI")
GROUPED = Geometry.of((24, 10, 3, 5), "OIHW", 4)  # fans 150, 90
END = 6.2303  # where the normal lattice ends
T = 0.8796256610342398

# std and the largest magnitude, by hand
NUMBERS: list[tuple[str, Geometry, float, float]] = [
    ("zeros", DENSE, 0.0, 0.0),
    ("ones", DENSE, 0.0, 1.0),
    ("constant", DENSE, 0.0, 0.5),
    ("random", DENSE, 0.01, 0.01 * END),
    ("normal", GROUPED, 0.01, 0.01 * END),
    ("uniform", DENSE, 0.1 / math.sqrt(12), 0.05),
    ("truncated_normal", DENSE, 0.01, 0.02 / T),
    ("variance_scaling", GROUPED, math.sqrt(2 / 150), math.sqrt(2 / 150) * END),
    ("he_normal", GROUPED, math.sqrt(2 / 150), math.sqrt(2 / 150) * END),
    ("he_uniform", DENSE, math.sqrt(2 / 40), math.sqrt(6 / 40)),
    ("he_truncated_normal", DENSE, math.sqrt(2 / 40), 2 * math.sqrt(2 / 40) / T),
    ("glorot_normal", GROUPED, math.sqrt(2 / 240), math.sqrt(2 / 240) * END),
    ("glorot_uniform", GROUPED, math.sqrt(2 / 240), math.sqrt(6 / 240)),
    ("glorot_truncated_normal", DENSE, math.sqrt(2 / 64), 2 * math.sqrt(2 / 64) / T),
    ("lecun_normal", DENSE, math.sqrt(1 / 40), math.sqrt(1 / 40) * END),
    ("lecun_uniform", DENSE, math.sqrt(1 / 40), math.sqrt(3 / 40)),
    ("lecun_truncated_normal", DENSE, math.sqrt(1 / 40), 2 * math.sqrt(1 / 40) / T),
    ("orthogonal", GROUPED, 1 / math.sqrt(150), 1.0),  # 4 matrices of 6 x 150
    ("orthogonal", DENSE, 1 / math.sqrt(40), 1.0),
    ("delta_orthogonal", Geometry.of((24, 10, 3, 5), "OIHW"), 1 / math.sqrt(24 * 15), 1.0),
    ("identity", DENSE, math.sqrt(24 / 960), 1.0),
    ("dirac", GROUPED, math.sqrt(6 / (6 * 150)), 1.0),
    ("sparse", DENSE, 0.01 * math.sqrt(2 / 24), 0.01 * END),  # 22 of 24 are 0
    ("torch:trunc_normal", DENSE, T, 2.0),
    ("torch:linear_default", DENSE, 1 / math.sqrt(120), 1 / math.sqrt(40)),
    ("keras:glorot_uniform", GROUPED, math.sqrt(2 / 510), math.sqrt(6 / 510)),
]


def test_every_initializer_has_numbers_here() -> None:
    assert {entry.name for entry in entries()} == {case[0] for case in NUMBERS if ":" not in case[0]}


@pytest.mark.parametrize(
    ("name", "geometry", "std", "largest"), NUMBERS, ids=[f"{case[0]} {case[1].shape}" for case in NUMBERS]
)
def test_numbers(name: str, geometry: Geometry, std: float, largest: float) -> None:
    found = facts(find(name).example, geometry)
    assert math.isclose(found.std, std, rel_tol=1e-12)
    assert math.isclose(max(-found.low, found.high), largest, rel_tol=1e-5)
    assert found.low <= found.high


def test_truncation_that_does_nothing_is_called_that() -> None:
    found = facts(fanin.profile("torch:trunc_normal", std=0.02), DENSE)
    assert found.law == "N(0, 0.02^2), effectively not truncated"


def test_the_catalog_is_complete() -> None:
    """Every name that `initialization=` accepts, and every function that makes an initializer."""
    named = {name for entry in entries() for name in (entry.name, *entry.aliases)}
    assert set(fanin.initializer_names()) <= named
    functions = {
        name
        for name in fanin.__all__
        if callable(value := getattr(fanin, name)) and getattr(value, "__annotations__", {}).get("return") in KINDS
    }
    assert len(functions) > 20
    assert functions <= named


KINDS = {"Constant", "Normal", "Uniform", "TruncatedNormal", "VarianceScaling"} | {
    "Orthogonal",
    "DeltaOrthogonal",
    "Identity",
    "Dirac",
    "Sparse",
}


@pytest.mark.parametrize("name", [*(entry.name for entry in entries()), *profile_names()])
def test_every_entry(name: str) -> None:
    entry = find(name)
    assert entry.formula
    assert name in entry.call
    assert (":" in name) == bool(not entry.when)
    assert all(find(alias).example == entry.example for alias in entry.aliases)
    geometry = Geometry.of((9, 7, 3, 3), "OIHW") if re.search("dirac|delta", name) else DENSE
    found = facts(entry.example, geometry)
    assert found.low <= found.high
    rule = fanin.plan(geometry.shape, entry.example, layout=geometry.layout).rule
    assert entry.example.is_random == (rule.kind not in ("fill", "diagonal"))


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("he", ["torch:kaiming_normal", "jax:he_normal", "keras:he_normal"]),
        ("lecun_uniform", ["jax:lecun_uniform", "keras:lecun_uniform"]),
        ("identity", ["torch:eye", "keras:identity"]),
        ("jax:he_uniform", ["torch:kaiming_uniform", "keras:he_uniform"]),
        ("random", []),
    ],
)
def test_namesakes(name: str, others: list[str]) -> None:
    assert [other.name for other in namesakes(find(name))] == others


def test_aliases() -> None:
    assert find("kaiming").name == "he_normal"
    assert find("he_normal").aliases == ("he", "kaiming", "kaiming_normal")
    assert find("normal").aliases == ()  # random has the same law, and an entry of its own
    assert find("keras:uniform").aliases == ("keras:random_uniform", "keras:embedding_default")


def test_unknown_names() -> None:
    for name, meant in {"he_norml": "he_normal", "eye": "identity", "random_uniform": "uniform"}.items():
        with pytest.raises(FaninValueError, match=rf"unknown initializer '{name}'\. Did you mean '{meant}'\?"):
            find(name)
    with pytest.raises(FaninValueError, match=r"unknown profile 'tf:zeros'\. Did you mean 'keras:zeros'\?"):
        find("tf:zeros")


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for entry in entries():
        assert entry.name in out
    assert f"torch ({len(profile_names('torch'))})" in out
    assert "torch:kaiming_normal" not in out


def test_list_of_a_framework(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "timm"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in profile_names("timm"))
    assert "he_normal" not in out


def test_list_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "cauchy"]) == 2
    assert "no initializer has 'cauchy' in its name" in capsys.readouterr().err


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "kaiming", "--shape", "24,10,3,5", "--layout", "OIHW", "--groups", "4"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    entry = find("he_normal")
    for words in (entry.formula, entry.source, entry.when, entry.call, "he, kaiming", "4 groups"):
        assert " ".join(words.split()) in out
    assert "he_normal N(0, 0.11547^2) 150 90 0.11547" in out
    assert "torch:kaiming_normal N(0, 0.11547^2) 150 360" in out


def test_explain_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "torch:linear_default"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "The sqrt(5) is not the slope" in out
    assert "U(-0.125, 0.125) 64 256 0.072169" in out


def test_explain_what_is_not_defined(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "he", "--shape", "3,3,3"]) == 0
    assert "State the layout" in " ".join(capsys.readouterr().out.split())
    assert main(["explain", "he", "--shape", "a,b"]) == 2
    assert "whole numbers with commas" in capsys.readouterr().err


def test_without_rich(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["explain", "torch:eye"]) == 0
    assert "1 on the diagonal, 256 x 64" in capsys.readouterr().out


def test_the_pages_are_those_of_the_catalog() -> None:
    command = [sys.executable, str(CORE / "tools" / "write_catalog.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_profiles_are_described_once() -> None:
    texts = [find(name).elsewhere for name in PROFILES]
    assert not any("  " in text or "\n" in text for text in texts)


@pytest.mark.parametrize("name", ["fanin.catalog", "fanin.plans.facts"])
def test_examples_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted
    assert not results.failed
