"""Run draws.py on another processor, emulated by qemu-user: `python emulate.py s390x FOLDER`.

FOLDER keeps that processor's Python and NumPy. They are packages of this machine's own apt sources, fetched and
unpacked: nothing is installed, and no rights are needed. The compiled kernels are cross-compiled by Zig's C compiler,
the package `ziglang`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PROCESSORS: Final = {"aarch64": "arm64", "s390x": "s390x"}
"""qemu's name, and Debian's. s390x is big-endian."""

ENGINES: Final = {"aarch64": ("numpy", "neon", "scalar"), "s390x": ("numpy", "scalar")}
"""Plain NumPy, and the paths of the compiled kernels."""

HERE: Final = Path(__file__).parent
PACKAGES: Final = HERE.parents[1] / "packages"
SOURCES: Final = [PACKAGES / name / "src" for name in ("core", "backend_numpy")]


def root(processor: str, folder: Path) -> Path:
    """Return the folder with a processor's Python and NumPy, making it at the first call."""
    made = folder / processor
    if not made.is_dir():
        work = folder / f"{processor}.apt"
        shutil.rmtree(work, ignore_errors=True)
        for part in ("state/lists/partial", "cache/archives/partial", "root"):
            (work / part).mkdir(parents=True)
        (work / "status").touch()  # nothing is installed there
        options = {
            "APT::Architecture": PROCESSORS[processor],
            "APT::Architectures": PROCESSORS[processor],
            "APT::Sandbox::User": "",
            "Dir::State": work / "state",
            "Dir::State::status": work / "status",
            "Dir::Cache": work / "cache",
        }
        apt = ["apt-get", "--quiet=2", *(f"--option={name}={value}" for name, value in options.items())]
        subprocess.run([*apt, "update"], check=True)
        subprocess.run([*apt, "install", "--download-only", "--no-install-recommends", "python3-numpy"], check=True)
        for package in (work / "cache/archives").glob("*.deb"):
            subprocess.run(["dpkg", "--extract", package, work / "root"], check=True)
        (work / "root").rename(made)
        shutil.rmtree(work)
    return made


def kernels(processor: str, folder: Path) -> Path:
    """Return a folder with the package fanin_kernels, its library compiled for a processor."""
    made = folder / f"{processor}.kernels"
    shutil.copytree(PACKAGES / "kernels/src/fanin_kernels", made / "fanin_kernels", dirs_exist_ok=True)
    library = made / "fanin_kernels/libfanin_kernels.so"
    program = PACKAGES / "kernels/build_library.py"
    command = [sys.executable, str(program), "--target", f"{processor}-linux-gnu", "--output", str(library)]
    subprocess.run(command, check=True)
    return made


def emulate(processor: str, folder: Path) -> int:
    """Run draws.py with each engine, and return the largest exit status."""
    tree, compiled = root(processor, folder), kernels(processor, folder)
    return max(_run(processor, tree, compiled, engine) for engine in ENGINES[processor])


def _run(processor: str, tree: Path, compiled: Path, engine: str) -> int:
    libraries = tree.glob("usr/lib/*-linux-gnu/*/lib*.so.3")  # BLAS and LAPACK, which an installation would link
    environment = {
        "PYTHONPATH": ":".join(map(str, [*SOURCES, compiled])),
        "LD_LIBRARY_PATH": ":".join(f"/{path.parent.relative_to(tree)}" for path in libraries),
        "FANIN_ENGINE": "numpy" if engine == "numpy" else "native",
    }
    if engine != "numpy":
        environment["FANIN_KERNEL"] = engine
    settings = [word for name, value in environment.items() for word in ("-E", f"{name}={value}")]
    program = [str(tree / "usr/bin/python3"), "-B", "-W", "error", str(HERE / "draws.py")]
    return subprocess.run([f"qemu-{processor}", "-L", str(tree), *settings, *program]).returncode


if __name__ == "__main__":
    sys.exit(emulate(sys.argv[1], Path(sys.argv[2]).resolve()))
