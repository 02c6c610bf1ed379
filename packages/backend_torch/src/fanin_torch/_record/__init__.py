"""Recording a model's own initialization: the tape, what it folds to, and what is replayed."""

from __future__ import annotations

from fanin_torch._record.recording import Recording, record
from fanin_torch._record.scheme import RecordedScheme

__all__ = ["RecordedScheme", "Recording", "record"]
