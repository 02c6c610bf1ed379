"""He, Zhang, Ren and Sun 2015, figures 2 and 3, in miniature: where Xavier stalls and He learns.

"Delving deep into rectifiers" trains a 22-layer ReLU network from both initializations: both converge, and He's error
falls much earlier (figure 2). With 30 layers, Xavier's does not fall and He's converges (figure 3). The authors trained
convolutional networks on ImageNet; this script trains a fully connected network on scikit-learn's digits.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/he_2015.py [FOLDER]
FOLDER is where the figures go; the default is docs/figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from fanin.compare.experiment import Experiment
from fanin.compare.results import Results
from fanin.compare.running import train
from fanin.lab.data import load_data
from fanin.lab.figures import Plot, band
from fanin.lab.palette import style_of

FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SEEDS = (0, 1, 2, 3, 4)
EPOCHS = 60
NAMES = {"glorot_normal": "Xavier (variance 1/n)", "he": "He (variance 2/n)"}


def run(layers: int) -> Results:
    """Train networks with this many weight layers; the last is the output layer."""
    experiment = Experiment(
        initializations=tuple(NAMES),
        depth=layers - 1,
        width=64,
        learning_rate=0.01,
        epochs=EPOCHS,
        seeds=SEEDS,
    )
    return train(experiment, load_data("digits"))


def show(layers: int, results: Results) -> None:
    print(f"\n{layers} layers, {len(SEEDS)} seeds: training loss, and test accuracy (lowest to highest)")
    for label, name in NAMES.items():
        runs = results.of(label)
        for epoch in (0, 10, 20, 40, 60):
            losses = [one.train_losses[epoch] for one in runs]
            accuracies = [one.accuracies[epoch] for one in runs]
            print(
                f"  {name:22} epoch {epoch:2}: loss {np.mean(losses):5.3f} ({min(losses):5.3f} to {max(losses):5.3f}), "
                f"accuracy {np.mean(accuracies):6.1%} ({min(accuracies):.1%} to {max(accuracies):.1%})"
            )


def figure(layers: int, number: int, results: Results) -> Plot:
    def draw(axes: Axes) -> None:
        for label, name in NAMES.items():
            curves = [one.train_losses for one in results.of(label)]
            band(axes, range(EPOCHS + 1), curves, name, style_of(label))
        axes.set_xlabel("epoch")
        axes.set_ylabel("training loss")
        axes.set_ylim(0, 3)
        axes.set_xlim(0, EPOCHS)

    return Plot(f"he_2015_{number}", f"{layers} layers (as in figure {number} of He et al. 2015)", "", draw)


def main() -> None:
    for layers, number in ((22, 2), (30, 3)):
        results = run(layers)
        show(layers, results)
        figure(layers, number, results).save(FIGURES / f"he_2015_{number}.png")
    print(f"\nfigures: {FIGURES}/he_2015_2.png and he_2015_3.png")


if __name__ == "__main__":
    main()
