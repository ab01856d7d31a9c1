"""Configuration made from the library's dataclasses: their fields, defaults and docstrings are declared once, there."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import MISSING
from typing import Any, Literal, get_args, get_origin, get_type_hints

NOT_CONFIGURED = ("name", "preemptive")
"""Fields that say what a class is, not how it is set."""


def schema_from(
    kind: str, source: type, only: Collection[str] | None = None, base: type = object, **others: Any
) -> type:
    """Make the configuration of a dataclass: one field for each of its parameters.

    Parameters
    ----------
    kind
        Value of the field ``kind``, by which what is built finds its way back.
    source
        The dataclass.
    only
        Its fields that can be configured; by default all but :data:`NOT_CONFIGURED`.
    base
        What the configuration has beyond them.
    others
        Other defaults for fields of either.
    """
    hints = get_type_hints(source)
    made: list[Any] = [("kind", str, dataclasses.field(default=kind))]
    for field in parameters(source, only):
        given: Any = others.pop(field.name, field.default)
        made.append(
            (field.name, _plain(hints[field.name]), _default(field.default_factory if given is MISSING else given))
        )
    made += [
        (name, list[Any] if isinstance(value, list) else type(value), _default(value)) for name, value in others.items()
    ]
    bases = () if base is object else (base,)
    schema = dataclasses.make_dataclass(f"{source.__name__}Config", made, bases=bases)
    schema.__doc__ = source.__doc__
    return schema


def parameters(source: type, only: Collection[str] | None = None) -> list[dataclasses.Field[Any]]:
    """Return the fields of a dataclass that can be configured."""
    fields = [field for field in dataclasses.fields(source) if field.init and field.name not in NOT_CONFIGURED]
    return [field for field in fields if only is None or field.name in only]


def made_from(source: type, config: Mapping[str, Any], only: Collection[str] | None = None) -> Any:
    """Make the object that a configuration of it describes."""
    return source(**{field.name: config[field.name] for field in parameters(source, only)})


def _default(given: Any) -> Any:
    """Return the default of a field: a value, or what makes one."""
    if callable(given):
        return dataclasses.field(default_factory=given)
    return (
        dataclasses.field(default_factory=lambda: list(given))
        if isinstance(given, list)
        else dataclasses.field(default=given)
    )


def _plain(hint: Any) -> Any:
    """Return a type that configurations know: names of choices are text, mappings are dicts."""
    if get_origin(hint) is Literal:
        return str
    if get_origin(hint) is Mapping:
        key, value = get_args(hint)
        return dict[key, value]  # type: ignore[valid-type]
    return hint
