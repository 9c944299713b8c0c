"""Training: one loop, its history, its checkpoints, and the reasons to stop."""

from qnlr.training.checkpoint import read_checkpoint as read_checkpoint
from qnlr.training.checkpoint import write_checkpoint as write_checkpoint
from qnlr.training.history import COLUMNS as COLUMNS
from qnlr.training.history import History as History
from qnlr.training.history import evaluation_columns as evaluation_columns
from qnlr.training.loop import Training as Training
from qnlr.training.stopping import Outcome as Outcome
from qnlr.training.stopping import Status as Status
from qnlr.training.stopping import TrainingSettings as TrainingSettings
from qnlr.training.streams import Streams as Streams
from qnlr.training.work import Phase as Phase
from qnlr.training.work import Planned as Planned
from qnlr.training.work import planned as planned
