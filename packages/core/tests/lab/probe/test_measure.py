"""A probe on networks whose numbers are known, and its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fanin.lab.data import Data
from fanin.lab.network import Study
from fanin.lab.snapshot import Histogram, Snapshot
from fanin.probe.measure import Measured, probe
from fanin.probe.report import write_report
from fanin.probe.rows import HEADINGS, cells, layer_rows
from fanin.probe.summary import verdicts

from ..conftest import Install
from ..fakes import ReferenceBackend

WIDE = Study(initializations=("zeros", "random", "he"), depth=3, width=60, seeds=(0, 1, 2))


def test_measurement_and_theory_agree(install: Install, blobs: Data) -> None:
    # The logarithm of a moment's ratio has a standard deviation of sqrt(5 layers / width / seeds) = 0.29 at the third
    # layer. The bound is 4 of it at each of 6 comparisons: a sound network fails once in 5000 seeds, and a gain wrong
    # by sqrt(2) (a factor of 8 at the third layer) is always found.
    install(ReferenceBackend("numpy"))
    result = probe(WIDE, blobs)
    assert result.complete
    assert result.input_moment == pytest.approx(1.0, rel=1e-6)
    for found in result.measured[1:]:
        for row in layer_rows(result, found)[:3]:
            spread = np.sqrt(5 * row["layer"] / 60 / 3)
            signal = row["activation_second_moment"] / row["predicted_activation_second_moment"]
            assert abs(np.log(signal)) < 4 * spread
            back = np.sqrt(5 * (4 - row["layer"]) / 60 / 3)
            gradient = row["gradient_second_moment"] / row["predicted_gradient_second_moment"]
            assert abs(np.log(gradient)) < 4 * back


def test_zeros_are_exactly_the_theory(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    result = probe(WIDE, blobs)
    zeros = result.measured[0]
    assert zeros.activations() == [0.0] * 4
    assert zeros.gradients()[:3] == [0.0] * 3
    assert zeros.gradients()[3] == pytest.approx(2 / 9)  # the mean of (1/3)^2, (1/3)^2 and (2/3)^2
    assert zeros.distinct == 1


def made(*activations: tuple[float, ...]) -> Measured:
    """Return what two hidden layers and an output measured in some seeds."""
    nothing = Histogram(-1.0, 1.0, (1.0,))
    taken = [Snapshot(one, one, (9, 9, 3), (nothing,) * 3, (nothing,) * 3) for one in activations]
    return Measured("he", None, taken)


def test_means_are_geometric_and_the_worst_seed_is_kept() -> None:
    found = made((1.0, 1e-8, 4.0), (4.0, 1e8, 4.0), (16.0, 1.0, 4.0))
    assert found.activations() == pytest.approx([4.0, 1.0, 4.0])
    assert found.gradients() == pytest.approx([4.0, 1.0, 4.0])
    assert found.worst(1) in (1e-8, 1e8)
    assert found.worst(2) == 4.0
    assert found.died == 0


def test_a_network_that_died_is_left_out_of_the_means_and_counted() -> None:
    found = made((1.0, 0.0, 0.0), (4.0, 9.0, 4.0))
    assert found.activations() == pytest.approx([2.0, 9.0, 4.0])
    assert (found.died, found.worst(1)) == (1, 0.0)
    assert made((1.0, 0.0, 0.0), (4.0, 0.0, 0.0)).died == 0
    assert made((1.0, 0.0, 0.0), (4.0, 0.0, 0.0)).activations() == pytest.approx([2.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("measured", "predicted", "expected"),
    [
        (4.0, 4.0, "1.00"),
        (4.0, 1.0, "2.00"),
        (1e12, 1.0, "1e+06"),
        (1e-12, 1.0, "1e-06"),
        (0.0, 1.0, "0.00"),
        (0.0, 0.0, "1.00"),
        (float("inf"), 1.0, "inf"),
        (1.0, 0.0, "-"),
    ],
)
def test_ratios_are_written_whatever_their_size(measured: float, predicted: float, expected: str) -> None:
    row = {"kind": "1", "fan_in": 3, "distinct_units": 2, "units": 2}
    for what in ("activation", "gradient"):
        row |= {f"{what}_second_moment": measured, f"predicted_{what}_second_moment": predicted}
        row[f"{what}_second_moment_worst_seed"] = measured
    shown = cells(row)
    assert shown[4:6] == [expected, expected]
    assert len(shown) == len(HEADINGS)


def test_verdicts_name_the_rates(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    zeros, random, he = verdicts(probe(WIDE, blobs))
    assert zeros.startswith("zeros: the signal and the gradient are 0 in every hidden layer")
    assert zeros.endswith("Exactly what the theory says.")
    assert random.startswith("random (std 0.01): the signal shrinks 1")
    assert "the gradient shrinks 1" in random
    assert he.startswith("he (variance 2/fan_in): the signal keeps its size")
    # The standard deviation is that of the layer that is furthest off, and of the mean of three seeds.
    said = re.findall(r"one standard deviation at this width: ([0-9.]+)\)", he)
    spreads = [np.sqrt(5 * layers / 60) for layers in (1, 2, 3)] + [np.sqrt(15 / 60 + 2 / 3)]
    assert said in [[f"{np.exp(spread / np.sqrt(3) / 2):.2f}"] for spread in spreads]


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (
            Study(initializations=("torch:linear_default",), depth=2, width=64),
            ["the signal shrinks 2.", "the gradient shrinks 2."],
        ),
        (
            Study(initializations=("normal(std=1e20)",), depth=3, width=16),
            ["the signal overflows float32", "The measured numbers leave float32's range, and so do the theory's."],
        ),
        (
            Study(initializations=("normal(std=1e-20)",), depth=3, width=16),
            ["the signal is 0", "The measured numbers leave float32's range, and so do the theory's."],
        ),
        (
            Study(initializations=("normal(std=1e20)",), depth=20, width=4),
            ["The theory has no prediction: its numbers leave a double's range."],
        ),
        (
            Study(initializations=("he",), depth=9, width=1),
            ["is dead, 0 for every sample", "The theory is that of infinitely wide layers"],
        ),
    ],
    ids=["shallow", "overflow", "underflow", "beyond a double", "dead"],
)
def test_verdicts_at_the_edges(install: Install, blobs: Data, study: Study, words: list[str]) -> None:
    install(ReferenceBackend("numpy"))
    with np.errstate(all="ignore"):
        (sentence,) = verdicts(probe(study, blobs))
    for part in words:
        assert part in sentence


def test_an_interruption_leaves_what_is_finished(install: Install, blobs: Data, tmp_path: Path) -> None:
    install(ReferenceBackend("numpy"))

    def interrupt(label: str, seed: int) -> None:
        if (label, seed) == ("he", 1):
            raise KeyboardInterrupt

    result = probe(WIDE, blobs, interrupt)
    assert not result.complete
    assert [len(found.snapshots) for found in result.measured] == [3, 3, 1]
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "Interrupted" in page
    assert "untrained; 3 seeds of zeros, random; 1 seed of he, geometric means shown" in page
    assert "Geometric mean of 1 to 3 seeds" in page
    assert page.count("<svg") == 2 + 3 * 3
    data = json.loads((tmp_path / "probe.json").read_text(encoding="utf-8"))
    assert len(data["layers"]) == 12
    assert len((tmp_path / "layers.csv").read_text().splitlines()) == 13
