"""What fanin promises, in one picture: one seed, three libraries, the same weights, and a signal that keeps its size.

Above, each library's own He initialization of a 24 by 24 layer from seed 0; below, fanin's, with the SHA-256 digest of
the bytes. On the right, the root mean square of a signal in an untrained ReLU network, layer by layer.

Needs `pip install "fanin[all,cli]"`. Run: python examples/promise.py [FOLDER]
FOLDER is where the figure goes; the default is docs/figures.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

import fanin
from fanin.lab.palette import colour, style_of

FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SIZE = 24
LAYERS, WIDTH, SAMPLES = 30, 256, 256
CURVES = {name: colour(style_of(name)) for name in ("he", "glorot_normal", "random")}
LABELS = {"he": "he", "glorot_normal": "glorot (Xavier)", "random": "random, std 0.01"}


def own() -> dict[str, NDArray[Any]]:
    """Each library's own He weights from seed 0, as (out, in); NumPy has no initializer, so its normal numbers."""
    tensor = torch.nn.init.kaiming_normal_(torch.empty(SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    kernel = jax.nn.initializers.he_normal()(jax.random.key(0), (SIZE, SIZE))
    return {
        "NumPy": np.random.default_rng(0).standard_normal((SIZE, SIZE), "float32") * np.float32((2 / SIZE) ** 0.5),
        "PyTorch": tensor.numpy(),
        "JAX": np.asarray(kernel).T,
    }


def ours() -> dict[str, NDArray[Any]]:
    """The weights of fanin from each backend, as (out, in); JAX stores them the other way round."""
    settings: dict[str, Any] = {"seed": 0, "name": "fc.weight"}
    return {
        "NumPy": fanin.init((SIZE, SIZE), "he", layout="OI", backend="numpy", **settings),
        "PyTorch": fanin.init((SIZE, SIZE), "he", layout="OI", backend="torch", **settings).numpy(),
        "JAX": np.asarray(fanin.init((SIZE, SIZE), "he", layout="IO", backend="jax", **settings)).T,
    }


def digest(weights: NDArray[Any]) -> str:
    return hashlib.sha256(weights.tobytes()).hexdigest()[:8]


def signal(initialization: str) -> list[float]:
    """Return the root mean square after each layer of ReLU units, from normal inputs."""
    x = fanin.init((SAMPLES, WIDTH), fanin.normal(std=1.0), name="inputs", backend="numpy")
    sizes = []
    for layer in range(LAYERS):
        weight = fanin.init((WIDTH, WIDTH), initialization, layout="OI", name=f"layers.{layer}", backend="numpy")
        z = x @ weight.T
        sizes.append(float(np.sqrt(np.mean(z.astype("float64") ** 2))))
        x = np.maximum(z, 0)
    return sizes


def map_of(axes: Axes, library: str, weights: NDArray[Any]) -> None:
    limit = 2.5 * (2 / SIZE) ** 0.5
    axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_title(library, fontsize=13)
    axes.set_xlabel(digest(weights), fontsize=12, family="monospace")
    axes.set(xticks=[], yticks=[])
    print(f"  {library:8} {digest(weights)}")


def decay(axes: Axes) -> None:
    for initialization, shade in CURVES.items():
        sizes = signal(initialization)
        axes.semilogy(range(1, LAYERS + 1), sizes, color=shade, linewidth=2.5)
        axes.text(LAYERS * 1.02, sizes[-1], LABELS[initialization], color="#222222", fontsize=11, va="center")
        print(f"  {initialization:14} layer 1: {sizes[0]:.2g}, layer {LAYERS}: {sizes[-1]:.2g}")
    axes.set_title(f"Signal in {LAYERS} ReLU layers", fontsize=13)
    axes.set_xlabel("layer", fontsize=12)
    axes.set_ylabel("root mean square", fontsize=12)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.45, 1], squeeze=False)[0]
    titles = ("Seed 0, each library's own He initialization", "Seed 0, fanin")
    rows: list[SubFigure] = list(left.subfigures(2, 1, squeeze=False)[:, 0])
    for row, title, maps in zip(rows, titles, (own(), ours()), strict=True):
        row.suptitle(title, fontsize=14, fontweight="bold")
        print(title)
        for axes, (library, weights) in zip(row.subplots(1, 3), maps.items(), strict=True):
            map_of(axes, library, weights)
    assert len({digest(weights) for weights in ours().values()}) == 1
    print("Signal")
    decay(right.subplots())
    figure.savefig(FIGURES / "promise.png", dpi=130)
    print(f"\nfigure: {FIGURES}/promise.png")


if __name__ == "__main__":
    main()
