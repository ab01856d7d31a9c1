"""Profiles as files: the shipped ones by name, anybody's by path."""

from __future__ import annotations

import json
from pathlib import Path

from profiles.entries import ProfileError
from profiles.profile import Profile

DATA = Path(__file__).parent / "data"
"""The folder of the shipped profiles and of the published points they come from."""


def list_profiles() -> tuple[str, ...]:
    """Names of the shipped profiles, in alphabetical order."""
    return tuple(sorted(path.stem for path in DATA.glob("*.json")))


def load_profile(name_or_path: str | Path) -> Profile:
    """Read a shipped profile by its name, or any profile by its path.

    Parameters
    ----------
    name_or_path
        A name from `list_profiles`, or a path. A `Path`, and text with a folder separator or ending in
        ``.json``, is a path.

    Raises
    ------
    ProfileError
        If there is no such profile (the message lists the shipped ones), or the file is not a valid profile
        (the message names the file, the JSON path, the value, and what would be right).
    """
    text = str(name_or_path)
    is_path = isinstance(name_or_path, Path) or "/" in text or "\\" in text or text.endswith(".json")
    path = Path(name_or_path).expanduser() if is_path else DATA / f"{text}.json"
    if not path.is_file():
        shipped = f"the shipped profiles are {', '.join(list_profiles())}"
        wanted = f"profile file {path}" if is_path else f"profile {text!r}"
        hint = f" (the file of that name here is ./{text})" if not is_path and Path(text).is_file() else ""
        raise ProfileError(f"there is no {wanted}{hint}; {shipped}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ProfileError(f"{path}: not JSON ({error}); a profile is written by save_profile") from None
    return Profile.from_dict(data, origin=str(path))


def save_profile(profile: Profile, path: str | Path) -> None:
    """Write a profile as JSON, one entry a line, so that a change reads well as a difference.

    Parameters
    ----------
    profile
        What to write.
    path
        The file, by convention ``NAME.json``; replaced if it exists.
    """
    Path(path).write_text(format_profile(profile), encoding="utf-8", newline="\n")


def format_profile(profile: Profile) -> str:
    """Return the exact text that `save_profile` writes."""
    lines = []
    for key, value in profile.to_dict().items():
        if key in ("entries", "stages") and isinstance(value, list) and value:
            items = ",\n".join(f"    {_compact(item)}" for item in value)
            lines.append(f"  {_compact(key)}: [\n{items}\n  ]")
        elif isinstance(value, dict):
            items = ",\n".join(_section(name, part) for name, part in value.items())
            lines.append(f"  {_compact(key)}: {{\n{items}\n  }}")
        else:
            lines.append(f"  {_compact(key)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _section(name: str, part: object) -> str:
    if not (isinstance(part, list) and part):
        return f"    {_compact(name)}: {_compact(part)}"
    items = ",\n".join(f"      {_compact(item)}" for item in part)
    return f"    {_compact(name)}: [\n{items}\n    ]"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
