"""What a group computes equals what one process computes, whatever groups a request moves through."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from executor.sequence import PLANS, SequenceParallel, hooks
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, denoise, latents, transformer

STEPS = 6
RANKS = range(4)


def _single(name: str, seed: int, batch: int, dtype: torch.dtype = torch.float32, steps: int = STEPS) -> Tensor:
    sample = latents(name, seed, batch).to(dtype)
    for _ in range(steps):
        sample = denoise(transformer(name, dtype), name, sample, seed)
    return sample


def _step(
    member: Member,
    name: str,
    sample: Tensor,
    seed: int,
    members: tuple[int, ...],
    width: int | None,
    broken: str = "",
) -> Tensor:
    """One step of a request on a group; ``broken`` leaves a part of the communication out."""
    model = transformer(name, sample.dtype)
    key = (name, sample.dtype)
    if key not in member.kept:
        member.kept[key] = SequenceParallel(model)
    group = member.groups.get("-".join(map(str, members)), members)
    with pytest.MonkeyPatch.context() as patch, member.kept[key].over(group, width):
        if broken == "attention":
            patch.setattr(hooks, "group_attention", lambda group, layout, width, q, k, v, *rest: sdpa(q, k, v))
        if broken == "mask":
            patch.setattr(hooks, "in_shard_order", lambda mask, layout: mask)
        return denoise(model, name, sample, seed)


def _routes(seed: int, steps: int = STEPS) -> list[tuple[tuple[int, ...], int | None]]:
    """Random groups, each degree from 1 to 4 at least once, members in any order, and random widths."""
    generator = random.Random(seed)
    degrees = [1, 2, 3, 4] + [generator.randint(2, 4) for _ in range(steps - 4)]
    generator.shuffle(degrees)
    return [
        (
            tuple(generator.sample(RANKS, degree)),
            generator.choice([None, *(w for w in (1, 2, 3, 4) if degree % w == 0)]),
        )
        for degree in degrees
    ]


def _travel(
    squad: Squad, name: str, seed: int, batch: int, dtype: torch.dtype = torch.float32, broken: str = ""
) -> Tensor:
    sample = latents(name, seed, batch).to(dtype)
    for members, width in _routes(seed):
        answers = squad.call(members, _step, name, sample, seed, members, width, broken)
        assert all(torch.equal(answer, answers[0]) for answer in answers)
        sample = answers[0]
    return sample


@pytest.mark.parametrize("name", CASES)
def test_random_groups(squad: Squad, name: str) -> None:
    """Tests that final latents are those of one process, at any degree, group, order and width."""
    for seed, batch in ((1, 1), (2, 2), (3, 1)):
        error = (_travel(squad, name, seed, batch) - _single(name, seed, batch)).abs().max()
        assert error <= 2e-6


@pytest.mark.parametrize("name", CASES)
def test_bf16(squad: Squad, name: str) -> None:
    """Tests that in bfloat16 a step differs from one process's by no more than rounding does."""
    dtype = torch.bfloat16
    sample = latents(name, 1).to(dtype)
    alone = denoise(transformer(name, dtype), name, sample, 1)
    exact = denoise(transformer(name), name, sample.float(), 1)
    for members, width in (((0, 2), None), ((3, 1, 0), None), ((3, 0, 2, 1), 2)):
        together = squad.call(members, _step, name, sample, 1, members, width)[0]
        rounding = (alone.float() - exact).abs().max()
        assert (together.float() - alone.float()).abs().max() <= 2 * rounding
        assert (together.float() - exact).abs().max() <= 2 * rounding


@pytest.mark.parametrize("name", CASES)
def test_without_communication(squad: Squad, name: str) -> None:
    """Tests that leaving the exchange between members out is seen: the tests above can fail."""
    assert (_travel(squad, name, 1, 1, broken="attention") - _single(name, 1, 1)).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["hunyuan", "qwen"])
def test_mask_order(squad: Squad, name: str) -> None:
    """Tests that a mask in the order of one process, not that of the shards, is seen."""
    assert (_travel(squad, name, 1, 1, broken="mask") - _single(name, 1, 1)).abs().max() > 1e-3


def test_interleaved(squad: Squad) -> None:
    """Tests that two requests on groups that swap members at every step do not disturb each other."""
    name = "flux"
    samples = [latents(name, 1), latents(name, 2, 2)]
    for pair in (
        ((0, 3), (1, 2)),
        ((0, 1, 2), (3,)),
        ((2, 1), (3, 0)),
        ((3,), (0, 1, 2)),
        ((1, 3), (0, 2)),
        ((0, 1), (2, 3)),
    ):
        for seed, members in enumerate(pair, start=1):
            squad.start(members, _step, name, samples[seed - 1], seed, members, None)
        samples = [squad.results(members)[0] for members in pair]
    for seed, (sample, batch) in enumerate(zip(samples, (1, 2), strict=True), start=1):
        assert (sample - _single(name, seed, batch)).abs().max() <= 2e-6


def test_every_plan_is_tested() -> None:
    """Tests that there is a case for each plan that is shipped."""
    assert {case.cls for case in CASES.values()} == set(PLANS)
