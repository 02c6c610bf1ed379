"""The errors that fanin raises. Each is a `FaninError` and also the built-in exception that a caller would expect."""

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
    """An argument has the right type but an invalid value."""


class FaninTypeError(FaninError, TypeError):
    """An argument has the wrong type."""


class BackendNotFoundError(FaninError, LookupError):
    """Neither an installed distribution nor this project has a backend of this name."""


class BackendNotInstalledError(FaninError, ImportError):
    """A backend of this project is not installed; the message gives the command that installs it."""


class BackendImportError(FaninError, ImportError):
    """The backend is installed, but importing or building it failed; the cause is chained."""


class BackendConflictError(FaninError, RuntimeError):
    """Several entry points provide a backend of the same name."""


class SpecVersionError(FaninError, RuntimeError):
    """The backend implements a different version of the specification than this core."""
