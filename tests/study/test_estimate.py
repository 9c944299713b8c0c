"""What a study costs on a device: against what a run there counts, and against the formula."""

import copy
import tomllib
from pathlib import Path

import pytest

from qnlr.backends.ibm import limits
from qnlr.backends.ibm.price import qpu_seconds
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.estimate import estimate, on_device
from qnlr.study.estimate_display import (
    as_plain,
    headline,
    rows,
    seconds_text,
    share_text,
    show,
    timings,
)
from qnlr.study.estimate_limits import PREPARE_SECONDS, assumptions, by_mode, objections
from qnlr.study.estimate_variants import _variant, variants
from qnlr.study.execute import execute
from qnlr.study.grid import merged
from qnlr.study.results import load_results
from qnlr.study.spec import load_study, run_id
from qnlr.training import write_checkpoint

CONFIGS = Path(__file__).parents[2] / "configs"
TINY = {
    "name": "tiny",
    "data": {"name": "gaussian", "features": 4, "samples": 20},
    "circuit": {"qubits": 2, "layers": 1},
    "backend": {"name": "ibm", "device": "fake_manila", "shots": 40},
    "training": {"steps": 3, "batch_size": 4, "evaluate_every": 2, "checkpoint_every": 1},
    "optimizer": [{"name": "sgd"}, {"name": "nlr"}],
}


def study(**tables):
    return load_study(merged(TINY, tables))


def tiny(**backend):
    return study(backend={"device": "ibm_fez", **backend})


@pytest.fixture(scope="module")
def builder():
    """One builder for all: it transpiles once."""
    return Builder(offline=True)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Execute a study on this machine, and return its results and their folder."""

    def run(own):
        results = tmp_path_factory.mktemp("results")
        execute(own, results)
        return load_results(results / own.name), results

    return run


@pytest.mark.parametrize(
    "backend",
    [
        {},
        {"readout_correction": True},
        {"options": {"twirling": {"enable_measure": True}}},
        {"primitive": "estimator", "shots": 32},
    ],
    ids=["plain", "read-out correction", "twirled", "estimator"],
)
def test_executions_and_jobs_are_those_that_a_run_counts(counted, builder, backend):
    own = study(backend=backend)
    found = estimate(own, builder=builder)
    results, _ = counted(own)
    for run in found.runs:
        row = results.set_index("run_id").loc[run.run_id]
        assert row["cost_shots"] + row["cost_evaluation_shots"] == run.price.executions
        assert row["cost_jobs"] + row["cost_evaluation_jobs"] == run.price.jobs
        assert run.price.seconds == pytest.approx(
            qpu_seconds(run.price.executions, run.price.jobs, run.timing)
        )
    assert found.price.executions == sum(run.price.executions for run in found.runs)


def test_what_is_done_is_not_paid_again(counted, builder):
    half = study(training={"steps": 2})
    _, results = counted(half)
    own = study(training={"steps": 2}, optimizer=[{"name": "sgd"}, {"name": "adam"}])
    found = estimate(own, results=results, builder=builder)
    assert (found.done, [run.label for run in found.runs]) == (1, ["adam"])
    assert found.price == estimate(study(training={"steps": 2}, optimizer={"name": "adam"})).price
    nothing = estimate(half, results=results, builder=builder)
    assert (nothing.done, nothing.runs, nothing.price.seconds) == (2, (), 0.0)
    assert headline(nothing) == "tiny: all runs are done, and nothing is left to pay."
    assert as_plain(nothing, [])["budget_seconds"] is None


def test_a_run_that_was_stopped_pays_for_its_rest_only(tmp_path, builder):
    own = study(optimizer={"name": "nlr"})
    identity = run_id(own.runs[0])
    training = builder.run(own.runs[0])
    training.step()
    folder = tmp_path / "tiny" / identity
    folder.mkdir(parents=True)
    write_checkpoint(folder / "checkpoint.npz", identity, training.state_dict())
    whole, rest = estimate(own, builder=builder), estimate(own, results=tmp_path, builder=builder)
    assert rest.runs[0].work.steps == whole.runs[0].work.steps - 1
    difference = whole.price.executions - rest.price.executions
    assert difference == training.meter.cost.shots
    assert sorted(folder.iterdir()) == [folder / "checkpoint.npz"]


def test_every_seed_counts(builder):
    one, three = (estimate(study(seeds=seeds), builder=builder) for seeds in (1, 3))
    assert three.price.executions == 3 * one.price.executions
    assert [(row.run.label, row.number) for row in rows(three)] == [("sgd", 3), ("nlr", 3)]
    assert sum(row.price.executions for row in rows(three)) == three.price.executions


def test_the_step_of_the_paper_on_kingston_costs_what_the_table_says():
    paper = load_study(CONFIGS / "quickstart.toml", seeds=1)
    found = estimate(paper, device="ibm_kingston")
    sgd, nlr = found.runs[:2]
    assert sgd.step.executions == 181 * 32 * 1000
    assert sgd.step.seconds == pytest.approx(1490, rel=0.01)
    assert sgd.step.seconds * 500 / 86_400 == pytest.approx(8.6, abs=0.1)
    assert nlr.step.executions == 182 * 32 * 1000
    assert nlr.step.jobs == 2
    # The open plan's 600 s are 0.3 to 0.4 of one step.
    assert limits.OPEN_PLAN_SECONDS / sgd.step.seconds == pytest.approx(0.4, abs=0.01)


def test_another_backend_is_moved_to_the_device_with_its_shots(builder):
    simulated = merged(TINY, {"backend": {"name": "simulator", "shots": 40}})
    own = load_study(simulated)
    with pytest.raises(InputError, match=r"no run of study tiny is on a device; .* --device"):
        estimate(own, builder=builder)
    moved = estimate(own, device="fake_manila", builder=builder)
    assert moved.price == estimate(study(), builder=builder).price
    exact = load_study(merged(TINY, {"backend": {"name": "statevector"}}))
    assert on_device(exact, "ibm_fez").runs[0].backend.shots == 1000


def test_runs_that_differ_in_their_backend_alone_are_one_on_the_device():
    noisy = merged(TINY, {"backend": {"name": "simulator", "shots": 40}})
    noisy["grid"] = {"backend.noise": [{"name": "rate", "rate": rate} for rate in (0.01, 0.02)]}
    own = load_study(noisy)
    assert (len(own.runs), len(on_device(own, "ibm_fez").runs)) == (4, 2)


def test_runs_on_other_backends_are_not_counted(builder):
    both = copy.deepcopy(TINY)
    both["backend"] = [both["backend"], {"name": "simulator", "shots": 40}]
    found = estimate(load_study(both), builder=builder)
    assert (len(found.runs), found.others) == (2, 2)
    assert "2 runs on other backends cost nothing, and are not counted" in assumptions(found)


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("least_busy", "is not known without a network"),
        ("ibm_nowhere", "is not known without a network"),
        ("fake_nowhere", 'device "fake_nowhere" is not known'),
    ],
)
def test_a_device_that_is_not_known_is_a_sentence(builder, device, words):
    with pytest.raises(InputError, match=words):
        estimate(study(), device=device, builder=builder)


def test_too_few_qubits_are_found_in_the_config(builder):
    own = study(data={"features": 8}, circuit={"qubits": 6, "layers": 1})
    with pytest.raises(InputError, match=r"\[backend\] .*6 qubits"):
        estimate(own, builder=builder)


def after(keys):
    """The changes that a variant names, as a table of a config."""
    return tomllib.loads(keys.replace(", ", "\n"))


def test_every_variant_costs_what_the_config_with_its_keys_costs(builder):
    own = tiny()
    whole = estimate(own, builder=builder)
    found = {one.name: one for one in variants(own, whole, builder=builder)}
    assert list(found) == [
        "a tenth of the shots",
        "a quarter of the batch",
        "SPSA gradients",
        "all three",
        "evaluation only",
    ]
    for name in list(found)[:-1]:
        table = merged(TINY, {"backend": {"device": "ibm_fez"}})
        other = load_study(merged(table, after(found[name].keys)))
        assert found[name].price == estimate(other, builder=builder).price
        assert found[name].price.seconds < whole.price.seconds
    assert found["a tenth of the shots"].keys == "backend.shots = 4"
    assert found["a quarter of the batch"].keys == "training.batch_size = 1"
    assert found["SPSA gradients"].keys == 'gradient.name = "spsa"'
    cheapest = found["evaluation only"]
    once = sum(run.evaluation.seconds for run in whole.runs)
    assert cheapest.price.seconds == pytest.approx(once)
    assert 'device = "fake_fez"' in cheapest.keys
    assert cheapest.keys.endswith("[evaluation], as in ibm_evaluate.toml")


def test_a_variant_that_changes_nothing_is_left_out(builder):
    own = study(gradient={"name": "spsa"}, training={"batch_size": 1})
    found = variants(own, estimate(own, builder=builder), builder=builder)
    assert [one.name for one in found] == ["a tenth of the shots", "evaluation only"]
    spsa = study(optimizer={"name": "spsa"})
    found = variants(spsa, estimate(spsa, builder=builder), builder=builder)
    assert "SPSA gradients" not in [one.name for one in found]
    assert "both" in [one.name for one in found]


def test_a_variant_that_is_no_cheaper_is_left_out(builder):
    # So many randomizations are run whatever the shots.
    twirling = {"enable_measure": True, "num_randomizations": 32, "shots_per_randomization": 1}
    own = tiny(options={"twirling": twirling})
    found = variants(own, estimate(own, builder=builder), builder=builder)
    assert [one.name for one in found] == [
        "a quarter of the batch",
        "SPSA gradients",
        "both",
        "evaluation only",
    ]


def test_a_variant_that_cannot_be_built_is_left_out(builder):
    def too_large(spec):
        return {"training": {"batch_size": 1000}}

    assert _variant(study(), "a larger batch", (too_large,), builder) is None


def test_wall_clock_by_mode(builder):
    own = tiny()
    found = estimate(own, builder=builder)
    job, batch, session = by_mode(found)
    assert [one.mode for one in (job, batch, session)] == ["job", "batch", "session"]
    # Two runs side by side, every phase one job of 5 s and 2 s besides its QPU time.
    wall = found.price.seconds + found.phases * (PREPARE_SECONDS + 2.0) / 2
    assert job.wall_seconds == pytest.approx(wall)
    assert (job.charged_seconds, job.queues) == (found.price.seconds, found.phases)
    assert (batch.charged_seconds, batch.queues) == (found.price.seconds, 1)
    assert session.charged_seconds == session.wall_seconds > found.price.seconds
    assert not session.open_plan
    alone = estimate(study(optimizer={"name": "spsa"}, seeds=4), builder=builder)
    wall = alone.price.seconds + alone.phases * (PREPARE_SECONDS + 2.0)
    assert by_mode(alone)[0].wall_seconds == pytest.approx(wall)  # closed loops: one at a time


def test_a_small_study_passes_no_limit(builder):
    own = study(backend={"device": "ibm_fez"}, training={"steps": 1, "evaluate_every": 0})
    found = estimate(own, builder=builder)
    assert objections(found) == []
    assert "%" in headline(found)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ({"budget_seconds": 1.0}, "qnlr run refuses the study as it is: it takes"),
        ({"max_jobs": 3}, "jobs, and max_jobs = 3 in [backend]"),
        ({"mode": "session"}, "the open plan has no sessions"),
        ({"shots": 500_000}, "the open plan has 600 QPU seconds in any 28 days"),
        (
            {"shots": 500_000},
            "a gradient of 52 circuits is split into 3 jobs: one takes at most 10",
        ),
        ({"shots": 500_000}, "a batch closes after 10 minutes on the open plan"),
        ({"shots": 5_000_000}, "a session closes after 8 hours"),
        ({"shots": 4000, "max_execution_time": 30}, "and max_execution_time = 30 s of QPU time"),
    ],
)
def test_limits_that_are_passed(builder, backend, words):
    found = objections(estimate(tiny(**backend), builder=builder))
    assert [one for one in found if words in one]


def test_nothing_is_refused_where_nothing_is_charged(builder):
    found = estimate(study(backend={"budget_seconds": 1.0}), builder=builder)
    assert not [one for one in objections(found) if "refuses" in one]
    assert [one for one in assumptions(found) if "runs on this machine" in one]


def test_a_circuit_that_the_service_does_not_take(builder, monkeypatch):
    monkeypatch.setattr(limits, "TWO_QUBIT_GATES_PER_CIRCUIT", 0)
    found = objections(estimate(tiny(), builder=builder))
    assert found[0].endswith("take fewer layers (on ibm_fez)")
    assert len([one for one in found if "two-qubit gates" in one]) == 1


def test_the_share_of_the_plan_and_of_the_budget(builder):
    found = estimate(tiny(budget_seconds=1000.0), builder=builder)
    assert found.open_plan_share == pytest.approx(found.price.seconds / 600)
    assert found.budget_share == pytest.approx(found.price.seconds / 1000)


def test_what_is_shown_begins_with_the_total(builder, capsys):
    from rich.console import Console

    own = tiny()
    found = estimate(own, builder=builder)
    show(found, variants(own, found, builder=builder), Console(width=100))
    text = capsys.readouterr().out
    assert text.startswith(f"tiny takes {seconds_text(found.price.seconds)} of QPU time on ibm_fez")
    order = ["QPU time that is left", "study", "by mode", "limits", "cheaper", "assumptions"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert all(f" {sentence.split(':')[0][:60]}" in text for sentence in objections(found))
    assert timings(found)[0] in " ".join(text.split())


def test_plain_data_is_whole(builder):
    import json

    own = tiny()
    found = estimate(own, builder=builder)
    plain = json.loads(json.dumps(as_plain(found, variants(own, found, builder=builder))))
    assert plain["executions"] == sum(run["executions"] for run in plain["runs"])
    assert plain["seconds"] == pytest.approx(found.price.seconds)
    assert plain["quick_seconds"] == pytest.approx(
        2 * plain["jobs"] + 0.00035 * plain["executions"]
    )
    assert {run["label"] for run in plain["runs"]} == {"sgd", "nlr"}
    assert [one["mode"] for one in plain["modes"]] == ["job", "batch", "session"]
    assert all(one["price"]["seconds"] > 0 for one in plain["variants"])


def test_texts():
    assert [seconds_text(value) for value in (0.0, 119.0, 150.0, 7300.0, 1e9)] == [
        "0 s",
        "119 s",
        "2.5 min",
        "2.03 h",
        "31.7 years",
    ]
    assert share_text(1.0) == "100 %"
