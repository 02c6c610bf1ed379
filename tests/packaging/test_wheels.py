"""The built wheels, installed by each extra in an environment of their own and used outside the checkout.

`FANIN_DIST` names the folder of the wheels; the nox session `wheels` builds them and sets it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

DIST = Path(os.environ["FANIN_DIST"])
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
VERSION = "0.1.0"

EXTRAS: dict[str, tuple[str, ...]] = {
    "": (),
    "numpy": ("numpy",),
    "numpy,fast": ("numpy",),
    "torch": ("numpy", "torch"),
    "jax": ("jax",),
    "keras": ("numpy",),
    "all": ("jax", "numpy", "torch"),
}
"""Each extra and the backends that it brings; torch's draws through NumPy's in main memory."""

WEIGHT = "8bc8e8a9bd6b8a0ba697cb94d75283b9ad16cb4df7206357d16afbea8d4886b2"
"""SHA-256 of he_normal, (256, 64) "OI", seed 0, name "fc.weight", float32: the specification's first test vector."""

PROGRAM = """
import hashlib, sys, fanin
print(*fanin.available_backends())
for name in fanin.available_backends():
    drawer = fanin.backend(name)
    weight = fanin.init((256, 64), "he", layout="OI", seed=0, name="fc.weight", backend=name)
    print(name, hashlib.sha256(drawer.tobytes(weight)).hexdigest())
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "FANIN_DIST")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "package", ["fanin", "fanin_kernels", "fanin_numpy", "fanin_torch", "fanin_jax", "fanin_keras"]
)
def test_contents(package: str) -> None:
    platform = "*" if package == "fanin_kernels" else "any"
    (wheel,) = DIST.glob(f"{package}-{VERSION}-py3-none-{platform}.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert f"{package}/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    own = {package, f"{package}-{VERSION}.dist-info"} | ({"_fanin_command.py"} if package == "fanin" else set())
    assert {name.split("/")[0] for name in names} == own
    if package == "fanin_kernels":
        assert not wheel.name.endswith("any.whl")
        assert sum(Path(name).suffix in (".so", ".dylib", ".dll") for name in names) == 1
    if package == "fanin":
        assert {"fanin/_data/normal_table.bin", "fanin/_data/golden.json"} <= set(names)


@pytest.mark.parametrize("extra", EXTRAS)
def test_install(extra: str, tmp_path: Path) -> None:
    run(sys.executable, "-m", "virtualenv", "--quiet", "env", cwd=tmp_path)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = f"fanin[{extra}]=={VERSION}" if extra else f"fanin=={VERSION}"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--find-links", DIST, "-c", CONSTRAINTS, wanted, cwd=tmp_path)
    available, *digests = run(python, "-c", PROGRAM, cwd=tmp_path).splitlines()
    assert tuple(available.split()) == EXTRAS[extra]
    assert digests == [f"{name} {WEIGHT}" for name in EXTRAS[extra]]
    assert VERSION in run(python, "-m", "fanin", "--version", cwd=tmp_path)
    assert VERSION in run(python.with_name("fanin"), "--version", cwd=tmp_path)
    fast = extra in ("all", "numpy,fast")
    if "numpy" in EXTRAS[extra]:
        engine = run(python, "-c", "import fanin_numpy; print(fanin_numpy.NumpyBackend().engine)", cwd=tmp_path)
        assert engine.startswith("native" if fast else "numpy")
    if extra == "all":  # which brings the command line too
        assert "the signal" in run(python, "-m", "fanin", "probe", "--depth", "1", "--width", "4", cwd=tmp_path)
