"""Films."""

from __future__ import annotations

import io

import av
from PIL import Image

from executor.film import FPS, film, frames_of

FRAMES = [Image.new("RGB", (32, 18), (40 * i, 255 - 40 * i, 0)) for i in range(5)]


def test_frames_come_back() -> None:
    """Tests number, size and, roughly, the colours of the frames."""
    found = list(frames_of(film(FRAMES, (32, 18))))
    assert [frame.size for frame in found] == [(32, 18)] * 5
    for frame, given in zip(found, FRAMES, strict=True):
        (red, green, _), (told_red, told_green, _) = frame.getpixel((16, 9)), given.getpixel((16, 9))  # type: ignore[misc]
        assert abs(red - told_red) < 20 and abs(green - told_green) < 20


def test_pace_and_metadata() -> None:
    """Tests the frames per second, and that title and comment can be read again."""
    about = {"title": "a fox", "comment": '{"id": 3}'}
    with av.open(io.BytesIO(film(FRAMES, (32, 18), about=about))) as container:
        assert container.streams.video[0].average_rate == FPS
        assert {name: container.metadata[name] for name in about} == about


def test_odd_sizes_lose_a_pixel() -> None:
    """Tests that a size that the codec cannot have is cut."""
    (frame,) = frames_of(film([Image.new("RGB", (33, 19))], (33, 19)))
    assert frame.size == (32, 18)
