"""The symmetry of equal weights: units that start equal get equal gradients, and stay equal except for rounding.

Trains networks with one hidden layer from zeros, from another constant, from a constant with a little noise, and from
He's initialization, and counts how many hidden units differ. Then it shows what textbooks leave out: a fast matrix
product sums equal columns in different orders, their last bits differ, and training amplifies the difference. If every
sum is taken in the same order, the units stay equal to the last bit.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/zeros_symmetry.py [FOLDER]
FOLDER is where the figures go; the default is docs/figures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import fanin
from fanin.compare.experiment import Experiment
from fanin.compare.results import Results
from fanin.compare.running import train
from fanin.lab.data import Data, batches, load_data
from fanin.lab.figures import Plot, band
from fanin.lab.palette import styles
from fanin.lab.snapshot import evaluate
from fanin.lab.training import one_thread

FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SEEDS = (0, 1, 2)
WIDTH, RATE, EPOCHS = 32, 0.05, 40
INITIALIZATIONS = ("zeros", "constant(0.05)", "normal(mean=0.05, std=1e-4)", "he")

Array: TypeAlias = NDArray[np.floating[Any]]


def run(activation: str, data: Data) -> Results:
    experiment = Experiment(
        initializations=INITIALIZATIONS,
        depth=1,
        width=WIDTH,
        activation=activation,
        learning_rate=RATE,
        epochs=EPOCHS,
        seeds=SEEDS,
    )
    return train(experiment, data)


def show(activation: str, results: Results) -> None:
    print(f"\n{activation}, one hidden layer of {WIDTH} units, {len(SEEDS)} seeds")
    for label in INITIALIZATIONS:
        runs = results.of(label)
        accuracies = [one.accuracies[-1] for one in runs]
        distinct = ", ".join(
            f"{min(one.distinct[epoch] for one in runs)} at epoch {epoch}" for epoch in (0, 5, 10, 20, EPOCHS)
        )
        print(f"  {label:27} accuracy {np.mean(accuracies):6.1%} (from {min(accuracies):.1%}); distinct: {distinct}")


def in_order(a: Array, b: Array) -> Array:
    """Return the matrix product with each element's terms summed in the same order."""
    total = a[:, :1] * b[:1]
    for k in range(1, a.shape[1]):
        total = total + a[:, k : k + 1] * b[k : k + 1]
    return total


def symmetry(data: Data, product: Callable[[Array, Array], Array], dtype: str, seed: int) -> tuple[int, float]:
    """Train a tanh network from a constant with the given matrix product; return its distinct units and accuracy.

    The seed decides the order of the batches; the weights are equal whatever it is.
    """
    data = data.astype(dtype)
    drawn = fanin.init_parameters([64, WIDTH, 10], fanin.constant(0.05), dtype=dtype, backend="numpy")
    w, b, v, c = (drawn[f"layers.{i}.{kind}"] for i in (0, 1) for kind in ("weight", "bias"))
    for epoch in range(EPOCHS // 2):
        for rows in batches(len(data.train_labels), 32, seed=seed, epoch=epoch):
            x, y = data.train_inputs[rows], data.train_labels[rows]
            hidden = np.tanh(product(x, w.T) + b)
            logits = product(hidden, v.T) + c
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            delta = (powers / powers.sum(axis=1, keepdims=True) - np.eye(10, dtype=dtype)[y]) / len(y)
            below = product(delta, v) * (1 - hidden * hidden)
            v, c = v - RATE * product(delta.T, hidden), c - RATE * product(np.ones((1, len(y)), dtype), delta)[0]
            w, b = w - RATE * product(below.T, x), b - RATE * product(np.ones((1, len(y)), dtype), below)[0]
    logits = np.tanh(data.test_inputs @ w.T + b) @ v.T + c
    return len(np.unique(np.column_stack([w, b]), axis=0)), evaluate(logits, data.test_labels)[1]


def main() -> None:
    data = load_data("digits")
    found = {activation: run(activation, data) for activation in ("relu", "tanh", "sigmoid")}
    for activation, results in found.items():
        show(activation, results)
    print(f"\ntanh from constant(0.05), counted to the last bit after {EPOCHS // 2} epochs, {len(SEEDS)} seeds:")
    for name, product in (("BLAS", np.matmul), ("sums in one order", in_order)):
        for dtype in ("float32", "float64"):
            with one_thread():
                ends = [symmetry(data, product, dtype, seed) for seed in SEEDS]
            counts, accuracies = zip(*ends, strict=True)
            print(
                f"  {name:18} {dtype}: {min(counts)} to {max(counts)} distinct units, "
                f"accuracy {np.mean(accuracies):.1%} ({min(accuracies):.1%} to {max(accuracies):.1%})"
            )

    def draw(axes: Axes) -> None:
        for number, label in zip(styles(INITIALIZATIONS), INITIALIZATIONS, strict=True):
            band(axes, range(EPOCHS + 1), [one.accuracies for one in found["tanh"].of(label)], label, number)
        axes.set_xlabel("epoch")
        axes.set_ylabel("test accuracy")
        axes.set_ylim(0, 1)
        axes.set_xlim(0, EPOCHS)

    Plot("zeros_symmetry", f"One hidden layer of {WIDTH} tanh units", "", draw).save(FIGURES / "zeros_symmetry.png")
    print(f"\nfigure: {FIGURES}/zeros_symmetry.png")


if __name__ == "__main__":
    main()
