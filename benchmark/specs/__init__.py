"""Frozen typed values and their identity. Imports nothing of this package but itself; no torch, no numpy."""
