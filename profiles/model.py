r"""The analytic step-time model: arithmetic, communication, and what neither explains.

For a request of shape :math:`r` on :math:`k` GPUs in a batch of :math:`b`, one step takes

.. math:: t(r, k, b) = c_0 + \frac{b F(r)}{k P} + [k > 1]\,\alpha + \frac{b V(r, k)}{B}

seconds, where :math:`F` is the arithmetic of one step in TFLOP and :math:`V` what one GPU sends in GB. Both
follow from the architecture. The constants :math:`c_0, P, \alpha, B` belong to the hardware and software,
and are fitted.

:math:`F(r) = f\,(a S + c S^2)` with :math:`S` tokens and :math:`f` forward passes a step (2 under
classifier-free guidance). A transformer block of hidden size :math:`h` multiplies each token with :math:`12
h^2` weights, so :math:`a = 24 h^2` FLOP a layer; attention is :math:`c = 4 h` FLOP a layer. Ulysses
sequence parallelism moves q, k, v and the output once, all to all, in 16 bits: :math:`V = 4 \frac{k-1}{k}
\frac{S}{k} h \cdot 2` bytes a layer and forward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from profiles.shape import Shape

BYTES_PER_VALUE = 2
ALL_TO_ALL_TENSORS = 4


@dataclass(frozen=True)
class Architecture:
    """What one denoising step of a Diffusion Transformer computes.

    Parameters
    ----------
    model
        Name, as its authors write it.
    layers
        Transformer blocks.
    hidden
        Hidden size.
    text_tokens
        Text tokens that join the sequence.
    linear
        TFLOP per token and forward pass that grow with the sequence length.
    attention
        TFLOP per squared token and forward pass.
    forwards
        Forward passes a step; 2 when guidance runs with and without the prompt.
    temporal
        Frames that one latent frame stands for, after the first.
    frame_patch
        Latent frames in one token.
    pixels_per_token
        Height, and width, of the pixels behind one token.
    """

    model: str
    layers: int
    hidden: int
    text_tokens: int
    linear: float
    attention: float
    forwards: int = 1
    temporal: int = 4
    frame_patch: int = 1
    pixels_per_token: int = 16

    def tokens(self, shape: Shape) -> int:
        """Sequence length, text included."""
        latent_frames = 1 + math.ceil((shape.frames - 1) / self.temporal)
        depth = math.ceil(latent_frames / self.frame_patch)
        rows = math.ceil(shape.height / self.pixels_per_token)
        columns = math.ceil(shape.width / self.pixels_per_token)
        return depth * rows * columns + self.text_tokens

    def tflop(self, shape: Shape) -> float:
        """Arithmetic of one step for one request, in TFLOP."""
        tokens = self.tokens(shape)
        return self.forwards * (self.linear * tokens + self.attention * tokens**2)

    def traffic(self, shape: Shape, degree: int) -> float:
        """GB that one GPU of ``degree`` sends in one step for one request."""
        values = self.tokens(shape) / degree * self.hidden * self.layers * self.forwards
        return ALL_TO_ALL_TENSORS * BYTES_PER_VALUE * values * (degree - 1) / degree / 1e9


@dataclass(frozen=True)
class Constants:
    r"""What the hardware and software make of the arithmetic.

    Parameters
    ----------
    overhead
        :math:`c_0`, seconds a step that neither shape nor degree changes.
    tflops
        :math:`P`, effective TFLOP/s of one GPU.
    sync
        :math:`\alpha`, seconds a step that running on more than one GPU adds.
    bandwidth
        :math:`B`, effective GB/s that one GPU sends; infinite if traffic shows no cost.

    Raises
    ------
    ValueError
        If a constant is negative or not a number, or a rate is zero.
    """

    overhead: float
    tflops: float
    sync: float
    bandwidth: float

    def __post_init__(self) -> None:
        for name, value, valid, right in (
            ("overhead", self.overhead, 0 <= self.overhead < math.inf, "finite and 0 or more"),
            ("tflops", self.tflops, 0 < self.tflops < math.inf, "finite and positive"),
            ("sync", self.sync, 0 <= self.sync < math.inf, "finite and 0 or more"),
            ("bandwidth", self.bandwidth, self.bandwidth > 0, "positive"),
        ):
            if not valid:
                raise ValueError(f"{name} is {value!r}; it must be {right}")

    def step_time(self, architecture: Architecture, shape: Shape, degree: int, batch: int = 1) -> float:
        """Seconds per step of the whole batch, by the formula at the head of this module."""
        compute = batch * architecture.tflop(shape) / (degree * self.tflops)
        sync = self.sync if degree > 1 else 0.0
        return self.overhead + compute + sync + batch * architecture.traffic(shape, degree) / self.bandwidth


def _block(layers: int, hidden: int) -> tuple[float, float]:
    """TFLOP per token, and per squared token, of plain transformer blocks (see the head of this module)."""
    return layers * 24 * hidden**2 / 1e12, layers * 4 * hidden / 1e12


def architecture(model: str, forwards: int | None = None) -> Architecture:
    """Look up an architecture, if wished with another number of forward passes a step.

    Raises
    ------
    ValueError
        If the model is unknown; the message lists those that are known.
    """
    try:
        known = ARCHITECTURES[model]
    except KeyError:
        names = ", ".join(ARCHITECTURES)
        raise ValueError(f"no architecture for model {model!r}; known are {names}") from None
    return known if forwards is None else replace(known, forwards=forwards)


def _architectures() -> dict[str, Architecture]:
    qwen = _block(60, 3072)
    hunyuan = _block(60, 3072)
    cogvideo = _block(42, 3072)
    found = (
        # Counted over all layers, modulation and embeddings included, within 0.1 %. FLUX.1-dev has its
        # guidance distilled in; SD3-medium runs classifier-free guidance.
        Architecture("FLUX.1-dev", 57, 3072, 512, 0.012925, 6.998e-7),
        Architecture("SD3-medium", 24, 1536, 333, 0.002699 / 2, 2.966e-7 / 2, forwards=2),
        # Text lengths vary with the prompt; 64 is a sentence or two, and 2 % of a 1024 x 1024 image.
        Architecture("Qwen-Image", 60, 3072, 64, *qwen, forwards=2),
        # 20 blocks of two streams and 40 of one, guidance distilled in; 256 text tokens.
        Architecture("HunyuanVideo", 60, 3072, 256, *hunyuan),
        # Two latent frames a token in time; classifier-free guidance.
        Architecture("CogVideoX1.5", 42, 3072, 226, *cogvideo, forwards=2, frame_patch=2),
    )
    return {each.model: each for each in found}


ARCHITECTURES = _architectures()
"""The architectures whose layer counts are public, by model name."""
