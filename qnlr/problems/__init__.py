"""Problems: what is minimised."""

from qnlr.problems.classification import Classification as Classification
from qnlr.problems.cut import Cut as Cut
from qnlr.problems.cut import cut_problem as cut_problem
from qnlr.problems.energy import Energy as Energy
from qnlr.problems.energy import energy_problem as energy_problem
from qnlr.problems.heads import HEADS as HEADS
from qnlr.problems.heads import Bare as Bare
from qnlr.problems.heads import Head as Head
from qnlr.problems.heads import ScaleBias as ScaleBias
from qnlr.problems.losses import LOSSES as LOSSES
from qnlr.problems.losses import CrossEntropy as CrossEntropy
from qnlr.problems.losses import Logistic as Logistic
from qnlr.problems.losses import Loss as Loss
from qnlr.problems.losses import SquaredError as SquaredError
from qnlr.problems.problem import Batch as Batch
from qnlr.problems.problem import Evaluation as Evaluation
from qnlr.problems.problem import LossGradient as LossGradient
from qnlr.problems.problem import Problem as Problem
from qnlr.problems.target import Target as Target
