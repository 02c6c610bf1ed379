"""Files of weights, written byte by byte from their formats' descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["safetensors_bytes", "write_safetensors"]


def safetensors_bytes(tensors: dict[str, tuple[str, list[int], bytes]], **changes: Any) -> bytes:
    """Return a file of safetensors: its header's length, the header, and the tensors one behind the other.

    Args:
        tensors: Name to dtype, shape and bytes.
        changes: Records of the header to put in place of the right ones.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    header.update(changes)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> Path:
    """Write such a file, and return its path."""
    path.write_bytes(safetensors_bytes(tensors))
    return path
