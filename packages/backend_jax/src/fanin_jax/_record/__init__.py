"""Reading a model's initialization from the trace of a function of a key."""

from __future__ import annotations

from fanin_jax._record.scheme import RecordedScheme, record

__all__ = ["RecordedScheme", "record"]
