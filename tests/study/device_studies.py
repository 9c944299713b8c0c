"""A small study on a device of the loopback service, and what must not depend on its history."""

import copy
import json

import pandas as pd

from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.orders import Orders, Patience
from qnlr.study import execute, load_history, load_results, load_study
from qnlr.training.checkpoint import read_checkpoint

PATIENCE = Patience(first=0.005, most=0.02, grace=(0.01, 0.02, 0.05), give_up=5.0)
PHASES = 8  # three steps of a gradient and a probe, and training and test data at the end
STUDY = {
    "name": "hw",
    "data": {"name": "gaussian", "features": 2, "samples": 10},
    "circuit": {"qubits": 2, "layers": 1},
    "backend": {"name": "ibm", "device": "ibm_manila", "shots": 50, "transpiler_seeds": 1},
    "training": {"steps": 3, "batch_size": 4, "checkpoint_every": 2},
    "optimizer": [{"name": "nlr", "learning_rate": 0.3}],
}


def study(optimizers=None, **backend):
    """The study as a dict, with other optimizers, and keys of [backend]."""
    config = copy.deepcopy(STUDY)
    config["backend"] |= backend
    config["optimizer"] = optimizers or config["optimizer"]
    return config


def toml(config):
    """A study with one optimizer as the text of a config file."""
    tables = {**config, "optimizer": config["optimizer"][0]}
    lines = [f"name = {json.dumps(tables.pop('name'))}"]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)


def carry_out(config, results, watch=None, **orders):
    """Execute a study without much patience, and return a row for each run."""
    told = Orders(**{"patience": PATIENCE, **orders})
    known = load_study(config) if isinstance(config, dict) else config
    return load_results(execute(known, results, orders=told, observer=watch).folder)


def journals(folder):
    """The journals of a study, in the order of their runs."""
    return [Journal(file.parent, file.parent.name) for file in sorted(folder.glob("*/journal*"))]


def journal(folder):
    """The journal of a study of one run."""
    (found,) = journals(folder)
    return found


def result(folder):
    """All that a study found, as plain data: what kills, queues and failures must not change."""
    rows = load_results(folder).filter(regex="^(run_id|status|sentence|metric_.*|cost_.*)$")
    rows = rows.drop(columns=["cost_qpu_seconds", "cost_backend_seconds"])
    kept = {"rows": _text(rows), "history": _text(load_history(folder))}
    for file in sorted(folder.glob("*/checkpoint.npz")):
        state = read_checkpoint(file, file.parent.name)
        names = ("optimizer", "batches", "shots", "gradient", "history")
        kept[file.parent.name] = {name: repr(state[name]) for name in names}
    return kept


def _text(frame):
    """A frame to its last bit, times apart."""
    assert isinstance(frame, pd.DataFrame)
    return json.dumps(frame.to_dict("list"), default=repr)
