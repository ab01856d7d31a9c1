"""What one model costs on one kind of hardware: a table of step times, looked up in constant time.

A profile is data. A scheduler sees only this table, never the model that some of its entries come from, so a
table of measured times can take its place without any change.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from profiles.communication import SCHEMA as COMMUNICATION_SCHEMA
from profiles.communication import Communication
from profiles.entries import LOCAL, PROVENANCES, ProfileError, Provenance, StageEntry, StepEntry
from profiles.schema import SCHEMA, parse_profile
from profiles.shape import Shape

__all__ = ["LOCAL", "PROVENANCES", "Profile", "ProfileError", "Provenance", "StageEntry", "StepEntry"]


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """Step times by shape, degree, link class and batch, with spread and provenance.

    Two profiles are equal only if they are the same object, which keeps hashing cheap in hot loops; compare
    `digest` to compare what they hold.

    Parameters
    ----------
    name
        Short name, by convention ``model_hardware``.
    model
        The Diffusion Transformer, as its authors write it.
    hardware
        GPU and interconnect, in words.
    links
        Link classes between GPUs, fastest first; `LOCAL` is implied.
    steps
        Denoising steps of a request that does not say.
    entries
        Step times; for every shape at least degree 1 at batch 1.
    stages
        Times of the stages around the steps; may be empty.
    notes
        What a reader should know before trusting the numbers.
    communication
        What groups, collectives and changes of group cost; may be empty, and no step time depends on it.

    Raises
    ------
    ProfileError
        If fields contradict each other; the message names the field and the value.
    """

    name: str
    model: str
    hardware: str
    links: tuple[str, ...]
    steps: int
    entries: tuple[StepEntry, ...]
    stages: tuple[StageEntry, ...] = ()
    notes: str = ""
    communication: Communication = field(default_factory=Communication)
    _steps: dict[tuple[Shape, int, str, int], StepEntry] = field(init=False)
    _seconds: dict[tuple[Shape, int, str, int], float] = field(init=False)
    _stages: dict[tuple[Shape, str], float] = field(init=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ProfileError("name is empty; it must say which profile this is, for example flux1-dev_h100")
        if self.steps < 1:
            raise ProfileError(f"steps is {self.steps!r}; it must be at least 1")
        self._check_links()
        by_key: dict[tuple[Shape, int, str, int], StepEntry] = {}
        for i, entry in enumerate(self.entries):
            if entry.link != LOCAL and entry.link not in self.links:
                links = ", ".join(self.links) or "none declared"
                raise ProfileError(f"entries[{i}].link is {entry.link!r}; it must be one of links ({links})")
            if entry.key in by_key:
                raise ProfileError(f"entries[{i}] repeats {_describe(*entry.key)}; every key must occur once")
            by_key[entry.key] = entry
        stages: dict[tuple[Shape, str], float] = {}
        for i, stage in enumerate(self.stages):
            if stage.key in stages:
                raise ProfileError(f"stages[{i}] repeats {stage.stage} of {stage.shape.label}; once is right")
            stages[stage.key] = stage.seconds
        for (shape, name), seconds in stages.items():
            if name == "write" and seconds > stages.get((shape, "decode"), 0.0):
                raise ProfileError(
                    f"write of {shape.label} takes {seconds:g} s; it is part of decode, which takes no less"
                )
        object.__setattr__(self, "_steps", by_key)
        object.__setattr__(self, "_seconds", {key: entry.seconds for key, entry in by_key.items()})
        object.__setattr__(self, "_stages", stages)
        if not by_key:
            raise ProfileError("entries is empty; a profile needs at least one shape")
        for shape in self.shapes:
            if (shape, 1, LOCAL, 1) not in by_key:
                raise ProfileError(f"entries lacks degree 1, batch 1 of {shape.label}; every shape needs it")

    def _check_links(self) -> None:
        if LOCAL in self.links:
            raise ProfileError(f"links holds {LOCAL!r}; it is implied and must not be declared")
        if len(set(self.links)) != len(self.links):
            raise ProfileError(f"links is {', '.join(self.links)}; every link class must occur once")

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {len(self.entries)} entries)"

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Every shape in the profile, from few pixels to many."""
        return tuple(sorted({entry.shape for entry in self.entries}, key=lambda shape: (shape.pixels, shape)))

    @cached_property
    def _degrees(self) -> dict[tuple[Shape, str | None], tuple[int, ...]]:
        """Degrees at batch 1 by shape and link class, ``None`` standing for any."""
        found: dict[tuple[Shape, str | None], set[int]] = {}
        for shape, degree, used, batch in self._steps:
            if batch == 1:
                for link in (None, LOCAL, *self.links) if degree == 1 else (None, used):
                    found.setdefault((shape, link), set()).add(degree)
        return {key: tuple(sorted(degrees)) for key, degrees in found.items()}

    @cached_property
    def _batches(self) -> dict[tuple[Shape, int, str], tuple[int, ...]]:
        """Batch sizes by shape, degree and link class."""
        found: dict[tuple[Shape, int, str], list[int]] = {}
        for shape, degree, link, batch in self._steps:
            found.setdefault((shape, degree, link), []).append(batch)
        return {key: tuple(sorted(batches)) for key, batches in found.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the content; equal exactly when `to_dict` is."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def degrees(self, shape: Shape, link: str | None = None) -> tuple[int, ...]:
        """Degrees at which one request of ``shape`` can run, ascending.

        Parameters
        ----------
        shape
            What the request asks for.
        link
            Only degrees known on this link class; degree 1, which uses no link, is always among them.

        Raises
        ------
        ProfileError
            If the profile does not hold the shape.
        """
        found = self._degrees.get((shape, link)) or self._degrees.get((shape, LOCAL))
        if found is None:
            raise ProfileError(f"profile {self.name} has no shape {shape.label}; it has {self._shape_labels()}")
        return found

    def batches(self, shape: Shape, degree: int, link: str) -> tuple[int, ...]:
        """Batch sizes known for ``shape`` at ``degree`` over ``link``, ascending; empty if there are none."""
        return self._batches.get((shape, degree, LOCAL if degree == 1 else link), ())

    def has(self, shape: Shape, degree: int, link: str, batch: int = 1) -> bool:
        """Whether the profile knows this step; at degree 1 the link does not matter."""
        return (shape, degree, LOCAL if degree == 1 else link, batch) in self._steps

    def step_time(self, shape: Shape, degree: int, link: str, batch: int = 1) -> float:
        """Seconds per step of the whole batch.

        Parameters
        ----------
        shape
            What each request of the batch asks for.
        degree
            GPUs in the group.
        link
            Link class of the group; at degree 1 it does not matter.
        batch
            Requests that share the step.

        Raises
        ------
        ProfileError
            If the profile does not hold it; the message says what it holds instead.
        """
        try:
            return self._seconds[shape, degree, LOCAL if degree == 1 else link, batch]
        except KeyError:
            raise self._missing(shape, degree, link, batch) from None

    def entry(self, shape: Shape, degree: int, link: str, batch: int = 1) -> StepEntry:
        """Return the entry behind `step_time`, with spread and provenance; raises as it does."""
        try:
            return self._steps[shape, degree, LOCAL if degree == 1 else link, batch]
        except KeyError:
            raise self._missing(shape, degree, link, batch) from None

    def encode_time(self, shape: Shape) -> float:
        """Seconds of text encoding before the first step; 0.0 if the profile times no encoding.

        Raises
        ------
        ProfileError
            If the profile times encoding, but not for this shape.
        """
        return self._stage_time(shape, "encode")

    def decode_time(self, shape: Shape) -> float:
        """Seconds from the last latent to pixels; 0.0 if the profile times no decoding.

        Raises
        ------
        ProfileError
            If the profile times decoding, but not for this shape.
        """
        return self._stage_time(shape, "decode")

    def write_time(self, shape: Shape) -> float:
        """Seconds at the end of `decode_time` for which whoever decodes is free; 0.0 if the profile does not tell."""
        return self._stages.get((shape, "write"), 0.0)

    def scaled(self, factor: float) -> Profile:
        """Return a copy with every step time multiplied by ``factor``, as a mis-profiled scheduler sees it.

        Stages, spreads and provenance stay; the name and the notes say what was done.

        Raises
        ------
        ProfileError
            If ``factor`` is not positive and finite.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise ProfileError(f"factor is {factor!r}; it must be a positive, finite number")
        return replace(
            self,
            name=f"{self.name}*{factor:g}",
            entries=tuple(replace(entry, seconds=entry.seconds * factor) for entry in self.entries),
            notes=f"{self.notes} Every step time was multiplied by {factor!r}.".strip(),
        )

    def to_dict(self) -> dict[str, object]:
        """Return plain data that JSON can carry and `from_dict` reads back exactly."""
        found: dict[str, object] = {
            "schema": SCHEMA,
            "name": self.name,
            "model": self.model,
            "hardware": self.hardware,
            "links": list(self.links),
            "steps": self.steps,
            "notes": self.notes,
            "entries": [asdict(entry) | {"shape": entry.shape.label} for entry in self.entries],
            "stages": [asdict(stage) | {"shape": stage.shape.label} for stage in self.stages],
        }
        if self.communication:
            parts = asdict(self.communication)
            found["communication"] = {"schema": COMMUNICATION_SCHEMA} | {key: list(parts[key]) for key in parts}
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, object], origin: str = "profile") -> Profile:
        """Check plain data and build the profile.

        Parameters
        ----------
        data
            What `to_dict` returns.
        origin
            File name, or other words for where the data comes from; every error starts with it.

        Raises
        ------
        ProfileError
            Names the origin, the JSON path (such as ``entries[3].seconds``), the value, and what would be
            right.
        """
        fields = parse_profile(data, origin)
        try:
            return cls(**fields)
        except ProfileError as error:
            raise ProfileError(f"{origin}: {error}") from None

    def _stage_time(self, shape: Shape, stage: str) -> float:
        try:
            return self._stages[shape, stage]
        except KeyError:
            known = ", ".join(other.label for other, name in self._stages if name == stage)
            if not known:
                return 0.0
            raise ProfileError(f"profile {self.name} has no {stage} of {shape.label}; it has {known}") from None

    def _shape_labels(self) -> str:
        return ", ".join(shape.label for shape in self.shapes)

    def _missing(self, shape: Shape, degree: int, link: str, batch: int) -> ProfileError:
        wanted = _describe(shape, degree, LOCAL if degree == 1 else link, batch)
        if shape not in self.shapes:
            return ProfileError(f"profile {self.name} has no {wanted}; its shapes are {self._shape_labels()}")
        batches: dict[tuple[int, str], list[str]] = {}
        for known, other, used, size in sorted(self._steps):
            if known == shape:
                batches.setdefault((other, used), []).append(str(size))
        held = "; ".join(f"degree {d} on {used}: batch {'/'.join(b)}" for (d, used), b in batches.items())
        return ProfileError(f"profile {self.name} has no {wanted}; for this shape it has {held}")


def _describe(shape: Shape, degree: int, link: str, batch: int) -> str:
    return f"step of {shape.label} at degree {degree} on {link}, batch {batch}"
