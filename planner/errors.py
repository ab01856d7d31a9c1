"""How a value is refused: the error names the parameter, the value and what would be right.

The planner knows parameters only. Who configures it from elsewhere turns the name into that of a field with
:meth:`ParameterError.at`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

_LONGEST = 60
"""Characters of a value that an error shows."""


FAILURES = (Exception, SystemExit)
"""What code of a user's own may raise, and must not end a command without a word."""


def said(error: BaseException) -> str:
    """Return the type and the words of an error, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")


class ParameterError(ValueError):
    """A parameter has a value that it cannot have.

    Parameters
    ----------
    name
        The parameter, as the caller wrote it.
    value
        What was given.
    expected
        What would be right.
    where
        What the parameter belongs to, such as ``"request 3"``; empty where the call says it.
    """

    def __init__(self, name: str, value: object, expected: str, where: str = "") -> None:
        self.name, self.value, self.expected, self.where = name, value, expected, where
        super().__init__(_text(name, value, expected, where))

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, object, str, str]]:
        """Keep the parts when an error crosses processes."""
        return type(self), (self.name, self.value, self.expected, self.where)

    def at(self, name: str, *shown: object) -> str:
        """Return the message with another name in place of the parameter's, and the value that was given under it."""
        return _text(name, shown[0] if shown else self.value, self.expected, self.where)


def _text(name: str, value: object, expected: str, where: str) -> str:
    given = (
        repr(value) if isinstance(value, str) or type(value).__repr__ is not object.__repr__ else type(value).__name__
    )
    if len(given) > _LONGEST:
        given = f"{given[: _LONGEST - 3]}..."
    return f"{where + ': ' if where else ''}{name} is {given}; {expected}"


def whole(name: str, value: Any, least: int = 1, where: str = "") -> None:
    """Refuse what is no ``int`` of at least ``least``.

    Raises
    ------
    ParameterError
        With the name and the value.
    """
    if type(value) is not int or value < least:
        raise ParameterError(name, value, f"a whole number (int) of at least {least} is needed", where)


def finite(name: str, value: Any, expected: str = "a finite number is needed", where: str = "") -> None:
    """Refuse what is no finite number.

    Raises
    ------
    ParameterError
        With the name and the value.
    """
    if not is_finite(value):
        raise ParameterError(name, value, expected, where)


def is_finite(value: Any) -> bool:
    """Whether a value is a finite number; a truth value is none."""
    return isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value)


@contextmanager
def within(path: str) -> Iterator[None]:
    """Put a path in front of the parameters that errors name: ``steps_left`` of ``jobs[3]`` is ``jobs[3].steps_left``.

    Raises
    ------
    ParameterError
        In place of one of the body.
    """
    try:
        yield
    except ParameterError as error:
        raise ParameterError(f"{path}.{error.name}" if path else error.name, error.value, error.expected) from None


def fields_of(data: Any, path: str, needed: Collection[str], optional: Collection[str] = ()) -> Mapping[str, Any]:
    """Return plain data that have all fields that are needed and no unknown one.

    Raises
    ------
    ParameterError
        If they are no mapping.
    ValueError
        If a field is missing or unknown; the message names it with its path.
    """
    if not isinstance(data, Mapping):
        raise ParameterError(path, data, f"an object with the fields {', '.join(needed)} is needed")
    front = f"{path}." if path else ""
    missing = [field for field in needed if field not in data]
    if missing:
        raise ValueError(f"{front}{missing[0]} is missing")
    known = [*needed, *optional]
    unknown = [field for field in data if field not in known]
    if unknown:
        near = get_close_matches(str(unknown[0]), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(known)}"
        raise ValueError(f"{front}{unknown[0]} is no field; {hint}")
    return data


def listed(data: Mapping[str, Any], field: str, path: str = "") -> list[Any]:
    """Return a field that must be a list.

    Raises
    ------
    ParameterError
        If it is none.
    """
    if not isinstance(data[field], list | tuple):
        raise ParameterError(f"{path}.{field}" if path else field, data[field], "a list is needed")
    return list(data[field])
