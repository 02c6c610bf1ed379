"""The wheels of fanin-kernels for every platform: they hold what their tags say, and ask for nothing else.

`FANIN_KERNELS_WHEELS` names their folder; the nox session `kernels_wheels` builds them and sets it.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.skipif("FANIN_KERNELS_WHEELS" not in os.environ, reason="no wheels were built")

FUNCTIONS = ("given", "grid", "jax", "pairs", "rows", "run", "scan")
X86, ARM = ("avx2", "avx512", "scalar"), ("neon", "scalar")


class Kind(NamedTuple):
    """A platform's file of the library: its name, where its header names the processor and how, and its kernels."""

    library: str
    magic: bytes
    processor: int
    paths: tuple[str, ...]


PLATFORMS = {
    "manylinux_2_17_x86_64.musllinux_1_1_x86_64": Kind("libfanin_kernels.so", b"\x7fELF", 62, X86),
    "manylinux_2_17_aarch64.musllinux_1_1_aarch64": Kind("libfanin_kernels.so", b"\x7fELF", 183, ARM),
    "macosx_11_0_x86_64": Kind("libfanin_kernels.dylib", b"\xcf\xfa\xed\xfe", 0x01000007, X86),
    "macosx_11_0_arm64": Kind("libfanin_kernels.dylib", b"\xcf\xfa\xed\xfe", 0x0100000C, ARM),
    "win_amd64": Kind("fanin_kernels.dll", b"MZ", 0x8664, X86),
    "win_arm64": Kind("fanin_kernels.dll", b"MZ", 0xAA64, ARM),
}


def wheels() -> list[Path]:
    return sorted(Path(os.environ["FANIN_KERNELS_WHEELS"]).glob("fanin_kernels-*.whl"))


def processor_of(data: bytes) -> int:
    """Return the number that the header of an ELF, Mach-O or PE file has for its processor."""
    if data.startswith(b"\x7fELF"):
        (number,) = struct.unpack_from("<H", data, 18)
    elif data.startswith(b"MZ"):
        (start,) = struct.unpack_from("<I", data, 60)
        (number,) = struct.unpack_from("<H", data, start + 4)
    else:
        (number,) = struct.unpack_from("<I", data, 4)
    return int(number)


def test_one_wheel_a_platform() -> None:
    assert [path.name.split("-none-")[1].removesuffix(".whl") for path in wheels()] == sorted(PLATFORMS)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_a_wheel_holds(platform: str) -> None:
    (path,) = (path for path in wheels() if path.name.endswith(f"-py3-none-{platform}.whl"))
    kind, archive = PLATFORMS[platform], zipfile.ZipFile(path)
    assert f"fanin_kernels/{kind.library}" in archive.namelist()
    text = archive.read(next(name for name in archive.namelist() if name.endswith("/WHEEL"))).decode()
    assert re.findall(r"^Tag: (.+)$", text, re.MULTILINE) == [f"py3-none-{tag}" for tag in platform.split(".")]
    data = archive.read(f"fanin_kernels/{kind.library}")
    assert data.startswith(kind.magic)
    assert processor_of(data) == kind.processor
    found = set(re.findall(rb"fanin_[a-z]+_[a-z0-9]+(?=\0)", data)) - {b"fanin_kernels"}
    assert found >= {f"fanin_{name}_{path}".encode() for name in FUNCTIONS for path in kind.paths}
    assert not re.search(rb"\0_?Py[A-Z_]|libpython|GLIBC_", data), "no Python, no C library"
    assert tempfile.gettempdir().encode() not in data, "where it was built"
    others = set(re.findall(rb"[\w-]+\.dll", data.lower())) - {b"fanin_kernels.dll"}
    assert others == ({b"kernel32.dll"} if kind.library.endswith(".dll") else set()), "only the system itself"
