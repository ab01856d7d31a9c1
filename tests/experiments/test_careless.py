"""What a careless user types, at every door: one line that says what would be right, and nothing overwritten."""

from __future__ import annotations

import importlib
import shlex
import sys
from pathlib import Path

import pytest

from experiments.__main__ import COMMANDS
from experiments.cli import compose, guarded, refuse_twice
from experiments.serve.__main__ import main as serve
from experiments.serving import checked
from experiments.studies.sweep import sweep

CARELESS = """
run | solver=nosuch | srtf
run | solver=CPSAT | did you mean cpsat?
run | solvr=dp | Did you mean solver?
run | solver.degre=3 | there is no solver.degre
run | solver=fixed solver.degree=16 | solver.degree is 16
run | solver=fixed solver.degree=0 | solver.degree is 0
run | solver=fixed solver.degree=two | solver.degree
run | solver=rssp solver.efficiency=-1 | solver.efficiency is -1
run | solver=rssp solver.degrees={1024x1024:16} | degrees
run | solver=srtf solver.chunk=0 | solver.chunk is 0
run | solver=edf solver.late=never_ever | solver.late is 'never_ever'
run | solver=dp solver.waiting=maybe | solver.waiting
run | solver=cpsat solver.workers=0 | solver.workers is 0
run | solver=pulp solver.solver=gurobi | solver.solver is 'gurobi'
run | solver.budget_ms=0 | solver.budget_ms is 0
run | solver.budget_ms=-5 | solver.budget_ms is -5
run | solver.budget_ms=nan | solver.budget_ms is nan
run | solver.budget_ms=inf | solver.budget_ms is inf
run | solver=custom | solver.file
run | solver=custom solver.file=/no/such.py | there is no such file
run | solver=custom solver.file=/etc/hostname | name must end in .py
run | program=custom program.file=/no/such.py | there is no such file
run | program=lookahed | lookahead
run | program.tie_break=2 | program.tie_break is 2
run | program.tie_break=-1 | program.tie_break is -1
run | program.late=sometimes | program.late is 'sometimes'
run | program.detail=-1 | program.detail is -1
run | program=assignment program.form=triples | program.form is 'triples'
run | objective=custom | objective.file
run | objective=custom objective.file=/no/such.py | there is no such file
run | objective=cost objective.price=-1 | objective.price is -1
run | objective=cost objective.price=nan | objective.price is nan
run | objective=weighted objective.terms=[] | objective.terms is empty
run | objective=weighted objective.terms=[speed:1] | 'speed:1'
run | objective=weighted objective.terms=[on_time:much] | on_time:much
run | objective=lexicographic objective.terms=[on_time:0] | on_time:0
run | objective=progress objective.floor=0 program=assignment | objective.floor is 0
run | objective=moves | program=assignment
run | objective=progress | program=assignment
run | objective.x=1 | has no fields
run | solver=dp objective=least_share | cannot express objective=least_share
run | workload.requests=0 | workload.requests is 0
run | workload.requests=-3 | workload.requests is -3
run | workload.requests=many | workload.requests
run | workload.requests=2.5 | workload.requests
run | workload.rate=0 | rate is 0
run | workload.rate=-12 | rate is -12
run | workload.rate=nan | rate is nan
run | workload.rate=fast | workload.rate
run | workload.slo_scale=0 | slo_scale
run | workload.slo_scale=-1 | slo_scale
run | workload.slo_scal=1 | Did you mean workload.slo_scale?
run | workload.cv=-1 | cv
run | workload.deadline_jitter=2 | jitter
run | workload.deadlines=tight | workload.deadlines is 'tight'
run | workload.reference_gpus=0 | workload.reference_gpus is 0
run | workload.mix=nosuch | nosuch
run | workload.mix=custom | workload.classes is empty
run | workload=custom workload.classes=[{shape:512}] | steps
run | workload.classes=[{shape:512x512,steps:20,share:1}] | workload.classes are of workload.mix=custom
run | workload=tiers workload.tiers=[{name:a}] | share
run | workload=tiers workload.tiers=[{name:a,share:-1}] | share
run | workload=bursts workload.pieces=[[0,6]] | pieces
run | workload=bursts workload.pieces=[6] | workload.pieces has 6
run | workload=bursts workload.rate=18 | workload.pieces is
run | workload.load=0.5 workload.rate=18 | workload.load is 0.5 and replaces it
run | workload.load=-1 | workload.load is -1
run | workload=trace | workload.file
run | workload=trace workload.file=/no/such.csv | there is no such file
run | workload=trace workload.file=. | there is no such file
run | workload=trace workload.file={trace} workload.rate=6 workload.speedup=2 | give one of them
run | workload=trace workload.file={trace} workload.speedup=0 | workload.speedup is 0
run | workload=trace workload.file={trace} workload.slo=1.5 | workload.slo_scale
run | workload=custom_file | workload.file
run | workload=custom_file workload.file=/no/such.py | there is no such file
run | profile=nosuch | nosuch
run | profile.error=0 | profile.error
run | profile.error=-1 | profile.error
run | profile=file | profile.name
run | profile=file profile.name=/no/such.json | /no/such.json
run | profile=measured | engine=distributed
run | cluster.gpus=0 | cluster
run | cluster.gpus=-8 | cluster
run | cluster.gpus=eight | cluster.gpus
run | cluster.grouping=random | cluster.grouping is 'random'
run | cluster=nodes cluster.nodes=0 | cluster.nodes is 0
run | cluster=workers | engine=distributed
run | cadence.tau=0 | cadence.tau is 0
run | cadence.tau=-1 | cadence.tau is -1
run | cadence.tau=long | cadence.tau is long
run | cadence=rounds cadence.tau=0.001 | cadence.tau is 0.001
run | cadence=rounds cadence.tau=0.4 cadence.steps=5 | give one of them
run | cadence=rounds cadence.steps=0 | cadence.steps is 0
run | engine.noise_cv=-1 | engine.noise_cv is -1
run | engine.noise=-0.5 | engine.noise is -0.5
run | engine.regroup_ms=-1 | engine.regroup_ms
run | engine.late=ignore | engine.late is 'ignore'
run | engine.latency=sometimes | engine.latency is 'sometimes'
run | engine.latency_ms=10 | it needs engine.latency=fixed
run | engine.latency=fixed | engine.latency_ms is 0
run | engine.stage_workers=2 | it needs engine.stages=true
run | engine.stages=true engine.stage_workers=0 | engine.stage_workers is 0
run | engine.decode=group | it needs engine.stages=true
run | engine.decode=groups | engine.decode is 'groups'; use 'workers' or 'group'
run | engine.stages=true engine.decode=gpu | engine.decode is 'gpu'; use 'workers' or 'group'
run | engine.latency=fixed engine.latency_ms=-1 | engine.latency_ms is -1
run | cadence=rounds engine.regroup_ms=5000 | engine.regroup_ms is 5000
run | seed=-1 | seed is -1
run | seed=one | seed
run | engine=real | distributed
run | workload.rate=6 workload.rate=12 | is given 2 times
run | solver=dp solver=edf | solver is given 2 times
run | workload.rate=6,12 | has several values
run | workload.rate=null | workload.rate is null
run | solver.deterministic=maybe | true or false is needed
run | workload | no override of the form
run | workload= | there is no workload=
run | +workload.foo=1 | there is no workload.foo
run | +foo=1 | there is no foo
run | +solver.arguments.x=1 | there is no solver.arguments
run | solver=cells +solver.arguments.degree=1 | has no degree
run | overwrite=true | output, which is not given
run | cluster.gpus=1000000000 | at most 5000
run | cluster=nodes cluster.nodes=100000 | at most 5000
run | cluster=nodes cluster.gpus=16 | cluster.gpus is 16
run | cluster=nodes cluster.grouping=all | cluster.grouping is 'all'
run | cadence=rounds cadence.resolution=512x512 | cadence.steps
run | cadence=rounds cadence.degree=4 | cadence.steps
run | cluster.link=foo | cluster.link is 'foo'
run | profile.error=1e-320 | profile.error is
run | engine.stages=true engine.stage_workers=10000000000 | engine.stage_workers is 10000000000
run | solver=cells solver.workers=3 | solver.planning=processes
run | solver=cells solver.address=foo | solver.planning=ray
run | workload=tiers "workload.tiers=[{name:'',share:1}]" | tier 0: name is ''
run | workload.requests=1000000000000 | workload.requests is 1000000000000
run | workload.slo_scale=1e308 | deadline is inf
run | engine.noise=1e308 | engine.noise is 1e+308
run | profile=file profile.name=~/no/such.json | quote its value
run | profile=file "profile.name='~/no/such.json'" | there is no profile file /
run | workload..rate=3 | workload..rate
run | foo=1 | foo
run | =5 | override
sweep | workload.rate=12,-3 | 1 of 2 runs cannot be made
sweep | solver=dp,edf,foo | foo
sweep | seed=0,1 --jobs 0 | '0' is not a whole number
sweep | seed=0,1 --sedes 3 | --sedes
sweep | seed=0,1 --output README.md | README.md
sweep | seed=0,1 --resume | --output, which is not given
compare | --polcy edf | did you mean --policy?
compare | --policy nosuch | there is no policy 'nosuch'
compare | --policy a:b | give overrides
compare | --policy edf --policy edf | every name must occur once
compare | --policy edf --reference nosuch | --reference is 'nosuch'
compare | --policy edf --timelines dp | --timelines is 'dp'
compare | --seeds 0 | '0' is not a whole number
compare | --seeds -3 | '-3' is not a whole number
compare | --jobs 0 | '0' is not a whole number
compare | --jobs -3 | '-3' is not a whole number
compare | --sweep workload.rate=6,fast --policy edf | fast
compare | --sweep workload.rate | KEY=VALUE
compare | --cell oops | NAME:OVERRIDES
compare | --grid --cell a:seed=1 | leave out --grid
compare | seed=3 | use --first-seed and --seeds
compare | output=foo | use --output
compare | overwrite=true --policy edf | use --overwrite
compare | engine=distributed --policy edf | engine=simulated
compare | --policy edf solver=dp | every policy sets solver
compare | --policy edf --sweep solver=dp,edf | every policy sets solver
compare | --policy edf --grid workload.rate=6 | every cell sets workload.rate
compare | --policy edf --cell a:workload.rate=1 workload.rate=3 | every cell sets workload.rate
compare | --sweep workload.rate=6,12 --sweep workload.rate=3,5 | every cell sets workload.rate
compare | --sweep workload.rate=6,6 | a value twice
compare | --sweep seed=1,2 | use --first-seed
compare | --cell a:workload.rate=3 --cell a:workload.rate=4 | every name must occur once
compare | --cell a:output=x | use --output
compare | --cell :workload.rate=3 | give it a name
compare | --policy 'a:solver=dp seed=3' | use --first-seed
compare | --policy 'a:solver=dp solver=edf' | solver is given 2 times
compare | --policy a:engine=distributed | engine=simulated
compare | --policy :solver=dp | give it a name
compare | workload.rate=6 workload.rate=12 | is given 2 times
compare | --rounds 10 --bound | leave it out
compare | --rounds 10 --reference edf | leave it out
compare | --rounds 10 solver=dp | --rounds-of
compare | --rounds-of edf | goes with --rounds
compare | --rounds 0 | '0' is not a whole number
compare | --on moon | cores
compare | --output README.md --policy edf workload.requests=3 | README.md
compare | --output . --policy edf workload.requests=3 | not known as a result of ours
compare | --policy edf workload.requests=many | workload.requests
capacity | --target 2 | more than 1
capacity | --vary speed | rate
capacity | workload=bursts | workload.pieces
capacity | --policy edf solver=dp | every policy sets solver
capacity | --policy a:workload.rate=3 | --vary rate finds it
capacity | --sweep workload.rate=6,12 | --vary rate finds it
capacity | --cell a:workload.rate=12 | --vary rate finds it
capacity | --vary gpus --sweep cluster.gpus=2,4 | --vary gpus finds it
capacity | --no-bound --time-limit 3 | --no-bound leaves out
capacity | --policy edf --policy edf | every name must occur once
capacity | --step 0.5 | --step is 0.5
capacity | --each | --no-bound
bound | --seeds 0 | '0' is not a whole number
bound | --time-limit 0 | '0' is not a positive number
bound | --time-limit -1 | not a positive number
bound | solver=dp | whoever plans
bound | --cell a:solver=dp | whoever plans
bound | profile.error=1.2 | true step times
bound | --grid workload=gamma | every cell sets workload
bound | seed=7 | use --first-seed
bound | workload | no override of the form
foresight | --cell a:engine.late=drop | in turn
foresight | engine.late=drop | in turn
admission | workload.rate=3 | would make another cell of 'uniform 12, 1.1'
admission | solver=dp | every policy sets solver
foresight | --grid --cell a:seed=1 | leave out --grid
foresight | --cell a | NAME:OVERRIDES
bound | --cell a:workload=nosuch | workload=nosuch
foresight | --passes -1 | '-1' is not a whole number
foresight | workload.requests=0 | workload.requests is 0
columns | solver=dp | whoever plans
columns | engine.noise=1 | what the profile says
columns | --together 0 | '0' is not a whole number
columns | --cell a:engine.late=drop | whoever plans
optimum | cluster.gpus=2 | use --gpus
optimum | workload.requests=50 | use --requests
optimum | solver=dp | whoever plans
optimum | engine.noise=0 | what the profile says
optimum | --gpus 0 | '0' is not a whole number
prices | --seeds none | 'none' is not a whole number
prices | workload=gamma | would make another cell
prices | objective=cost | every policy sets objective
prices | seed=1 | use --first-seed
decoding | engine.decode=group | every policy sets engine.decode
decoding | profile=flux1-dev_l20 | would make another cell
tune | --policy nosuch | --policy is 'nosuch'
tune | --policy edf solver=dp | every policy sets solver
tune | --policy edf solver.late=idle | every policy sets solver.late
tune | workload.rate=3 | would make another cell
tune | --first-seed 3 | tuning those above
budgets | workload=skewed | has no effect here
budgets | --budget-ms 0 | '0' is not a positive number
budgets | --calibrate --output x | --calibrate has no use for it
budgets | --solver gurobi | cbc
growth | --policy nosuch | lookahead
growth | workload=skewed | has no effect here
regimes | --regime nosuch | premium tier
regimes | --list --output x | leave out --output
regimes | --time-limit 3 | goes with --bound
regimes | workload.rate=3 | would make another cell
regimes | --regime bursts --regime bursts | every name must occur once
regimes | --seeds 1.5 | '1.5' is not a whole number
collect | /no/such | no directory
collect | . | no finished run
workload | generate --seed 1 --output README.md | exists
workload | generate --seed 1 --output . | is a directory
workload | generate --seed -1 --output x.csv | '-1' is not a whole number
workload | generate --seed 1 --output x.csv --rate 0 | '0' is not a positive number
workload | generate --seed 1 --output x.csv --count 0 | '0' is not a whole number
workload | generate --seed 1 --output x.csv --mix nosuch | nosuch
workload | generate --seed 1 --output x.csv --pieces 50:12,10 | --pieces
workload | generate --seed 1 --output x.csv --pieces 50:12 --rate 6 | give one of them
workload | generate --seed 1 --output x.csv --reference-gpus 4 | needs --profile
workload | generate --output x.csv | --seed
workload | generate --seed 1 --output /no/such/x.csv | there is no directory
workload | generate --seed 1 --output x.csv --count 999999999999 | not enough memory
workload | generate --seed 1 --output x.csv --deadlines profile | needs --profile
workload | generate --seed 1 --output x.csv --profile flux1-dev_h100 --reference-gpus 4 | published seconds
workload | convert {trace} --from csv --output x.csv --seed 5 | --mix, which is not given
workload | convert {trace} --from csv --output x.csv --prompts | leave --prompts out
workload | convert {trace} --from csv --output {trace} --overwrite | the file itself
workload | convert /no/such --from csv --output x.csv | /no/such: No such file
workload | convert {trace} --from csv --output x.csv --where steps=99 | no usable row
workload | check {trace} | does not say the version
workload | export {trace} --output README.md | exists
workload | check /no/such.csv | /no/such.csv
workload | check README.md | README.md
workload | chek x.csv | check
instances | record --count 0 | '0' is not a whole number
instances | prove | the shipped one
instances | solve --solver /no/such.py | there is no such file
instances | record | the shipped one
instances | solve --budget 0 | '0' is not a positive number
instances | solve --budget -1 | not a positive number
instances | solve --solver gurobi | cbc
instances | solve --overwrite | --output, which is not given
instances | solve --output . | not known as a result of ours
instances | list --library /no/such | /no/such
profiles | show nosuch | nosuch
profiles | show flux1-dev_h100 --batch 3 | no batch 3
profiles | show flux1-dev_h100 --batch 0 | '0' is not a whole number
profiles | plot flux1-dev_h100 --output README.md | exists
profiles | plot flux1-dev_h100 --output x.foo | foo
profiles | fit /nope.csv --model a --gpu b --output x.json | /nope.csv
profiles | fit README.md --model a --gpu b --output x.json | README.md
profiles | fit x.csv --model a --gpu b --output README.md | exists
profiles | fit x.csv --model a --gpu b --output x.json --degrees 0 3 | '0' is not a whole number
profiles | check README.md | README.md
profiles | build flux1-dev_h100 --folder {mine} | exists
profiles | build flux1-dev_h100 --folder /no/such | /no/such
profiles | compare flux1-dev_h100 nosuch | nosuch
profiles | build nosuch --folder . | nosuch
figures | fig99 | no figure 'fig99'
figures | --redraw --output empty | has no
figures | --redraw --quick | would not be used
figures | --list fig07 | leave out fig07
figures | --seeds 0 | '0' is not a whole number
figures | --jobs -3 | '-3' is not a whole number
fidelity | output=x | use --output
fidelity | profile=flux1-dev_h100 | measures the profile itself
serve | solver=dp solver=edf | solver is given 2 times
serve | serve.port=99999999 | serve.port is 99999999
serve | serve.steps=100 serve.most_steps=50 | at most serve.most_steps=50
serve | serve.sizes=[foo] | serve.sizes
serve | +serve.foo=1 | there is no serve.foo
serve | engine=simulated | no real clock
serve | serve.resume=true | output, which is not given
serve | serve.host= | serve.host is empty
serve | serve.tiers=[{name:a},{name:a}] | occurs twice
serve | serve.tiers=[{name:a,share:0.5}] | clients choose their tier
serve | serve.reference_gpus=3 | published seconds
serve | -m seed=1,2 | there is one server
serve | workload.rate=3 | requests come from clients
load | nonsense | an address such as
load | http://127.0.0.1:1 solver=dp | the server decides
load | http://127.0.0.1:1 seed=1 seed=2 | seed is given 2 times
load | http://127.0.0.1:1 --speed 0 | not a positive number
replay | /no/such | no output directory of experiments.serve
replay | . | no output directory of experiments.serve
doctor | solver=dp | unrecognized arguments
fidelity | --repeats 0 | '0' is not a whole number
docs | --chek | did you mean --check?
"""
TABLE = [tuple(part.strip() for part in line.split(" | ")) for line in CARELESS.strip().splitlines()]


def door(command: str, arguments: list[str]) -> int:
    """Go in at a door, as far as checking goes; return the exit code."""
    if command == "run":

        def check() -> int:
            drawn = not any(text in ("workload=trace", "workload=custom_file") for text in arguments)
            refuse_twice(arguments)
            checked(compose([*["workload.requests=5"] * drawn, *arguments]))
            return 0

        return guarded(check)
    if command == "sweep":
        return sweep(["workload.requests=5", "solver=edf", *arguments])
    if command == "serve":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["serve", *arguments])
            return int(serve())
    module = importlib.import_module(COMMANDS[command].module)
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{COMMANDS[command].module}.__main__")
    return int(module.main(arguments))


@pytest.mark.parametrize(("command", "given", "words"), TABLE, ids=[f"{c} {g}"[:70] for c, g, _ in TABLE])
def test_careless_input_is_one_line(
    command: str,
    given: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, a line that has the words, no traceback, and every file as it was."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("mine\n")
    trace = tmp_path / "trace.csv"
    trace.write_text("arrival,height,width,steps,deadline\n0,256,256,20,5\n1,512,512,20,9\n")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "flux1-dev_h100.json").write_text("mine\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert door(command, shlex.split(given.replace("{trace}", str(trace)).replace("{mine}", str(mine)))) == 2
    message = capsys.readouterr().err
    assert words in message and "Traceback" not in message
    assert message.startswith("error: ") and (message.count("\n") == 1 or command == "sweep")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_the_table_is_long_enough() -> None:
    """At least 150 inputs over at least fifteen doors."""
    assert len(TABLE) >= 150 and len({command for command, *_ in TABLE}) >= 15
