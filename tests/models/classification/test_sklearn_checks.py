"""scikit-learn's own checks of an estimator, none of them excused."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from qnlr import Adam
from qnlr.models.classification.classifier import VariationalClassifier

CONFIGURATIONS = {
    "default": {},
    "angle encoding, no head": {"encoding": "angle", "head": "bare", "layers": 3, "steps": 50},
    "logits, Adam": {"loss": "logistic", "optimizer": Adam(0.2), "layers": 2, "steps": 60},
    "shots": {"shots": 100, "layers": 2, "steps": 50},
}
# The first needs an environment variable, the second is not for estimators that measure.
NEVER_RUN = {"check_array_api_input", "check_pipeline_consistency"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_passes(name):
    model = VariationalClassifier(**CONFIGURATIONS[name])
    results = check_estimator(model, on_skip=None)  # raises where a check fails
    skipped = {one["check_name"] for one in results if one["status"] != "passed"}
    assert skipped <= (NEVER_RUN if model.shots else {"check_array_api_input"})
    assert len(results) > 50


def test_nothing_is_said_that_excuses_it():
    tags = VariationalClassifier().__sklearn_tags__()
    assert not tags.classifier_tags.poor_score
    assert not tags.no_validation
    assert not tags.non_deterministic
    assert tags.classifier_tags.multi_class
    assert tags.target_tags.required
    assert VariationalClassifier(shots=10).__sklearn_tags__().non_deterministic
