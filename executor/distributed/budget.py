"""The memory of a GPU as a budget: what is taken of it, what is still to come, and how many groups fit beside. No torch here.

What is not measured is assumed, and the assumptions are the constants here. What steps and images take is no less than what
an H200 showed of FLUX.1-dev, SD3-medium and Qwen-Image in eager mode (``docs/tables/gpu``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from executor.models.spec import Role
from planner.errors import ParameterError, whole
from profiles.shape import Shape

CONTEXT = 400 << 20
"""Bytes that CUDA takes of a device for each process on it: an assumption, on the low side."""

COMMUNICATOR, LEAST_COMMUNICATOR = 700_000_000, 40_000_000
"""Bytes of a group on each member with NCCL, where none was measured. As many as are usual count in what is derived; as few
as were seen with thrifty settings (``docs/tables/gpu/nccl``), in what is refused."""

GROUPS = 32
"""The most groups that a worker is in unless told otherwise: each takes threads and open files, too."""

_BASE = 300_000_000
"""Bytes of workspace that a process takes beside activations once it computes."""

_PER_PIXEL = {"steps": 440, "images": 4300}
"""Bytes of activations for a pixel in bfloat16: of a step on one GPU, for each request of a batch, and of decoding."""

_TILE = 1024 * 1024
"""Pixels of the largest tile that a published autoencoder decodes at a time."""

_FRAMES = 4
"""Frames of a video that are one in its latent: an assumption, as nothing was measured of videos."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number, by its type."""


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """What a process says of its GPU, in bytes.

    Parameters
    ----------
    free, total
        Of the device, whoever takes the rest.
    held
        By this process's tensors, and by what torch keeps for further ones.
    peak
        The most of that since the model was loaded.
    """

    free: int
    total: int
    held: int
    peak: int


_USUAL = Shape(1024, 1024)


@dataclass(frozen=True, slots=True)
class Expected:
    """The largest that is asked of a GPU at a time, and what is known of its groups.

    Parameters
    ----------
    shape
        Of a request.
    batch
        Requests in a step.
    communicator
        Bytes that a group takes on each member, where they have been measured.
    """

    shape: Shape = _USUAL
    batch: int = 1
    communicator: int | None = None

    def __post_init__(self) -> None:
        whole("batch", self.batch)

    @classmethod
    def of(cls, shapes: Sequence[Shape], batches: Sequence[int] = (1,), communicator: int | None = None) -> Expected:
        """Return the shape of most pixels, in the largest batch."""
        return cls(max(shapes, key=_pixels), max(batches), communicator)


def activations(role: Role, expected: Expected, dtype: str, tiling: bool = False) -> int:
    """Return the bytes that a worker takes beside its weights, as far as is known before it has computed anything.

    Parameters
    ----------
    role
        What it does.
    expected
        The largest that it is asked for; a step of it is counted as one of a group of one.
    dtype
        Of weights and latents.
    tiling
        Whether images are decoded tile by tile.
    """
    pixels = _pixels(expected.shape)
    step = expected.batch * pixels * _PER_PIXEL["steps"]
    image = (min(pixels, _TILE) if tiling else pixels) * _PER_PIXEL["images"]
    most = {"denoise": step, "denoise and decode": max(step, image), "stages": image}[role]
    return _BASE + most * BYTES[dtype] // BYTES["bfloat16"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What becomes of one GPU's memory, in bytes.

    Parameters
    ----------
    total
        What it has.
    taken
        By weights, contexts and all else that is there already, communicators that are made among it.
    coming
        What activations will take of the rest.
    communicator
        What each group takes.
    made
        Groups whose communicators are among what is taken.

    Raises
    ------
    ValueError
        If a field is out of range.
    """

    total: int
    taken: int
    coming: int = 0
    communicator: int = COMMUNICATOR
    made: int = 0

    def __post_init__(self) -> None:
        whole("total", self.total)
        whole("communicator", self.communicator)
        for name in ("taken", "coming", "made"):
            if getattr(self, name) < 0:
                raise ParameterError(name, getattr(self, name), "0 or more is needed")

    @property
    def groups(self) -> int:
        """How many groups can be on it at a time, those that are made among them."""
        return max(0, self.made + (self.total - self.taken - self.coming) // self.communicator)

    def needed(self, groups: int) -> int:
        """Return what is taken when there are so many groups."""
        return self.taken + self.coming + (groups - self.made) * self.communicator

    def fits(self, groups: int) -> bool:
        """Whether so many groups can be there at a time."""
        return self.needed(groups) <= self.total


def _pixels(shape: Shape) -> int:
    """Return the pixels of a shape, of its latent frames."""
    return shape.height * shape.width * -(-shape.frames // _FRAMES)
