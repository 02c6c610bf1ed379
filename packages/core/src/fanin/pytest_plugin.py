"""The pytest plugin: a fixture, and the conformance suite on any backend without a test file of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["assert_follows", "pytest_addoption", "pytest_configure"]

OPTION: Final = "--fanin-backend"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs the suite."""
    parser.getgroup("fanin").addoption(
        OPTION, metavar="NAME", help="run fanin's conformance suite too, on the backend of this name"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the suite beside what else is collected."""
    name = config.getoption(OPTION)
    if name is not None:
        from fanin.testing import backend_suite

        backend_suite.TestBackend.backend = name
        if not hasattr(config, "workerinput"):  # processes of pytest-xdist get the arguments of the first one
            config.args.append(str(Path(backend_suite.__file__)))


@pytest.fixture
def assert_follows() -> Callable[..., Any]:
    """Return `fanin.testing.assert_follows`."""
    from fanin.testing import assert_follows as function

    return function
