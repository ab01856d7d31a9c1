"""A user's own objective, from a file anywhere on disk."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from planner.objectives.protocol import Objective, ObjectiveError
from planner.objectives.trial import try_out


def load_objective(file: str | Path, name: str = "", arguments: Mapping[str, Any] | None = None) -> Objective:
    """Import a Python file and make the objective that it defines, after a trial on a small example.

    Parameters
    ----------
    file
        Path of the Python file.
    name
        The class to take; may be left empty when the file defines exactly one class with a ``rewards`` method.
    arguments
        Keyword arguments of its constructor.

    Raises
    ------
    ObjectiveError
        If the file is missing or does not import, the class is not there or cannot be made, or its rewards on the
        example have the wrong shape, are not finite, or differ when it is asked again. The message names the file.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise ObjectiveError(
            f"objective file {path}: there is no such file; give the path of a Python file with your class"
        )
    spec = importlib.util.spec_from_file_location(f"tetriplan_objective_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ObjectiveError(f"objective file {path}: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ObjectiveError(f"objective file {path} does not import: {type(error).__name__}: {error}") from error
    classes = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == spec.name and callable(getattr(value, "rewards", None))
    }
    known = ", ".join(classes) or "none"
    if name and name not in classes:
        raise ObjectiveError(
            f"objective file {path}: no class {name!r} with a method rewards(outcomes); it has: {known}"
        )
    if not name and len(classes) != 1:
        raise ObjectiveError(f"objective file {path}: name one class with a method rewards(outcomes); it has: {known}")
    chosen = classes[name] if name else next(iter(classes.values()))
    try:
        objective = cast(Objective, chosen(**(arguments or {})))
    except Exception as error:
        raise ObjectiveError(
            f"objective file {path}: {chosen.__name__}(...) raised {type(error).__name__}: {error}"
        ) from error
    try:
        try_out(objective)
    except ObjectiveError as error:
        raise ObjectiveError(f"objective file {path}: {error}") from error
    return objective
