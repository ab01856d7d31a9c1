"""What a client wants, from JSON or forms: checked, completed, and in our own terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from experiments.serve.errors import RefusalError
from experiments.serve.settings import Settings
from experiments.workload import Tier
from profiles import Shape

_LEAST_SLO = 1e-3


def _number(value: Any) -> Any:
    """Forms send numbers as text; true and false are none."""
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, str) and any(0xD800 <= ord(letter) < 0xE000 for letter in value):
        raise ValueError("it has half a surrogate pair, which is no text")
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Seed = Annotated[Whole, Field(ge=-(2**63), lt=2**64)]
Real = Annotated[float, BeforeValidator(_number)]
Text = Annotated[str, BeforeValidator(_text)]


class Asked(BaseModel):
    """The fields that matter of images, chat and videos; all others are ignored, as other servers do."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    prompt: Text = Field(min_length=1)
    n: Whole = Field(1, ge=1)
    size: str | None = None
    width: Whole | None = Field(None, ge=1, le=16384)
    height: Whole | None = Field(None, ge=1, le=16384)
    num_frames: Whole | None = Field(None, ge=1, le=10_000)
    num_inference_steps: Whole | None = Field(None, ge=1)
    seed: Seed | list[Seed] | None = None
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: Literal["png", "jpeg", "jpg", "webp"] | None = None
    stream: bool = False
    slo_ms: Real | None = Field(None, gt=0, le=1e9)
    deadline: Real | None = Field(None, gt=0, le=1e12)
    tier: Text | None = None
    weight: Real | None = Field(None, ge=1e-6, le=1e6)
    fps: Whole | None = Field(None, ge=1, le=240)
    seconds: Whole | None = Field(None, ge=1, le=600)


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Parameters
    ----------
    prompt, seed
        Of each; the seed is None for any.
    shape, steps, count
        What, and how many of it.
    allowed
        Seconds of the wall clock from receipt to the deadline; None where the server's rule is to say.
    deadline
        Unix time of the deadline, if it was given so; then ``allowed`` is None.
    tier
        Its class of service, if one was named.
    weight
        What being on time is worth.
    url
        Whether the client wants an address instead of the image itself.
    stream
        Whether it wants to hear of the image as an event.
    kind
        Format of the image: ``png``, ``jpeg`` or ``webp``.
    fps
        Frames per second of a video.
    """

    prompt: str
    seed: int | None
    shape: Shape
    steps: int
    count: int
    allowed: float | None
    deadline: float | None
    tier: Tier | None
    weight: float
    url: bool
    stream: bool
    kind: str
    fps: int


def wanted(fields: Mapping[str, Any], headers: Mapping[str, str], settings: Settings) -> Wanted:
    """Check what a client asks for.

    Parameters
    ----------
    fields
        Of the body, plain data.
    headers
        Of the call; names in lower case.
    settings
        Limits, sizes and tiers.

    Raises
    ------
    RefusalError
        With the field at fault.
    """
    try:
        asked = Asked.model_validate(dict(fields))
    except ValidationError as error:
        raise _refusal(error) from None
    limits = settings.limits
    if len(asked.prompt) > limits.prompt:
        raise RefusalError(
            400, f"prompt has {len(asked.prompt)} characters; at most {limits.prompt} are taken", "prompt"
        )
    if asked.n > limits.images:
        raise RefusalError(400, f"n is {_short(asked.n)}; at most {limits.images} are made at a time", "n")
    steps = asked.num_inference_steps or settings.steps
    if steps > limits.steps:
        raise RefusalError(
            400, f"num_inference_steps is {_short(steps)}; at most {limits.steps} are done", "num_inference_steps"
        )
    tier = _tier(asked.tier, headers, settings)
    allowed = _allowed(asked, headers)
    seed = asked.seed[0] if isinstance(asked.seed, list) and asked.seed else asked.seed
    return Wanted(
        asked.prompt,
        seed if isinstance(seed, int) else None,
        _shape(asked, settings),
        steps,
        asked.n,
        allowed,
        asked.deadline if allowed is None else None,
        tier,
        (asked.weight or 1.0) * (tier.weight if tier else 1.0),
        asked.response_format == "url",
        asked.stream,
        {"jpg": "jpeg", None: "png"}.get(asked.output_format, str(asked.output_format)),
        asked.fps or 16,
    )


def _refusal(error: ValidationError) -> RefusalError:
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"][:1]) or None
    shown = _short(first.get("input"))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return RefusalError(400, f"{field} is missing", field, "missing")
    return RefusalError(400, f"{field} is {shown}: {message[:1].lower()}{message[1:]}", field, "invalid")


def _short(value: object) -> str:
    """Return a value as it can be shown in a message."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _shape(asked: Asked, settings: Settings) -> Shape:
    """Read the size: width first, as these clients have it, where our labels have the height first."""
    default = settings.default_shape
    width, height, field = default.width, default.height, "size"
    if asked.size not in (None, "", "auto"):
        parts = str(asked.size).lower().split("x")
        sides = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 6]
        if len(parts) != 2 or len(sides) != 2 or min(sides) < 1:
            raise RefusalError(400, f"size is {asked.size[:40]!r}; WIDTHxHEIGHT is needed, such as 1024x1024", "size")
        width, height = sides
    if asked.width is not None or asked.height is not None:
        field = "width" if asked.width is not None else "height"
        width, height = asked.width or asked.height or width, asked.height or asked.width or height
    frames = asked.num_frames or next(
        (s.frames for s in settings.shapes if (s.height, s.width) == (height, width)), default.frames
    )
    shape = Shape(height, width, frames)
    if shape not in settings.shapes:
        near = sorted(settings.shapes, key=lambda other: (abs(math.log(other.pixels / shape.pixels)), other))[:6]
        sizes = ", ".join(f"{s.width}x{s.height}" + (f" with {s.frames} frames" if s.frames > 1 else "") for s in near)
        said = f"{width}x{height}" + (f" with {frames} frames" if frames > 1 else "")
        raise RefusalError(
            400,
            f"{field}: {said} is not served; the nearest sizes are {sizes} (the server's serve.sizes adds others)",
            field,
        )
    return shape


def _tier(body: str | None, headers: Mapping[str, str], settings: Settings) -> Tier | None:
    name = body or headers.get("x-llm-d-inference-objective") or headers.get("x-gateway-inference-objective")
    if not name:
        return None
    if name not in settings.tiers:
        known = ", ".join(settings.tiers) or "none; the server's serve.tiers defines them"
        raise RefusalError(400, f"tier is {name[:80]!r}; the tiers are {known}", "tier")
    return settings.tiers[name]


def _allowed(asked: Asked, headers: Mapping[str, str]) -> float | None:
    """Seconds to the deadline: of the body, else of a header; the first that is present."""
    if asked.slo_ms is not None:
        return max(_LEAST_SLO, asked.slo_ms / 1e3)
    if asked.deadline is not None:
        return None
    for name in ("x-slo-ms", "x-slo-ttft-ms"):
        if name in headers:
            try:
                milliseconds = float(headers[name])
            except ValueError:
                milliseconds = math.nan
            if not 0 < milliseconds <= 1e9:
                raise RefusalError(400, f"header {name} is {headers[name][:40]!r}; milliseconds are needed", name)
            return milliseconds / 1e3
    return None
