"""Weights in files of several formats."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Final

import numpy as np

from .models import Arrays

__all__ = ["write_npz", "write_safetensors", "write_shards"]

_KINDS: Final = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64"}


def write_npz(weights: Arrays, folder: Path) -> Path:
    path = folder / "model.npz"
    np.savez(path, **weights)  # type: ignore[arg-type]
    return path


def write_safetensors(weights: Arrays, folder: Path, name: str = "model.safetensors") -> Path:
    """Write a file from the format's description: a header of JSON, and the bytes of each tensor."""
    header: dict[str, object] = {}
    content = b""
    for key, array in weights.items():
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        ends = [len(content), len(content) + len(data)]
        header[key] = {"dtype": _KINDS[array.dtype.name], "shape": list(array.shape), "data_offsets": ends}
        content += data
    text = json.dumps(header).encode()
    path = folder / name
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def write_shards(weights: Arrays, folder: Path) -> Path:
    """Write two files and their index."""
    names = list(weights)
    half = len(names) // 2
    files: dict[str, str] = {}
    for k, part in enumerate((names[:half], names[half:]), 1):
        file = f"model-{k}-of-2.safetensors"
        write_safetensors({name: weights[name] for name in part}, folder, file)
        files |= dict.fromkeys(part, file)
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": files}), encoding="utf-8")
    return path
