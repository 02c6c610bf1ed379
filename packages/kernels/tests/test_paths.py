"""The choice of the instruction set, and what is said where there is no library."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from fanin.exceptions import FaninValueError
from fanin_kernels import PATHS, _file, chosen_path, supported_paths


def test_the_paths_of_this_processor() -> None:
    found = supported_paths()
    assert found[-1] == "scalar"
    assert ("neon" in found) == (platform.machine().lower() in ("aarch64", "arm64"))
    assert list(found) == [path for path in PATHS if path in found], "the fastest first"
    if sys.platform.startswith("linux") and platform.machine() == "x86_64":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        flags = next(line for line in lines if line.startswith("flags")).split()
        assert ("avx2" in found) == ({"avx2", "f16c"} <= set(flags))
        assert ("avx512" in found) == ({"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags))


def test_the_fastest_is_chosen_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FANIN_KERNEL", raising=False)
    assert chosen_path() == supported_paths()[0]
    for path in supported_paths():
        monkeypatch.setenv("FANIN_KERNEL", path)
        assert chosen_path() == path


@pytest.mark.parametrize("name", ["sse9", "", "AVX2", *(path for path in PATHS if path not in supported_paths())])
def test_a_path_that_cannot_run_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("FANIN_KERNEL", name)
    wrong = "this processor has no kernels of that name" if name in PATHS else "unknown kernels"
    with pytest.raises(FaninValueError, match=rf"FANIN_KERNEL .*{wrong}. Received: '{name}'. Accepted here: .*scalar"):
        chosen_path()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_library_that_cannot_be_loaded(is_there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (name,) = (path.name for path in Path(_file.__file__).parent.glob("*fanin_kernels.*"))
    if is_there:
        (tmp_path / name).write_text("no library", encoding="utf-8")
    monkeypatch.setattr(_file, "__file__", str(tmp_path / "_file.py"))
    what = f"cannot load {name}: .+" if is_there else "was built without its library"
    with pytest.raises(
        ImportError, match=rf"^fanin-kernels {what}\. Install a C compiler, then run: pip .* fanin-kernels"
    ):
        _file.load.__wrapped__()
