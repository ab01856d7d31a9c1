"""The shape of what a request asks for: pixels high, pixels wide, frames.

Everything that costs something depends on the shape, so it is the first coordinate of every profile.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LABEL = re.compile(r"^(\d+)x(\d+)(?:x(\d+))?$")


class Shape(NamedTuple):
    """Height and width in pixels, and the number of frames (1 for an image).

    Examples
    --------
    >>> Shape.parse("1024x768")
    Shape(height=1024, width=768, frames=1)
    >>> Shape(720, 1280, 129).label
    '720x1280x129'
    """

    height: int
    width: int
    frames: int = 1

    @property
    def label(self) -> str:
        """``HEIGHTxWIDTH`` for images, ``HEIGHTxWIDTHxFRAMES`` for videos."""
        image = f"{self.height}x{self.width}"
        return image if self.frames == 1 else f"{image}x{self.frames}"

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.height * self.width * self.frames

    @classmethod
    def parse(cls, label: str) -> Shape:
        """Read a label such as ``1024x1024``, ``720x1280x129`` or ``512`` (a square image).

        Raises
        ------
        ValueError
            If the label has another form or a size is zero.
        """
        text = label.strip().lower()
        if text.isdigit():
            text = f"{text}x{text}"
        match = _LABEL.match(text)
        if match is None:
            raise ValueError(
                f"shape {label!r} is not HEIGHTxWIDTH or HEIGHTxWIDTHxFRAMES, for example 1024x1024 or 720x1280x129"
            )
        shape = cls(int(match[1]), int(match[2]), int(match[3] or 1))
        if min(shape) < 1:
            raise ValueError(f"shape {label!r} has a size of zero; every size must be at least 1")
        return shape
