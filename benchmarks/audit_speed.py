"""How fast an audit reads: `python benchmarks/audit_speed.py [--billions 7] [--tensors 0] [--folder DIR]`.

Writes a checkpoint of a Llama-like model in bfloat16, shards of safetensors with an index, and removes it afterwards.
Audits it with `fanin audit` in a process of its own, beside `cat FILES > /dev/null`; the two alternate, and before each
the files are dropped from the system's cache. With --tensors it writes so many small tensors into one file instead.
Linux alone tells the peak memory in these units.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import machine
from rich.progress import track

SHARD = 2 << 30
"""Bytes of a shard, at most, unless a tensor is larger."""

PROGRAM = """
import resource, sys, time
import fanin
started, used = time.perf_counter(), time.process_time()
report = fanin.audit(sys.argv[1])
print(time.perf_counter() - started, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(report.summary)
"""


def shapes(billions: float) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a decoder of so many parameters: width 4096, as many layers as it takes."""
    width, hidden, vocabulary = 4096, 11008, 32000
    layer = {
        **{f"self_attn.{k}_proj.weight": (width, width) for k in "qkvo"},
        "mlp.gate_proj.weight": (hidden, width),
        "mlp.up_proj.weight": (hidden, width),
        "mlp.down_proj.weight": (width, hidden),
        "input_layernorm.weight": (width,),
        "post_attention_layernorm.weight": (width,),
    }
    size = sum(map(math.prod, layer.values()))
    layers = max(1, round((billions * 1e9 - 2 * vocabulary * width) / size))
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocabulary, width)}
    found |= {f"model.layers.{k}.{name}": shape for k in range(layers) for name, shape in layer.items()}
    return found | {"model.norm.weight": (width,), "lm_head.weight": (vocabulary, width)}


class Weights:
    """Random bfloat16 numbers, quickly: normal magnitudes, each block with signs of its own."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        numbers = self.rng.normal(0, 0.02, 1 << 24).astype(np.float32).view(np.uint32)
        self.base = ((numbers + 0x8000) >> 16).astype(np.uint16)

    def of(self, shape: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint16]]:
        """Yield the bits of a tensor, block by block; of a vector ones."""
        size = math.prod(shape)
        if len(shape) == 1:
            yield np.full(size, 0x3F80, np.uint16)
            return
        for start in range(0, size, self.base.size):
            count = min(self.base.size, size - start)
            signs = np.frombuffer(self.rng.bytes(2 * count), np.uint16) & 0x8000
            yield (self.base[:count] ^ signs).astype(np.uint16)


def write(folder: Path, tensors: dict[str, tuple[int, ...]], shard: int = SHARD) -> Path:
    """Write a checkpoint, and return its index."""
    weights = Weights()
    files: list[list[str]] = [[]]
    size = 0
    for name, shape in tensors.items():
        size += 2 * math.prod(shape)
        if size > shard and files[-1]:
            files.append([])
            size = 2 * math.prod(shape)
        files[-1].append(name)
    index: dict[str, str] = {}
    for k, names in enumerate(track(files, "writing", transient=True), 1):
        file = f"model-{k:05}-of-{len(files):05}.safetensors"
        header, end = {}, 0
        for name in names:
            begin, end = end, end + 2 * math.prod(tensors[name])
            header[name] = {"dtype": "BF16", "shape": list(tensors[name]), "data_offsets": [begin, end]}
            index[name] = file
        text = json.dumps(header).encode()
        with (folder / file).open("wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for name in names:
                for block in weights.of(tensors[name]):
                    block.tofile(out)
            out.flush()
            os.fsync(out.fileno())
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": index}), encoding="utf-8")
    return path


def forget(files: list[Path]) -> None:
    """Drop files from the system's cache."""
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Run."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--billions", type=float, default=7.0)
    arguments.add_argument("--tensors", type=int, default=0, help="write so many tensors of 8 x 16 instead")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--folder", type=Path, help="where there is room for the checkpoint")
    chosen = arguments.parse_args()
    tensors = shapes(chosen.billions)
    if chosen.tensors:
        tensors = {f"layers.{k}.weight": (8, 16) for k in range(chosen.tensors)}
    count = sum(map(math.prod, tensors.values()))
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < 3 * count:
            sys.exit(f"{2 * count / 1e9:.1f} GB are written, and {folder} has too little room.")
        index = write(folder, tensors)
        files = sorted(folder.glob("*.safetensors"))
        size = sum(path.stat().st_size for path in files)
        print(f"{machine()}\n{count / 1e9:.2f} billion weights in {len(tensors):,} tensors, {size / 1e9:.2f} GB")
        for _ in range(chosen.repeats):
            forget(files)
            started = time.perf_counter()
            subprocess.run(["cat", *map(str, files)], check=True, stdout=subprocess.DEVNULL)
            plain = time.perf_counter() - started
            forget(files)
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(index)], check=True, stdout=subprocess.PIPE, text=True
            ).stdout.splitlines()
            wall, used, peak = map(float, done[0].split())
            print(
                f"cat {plain:.1f} s ({size / plain / 1e9:.2f} GB/s), "
                f"audit {wall:.1f} s ({size / wall / 1e9:.2f} GB/s), "
                f"{used:.1f} s of processors, at most {peak / 1024:.0f} MiB"
            )
        print(done[1])


if __name__ == "__main__":
    main()
