"""The coordinate check: exponents that are known, and its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

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
    result = Coordinates(WIDTHS, Network(5, 2, 10, 3), blobs, 0.1, 2)
    found = result.verdict(made(power, size))
    assert found[0] == severity
    assert words in found[1]


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


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["probe", "--widths", "8", "16", "--depth", "2", "--initializations", "mup", "--out", out]) == 0
    shown = capsys.readouterr().out
    assert "last hidden layer" in shown
    assert "report: " in shown
    assert main(["probe", "--widths", "16", "8"]) == 2
    assert main(["probe", "--initializations", "mup"]) == 2
