"""Compute the golden vectors (`fanin/_data/golden.json`) from the text of docs/spec.md alone.

    python packages/core/tools/make_golden.py packages/core/src/fanin/_data/golden.json

It was run once, by hand, with NumPy and mpmath. Nothing here comes from the backends, and from the core only the
normal table's bytes: indices are found by coordinates and not by strides, laws by mpmath, patterns by integers. Every
case is then compared with `fanin.reference` at some elements. With `--vectors FILE` the cases of a file of vectors
from elsewhere must come out too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from golden_table import CASES  # type: ignore[import-not-found]  # it lies beside this file

from fanin import reference
from fanin.dtypes import DTYPES
from fanin.golden import GoldenCase
from fanin.stream.normal_table import normal_table_bytes

Case = dict[str, Any]
Array = np.ndarray[Any, np.dtype[Any]]

TABLE = np.frombuffer(normal_table_bytes(), dtype=[("c0", "<i4"), ("c1", "<u2"), ("c2", "<u2")])
FORMATS = {  # exponent bits, mantissa bits
    "bfloat16": (8, 7),
    "float16": (5, 10),
    "float8_e5m2": (5, 2),
    "float8_e4m3fn": (4, 3),
}


def threefry(key: tuple[int, int], c0: Array, c1: Array) -> tuple[Array, Array]:
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x0, x1 = c0 + keys[0], c1 + keys[1]
    for block, rotations in enumerate([(13, 15, 26, 6), (17, 29, 16, 24)] * 2 + [(13, 15, 26, 6)], start=1):
        for r in rotations:
            x0 = x0 + x1
            x1 = (x1 << np.uint32(r) | x1 >> np.uint32(32 - r)) ^ x0
        x0 = x0 + keys[block % 3]
        x1 = x1 + keys[(block + 1) % 3] + np.uint32(block)
    return x0, x1


def digest_words(text: str, prefix: bytes = b"fanin/1\0") -> tuple[Array, Array]:
    head = np.frombuffer(hashlib.sha256(prefix + text.encode()).digest()[:8], ">u4").astype(np.uint32)
    return head[:1], head[1:]


def stream_key(seed: int, name: str | None) -> tuple[int, int]:
    key = divmod(seed, 2**32)
    if name is None:
        return key
    x0, x1 = threefry(key, *digest_words(name))
    return int(x0[0]), int(x1[0])


def words(key: tuple[int, int], index: Array) -> Array:
    block = (index >> 1).astype(np.uint64)
    lanes = threefry(key, (block >> np.uint64(32)).astype(np.uint32), block.astype(np.uint32))
    return np.where(index & 1, lanes[1], lanes[0])


def logical_index(case: Case) -> Array:
    """The logical index of every drawn element, by its coordinates along the canonical axes."""
    shape, layout = case["shape"], case.get("layout") or "O" * len(case["shape"])
    ranges = [np.arange(*part) for part in case.get("slices", [(0, size) for size in shape])]
    grid = np.meshgrid(*ranges, indexing="ij") if shape else []
    groups = case.get("groups", 1) if case.get("transposed") else 1

    def flat(letters: str) -> tuple[Array, int]:
        order = [k for letter in letters for k in range(len(layout)) if layout[k] == letter]
        sizes = [shape[k] for k in order]
        index = np.ravel_multi_index([grid[k] for k in order], sizes) if order else np.int64(0)
        return np.asarray(index), math.prod(sizes)

    (out, outs), (into, ins), (place, places) = flat("O"), flat("I"), flat("DHW")
    group, into = np.divmod(into, max(ins // groups, 1))
    index = ((group * outs + out) * (ins // groups) + into) * places + place
    return np.broadcast_to(index, [len(part) for part in ranges])


def fans(case: Case) -> tuple[float, float]:
    sizes = dict.fromkeys("OIDHW", 1)
    for letter, size in zip(case["layout"], case["shape"], strict=True):
        if letter != "S":
            sizes[letter] *= size
    kernel, groups = sizes["D"] * sizes["H"] * sizes["W"], case.get("groups", 1)
    if case.get("transposed"):
        return sizes["I"] // groups * kernel / math.prod(case.get("stride", [1])), float(sizes["O"] * kernel)
    return float(sizes["I"] * kernel), float(sizes["O"] // groups * kernel)


def law(case: Case) -> tuple[str, float, float, float, float]:
    """Distribution, scale, mean, and the bounds of a truncation."""
    settings = dict(case["initializer"])
    kind, lower, upper = settings.pop("initializer"), settings.get("lower", -2.0), settings.get("upper", 2.0)
    mean = settings.get("mean", 0.0)
    if kind == "uniform":
        low, high = settings["low"], settings["high"]
        return kind, (high - low) / 2, (low + high) / 2, lower, upper
    if kind == "variance_scaling":
        kind, (fan_in, fan_out) = settings["distribution"], fans(case)
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo": math.sqrt(fan_in * fan_out),
        }[settings["mode"]]
        variance = settings["scale"] / fan
        std = math.sqrt(3.0 * variance) if kind == "uniform" else math.sqrt(variance)
    else:
        std = settings["std"]
    if kind == "truncated_normal":
        with mpmath.workdps(50):
            moments = [
                mpmath.quad(lambda x, n=n: x**n * mpmath.npdf(x), mpmath.linspace(max(lower, -15), min(upper, 15), 33))
                for n in range(3)
            ]
            std /= float(mpmath.sqrt(moments[2] / moments[0] - (moments[1] / moments[0]) ** 2))
    return kind, std, mean, lower, upper


def normal_points(rank: Array) -> Array:
    p = rank.astype(np.uint32).view(np.int32)
    sign = p >> np.int32(31)
    v = ((p ^ sign) | np.int32(1)).astype(np.float32).view(np.int32) - np.int32(127 << 23)
    segment = TABLE[v >> 16]
    s = (v & np.int32(0xFFFF)) - np.int32(32768)
    a = segment["c0"] - (s * segment["c1"].astype(np.int32) >> 11)
    a = a + ((s * s >> 15) * segment["c2"].astype(np.int32) >> 15)
    return np.asarray((a ^ sign) - sign)


def float32_patterns(values: Array, dtype: str) -> Array:
    """Round float32 numbers to a narrower format, ties to even, by integer arithmetic on their patterns."""
    exponent_bits, mantissa_bits = FORMATS[dtype]
    bits = values.view(np.uint32).astype(np.int64)
    sign, exponent = bits >> 31, (bits >> 23 & 0xFF) - 127
    significand = np.where(exponent == -127, 0, (bits & 0x7FFFFF) | 1 << 23)  # float32 subnormals vanish in all but one
    if dtype == "bfloat16":
        magnitude = bits & 0x7FFFFFFF
        return np.asarray(sign << 15 | (magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16, "<u2")
    bias = (1 << (exponent_bits - 1)) - 1
    dropped = np.clip(23 - mantissa_bits + np.maximum(0, 1 - bias - exponent), 0, 40)
    half = np.int64(1) << (dropped - 1)
    kept = (significand + half - 1 + (significand >> dropped & 1)) >> dropped
    field = np.maximum(exponent + bias, 1) - 1
    width = 1 + exponent_bits + mantissa_bits
    return np.asarray(sign << (width - 1) | (field << mantissa_bits) + kept, f"<u{width // 8}")


def finish(numbers: Array, factor: float, dtype: str) -> Array:
    """The patterns of RN(RN(number) * factor)."""
    if dtype == "float64":
        return (numbers.astype(np.float64) * np.float64(factor)).view("<u8")
    values = numbers.astype(np.float32) * np.float32(factor)
    return values.view("<u4") if dtype == "float32" else float32_patterns(values, dtype)


def kernel(case: Case) -> tuple[int, int, list[int]]:
    """A group's rows and columns, and the sizes of the spatial axes."""
    axes = list(zip(case["layout"], case["shape"], strict=True))
    rows, columns = (math.prod(size for letter, size in axes if letter == role) for role in "OI")
    groups = case.get("groups", 1)
    if case.get("transposed"):
        columns //= groups
    else:
        rows //= groups
    return rows, columns, [size for role in "DHW" for letter, size in axes if letter == role]


def diagonal(case: Case, index: Array) -> Array:
    """Whether an element stands on the diagonal of its group, at the centre tap."""
    rows, columns, sizes = kernel(case)
    taps, centre = math.prod(sizes), 0
    for size in sizes:
        centre = centre * size + size // 2
    row, column = index // (columns * taps) % rows, index // taps % columns
    return np.asarray((row == column) & (index % taps == centre))


def zeroed(case: Case, name: str | None, index: Array) -> Array:
    """Whether an element is one of the zeros of its column."""
    rows, columns, _ = kernel(case)
    x0, x1 = threefry(stream_key(case["seed"], name), *digest_words("mask", b"fanin/1/stream\0"))
    group, row, column = index // (rows * columns), index // columns % rows, index % columns
    mask = words((int(x0[0]), int(x1[0])), np.arange((int(group.max()) + 1) * rows * columns))
    order = np.argsort(mask.reshape(-1, rows, columns), axis=1, kind="stable")  # of equal words the lower row is first
    place = np.argsort(order, axis=1)
    return np.asarray(place[group, row, column] < math.ceil(case["initializer"]["sparsity"] * rows))


def stream(case: Case, name: str | None, index: Array) -> Array:
    dtype = case.get("dtype", "float32")
    settings = case["initializer"]
    if settings["initializer"] == "constant":
        return finish(np.full(index.shape, np.float64(settings["value"])), 1.0, dtype)
    if settings["initializer"] in ("identity", "dirac"):
        return finish(np.where(diagonal(case, index), np.float64(settings["gain"]), 0.0), 1.0, dtype)
    if settings["initializer"] == "sparse":
        values = stream({**case, "initializer": {"initializer": "normal", "std": settings["std"]}}, name, index)
        return np.where(zeroed(case, name, index), values.dtype.type(0), values)
    kind, scale, mean, lower, upper = law(case)
    word = words(stream_key(case["seed"], name), index)
    bits, bound = (24, 2**24) if kind == "uniform" else (28, 7 * 2**28)
    if kind == "uniform":
        points = 2**24 - 1 - 2 * (word >> np.uint32(8)).astype(np.int64)
    elif kind == "normal":
        points = normal_points(word)
    else:
        with mpmath.workdps(50):
            first, last = (int(mpmath.nint(mpmath.ncdf(-mpmath.mpf(x)) * 2**32)) for x in (upper, lower))
        points = normal_points(first + (word.astype(np.uint64) * np.uint64(last - first) >> np.uint64(32)))
        if last - first < 2**32:
            low, high = math.ceil(Fraction(lower) * 2**28), math.floor(Fraction(upper) * 2**28)
            points = np.clip(points.astype(np.int64), low, high)
    shift, m = 0, 0
    if mean != 0.0:
        ratio = Fraction(mean) / Fraction(scale)
        limit = 2**52 if dtype == "float64" else 2**31
        while (m := round(ratio * Fraction(2) ** (bits - shift))) and abs(m) + math.ceil(bound / 2**shift) >= limit:
            shift += 1
    rounded = scale if dtype == "float64" else float(np.float32(scale))
    return finish((points.astype(np.int64) >> shift) + m, math.ldexp(rounded, shift - bits), dtype)


def patterns(case: Case) -> Array:
    """The bit patterns of the drawn array."""
    index = logical_index(case)
    layout = case.get("layout") or ""
    if "S" not in layout:
        return stream(case, case.get("name"), index)
    axis = layout.index("S")
    start, stop = case.get("slices", [(0, size) for size in case["shape"]])[axis]
    parts = [stream(case, text, index.take(k, axis)) for k, text in enumerate(case["name"][start:stop])]
    return np.stack(parts, axis)


def record(title: str, case: Case) -> Case:
    array = patterns(case)
    digits = 2 * array.dtype.itemsize
    return {
        "title": title,
        **case,
        "first_bits": [f"{int(pattern):0{digits}x}" for pattern in array.flat[:8]],
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def check_reference(entry: Case, array: Array) -> None:
    """Compare some elements, spread over the array, with the scalar reference."""
    plan = GoldenCase.from_dict(entry).plan()
    assert plan.shape == array.shape, (entry["title"], plan.shape, array.shape)
    for k in {k * 7919 % array.size for k in range(40)} if array.size else ():
        position = tuple(int(p) for p in np.unravel_index(k, array.shape))
        value = reference.value(plan, position)
        assert DTYPES[plan.dtype].encode(value) == int(array[position]), (entry["title"], position)


def check_vectors(path: Path) -> int:
    """Compare with vectors of the form of this project's first file of them."""
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    for case in cases:
        given = dict(case["law"])
        kind = given.pop("distribution")
        if "scale" in given:
            given = {"initializer": "variance_scaling", "distribution": kind, **given}
        else:
            names = {"lo": "lower", "hi": "upper"}
            given = {"initializer": kind, **{names.get(key, key): value for key, value in given.items()}}
        array = patterns({**case, "initializer": given})
        assert hashlib.sha256(array.tobytes()).hexdigest() == case["sha256"], case
        head = [f"{int(pattern):0{2 * array.dtype.itemsize}x}" for pattern in array.flat[:6]]
        assert head == case["first_bits_hex"], case
    return len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="where to write the vectors")
    parser.add_argument("--vectors", type=Path, help="a file of vectors from elsewhere to check first")
    arguments = parser.parse_args()
    np.seterr(over="ignore")
    if arguments.vectors:
        print(f"{check_vectors(arguments.vectors)} cases of {arguments.vectors.name} agree")
    entries = []
    for title, unseeded in CASES.items():
        case = {"seed": 0, **unseeded}
        entry = record(title, case)
        check_reference(entry, patterns(case))
        entries.append(entry)
    lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    arguments.path.write_text(f'{{"spec": 1, "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(entries)} cases")


if __name__ == "__main__":
    main()
