"""How a configuration is refused: one error, and the check that most fields share."""

from __future__ import annotations


class ConfigError(ValueError):
    """A configuration cannot be run; the message names the field, the value and what would be right."""


def positive(field: str, value: float) -> float:
    """Return a value that must be positive and finite.

    Raises
    ------
    ConfigError
        If it is not; the message names the field and the value.
    """
    if not 0 < value < float("inf"):
        raise ConfigError(f"{field} is {value}; a positive number is needed")
    return value
