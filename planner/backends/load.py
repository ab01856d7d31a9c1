"""A user's own solver of programs, from a file anywhere on disk."""

from __future__ import annotations

from pathlib import Path

from planner.backends.protocol import Backend
from planner.errors import FAILURES, said
from planner.limit import TookTooLong, time_limit
from planner.load import SECONDS, LoadError, load_own
from planner.testing import ConformanceError, check_backend


def load_backend(file: str | Path, name: str = "") -> Backend:
    """Import a Python file and make the solver of programs that it defines, after a trial on small programs.

    Parameters
    ----------
    file
        Path of the Python file.
    name
        The class to take; may be left empty when the file defines exactly one with a method ``solve``.

    Raises
    ------
    LoadError
        If the file does not give one, or it breaks a rule on a small program (:func:`planner.testing.check_backend`).
    """
    backend: Backend = load_own("backend", "solve(program, budget)", file, name)
    where = f"backend file {file}: {type(backend).__name__}"
    try:
        with time_limit(SECONDS):
            check_backend(backend)
    except ConformanceError as error:
        raise LoadError(f"{where}: {error}") from None
    except TookTooLong as error:
        raise LoadError(f"{where}: solve() {error}") from None
    except FAILURES as error:
        raise LoadError(f"{where}: solve() raised {said(error)}") from error
    return backend
