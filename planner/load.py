"""A user's own class or function, from a file anywhere on disk."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from planner.errors import FAILURES, said
from planner.limit import TookTooLong, time_limit

SECONDS = 20.0
"""For the import of a file, and for a trial of what it defines."""


class LoadError(ValueError):
    """A user's file does not give what it is asked for; the message names the file, and says what would be right."""


def load_own(
    kind: str, signature: str, file: str | Path, name: str = "", arguments: Mapping[str, Any] | None = None
) -> Any:
    """Import a Python file, and make the object of the class that it defines.

    Parameters
    ----------
    kind
        What it is, for messages: ``"solver"``.
    signature
        Of the method that makes a class one: ``"solve(round_, budget)"``.
    file
        Path of the file.
    name
        The class to take; may be left empty when the file defines exactly one with that method.
    arguments
        Keyword arguments of its constructor.

    Raises
    ------
    LoadError
        If the file is missing or does not import, or the class is not there or cannot be made.
    """
    module = load_module(kind, file)
    method = signature.partition("(")[0]
    classes = {key: value for key, value in own_definitions(module).items() if inspect.isclass(value)}
    fitting = {key: value for key, value in classes.items() if callable(getattr(value, method, None))}
    detail = f" with a method {signature}"
    if name in classes and name not in fitting:
        raise LoadError(f"{kind} file {file}: class {name} has no method {method}; a class{detail} is needed")
    chosen = chosen_of(kind, file, fitting, name, "class", detail)
    try:
        with time_limit(SECONDS):
            return chosen(**(arguments or {}))
    except TookTooLong as error:
        raise LoadError(f"{kind} file {file}: {chosen.__name__}(...) {error}") from None
    except FAILURES as error:
        raise LoadError(f"{kind} file {file}: {chosen.__name__}(...) raised {said(error)}") from error


def load_module(kind: str, file: str | Path) -> ModuleType:
    """Import a Python file.

    Raises
    ------
    LoadError
        If it is missing, no Python file, or does not import.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise LoadError(f"{kind} file {path}: there is no such file; give the path of a Python file")
    spec = importlib.util.spec_from_file_location(f"tetriplan_{kind}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{kind} file {path}: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with time_limit(SECONDS):
            spec.loader.exec_module(module)
    except TookTooLong as error:
        raise LoadError(f"{kind} file {path}: its import {error}") from None
    except FAILURES as error:
        raise LoadError(f"{kind} file {path} does not import: {said(error)}") from error
    return module


def chosen_of(kind: str, file: str | Path, fitting: Mapping[str, Any], name: str, noun: str, detail: str) -> Any:
    """Return the definition of a name, or the only one; ``noun`` and ``detail`` say what is looked for.

    Raises
    ------
    LoadError
        If there is none of that name, or none or several to choose from.
    """
    known = ", ".join(fitting) or "none"
    if name and name not in fitting:
        near = get_close_matches(name, fitting, 1)
        guess = f"; did you mean {near[0]}?" if near else ";"
        raise LoadError(f"{kind} file {file}: no {noun} {name!r}{detail}{guess} it has: {known}")
    if not name and len(fitting) != 1:
        raise LoadError(f"{kind} file {file}: name one {noun}{detail}; it has: {known}")
    return fitting[name] if name else next(iter(fitting.values()))


def own_definitions(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines itself."""
    return {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__}
