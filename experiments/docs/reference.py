"""The reference of what the packages export: a page made of signatures and the first sentences of docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

PACKAGES = ("experiments", "planner", "executor", "profiles", "experiments.workload", "experiments.results")
HEAD = """# Reference

What the packages export, with signatures and first sentences; docstrings have the rest (`help(planner.solve)`). This page is
made by `python -m experiments.docs`.
"""


def reference() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(importlib.import_module(name)) for name in PACKAGES)])


def _section(package: ModuleType) -> str:
    first = _first(package)
    return "\n".join([f"## `{package.__name__}`\n", f"{first}\n", *_entries(package), ""])


def _entries(package: ModuleType) -> Iterator[str]:
    for name in sorted(package.__all__, key=str.lower):
        thing = getattr(package, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield f"- **`{name}{_signature(thing)}`**: {_first(thing)}"
        else:
            yield f"- **`{name}`**: of type `{type(thing).__name__}`"


def _signature(thing: object) -> str:
    try:
        text = str(inspect.signature(thing))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"<factory>|<(?:function )?([\w.]*)[^<>]* at 0x[0-9a-f]+>", r"\1", text)
    text = re.sub(r"(: |-> )(['\"])(.*?)\2(?=[,)= ]|$)", r"\1\3", text)
    if inspect.isclass(thing):
        text = "" if text.startswith("(*args, **kwargs)") else text.removesuffix(" -> None")
    return text if len(text) < 300 else "(...)"


def _first(thing: object) -> str:
    """Return the first paragraph of a docstring on one line, with Markdown's code marks."""
    text = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split())).replace("``", "`")
