"""The normal table's bytes."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import struct
from pathlib import Path
from types import ModuleType

from fanin.stream.normal_table import NORMAL_TABLE_SHA256, SEGMENTS, normal_segments, normal_table_bytes

TOOL = Path(__file__).parents[2] / "tools" / "make_normal_table.py"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_makes_the_stored_table() -> None:
    """Every byte is computed again with mpmath; this takes some seconds."""
    made: bytes = load(TOOL).table_bytes()
    stored = normal_table_bytes()
    assert len(made) == len(stored) == 31_752
    assert [k // 8 for k in range(0, len(stored), 8) if made[k : k + 8] != stored[k : k + 8]] == []


def test_digest() -> None:
    assert hashlib.sha256(normal_table_bytes()).hexdigest() == NORMAL_TABLE_SHA256
    assert NORMAL_TABLE_SHA256 == "51bcbf9e1f93af998adc07e0333a863df38d359653a6b215d0c835b7d6ff307c"


def test_records() -> None:
    segments = normal_segments()
    assert len(segments) == SEGMENTS == 3969
    for k in (0, 1, 1984, 3967, 3968):
        c0, packed = struct.unpack_from("<iI", normal_table_bytes(), 8 * k)
        assert segments[k] == (c0, packed & 0xFFFF, packed >> 16)
    assert segments[-1] == (0, 0, 0)
    assert all(segment[0] > after[0] for segment, after in itertools.pairwise(segments))


def test_no_product_leaves_int32() -> None:
    assert max(abs(c0) for c0, _, _ in normal_segments()) < 2**31
    assert max(32768 * c1 for _, c1, _ in normal_segments()) < 2**31
    assert max((32768**2 >> 15) * c2 for _, _, c2 in normal_segments()) < 2**31
