import copy
from collections.abc import Callable
from typing import Any

import pytest

from profiles import Profile, ProfileError

Data = dict[str, Any]


def _set(*path: str | int, to: object) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place: Any = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _set("schema", to="tetriplan/profile/9"),
            r"schema is 'tetriplan/profile/9'; this version reads '.*/1'",
        ),
        (lambda data: data.pop("steps"), r"profile lacks the key 'steps'; it must have schema, name"),
        (lambda data: data.pop("schema"), r"profile lacks the key 'schema'"),
        (_set("colour", to="red"), r"profile has the unknown key 'colour'"),
        (_set("steps", to=2.5), r"steps is 2\.5; it must be a whole number"),
        (_set("steps", to=True), r"steps is True; it must be a whole number"),
        (_set("links", to="nvlink"), r"links is 'nvlink'; it must be a list"),
        (_set("links", 1, to=None), r"links\[1\] is None; it must be a string"),
        (_set("entries", 3, "seconds", to=-1), r"entries\[3\]\.seconds is -1\.0; it must be a positive"),
        (_set("entries", 3, "seconds", to=float("nan")), r"entries\[3\]\.seconds is nan"),
        (_set("entries", 3, "seconds", to="fast"), r"entries\[3\]\.seconds is 'fast'; it must be a number"),
        (_set("entries", 2, "shape", to="wide"), r"entries\[2\]\.shape: shape 'wide' is not HEIGHTxWIDTH"),
        (_set("entries", 2, "provenance", to="guess"), r"entries\[2\]\.provenance is 'guess'; .*measured"),
        (_set("entries", 0, to=[]), r"entries\[0\] is \[\]; it must be an object"),
        (lambda data: data["entries"][1].pop("spread"), r"entries\[1\] lacks the key 'spread'"),
        (_set("entries", 1, "gpu", to="H100"), r"entries\[1\] has the unknown key 'gpu'"),
        (_set("stages", 0, "stage", to="vae"), r"stages\[0\]\.stage is 'vae'"),
        (_set("entries", 1, "link", to="rope"), r"entries\[1\]\.link is 'rope'; it must be one of links"),
    ],
)
def test_errors_say_where(profile: Profile, change: Callable[[Data], None], message: str) -> None:
    """Tests that every error names the origin, the JSON path, the value, and what would be right."""
    data = copy.deepcopy(profile.to_dict())
    change(data)
    with pytest.raises(ProfileError, match=f"^toy.json: {message}"):
        Profile.from_dict(data, origin="toy.json")


def test_not_an_object() -> None:
    """Tests that a file holding something else than an object is refused."""
    with pytest.raises(ProfileError, match=r"profile is \[1\]; it must be an object"):
        Profile.from_dict([1])  # type: ignore[arg-type]
