"""Sequence parallelism of a transformer, over a group that is chosen at each call.

Hooks are installed once. They look up the group when they run, so that changing it costs nothing: no weights
move, nothing is wrapped anew. Without a group (or with one of a single member) every hook returns at once and
the model is what it was.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from executor.sequence.attention import group_attention, in_shard_order
from executor.sequence.communicator import Communicator
from executor.sequence.compiled import ExchangeCheck, Standing, compile_block, note_streams
from executor.sequence.divert import ReplaceAttention, unattended
from executor.sequence.exchange import gather_tokens
from executor.sequence.kernel import Kernel
from executor.sequence.layout import Layout, shard_sizes
from executor.sequence.plan import Attend, Gather, SequencePlan, Split
from executor.sequence.plans import plan_of


class _Call:
    """What is known while a call runs: the group, and the streams as they are met."""

    def __init__(self, communicator: Communicator, width: int | None) -> None:
        self.communicator = communicator
        self.width = width
        self.lengths: dict[str, int] = {}
        self.key_masks: dict[str, Tensor] = {}
        self.exchanges = 0

    def begin(self) -> None:
        self.lengths.clear()
        self.key_masks.clear()

    def shard(self, split: Split, value: Any) -> Any:
        """Cut a tensor, or every tensor in a tuple or list, to this member's shard."""
        if isinstance(value, tuple | list):
            return type(value)(self.shard(split, item) for item in value)
        if not isinstance(value, Tensor) or (split.ndim is not None and value.ndim != split.ndim):
            return value
        degree, rank = self.communicator.degree, self.communicator.rank
        length = value.shape[split.dim]
        if self.lengths.setdefault(split.stream, length) != length:
            raise ValueError(
                f"{split.module or 'the transformer'}: {split.argument!r} has {length} tokens along "
                f"dimension {split.dim}, but its stream {split.stream!r} has {self.lengths[split.stream]}"
            )
        if length < degree:
            raise ValueError(f"stream {split.stream!r} has {length} tokens; they cannot be split over {degree} members")
        if split.key_mask:
            self.key_masks[split.stream] = value
        sizes = shard_sizes(length, degree)
        return value.narrow(split.dim, sum(sizes[:rank]), sizes[rank])

    def attend(
        self,
        streams: tuple[str, ...],
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        scale: float | None,
        kernel: Kernel,
    ) -> Tensor:
        self.exchanges += 1
        layout = Layout(tuple(self.lengths[stream] for stream in streams), self.communicator.degree)
        if mask is not None:
            mask = in_shard_order(self._full_mask(streams, mask, layout), layout)
        return group_attention(self.communicator, layout, self.width, query, key, value, mask, scale, kernel)

    def _full_mask(self, streams: tuple[str, ...], mask: Tensor, layout: Layout) -> Tensor:
        """Return the mask over all tokens, in full order."""
        if mask.shape[-1] in (1, layout.total):
            return mask
        if not any(stream in self.key_masks for stream in streams):
            raise ValueError(
                f"a mask over {mask.shape[-1]} keys is given, and there are {layout.total}; "
                "a plan says with key_mask where such a mask comes from"
            )
        batch = next(iter(self.key_masks.values())).shape[0]
        parts = [
            self.key_masks[stream].bool()
            if stream in self.key_masks
            else torch.ones((batch, length), dtype=torch.bool, device=mask.device)
            for stream, length in zip(streams, layout.lengths, strict=True)
        ]
        return torch.cat(parts, dim=1)[:, None, None]


class SequenceParallel:
    """Runs a transformer of diffusers on the members of a group, each with its shard of the tokens.

    Parameters
    ----------
    transformer
        A model whose class has a plan, or any other with ``plan``.
    plan
        How to split it; by default the one for its class.
    compiler
        A backend of `torch.compile` for the blocks that hold the attentions, such as ``"inductor"``; None compiles nothing.

    Raises
    ------
    ValueError
        If there is no plan, or it names modules or arguments that the transformer does not have, or the transformer has
        an attention module of which the plan does not say whether it needs the other members.

    Examples
    --------
    >>> parallel = SequenceParallel(transformer)  # doctest: +SKIP
    >>> with parallel.over(groups.get("pair", (0, 3))):  # doctest: +SKIP
    ...     noise = transformer(**inputs)  # equal to what one process returns, on both members
    """

    def __init__(
        self,
        transformer: nn.Module,
        plan: SequencePlan | None = None,
        compiler: str | Callable[..., Any] | None = None,
    ) -> None:
        self.plan = plan_of(transformer) if plan is None else plan
        self._call: _Call | None = None
        self._compiler = compiler
        self._standing = Standing()
        self._blocks: dict[str, list[str]] = {}
        self._handles: list[Any] = [transformer.register_forward_pre_hook(self._begin)]
        self._replaced: list[nn.Module] = []
        modules = dict(transformer.named_modules())
        for split in self.plan.splits:
            for module in _matching(modules, split.module):
                self._split(module, split)
        names = {id(module): name for name, module in modules.items()}
        for attention in self.plan.attentions:
            for module in _matching(modules, attention.module, required=False):
                self._attend(module, names[id(module)], attention)
        for gather in self.plan.gathers:
            for module in _matching(modules, gather.module):
                self._handles.append(module.register_forward_hook(partial(self._gather, gather)))
        if not self._replaced:
            self.remove()
            raise ValueError(f"{type(transformer).__name__} has none of the attention modules of its plan")
        known = {id(module) for local in self.plan.local for module in _matching(modules, local, required=False)}
        known |= {id(module) for module in self._replaced}
        self._compile(transformer, modules)
        unknown = [
            name
            for name, module in modules.items()
            if isinstance(module, Attention | AttentionModuleMixin) and id(module) not in known
        ]
        if unknown:
            self.remove()
            raise ValueError(
                f"{type(transformer).__name__} attends in {', '.join(unknown)}, of which its plan says nothing; "
                "put them into attentions, or into local if each member has all that they attend to"
            )

    @contextmanager
    def over(self, communicator: Communicator | None, width: int | None = None) -> Iterator[None]:
        """Run the calls inside over a group. Every member must make the same ones; gradients are off.

        Parameters
        ----------
        communicator
            The group; None, or one of a single member, runs the transformer as it is.
        width
            Over how many ranks heads are split (Ulysses), a divisor of the degree; keys and values travel
            around a ring over the rest. None splits heads as far as there are any.
        """
        before = self._call
        alone = communicator is None or communicator.degree == 1
        self._call = None if alone or communicator is None else _Call(communicator, width)
        try:
            with torch.no_grad():
                yield
        finally:
            self._call = before

    def remove(self) -> None:
        """Take all hooks off again."""
        for handle in self._handles:
            handle.remove()
        for module in self._replaced:
            del module.forward
        self._handles.clear()
        self._replaced.clear()

    def _begin(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self._call is not None:
            self._call.begin()
        if self._compiler is not None:
            self._standing.begin(None if self._call is None else self._call.attend)

    def _compile(self, transformer: nn.Module, modules: dict[str, nn.Module]) -> None:
        """Compile the blocks that hold attentions of the plan."""
        if self._compiler is None:
            return
        self._handles.append(transformer.register_forward_hook(lambda *_: self._standing.end(), always_call=True))
        for name, attentions in self._blocks.items():
            block = modules[name]
            compile_block(block, self._compiler)
            self._replaced.append(block)
            check = ExchangeCheck({attention: modules[attention] for attention in attentions}, lambda: self._call)
            self._handles.append(block.register_forward_pre_hook(check.begin))
            self._handles.append(block.register_forward_hook(check.end))

    def _split(self, module: nn.Module, split: Split) -> None:
        if isinstance(split.argument, int):
            self._handles.append(module.register_forward_hook(partial(self._split_output, split, split.argument)))
            return
        names = list(inspect.signature(module.forward).parameters)
        if split.argument not in names:
            raise ValueError(
                f"{type(module).__name__}.forward has no argument {split.argument!r}; it has {', '.join(names)}"
            )
        hook = partial(self._split_argument, split, split.argument, names.index(split.argument))
        self._handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def _split_argument(
        self,
        split: Split,
        name: str,
        position: int,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        call = self._call
        if call is None:
            return None
        if name in kwargs:
            return args, kwargs | {name: call.shard(split, kwargs[name])}
        if position < len(args):
            return (*args[:position], call.shard(split, args[position]), *args[position + 1 :]), kwargs
        return None

    def _split_output(self, split: Split, position: int, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if self._call is None:
            return None
        return (*output[:position], self._call.shard(split, output[position]), *output[position + 1 :])

    def _gather(self, gather: Gather, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor | None:
        call = self._call
        if call is None:
            return None
        return gather_tokens(call.communicator, output, gather.dim, call.lengths[gather.stream])

    def _attend(self, module: nn.Module, name: str, attention: Attend) -> None:
        if self._compiler is not None:
            note_streams(module, attention.streams)
            self._blocks.setdefault(name.rpartition(".")[0], []).append(name)
            self._replaced.append(module)
            return
        forward: Callable[..., Any] = module.forward

        def over_group(*args: Any, **kwargs: Any) -> Any:
            call = self._call
            if call is None:
                return forward(*args, **kwargs)
            before = call.exchanges
            with ReplaceAttention(partial(call.attend, attention.streams)):
                output = forward(*args, **kwargs)
            if call.exchanges == before:
                others = call.communicator.degree - 1
                raise unattended(name, module, others, "calls neither torch nor diffusers' dispatcher")
            return output

        module.forward = over_group
        self._replaced.append(module)


def _matching(modules: dict[str, nn.Module], pattern: str, required: bool = True) -> list[nn.Module]:
    """Modules whose name matches, where ``*`` stands for one part of a name."""
    expression = re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))
    found = [module for name, module in modules.items() if expression.fullmatch(name)]
    if required and not found:
        raise ValueError(f"the transformer has no module {pattern!r}")
    return found
