"""A user's own objective, from a file anywhere on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.load import LoadError, load_own
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
    try:
        objective: Objective = load_own("objective", "rewards(outcomes)", file, name, arguments)
        try_out(objective)
    except LoadError as error:
        raise ObjectiveError(str(error)) from error
    except ObjectiveError as error:
        raise ObjectiveError(f"objective file {file}: {error}") from error
    return objective
