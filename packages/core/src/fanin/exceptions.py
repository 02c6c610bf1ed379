"""The errors fanin raises: each is a `FaninError` and also the built-in kind that a caller would expect."""

from __future__ import annotations

__all__ = [
    "BackendConflictError",
    "BackendImportError",
    "BackendNotFoundError",
    "BackendNotInstalledError",
    "FaninError",
    "FaninTypeError",
    "FaninValueError",
    "SpecVersionError",
]


class FaninError(Exception):
    """Base of every error that fanin raises on purpose."""


class FaninValueError(FaninError, ValueError):
    """An argument has the right type and a value that means nothing here."""


class FaninTypeError(FaninError, TypeError):
    """An argument has the wrong type."""


class BackendNotFoundError(FaninError, LookupError):
    """No installed distribution, and no first-party backend, has this name."""


class BackendNotInstalledError(FaninError, ImportError):
    """A first-party backend that is not installed; the message holds the command that installs it."""


class BackendImportError(FaninError, ImportError):
    """The backend is installed, and importing or building it failed; the cause is chained."""


class BackendConflictError(FaninError, RuntimeError):
    """Two distributions claim the same backend name."""


class SpecVersionError(FaninError, RuntimeError):
    """The backend implements another version of the specification than this core."""
