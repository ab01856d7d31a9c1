"""What to split, where to attend across members, where to gather: one table per transformer class."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """A tensor of a stream that every member cuts to its own shard.

    Parameters
    ----------
    module
        Name of the module inside the transformer; ``""`` is the transformer, ``*`` any one part of a name.
    argument
        Name of an argument of the module's forward, or the position of an output. Missing and None arguments
        are left alone; in tuples and lists, every tensor is split.
    stream
        Which stream's tokens run along ``dim``.
    dim
        The dimension to split.
    ndim
        Split only tensors of this many dimensions, if given.
    key_mask
        Whether the tensor, of shape ``(batch, tokens)``, says which keys of the stream may be attended to;
        the attention then builds its mask from it, whatever the model makes of the shard.
    """

    module: str
    argument: str | int
    stream: str
    dim: int
    ndim: int | None = None
    key_mask: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """A module whose output becomes whole again.

    Parameters
    ----------
    module, stream, dim
        As in `Split`.
    """

    module: str
    stream: str
    dim: int = 1


@dataclass(frozen=True, slots=True)
class Attend:
    """Modules in which attention runs over the tokens of all members.

    Parameters
    ----------
    module
        As in `Split`.
    streams
        The streams among which it attends, in the order in which it concatenates them. Cross-attention to
        text that every member holds whole needs no entry.
    """

    module: str
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """How one class of transformers is split.

    Parameters
    ----------
    splits, gathers, attentions
        See there.
    only
        Configuration values that the plan is good for, as ``(field, allowed values)``.
    local
        Attention modules, as in `Split`, that see whole streams on every member and need no exchange: cross-attention to
        the whole text, refiners of it. One that is neither here nor in ``attentions`` is refused.
    """

    splits: tuple[Split, ...]
    gathers: tuple[Gather, ...]
    attentions: tuple[Attend, ...]
    only: tuple[tuple[str, tuple[object, ...]], ...] = ()
    local: tuple[str, ...] = ()
