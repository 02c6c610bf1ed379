"""Locks: the initial weights of a model as a small text, and whether weights are still those."""

from __future__ import annotations

from fanin.locking.findings import Finding, Verification
from fanin.locking.lock import Lock, lock
from fanin.locking.verify import verification, verify

__all__ = ["Finding", "Lock", "Verification", "lock", "verification", "verify"]
