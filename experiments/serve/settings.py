"""What a server was told, checked: limits, tiers, sizes, and the targets of requests that bring none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.config.build import admission_of
from experiments.config.checks import ConfigError, positive
from experiments.config.serving import ServeConfig
from experiments.workload import Targets, Tier, custom_tiers, slo_rule
from profiles import Profile, Shape

SIZES = (256, 384, 512, 640, 768, 1024, 1280, 1536, 2048)
"""Sides of the square images that are customary."""
RECTANGLES = (
    (768, 1024), (1024, 1536), (1024, 1792), (720, 1280), (768, 1344), (832, 1216), (896, 1152), (512, 768),
    (928, 1664), (1104, 1472), (1140, 1472), (1080, 1920),
)  # fmt: skip
"""Height and width of those that are not square; each is also served upright."""


@dataclass(frozen=True)
class Limits:
    """How much a client may ask for.

    Parameters
    ----------
    waiting
        Requests in the system at a time.
    steps, images, prompt, body
        Steps of a request, images of one call, characters of a prompt, bytes of a body.
    body_seconds
        Seconds that a body may take to arrive.
    keep_videos
        Seconds for which a finished video can be fetched.
    """

    waiting: int
    steps: int
    images: int
    prompt: int
    body: int
    body_seconds: float
    keep_videos: float


@dataclass(frozen=True)
class Settings:
    """A server's part of the configuration.

    Parameters
    ----------
    host, port, api_key, grace
        As of :class:`experiments.config.serving.ServeConfig`.
    admission
        ``all``, ``promise`` or ``refuse``.
    steps
        Of a request that does not say.
    shapes
        What can be asked for, the profile's own first.
    slo_scale
        Multiplies the targets.
    targets
        The rule for a request without a deadline; made for the extended profile by :meth:`with_profile`.
    tiers
        By name.
    limits
        How much a client may ask for.
    model
        Name of the model, as clients see it.
    """

    host: str
    port: int
    api_key: str
    grace: float
    admission: str
    steps: int
    shapes: tuple[Shape, ...]
    slo_scale: float
    targets: Targets
    tiers: Mapping[str, Tier]
    limits: Limits
    model: str

    @property
    def default_shape(self) -> Shape:
        """The shape of a request that names none: 1024 x 1024, or the first there is."""
        wanted = Shape(1024, 1024)
        return wanted if wanted in self.shapes else self.shapes[0]

    def slo(self, shape: Shape, steps: int, tier: Tier | None) -> float:
        """Return the seconds after arrival in which a request without a deadline of its own is wanted."""
        return self.targets(shape, steps) * self.slo_scale * (tier.deadline if tier else 1.0)


def menu(config: Mapping[str, Any], profile: Profile, customary: bool) -> tuple[Shape, ...]:
    """Return the shapes that a server offers: the profile's own, customary ones of the same kind, and ``serve.sizes``.

    Parameters
    ----------
    config
        The group ``serve``.
    profile
        Whose shapes are known.
    customary
        Whether the customary ones are offered: a real model may not take them.

    Raises
    ------
    ConfigError
        If a size is not one.
    """
    own = list(profile.shapes)
    images = any(shape.frames == 1 for shape in own)
    most = max(shape.pixels for shape in own)
    usual = [Shape(side, side) for side in SIZES]
    usual += [Shape(*pair) for high, wide in RECTANGLES for pair in ((high, wide), (wide, high))]
    shapes = own + [shape for shape in usual if customary and images and shape.pixels <= most]
    for label in config["sizes"]:
        try:
            shapes.append(Shape.parse(str(label)))
        except ValueError as error:
            raise ConfigError(f"serve.sizes is {config['sizes']}: {error}") from None
    return tuple(dict.fromkeys(shapes))


def settings(config: Mapping[str, Any], profile: Profile, shapes: tuple[Shape, ...]) -> Settings:
    """Check the group ``serve``.

    Parameters
    ----------
    config
        The group as plain data.
    profile
        Of the service, with all ``shapes``.
    shapes
        The menu.

    Raises
    ------
    ConfigError
        If a value is out of range; the message names the field.
    """
    if not 0 <= config["port"] <= 65535:
        raise ConfigError(f"serve.port is {config['port']}; a port from 0 to 65535 is needed, 0 for any that is free")
    if not config["host"]:
        raise ConfigError(
            "serve.host is empty; an address is needed, such as 127.0.0.1, or 0.0.0.0 for all of this machine"
        )
    admission_of("serve.admission", config["admission"])
    if not (0 <= config["grace"] < math.inf):
        raise ConfigError(f"serve.grace is {config['grace']}; a number of seconds of at least 0 is needed")
    for name in ("steps", "most_waiting", "most_steps", "most_images", "most_prompt", "most_body"):
        if config[name] < 1:
            raise ConfigError(f"serve.{name} is {config[name]}; at least 1 is needed")
    if config["steps"] > config["most_steps"] and config["steps"] != ServeConfig.steps:
        raise ConfigError(f"serve.steps is {config['steps']}; at most serve.most_steps={config['most_steps']} is right")
    for name in ("slo_scale", "body_seconds", "keep_videos"):
        positive(f"serve.{name}", config[name])
    try:
        tiers = custom_tiers([{"share": 1.0, **tier} if isinstance(tier, dict) else tier for tier in config["tiers"]])
        targets = slo_rule(profile, config["deadlines"], config["reference_gpus"])
    except ValueError as error:
        raise ConfigError(f"serve: {error}") from None
    for tier in config["tiers"]:
        for key in {"share", "shapes"} & tier.keys():
            raise ConfigError(f"serve.tiers has {key} of {tier['name']!r}, but clients choose their tier; leave it out")
    if targets.published and config["reference_gpus"] != ServeConfig.reference_gpus:
        raise ConfigError(f"serve.reference_gpus is {config['reference_gpus']}, but targets are the published seconds")
    return Settings(
        config["host"],
        config["port"],
        config["api_key"],
        config["grace"],
        config["admission"],
        min(config["steps"], config["most_steps"]),
        shapes,
        config["slo_scale"],
        targets,
        {tier.name: tier for tier in tiers},
        Limits(
            config["most_waiting"],
            config["most_steps"],
            config["most_images"],
            config["most_prompt"],
            config["most_body"],
            config["body_seconds"],
            config["keep_videos"],
        ),
        profile.model,
    )
