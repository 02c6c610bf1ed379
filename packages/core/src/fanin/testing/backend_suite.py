"""The conformance suite on the backend that `pytest --fanin-backend NAME` names."""

from __future__ import annotations

from fanin.conformance import BackendSuite

__all__ = ["TestBackend"]


class TestBackend(BackendSuite):
    """Both levels, on the backend that the plugin sets."""
