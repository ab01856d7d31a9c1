"""The library on disk: a round per JSON file, and one table of what is known of each.

The format is documented in docs/instances.md, so that the library can be used without this code.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cattrs import BaseValidationError, structure, transform_error

from planner.round import Round
from profiles import Profile

LIBRARY = Path(__file__).parent / "rounds"
"""The shipped instances."""
KNOWN = "known.csv"
TOLERANCE = 1e-6


class LibraryError(ValueError):
    """The library is not as it should be; the message names the file and the row."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A round with a name."""

    name: str
    round_: Round


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an instance under a program and an objective.

    Parameters
    ----------
    instance, program, objective
        Of what.
    jobs, gpus, variables, rows
        Its size.
    value, bound
        The best value found by any solver, and the best bound proven by any.
    seconds
        How long the solver that took longest of those that proved it took; the library is sorted by it.
    solver
        Who found the value first.
    """

    instance: str
    program: str
    objective: str
    jobs: int
    gpus: int
    variables: int
    rows: int
    value: float
    bound: float
    seconds: float
    solver: str

    @property
    def gap(self) -> float:
        """``(bound - value) / max(1, |bound|)``."""
        return max(0.0, self.bound - self.value) / max(1.0, abs(self.bound))


def load_library(directory: Path = LIBRARY) -> list[Instance]:
    """Read all instances of a directory, by name.

    Raises
    ------
    LibraryError
        If there are none.
    ValueError
        If a file is no round; the message names it.
    """
    paths = sorted(directory.glob("*.json"))
    if not paths:
        raise LibraryError(
            f"{directory}: there are no instances (*.json); record some with python -m experiments.instances record"
        )
    return [Instance(path.stem, Round.load(path)) for path in paths]


def read_known(directory: Path = LIBRARY) -> list[Known]:
    """Read the table of what is known; empty if there is none yet."""
    path = directory / KNOWN
    if not path.exists():
        return []
    known: list[Known] = []
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                known.append(structure(row, Known))
            except BaseValidationError as error:
                raise LibraryError(f"{path}, line {line}: {'; '.join(transform_error(error))}") from error
    return known


def write_known(known: Iterable[Known], directory: Path = LIBRARY) -> None:
    """Write the table, easy instances first."""
    fields = list(Known.__slots__)
    with (directory / KNOWN).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(fields)
        for row in sorted(known, key=lambda k: (k.program, k.seconds, k.instance)):
            writer.writerow(
                [f"{getattr(row, name):.4g}" if name == "seconds" else getattr(row, name) for name in fields]
            )


def improve(old: Sequence[Known], new: Sequence[Known]) -> list[Known]:
    """Merge two tables: the better value, the tighter bound.

    Raises
    ------
    LibraryError
        If a value lies above a bound: one of the two solvers is wrong.
    """
    merged = {(k.instance, k.program, k.objective): k for k in old}
    for k in new:
        key = (k.instance, k.program, k.objective)
        before = merged.get(key)
        if before is None:
            merged[key] = k
            continue
        best = k if k.value > before.value + TOLERANCE else before
        bound, seconds = min(k.bound, before.bound), max(k.seconds, before.seconds)
        if best.value > bound + TOLERANCE * max(1.0, abs(bound)):
            raise LibraryError(
                f"{k.instance}, {k.program}: value {best.value!r} of {best.solver} exceeds the bound {bound!r}"
            )
        merged[key] = replace(k, value=best.value, bound=bound, seconds=seconds, solver=best.solver)
    return list(merged.values())


def trimmed(round_: Round) -> Round:
    """Return the round with a profile that holds only the shapes of its jobs, so that its file is small."""
    shapes = {job.request.shape for job in round_.jobs}
    profile = round_.profile
    small = Profile(
        name=profile.name,
        model=profile.model,
        hardware=profile.hardware,
        links=profile.links,
        steps=profile.steps,
        entries=tuple(entry for entry in profile.entries if entry.shape in shapes),
        stages=(),
        notes=profile.notes,
    )
    return replace(round_, profile=small)
