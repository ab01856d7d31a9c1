"""What a survey times, one thing after the other, the most useful first. No torch here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from profiles.shape import Shape

Kind = Literal["encode", "step", "decode"]


@dataclass(frozen=True)
class Published:
    """A published model.

    Parameters
    ----------
    family
        As `executor.models.random_models` calls it.
    label
        As its authors, and `profiles.model`, call it.
    steps
        Denoising steps of a request that does not say: what its authors recommend.
    inputs
        Inputs of its pipeline.
    """

    family: str
    label: str
    steps: int
    inputs: tuple[tuple[str, int], ...] = ()


MODELS = (
    Published("flux", "FLUX.1-dev", 50, (("max_sequence_length", 512),)),
    Published("sd3", "SD3-medium", 28, (("max_sequence_length", 256),)),
    Published("qwen", "Qwen-Image", 50),
)
"""In the order in which they are surveyed."""


class SurveyItem(NamedTuple):
    """One thing to time.

    Parameters
    ----------
    model
        Label of the model.
    kind
        ``encode`` and ``decode`` are of one request.
    shape, degree, batch
        Of what.
    """

    model: str
    kind: Kind
    shape: Shape
    degree: int
    batch: int

    @property
    def key(self) -> str:
        """The whole in one word."""
        return f"{self.model}/{self.kind}/{self.shape.label}/{self.degree}/{self.batch}"


def items_of(
    model: Published, shapes: Sequence[Shape], degrees: Sequence[int], batches: Sequence[int]
) -> Iterator[SurveyItem]:
    """Yield what is timed of a model, such that after an interruption the rest is a profile of fewer batches."""
    for batch in batches:
        for shape in shapes:
            for degree in degrees:
                yield SurveyItem(model.label, "step", shape, degree, batch)
            if batch == 1:
                yield SurveyItem(model.label, "encode", shape, 1, 1)
                yield SurveyItem(model.label, "decode", shape, 1, 1)
