"""How a configuration is refused: one error, and the check that most fields share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from planner.errors import ParameterError


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


@contextmanager
def configured(group: str, config: Mapping[str, Any], **fields: str) -> Iterator[None]:
    """Turn what a library says of its parameters into what a user configured.

    Parameters
    ----------
    group
        The configuration group that the parameters come from.
    config
        That group as plain data; errors show its values.
    fields
        By parameter, the field that it is made of, where that has another name.

    Raises
    ------
    ConfigError
        In place of a `ParameterError` of the body.
    """
    try:
        yield
    except ParameterError as error:
        field = fields.get(error.name, error.name)
        raise ConfigError(error.at(f"{group}.{field}", config.get(field, error.value))) from None
