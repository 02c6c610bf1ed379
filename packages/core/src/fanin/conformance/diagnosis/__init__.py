"""Diagnosis: what is likely wrong where a check fails, at either level."""
