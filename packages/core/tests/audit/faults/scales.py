"""Another standard deviation than the law's."""

from __future__ import annotations

from typing import Final

from ..models import LAYERS, WIDTH
from ..planting import Fault, both, normal, scaled, times, uniform

__all__ = ["FAULTS"]

HE, LECUN = (2 / 64) ** 0.5, (1 / 64) ** 0.5
QKV = "layers.1.attn.qkv.weight"
ROWS = slice(0, WIDTH), slice(WIDTH, 2 * WIDTH)

UP, DOWN = "layers.1.up.weight", "layers.1.down.weight"

FAULTS: Final = {
    "gain forgotten": Fault("mlp", normal("fc1.weight", LECUN), "std", ("fc1.weight",), "sqrt(2) was forgotten"),
    "gain twice": Fault("mlp", normal("fc1.weight", 2 * LECUN * 2**0.5), "std", ("fc1.weight",), "not rooted (2)"),
    "fan_out": Fault("mlp", normal("fc1.weight", (2 / 128) ** 0.5), "std", ("fc1.weight",), "fan_out for fan_in"),
    "fan_out or a gain": Fault(
        "mlp",
        normal("fc1.weight", (2 / 128) ** 0.5),
        "std",
        ("fc1.weight",),
        ": fan_out for fan_in, as by the layout IO in place of OI, or a gain of sqrt(2) was forgotten (the numbers fit "
        "both)",
    ),
    "fan_in for fan_out": Fault(
        "conv net",
        normal("stem.weight", (2 / (16 * 9)) ** 0.5),
        "std",
        ("stem.weight",),
        ": fan_in for fan_out, as by the layout IOHW in place of OIHW, or a gain of sqrt(2) too much",
    ),
    "fan_out, no layout": Fault(
        "recorded",
        normal("plain.weight", (2 / 140) ** 0.5),
        "std",
        ("plain.weight",),
        ": fan_out for fan_in, as by the layout IO in place of OI",
    ),
    "fan_out, a gain of its own": Fault(
        "recorded",
        normal("gained.weight", 0.712 * (1 / 140) ** 0.5),
        "std",
        ("gained.weight",),
        ": fan_out for fan_in, if the law divides by it",
    ),
    "the other layout": Fault(
        "conv net",
        uniform("keras.kernel", (6 / (9 * 40)) ** 0.5),
        "std",
        ("keras.kernel",),
        "fan_out for fan_in",
    ),
    "taps not counted": Fault(
        "conv net", normal("stem.weight", (2 / 32) ** 0.5), "std", ("stem.weight",), "9 positions"
    ),
    "groups not counted": Fault(
        "conv net", normal("group.weight", (2 / (16 * 9 * 4)) ** 0.5), "std", ("group.weight",), "4 groups"
    ),
    "tensor parallel 4": Fault(
        "transformer", times("layers.0.mlp.up.weight", 1.98), "std", ("layers.0.mlp.up.weight",), "degree 4"
    ),
    "tensor parallel 8": Fault(
        "transformer", times("layers.0.mlp.down.weight", 8**0.5), "std", ("layers.0.mlp.down.weight",), "degree 8"
    ),
    "uncorrected truncation": Fault("mlp", times("fc3.weight", 0.8796), "std", ("fc3.weight",), "0.8796"),
    "torch's default for he": Fault("mlp", uniform("fc1.weight", 64**-0.5), "std", ("fc1.weight",), "torch's default"),
    "std for a bound": Fault(
        "conv net", uniform("keras.kernel", (2 / 216) ** 0.5), "std", ("keras.kernel",), "taken for the bound"
    ),
    "std for a bound, other family": Fault("mlp", uniform("fc1.weight", HE), "std", ("fc1.weight",), "uniform"),
    "variance for std": Fault("mlp", normal("half.weight", 0.0004), "std", ("half.weight",), "variance was taken"),
    "GPT-2's": Fault("mlp", normal("fc1.weight", 0.02), "std", ("fc1.weight",), "std 0.02"),
    "an embedding of std 1": Fault("transformer", normal("position.weight", 1.0), "std", ("position.weight",), "std 1"),
    "three layers": Fault(
        "transformer",
        both(*(times(f"layers.{k}.mlp.down.weight", 2**0.5) for k in range(LAYERS))),
        "std",
        tuple(f"layers.{k}.mlp.down.weight" for k in range(LAYERS)),
        "layers.{0..2}.mlp.down.weight have a",
    ),
    "the fans of the packed whole": Fault(
        "transformer", times(QKV, 2**-0.5), "std", (QKV,), "fans of all 3 packed parts"
    ),
    "the queries alone": Fault("transformer", scaled(QKV, ROWS[0], 2.0), "std", (QKV,), "[0:48, :]"),
    # laws that a recording has in numbers
    "fan_out, recorded": Fault("recorded", normal(DOWN, (2 / 80) ** 0.5), "std", (DOWN,), "fan_out for fan_in"),
    "taps not counted, recorded": Fault(
        "recorded", normal("conv.weight", (2 / 48) ** 0.5), "std", ("conv.weight",), "3 positions"
    ),
    "the gain of tanh, recorded": Fault(
        "recorded", normal(DOWN, 5 / 3 / 320**0.5), "std", (DOWN,), "the gain of tanh, 1.667, in place of 1.414"
    ),
    "a shard's average of fans, recorded": Fault(
        "recorded", uniform(UP, (6 / (40 + 80)) ** 0.5), "std", (UP,), "fans of one of 8 parts"
    ),
    "torch's default, recorded": Fault("recorded", uniform(UP, 80**-0.5), "std", (UP,), "torch's default"),
    "a factor that nothing explains, in every layer": Fault(
        "recorded",
        both(*(times(f"layers.{k}.down.weight", 0.37) for k in range(LAYERS))),
        "std",
        tuple(f"layers.{k}.down.weight" for k in range(LAYERS)),
        "layers.{0..2}.down.weight have a standard deviation 0.3",
    ),
}
