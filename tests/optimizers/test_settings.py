"""Settings: what an optimizer is described by, and what scikit-learn reads and sets."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from qnlr import VariationalClassifier
from qnlr.errors import InputError
from qnlr.models import MiniBatches
from qnlr.optimizers import (
    COBYLA,
    NLR,
    SGD,
    SPSA,
    Adam,
    AdaptiveMoments,
    Constant,
    DAdaptation,
    DoG,
    Equation10,
    GaussianNoise,
    Momentum,
    Plain,
    Prodigy,
    Ratio,
    RMSProp,
    ScheduleFreeAdam,
    SignedRateOptimizer,
    StandardErrors,
)
from qnlr.types import NoiseLevel

START = np.array([1.0, -0.7, 0.4])
DESCRIBED = {
    "NLR()": lambda: NLR(0.01, Ratio(2.0)),
    "NLR(learning_rate=0.1, trigger=StandardErrors(z=2.0))": lambda: NLR(
        0.1, trigger=StandardErrors(2.0), callback=print
    ),
    "NLR(learning_rate=1, negative_rate=Equation10(noise_rate=0.1, layers=3, variance=1.0), "
    "corrective=GaussianNoise(sigma=None), noise_level=NoiseLevel(rate=0.1, layers=3), "
    "direction=AdaptiveMoments(beta1=0.8, beta2=0.999, epsilon=1e-08, amsgrad=False), "
    "maxiter=5, seed=0, perturbation=0.2)": lambda: NLR(
        1,
        Equation10(0.1, 3),
        corrective=GaussianNoise(),
        noise_level=NoiseLevel(0.1, 3),
        direction=AdaptiveMoments(0.8),
        maxiter=5,
        seed=0,
        perturbation=0.2,
    ),
    "SGD(learning_rate=0.1, maxiter=7)": lambda: SGD(0.1, maxiter=7),
    "Momentum(momentum=0.5)": lambda: Momentum(momentum=0.5),
    "RMSProp(decay=0.5)": lambda: RMSProp(decay=0.5),
    "Adam(amsgrad=True)": lambda: Adam(amsgrad=True),
    "SPSA(seed=3)": lambda: SPSA(seed=3),
    "COBYLA(rhobeg=0.5)": lambda: COBYLA(0.5),
    "DoG(initial_distance=0.01)": lambda: DoG(0.01),
    "Prodigy(beta1=0.5)": lambda: Prodigy(beta1=0.5),
    "DAdaptation(initial_distance=0.01, maxiter=7)": lambda: DAdaptation(0.01, maxiter=7),
    "ScheduleFreeAdam(learning_rate=0.1, warmup_steps=3)": lambda: ScheduleFreeAdam(
        0.1, warmup_steps=3
    ),
    "SignedRateOptimizer(direction=Plain(), rate=Constant(learning_rate=0.1))": lambda: (
        SignedRateOptimizer(Plain(), Constant(0.1))
    ),
    "MiniBatches(optimizer=SGD(learning_rate=0.1), size=4, seed=1)": lambda: MiniBatches(
        SGD(0.1), 4, seed=1
    ),
}


@pytest.fixture(params=DESCRIBED.values(), ids=DESCRIBED)
def build(request):
    return request.param


@pytest.mark.parametrize("text", DESCRIBED)
def test_an_optimizer_shows_what_is_not_the_default(text):
    names = {**globals(), "NoiseLevel": NoiseLevel}
    shown = DESCRIBED[text]()
    assert repr(shown) == text
    assert repr(eval(text, names)) == text


def test_a_function_is_shown_by_its_name():
    def twice(feedback):
        return 0.2

    assert repr(NLR(0.1, twice)).endswith("<locals>.twice)")


class Stubborn(NLR):
    """An optimizer of somebody's own that takes other arguments than its settings."""

    def __init__(self, strength):
        super().__init__(0.1 * strength)


def test_a_class_of_ones_own_is_shown_and_cloned():
    stubborn = Stubborn(2.0)
    assert repr(stubborn).startswith("Stubborn(learning_rate=0.2, negative_rate=Ratio(kappa=2.0), ")
    twin = clone(stubborn)
    assert (type(twin), twin.settings) == (Stubborn, stubborn.settings)


@pytest.mark.parametrize(
    "copied", [clone, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_copies_are_alike_and_apart(build, copied):
    original = build()
    twin = copied(original)
    assert type(twin) is type(original)
    assert twin is not original
    assert repr(twin) == repr(original)
    twin.set_params(seed=11)
    assert original.settings["seed"] != 11


def test_parameters_are_the_settings_and_can_be_set(build):
    optimizer = build()
    assert optimizer.get_params() == optimizer.get_params(deep=False) == optimizer.settings
    same = build().set_params(**optimizer.get_params())
    assert repr(same) == repr(optimizer)
    assert optimizer.set_params() is optimizer
    assert optimizer.set_params(seed=5).settings["seed"] == 5


@pytest.mark.parametrize("kind", [NLR, SGD, Adam, SPSA])
def test_what_was_set_is_what_is_done(kind):
    def bowl(x):
        return float(x @ x)

    changed = kind(0.3, maxiter=9, seed=1)
    changed.minimize(bowl, START, lambda x: 2 * x)
    changed.set_params(learning_rate=0.1, maxiter=4)
    first = changed.minimize(bowl, START, lambda x: 2 * x)
    second = kind(0.1, maxiter=4, seed=1).minimize(bowl, START, lambda x: 2 * x)
    np.testing.assert_equal(vars(first), vars(second))


def test_a_grid_over_a_setting_of_a_classifiers_optimizer():
    X = np.random.default_rng(0).normal(size=(24, 2))
    model = VariationalClassifier(layers=1, steps=3, optimizer=NLR(), random_state=0)
    nested, whole = (
        GridSearchCV(model, grid, cv=2).fit(X, X[:, 0] > 0)
        for grid in (
            {"optimizer__learning_rate": [0.1, 1.0]},
            {"optimizer": [NLR(0.1), NLR(1.0)]},
        )
    )
    scores = nested.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, whole.cv_results_["mean_test_score"])
    assert nested.best_estimator_.optimizer.settings == whole.best_params_["optimizer"].settings
    texts = [str(parameters) for parameters in whole.cv_results_["params"]]
    assert texts == [
        "{'optimizer': NLR(learning_rate=0.1)}",
        "{'optimizer': NLR(learning_rate=1.0)}",
    ]
    assert model.optimizer.settings == NLR().settings
    assert "optimizer=NLR()" in repr(model)
    assert "NLR()" in model._repr_html_()


def test_a_setting_that_is_none_changes_nothing():
    optimizer = NLR(0.1)
    with pytest.raises(InputError, match=r"rate is no setting of NLR; valid: learning_rate, neg"):
        optimizer.set_params(maxiter=3, rate=0.2)
    with pytest.raises(InputError, match="learning_rate = -1 is not valid"):
        optimizer.set_params(maxiter=3, learning_rate=-1)
    assert optimizer.settings == NLR(0.1).settings
