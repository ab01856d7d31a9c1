"""What serving needs of a diffusers pipeline: admit a request, do steps of several, decode a result.

Built on diffusers' modular pipelines, whose denoising loop can be run step by step, with all state in a flat
dictionary.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from diffusers.modular_pipelines import LoopSequentialPipelineBlocks
from diffusers.modular_pipelines.modular_pipeline import BlockState, PipelineState
from PIL.Image import Image
from torch import Tensor, nn

from executor.models.codec import to_device
from executor.models.loading import load_pipeline
from executor.models.noise import own_noise
from executor.models.plain import negative_prompt, speak_plainly
from executor.models.shapes import check_shape
from executor.models.spec import TEXT_ENCODERS, Ask, ModelError, ModelSpec, Role
from executor.models.ticket import Ticket

_META = torch.device("meta")


class Model:
    """A pipeline, or the part of it that a role needs.

    Parameters
    ----------
    spec
        Which model.
    role
        What this worker does; None for everything.
    device
        Where.

    Raises
    ------
    ModelError
        If it cannot be loaded, or does not take an input of the specification.
    """

    def __init__(self, spec: ModelSpec, role: Role | None = None, device: torch.device | None = None) -> None:
        self.spec = spec
        self.device = torch.device("cpu") if device is None else device
        self._pipeline = load_pipeline(spec, role, self.device)
        blocks = self._pipeline.blocks.get_execution_blocks(prompt="")
        self._blocks = [block for _, block in _flat(blocks)]
        loops = [i for i, block in enumerate(self._blocks) if isinstance(block, LoopSequentialPipelineBlocks)]
        if len(loops) != 1:
            raise ModelError(f"{spec.folder}: {len(loops)} denoising loops found; exactly one can be served")
        speak_plainly(self._blocks)
        self._inputs = blocks.inputs
        self._before, self._after = self._blocks[: loops[0]], self._blocks[loops[0] + 1 :]
        self._loop = self._blocks[loops[0]]
        *self._predict, self._advance = self._loop.sub_blocks.values()
        names = {parameter.name for parameter in self._inputs}
        unknown = sorted(set(spec.inputs) - names)
        if unknown:
            raise ModelError(
                f"engine.inputs has {unknown}; {type(self._pipeline).__name__} takes {sorted(filter(None, names))}"
            )

    @property
    def transformers(self) -> list[nn.Module]:
        """The networks that steps run: one, or one for each end of the timesteps."""
        found = (getattr(self._pipeline, name, None) for name in ("transformer", "transformer_2"))
        return [network for network in found if network is not None]

    @torch.no_grad()
    def read(self, text: str) -> None:
        """Encode a text for nobody.

        Raises
        ------
        ModelError
            If it cannot be, for a reason that any text would meet: a package that is missing, a tokenizer of another model.
        """
        state = self._given(self._told | {"prompt": text})
        try:
            for block in self._before:
                if any(part.name in TEXT_ENCODERS for part in block.expected_components):
                    _, state = block(self._pipeline, state)
        except Exception as error:
            hint = f"; is the package {error.name} missing?" if isinstance(error, NameError) else ""
            raise ModelError(
                f"{self.spec.folder}: no text can be encoded: {type(error).__name__}: {error}{hint}"
            ) from error

    @torch.no_grad()
    def admit(self, ask: Ask) -> Ticket:
        """Encode the prompt, draw the noise, set the timesteps.

        Raises
        ------
        ValueError
            If the pipeline refuses the request, for example its size, or does not make as many timesteps of it as it has
            steps.
        """
        check_shape(self.spec.folder, ask.request.shape, 1)
        self._pipeline.scheduler = copy.deepcopy(self._pipeline.scheduler)
        state = self._given(self._call(ask))
        for block in self._before:
            _, state = block(self._pipeline, state)
        values: dict[str, Any] = {
            name: None if _hides_nothing(name, value) else value
            for name, value in state.values.items()
            if not isinstance(value, torch.Generator)
        }
        latents = values.pop("latents")
        scheduler, steps, times = self._pipeline.scheduler, ask.request.steps, len(values["timesteps"])
        if times != steps:
            named = ", ".join(f"engine.inputs.{name}" for name in ("timesteps", "sigmas") if name in self.spec.inputs)
            raise ValueError(
                f"the request has {steps} steps, but {type(scheduler).__name__} makes {times} timesteps of them"
                + (f" with {named}; give as many as there are steps" if named else "; use a scheduler of one step each")
            )
        return Ticket(values, dict(state.kwargs_mapping), latents, scheduler, 0, ask.seed)

    @torch.no_grad()
    def step(self, tickets: Sequence[Ticket]) -> None:
        """Do one step of every request.

        Requests whose inputs have equal shapes are run as one batch, whatever step each is at (with two transformers, where
        they are at the same time); others one after the other.

        Parameters
        ----------
        tickets
            Changed in place.
        """
        for batch in _batches(tickets, self._apart):
            self._step(batch)

    @torch.no_grad()
    def rehearse(self, ticket: Ticket) -> None:
        """Go through a request's next step where the transformer has no memory, and nothing is computed.

        Raises
        ------
        RuntimeError
            Also if the step depends on values, which there are none of.
        """
        moved = replace(ticket, values=to_device(ticket.values, _META), latents=ticket.latents.to(_META))
        state = self._block_state(moved)
        for block in self._predict:
            block(self._pipeline, state, i=ticket.step, t=moved.values["timesteps"][ticket.step])

    @torch.no_grad()
    def decode(self, ticket: Ticket) -> list[Image]:
        """Return the frames of a finished request; one for an image.

        Raises
        ------
        ValueError
            If they have not the size, or the number, that was asked for.
        """
        state = self._state(ticket)
        for block in self._after:
            _, state = block(self._pipeline, state)
        found = state.values.get("images")
        made_of: Any = (state.values["videos"] if found is None else found)[0]
        frames: list[Image] = list(made_of) if isinstance(made_of, list) else [made_of]
        wanted = ticket.values["width"], ticket.values["height"], ticket.values.get("num_frames") or 1
        made = *frames[0].size, len(frames)
        if made != wanted:
            raise ValueError("asked for {}x{} pixels, frames {}; made were {}x{}, {}".format(*wanted, *made))
        return frames

    def _apart(self, ticket: Ticket) -> float | None:
        """Return what keeps requests of one shape from being a batch: where the time chooses the network, the time."""
        return None if len(self.transformers) == 1 else float(ticket.values["timesteps"][ticket.step])

    def _call(self, ask: Ask) -> dict[str, Any]:
        shape, steps = ask.request.shape, ask.request.steps
        call: dict[str, Any] = {
            "prompt": ask.prompt,
            "height": shape.height,
            "width": shape.width,
            "num_inference_steps": steps,
            "generator": torch.Generator().manual_seed(ask.seed),
            "output_type": "pil",
        }
        names = {parameter.name for parameter in self._inputs}
        if "num_frames" in names:
            call["num_frames"] = shape.frames
        if self.spec.guidance is not None and "guidance_scale" in names:
            call["guidance_scale"] = self.spec.guidance
        return call | self._told

    @property
    def _told(self) -> dict[str, Any]:
        """What every request is told beside what it says itself."""
        return negative_prompt(self._pipeline) | dict(self.spec.inputs)

    def _given(self, call: Mapping[str, Any]) -> PipelineState:
        """Return the state at the beginning of a pipeline that is called with some of its inputs."""
        state = PipelineState()
        for parameter in self._inputs:
            if parameter.name is not None:
                state.set(parameter.name, call.get(parameter.name, parameter.default), parameter.kwargs_type)
        return state

    def _state(self, ticket: Ticket) -> PipelineState:
        values = ticket.values | {"latents": ticket.latents}
        return PipelineState(values, {kind: list(names) for kind, names in ticket.kinds.items()})

    def _block_state(self, ticket: Ticket) -> BlockState:
        state = self._loop.get_block_state(self._state(ticket))
        state.additional_cond_kwargs = {}
        return state

    def _step(self, tickets: Sequence[Ticket]) -> None:
        states = [self._block_state(ticket) for ticket in tickets]
        times = [ticket.values["timesteps"][ticket.step] for ticket in tickets]
        joint = states[0] if len(states) == 1 else _joined(states)
        alike = len(times) == 1 or self._apart(tickets[0]) is not None
        time = times[0] if alike else torch.stack(times)
        for block in self._predict:
            block(self._pipeline, joint, i=tickets[0].step, t=time)
        noise = joint.noise_pred.split([ticket.latents.shape[0] for ticket in tickets])
        for ticket, state, prediction, at in zip(tickets, states, noise, times, strict=True):
            state.noise_pred = prediction
            self._pipeline.scheduler = ticket.scheduler
            with own_noise(ticket, self.device):
                self._advance(self._pipeline, state, i=ticket.step, t=at)
            ticket.latents = state.latents
            ticket.step += 1


def _flat(blocks: Any) -> list[tuple[str, Any]]:
    """Return the innermost blocks in order; a loop counts as one."""
    found = []
    for name, block in blocks.sub_blocks.items():
        inner = [] if isinstance(block, LoopSequentialPipelineBlocks) else _flat(block)
        found += inner or [(name, block)]
    return found


def _hides_nothing(name: str, value: Any) -> bool:
    """Whether an input is a mask that lets everything through; without it attention is the same, with faster kernels."""
    return name.endswith("embeds_mask") and isinstance(value, Tensor) and bool(value.all())


def _per_request(name: str) -> bool:
    """Whether an input has one entry per request of a batch."""
    return "embeds" in name or name.endswith("attention_mask") or name in ("latents", "guidance", "img_shapes")


def _key(ticket: Ticket) -> tuple[Any, ...]:
    """Two requests with the same key can share a batch."""
    shared: list[Any] = [tuple(ticket.latents.shape)]
    for name, value in sorted(ticket.values.items()):
        if isinstance(value, Tensor) and name != "timesteps":
            shared.append((name, tuple(value.shape)))
        elif name == "img_shapes":
            shared.append((name, str(value)))
    return tuple(shared)


def _batches(tickets: Sequence[Ticket], apart: Callable[[Ticket], float | None]) -> list[list[Ticket]]:
    batches: dict[tuple[Any, ...], list[Ticket]] = {}
    for ticket in tickets:
        batches.setdefault((apart(ticket), *_key(ticket)), []).append(ticket)
    return list(batches.values())


def _joined(states: Sequence[BlockState]) -> BlockState:
    """Return the inputs of a batch: what is per request stacked, all else from the first."""
    joint = BlockState(**states[0].as_dict())
    for name, value in states[0].as_dict().items():
        if not _per_request(name):
            continue
        values = [getattr(state, name) for state in states]
        if isinstance(value, Tensor):
            joint[name] = torch.cat(values)
        elif isinstance(value, list):
            joint[name] = [item for items in values for item in items]
    for kind, values in states[0].as_dict().items():
        if isinstance(values, dict):
            joint[kind] = {name: getattr(joint, name, value) for name, value in values.items()}
    return joint
