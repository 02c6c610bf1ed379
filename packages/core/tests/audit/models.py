"""Small models as schemes, and their weights drawn by NumPy's generator: fanin draws none of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import fanin
from fanin import Parameter, Scheme
from fanin.initializers import Constant, Normal, Orthogonal, TruncatedNormal, Uniform
from fanin.models import Part

__all__ = ["MODELS", "SCHEMES", "Arrays", "conv_net", "drawn", "layouts", "mlp", "recorded", "stacks", "transformer"]

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

LAYERS, WIDTH, VOCABULARY = 3, 48, 160
TABLE = 1.0 / 10_000 ** (np.arange(0, 24, 2) / 24)


def mlp() -> Scheme:
    """Dense layers of several laws, in both orders of the axes."""
    return Scheme(
        {
            "fc1.weight": Parameter((128, 64), "float32", fanin.he_normal(), layout="OI"),
            "fc1.bias": Parameter((128,), "float32", fanin.zeros()),
            "fc2.kernel": Parameter((128, 80), "float32", fanin.glorot_uniform(), layout="IO"),
            "fc2.bias": Parameter((80,), "float32", fanin.constant(0.01)),
            "fc3.weight": Parameter((72, 80), "float32", fanin.lecun_truncated_normal(), layout="OI"),
            "fc3.bias": Parameter((512,), "float32", fanin.uniform(-0.1, 0.1)),
            "half.weight": Parameter((64, 96), "float16", fanin.normal(std=0.02)),
        }
    )


def conv_net() -> Scheme:
    """Kernels in several layouts, groups, norms, and buffers of whole numbers."""
    return Scheme(
        {
            "stem.weight": Parameter(
                (32, 16, 3, 3), "float32", fanin.variance_scaling(2.0, "fan_out", "normal"), "OIHW"
            ),
            "stem.bn.weight": Parameter((32,), "float32", fanin.ones()),
            "stem.bn.bias": Parameter((32,), "float32", fanin.zeros()),
            "stem.bn.running_var": Parameter((32,), "float32", fanin.ones()),
            "stem.bn.num_batches_tracked": Parameter((), "int64", fanin.zeros()),
            "keras.kernel": Parameter((3, 3, 24, 40), "float32", fanin.he_uniform(), "HWIO"),
            "group.weight": Parameter((64, 16, 3, 3), "float32", fanin.he_normal(), "OIHW", groups=4),
            "block.bn.weight": Parameter((64,), "float32", fanin.zeros()),
            "up.weight": Parameter(
                (40, 24, 4, 4), "float32", fanin.glorot_normal(), "IOHW", transposed=True, stride=(2, 2)
            ),
            "mixer.weight": Parameter((64, 32), "float32", fanin.orthogonal(), "OI"),
            "fc.weight": Parameter((50, 64), "float32", fanin.truncated_normal(std=0.02), "OI"),
        }
    )


def transformer() -> Scheme:
    """Packed projections, a padding row, tied weights, tables, and layers that differ by their numbers."""
    small = fanin.normal(std=0.02)
    padding = Part(((0, 1), (0, WIDTH)), Parameter((1, WIDTH), "float32", fanin.zeros()))
    third = Parameter((WIDTH, WIDTH), "float32", fanin.glorot_uniform(), layout="OI")
    packed = tuple(Part(((k * WIDTH, (k + 1) * WIDTH), (0, WIDTH)), third) for k in range(3))
    table = Parameter((12,), "float32", note="computed: 1 / 10000^(2i/d)")
    found: dict[str, Parameter] = {
        "embed.weight": Parameter((VOCABULARY, WIDTH), "float32", small, parts=(padding,)),
        "position.weight": Parameter((64, WIDTH), "float32", fanin.truncated_normal(std=0.02)),
    }
    for k in range(LAYERS):
        layer = f"layers.{k}"
        found |= {
            f"{layer}.norm1.weight": Parameter((WIDTH,), "float32", fanin.ones()),
            f"{layer}.attn.qkv.weight": Parameter((3 * WIDTH, WIDTH), "float32", parts=packed),
            f"{layer}.attn.qkv.bias": Parameter((3 * WIDTH,), "float32", fanin.zeros()),
            f"{layer}.attn.proj.weight": Parameter((WIDTH, WIDTH), "float32", fanin.normal(std=0.02 / 6**0.5)),
            f"{layer}.norm2.weight": Parameter((WIDTH,), "float32", fanin.ones()),
            f"{layer}.mlp.up.weight": Parameter((4 * WIDTH, WIDTH), "float32", fanin.lecun_uniform(), layout="OI"),
            f"{layer}.mlp.down.weight": Parameter((WIDTH, 4 * WIDTH), "float32", small),
            f"{layer}.rotary.inv_freq": table,
        }
    found["norm.weight"] = Parameter((WIDTH,), "float32", fanin.ones())
    found["head.weight"] = found["embed.weight"].with_streams_of("embed.weight")
    return Scheme(found)


def recorded() -> Scheme:
    """Laws in numbers, as a recording of a model's own code has them."""
    found = {
        "conv.weight": Parameter((64, 48, 3), "float32", fanin.normal(std=(2 / (3 * 48)) ** 0.5), "OIW"),
        "head.weight": Parameter((120, 80), "float32", fanin.uniform(-0.1201, 0.1201), "OI"),
    }
    found["plain.weight"] = Parameter((140, 60), "float32", fanin.normal(std=(2 / 60) ** 0.5))
    found["gained.weight"] = Parameter((140, 60), "float32", fanin.normal(std=0.712 * (1 / 60) ** 0.5), "OI")
    for k in range(LAYERS):
        bound = (6 / (320 + 80)) ** 0.5
        found[f"layers.{k}.up.weight"] = Parameter((320, 80), "float32", fanin.uniform(-bound, bound), "OI")
        found[f"layers.{k}.down.weight"] = Parameter((80, 320), "float32", fanin.normal(std=(2 / 320) ** 0.5), "OI")
    return Scheme(found)


def layouts() -> Scheme:
    """Kernels of convolutions, stacks, heads and packed gates, with inputs and outputs at any axis."""
    law = fanin.normal(std=0.1)
    gate = Parameter((48, 64), "float32", law, "IO")
    gates = tuple(Part(((0, 48), (64 * k, 64 * k + 64)), gate) for k in range(3))
    zeros = Part(((0, 40), (0, 4)), Parameter((40, 4), "float32", fanin.zeros()))
    return Scheme(
        {
            "conv.kernel": Parameter((3, 3, 24, 80), "float32", fanin.he_normal(), "HWIO"),
            "grouped.kernel": Parameter((3, 3, 8, 40), "float32", law, "HWIO", groups=2),
            "grouped.wide": Parameter((8, 4, 8, 8), "float32", law, "OIHW", groups=2),
            "grouped.up.weight": Parameter((40, 16, 2, 2), "float32", law, "IOHW", groups=4, transposed=True),
            "experts.weight": Parameter((3, 24, 80), "float32", law, "SOI"),
            "scan.kernel": Parameter((3, 24, 80), "float32", law, "SIO"),
            "query.kernel": Parameter((24, 4, 16), "float32", law, "IOO"),
            "heads.weight": Parameter((4, 16, 72), "float32", law, "OOI"),
            "merge.kernel": Parameter((4, 16, 72), "float32", law, "IIO"),
            "heads.bias": Parameter((8, 32), "float32", law, "OO"),
            "packed.kernel": Parameter((48, 192), "float32", parts=gates),
            "padded.kernel": Parameter((40, 30), "float32", law, "IO", parts=(zeros,)),
        }
    )


def stacks() -> Scheme:
    """Layers that are scanned over, and experts: eight matrices in one tensor, each of a stream of its own."""
    found = {}
    for name, (shape, layout) in {
        "scan.kernel": ((8, 48, 64), "SIO"),
        "experts.weight": ((8, 40, 32), "SOI"),
        "last.kernel": ((24, 40, 8), "IOS"),
        "scan.bias": ((8, 64), "SO"),
    }.items():
        law = fanin.zeros() if name.endswith("bias") else fanin.he_normal()
        streams = tuple(f"{name}.{k}" for k in range(8)) if law.is_random else None
        found[name] = Parameter(shape, "float32", law, layout, stream=streams)
    return Scheme(found)


MODELS = {"mlp": mlp(), "conv net": conv_net(), "transformer": transformer()}
SCHEMES = {**MODELS, "recorded": recorded(), "layouts": layouts(), "stacks": stacks()}


def drawn(scheme: Mapping[str, Parameter], rng: np.random.Generator) -> Arrays:
    """Return weights of a scheme, one draw for each stream that it names."""
    weights: Arrays = {}
    streams: dict[object, npt.NDArray[Any]] = {}
    for name, parameter in scheme.items():
        key = parameter.with_streams_of(name)
        if parameter.note is not None:
            weights[name] = TABLE.astype(parameter.dtype)
        elif key in streams:
            weights[name] = streams[key].copy()
        else:
            weights[name] = streams[key] = _array(parameter, rng)
    return weights


def _array(parameter: Parameter, rng: np.random.Generator) -> npt.NDArray[Any]:
    array = np.zeros(parameter.shape)
    if parameter.initializer is not None:
        array = _values(parameter, rng)
    for part in parameter.parts:
        array[tuple(slice(*ends) for ends in part.region)] = _array(part.parameter, rng)
    return array.astype(parameter.dtype)


def _values(parameter: Parameter, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    initializer = parameter.initializer
    assert initializer is not None
    law = initializer.law(initializer.fans(parameter.geometry) if initializer.needs_fans else None)
    match law:
        case Constant(value):
            return np.full(parameter.shape, value)
        case Normal(mean, std):
            return rng.normal(mean, std, parameter.shape)
        case Uniform(low, high):
            return rng.uniform(low, high, parameter.shape)
        case TruncatedNormal():
            return truncated(rng, parameter.shape, law.std)
        case Orthogonal(gain):
            rows = parameter.shape[0]
            square = np.linalg.qr(rng.normal(size=(max(parameter.shape), max(parameter.shape))))[0]
            return gain * square[:rows, : parameter.size // rows].reshape(parameter.shape)
    raise AssertionError(law)


def truncated(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> npt.NDArray[np.float64]:
    """Return a normal that is truncated at two, with a standard deviation."""
    many = rng.normal(size=2 * math.prod(shape) + 1000)
    return many[np.abs(many) < 2][: math.prod(shape)].reshape(shape) * std / 0.8796256610342398
