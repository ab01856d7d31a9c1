"""What the command lines share: composing a configuration, and telling a user what is wrong in one place."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from executor.distributed.config import EngineError
from executor.models.spec import ModelError
from experiments.config import CHOICES, register
from experiments.config import schema as schema_of
from profiles import command_line
from profiles.command_line import Parser, count, positive, processes, whole

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

__all__ = ["Parser", "compose", "count", "guarded", "plain", "positive", "processes", "refuse_twice", "whole"]

_UNKNOWN = re.compile(
    r"Key '[^']*' (?:is )?not in '[^']*'\s+full_key: (?P<path>\S+)\s+(?:reference_type=\S+\s+)?object_type=(?P<type>\w+)"
)
_NO_CHOICE = re.compile(
    r"Could not find '(?P<group>\S+)/(?P<name>[^/']*)'\s+Available options in '[^']+':(?P<known>.*)", re.DOTALL
)
_WRONG_TYPE = re.compile(
    r"Value '(?P<value>.*?)' of type '\w+' could not be converted to (?P<type>\w+)\s+full_key: (?P<path>\S+)", re.DOTALL
)
_MISSING = re.compile(r"Missing mandatory value: \S+\s+full_key: (?P<path>\S+)")
_NOT_NULL = re.compile(r"field '(?P<path>\S+)' is not Optional")
_NO_BOOLEAN = re.compile(r"Value '(?P<value>.*?)' is not a valid bool .*?full_key: (?P<path>\S+)", re.DOTALL)
_SEVERAL = re.compile(r"Ambiguous value for argument '(?P<text>.*?)'")
_NO_VALUE = re.compile(r"Error parsing override '(?P<text>.*?)'\s+missing EQUAL")
_UNREADABLE = re.compile(r"LexerNoViableAltException: (?P<text>.+?)\s*\n?\s*\^", re.DOTALL)
_TYPES = {"Float": "a number", "Integer": "a whole number", "Boolean": "true or false"}


USER_ERRORS = (ValueError, OSError, OmegaConfBaseException, EngineError, ModelError)
"""What is raised for a mistake in what the user gave, or when a run on real workers cannot go on."""


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """Make the configuration that a command line of overrides would make, as plain data.

    What the choices of groups make is kept, as it takes long, and values go into a copy of it.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    values = [one for one in parsed if _is_value(one)]
    config = copy.deepcopy(_chosen(tuple(str(one.input_line) for one in parsed if not _is_value(one))))
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    return plain(config)


def _is_value(override: Override) -> bool:
    """Whether an override gives a field its value, and chooses nothing."""
    chooses = override.key_or_group in CHOICES or override.key_or_group.startswith("hydra")
    return not chooses and override.package is None and not override.is_sweep_override()


@lru_cache(maxsize=1024)
def _chosen(overrides: tuple[str, ...]) -> DictConfig:
    """Let Hydra make a configuration, to be copied before anything is changed in it."""
    import hydra

    register()
    with hydra.initialize(version_base="1.3", config_path=None):
        return hydra.compose("tetriplan", list(overrides))


def plain(config: DictConfig) -> dict[str, Any]:
    """Turn a composed configuration into plain data; a field without a value is an error that names it.

    Paths of files become absolute: jobs may run elsewhere.
    """
    _refuse_added(config)
    data = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    return {key: _group(value) for key, value in data.items() if key not in ("hydra", "defaults")}


def _refuse_added(node: DictConfig, path: str = "") -> None:
    """Refuse fields that were added with a ``+`` to what has fields of its own: nothing would read them."""
    kind = OmegaConf.get_type(node)
    own = kind if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None
    for name in map(str, node):
        if own is not None and name not in {field.name for field in dataclasses.fields(own)}:
            raise ValueError(_unknown_field(f"{path}{name}", own.__name__))
        child = node._get_node(name)
        if isinstance(child, DictConfig) and name != "hydra" and not child._is_none() and not child._is_missing():
            _refuse_added(child, f"{path}{name}.")


def refuse_twice(overrides: Sequence[str]) -> None:
    """Refuse overrides of which the last would silently replace the others.

    Raises
    ------
    ValueError
        With all that are given for the field.
    """
    given: dict[str, list[str]] = {}
    for override in overrides:
        key, equals, _ = override.lstrip("+").partition("=")
        if equals and not key.startswith("-"):
            given.setdefault(key, []).append(override)
    for key, several in given.items():
        if len(several) > 1:
            raise ValueError(f"{key} is given {len(several)} times ({', '.join(several)}); once is right")


def _group(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if key != "defaults"}
    return kept | ({"file": str(Path(kept["file"]).expanduser().absolute())} if kept.get("file") else {})


def guarded(main: Callable[[], int]) -> int:
    """Run a command; turn a user's mistake into one message on standard error and exit code 2."""
    from hydra.errors import HydraException

    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    return command_line.guarded(main, (*USER_ERRORS, HydraException), _message)


def _message(error: BaseException) -> str:
    """What went wrong in one line, from the causes that Hydra chains; without what only a developer of Hydra needs."""
    if not _from_hydra(error):
        return str(error)
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        text = str(current).strip().split("\nConfig search path:")[0].rstrip()
        if said := _in_our_words(text):
            return said
        if text and not any(text in part for part in parts):
            parts.append(text)
        current = current.__cause__
    return " ".join(" ".join(parts).split()) + " (see python -m experiments.run --help)"


def _in_our_words(text: str) -> str:
    """Say what Hydra and OmegaConf say most often as all other errors do: field, value, what would be right."""
    if found := _UNKNOWN.search(text):
        return _unknown_field(found["path"], found["type"])
    if found := _NO_CHOICE.search(text):
        known = found["known"].split()
        near = difflib.get_close_matches(found["name"].lower(), known, 1)
        guess = f"; did you mean {near[0]}?" if near else "."
        return f"there is no {found['group']}={found['name']}{guess} The choices are: {', '.join(known)}"
    if found := _WRONG_TYPE.search(text):
        return f"{found['path']} is {found['value']!r}; {_TYPES.get(found['type'], found['type'])} is needed"
    if found := _NO_BOOLEAN.search(text):
        return f"{found['path']} is {found['value']!r}; {_TYPES['Boolean']} is needed"
    if found := _NOT_NULL.search(text):
        return f"{found['path']} is null; a value is needed"
    if found := _SEVERAL.search(text):
        return (
            f"{found['text']} has several values, which experiments.run -m and --sweep take; a list is written as [1,2]"
        )
    if found := _NO_VALUE.search(text):
        return f"{found['text']!r} is no override of the form field=value, as in workload=skewed"
    if found := _UNREADABLE.search(text):
        key, equals, value = found["text"].partition("=")
        how = f"quote its value, as in {key}=\"'{value}'\"" if equals else "an override is field=value"
        return f"{found['text']!r} has characters that cannot stand there; {how}"
    if found := _MISSING.search(text):
        return f"{found['path']} is not given, and is needed"
    return ""


def _unknown_field(path: str, type_name: str) -> str:
    """Name the fields that there are, and the likely one."""
    schema = schema_of(type_name)
    fields = (
        [f.name for f in dataclasses.fields(schema) if f.name not in ("defaults", "hydra", "kind")] if schema else []
    )
    owner, _, name = path.rpartition(".")
    near = difflib.get_close_matches(name, fields, 1)
    if not fields:
        group = owner.replace(".", "/")
        return f"there is no {path}: what is chosen for {group} has no fields; choose another one with {group}=..."
    prefix = f"{owner}." if owner else ""
    guess = f" Did you mean {prefix}{near[0]}?" if near else ""
    return f"there is no {path}.{guess} The fields here are: {', '.join(prefix + field for field in fields)}"


def _from_hydra(error: BaseException) -> bool:
    return type(error).__module__.startswith(("hydra", "omegaconf"))
