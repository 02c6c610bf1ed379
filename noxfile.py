"""The project's one command runner: `python -m nox` runs every check; `python -m nox -s NAME -- ARGS` runs one."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import runpy
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False  # a Python that is not here is skipped, with a message
nox.options.sessions = ["lint", "types", "core", "backend", "minimum(name='numpy')", "cross", "wheels", "docs"]
nox.options.sessions += ["examples", "site", "triton", "keras(name='torch')", "keras(name='jax')"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
PYTHON = "3.11"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PACKAGES = ["core", "kernels", "backend_numpy", "backend_torch", "backend_jax", "keras"]
CONSTRAINTS = ["-c", "constraints.txt"]
TEST = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test")
WITH_ARRAYS = (
    "audit",
    "signal",
    "testing",
    "models/test_packing.py",
    "models/test_lock.py",
    "models/test_lock_verify.py",
    "weights",
)
SLOW_CORE = [f"packages/core/tests/{name}" for name in ("cli", "conformance", "lab", "meta", *WITH_ARRAYS)]
"""The core's tests that need a backend or what its commands need, and some of them minutes."""

OF_SEVERAL_LIBRARIES = [
    f"packages/core/tests/{name}.py"
    for name in ("audit/test_compiled", "audit/test_roles", "audit/test_ties", "weights/test_damages")
]
"""The core's tests of modules and files of several libraries: where one is missing, its cases are skipped."""

MACHINE = (sys.platform, platform.machine().lower())
CUDA_ONLY = MACHINE == ("linux", "x86_64")
"""Where a published torch is a CUDA build of several gigabytes, but for one file for Python 3.11."""

NO_WHEELS = {"torch", "jax"} if MACHINE in [("darwin", "x86_64"), ("win32", "arm64")] else set()
"""What is not published for this machine and every Python."""

# pyenv offers only the Python that its user chose; name the others too, or the sessions would not find them.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if PYENV.is_dir():
    chosen = os.environ.get("PYENV_VERSION", "").split(":")  # pyenv sets it for the Python that runs this file
    matching = [sorted(PYENV.glob(f"{python}.*")) for python in PYTHONS]
    others = [paths[-1].name for paths in matching if paths and paths[-1].name not in chosen]
    os.environ["PYENV_VERSION"] = ":".join(filter(None, [*chosen, *others]))

KERNELS = "./packages/kernels"
"""The compiled kernels, whose wheel is built once and kept."""

ALL = [
    "./packages/core[cli,conformance]",
    KERNELS,
    "./packages/backend_numpy",
    "./packages/backend_torch",
    "./packages/backend_jax",
    "./packages/keras",
]
JAX_LIBRARIES = ["flax", "equinox", "dm-haiku", "orbax-checkpoint"]
"""What the JAX backend's tests record and read."""

EXTRA_TESTED = ["scipy", "keras", "safetensors", *JAX_LIBRARIES]

ROOM = 12 * 2**30
"""Free bytes under which the environments of other sessions go: all of them take some 17 GB."""

SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "dependabot": ".github/dependabot.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "citation-file-format": "CITATION.cff",
}
"""Files that only others read, and the schema of each."""


def install(session: nox.Session, *requirements: str) -> None:
    """Install under the pins, built from this checkout and not editable: tests see what a user would."""
    make_room(session)
    session.install(*CONSTRAINTS, *with_kernels(session, requirements))


def make_room(session: nox.Session) -> None:
    """Delete the environments of other sessions where the disk is nearly full: each is made again when it is needed."""
    for environment in sorted(path.parent for path in (ROOT / ".nox").glob("*/pyvenv.cfg")):
        if shutil.disk_usage(ROOT).free < ROOM and environment != Path(session.virtualenv.location):
            session.log(f"under {ROOM >> 30} GiB of disk are free: deleting {environment.relative_to(ROOT)}")
            shutil.rmtree(environment)


def with_kernels(session: nox.Session, requirements: Iterable[str]) -> list[str]:
    """Return requirements with the kernels as a wheel, compiled when their sources have changed."""
    if KERNELS not in requirements:
        return list(requirements)
    digest = hashlib.sha256()
    folder = ROOT / KERNELS
    for path in sorted(path for pattern in ("*.*", "c/*", "src/*/*.py") for path in folder.glob(pattern)):
        digest.update(path.read_bytes())
    made = ROOT / ".nox" / "kernels" / digest.hexdigest()[:16]
    if not list(made.glob("*.whl")):
        build = ["python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), KERNELS]
        session.run(*build, env={"FANIN_KERNELS_REQUIRED": "1"})
    (wheel,) = made.glob("*.whl")
    return [str(wheel) if each == KERNELS else each for each in requirements]


def pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run pytest on what is installed."""
    session.run("python", "-m", "pytest", *arguments, env=environment)


def minima(package: str, *extras: str) -> list[str]:
    """Return the oldest versions that a package says it works with, as requirements."""
    project = nox.project.load_toml(f"packages/{package}/pyproject.toml")["project"]
    listed = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    return [each.replace(">=", "==") for each in listed if ">=" in each]


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style and formatting, the project files, and what is handed to GitHub."""
    install(session, "ruff", "validate-pyproject[all]", "sp-repo-review[cli]", "check-jsonschema", "zizmor")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "check", "--preview", "--select", "PLW1514")  # an encoding is named: systems differ in theirs
    session.run("ruff", "format", "--check")
    session.run("validate-pyproject", "pyproject.toml", *(f"packages/{package}/pyproject.toml" for package in PACKAGES))
    session.run("repo-review", ".", "--show", "err")
    for schema, pattern in SCHEMAS.items():
        paths = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(pattern))]
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths)
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check types, strictly, on sources, tests and tools."""
    install(session, *ALL, *EXTRA_TESTED, *TEST, "mypy", "nox", "build", "hatchling")
    for package in PACKAGES:
        session.run("mypy", f"packages/{package}", *session.posargs)
    session.run("mypy", "tests", "benchmarks", "examples", "noxfile.py")


@nox.session(python=PYTHON)
def quick(session: nox.Session) -> None:
    """Check style, and run the fast tests: the core's and the NumPy backend's (under two minutes on two cores)."""
    install(session, "./packages/core[conformance]", KERNELS, "./packages/backend_numpy", *TEST, "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    folders = ["packages/core/tests", "packages/backend_numpy/tests"]
    pytest(session, "-n2", *folders, *(f"--ignore={folder}" for folder in SLOW_CORE), *session.posargs)


@nox.session(python=PYTHONS)
def core(session: nox.Session) -> None:
    """Test the core with no array library installed."""
    install(session, "./packages/core", *TEST)
    pytest(session, "packages/core/tests", *(f"--ignore={folder}" for folder in SLOW_CORE), *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("name", ["numpy", "torch", "jax"])
def backend(session: nox.Session, name: str) -> None:
    """Test one backend on its own: its tests, and the conformance suite."""
    if name in NO_WHEELS:
        session.skip(f"no {name} is published for {' on '.join(MACHINE)}")
    if name == "torch" and CUDA_ONLY and session.python != PYTHON:
        session.skip(f"the pinned torch has a CPU wheel for Python {PYTHON} only")
    own = {
        "numpy": [KERNELS, "./packages/backend_numpy"],
        "torch": [KERNELS, "./packages/backend_numpy", "./packages/backend_torch", "safetensors"],
        "jax": [KERNELS, "./packages/backend_numpy", "./packages/backend_jax", *JAX_LIBRARIES],
    }
    install(session, "./packages/core[cli,conformance]", *own[name], *TEST)
    tests = f"packages/backend_{name}/tests"
    if name != "numpy":
        # A weight's bits do not depend on the interpreter: on the other Pythons, what the library's own classes touch.
        some = [tests] if session.python == PYTHON else [f"{tests}/test_backend.py", f"{tests}/test_initializer.py"]
        pytest(session, "-n2", *(some if name == "jax" else [tests]), *session.posargs)
        if name == "jax" and session.python == PYTHON:
            by_xla = [f"{tests}/test_draw.py", f"{tests}/test_matrix.py"]
            pytest(session, "-n2", *by_xla, *session.posargs, FANIN_ENGINE="numpy")
        return
    pytest(session, tests, "packages/kernels/tests", *session.posargs, FANIN_TEST_ENGINES="native")
    suites = SLOW_CORE if session.python == PYTHON else ["packages/core/tests/cli"]
    pytest(session, "-n2", *suites)
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "fanin-kernels")
    pytest(session, tests, *session.posargs, FANIN_TEST_ENGINES="numpy")


@nox.session(python=PYTHON)
@nox.parametrize("name", ["numpy", "torch", "jax"])
def minimum(session: nox.Session, name: str) -> None:
    """Test one backend with the oldest versions that it says it works with."""
    if name in NO_WHEELS:
        session.skip(f"no {name} is published for {' on '.join(MACHINE)}")
    if name == "torch" and CUDA_ONLY:
        session.skip("the oldest torch is published for this machine as a CUDA build only: run it on another, or in CI")
    warned = "pyparsing<3.3"  # a newer one warns of what an old matplotlib calls
    numpy = ["./packages/core[cli,conformance]", *minima("core", "cli", "conformance"), warned]
    torch = ["./packages/core[conformance]", *minima("core", "conformance"), "./packages/backend_numpy"]
    packages = {
        "numpy": [*numpy, KERNELS, "./packages/backend_numpy", *minima("backend_numpy")],
        "torch": [*torch, "./packages/backend_torch", *minima("backend_torch"), "safetensors"],
        "jax": [
            "./packages/core[conformance]",
            KERNELS,
            "./packages/backend_numpy",
            "./packages/backend_jax",
            *minima("backend_jax"),
        ],  # it asks for NumPy 2
    }
    session.install(*with_kernels(session, packages[name]), *TEST)
    tests = f"packages/backend_{name}/tests"
    newer = ["probe", "test_audit_files.py", "test_weights.py"] if name == "jax" else []
    # Flax, Equinox and Orbax of today ask for a newer JAX.
    pytest(session, "-n2", tests, *(f"--ignore={tests}/{each}" for each in newer), *session.posargs)


@nox.session(python=PYTHON)
@nox.parametrize("name", ["torch", "jax", "tensorflow"])
def keras(session: nox.Session, name: str) -> None:
    """Test the package for Keras on one of Keras's backends; TensorFlow is its build without CUDA."""
    if name in NO_WHEELS:
        session.skip(f"no {name} is published for {' on '.join(MACHINE)}")
    engine = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow-cpu" if CUDA_ONLY else "tensorflow"}
    own = ["./packages/core", "./packages/backend_numpy", "./packages/keras"]
    install(session, *own, engine[name], "scipy", *TEST)
    pytest(session, "packages/keras/tests", *session.posargs, KERAS_BACKEND=name)


@nox.session(python=PYTHON)
def coverage(session: nox.Session) -> None:
    """Measure which branches the tests take, programs that they start not counted; arguments go to pytest."""
    install(session, *ALL, *EXTRA_TESTED, *TEST, "pytest-cov")
    tests = [f"packages/{package}/tests" for package in PACKAGES]
    everything = [*tests, "tests/cross", "--ignore=packages/core/tests/meta"]
    pytest(session, "-n2", "--cov", *(session.posargs or everything))


@nox.session(python=PYTHON)
def cross(session: nox.Session) -> None:
    """Test the backends against each other, and under other instruction sets, threads and devices."""
    install(session, *ALL, *EXTRA_TESTED, *TEST)
    pytest(session, "-n2", "tests/cross", *OF_SEVERAL_LIBRARIES, *session.posargs)


def install_models(session: nox.Session) -> None:
    """Install the torch backend, and libraries of published models.

    torchvision is published as a CUDA build for this torch: its models need none of its operators.
    """
    install(session, "./packages/core", KERNELS, "./packages/backend_numpy", "./packages/backend_torch", "scipy", *TEST)
    install(session, "./packages/backend_jax", "flax", "equinox")
    install(session, "transformers", "safetensors", "pyyaml", "huggingface_hub", "pillow")
    install(session, "--no-deps", "timm", "torchvision")


@nox.session(python=PYTHON)
def triton(session: nox.Session) -> None:
    """Test the kernel for accelerators without one: compiled for some, and interpreted on the CPU (Linux, x86-64)."""
    if not CUDA_ONLY:
        session.skip("the pinned Triton is tested on Linux for x86-64")
    own = ["./packages/core[conformance]", "./packages/backend_numpy", "./packages/backend_torch"]
    install(session, *own, "triton", *TEST)
    tests = "packages/backend_torch/tests"
    pytest(session, "-n2", f"{tests}/fused", *session.posargs)
    interpreted = [f"{tests}/fused", f"{tests}/test_draw.py", f"--deselect={tests}/test_draw.py::test_several_chunks"]
    pytest(session, "-n2", *interpreted, *session.posargs, TRITON_INTERPRET="1")


@nox.session(python=PYTHON)
def models(session: nox.Session) -> None:
    """Test with a sample of the models of timm, torchvision and transformers; `FANIN_MODELS=all` for all of them.

    Trained weights are those that silero-vad and lpips ship; nothing of these packages is run.
    """
    install_models(session)
    install(session, "keras", "rich")  # for tests/models/audit_frameworks.py
    install(session, "--no-deps", "silero-vad", "lpips")
    pytest(session, "tests/models", "--timeout=3600", *session.posargs)


@nox.session(python=PYTHON)
def torchtitan(session: nox.Session) -> None:
    """Test with torchtitan's models, distributed by torchtitan over up to four processes (some minutes).

    Its package asks for more than its models and its trainer import: that is left out.
    """
    install(session, "./packages/core", KERNELS, "./packages/backend_numpy", "./packages/backend_torch", "scipy", *TEST)
    install(session, "spmd_types", "torchdata", "datasets", "tokenizers", "tensorboard", "tyro")
    install(session, "--no-deps", "torchtitan")
    pytest(session, "tests/torchtitan", "--timeout=3600", *session.posargs)


@nox.session(python=PYTHON)
def wheels(session: nox.Session) -> None:
    """Build the wheels, check what is in them, install each extra from them outside the checkout, and run there."""
    install(session, "build", "hatchling", "virtualenv", "twine", "check-wheel-contents", "nox", *TEST)
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES:
        session.run("python", "-m", "build", "--outdir", str(DIST), f"packages/{package}", silent=True)
    built = sorted(str(path) for path in DIST.iterdir())
    session.run("twine", "check", "--strict", *built)
    session.run("check-wheel-contents", *(path for path in built if path.endswith(".whl")))
    pytest(session, "tests/packaging", "tests/thirdparty", *session.posargs, FANIN_DIST=str(DIST))


@nox.session(python=PYTHON)
def kernels_wheels(session: nox.Session) -> None:
    """Build the wheels of fanin-kernels for every platform, into dist, and check them."""
    install(session, "build", "hatchling", "ziglang", "auditwheel", *TEST)
    for wheel in DIST.glob("fanin_kernels-*.whl"):
        wheel.unlink()
    names = runpy.run_path(str(ROOT / KERNELS / "build_library.py"))["TARGETS"]
    build = ["python", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(DIST), KERNELS]
    for name in names:
        session.run(*build, silent=True, env={"FANIN_KERNELS_TARGET": name, "FANIN_KERNELS_REQUIRED": "1"})
    for wheel in DIST.glob("fanin_kernels-*-manylinux*.whl"):
        session.run("auditwheel", "show", str(wheel))
    tests = "tests/packaging/test_kernels_wheels.py"
    pytest(session, tests, *session.posargs, FANIN_KERNELS_WHEELS=str(DIST))


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Run the examples of the README, the docs and the docstrings."""
    install(session, *ALL, *EXTRA_TESTED, *TEST)
    pytest(session, "tests/examples", *session.posargs, KERAS_BACKEND="jax")
    modules = ["fanin", "fanin_kernels", "fanin_numpy", "fanin_torch", "fanin_jax", "fanin_keras"]
    without_triton = "--ignore-glob=*/_triton_*.py"  # which is not installed here, and has no examples
    pytest(session, "--doctest-modules", without_triton, "--pyargs", *modules, KERAS_BACKEND="jax")


@nox.session(python=PYTHON)
def examples(session: nox.Session) -> None:
    """Run every script of examples/, or those named (`-- he_2015`); their figures go to a temporary folder."""
    install(session, *ALL)
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
    install(session, "./packages/core", KERNELS, "./packages/backend_numpy", "scipy", "rich", *TEST)
    pytest(session, "tests/exhaustive", "--timeout=3600", *session.posargs)


@nox.session(python=PYTHON)
def processors(session: nox.Session) -> None:
    """Draw with every kernel on emulated processors: aarch64 and s390x, which is big-endian, or those named."""
    install(session, "ziglang")
    absent = []
    for processor in session.posargs or ["aarch64", "s390x"]:
        if all(map(shutil.which, (f"qemu-{processor}", "apt-get", "dpkg"))):
            program = "tests/processors/emulate.py"
            session.run("python", program, processor, session.create_tmp())
        else:
            absent.append(processor)
    if absent:
        session.skip(f"not checked on {' and '.join(absent)}: needs Debian, and there apt-get install qemu-user")


@nox.session(python=PYTHON)
def sanitizers(session: nox.Session) -> None:
    """Test the kernels compiled with GCC's sanitizers: address, undefined and thread, or those named (`-- thread`)."""
    runtimes = {"address": "libasan.so", "undefined": "libubsan.so", "thread": "libtsan.so"}
    if shutil.which("gcc") is None or sys.platform != "linux":
        session.skip("needs GCC on Linux")
    install(session, "./packages/core", KERNELS, "./packages/backend_numpy", *TEST)
    find = "import fanin_kernels, pathlib; print(*pathlib.Path(fanin_kernels.__file__).parent.glob('lib*'))"
    library = str(session.run("python", "-c", find, silent=True)).strip()
    own, draws = (
        ["packages/kernels/tests"],
        [f"packages/backend_numpy/tests/test_{name}.py" for name in ("draw", "api", "batch")],
    )
    tests = {
        "thread": [*draws, "packages/kernels/tests/test_xla.py", "-k", "thread"],
        "address": [*own, *draws, "packages/backend_numpy/tests/test_strided.py"],
    }
    for name in session.posargs or runtimes:
        runtime = str(session.run("gcc", f"-print-file-name={runtimes[name]}", external=True, silent=True)).strip()
        flags = [f"-fsanitize={name}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
        compiler = {"FANIN_KERNELS_CC": "gcc"}
        session.run("python", "packages/kernels/build_library.py", "--output", library, "--", *flags, env=compiler)
        # What is loaded first replaces malloc and the threads of a Python that was compiled without it.
        options = "detect_leaks=0:allocator_may_return_null=1"
        loaded = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": options, "PYTHONMALLOC": "malloc"}
        chosen = tests.get(name, tests["address"])
        pytest(session, *chosen, "-p", "no:cacheprovider", FANIN_TEST_ENGINES="native", FANIN_FUZZ="2000", **loaded)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Measure fanin beside what a user would pick instead; arguments go to benchmarks/run.py."""
    install(session, *ALL, *EXTRA_TESTED, "psutil")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(python=PYTHON)
def model_cost(session: nox.Session) -> None:
    """Measure what whole models cost, beside their constructors; arguments go to benchmarks/model_cost.py."""
    install_models(session)
    install(session, "rich")
    session.run("python", "benchmarks/model_cost.py", *session.posargs)


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
    core = ROOT / "packages/core/pyproject.toml"
    old = re.search(r'^version = "(.+)"$', core.read_text(encoding="utf-8"), re.MULTILINE)
    assert old
    files = ("packages/*/pyproject.toml", "packages/*/src/*/__init__.py", "CITATION.cff")
    for path in (path for pattern in files for path in ROOT.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        for form in ('version = "{}"', '__version__ = "{}"', "=={}", "\nversion: {}\n"):
            text = text.replace(form.format(old[1]), form.format(new))
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{old[1]} -> {new}; now write the CHANGELOG", file=sys.stderr)
