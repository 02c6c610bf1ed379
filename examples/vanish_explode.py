"""Too small and too large: weights of many standard deviations, and the narrow range in which a deep network trains.

For standard deviations from 0.01 to 1, this script measures the factor by which a layer of ReLU units changes the
signal, compares it with the theory's `std * sqrt(n / 2)` (He et al. 2015, equation 9), and trains the network.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/vanish_explode.py [FOLDER]
FOLDER is where the figures go; the default is docs/figures.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from fanin.compare.experiment import Experiment
from fanin.compare.running import train
from fanin.lab.data import load_data
from fanin.lab.figures import INK, Plot
from fanin.lab.palette import colour, style_of
from fanin.probe.measure import probe

NORMAL = colour(style_of("normal"))
FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SEEDS = (0, 1, 2)
DEPTH, WIDTH, EPOCHS = 10, 100, 15
STDS = (0.01, 0.03, 0.06, 0.1, 0.12, 0.14, 0.17, 0.2, 0.3, 0.5, 1.0)


def main() -> None:
    data = load_data("digits")
    experiment = Experiment(
        initializations=tuple(f"normal(std={std})" for std in STDS),
        depth=DEPTH,
        width=WIDTH,
        learning_rate=0.01,
        epochs=EPOCHS,
        seeds=SEEDS,
    )
    before = probe(experiment, data)
    after = train(experiment, data)
    critical = math.sqrt(2 / WIDTH)
    print(
        f"{DEPTH} hidden layers of {WIDTH} ReLU units, {len(SEEDS)} seeds; He's std is sqrt(2/{WIDTH}) = {critical:.4f}"
    )
    factors, accuracies = [], []
    for std, found in zip(STDS, before.measured, strict=True):
        runs = after.of(found.initialization)
        # For each seed, the factor of the root mean square from one hidden layer to the next.
        measured = [
            (taken.activation_moments[DEPTH - 1] / taken.activation_moments[0]) ** (0.5 / (DEPTH - 1))
            for taken in found.snapshots
        ]
        final = [one.accuracies[-1] for one in runs]
        lost = sum(not math.isfinite(one.train_losses[-1]) for one in runs)
        factors.append(measured)
        accuracies.append(final)
        print(
            f"  std {std:4}: a layer changes the signal by {np.mean(measured):6.3f} (theory {std / critical:6.3f}); "
            f"test accuracy after {EPOCHS} epochs {np.mean(final):6.1%} ({min(final):.1%} to {max(final):.1%})"
            + (f"; {lost} of {len(runs)} runs diverged" if lost else "")
        )

    def draw_factors(axes: Axes) -> None:
        axes.plot(STDS, [std / critical for std in STDS], color=INK, linewidth=1, label="theory")
        axes.plot(STDS, factors, "o", color=NORMAL, label=["measured"] + [None] * (len(SEEDS) - 1))
        axes.axvline(critical, color="#888888", linestyle=":")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("standard deviation of the weights")
        axes.set_ylabel("growth of the signal per layer")

    def draw_accuracies(axes: Axes) -> None:
        means = [np.mean(values) for values in accuracies]
        axes.fill_between(STDS, [min(v) for v in accuracies], [max(v) for v in accuracies], color=NORMAL, alpha=0.2)
        axes.plot(STDS, means, "o-", color=NORMAL)
        axes.axvline(critical, color="#888888", linestyle=":")
        axes.set_xscale("log")
        axes.set_ylim(0, 1)
        axes.set_xlabel("standard deviation of the weights")
        axes.set_ylabel(f"test accuracy after {EPOCHS} epochs")

    title = f"{DEPTH} hidden ReLU layers of {WIDTH} (dotted: He)"
    Plot("vanish_explode_signal", title, "", draw_factors).save(FIGURES / "vanish_explode_signal.png")
    Plot("vanish_explode_accuracy", title, "", draw_accuracies).save(FIGURES / "vanish_explode_accuracy.png")
    print(f"\nfigures: {FIGURES}/vanish_explode_signal.png and vanish_explode_accuracy.png")


if __name__ == "__main__":
    main()
