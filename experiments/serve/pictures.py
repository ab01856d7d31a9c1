"""Placeholders in place of images that nobody has computed: which request, which shape, and how its steps ran.

One bar a stretch of steps, as wide as its steps and as high as its degree. A placeholder has the proportions that were asked
for, but a longer side of 256 pixels, and few colours: making one must not take the time that a deadline leaves.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

from executor.engine import Segment
from executor.film import FPS, film, frames_of
from planner.request import Request

_PALETTE = (
    (246, 246, 243), (40, 44, 52), (210, 210, 204), (86, 180, 233), (0, 158, 115), (230, 159, 0), (213, 94, 0),
    (204, 121, 167),
)  # fmt: skip
_MOST = 256
"""Pixels of the longer side."""
_LEAST, _EDGE, _LINE_HEIGHT = 96, 8, 13
"""Pixels: the shortest side, the margin, and a line of text."""
_PAPER, _INK, _LINE, _FIRST = 0, 1, 2, 3


def placeholder(request: Request, segments: Sequence[Segment], fmt: str = "PNG") -> bytes:
    """Return the file of an image.

    Parameters
    ----------
    request
        What was asked for.
    segments
        Where its steps ran, in order.
    fmt
        ``PNG``, ``JPEG`` or ``WEBP``.
    """
    image = _drawn(request, segments)
    file = io.BytesIO()
    if fmt == "PNG":
        image.save(file, "PNG", compress_level=1)
    else:
        image.convert("RGB").save(file, fmt)
    return file.getvalue()


def placeholder_video(request: Request, segments: Sequence[Segment], fps: int) -> bytes:
    """Return the file of a video: the same picture in every frame, with a line that runs through it."""
    still = _drawn(request, segments).convert("RGB")

    def frames() -> Iterator[Image.Image]:
        last = max(1, request.shape.frames - 1)
        for number in range(request.shape.frames):
            frame = still.copy()
            at = number * (frame.width - 4) // last
            ImageDraw.Draw(frame).rectangle(
                [at, frame.height - max(8, frame.height // 40), at + 4, frame.height], _PALETTE[_FIRST + 3]
            )
            yield frame

    return film(frames(), still.size, fps)


def converted(data: bytes, fmt: str) -> bytes:
    """Return a PNG file as ``JPEG`` or ``WEBP``."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(file, fmt)
    return file.getvalue()


def at_pace(data: bytes, fps: int) -> bytes:
    """Return a film with so many frames per second."""
    if fps == FPS:
        return data
    frames = list(frames_of(data))
    return film(frames, frames[0].size, fps)


def _drawn(request: Request, segments: Sequence[Segment]) -> Image.Image:
    scale = min(1.0, _MOST / max(request.shape.height, request.shape.width))
    height, width = (max(_LEAST, round(scale * side)) for side in (request.shape.height, request.shape.width))
    image = Image.new("P", (width, height), _PAPER)
    image.putpalette([part for colour in _PALETTE for part in colour])
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default_imagefont()
    base, top = height - 2 * _LINE_HEIGHT, 4 * _LINE_HEIGHT
    words = (f"request {request.id}", f"{request.shape.label}, {request.steps} steps", "emulated: nothing computed")
    for number, text in enumerate(words):
        draw.text((_EDGE, _EDGE // 2 + number * _LINE_HEIGHT), text, _INK, font)
    draw.line([(_EDGE, base), (width - _EDGE, base)], _LINE, 1)
    most = max((len(segment.gpus) for segment in segments), default=1)
    done, across = 0, width - 2 * _EDGE
    for segment in segments:
        begins, ends = (_EDGE + across * steps // request.steps for steps in (done, done + segment.steps))
        done += segment.steps
        degree = len(segment.gpus)
        colour = _FIRST + min(degree.bit_length() - 1, len(_PALETTE) - _FIRST - 1)
        draw.rectangle([begins, base - max(1, base - top) * degree // most, max(begins, ends - 1), base], colour)
        draw.text((begins + 1, base + 3), str(degree), _INK, font)
    return image
