"""The public names, and the versions that go with them."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import itertools
import pkgutil
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import fanin

PUBLIC = [
    "SPEC_VERSION",
    "FaninError",
    "Initializer",
    "Parameter",
    "Scheme",
    "__version__",
    "audit",
    "available_backends",
    "backend",
    "backward_gain",
    "constant",
    "delta_orthogonal",
    "diff",
    "dirac",
    "draw",
    "gain",
    "get_initializer",
    "glorot_normal",
    "glorot_truncated_normal",
    "glorot_uniform",
    "he_normal",
    "he_truncated_normal",
    "he_uniform",
    "identity",
    "init",
    "init_parameters",
    "initializer_names",
    "kaiming_normal",
    "kaiming_truncated_normal",
    "kaiming_uniform",
    "known_backends",
    "lecun_normal",
    "lecun_truncated_normal",
    "lecun_uniform",
    "lock",
    "normal",
    "ones",
    "orthogonal",
    "plan",
    "profile",
    "random",
    "sparse",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "verify",
    "xavier_normal",
    "xavier_truncated_normal",
    "xavier_uniform",
    "zeros",
]

PACKAGES = Path(__file__).parents[2]
PROJECTS = {
    path.parent.name: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGES.glob("*/pyproject.toml"))
}


# The mathematics, the plan, the reference and the registry: all that needs no array library.
MODULES = [
    importlib.import_module(module.name)
    for room in (
        "fanin",
        *(f"fanin.{name}" for name in ("stream", "initializers", "gains", "plans", "models", "recipes")),
    )
    for module in pkgutil.iter_modules(importlib.import_module(room).__path__, f"{room}.")
    if not module.ispkg and module.name != "fanin.__main__"
]


def test_public_names() -> None:
    assert sorted(fanin.__all__) == sorted(PUBLIC)
    assert all(hasattr(fanin, name) for name in PUBLIC)


def test_no_other_public_name_but_modules() -> None:
    others = {name: value for name, value in vars(fanin).items() if not name.startswith("_") and name not in PUBLIC}
    others.pop("annotations")
    assert [name for name, value in others.items() if not inspect.ismodule(value)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(fanin, name)
    if callable(value):
        text = inspect.getdoc(value) or ""
        assert text
        assert not text.startswith(f"{name}("), "the text that a dataclass makes up"
    elif name != "__version__":
        assert name in documented_constants()


def documented_constants() -> set[str]:
    """The constants that a string follows, which describes them."""
    found = set()
    for module in MODULES:
        for node, after in itertools.pairwise(ast.parse(inspect.getsource(module)).body):
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                found.add(ast.unparse(node.target))
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_modules_say_what_they_offer(module: ModuleType) -> None:
    assert module.__doc__
    if not module.__name__.rpartition(".")[2].startswith("_"):
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_run(module: ModuleType) -> None:
    if module.__name__ == "fanin.api":  # its examples draw with a backend, so the session that has one runs them
        return
    assert doctest.testmod(module).failed == 0


def _python_files() -> list[Path]:
    return sorted(path for package in PROJECTS for path in (PACKAGES / package / "src").rglob("*.py"))


@pytest.mark.parametrize("path", _python_files(), ids=lambda path: str(path.relative_to(PACKAGES)))
def test_private_names_stay_in_their_package(path: Path) -> None:
    """No module takes an underscored name from another, and no package an underscored module of another."""
    package = path.relative_to(PACKAGES).parts[2]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module or not node.module.startswith("fanin"):
            continue
        own = node.module.split(".")[0] == package
        private = [part for part in node.module.split(".") if part.startswith("_")]
        private += [alias.name for alias in node.names if re.match(r"_[^_]", alias.name)]
        assert own or not private, (node.module, private)
        modules = {name for file in _python_files() for name in (file.stem, file.parent.name)}
        assert all(name.split(".")[-1] in modules for name in private), (node.module, private)


def test_the_six_packages() -> None:
    assert {folder: project["project"]["name"] for folder, project in PROJECTS.items()} == {
        "backend_jax": "fanin-jax",
        "backend_numpy": "fanin-numpy",
        "backend_torch": "fanin-torch",
        "core": "fanin",
        "keras": "fanin-keras",
        "kernels": "fanin-kernels",
    }


@pytest.mark.parametrize("folder", PROJECTS)
def test_versions_are_in_lockstep(folder: str) -> None:
    project = PROJECTS[folder]["project"]
    imported = project["name"].replace("-", "_")
    source = (PACKAGES / folder / "src" / imported / "__init__.py").read_text(encoding="utf-8")
    literals = re.findall(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    assert [project["version"], *literals] == [fanin.__version__] * 2


@pytest.mark.parametrize("folder", PROJECTS)
def test_the_packages_pin_each_other(folder: str) -> None:
    project = PROJECTS[folder]["project"]
    extras = project.get("optional-dependencies", {})
    requirements = [*project["dependencies"], *(text for texts in extras.values() for text in texts)]
    ours = [text for text in requirements if text.startswith("fanin")]
    assert ours
    assert [
        text for text in ours if not re.fullmatch(r"fanin(-\w+)?(\[\w+\])?==" + re.escape(fanin.__version__), text)
    ] == []
    if folder != "core":
        assert f"fanin=={fanin.__version__}" in project["dependencies"]


def test_the_core_has_no_dependencies_and_an_extra_a_package() -> None:
    core = PROJECTS["core"]["project"]
    assert core["dependencies"] == []
    for name in ("numpy", "torch", "jax"):
        assert core["optional-dependencies"][name] == [f"fanin-{name}=={fanin.__version__}"]
        entry_points = PROJECTS[f"backend_{name}"]["project"]["entry-points"]["fanin.backends"]
        assert list(entry_points) == [name]
        assert entry_points[name].startswith(f"fanin_{name}:")
    assert core["optional-dependencies"]["fast"] == [f"fanin-kernels=={fanin.__version__}"]
    assert core["optional-dependencies"]["keras"] == [f"fanin-keras=={fanin.__version__}"]
    everything = {text.partition("==")[0] for text in core["optional-dependencies"]["all"]}
    assert everything == {"fanin[cli]", "fanin-numpy", "fanin-kernels", "fanin-torch", "fanin-jax", "fanin-keras"}
