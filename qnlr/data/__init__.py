"""Data: binary classification tasks, each seeded, split, and with its source named."""

from collections.abc import Callable

from qnlr.data.ad_hoc import ad_hoc as ad_hoc
from qnlr.data.dataset import Dataset as Dataset
from qnlr.data.dataset import Samples as Samples
from qnlr.data.dataset import checked_samples as checked_samples
from qnlr.data.digits import digits as digits
from qnlr.data.gaussian import gaussian as gaussian
from qnlr.data.images import fashion_mnist as fashion_mnist
from qnlr.data.images import mnist as mnist
from qnlr.data.qdataset import qdataset as qdataset

DATASETS: dict[str, Callable[..., Dataset]] = {
    "ad_hoc": ad_hoc,
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "gaussian": gaussian,
    "mnist": mnist,
    "qdataset": qdataset,
}
