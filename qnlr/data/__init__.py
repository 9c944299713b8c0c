"""Data: binary classification tasks, each seeded, split, and with its source named."""

from collections.abc import Callable

from qnlr.data.dataset import Dataset as Dataset
from qnlr.data.dataset import Samples as Samples
from qnlr.data.dataset import checked_samples as checked_samples
from qnlr.data.digits import digits as digits
from qnlr.data.gaussian import gaussian as gaussian

DATASETS: dict[str, Callable[..., Dataset]] = {"digits": digits, "gaussian": gaussian}
