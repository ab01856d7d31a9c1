"""Films: frames as an MP4 file that any player and browser shows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping

from PIL.Image import Image

FPS = 16
"""Frames per second, unless told otherwise."""


def film(
    frames: Iterable[Image], size: tuple[int, int], fps: int = FPS, about: Mapping[str, str] | None = None
) -> bytes:
    """Return an MP4 file.

    Parameters
    ----------
    frames
        All of one size.
    size
        Width and height; an odd one loses its last pixel.
    fps
        Frames per second.
    about
        For the file's metadata; players know ``title`` and ``comment``.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        container.metadata.update(about or {})
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = size[0] // 2 * 2, size[1] // 2 * 2, "yuv420p"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_image(frame.convert("RGB"))):  # type: ignore[no-untyped-call]
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()


def frames_of(data: bytes) -> Iterator[Image]:
    """Yield the frames of a film."""
    import av

    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            yield frame.to_image()  # type: ignore[no-untyped-call]
