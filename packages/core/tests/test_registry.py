"""Finding and loading backends: each way to fail has a message of its own."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fanin
from fanin import registry
from fanin.exceptions import (
    BackendConflictError,
    BackendImportError,
    BackendNotFoundError,
    BackendNotInstalledError,
    SpecVersionError,
)

GOOD = """
class Backend:
    name = {name!r}
    SPEC_VERSION = {version}
    capabilities = None
    def draw(self, plan, *, device=None): ...
    def tobytes(self, array): ...
    def describe(self, array): ...
"""

Install = Callable[..., None]


@pytest.fixture(autouse=True)
def _only_what_the_test_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let importlib.metadata see a folder of the test's and the standard library, and nothing else."""
    before = set(sys.modules)
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    dynamic = [path for path in sys.path if path.endswith("lib-dynload")]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *standard, *dynamic])
    for cached in (registry._entry_points, registry._load):
        cached.cache_clear()
    yield
    for cached in (registry._entry_points, registry._load):
        cached.cache_clear()
    for module in set(sys.modules) - before:
        if module.startswith("toy_"):
            del sys.modules[module]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Return a function that installs a distribution with one backend."""

    def _install(name: str, *, owner: str = "", source: str = GOOD, version: object = 1, value: str = "") -> None:
        owner = owner or f"fanin-{name}"
        module = "toy_" + owner.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(
            source.replace("{name!r}", repr(name)).replace("{version}", repr(version))
        )
        info = tmp_path / f"{owner.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {owner}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[fanin.backends]\n{name} = {value or module + ':Backend'}\n")

    return _install


def test_a_backend_is_found_by_name_and_built_once(install: Install) -> None:
    install("toy")
    assert fanin.available_backends() == ("toy",)
    assert fanin.known_backends() == ("numpy", "torch", "jax", "toy")
    loaded = fanin.backend("toy")
    assert loaded.name == "toy"
    assert fanin.backend("toy") is loaded
    assert fanin.backend(loaded) is loaded


def test_only_the_named_backend_is_imported(install: Install) -> None:
    install("toy")
    install("other", source="raise RuntimeError('imported')")
    assert fanin.available_backends() == ("other", "toy")
    fanin.backend("toy")
    assert "toy_fanin_toy" in sys.modules
    assert "toy_fanin_other" not in sys.modules


def test_unknown_name(install: Install) -> None:
    install("toy")
    with pytest.raises(BackendNotFoundError) as caught:
        fanin.backend("tyo")
    message = str(caught.value)
    assert "unknown backend 'tyo'. Did you mean 'toy'? Installed: toy." in message
    assert "numpy, torch, jax" in message


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_known_but_not_installed(install: Install, name: str) -> None:
    install("toy")
    with pytest.raises(BackendNotInstalledError) as caught:
        fanin.backend(name)
    assert f'pip install "fanin[{name}]"' in str(caught.value)
    assert "Installed: toy." in str(caught.value)


def test_two_distributions_claim_the_name(install: Install) -> None:
    install("toy", owner="one-toy")
    install("toy", owner="another-toy")
    with pytest.raises(BackendConflictError) as caught:
        fanin.backend("toy")
    assert "'toy' is provided by 2 entry points, from: another-toy, one-toy. Uninstall all but one." in str(
        caught.value
    )
    assert not [module for module in sys.modules if module.startswith("toy_")]


def test_one_distribution_seen_twice_is_no_conflict(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("toy")
    monkeypatch.setattr(sys, "path", [sys.path[0], *sys.path])
    assert fanin.backend("toy").name == "toy"


@pytest.mark.parametrize(
    ("source", "value", "cause", "text"),
    [
        ("import a_library_that_is_missing", "", ModuleNotFoundError, "No module named 'a_library_that_is_missing'"),
        ("raise OSError('libcudart.so.12')", "", OSError, "OSError: libcudart.so.12"),
        ("", "", AttributeError, "Backend"),
        (
            "class Backend:\n    def __init__(self): raise ValueError('no device')",
            "",
            ValueError,
            "ValueError: no device",
        ),
        ("Backend = 3", "", TypeError, "not callable"),
        ("", "toy_missing:Backend", ModuleNotFoundError, "toy_missing"),
    ],
)
def test_installed_but_broken(install: Install, source: str, value: str, cause: type[Exception], text: str) -> None:
    install("toy", source=source, value=value)
    with pytest.raises(BackendImportError) as caught:
        fanin.backend("toy")
    assert "'toy' of fanin-toy is installed, but loading " in str(caught.value)
    assert text in str(caught.value)
    assert "Repair or reinstall fanin-toy." in str(caught.value)
    assert type(caught.value.__cause__) is cause


def test_something_else_than_a_backend(install: Install) -> None:
    install("toy", source="class Backend:\n    name = 'toy'\n    SPEC_VERSION = 1\n    def draw(self, plan): ...")
    with pytest.raises(BackendImportError, match="is not a backend: it lacks capabilities, tobytes, describe"):
        fanin.backend("toy")


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_another_version_of_the_specification(install: Install, version: object) -> None:
    install("toy", version=version)
    with pytest.raises(SpecVersionError) as caught:
        fanin.backend("toy")
    assert f"implements version {version!r} of the specification, but this core implements version 1" in str(
        caught.value
    )
    assert "fanin-toy" in str(caught.value)


def test_a_failure_is_not_remembered(install: Install) -> None:
    """A backend that is installed while the process runs is found."""
    with pytest.raises(BackendNotInstalledError):
        fanin.backend("torch")
    install("torch")
    assert fanin.backend("torch").name == "torch"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [(["jax"], "jax"), (["toy"], "toy"), (["numpy"], "numpy"), (["jax", "numpy", "torch"], "numpy")],
)
def test_default(install: Install, names: list[str], chosen: str) -> None:
    for name in names:
        install(name)
    assert fanin.backend(None).name == fanin.backend().name == chosen


def test_default_among_several_without_numpy(install: Install) -> None:
    install("torch")
    install("jax")
    with pytest.raises(BackendNotFoundError) as caught:
        fanin.backend()
    assert "several backends are installed, and none of them is numpy: jax, torch." in str(caught.value)
    assert 'backend="jax"' in str(caught.value)


def test_default_with_none_installed(install: Install) -> None:
    with pytest.raises(BackendNotInstalledError, match=r'no backend is installed.*pip install "fanin\[numpy\]"'):
        fanin.backend()
    assert fanin.available_backends() == ()
    install("numpy")
    assert fanin.backend().name == "numpy"
