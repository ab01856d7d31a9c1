"""What a survey has found so far: a line of JSON for each thing, written as soon as it is known."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from executor.survey.items import SurveyItem

SCHEMA = "tetriplan/survey/1"


@dataclass(frozen=True)
class Setting:
    """What all of a survey has in common; only what has the same may be added to it.

    Parameters
    ----------
    device
        In words.
    dtype
        Of weights and latents.
    width
        Of the models: ``full``, unless it is a rehearsal.
    mode
        ``eager``, ``compiled`` (blocks compiled as the engine does), ``graphs`` (steps replayed as CUDA graphs, without the
        host's time to start kernels) or ``compiled_graphs``.
    software
        Versions.
    attention
        Backend of diffusers' dispatcher (``DIFFUSERS_ATTN_BACKEND``).
    """

    device: str
    dtype: str
    width: str
    mode: str
    software: str
    attention: str = "native"

    @property
    def compiled(self) -> bool:
        """Whether blocks are compiled."""
        return self.mode.startswith("compiled")

    @property
    def graphs(self) -> bool:
        """Whether steps are replayed as CUDA graphs."""
        return self.mode.endswith("graphs")


@dataclass(frozen=True)
class Timing:
    """What was found of an item.

    Parameters
    ----------
    seconds
        By repeat; empty where it failed.
    calls, sent
        Collectives of a step, and bytes that a member sends in them.
    peak
        Bytes of the device that were in use at most.
    finite
        Whether latents stayed numbers.
    error
        Why it failed; empty where it did not.
    """

    seconds: tuple[float, ...]
    calls: int = 0
    sent: int = 0
    peak: int = 0
    finite: bool = True
    error: str = ""


class SurveyError(ValueError):
    """A survey cannot go on in a folder; the message says why."""


class SurveyFile:
    """The file of a survey.

    Parameters
    ----------
    path
        Made if it is not there; a last line that an interruption cut off is left out.
    setting
        Of this survey; None takes that of the file.

    Raises
    ------
    SurveyError
        If the file is of another setting, or no such file.
    """

    def __init__(self, path: Path, setting: Setting | None) -> None:
        self._path = path
        self.timings: dict[str, Timing] = {}
        whole = path.read_bytes() if path.exists() else b""
        lines = [line for line in whole.splitlines(keepends=True) if line.endswith(b"\n")]
        if not lines:
            if setting is None:
                raise SurveyError(f"there is no survey in {path}")
            self.setting = setting
            path.write_text(json.dumps({"schema": SCHEMA, **asdict(setting)}) + "\n")
            return
        try:
            head, *entries = [json.loads(line) for line in lines]
            if head.pop("schema") != SCHEMA:
                raise ValueError(f"its schema is not {SCHEMA}")
            self.setting = Setting(**head)
            self.timings = {entry.pop("item"): _timing(entry) for entry in entries}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SurveyError(f"{path} is no file of a survey: {error}") from None
        if setting is not None and self.setting != setting:
            mine, theirs = asdict(setting), asdict(self.setting)
            unlike = [f"{name} {theirs[name]!r}, not {mine[name]!r}" for name in mine if mine[name] != theirs[name]]
            raise SurveyError(f"{path} is of another survey: {'; '.join(unlike)}; give another --out")
        if len(whole) > sum(map(len, lines)):
            path.write_bytes(b"".join(lines))

    def add(self, item: SurveyItem, timing: Timing) -> None:
        """Write down what was found of an item; when this returns, it survives an interruption."""
        with self._path.open("a") as file:
            file.write(json.dumps({"item": item.key, **asdict(timing)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.timings[item.key] = timing


def _timing(entry: dict[str, Any]) -> Timing:
    return Timing(tuple(entry.pop("seconds")), **entry)
