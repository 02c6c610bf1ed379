"""Keras reads its backend when it is imported: the one that nox names, or JAX."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # most of the time is XLA's
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow what Keras itself does when it turns tensors into arrays, as the tests do to compare them."""
    allowed = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(allowed)
