"""What an exact solver decides: every choice of ``program``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from experiments.config.checks import configured
from experiments.config.schemas import made_from, schema_from
from planner.load import LoadError, load_own
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import Program
from planner.programs.lookahead import Lookahead
from planner.testing.programs import check_program
from planner.testing.rounds import ConformanceError

PROGRAMS: Mapping[str, Callable[[], Program]] = {"lookahead": Lookahead, "assignment": AssignmentProgram}
"""Shipped programs by name, with their defaults."""


@dataclass
class CustomProgramConfig:
    """A class of your own: ``program.file`` is a Python file anywhere on disk (docs/own.md)."""

    kind: str = "custom"
    file: str = MISSING
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


SCHEMAS: Mapping[str, type] = {
    "lookahead": schema_from("lookahead", Lookahead),
    "assignment": schema_from("assignment", AssignmentProgram),
    "custom": CustomProgramConfig,
}


def make_program(config: Mapping[str, Any]) -> Program:
    """Make the program of a configuration; wrong values are refused by field."""
    with configured("program", config):
        if config["kind"] == "custom":
            program: Program = load_own(
                "program", "model(round_, objective, greedy)", config["file"], config["name"], config["arguments"]
            )
            try:
                check_program(program)
            except ConformanceError as error:
                raise LoadError(f"program file {config['file']}: {type(program).__name__}: {error}") from None
            return program
        source: Any = PROGRAMS[config["kind"]]
        made: Program = made_from(source, config)
        return made
