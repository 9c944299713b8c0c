import numpy as np
import pytest

from qnlr.data import DATASETS, Dataset
from qnlr.errors import InputError

pytestmark = pytest.mark.parametrize("name", sorted(DATASETS))


def make(name, data_seed=0, split_seed=1, **settings):
    generators = np.random.default_rng(data_seed), np.random.default_rng(split_seed)
    return DATASETS[name](*generators, **settings)


def test_it_is_a_valid_dataset_split_80_to_20(name):
    data = make(name)
    assert len(data.test) == pytest.approx(len(data.train) / 4, abs=1)
    assert isinstance(data, Dataset)
    assert data.name == name
    assert len(set(data.classes)) == 2
    assert data.source
    for part in (data.train, data.test):
        assert part.features.shape == (len(part), data.features)
        assert part.features.dtype == part.labels.dtype == np.float64
        assert np.isfinite(part.features).all()
        assert set(part.labels) == {-1.0, 1.0}


@pytest.mark.parametrize("fraction", [0.2, 0.5])
def test_the_split_is_stratified(name, fraction):
    data = make(name, test_fraction=fraction)
    for label in (-1, 1):
        held, seen = np.sum(data.test.labels == label), np.sum(data.train.labels == label)
        assert held == pytest.approx(fraction * (held + seen), abs=1)
    total = len(data.train) + len(data.test)
    assert len(data.test) == pytest.approx(fraction * total, abs=1)


def test_same_generators_give_same_data_and_others_other(name):
    first, again, other = make(name, 3, 4), make(name, 3, 4), make(name, 5, 6)
    for part in ("train", "test"):
        mine, same, differing = (getattr(data, part) for data in (first, again, other))
        np.testing.assert_array_equal(mine.features, same.features)
        np.testing.assert_array_equal(mine.labels, same.labels)
        assert not np.array_equal(mine.features, differing.features)
    assert (first.classes, first.source) == (again.classes, again.source)


def test_only_its_own_generators_are_drawn_from(name):
    np.random.seed(12)
    before = np.random.get_state()[1].copy()
    first = make(name)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(13)
    np.testing.assert_array_equal(first.train.features, make(name).train.features)


def test_a_constant_and_a_scaling_can_be_asked_for(name):
    plain, scaled = make(name), make(name, scaling="standard", constant=0.5)
    assert scaled.features == plain.features + 1
    np.testing.assert_array_equal(scaled.test.features[:, -1], 0.5)
    changing = plain.train.features.std(axis=0) > 0
    columns = scaled.train.features[:, :-1][:, changing]
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(columns.std(axis=0), 1, atol=1e-9)


@pytest.mark.parametrize(
    "settings", [{"test_fraction": 0.0}, {"test_fraction": 1.2}, {"scaling": "no such scaling"}]
)
def test_bad_settings_are_input_errors(name, settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        make(name, **settings)
