"""Models of qiskit-machine-learning and scikit-learn, on qnlr's optimizers and simulator."""

from qnlr.models.accelerated import accelerate as accelerate
from qnlr.models.accelerated import broadcast as broadcast
from qnlr.models.batches import MiniBatches as MiniBatches
from qnlr.models.broadcasting.gradients import (
    BroadcastEstimatorGradient as BroadcastEstimatorGradient,
)
from qnlr.models.broadcasting.gradients import BroadcastSamplerGradient as BroadcastSamplerGradient
from qnlr.models.classification.classifier import VariationalClassifier as VariationalClassifier
from qnlr.models.networks import MeasuredEstimatorQNN as MeasuredEstimatorQNN
from qnlr.models.networks import MeasuredSamplerQNN as MeasuredSamplerQNN
from qnlr.models.objective import Objective as Objective
from qnlr.models.watching.callbacks import Callbacks as Callbacks
from qnlr.models.watching.callbacks import History as History
from qnlr.models.watching.callbacks import ProgressBar as ProgressBar
from qnlr.models.watching.curve import LossCurve as LossCurve
from qnlr.models.watching.early_stopping import StopAt as StopAt
