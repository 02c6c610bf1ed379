"""The choice of the C compiler, and what is said where it is none or refuses the sources."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[1] / "build_library.py"

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no cc")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, as a module that remembers no compiler, without Zig's."""
    spec = importlib.util.spec_from_file_location("build_library", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("FANIN_KERNELS_CC", raising=False)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    return module


def program(folder: Path, name: str, text: str) -> Path:
    """Write a program for the shell, and return its path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@on_unix
@pytest.mark.parametrize("what", ["echo stdlib.h: No such file >&2; exit 1", "exec /nowhere/cc1", None])
def test_a_compiler_that_does_not_work_is_none(
    library: ModuleType, what: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if what is not None:
        program(tmp_path, "cc", what)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not library.has_own_compiler()
    with pytest.raises(RuntimeError, match="no C compiler: install one, name it in FANIN_KERNELS_CC, or run"):
        library.build(tmp_path / "made.so", library.local_target())
    assert not (tmp_path / "made.so").exists()


@on_unix
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_compiler_that_works(library: ModuleType, tmp_path: Path) -> None:
    assert library.has_own_compiler()
    library.build(tmp_path / "new" / "made.so", library.local_target())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["made.so"]


@on_unix
def test_what_a_named_compiler_says_is_told(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is used although it fails, for it was asked for; an older library stays."""
    path = program(tmp_path, "own cc", "echo this compiler is out of order >&2; exit 1")
    monkeypatch.setenv("FANIN_KERNELS_CC", f"'{path}' -v")
    (tmp_path / "made.so").write_bytes(b"older")
    with pytest.raises(RuntimeError, match=r"own cc' -v [^\n]*\nthis compiler is out of order"):
        library.build(tmp_path / "made.so", library.local_target())
    assert (tmp_path / "made.so").read_bytes() == b"older"


def test_targets(library: ModuleType) -> None:
    assert library.target_named("macos-arm64").library == "libfanin_kernels.dylib"
    assert library.target_named("s390x-linux-gnu")[1:] == ("s390x", "libfanin_kernels.so", "linux_s390x")
    with pytest.raises(ValueError, match=r"must be one of linux-x86_64, .*Received: 'amiga'"):
        library.target_named("amiga")
