"""Plans of the transformers of diffusers, by class name.

See ``docs/sequence-parallel.md`` for how to add one.

``image`` is the stream of the latent (of an image or a video), ``text`` that of the prompt. Where text and
latent attend jointly, both are split; where the latent attends to the text in a cross-attention of its own,
every member keeps the whole text.
"""

from __future__ import annotations

from executor.sequence.plan import Attend, Gather, SequencePlan, Split

_OUT = (Gather("proj_out", "image"),)


def _first(block: str, text: bool = True) -> tuple[Split, ...]:
    """Split what enters the first block."""
    image = Split(block, "hidden_states", "image", 1)
    return (image, Split(block, "encoder_hidden_states", "text", 1)) if text else (image,)


def _rope(dim: int) -> tuple[Split, ...]:
    """Split cosines and sines of the latent's positions, the outputs of the module ``rope``."""
    return Split("rope", 0, "image", dim), Split("rope", 1, "image", dim)


_FLUX = SequencePlan(
    splits=(
        Split("", "hidden_states", "image", 1),
        Split("", "encoder_hidden_states", "text", 1),
        Split("", "img_ids", "image", -2),
        Split("", "txt_ids", "text", -2),
    ),
    gathers=_OUT,
    attentions=(
        Attend("transformer_blocks.*.attn", ("text", "image")),
        Attend("single_transformer_blocks.*.attn", ("text", "image")),
    ),
)

PLANS: dict[str, SequencePlan] = {
    "FluxTransformer2DModel": _FLUX,
    "Flux2Transformer2DModel": _FLUX,
    "SD3Transformer2DModel": SequencePlan(
        splits=_first("transformer_blocks.0"),
        gathers=_OUT,
        attentions=(
            Attend("transformer_blocks.*.attn", ("image", "text")),
            Attend("transformer_blocks.*.attn2", ("image",)),
        ),
    ),
    "QwenImageTransformer2DModel": SequencePlan(
        splits=(
            *_first("transformer_blocks.0"),
            Split("transformer_blocks.*", "encoder_hidden_states_mask", "text", 1, key_mask=True),
            Split("transformer_blocks.*", "modulate_index", "image", 1),
            Split("pos_embed", 0, "image", 0),
            Split("pos_embed", 1, "text", 0),
        ),
        gathers=_OUT,
        attentions=(Attend("transformer_blocks.*.attn", ("text", "image")),),
    ),
    "WanTransformer3DModel": SequencePlan(
        splits=(Split("", "timestep", "image", 1, ndim=2), *_first("blocks.0", text=False), *_rope(1)),
        gathers=_OUT,
        attentions=(Attend("blocks.*.attn1", ("image",)),),
        local=("blocks.*.attn2",),
    ),
    "LTXVideoTransformer3DModel": SequencePlan(
        splits=(
            Split("", "hidden_states", "image", 1),
            Split("", "timestep", "image", 1, ndim=2),
            *_rope(1),
        ),
        gathers=_OUT,
        attentions=(Attend("transformer_blocks.*.attn1", ("image",)),),
        local=("transformer_blocks.*.attn2",),
    ),
    "HunyuanVideoTransformer3DModel": SequencePlan(
        splits=(*_first("transformer_blocks.0"), *_rope(0)),
        gathers=_OUT,
        attentions=(
            Attend("transformer_blocks.*.attn", ("image", "text")),
            Attend("single_transformer_blocks.*.attn", ("image", "text")),
        ),
        only=(("image_condition_type", (None, "latent_concat")),),
        local=("context_embedder.token_refiner.refiner_blocks.*.attn",),
    ),
    "CogVideoXTransformer3DModel": SequencePlan(
        splits=(*_first("transformer_blocks.0"), Split("", "image_rotary_emb", "image", 0)),
        gathers=_OUT,
        attentions=(Attend("transformer_blocks.*.attn1", ("text", "image")),),
    ),
    "PixArtTransformer2DModel": SequencePlan(
        splits=_first("transformer_blocks.0", text=False),
        gathers=_OUT,
        attentions=(Attend("transformer_blocks.*.attn1", ("image",)),),
        local=("transformer_blocks.*.attn2",),
    ),
    "AuraFlowTransformer2DModel": SequencePlan(
        splits=_first("joint_transformer_blocks.0"),
        gathers=_OUT,
        attentions=(
            Attend("joint_transformer_blocks.*.attn", ("text", "image")),
            Attend("single_transformer_blocks.*.attn", ("text", "image")),
        ),
    ),
}


def plan_of(transformer: object) -> SequencePlan:
    """Return the plan of a transformer's class.

    Raises
    ------
    ValueError
        If there is none, or it is not good for the transformer's configuration.
    """
    name = type(transformer).__name__
    plan = PLANS.get(name)
    if plan is None:
        raise ValueError(
            f"{name} has no sequence-parallel plan; there are plans for {', '.join(PLANS)}. "
            "Give one as SequenceParallel(transformer, plan=...); docs/sequence-parallel.md says how"
        )
    for field, allowed in plan.only:
        value = getattr(getattr(transformer, "config", None), field, None)
        if value not in allowed:
            raise ValueError(
                f"{name} with {field}={value!r} cannot be split; {field} may be {' or '.join(map(repr, allowed))}"
            )
    return plan
