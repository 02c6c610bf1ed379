"""docs/porting.md: its blocks run, and its method tells a wrong port from rounding."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from fanin.compare.agreement import loss_differences
from fanin.compare.experiment import Experiment
from fanin.compare.running import train
from fanin.lab.data import batches, load_data

PAGE = Path(__file__).parents[2] / "docs" / "porting.md"
STEPS = 60


def test_the_page_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    example = doctest.DocTestParser().get_doctest("".join(blocks), {}, PAGE.name, str(PAGE), 0)
    output: list[str] = []
    failed, attempted = doctest.DocTestRunner().run(example, out=output.append)
    assert attempted >= 20
    assert not failed, "".join(output)


def losses(activation: str, mistake: str) -> tuple[float, float]:
    """Train a port with a mistake, and return the first and the largest difference from the original's losses."""
    import fanin
    from fanin_numpy._trainer import NumpyTrainer

    data = load_data("digits").astype("float32")
    curves = []
    for port in (False, True):
        parameters = fanin.init_parameters([64, 32, 32, 10], "he", seed=0, backend="numpy")
        network = NumpyTrainer(parameters, activation=activation, learning_rate=0.05)
        curve: list[float] = []
        for epoch in range(2):
            for rows in batches(len(data.train_labels), 32, seed=0, epoch=epoch):
                inputs, labels = data.train_inputs[rows], data.train_labels[rows]
                if port and mistake == "data order":
                    inputs, labels = inputs[::-1].copy(), labels
                if port and mistake == "pixel order":
                    inputs = inputs.reshape(-1, 8, 8).transpose(0, 2, 1).reshape(-1, 64).copy()
                curve.append(network.step(inputs, labels))
        curves.append(curve[:STEPS])
    difference = loss_differences(curves)
    return float(difference[0]), float(difference.max())


@pytest.mark.parametrize("mistake", ["data order", "pixel order"])
def test_a_mistake_is_large_at_once(mistake: str) -> None:
    first, largest = losses("tanh", mistake)
    assert first > 1e-2
    assert largest > 0.1


def test_no_mistake_is_no_difference() -> None:
    assert losses("tanh", "none") == (0.0, 0.0)


def test_smooth_networks_stay_together_all_along() -> None:
    # The table of the page: 4e-7 at most over 900 steps. The bound leaves room for other processors' products.
    experiment = Experiment(
        initializations=("he",), backends=("numpy", "torch", "jax"), activation="tanh", epochs=8, width=64
    )
    results = train(experiment, load_data("digits"))
    difference = loss_differences([run.step_losses for run in results.runs])
    assert len(difference) == 8 * 45
    assert difference.max() < 1e-5
    assert np.median(difference) < 1e-6
