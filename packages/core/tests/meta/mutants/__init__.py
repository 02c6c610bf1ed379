"""Deliberately wrong implementations: backends, and adapters whose mistakes a seed places."""
