"""How one weight is made: from the seed and the name to a key, a word, a lattice point and the weight.

Every number in the figure is computed here, step by step, and the last one is compared with the weight that
`fanin.init` draws.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/how_it_works.py [FOLDER]
FOLDER is where the figure goes; the default is docs/figures.
"""

from __future__ import annotations

import hashlib
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import fanin
from fanin import reference
from fanin.plans.rules import Draw
from fanin.stream.keys import named_key

FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SEED, NAME, SHAPE, POSITION = 0, "fc.weight", (256, 64), (0, 1)
INK, PALE, EDGE, BLUE = "#222222", "#eaf0f6", "#a9bfd4", "#1f6fb2"


def steps() -> tuple[list[tuple[str, str, str]], float]:
    """Return the text of each box (title, value, how it was made), and the point in standard deviations."""
    plan = fanin.plan(SHAPE, "he", layout="OI", seed=SEED, name=NAME)
    rule = plan.rule
    assert isinstance(rule, Draw)
    digest = hashlib.sha256(b"fanin/1\0" + NAME.encode()).hexdigest()
    key = named_key(SEED, NAME)
    index = POSITION[0] * SHAPE[1] + POSITION[1]
    word = reference.word(key, index)
    point = reference.lattice_point(rule, word)
    weight = np.float32(point) * np.float32(rule.factor)
    drawn = fanin.init(SHAPE, "he", layout="OI", seed=SEED, name=NAME, backend="numpy")
    assert weight == drawn[POSITION], "the steps give the weight that is drawn"
    made = [
        ("seed and name", f'{SEED}, "{NAME}"', "what you write"),
        (
            "key",
            f"{key[0]:08x} {key[1]:08x}",
            f"Threefry of the name's SHA-256,\n{digest[:8]}…, under the seed",
        ),
        ("word", f"{word:08x}", f"Threefry of the position, element {index}\nof the tensor, under the key"),
        (
            "lattice point",
            minus(f"{point:,}"),
            minus(f"{point / 2**28:.4f} standard deviations;\nexceeded with probability word / 2³²"),
        ),
        (
            "weight",
            minus(f"{weight:.9f}"),
            "converted to float32 once, multiplied\nonce by √(2/64) · 2⁻²⁸",
        ),
        ("stored bytes", weight.tobytes()[::-1].hex(), "the same from NumPy, PyTorch and JAX"),
    ]
    return made, point / 2**28


def minus(number: str) -> str:
    """Write the sign as print does."""
    return number.replace("-", "−")


def box(axes: Axes, top: float, title: str, value: str, how: str) -> None:
    axes.add_patch(Rectangle((0.02, top - 0.78), 0.96, 0.78, facecolor=PALE, edgecolor=EDGE))
    axes.text(0.05, top - 0.27, title, color=BLUE, fontsize=13, fontweight="bold", va="center")
    axes.text(0.05, top - 0.56, value, color=INK, fontsize=13, family="monospace", va="center")
    axes.text(0.45, top - 0.40, how, color=INK, fontsize=12.5, va="center", linespacing=1.35)


def bell(axes: Axes, deviations: float) -> None:
    """Draw the standard normal density and the place of the point under it."""
    x = np.linspace(-3.4, 3.4, 400)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    axes.fill_between(x, density, where=(x >= deviations).tolist(), color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(x, density, color=INK, linewidth=1.5)
    axes.plot([deviations] * 2, [0, math.exp(-(deviations**2) / 2) / math.sqrt(2 * math.pi)], color=BLUE, linewidth=2)
    axes.set_axis_off()


def draw() -> Figure:
    made, deviations = steps()
    figure = plt.figure(figsize=(7.2, 6.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, len(made) + 0.05))
    axes.set_axis_off()
    for row, (title, value, how) in enumerate(made):
        top = len(made) - row
        box(axes, top, title, value, how)
        if row:
            axes.annotate(
                "", (0.23, top), (0.23, top + 0.22), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.5}
            )
        print(f"{title:14} {value:22} {' '.join(how.split())}")
    bell(figure.add_axes((0.30, 0.376, 0.13, 0.09)), deviations)
    return figure


def main() -> None:
    draw().savefig(FIGURES / "how_it_works.png", dpi=150)
    print(f"\nfigure: {FIGURES}/how_it_works.png")


if __name__ == "__main__":
    main()
