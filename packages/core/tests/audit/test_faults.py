"""Planted faults: each is found, is named rightly, and is the only finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import fanin
import fanin.auditing

from .files import write_npz, write_safetensors, write_shards
from .models import LAYERS, MODELS, VOCABULARY, WIDTH, Arrays, drawn, truncated

Plant = Callable[[Arrays, np.random.Generator], object]


@dataclass(frozen=True)
class Fault:
    """A fault and what an audit shall say.

    Attributes:
        model: The model.
        plant: Changes its weights.
        kind: The kind of the one finding.
        parameters: The parameters that it names.
        text: What its text has.
        settings: "scheme", "bare" without one, or a seed.
        severity: How bad it is.
    """

    model: str
    plant: Plant
    kind: str
    parameters: tuple[str, ...]
    text: str = ""
    mode: str = "scheme"
    severity: str = "error"


def put(name: str, place: Any, value: Any) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][place] = value

    return plant


def times(name: str, factor: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] *= np.asarray(factor, weights[name].dtype)

    return plant


def law(name: str, draw: Callable[[np.random.Generator, tuple[int, ...]], Any]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][...] = draw(rng, weights[name].shape)

    return plant


def normal(name: str, std: float, mean: float = 0.0) -> Plant:
    return law(name, lambda rng, shape: rng.normal(mean, std, shape))


def uniform(name: str, bound: float) -> Plant:
    return law(name, lambda rng, shape: rng.uniform(-bound, bound, shape))


def copy(name: str, to: Any, source: Any) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][to] = weights[name][source]

    return plant


def same(*pairs: tuple[str, str], factor: float = 1.0) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        for name, source in pairs:
            weights[name][...] = factor * weights[source]

    return plant


def garbage(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        array = weights[name]
        array[...] = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape)

    return plant


def pointers(weights: Arrays, rng: np.random.Generator) -> None:
    """Memory that held small whole numbers."""
    weights["fc1.weight"].view(np.int32)[:64] = rng.integers(1, 4000, (64, 64))


def rounded(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        bits = weights[name].view(np.uint32)
        bits[...] = (bits + 0x8000) & 0xFFFF0000

    return plant


def change(name: str, function: Callable[[Any], Any]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] = np.ascontiguousarray(function(weights[name]))

    return plant


def renamed(old: str, new: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[new] = weights.pop(old)

    return plant


def both(*plants: Plant) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        for one in plants:
            one(weights, rng)

    return plant


def scaled(name: str, place: Any, factor: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][place] *= np.float32(factor)

    return plant


def flat(name: str, place: slice, value: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name].reshape(-1)[place] = value

    return plant


def without(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        del weights[name]

    return plant


def added(name: str, shape: tuple[int, ...]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] = rng.normal(size=shape)

    return plant


def reseeded(weights: Arrays, rng: np.random.Generator) -> None:
    """A generator with the same seed before each layer."""
    first = weights["layers.1.mlp.down.weight"].reshape(-1)[: WIDTH**2]
    weights["layers.1.attn.proj.weight"][...] = first.reshape(WIDTH, WIDTH) / 6**0.5


def untied(weights: Arrays, rng: np.random.Generator) -> None:
    weights["head.weight"][1:] = rng.normal(0, 0.02, (VOCABULARY - 1, WIDTH))


WAVE = 0.02 * np.sin(np.arange(WIDTH))
HE, LECUN = (2 / 64) ** 0.5, (1 / 64) ** 0.5
QKV = "layers.1.attn.qkv.weight"
ROWS = slice(0, WIDTH), slice(WIDTH, 2 * WIDTH)
GLOROT = (6 / (2 * WIDTH)) ** 0.5

FAULTS: Final = {
    # values that no law draws
    "one NaN": Fault("mlp", put("fc1.weight", (3, 5), np.nan), "nan", ("fc1.weight",), "1 NaN"),
    "a bias of NaN": Fault("mlp", put("fc1.bias", ..., np.nan), "nan", ("fc1.bias",), "NaN everywhere"),
    "NaN in a buffer": Fault("conv net", put("stem.bn.running_var", 3, np.nan), "nan", ("stem.bn.running_var",)),
    "NaN, no scheme": Fault("mlp", put("fc1.weight", (3, 5), np.nan), "nan", ("fc1.weight",), mode="bare"),
    "infinite": Fault("mlp", put("half.weight", (2, slice(4)), np.inf), "infinite", ("half.weight",), "4 infinite"),
    "subnormal": Fault("mlp", put("fc1.weight", (3, 5), 1e-40), "subnormal", ("fc1.weight",), severity="warning"),
    "garbage": Fault("mlp", garbage("fc1.weight"), "uninitialized", ("fc1.weight",), "memory that nothing was"),
    "garbage, no scheme": Fault("mlp", garbage("fc2.kernel"), "uninitialized", ("fc2.kernel",), mode="bare"),
    "garbage in a bias": Fault("mlp", garbage("fc1.bias"), "uninitialized", ("fc1.bias",)),
    "small whole numbers": Fault("mlp", pointers, "uninitialized", ("fc1.weight",)),
    "a page of zeros": Fault(
        "mlp",
        flat("fc1.weight", slice(3072, 4096), 0),
        "dead rows",
        ("fc1.weight",),
        "48 to 63",
        severity="warning",
    ),
    "zeros that begin within a row": Fault(
        "conv net",
        flat("fc.weight", slice(100, 1124), 0),
        "uninitialized",
        ("fc.weight",),
        "1,024 zeros",
    ),
    "zeros in a vector": Fault("mlp", put("fc3.bias", slice(200, 300), 0), "uninitialized", ("fc3.bias",), "100 zeros"),
    "all zeros": Fault("mlp", put("fc1.weight", ..., 0), "constant", ("fc1.weight",), "0 everywhere"),
    # rows and columns
    "a dead row": Fault("mlp", put("fc1.weight", 7, 0), "dead rows", ("fc1.weight",), "a row", severity="warning"),
    "dead rows, no scheme": Fault(
        "conv net", put("group.weight", [4, 9], 0), "dead rows", ("group.weight",), "4, 9", "bare", "warning"
    ),
    "a dead column": Fault(
        "mlp", put("fc1.weight", (slice(None), 9), 0), "dead columns", ("fc1.weight",), "number 9", severity="warning"
    ),
    "a dead input channel": Fault(
        "conv net",
        put("stem.weight", (slice(None), 2), 0),
        "dead columns",
        ("stem.weight",),
        "number 2",
        severity="warning",
    ),
    "two equal rows": Fault("mlp", copy("fc1.weight", 9, 4), "equal rows", ("fc1.weight",), "4 and 9"),
    "two equal rows, no scheme": Fault(
        "mlp", copy("fc2.kernel", 9, 4), "equal rows", ("fc2.kernel",), "4 and 9", "bare"
    ),
    "all rows equal": Fault("mlp", copy("fc1.weight", ..., 0), "equal rows", ("fc1.weight",)),
    "shards of rows": Fault(
        "mlp", copy("fc1.weight", slice(64, 128), slice(0, 64)), "equal blocks", ("fc1.weight",), "2 blocks"
    ),
    "shards of 4": Fault(
        "mlp",
        change("fc1.weight", lambda a: np.tile(a[:32], (4, 1))),
        "equal blocks",
        ("fc1.weight",),
        "4 blocks",
        "bare",
    ),
    "shards of columns": Fault(
        "mlp", change("fc1.weight", lambda a: np.tile(a[:, :32], 2)), "equal blocks", ("fc1.weight",), "2 blocks"
    ),
    "shards of a vector": Fault(
        "mlp", change("fc3.bias", lambda a: np.tile(a[:128], 4)), "equal blocks", ("fc3.bias",), "4 blocks"
    ),
    "queries as keys": Fault("transformer", copy(QKV, ROWS[1], ROWS[0]), "equal blocks", (QKV,), "48:96"),
    # the law's scale
    "gain forgotten": Fault("mlp", normal("fc1.weight", LECUN), "std", ("fc1.weight",), "sqrt(2) was forgotten"),
    "gain twice": Fault("mlp", normal("fc1.weight", 2 * LECUN * 2**0.5), "std", ("fc1.weight",), "not rooted (2)"),
    "fan_out": Fault(
        "mlp", normal("fc1.weight", (2 / 128) ** 0.5), "std", ("fc1.weight",), "fan_out was used for fan_in"
    ),
    "the other layout": Fault(
        "conv net",
        uniform("keras.kernel", (6 / (9 * 40)) ** 0.5),
        "std",
        ("keras.kernel",),
        "fan_out was used for fan_in",
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
    "the fans of the packed whole": Fault("transformer", times(QKV, 2**-0.5), "std", (QKV,), "0.7"),
    "the queries alone": Fault("transformer", scaled(QKV, ROWS[0], 2.0), "std", (QKV,), "[0:48, :]"),
    # another law
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
    "rounded": Fault("mlp", rounded("fc1.weight"), "rounded", ("fc1.weight",), "bfloat16", severity="warning"),
    # between tensors
    "a layer copied": Fault(
        "transformer",
        same(
            *(
                (f"layers.2.{one}", f"layers.0.{one}")
                for one in ("attn.qkv.weight", "attn.proj.weight", "mlp.up.weight", "mlp.down.weight")
            )
        ),
        "equal parameters",
        tuple(
            f"layers.{k}.{one}"
            for one in ("attn.qkv.weight", "attn.proj.weight", "mlp.up.weight", "mlp.down.weight")
            for k in (0, 2)
        ),
    ),
    "a tensor copied, no scheme": Fault(
        "transformer",
        same(("layers.1.mlp.up.weight", "layers.0.mlp.up.weight")),
        "equal parameters",
        ("layers.0.mlp.up.weight", "layers.1.mlp.up.weight"),
        "equal bit for bit",
        "bare",
    ),
    "reseeded": Fault(
        "transformer",
        reseeded,
        "shared stream",
        ("layers.1.attn.proj.weight", "layers.1.mlp.down.weight"),
        "reseeded",
    ),
    "untied": Fault(
        "transformer",
        untied,
        "untied",
        ("embed.weight", "head.weight"),
        "not tied",
        severity="warning",
    ),
    # another model
    "missing": Fault("mlp", without("fc2.bias"), "missing", ("fc2.bias",), "80 float32"),
    "extra": Fault(
        "mlp", added("fc4.weight", (3, 4)), "extra", ("fc4.weight",), "not in the scheme", severity="warning"
    ),
    "missing, and equal to others": Fault(
        "transformer", without("layers.1.norm2.weight"), "missing", ("layers.1.norm2.weight",), "48 float32"
    ),
    "computed, and not stored": Fault(
        "transformer",
        without("layers.1.rotary.inv_freq"),
        "missing",
        ("layers.1.rotary.inv_freq",),
        "no law: a buffer that is not saved, perhaps",
        severity="note",
    ),
    "a constant that was rounded": Fault(
        "mlp", put("fc2.bias", ..., 0.010009765625), "rounded", ("fc2.bias",), "0.01 rounded", severity="warning"
    ),
    "transposed": Fault("mlp", change("fc1.weight", np.transpose), "shape", ("fc1.weight",), "another order"),
    "reshaped": Fault(
        "conv net", change("stem.weight", lambda a: a.reshape(32, -1)), "shape", ("stem.weight",), "reshaped"
    ),
    "a shard": Fault("mlp", change("fc1.weight", lambda a: a[:32]), "shape", ("fc1.weight",), "a shard of 4"),
    "wider": Fault(
        "mlp",
        change("fc1.weight", lambda a: a + np.random.default_rng(3).normal(0, 1e-12, a.shape)),
        "dtype",
        ("fc1.weight",),
        "float64",
        severity="warning",
    ),
    # without a scheme
    "a sibling's scale": Fault(
        "transformer",
        times("layers.1.mlp.up.weight", 3**0.5),
        "sibling",
        ("layers.1.mlp.up.weight",),
        "unlike layers.{0,2}",
        "bare",
        "warning",
    ),
    "a constant sibling": Fault(
        "transformer",
        put("layers.1.attn.proj.weight", ..., 0),
        "sibling",
        ("layers.1.attn.proj.weight",),
        "every weight is 0",
        "bare",
        "warning",
    ),
    "a sibling's bias": Fault(
        "transformer",
        put("layers.2.attn.qkv.bias", ..., 1),
        "sibling",
        ("layers.2.attn.qkv.bias",),
        "is 1",
        "bare",
        "warning",
    ),
    "a norm's scale": Fault(
        "transformer", put("norm.weight", ..., 0.5), "norm", ("norm.weight",), "by 0.5", "bare", "warning"
    ),
    "a random scale": Fault(
        "transformer", normal("norm.weight", 0.1, 0.2), "norm", ("norm.weight",), "random", "bare", "warning"
    ),
    "a constant matrix": Fault(
        "mlp", put("fc1.weight", ..., 0.3), "constant", ("fc1.weight",), "learns the same", "bare", "warning"
    ),
}


def findings(model: str, weights: object, mode: str) -> list[fanin.auditing.Finding]:
    scheme = MODELS[model] if mode != "bare" else None
    return list(fanin.audit(weights, scheme).findings)


SOURCES: Final[dict[str, Callable[[Arrays, Path], object]]] = {
    "memory": lambda weights, folder: weights,
    "npz": write_npz,
    "safetensors": write_safetensors,
    "shards": write_shards,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_found_and_named_alone(case: str, source: str, tmp_path: Path) -> None:
    """In memory, and in files of several formats."""
    fault = FAULTS[case]
    rng = np.random.default_rng(20)
    weights = drawn(MODELS[fault.model], rng)
    before = [str(one) for one in findings(fault.model, weights, fault.mode)]
    fault.plant(weights, rng)
    there = SOURCES[source](weights, tmp_path)
    found = [one for one in findings(fault.model, there, fault.mode) if str(one) not in before]
    assert [(one.kind, one.severity) for one in found] == [(fault.kind, fault.severity)], "\n".join(map(str, found))
    assert set(found[0].parameters) == set(fault.parameters)
    assert fault.text in str(found[0])
