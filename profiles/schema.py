"""The versioned form of a profile as plain data, and the checks that turn such data into typed fields.

Every message names the origin (a file, mostly), the JSON path, the value found, and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict, TypeVar, cast

from profiles.communication import SCHEMA as COMMUNICATION_SCHEMA
from profiles.communication import CollectiveEntry, Communication, GroupEntry, Operation, RegroupEntry
from profiles.entries import ProfileError, Provenance, StageEntry, StepEntry, TimedStage
from profiles.shape import Shape

SCHEMA = "tetriplan/profile/1"
"""The only version so far; a change that an old reader would misread gets the next number."""

PROFILE_KEYS = ("schema", "name", "model", "hardware", "links", "steps", "notes", "entries", "stages")
ENTRY_KEYS = ("shape", "degree", "batch", "link", "seconds", "spread", "provenance", "source", "date")
STAGE_KEYS = ("shape", "stage", "seconds", "provenance", "source", "date")
COMMUNICATION_KEYS = ("schema", "collectives", "groups", "regroups")
COLLECTIVE_KEYS = ("operation", "degree", "link", "sent", "seconds", "spread", "source", "date")
GROUP_KEYS = ("degree", "link", "seconds", "spread", "memory", "source", "date")
REGROUP_KEYS = ("before", "after", "seconds", "spread", "source", "date")

_Entry = TypeVar("_Entry")


class ProfileFields(TypedDict):
    """The constructor arguments of a `profiles.Profile`."""

    name: str
    model: str
    hardware: str
    links: tuple[str, ...]
    steps: int
    entries: tuple[StepEntry, ...]
    stages: tuple[StageEntry, ...]
    notes: str
    communication: Communication


def parse_profile(data: object, origin: str) -> ProfileFields:
    """Turn plain data into the constructor arguments of a profile.

    Parameters
    ----------
    data
        What a JSON file holds.
    origin
        Words for where it comes from; every error starts with them.

    Raises
    ------
    ProfileError
        At the first thing that is wrong.
    """
    try:
        if isinstance(data, Mapping) and data.get("schema", SCHEMA) != SCHEMA:
            raise ProfileError(f"schema is {_shown(data['schema'])}; this version reads {SCHEMA!r}")
        found = _record(data, PROFILE_KEYS, "profile", optional=("communication",))
        links = [_text(link, f"links[{i}]") for i, link in enumerate(_list(found["links"], "links"))]
        return ProfileFields(
            name=_text(found["name"], "name"),
            model=_text(found["model"], "model"),
            hardware=_text(found["hardware"], "hardware"),
            links=tuple(links),
            steps=_integer(found["steps"], "steps"),
            entries=_entries(found["entries"], "entries", _step_entry),
            stages=_entries(found["stages"], "stages", _stage_entry),
            notes=_text(found["notes"], "notes"),
            communication=_communication(found["communication"]) if "communication" in found else Communication(),
        )
    except ProfileError as error:
        raise ProfileError(f"{origin}: {error}") from None


def _entries(value: object, path: str, parse: Callable[[object, str], _Entry]) -> tuple[_Entry, ...]:
    return tuple(parse(item, f"{path}[{i}]") for i, item in enumerate(_list(value, path)))


def _step_entry(value: object, path: str) -> StepEntry:
    found = _record(value, ENTRY_KEYS, path)
    shape = _shape(found["shape"], f"{path}.shape")
    degree = _integer(found["degree"], f"{path}.degree")
    batch = _integer(found["batch"], f"{path}.batch")
    link = _text(found["link"], f"{path}.link")
    seconds = _number(found["seconds"], f"{path}.seconds")
    spread = _number(found["spread"], f"{path}.spread")
    provenance = cast(Provenance, _text(found["provenance"], f"{path}.provenance"))
    source = _text(found["source"], f"{path}.source")
    date = _text(found["date"], f"{path}.date")
    try:
        return StepEntry(shape, degree, batch, link, seconds, spread, provenance, source, date)
    except ProfileError as error:
        raise ProfileError(f"{path}.{error}") from None


def _stage_entry(value: object, path: str) -> StageEntry:
    found = _record(value, STAGE_KEYS, path)
    shape = _shape(found["shape"], f"{path}.shape")
    stage = cast(TimedStage, _text(found["stage"], f"{path}.stage"))
    seconds = _number(found["seconds"], f"{path}.seconds")
    provenance = cast(Provenance, _text(found["provenance"], f"{path}.provenance"))
    source = _text(found["source"], f"{path}.source")
    date = _text(found["date"], f"{path}.date")
    try:
        return StageEntry(shape, stage, seconds, provenance, source, date)
    except ProfileError as error:
        raise ProfileError(f"{path}.{error}") from None


def _communication(value: object, path: str = "communication") -> Communication:
    found = _record(value, COMMUNICATION_KEYS, path)
    if found["schema"] != COMMUNICATION_SCHEMA:
        raise ProfileError(f"{path}.schema is {_shown(found['schema'])}; this version reads {COMMUNICATION_SCHEMA!r}")
    return Communication(
        _entries(found["collectives"], f"{path}.collectives", _collective),
        _entries(found["groups"], f"{path}.groups", _group),
        _entries(found["regroups"], f"{path}.regroups", _regroup),
    )


def _collective(value: object, path: str) -> CollectiveEntry:
    found = _record(value, COLLECTIVE_KEYS, path)
    operation = cast(Operation, _text(found["operation"], f"{path}.operation"))
    degree, sent = (_integer(found[key], f"{path}.{key}") for key in ("degree", "sent"))
    link = _text(found["link"], f"{path}.link")
    try:
        return CollectiveEntry(operation, degree, link, sent, *_times(found, path))
    except ProfileError as error:
        raise ProfileError(f"{path}.{error}") from None


def _group(value: object, path: str) -> GroupEntry:
    found = _record(value, GROUP_KEYS, path)
    degree, memory = (_integer(found[key], f"{path}.{key}") for key in ("degree", "memory"))
    link = _text(found["link"], f"{path}.link")
    seconds, spread, source, date = _times(found, path)
    try:
        return GroupEntry(degree, link, seconds, spread, memory, source, date)
    except ProfileError as error:
        raise ProfileError(f"{path}.{error}") from None


def _regroup(value: object, path: str) -> RegroupEntry:
    found = _record(value, REGROUP_KEYS, path)
    before, after = (_integer(found[key], f"{path}.{key}") for key in ("before", "after"))
    try:
        return RegroupEntry(before, after, *_times(found, path))
    except ProfileError as error:
        raise ProfileError(f"{path}.{error}") from None


def _times(found: Mapping[str, object], path: str) -> tuple[float, float, str, str]:
    seconds, spread = (_number(found[key], f"{path}.{key}") for key in ("seconds", "spread"))
    return seconds, spread, _text(found["source"], f"{path}.source"), _text(found["date"], f"{path}.date")


def _record(value: object, keys: tuple[str, ...], path: str, optional: tuple[str, ...] = ()) -> Mapping[str, object]:
    """Check that ``value`` is an object with exactly ``keys``, and perhaps ``optional`` ones."""
    if not isinstance(value, Mapping):
        raise ProfileError(f"{path} is {_shown(value)}; it must be an object with the keys {', '.join(keys)}")
    for key in keys:
        if key not in value:
            raise ProfileError(f"{path} lacks the key {key!r}; it must have {', '.join(keys)}")
    for key in value:
        if key not in keys + optional:
            raise ProfileError(f"{path} has the unknown key {key!r}; it must have {', '.join(keys + optional)}")
    return value


def _list(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise ProfileError(f"{path} is {_shown(value)}; it must be a list")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise ProfileError(f"{path} is {_shown(value)}; it must be a string")
    return value


def _integer(value: object, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProfileError(f"{path} is {_shown(value)}; it must be a whole number")
    return value


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProfileError(f"{path} is {_shown(value)}; it must be a number")
    return float(value)


def _shape(value: object, path: str) -> Shape:
    try:
        return Shape.parse(_text(value, path))
    except ProfileError:
        raise
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
