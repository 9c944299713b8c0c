"""Optimizers: NLR and the baselines it is held against, all ``SteppableOptimizer``s of Qiskit.

Read :mod:`qnlr.optimizers.nlr` first: it is the method.
"""

from qnlr.optimizers.baselines import SGD as SGD
from qnlr.optimizers.baselines import Adam as Adam
from qnlr.optimizers.baselines import Momentum as Momentum
from qnlr.optimizers.baselines import QuantumNaturalGradient as QuantumNaturalGradient
from qnlr.optimizers.baselines import RMSProp as RMSProp
from qnlr.optimizers.corrective import CORRECTIVES as CORRECTIVES
from qnlr.optimizers.corrective import Corrective as Corrective
from qnlr.optimizers.corrective import GaussianNoise as GaussianNoise
from qnlr.optimizers.corrective import PerturbedReversal as PerturbedReversal
from qnlr.optimizers.corrective import RandomReinitialisation as RandomReinitialisation
from qnlr.optimizers.corrective import Reversal as Reversal
from qnlr.optimizers.corrective import UniformNoise as UniformNoise
from qnlr.optimizers.directions import DIRECTIONS as DIRECTIONS
from qnlr.optimizers.directions import AdaptiveMoments as AdaptiveMoments
from qnlr.optimizers.directions import Direction as Direction
from qnlr.optimizers.directions import HeavyBall as HeavyBall
from qnlr.optimizers.directions import Plain as Plain
from qnlr.optimizers.directions import RootMeanSquare as RootMeanSquare
from qnlr.optimizers.external import COBYLA as COBYLA
from qnlr.optimizers.external import SPSA as SPSA
from qnlr.optimizers.natural import MetricTellData as MetricTellData
from qnlr.optimizers.natural import NaturalGradient as NaturalGradient
from qnlr.optimizers.nlr import NLR as NLR
from qnlr.optimizers.optimizer import SignedRateOptimizer as SignedRateOptimizer
from qnlr.optimizers.rates import NEGATIVE_RATES as NEGATIVE_RATES
from qnlr.optimizers.rates import Constant as Constant
from qnlr.optimizers.rates import Equation10 as Equation10
from qnlr.optimizers.rates import Feedback as Feedback
from qnlr.optimizers.rates import NegativeRate as NegativeRate
from qnlr.optimizers.rates import RateRule as RateRule
from qnlr.optimizers.rates import Ratio as Ratio
from qnlr.optimizers.state import AskTell as AskTell
from qnlr.optimizers.state import SignedRateResult as SignedRateResult
from qnlr.optimizers.state import StepRecord as StepRecord
from qnlr.optimizers.triggers import TRIGGERS as TRIGGERS
from qnlr.optimizers.triggers import AnyIncrease as AnyIncrease
from qnlr.optimizers.triggers import StandardErrors as StandardErrors
from qnlr.optimizers.triggers import Tolerance as Tolerance
from qnlr.optimizers.triggers import Trigger as Trigger
