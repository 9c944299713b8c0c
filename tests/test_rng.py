import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.rng import canonical_json, content_hash, generator_state, restore_generator, stream

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(PLAIN)
def test_canonical_json_can_be_read_back(content):
    assert json.loads(canonical_json(content)) == content


def test_the_order_of_keys_does_not_matter():
    assert canonical_json({"b": {"d": 1, "c": 2}, "a": 3}) == '{"a":3,"b":{"c":2,"d":1}}'
    assert content_hash({"b": 1, "a": 2}) == content_hash({"a": 2, "b": 1})
    assert content_hash([1, 2]) != content_hash([2, 1])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(number):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"rate": number})


def test_other_objects_are_refused():
    with pytest.raises(TypeError):
        canonical_json({"weights": np.zeros(2)})


@given(PLAIN, st.integers(1, 64))
def test_the_hash_is_the_start_of_the_sha_256(content, length):
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert content_hash(content, length) == hashlib.sha256(text.encode()).hexdigest()[:length]


def test_the_hash_never_changes_between_versions():
    assert content_hash({"seed": 0, "layers": 5}) == "a080a3d6fe50"


def test_a_stream_depends_on_purpose_seed_and_content():
    streams = [
        stream("data", 0),
        stream("init", 0),
        stream("data", 1),
        stream("data", 0, {"samples": 100}),
        stream("data", 0, {"samples": 200}),
    ]
    draws = {tuple(generator.random(4)) for generator in streams}
    assert len(draws) == len(streams)


def test_a_stream_depends_on_nothing_else():
    before = stream("shots", 3, {"axes": [1, 2], "name": "x"}).random(5)
    np.random.default_rng().random(3)
    after = stream("shots", 3, {"name": "x", "axes": [1, 2]}).random(5)
    np.testing.assert_array_equal(before, after)


def test_a_stream_never_changes_between_versions():
    assert [int(stream("batches", 0).integers(1000)) for _ in range(2)] == [613, 613]


def test_streams_of_two_purposes_are_uncorrelated():
    first, second = (stream(purpose, 0).standard_normal(20_000) for purpose in ("init", "shots"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(20_000)


@pytest.mark.parametrize(
    "bits",
    [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64],
)
def test_a_generator_continues_where_it_was_saved(bits):
    generator = np.random.Generator(bits(11))
    generator.random(7)
    generator.integers(2**31, size=3, dtype=np.uint32)
    twin = restore_generator(json.loads(json.dumps(generator_state(generator))))
    np.testing.assert_array_equal(twin.standard_normal(9), generator.standard_normal(9))
    np.testing.assert_array_equal(
        twin.integers(100, size=9, dtype=np.uint32),
        generator.integers(100, size=9, dtype=np.uint32),
    )


def test_a_saved_state_does_not_move_with_the_generator():
    generator = np.random.default_rng(2)
    saved = generator_state(generator)
    first = generator.random()
    generator.random(10)
    assert restore_generator(saved).random() == first


@pytest.mark.parametrize("name", ["Generator", "default_rng", "os", None, "PCG63"])
def test_only_bit_generators_of_numpy_are_restored(name):
    with pytest.raises(ValueError, match="is not one of NumPy's"):
        restore_generator({"bit_generator": name, "state": {}})
