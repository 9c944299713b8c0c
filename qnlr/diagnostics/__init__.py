"""Diagnostics: what a landscape looks like, whether it is a plateau, and what theory says of it."""

from __future__ import annotations

DIAGNOSTICS: dict[str, str] = {}
"""Diagnostics by name, each as ``"module:function"``, so that help need not import them all."""
