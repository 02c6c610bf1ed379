"""The project's one command runner: `python -m nox` runs every check; `python -m nox -s NAME -- ARGS` runs one."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False  # a Python that is not here is skipped, with a message
nox.options.sessions = ["lint", "types", "core", "backend", "oldest", "cross", "wheels", "docs", "examples", "site"]

# pyenv offers only the Python that its user chose; name the others too, or the sessions would not find them.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if PYENV.is_dir():
    chosen = os.environ.get("PYENV_VERSION", "").split(":")  # pyenv sets it for the Python that runs this file
    matching = [sorted(PYENV.glob(f"{python}.*")) for python in ("3.11", "3.12", "3.13")]
    others = [paths[-1].name for paths in matching if paths and paths[-1].name not in chosen]
    os.environ["PYENV_VERSION"] = ":".join(filter(None, [*chosen, *others]))

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
PYTHON = "3.11"
PYTHONS = ["3.11", "3.12", "3.13"]
PACKAGES = ["core", "backend_numpy", "backend_torch", "backend_jax"]
CONSTRAINTS = ["-c", "constraints.txt"]
TORCH_PYTHONS = ["3.11"]  # the Pythons that the pinned CPU wheel exists for

ALL = [
    "./packages/core[cli,conformance]",
    "./packages/backend_numpy[numba]",
    "./packages/backend_torch",
    "./packages/backend_jax",
]
EXTRA_TESTED = ["scipy", "flax", "keras"]


def install(session: nox.Session, *requirements: str) -> None:
    """Install under the pins, built from this checkout and not editable: tests see what a user would."""
    session.install(*CONSTRAINTS, *requirements)


def pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run pytest on what is installed."""
    session.run("python", "-m", "pytest", *arguments, env=environment)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff."""
    install(session, "ruff")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check types, strictly, on sources, tests and tools."""
    install(session, *ALL, *EXTRA_TESTED, "mypy", "mpmath", "hypothesis", "nox", "build")
    for package in PACKAGES:
        session.run("mypy", f"packages/{package}", *session.posargs)
    session.run("mypy", "tests", "benchmarks", "examples", "noxfile.py")


@nox.session(python=PYTHONS)
def core(session: nox.Session) -> None:
    """Test the core with no array library installed."""
    install(session, "./packages/core", "pytest", "mpmath", "hypothesis")
    ignored = ["cli", "compare", "conformance", "meta", "probe"]
    folders = [f"--ignore=packages/core/tests/{name}" for name in ignored]
    pytest(session, "packages/core/tests", *folders, *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("name", ["numpy", "torch", "jax"])
def backend(session: nox.Session, name: str) -> None:
    """Test one backend on its own: its tests, and the conformance suite."""
    if name == "torch" and session.python not in TORCH_PYTHONS:
        session.skip(f"the pinned torch has a CPU wheel for Python {', '.join(TORCH_PYTHONS)} only")
    own = {
        "numpy": ["./packages/backend_numpy[numba]"],
        "torch": ["./packages/backend_numpy", "./packages/backend_torch"],
        "jax": ["./packages/backend_jax", "flax"],
    }
    install(session, "./packages/core[cli,conformance]", *own[name], "pytest-xdist")
    pytest(session, f"packages/backend_{name}/tests", *session.posargs)
    if name == "numpy":
        session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "numba", "llvmlite")
        pytest(session, "packages/backend_numpy/tests", *session.posargs, FANIN_TEST_ENGINES="numpy")
        suites = ["cli", "compare", "conformance", "probe"]
        if session.python == PYTHON:  # what the mutants show does not depend on the interpreter
            suites.append("meta")
        pytest(session, "-n2", *(f"packages/core/tests/{suite}" for suite in suites))


@nox.session(python=PYTHON)
def oldest(session: nox.Session) -> None:
    """Test the NumPy backend with the oldest libraries that it declares, whose rules of promotion are others."""
    install(session, "./packages/core[conformance]", "./packages/backend_numpy[numba]")
    session.install("numpy==1.26.4", "numba==0.60.0", "ml_dtypes==0.4.0")  # SciPy, a test's, refuses 1.26.0
    pytest(session, "packages/backend_numpy/tests", *session.posargs)


@nox.session(python=PYTHON)
def cross(session: nox.Session) -> None:
    """Test the backends against each other, and under other instruction sets, threads and devices."""
    install(session, *ALL, *EXTRA_TESTED)
    pytest(session, "tests/cross", *session.posargs)


@nox.session(python=PYTHON)
def wheels(session: nox.Session) -> None:
    """Build the wheels, install each extra from them outside the checkout, and run there."""
    install(session, "build", "hatchling", "virtualenv", "pytest", "nox")
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES:
        session.run("python", "-m", "build", "--wheel", "--outdir", str(DIST), f"packages/{package}", silent=True)
    pytest(session, "tests/packaging", "tests/thirdparty", *session.posargs, FANIN_DIST=str(DIST))


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Run the examples of the README, the docs and the docstrings."""
    install(session, *ALL, *EXTRA_TESTED)
    pytest(session, "tests/examples", *session.posargs)
    modules = ["fanin", "fanin_numpy", "fanin_torch", "fanin_jax"]
    pytest(session, "--doctest-modules", "--pyargs", *modules, KERAS_BACKEND="jax")


@nox.session(python=PYTHON)
def examples(session: nox.Session) -> None:
    """Run every script of examples/, or those named (`-- he_2015`); their figures go to a temporary folder."""
    install(session, "./packages/core[cli]", "./packages/backend_numpy")
    known = {path.stem: path for path in sorted((ROOT / "examples").glob("*.py"))}
    if unknown := set(session.posargs) - set(known):
        session.error(f"no example is called {', '.join(unknown)}; there are {', '.join(known)}")
    for name in session.posargs or known:
        session.run("python", "-W", "error", str(known[name]), session.create_tmp())


@nox.session(python=PYTHON)
def site(session: nox.Session) -> None:
    """Build the documentation as a site into site/, with warnings as errors."""
    install(session, "mkdocs", "mkdocs-material", "mkdocstrings[python]", "ruff")
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=PYTHON)
def exhaustive(session: nox.Session) -> None:
    """Check the normal lattice at all 2^30 magnitudes against an exact quantile (some minutes)."""
    install(session, "./packages/core", "./packages/backend_numpy[numba]", "scipy", "mpmath", "pytest", "rich")
    pytest(session, "tests/exhaustive", *session.posargs)


@nox.session(venv_backend="none")
def processors(session: nox.Session) -> None:
    """Draw with NumPy on emulated processors: aarch64 and s390x, which is big-endian, or those named (`-- s390x`)."""
    absent = []
    for processor in session.posargs or ["aarch64", "s390x"]:
        if all(map(shutil.which, (f"qemu-{processor}", "apt-get", "dpkg"))):
            program = "tests/processors/emulate.py"
            session.run(sys.executable, program, processor, session.create_tmp(), external=True)
        else:
            absent.append(processor)
    if absent:
        session.skip(f"not checked on {' and '.join(absent)}: needs Debian, and there apt-get install qemu-user")


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Measure fanin beside what a user would pick instead; arguments go to benchmarks/run.py."""
    install(session, *ALL, *EXTRA_TESTED, "psutil")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(python=PYTHON)
def compare(session: nox.Session) -> None:
    """Run the main job, zeros, random and he on handwritten digits: on NumPy, or as `-- --backends numpy torch jax`."""
    words = {word for argument in session.posargs for word in re.split("[=,]", argument)}
    chosen = [name for name in ("numpy", "torch", "jax") if {name, "all"} & words] or ["numpy"]
    needed = ["numpy", *chosen] if "torch" in chosen else chosen  # which draws through NumPy's on the CPU
    install(session, "./packages/core[cli]", *(f"./packages/backend_{name}" for name in dict.fromkeys(needed)))
    named = any(argument.startswith("--backends") for argument in session.posargs)
    session.run("fanin", "compare", *([] if named else ["--backends", *chosen]), *session.posargs)


@nox.session(venv_backend="none")
def version(session: nox.Session) -> None:
    """Write a new version everywhere it stands: `nox -s version -- 0.2.0`."""
    (new,) = session.posargs or session.error("say which version: nox -s version -- 0.2.0")
    if not re.fullmatch(r"\d+\.\d+\.\d+", new):
        session.error(f"a version is three numbers, as in 0.2.0; received {new!r}")
    old = re.search(r'^version = "(.+)"$', (ROOT / "packages/core/pyproject.toml").read_text(), re.MULTILINE)
    assert old
    for package in PACKAGES:
        for path in [
            ROOT / "packages" / package / "pyproject.toml",
            *(ROOT / "packages" / package / "src").glob("*/__init__.py"),
        ]:
            text = path.read_text(encoding="utf-8")
            for form in ('version = "{}"', '__version__ = "{}"', "=={}"):
                text = text.replace(form.format(old[1]), form.format(new))
            path.write_text(text, encoding="utf-8")
    print(f"{old[1]} -> {new}; now write the CHANGELOG", file=sys.stderr)
