"""The symmetry of equal weights: units that start equal stay equal, however long they are trained.

Trains a network with one hidden layer from zeros, from another constant, and from constants that are the same but for a
little noise, and counts how many hidden units differ.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/zeros_symmetry.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from fanin.compare.data import load_data
from fanin.compare.experiment import Experiment
from fanin.compare.plot import Plot, band
from fanin.compare.results import Results
from fanin.compare.training import train

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
SEEDS = (0, 1, 2)
WIDTH, EPOCHS = 32, 40
INITIALIZATIONS = ("zeros", "constant(0.05)", "normal(0.05, 1e-4)", "normal(0.05, 1e-2)", "he")


def run(activation: str) -> Results:
    experiment = Experiment(
        initializations=INITIALIZATIONS,
        depth=1,
        width=WIDTH,
        activation=activation,
        learning_rate=0.05,
        epochs=EPOCHS,
        seeds=SEEDS,
    )
    return train(experiment, load_data("digits"))


def show(activation: str, results: Results) -> None:
    print(f"\n{activation}, one hidden layer of {WIDTH} units, {len(SEEDS)} seeds, after {EPOCHS} epochs")
    for label in INITIALIZATIONS:
        runs = results.of(label)
        distinct = sorted({one.distinct[-1] for one in runs})
        accuracies = [one.accuracies[-1] for one in runs]
        print(
            f"  {label:20} distinct units {' or '.join(map(str, distinct)):>9} of {WIDTH}, "
            f"accuracy {np.mean(accuracies):6.1%} ({min(accuracies):.1%} to {max(accuracies):.1%})"
        )


def main() -> None:
    found = {activation: run(activation) for activation in ("relu", "tanh", "sigmoid")}
    for activation, results in found.items():
        show(activation, results)

    def draw(axes: Axes) -> None:
        for index, label in enumerate(INITIALIZATIONS):
            band(axes, range(EPOCHS + 1), [one.accuracies for one in found["tanh"].of(label)], label, index)
        axes.set_xlabel("epoch")
        axes.set_ylabel("test accuracy")
        axes.set_ylim(0, 1)
        axes.set_xlim(0, EPOCHS)

    Plot("zeros_symmetry", f"One hidden layer of {WIDTH} tanh units", "", draw).save(FIGURES / "zeros_symmetry.png")
    print(f"\nfigure: {FIGURES}/zeros_symmetry.png")


if __name__ == "__main__":
    main()
