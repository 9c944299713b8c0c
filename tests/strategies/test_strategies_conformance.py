"""Every strategy with every optimizer: it runs, and goes on after an interruption as if none."""

import copy
from pathlib import Path

import numpy as np
import pytest
from settings_of_runs import RUNS, built, plain, setting_of, spec_of

from qnlr.errors import InputError
from qnlr.optimizers import NLR
from qnlr.strategies import STRATEGIES, NoStrategy
from qnlr.study.parts import BuildError
from qnlr.study.schema import OPTIMIZERS, RunSpec
from qnlr.study.spec import run_id
from qnlr.training import (
    COLUMNS,
    STAGE,
    Status,
    Streams,
    Training,
    TrainingSettings,
    read_checkpoint,
    write_checkpoint,
)

SCHEDULES = ("cosine", "escape_pulses", "on_plateau")
WITHOUT_RATE = ("cobyla", "spsa", "prodigy", "d_adaptation", "schedule_free_adam")
MY_OPTIMIZER = Path(__file__).parents[2] / "experiments" / "my_optimizer.py"
TABLES = {"file": {"name": "file", "path": str(MY_OPTIMIZER)}}
LAST = {  # the number of the last stage, in eight steps on two layers
    "layerwise": 2,
    "local_cost": 1,
    "warm_start": 1,
    "restarts": 2,
    "two_stage": 1,
}


def fits(strategy, optimizer):
    return not (strategy in SCHEDULES and optimizer in WITHOUT_RATE)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_runs_with_every_optimizer(strategy, run):
    for optimizer in OPTIMIZERS:
        if not fits(strategy, optimizer):
            continue
        training = built(RUNS[run], strategy, TABLES.get(optimizer, optimizer))
        outcome = training.run()
        training.optimizer.close()
        columns = training.history.columns
        assert outcome.status is Status.FINISHED
        assert columns["step"] == list(range(8))
        for name in ("metric_loss", "metric_loss_std"):
            assert np.isfinite(columns[name]).all(), (optimizer, name)
        assert np.isfinite([columns["metric_train_loss"][step] for step in (3, 7)]).all()
        assert (np.diff(columns["cost_shots"]) > 0).all()
        assert np.isfinite(training.metrics(outcome)["metric_train_loss"])
        assert (STAGE in columns) == (strategy != "none")
        stages = columns.get(STAGE, [0] * 8)
        assert (np.diff(stages) >= 0).all()
        assert (np.diff(stages) <= 1).all()
        assert stages[-1] == LAST.get(strategy, 0), optimizer
        assert set(columns) - {STAGE} == set(COLUMNS)


@pytest.mark.parametrize("strategy", SCHEDULES)
@pytest.mark.parametrize("optimizer", WITHOUT_RATE)
def test_schedules_refuse_optimizers_without_a_rate(strategy, optimizer):
    with pytest.raises(BuildError, match=r"scales a learning rate, and \w+ has none") as caught:
        built(RUNS["classifier"], strategy, optimizer)
    assert caught.value.table == ("strategy",)


@pytest.mark.parametrize("optimizer", ["nlr", "adam", "adaptive_nlr", "spsa"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_resuming_continues_bit_for_bit(strategy, optimizer, tmp_path):
    if not fits(strategy, optimizer):
        with pytest.raises(InputError):
            built(RUNS["classifier"], strategy, optimizer)
        return
    for run, corrective in (("classifier", {"corrective": "perturbed_reversal"}), ("ising", {})):
        table = {"name": optimizer, **(corrective if optimizer == "nlr" else {})}
        whole = built(RUNS[run], strategy, table)
        checkpoints = []

        def keep(training, kept=checkpoints):
            kept.append(tmp_path / f"{training.steps_done}.npz")
            write_checkpoint(kept[-1], "id", training.state_dict())

        whole.run(on_step=keep)
        expected = plain(whole)
        for file in checkpoints:
            resumed = built(RUNS[run], strategy, table)
            resumed.load_state_dict(read_checkpoint(file, "id"))
            resumed.run()
            np.testing.assert_equal(plain(resumed), expected)
            resumed.optimizer.close()
        whole.optimizer.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_saved_state_does_not_change_with_the_run(strategy):
    training = built(RUNS["classifier"], strategy, "adam")
    training.step()
    saved = training.state_dict()
    again = copy.deepcopy(saved)
    training.step()
    training.step()
    np.testing.assert_equal(saved, again)


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"none"}))
def test_a_strategy_is_another_run_on_the_same_draws(strategy):
    alone, with_it = spec_of(RUNS["classifier"]), spec_of(RUNS["classifier"], strategy)
    assert "strategy" not in alone.model_dump(mode="json")
    assert run_id(alone) != run_id(with_it)
    assert run_id(RunSpec.model_validate(with_it.model_dump(mode="json"))) == run_id(with_it)
    one, other = built(RUNS["classifier"]), built(RUNS["classifier"], strategy)
    np.testing.assert_array_equal(one.problem.train.angles, other.problem.train.angles)
    state = [run.streams.batches.bit_generator.state for run in (one, other)]
    assert state[0] == state[1]
    shots = [run.streams.shots.bit_generator.state for run in (one, other)]
    assert shots[0] != shots[1]


def test_no_strategy_trains_as_if_there_were_no_stages():
    setting = setting_of(RUNS["classifier"], shots=20)
    runs = []
    for plan in (None, NoStrategy().plan(setting)):
        part = setting.part
        runs.append(
            Training(
                part.problem,
                part.backend,
                NLR(0.3, seed=0),
                TrainingSettings(steps=6, batch_size=4, evaluate_every=2),
                Streams.spawn(0, "run"),
                setting.weights,
                plan=plan,
            )
        )
        runs[-1].run()
    bare, staged = (run.history.columns for run in runs)
    assert staged.pop(STAGE) == [0] * 6
    np.testing.assert_equal(staged, bare)
