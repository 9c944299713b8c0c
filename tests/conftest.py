import numpy as np
import pytest
from hypothesis import settings
from loopback_fixtures import (  # noqa: F401
    loopback,
    loopback_server,
    no_account,
    offline,
    plain_circuit,
    plain_service,
    plain_submit,
    saved_account,
)
from scipy.stats import chi2

from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.data import gaussian
from qnlr.problems import Classification
from qnlr.rng import stream
from qnlr.training import Streams, Training, TrainingSettings

# On a machine that others use, too, an example may take long for no reason of its own.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def no_images_of_ones_own(tmp_path_factory):
    """Let no test see, or fill, the image data of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QNLR_CACHE", str(tmp_path_factory.mktemp("images") / "cache"))
        patch.delenv("QNLR_DATA", raising=False)
        yield


@pytest.fixture(scope="session")
def encoding():
    return angle(features=2, qubits=2)


@pytest.fixture(scope="session")
def model(encoding):
    """Two qubits, six weights, ⟨Z⟩ of the second qubit."""
    return variational_circuit(encoding, hardware_efficient(2, 1), z(2, qubit=1))


@pytest.fixture(scope="session")
def weights():
    return np.array([0.7, -0.4, 1.1, 0.5, 0.9, -0.3])


@pytest.fixture(scope="session")
def problem(model, encoding):
    data = gaussian(np.random.default_rng(0), np.random.default_rng(1), features=2, samples=20)
    return Classification(model, encoding, data)


@pytest.fixture(scope="session")
def training(problem, weights):
    """Make a training on the streams of one seed, by default of 6 steps on batches of 4."""

    def make(backend, optimizer, seed=0, gradient=None, **settings):
        streams = Streams(
            batches=stream("batches", seed),
            shots=stream("shots", seed),
            evaluation=lambda step: stream("evaluation", seed, step),
            gradient=stream("gradient", seed),
        )
        settings = TrainingSettings(**{"steps": 6, "batch_size": 4, **settings})
        return Training(problem, backend, optimizer, settings, streams, weights, gradient)

    return make


@pytest.fixture(scope="session")
def fits_variance():
    """Whether deviations from the truth are as large as their variances say, by chi-square."""

    def fits(deviations, variances, level=1e-4):
        pulls = np.broadcast_to(deviations**2 / variances, np.shape(deviations))
        low, high = chi2.ppf([level / 2, 1 - level / 2], pulls.size)
        return bool(low < pulls.sum() < high)

    return fits
