"""Audits: is a model initialized as it should be, and where not, what went wrong. Weights are read, never changed."""

from __future__ import annotations

from fanin.auditing.audit import audit
from fanin.auditing.findings import KINDS, Finding, Severity
from fanin.auditing.report import Audit, Entry

__all__ = ["KINDS", "Audit", "Entry", "Finding", "Severity", "audit"]
