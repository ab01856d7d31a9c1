"""Setters of the fields of a frozen dataclass, for the few classes that are made many times in every decision.

The constructor that :func:`dataclasses.dataclass` writes for a frozen class looks the name of each field up every time it
sets it. Where that is felt, a class has a constructor of its own, which sets its fields with these and checks them as any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any


def setters_of(frozen: type[Any]) -> tuple[Callable[[Any, Any], None], ...]:
    """Return what sets each field of a dataclass with slots, in order; only its constructor may call it."""
    return tuple(getattr(frozen, field.name).__set__ for field in fields(frozen))
