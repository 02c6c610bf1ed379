"""Compile the C sources into one shared library: `python build_library.py`, into the package's own folder.

The compiler is that of `FANIN_KERNELS_CC`, or this machine's `cc`, or Zig's C compiler from the package `ziglang`,
which also compiles for other machines. The library needs no header of Python and no part of its ABI.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["TARGETS", "Target", "build", "compiler", "has_own_compiler", "local_target", "target_named"]

HERE: Final = Path(__file__).resolve().parent
SOURCES: Final = HERE / "c"

CC: Final = "FANIN_KERNELS_CC"

_FLAGS: Final = (
    "-std=gnu11",
    "-O3",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-g0",
    "-Wall",
)

_X86: Final[dict[str, tuple[str, ...]]] = {
    "avx2": ("-mavx2", "-mf16c"),
    "avx512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mf16c"),
}
_PATHS: Final[dict[str, dict[str, tuple[str, ...]]]] = {"x86_64": _X86, "aarch64": {"neon": ()}}
"""The instruction sets of each kind of processor, beside `scalar`, and the flags of their files."""


class Target(NamedTuple):
    """A kind of machine.

    Attributes:
        triple: Zig's name for it, or None for the machine that compiles.
        processor: "x86_64", "aarch64", or another, which gets the scalar kernels only.
        library: The file's name there.
        tag: The platform tag of a wheel.
    """

    triple: str | None
    processor: str
    library: str
    tag: str


def _any_linux(processor: str) -> str:
    """Return the tag of a library that uses no C library, and so neither glibc nor musl."""
    return f"manylinux_2_17_{processor}.musllinux_1_1_{processor}"


TARGETS: Final = {
    "linux-x86_64": Target("x86_64-linux-gnu.2.17", "x86_64", "libfanin_kernels.so", _any_linux("x86_64")),
    "linux-aarch64": Target("aarch64-linux-gnu.2.17", "aarch64", "libfanin_kernels.so", _any_linux("aarch64")),
    "macos-x86_64": Target("x86_64-macos.11.0", "x86_64", "libfanin_kernels.dylib", "macosx_11_0_x86_64"),
    "macos-arm64": Target("aarch64-macos.11.0", "aarch64", "libfanin_kernels.dylib", "macosx_11_0_arm64"),
    "windows-x86_64": Target("x86_64-windows-gnu", "x86_64", "fanin_kernels.dll", "win_amd64"),
    "windows-arm64": Target("aarch64-windows-gnu", "aarch64", "fanin_kernels.dll", "win_arm64"),
}
"""The machines for which wheels are published."""


def target_named(name: str) -> Target:
    """Return one of `TARGETS`, or the machine with one of Zig's names for a Linux, such as "s390x-linux-gnu".

    Raises:
        ValueError: It is neither.
    """
    if name in TARGETS:
        return TARGETS[name]
    if "-linux-" not in name:
        raise ValueError(
            f"the target must be one of {', '.join(TARGETS)}, or Zig's name for a Linux, such as s390x-linux-gnu. "
            f"Received: {name!r}."
        )
    processor = name.partition("-")[0]
    return Target(name, processor, "libfanin_kernels.so", f"linux_{processor}")


def local_target() -> Target:
    """Return the machine that this program runs on."""
    processor = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    library = {"win32": "fanin_kernels.dll", "darwin": "libfanin_kernels.dylib"}.get(
        sys.platform, "libfanin_kernels.so"
    )
    return Target(None, processor, library, sysconfig.get_platform().replace("-", "_").replace(".", "_"))


def has_own_compiler() -> bool:
    """Return whether this machine has a C compiler of its own: the one that was named, or a `cc` that works."""
    return CC in os.environ or (sys.platform != "win32" and shutil.which("cc") is not None and _works("cc"))


@lru_cache(maxsize=1)
def _works(cc: str) -> bool:
    """Return whether a compiler makes a library: many a `cc` comes without C's headers, or without a linker."""
    with tempfile.TemporaryDirectory() as folder:
        sources = [str(SOURCES / f"{name}.c") for name in ("path_scalar", "pages", "table")]
        try:
            _run([cc, "-std=gnu11", "-fPIC", "-shared", *sources, "-o", str(Path(folder) / "tried")], dict(os.environ))
        except (RuntimeError, OSError):
            return False
    return True


def compiler(target: Target) -> list[str]:
    """Return the command of the C compiler for a machine.

    Raises:
        RuntimeError: There is none.
    """
    if target.triple is None and has_own_compiler():
        return shlex.split(os.environ.get(CC, "cc"))
    if importlib.util.find_spec("ziglang") is None:
        raise RuntimeError("no C compiler: install one, name it in FANIN_KERNELS_CC, or run: pip install ziglang")
    return [sys.executable, "-m", "ziglang", "cc", *(["-target", target.triple] if target.triple else [])]


def build(library: Path, target: Target, extra: Sequence[str] = ()) -> None:
    """Compile the library for a machine.

    Zig links it without a C library, whose few functions that a compiler calls by itself it brings along. So it runs
    with every C library of a system, and loads in a moment.

    Args:
        library: The file to write.
        target: The machine.
        extra: Further flags of the compiler, such as those of a sanitizer.

    Raises:
        RuntimeError: There is no C compiler, or it refuses the sources.
    """
    cc = compiler(target)
    freestanding = "ziglang" in cc and not extra
    command = [*cc, *_FLAGS, *extra] + ["-DFREESTANDING"] * freestanding
    if not target.library.endswith(".dll"):
        command.append("-fPIC")
    with tempfile.TemporaryDirectory() as folder:
        environment = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder, **os.environ}
        vectors = _PATHS.get(target.processor, {}).items()
        objects: list[str] = []
        plain = [(name, ()) for name in ("pages", "processor", "table", "path_scalar")]
        for name, flags in [*plain, *((f"path_{path}", flags) for path, flags in vectors)]:
            objects.append(str(Path(folder) / f"{name}.o"))
            _run([*command, *flags, "-c", str(SOURCES / f"{name}.c"), "-o", objects[-1]], environment)
        library.parent.mkdir(parents=True, exist_ok=True)
        built = Path(folder) / target.library
        if freestanding:
            link = [*cc[:3], "build-lib", "-dynamic", "-fcompiler-rt", "-fstrip", "-O", "ReleaseSmall", *cc[4:]]
            named = ["--name", "fanin_kernels", f"-femit-bin={built}", "-fno-emit-implib"]
            system = {".dll": ["-lkernel32"], ".dylib": ["-install_name", f"@rpath/{target.library}"]}
            _run([*link, *named, *objects, *system.get(built.suffix, [])], environment)
        else:
            _run([*command, "-shared", *objects, "-o", str(built)], environment)
        part = library.with_name(f"{library.name}.part")
        shutil.copyfile(built, part)
        part.replace(library)  # a process that has loaded the old one keeps it


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


def main() -> None:
    """Compile as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", help=f"another machine: {', '.join(TARGETS)}, or Zig's name for a Linux")
    parser.add_argument("--output", type=Path, help="the file to write; by default, in the package's own folder")
    parser.add_argument("flags", nargs="*", help="further flags of the compiler, after --")
    options = parser.parse_args()
    target = target_named(options.target) if options.target else local_target()
    library = options.output or HERE / "src/fanin_kernels" / target.library
    build(library, target, options.flags)
    print(library)


if __name__ == "__main__":
    main()
