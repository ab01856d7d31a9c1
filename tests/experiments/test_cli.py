"""The command lines tell users what is wrong, in one place."""

from __future__ import annotations

import pytest

from experiments.cli import compose, guarded


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("solver.degre=3", ["there is no solver.degre", "solver.budget_ms"]),
        ("solvr=dp", ["there is no solvr", "Did you mean solver?"]),
        ("workload.slo_scal=1", ["Did you mean workload.slo_scale?"]),
        ("workload=trace workload.slo=1.5", ["no workload.slo", "workload.slo_scale"]),
        ("solver=nosuch", ["there is no solver=nosuch", "srtf"]),
        ("workload.rate=fast", ["workload.rate is 'fast'; a number is needed"]),
        ("objective=custom", ["objective.file"]),
        ("objective.x=1", ["objective has no fields", "objective=..."]),
    ],
)
def test_typos_are_explained(override: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt group, choice or field, or a value of the wrong type, is named with what would be right."""

    def command() -> int:
        compose(override.split())
        return 0

    assert guarded(command) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    for word in words:
        assert word in message


def test_programming_errors_are_not_hidden() -> None:
    """Only mistakes in what the user gave become messages; a bug keeps its traceback."""
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0)
