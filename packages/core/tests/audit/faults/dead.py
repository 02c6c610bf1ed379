"""Outputs and inputs of zeros, in each layout: they are named by what their axis is, and not by where it is."""

from __future__ import annotations

from typing import Any, Final

from ..planting import Fault, put

__all__ = ["FAULTS"]

ALL: Final = slice(None)


def dead(name: str, place: Any, kind: str, text: str, model: str = "layouts") -> Fault:
    return Fault(model, put(name, place, 0), f"dead {kind}", (name,), text, severity="warning")


def output(name: str, place: Any, number: str, model: str = "layouts") -> Fault:
    return dead(name, place, "outputs", f" of zeros, {number}: units that pass nothing on", model)


def read(name: str, place: Any, number: str, model: str = "layouts") -> Fault:
    return dead(name, place, "inputs", f" of zeros, {number}: inputs that are never read", model)


FAULTS: Final = {
    "a dead output, OI": output("fc1.weight", 7, "number 7", "mlp"),
    "a dead input, OI": read("fc1.weight", (ALL, 9), "number 9", "mlp"),
    "a dead output, IO": output("fc2.kernel", (ALL, 5), "number 5", "mlp"),
    "a dead input, IO": read("fc2.kernel", 5, "number 5", "mlp"),
    "dead outputs, OIHW": output("stem.weight", [4, 9], "number 4, 9", "conv net"),
    "a dead input, OIHW": read("stem.weight", (ALL, 2), "number 2", "conv net"),
    "a dead output, HWIO": output("conv.kernel", (..., 5), "number 5"),
    "dead outputs, HWIO": output("conv.kernel", (..., slice(5, 8)), "5 to 7"),
    "a dead input, HWIO": read("conv.kernel", (ALL, ALL, 5), "number 5"),
    "a dead input of short rows, HWIO": read("keras.kernel", (ALL, ALL, 5), "number 5", "conv net"),
    "a dead place of a kernel": dead("conv.kernel", (ALL, 2), "slices", "a slice along axis 1 of zeros, number 2"),
    "a dead output, IOHW": output("up.weight", (ALL, 5), "number 5", "conv net"),
    "a dead input, IOHW": read("up.weight", 5, "number 5", "conv net"),
    "a dead input of one group": read(
        "group.weight", (slice(32, 48), 5), "number 37, which is 5 of group 2", "conv net"
    ),
    "dead inputs of two groups": read(
        "group.weight", ([*range(16, 32), *range(48, 64)], 5), "number 21, 53", "conv net"
    ),
    "a dead output of a grouped kernel": output("group.weight", 37, "number 37", "conv net"),
    "a dead output of one group, transposed": output(
        "grouped.up.weight", (slice(10, 20), 5), "number 21, which is 5 of group 1"
    ),
    "a dead input of a grouped kernel, transposed": read("grouped.up.weight", 13, "number 13"),
    "a dead input of one group, whose zeros are many in a row": read(
        "grouped.wide", (slice(4, 8), 2), "number 6, which is 2 of group 1"
    ),
    "a dead input of one group, HWIO": read(
        "grouped.kernel", (..., 3, slice(0, 20)), "number 3, which is 3 of group 0"
    ),
    "a dead output, SOI": output("experts.weight", (1, 5), "number [1, 5]"),
    "a dead output of each, SOI": output("experts.weight", (ALL, 5), "number [0, 5], [1, 5], [2, 5]"),
    "a dead input, SOI": read("experts.weight", (1, ALL, 5), "number [1, 5]"),
    "a dead slice, SOI": dead("experts.weight", 1, "slices", "is zeros in slice 1 of 3: layers or experts"),
    "a dead output, SIO": output("scan.kernel", (1, ALL, 5), "number [1, 5]"),
    "dead inputs, SIO": read("scan.kernel", (1, [5, 6]), "[1, 5] to [1, 6]"),
    "a dead output, IOO": output("query.kernel", (ALL, 2, 5), "number [2, 5]"),
    "a dead input, IOO": read("query.kernel", 5, "number 5"),
    "a dead output, OOI": output("heads.weight", (2, 5), "number [2, 5]"),
    "a dead input, OOI": read("heads.weight", (ALL, ALL, 5), "number 5"),
    "dead inputs, IIO": read("merge.kernel", 2, "[2, 0] to [2, 15]"),
    "a dead output, IIO": output("merge.kernel", (..., 5), "number 5"),
    "a row without inputs, OO": dead("heads.bias", 5, "rows", "a row of zeros, number 5"),
    "a dead output of a part, IO": output("packed.kernel", (ALL, 100), "number 100"),
    "a dead input of parts, IO": read("packed.kernel", 5, "number 5"),
    "a dead output beside zeros of the law": output("padded.kernel", (ALL, 5), "number 5"),
    "zeros that are no input, HWIO": Fault(
        "layouts",
        put("conv.kernel", (0, 0, slice(3, 7)), 0),
        "uninitialized",
        ("conv.kernel",),
        "320 zeros",
    ),
}
