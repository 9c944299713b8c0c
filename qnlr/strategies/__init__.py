"""Strategies: what is done about a plateau besides the optimizer."""

from __future__ import annotations

from collections.abc import Callable

from qnlr.strategies.identity_blocks import IdentityBlocks as IdentityBlocks
from qnlr.strategies.layerwise import Layerwise as Layerwise
from qnlr.strategies.local_cost import LocalCost as LocalCost
from qnlr.strategies.none import NoStrategy as NoStrategy
from qnlr.strategies.parameter_noise import ParameterNoise as ParameterNoise
from qnlr.strategies.resets import Resets as Resets
from qnlr.strategies.restarts import Restarts as Restarts
from qnlr.strategies.schedules import CosineSchedule as CosineSchedule
from qnlr.strategies.schedules import EscapePulses as EscapePulses
from qnlr.strategies.schedules import PlateauSchedule as PlateauSchedule
from qnlr.strategies.shallow import Shallow as Shallow
from qnlr.strategies.small_angles import SmallAngles as SmallAngles
from qnlr.strategies.sparsity import Sparsity as Sparsity
from qnlr.strategies.strategy import Setting as Setting
from qnlr.strategies.strategy import Strategy as Strategy
from qnlr.strategies.two_stage import TwoStage as TwoStage
from qnlr.strategies.warm_start import WarmStart as WarmStart

STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "none": NoStrategy,
    "shallow": Shallow,
    "layerwise": Layerwise,
    "identity_blocks": IdentityBlocks,
    "small_angles": SmallAngles,
    "local_cost": LocalCost,
    "warm_start": WarmStart,
    "restarts": Restarts,
    "resets": Resets,
    "cosine": CosineSchedule,
    "on_plateau": PlateauSchedule,
    "escape_pulses": EscapePulses,
    "parameter_noise": ParameterNoise,
    "sparsity": Sparsity,
    "two_stage": TwoStage,
}
