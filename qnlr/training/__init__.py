"""Training: one loop, its history, its checkpoints, and the reasons to stop."""

from qnlr.training.checkpoint import read_checkpoint as read_checkpoint
from qnlr.training.checkpoint import write_checkpoint as write_checkpoint
from qnlr.training.history import COLUMNS as COLUMNS
from qnlr.training.history import STAGE as STAGE
from qnlr.training.history import History as History
from qnlr.training.history import evaluation_columns as evaluation_columns
from qnlr.training.loop import Training as Training
from qnlr.training.stage import Ended as Ended
from qnlr.training.stage import Move as Move
from qnlr.training.stage import Part as Part
from qnlr.training.stage import Penalty as Penalty
from qnlr.training.stage import Plan as Plan
from qnlr.training.stage import Seen as Seen
from qnlr.training.stage import Stage as Stage
from qnlr.training.stage import Start as Start
from qnlr.training.stage import Until as Until
from qnlr.training.stopping import Outcome as Outcome
from qnlr.training.stopping import Status as Status
from qnlr.training.stopping import TrainingSettings as TrainingSettings
from qnlr.training.streams import Streams as Streams
from qnlr.training.work import Phase as Phase
from qnlr.training.work import Planned as Planned
from qnlr.training.work import planned as planned
