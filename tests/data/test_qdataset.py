import pickle
import re
import zipfile

import numpy as np
import pytest

from qnlr.data import qdataset as load
from qnlr.data.qdataset_example import full_example
from qnlr.data.qdataset_generator import generate
from qnlr.data.qdataset_noise import draw_noise
from qnlr.data.qdataset_system import Grid
from qnlr.errors import InputError

INDICES = [0, 1, 2, 6, 7, 8, 12, 13]


def qdataset(data_seed=0, split_seed=1, **settings):
    generators = np.random.default_rng(data_seed), np.random.default_rng(split_seed)
    return load(*generators, **settings)


def rows(data):
    """Return all rows with their labels, in an order that the split does not change."""
    labels = np.concatenate([data.train.labels, data.test.labels])
    joined = np.column_stack([np.vstack([data.train.features, data.test.features]), labels])
    return joined[np.lexsort(joined.T)]


def ordered(features, labels):
    joined = np.column_stack([features, labels])
    return joined[np.lexsort(joined.T)]


@pytest.fixture
def folder(tmp_path):
    for name in ("G_1q_X", "G_1q_X_Z_N1", "G_1q_X_Z_N2", "G_1q_X_Z_N3"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for seed in range(30):
                made = full_example(name, np.random.default_rng(seed), Grid(16, 2))
                file.writestr(f"{name}_ex_{seed}", pickle.dumps(made, 4))
    return tmp_path


@pytest.mark.parametrize("system", ["G_1q_X", "S_1q_XY_D", "G_1q_X_Z_N1"])
def test_flip_is_the_sign_of_z_from_z(system):
    data = qdataset(system=system, samples=200, steps=64, realisations=4)
    values = generate(system, np.random.default_rng(0), 200, Grid(64, 4)).expectations
    np.testing.assert_array_equal(rows(data), ordered(values[:, INDICES], np.sign(values[:, 14])))
    assert data.classes == ("flipped", "left alone")


@pytest.mark.parametrize("seed", range(3))
def test_flip_is_balanced(seed):
    labels = rows(qdataset(seed))[:, -1]
    assert abs(labels.mean()) < 0.1


def test_flip_is_a_quadratic_form_of_its_features():
    data = qdataset()
    x = data.train.features
    np.testing.assert_array_equal(np.sign(x[:, 0] * x[:, 4] - x[:, 1] * x[:, 3]), data.train.labels)


def test_noise_compares_bloch_vectors_of_two_systems():
    data = qdataset(task="noise", samples=41, steps=64, realisations=4)
    rng, grid, features = np.random.default_rng(0), Grid(64, 4), []
    for system, count in (("G_1q_X", 21), ("G_1q_X_Z_N1", 20)):
        values, ones = generate(system, rng, count, grid).expectations, np.ones((count, 1))
        features.append(np.hstack([ones, values[:, 12:15], ones, values[:, :3]]))
    expected = ordered(np.vstack(features), np.repeat([-1, 1], [21, 20]))
    np.testing.assert_array_equal(rows(data), expected)
    lengths = np.linalg.norm(data.train.features[:, 1:4], axis=1)
    np.testing.assert_allclose(lengths[data.train.labels < 0], 1)
    assert lengths[data.train.labels > 0].mean() < 0.97
    assert data.classes == ("G_1q_X", "G_1q_X_Z_N1")


def test_profile_has_the_strength_of_noise_in_windows():
    data = qdataset(task="profile", samples=40, steps=64)
    rng, grid = np.random.default_rng(0), Grid(64, 1)
    paths = [draw_noise([profile], rng, 20, grid)[:, :, 0, 0] for profile in (2, 3)]
    features = np.sqrt((np.vstack(paths) ** 2).reshape(40, 8, 8).mean(axis=2))
    expected = ordered(features, np.repeat([-1, 1], 20))
    np.testing.assert_allclose(rows(data), expected, rtol=1e-12)
    assert data.classes == ("G_1q_X_Z_N2", "G_1q_X_Z_N3")


@pytest.mark.parametrize("task", ["flip", "noise", "profile"])
def test_classes_are_even_and_features_are_eight(task):
    data = qdataset(task=task, samples=300, steps=64, realisations=2)
    assert data.features == 8
    assert len(data.train) + len(data.test) == 300
    assert abs(rows(data)[:, -1].sum()) <= (50 if task == "flip" else 0)


def test_hermitian_noise_is_other_noise():
    plain, right = (
        qdataset(system="G_1q_X_Z_N1", samples=20, steps=32, hermitian=flag)
        for flag in (False, True)
    )
    assert not np.allclose(rows(plain), rows(right))
    assert "noise spectrum as published" in plain.source
    assert "noise spectrum Hermitian" in right.source


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "G_1q_X of QDataSet, regenerated as the published files are gone"),
        ({"task": "noise"}, "G_1q_X and G_1q_X_Z_N1 .* 3 noise realisations, noise spectrum as"),
        ({"task": "profile"}, "G_1q_X_Z_N2 and G_1q_X_Z_N3 .* task profile"),
        ({"constant": 0.5, "scaling": "angle"}, "scaling angle, constant 0.5 appended"),
    ],
)
def test_the_source_says_that_data_are_regenerated(settings, said):
    source = qdataset(samples=60, steps=32, realisations=3, **settings).source
    assert "published files are gone" in source
    assert re.search(said, source)


def expected_flip(count):
    made = [full_example("G_1q_X", np.random.default_rng(s), Grid(16, 2)) for s in range(count)]
    values = np.vstack([one["expectations"] for one in made]).astype(float)
    return ordered(values[:, INDICES], np.sign(values[:, 14]))


def test_archives_are_read_where_a_path_is_given(folder):
    for path in (folder, folder / "G_1q_X.zip"):
        data = qdataset(path=str(path), samples=30)
        np.testing.assert_array_equal(rows(data), expected_flip(30))
        assert f"30 examples read from {path}" in data.source
        assert "regenerated" not in data.source
        np.testing.assert_array_equal(rows(qdataset(9, path=str(path), samples=30)), rows(data))


def test_two_archives_are_compared(folder):
    noise = qdataset(task="noise", path=str(folder), samples=20)
    assert np.bincount((rows(noise)[:, -1] > 0).astype(int)).tolist() == [10, 10]
    np.testing.assert_array_equal(noise.train.features[:, [0, 4]], 1)
    profile = qdataset(task="profile", path=str(folder), samples=20)
    made = full_example("G_1q_X_Z_N2", np.random.default_rng(0), Grid(16, 2))["noise"]
    first = np.sqrt((made[0, :, 0, 0].astype(float) ** 2).reshape(8, 2).mean(axis=1))
    assert np.isclose(rows(profile)[:, :8], first).all(axis=1).sum() == 1


def test_archives_of_too_few_or_other_examples_are_refused(folder):
    with pytest.raises(InputError, match="31 examples are needed, 30 are there"):
        qdataset(path=str(folder), samples=31)
    with pytest.raises(InputError, match="member 'G_1q_X_ex_0' is not valid"):
        qdataset(path=str(folder / "G_1q_X.zip"), system="G_1q_XY", samples=10)
    with pytest.raises(InputError, match=r"G_1q_XY\.zip cannot be read"):
        qdataset(path=str(folder), system="G_1q_XY", samples=10)
    with pytest.raises(InputError, match=r"path = .* it must be a folder with G_1q_X\.zip and"):
        qdataset(path=str(folder / "G_1q_X.zip"), task="noise", samples=10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "flop"}, 'task "flop" is not known; did you mean "flip"'),
        ({"samples": 9}, "samples = 9"),
        ({"system": "G_1q_Z"}, 'system "G_1q_Z" is not known'),
        ({"against": "G_1q_XY"}, "against = 'G_1q_XY' is not valid; task \"flip\" has one"),
        ({"task": "noise", "against": "G_1q_X"}, "against = 'G_1q_X' .* another system"),
        ({"task": "profile", "system": "G_1q_X"}, 'system = "G_1q_X" .* no noise'),
        ({"task": "profile", "against": "G_1q_X"}, 'against = "G_1q_X" .* no noise'),
        ({"steps": 30}, "steps = 30"),
        ({"realisations": 0}, "realisations = 0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        qdataset(**settings)
