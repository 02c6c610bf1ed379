"""Find backends by name, through entry points. Only the requested one is loaded; each failure has its own message."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fanin._checks import closest
from fanin.contract import ENTRY_POINT_GROUP, Backend
from fanin.exceptions import (
    BackendConflictError,
    BackendImportError,
    BackendNotFoundError,
    BackendNotInstalledError,
    FaninTypeError,
    SpecVersionError,
)
from fanin.plans import SPEC_VERSION

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["available_backends", "backend", "known_backends"]

FIRST_PARTY: Final = ("numpy", "torch", "jax")
"""Backends of this project; the extra of the same name installs each."""

_MEMBERS: Final = ("name", "SPEC_VERSION", "capabilities", "draw", "tobytes", "describe")


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the installed entry points by name. Scanning takes milliseconds, so it is done only once."""
    metadata: Any = importlib.import_module("importlib.metadata")
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        owner = point.dist.name if point.dist is not None else "?"
        found.setdefault(point.name, {})[owner, point.value] = point
    return {name: tuple(points.values()) for name, points in sorted(found.items())}


def available_backends() -> tuple[str, ...]:
    """Return the sorted names of the installed backends, without importing any.

    Example:
        >>> isinstance(available_backends(), tuple)
        True
    """
    return tuple(_entry_points())


def known_backends() -> tuple[str, ...]:
    """Return the names of this project's backends and of all other installed ones.

    Example:
        >>> known_backends()[:3]
        ('numpy', 'torch', 'jax')
    """
    return (*FIRST_PARTY, *(name for name in available_backends() if name not in FIRST_PARTY))


def backend(name: str | Backend | None = None) -> Backend:
    """Return the backend with this name, loading it on first use.

    Args:
        name: A backend's name; None for the only installed one, or numpy. A backend object is returned as it is.

    Raises:
        BackendNotFoundError: The name is unknown.
        BackendNotInstalledError: It is one of this project's backends but not installed, or no backend is installed.
        BackendConflictError: Several entry points provide a backend of this name.
        BackendImportError: It is installed, but importing it failed; the cause is chained.
        SpecVersionError: It implements a different version of the specification.
        FaninTypeError: `name` is neither a name, None nor a backend.
    """
    if name is None:
        return _load(_default())
    if isinstance(name, str):
        return _load(name)
    missing = [member for member in _MEMBERS if not hasattr(name, member)]
    if isinstance(name, type) or missing:
        lack = f"which lacks {', '.join(missing)}" if missing else "which is a class: pass an instance"
        raise FaninTypeError(
            f"backend must be a name, None or a backend. Received: {name!r} of type {type(name).__name__}, {lack}. "
            f"Installed: {_listing()}."
        )
    if name.SPEC_VERSION != SPEC_VERSION:
        raise SpecVersionError(
            f"backend {name.name!r} implements version {name.SPEC_VERSION!r} of the specification, but this core "
            f"implements version {SPEC_VERSION}. Install matching releases."
        )
    return name


def _listing() -> str:
    return ", ".join(available_backends()) or "none"


def _default() -> str:
    names = available_backends()
    if not names:
        _entry_points.cache_clear()  # one may have been installed since the last scan
        names = available_backends()
    if len(names) == 1:
        return names[0]
    if "numpy" in names:
        return "numpy"
    if names:
        raise BackendNotFoundError(
            f"several backends are installed, and none of them is numpy: {_listing()}. Choose one, for example "
            f'backend="{names[0]}".'
        )
    raise BackendNotInstalledError(
        f'no backend is installed. Install one: pip install "fanin[numpy]" (or {", ".join(FIRST_PARTY[1:])}).'
    )


@lru_cache(maxsize=64)
def _load(name: str) -> Backend:
    points = _entry_points().get(name)
    if points is None:
        _entry_points.cache_clear()  # it may have been installed since the last scan
        points = _entry_points().get(name)
    if points is None and name in FIRST_PARTY:
        raise BackendNotInstalledError(
            f'backend {name!r} is not installed. Run: pip install "fanin[{name}]". Installed: {_listing()}.'
        )
    if points is None:
        raise BackendNotFoundError(
            f"unknown backend {name!r}.{closest(name, known_backends())} Installed: {_listing()}. This project has "
            f'{", ".join(FIRST_PARTY)}; install one with pip install "fanin[NAME]".'
        )
    if len(points) > 1:
        owners = ", ".join(sorted(point.dist.name if point.dist is not None else "?" for point in points))
        raise BackendConflictError(
            f"backend {name!r} is provided by {len(points)} entry points, from: {owners}. Uninstall all but one."
        )
    return _build(name, points[0])


def _build(name: str, point: EntryPoint) -> Backend:
    owner = point.dist.name if point.dist is not None else point.value
    try:
        instance = point.load()()
    except Exception as error:
        raise BackendImportError(
            f"backend {name!r} of {owner} is installed, but loading {point.value} failed: "
            f"{type(error).__name__}: {error}. Repair or reinstall {owner}."
        ) from error
    if missing := [member for member in _MEMBERS if not hasattr(instance, member)]:
        raise BackendImportError(
            f"backend {name!r} of {owner} is installed, but {point.value} is not a backend: it lacks "
            f"{', '.join(missing)}. See fanin.contract.Backend."
        )
    if instance.SPEC_VERSION != SPEC_VERSION:
        raise SpecVersionError(
            f"backend {name!r} of {owner} implements version {instance.SPEC_VERSION!r} of the specification, but this "
            f"core implements version {SPEC_VERSION}. Install matching releases of fanin and {owner}."
        )
    loaded: Backend = instance
    return loaded
