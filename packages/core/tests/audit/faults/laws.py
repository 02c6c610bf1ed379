"""Another distribution, another mean, another constant, single weights beyond the ends."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..models import WIDTH, Arrays, truncated
from ..planting import Fault, Plant, both, change, law, normal, put, times, uniform

__all__ = ["FAULTS"]

HE, LECUN = (2 / 64) ** 0.5, (1 / 64) ** 0.5
WAVE = 0.02 * np.sin(np.arange(WIDTH))


def rounded(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        bits = weights[name].view(np.uint32)
        bits[...] = (bits + 0x8000) & 0xFFFF0000

    return plant


FAULTS: Final = {
    "uniform for normal": Fault(
        "mlp", uniform("fc1.weight", HE * 3**0.5), "distribution", ("fc1.weight",), "a uniform one"
    ),
    "normal for uniform": Fault(
        "conv net", normal("keras.kernel", (2 / 216) ** 0.5), "distribution", ("keras.kernel",), "normal"
    ),
    "truncated for normal": Fault(
        "mlp",
        law("fc1.weight", lambda rng, shape: truncated(rng, shape, HE)),
        "distribution",
        ("fc1.weight",),
        "truncated",
    ),
    "normal for truncated": Fault("transformer", normal("position.weight", 0.02), "distribution", ("position.weight",)),
    "a mean": Fault("mlp", normal("fc1.weight", HE, 0.05), "mean", ("fc1.weight",), "a mean of 0.0"),
    "only positive": Fault(
        "mlp", law("fc2.kernel", lambda rng, s: rng.uniform(0, 2 * (6 / 208) ** 0.5, s)), "mean", ("fc2.kernel",)
    ),
    "an outlier": Fault("mlp", put("fc1.weight", (5, 5), 40.0), "outlier", ("fc1.weight",), "1 weight that"),
    "the bound of a truncation": Fault(
        "mlp", put("half.weight", (5, 5), -2), "outlier", ("half.weight",), "trunc_normal_"
    ),
    "the bound of a truncation, no scheme": Fault(
        "mlp", put("half.weight", (5, 5), -2), "outlier", ("half.weight",), "1 weight of -2", "bare", "warning"
    ),
    "a far weight among siblings, no scheme": Fault(
        "transformer",
        put("layers.1.mlp.up.weight", (5, 5), 7),
        "outlier",
        ("layers.1.mlp.up.weight",),
        "1 weight of 7, ",
        "bare",
        "warning",
    ),
    "beyond the bound": Fault("mlp", put("fc2.kernel", (5, 5), 0.3), "outlier", ("fc2.kernel",)),
    "a constant": Fault("mlp", put("fc1.weight", ..., 0.1), "constant", ("fc1.weight",), "0.1 everywhere"),
    "a bias of another constant": Fault("mlp", put("fc2.bias", ..., 0.0), "constant", ("fc2.bias",), "says 0.01"),
    "a random bias": Fault("mlp", normal("fc1.bias", 0.01), "constant", ("fc1.bias",), "not constant"),
    "a norm of zeros": Fault("conv net", put("stem.bn.weight", ..., 0.0), "constant", ("stem.bn.weight",), "says 1"),
    "a last gamma of ones": Fault(
        "conv net", put("block.bn.weight", ..., 1.0), "constant", ("block.bn.weight",), "says 0"
    ),
    "a counter that counted": Fault(
        "conv net", put("stem.bn.num_batches_tracked", ..., 7), "constant", ("stem.bn.num_batches_tracked",)
    ),
    "a padding row that is drawn": Fault(
        "transformer",
        both(put("embed.weight", 0, WAVE), put("head.weight", 0, WAVE)),
        "constant",
        ("embed.weight", "head.weight"),
        "[0:1, :]",
    ),
    "not orthogonal": Fault("conv net", normal("mixer.weight", 64**-0.5), "matrix", ("mixer.weight",), "not Q"),
    "orthogonal of another gain": Fault("conv net", times("mixer.weight", 2**0.5), "matrix", ("mixer.weight",)),
    "rounded to float16": Fault(
        "mlp",
        change("fc1.weight", lambda a: a.astype(np.float16).astype(np.float32)),
        "rounded",
        ("fc1.weight",),
        "every weight is a float16 number",
        severity="warning",
    ),
    "rounded beyond the ends": Fault(
        "recorded", rounded("head.weight"), "rounded", ("head.weight",), "bfloat16", severity="warning"
    ),
    "rounded to float16 beyond the ends": Fault(
        "recorded",
        both(
            put("head.weight", (3, 5), 0.12009),
            change("head.weight", lambda a: a.astype(np.float16).astype(np.float32)),
        ),
        "rounded",
        ("head.weight",),
        "float16",
        severity="warning",
    ),
    "rounded": Fault("mlp", rounded("fc1.weight"), "rounded", ("fc1.weight",), "bfloat16", severity="warning"),
}
