"""qnlr: does training with a negative learning rate escape barren plateaus, and at what cost?

The names below are loaded when they are first used: ``import qnlr`` itself is quick.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qnlr.models.accelerated import accelerate as accelerate
    from qnlr.models.accelerated import broadcast as broadcast
    from qnlr.models.batches import MiniBatches as MiniBatches
    from qnlr.models.classification.classifier import VariationalClassifier as VariationalClassifier
    from qnlr.optimizers import GCANS as GCANS
    from qnlr.optimizers import ICANS as ICANS
    from qnlr.optimizers import NLR as NLR
    from qnlr.optimizers import SGD as SGD
    from qnlr.optimizers import SGLBO as SGLBO
    from qnlr.optimizers import Adam as Adam
    from qnlr.optimizers import AdaptiveNLR as AdaptiveNLR
    from qnlr.optimizers import ArmijoSGD as ArmijoSGD
    from qnlr.optimizers import DAdaptation as DAdaptation
    from qnlr.optimizers import DoG as DoG
    from qnlr.optimizers import Momentum as Momentum
    from qnlr.optimizers import Prodigy as Prodigy
    from qnlr.optimizers import RMSProp as RMSProp
    from qnlr.optimizers import ScheduleFreeAdam as ScheduleFreeAdam
    from qnlr.simulator import BatchedEstimator as BatchedEstimator
    from qnlr.simulator import BatchedSampler as BatchedSampler
    from qnlr.study.results import load_history as load_history
    from qnlr.study.results import load_results as load_results
    from qnlr.study.run import run as run
    from qnlr.study.tune import tune as tune
    from qnlr.types import Estimate as Estimate

_HOMES = {
    "NLR": "qnlr.optimizers",
    "AdaptiveNLR": "qnlr.optimizers",
    "SGD": "qnlr.optimizers",
    "Momentum": "qnlr.optimizers",
    "RMSProp": "qnlr.optimizers",
    "Adam": "qnlr.optimizers",
    "DoG": "qnlr.optimizers",
    "Prodigy": "qnlr.optimizers",
    "DAdaptation": "qnlr.optimizers",
    "ScheduleFreeAdam": "qnlr.optimizers",
    "ArmijoSGD": "qnlr.optimizers",
    "SGLBO": "qnlr.optimizers",
    "ICANS": "qnlr.optimizers",
    "GCANS": "qnlr.optimizers",
    "Estimate": "qnlr.types",
    "BatchedEstimator": "qnlr.simulator",
    "BatchedSampler": "qnlr.simulator",
    "accelerate": "qnlr.models.accelerated",
    "broadcast": "qnlr.models.accelerated",
    "MiniBatches": "qnlr.models.batches",
    "VariationalClassifier": "qnlr.models.classification.classifier",
    "run": "qnlr.study.run",
    "tune": "qnlr.study.tune",
    "load_results": "qnlr.study.results",
    "load_history": "qnlr.study.results",
}
__all__ = [*_HOMES]
__version__ = version("qnlr")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'qnlr' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
