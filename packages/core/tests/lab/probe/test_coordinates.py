"""The coordinate check: exponents that are known, and its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fanin.probe.coordinates
from fanin.cli import main
from fanin.exceptions import FaninValueError
from fanin.lab.data import Data, load_data
from fanin.lab.network import Network, Study
from fanin.probe.coordinates import PARTS, Coordinates, Moves, coordinates
from fanin.probe.coordinates_report import write_coordinates

WIDTHS = (10, 20, 40)


def made(power: float, size: float = 0.1) -> Moves:
    """Return moves of which those of the output grow with a power of the width, over two seeds."""
    found = Moves("he")
    for part in PARTS:
        own = power if part == "output" else 0.0
        found.sizes[part] = [[size * width**own / 2, size * width**own * 2] for width in WIDTHS]
    return found


@pytest.mark.parametrize(
    ("power", "size", "severity", "words"),
    [
        (0.0, 0.1, "fine", "one learning rate fits them all"),
        (0.5, 0.1, "warning", "the moves of the output grow as width^0.50, 2.0× from width 10 to 40"),
        (-1.0, 0.1, "warning", "the moves of the output shrink as width^-1.00, 4.0×"),
        (0.0, 0.0, "failure", "does not move at all, or diverges"),
        (0.0, float("inf"), "failure", "does not move at all, or diverges"),
    ],
)
def test_verdicts(blobs: Data, power: float, size: float, severity: str, words: str) -> None:
    result = Coordinates(WIDTHS, Network(5, 2, 10, 3), blobs, 0.1, 50)  # of many seeds: no chance
    found = result.verdict(made(power, size))
    assert found[0] == severity
    assert words in found[1]


def test_chance_is_no_finding(blobs: Data) -> None:
    result = Coordinates(WIDTHS, Network(5, 2, 10, 3), blobs, 0.1, 2)
    severity, text = result.verdict(made(-0.9))
    assert severity == "unknown"
    assert text == (
        "he: the moves of the output shrink as width^-0.90, 3.5× from width 10 to 40, which may be chance: take more "
        "seeds, wider networks, or fewer layers"
    )
    # The slope's variance with places -1, 0 and 1 times log 2, and variances 5/20, 5/40 and 5/80 of the logarithms.
    assert result.chance == pytest.approx(3 * (5 / 20 + 5 / 80) ** 0.5 / (2 * np.log(2)))
    assert Coordinates(WIDTHS, Network(5, 1, 10, 3), blobs, 0.1, 2).chance == 0


def test_chance_covers_what_seeds_do() -> None:
    study = Study(("mup",), depth=6, seeds=tuple(range(40)), is_coordinates=True)
    found = coordinates(study, load_data("digits"), (24, 48, 96)).moves[0]
    one = Coordinates((24, 48, 96), Network(64, 6, 24, 10), load_data("digits"), 0.02, 1)
    slopes = [np.polyfit(np.log(one.widths), np.log(run), 1)[0] for run in zip(*found.sizes[PARTS[1]], strict=True)]
    assert 0.6 < np.std(slopes, ddof=1) / (one.chance / 3) < 1.5


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan"), float("inf")])
def test_a_learning_rate_is_above_zero(blobs: Data, rate: float) -> None:
    with pytest.raises(FaninValueError, match=r"learning rate must be .* Received"):
        coordinates(Study(("he",), depth=2), blobs, WIDTHS, rate)


@pytest.mark.parametrize("widths", [(), (8,), (8, 8), (16, 8), (0, 4)])
def test_widths_must_rise(blobs: Data, widths: tuple[int, ...]) -> None:
    with pytest.raises(FaninValueError, match="two or more widths above 0"):
        coordinates(Study(("he",), depth=2), blobs, widths)


def test_one_step_of_the_output_is_that_of_gradient_descent(blobs: Data) -> None:
    study = Study(("zeros",), depth=1, activation="tanh")
    result = coordinates(study, blobs, (3, 6))
    (found,) = result.moves
    assert found.sizes["first layer"] == [[0.0], [0.0]]  # from zeros only the output's bias moves
    shares = np.bincount(blobs.train_labels) / len(blobs.train_labels)
    bias = np.zeros(3)
    for _ in range(3):
        bias += 0.02 * (shares - np.exp(bias) / np.exp(bias).sum())
    expected = np.sqrt(np.mean(bias**2))
    assert found.sizes["output"] == [[pytest.approx(expected, abs=1e-6)], [pytest.approx(expected, abs=1e-6)]]


def test_mup_is_flat_where_the_usual_parametrization_is_not(tmp_path: Path) -> None:
    study = Study(("he", "mup"), depth=3, seeds=(0, 1), is_coordinates=True)
    result = coordinates(study, load_data("digits"), (32, 128, 512), 0.005)
    he, mup = ([one.exponent(part, result.widths) for part in PARTS] for one in result.moves)
    assert he[0] < -0.4  # in theory -0.5, 0.5 and 1
    assert he[2] > 0.4
    assert max(map(abs, mup[:2])) < 0.15
    assert abs(mup[2]) < 0.35
    page = write_coordinates(result, tmp_path).read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    data = json.loads((tmp_path / "coordinates.json").read_text(encoding="utf-8"))
    assert data["severities"] == ["warning", "fine"]
    assert len(data["moves"]) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("begun", "severities", "cells"),
    [
        (2, ["unknown"], {"he": 1}),
        (3, ["unknown"], {"he": 2}),
        (5, ["fine", "unknown"], {"he": 3, "mup": 1}),
    ],
)
def test_an_interruption_leaves_what_is_finished(
    begun: int,
    severities: list[str],
    cells: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = 0

    def moves(network: Network, label: str, *rest: object) -> tuple[float, float, float]:
        nonlocal calls
        calls += 1
        if calls == begun:
            raise KeyboardInterrupt
        return 0.5, 0.5, 0.5

    monkeypatch.setattr(fanin.probe.coordinates, "_moves", moves)
    arguments = ["probe", "--widths", "8", "16", "32", "--depth", "2", "--out", str(tmp_path / "out")]
    assert main(arguments) == 130
    shown = capsys.readouterr().out
    assert "Interrupted: the above is what was finished by then." in shown
    assert f"interrupted after {list(cells.values())[-1]} of 3 widths" in shown
    rows = [line.split() for line in shown.splitlines() if " output " in line]
    assert [(row[0], row.count("0.5"), row.count("-")) for row in rows] == [(k, n, 3 - n) for k, n in cells.items()]
    data = json.loads((tmp_path / "out" / "coordinates.json").read_text(encoding="utf-8"))
    assert (data["complete"], data["severities"]) == (False, severities)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Interrupted: this page holds what was finished by then." in page
    assert page.count("<td>-</td>") == 3 * (3 - list(cells.values())[-1])


def test_an_interruption_before_anything_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def moves(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(fanin.probe.coordinates, "_moves", moves)
    assert main(["probe", "--widths", "8", "16", "--out", str(tmp_path / "out")]) == 130
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["probe", "--widths", "8", "16", "--depth", "2", "--initializations", "mup", "--out", out]) == 0
    shown = capsys.readouterr().out
    assert "last hidden layer" in shown
    assert "report: " in shown
    assert main(["probe", "--widths", "16", "8"]) == 2
    assert main(["probe", "--initializations", "mup"]) == 2
