"""The measured gain of each activation compared with its prediction 1 / sqrt(E[phi(z)^2]).

First in one layer, with normal numbers drawn by fanin as pre-activations. Then in a deep network whose weights have
variance gain^2 / fan_in: how far is the second moment of the pre-activations from 1 after each layer? The theory says
that 1 is a fixed point; whether a network stays near it depends on the activation.

Needs `pip install "fanin[cli,numpy]"`. Run: python examples/activation_gains.py [FOLDER]
FOLDER is where the figures go; the default is docs/figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

import fanin
from fanin.gains.activations import get_activation
from fanin.lab.figures import INK, Plot, log_scale
from fanin.lab.palette import colour
from fanin.lab.trainer import load_trainer
from fanin.lab.training import one_thread
from fanin.probe.theory import gaussian_moment

FIGURES = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "figures"
SEEDS = (0, 1, 2, 3, 4)
DEPTH, WIDTH, SAMPLES = 30, 256, 256
NAMES = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid")
TORCH = {"relu": 2**0.5, "leaky_relu": (2 / 1.0001) ** 0.5, "selu": 0.75, "tanh": 5 / 3, "sigmoid": 1.0}
"""What `torch.nn.init.calculate_gain` returns; it raises an error for the others."""


def measured_gain(name: str, seed: int) -> float:
    """Return the gain that one layer needs, from 2^17 standard normal pre-activations."""
    z = fanin.init((2**17,), fanin.normal(std=1.0), seed=seed, name=f"{name}.z", dtype="float64", backend="numpy")
    value = np.vectorize(get_activation(name).value, otypes=[float])
    return float(np.mean(value(z) ** 2) ** -0.5)


def stability(name: str) -> float:
    """Return the factor by which a deviation of the second moment from 1 grows per layer."""
    activation, step = get_activation(name), 1e-3
    up, down = gaussian_moment(activation.value, 1 + step), gaussian_moment(activation.value, 1 - step)
    return (up - down) / (2 * step) * fanin.gain(name) ** 2


def deep_moments(name: str, gain: float, seed: int) -> list[float]:
    """Return the second moments of the pre-activations, layer by layer, of a network whose first layer has moment 1."""
    weights = fanin.variance_scaling(gain**2, "fan_in", "normal")
    parameters = fanin.init_parameters([WIDTH] * (DEPTH + 1), weights, seed=seed, backend="numpy")
    inputs = fanin.init((SAMPLES, WIDTH), fanin.normal(std=1.0), seed=seed, name="inputs", backend="numpy")
    network = load_trainer("numpy", name)(parameters, activation=name, learning_rate=1.0)
    scaled = (inputs / gain).astype(np.float32)
    outputs = network.trace(scaled, np.zeros(SAMPLES, dtype=np.int64)).activations
    # Over the draw of the weights, the second moment of pre-activations is gain^2 times that of their inputs.
    return [gain**2 * float(np.mean(values.astype(np.float64) ** 2)) for values in (scaled, *outputs[:-1])]


def main() -> None:
    print(f"gains: one layer, 2^17 pre-activations, {len(SEEDS)} seeds; then {DEPTH} layers of {WIDTH} units")
    print(f"{'':11} {'predicted':>9} {'measured (lowest to highest)':>30} {'torch':>7}  E[z²] after the last layer")
    curves = {}
    for name in NAMES:
        gain = fanin.gain(name)
        measured = [measured_gain(name, seed) for seed in SEEDS]
        with one_thread():
            curves[name] = [deep_moments(name, gain, seed) for seed in SEEDS]
        last = [curve[-1] for curve in curves[name]]
        theirs = f"{TORCH[name]:7.4f}" if name in TORCH else "  error"
        print(
            f"{name:11} {gain:9.4f} {np.mean(measured):9.4f} ({min(measured):.4f} to {max(measured):.4f}) {theirs}  "
            f"{np.mean(last):8.3g} ({min(last):.3g} to {max(last):.3g}); deviations × {stability(name):.2f} per layer"
        )
    print("\ntorch's gains in the same networks:")
    for name in ("selu", "tanh"):
        last = [deep_moments(name, TORCH[name], seed)[-1] for seed in SEEDS]
        print(f"{name:11} {TORCH[name]:9.4f}: {np.mean(last):8.3g} ({min(last):.3g} to {max(last):.3g})")

    def draw(axes: Axes) -> None:
        shown = ("relu", "gelu", "selu", "tanh", "softplus")
        layers = range(1, DEPTH + 1)
        for index, name in enumerate(shown):
            for seed, curve in enumerate(curves[name]):
                axes.plot(layers, curve, color=colour(index), linewidth=1.2, label=name if seed == 0 else None)
        axes.axhline(1, color=INK, linewidth=1)
        log_scale(axes, [curve for name in shown for curve in curves[name]])
        axes.set_xlabel("layer")
        axes.set_ylabel("E[z²] of pre-activations")

    Plot("activation_gains", "Variance gain²/fan-in, five seeds each", "", draw).save(FIGURES / "activation_gains.png")
    print(f"\nfigure: {FIGURES}/activation_gains.png")


if __name__ == "__main__":
    main()
