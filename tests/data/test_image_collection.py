import os

import pytest
from tiny_images import tiny

from qnlr.data.image_collection import cache_folder, options
from qnlr.data.sources import FASHION_MNIST, MNIST, load
from qnlr.errors import InputError


@pytest.fixture
def collection(tmp_path, monkeypatch):
    return tiny(tmp_path, monkeypatch)


def test_one_error_names_everything_that_can_be_done(collection):
    with pytest.raises(InputError) as raised:
        load(collection)
    message = str(raised.value)
    assert message.startswith("Tiny is not on this machine; any one of these will do:\n")
    ways = [
        "path = a folder with train-images-idx3-ubyte, ",
        "tiny.npz of Keras",
        "QNLR_DATA = a folder that holds such a one as tiny or tiny.npz or TINY/raw",
        str(cache_folder() / "tiny.npz"),
        "QNLR_CACHE",
        "apt-get install dataset-tiny",
        "pip install 'qnlr[data]'",
        "download = true",
    ]
    assert [way for way in ways if way not in message] == []
    assert len(message.splitlines()) == 7


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"QNLR_CACHE": "/own", "XDG_CACHE_HOME": "/common"}, "/own"),
        ({"QNLR_CACHE": "~/own"}, "/home/me/own"),
        ({"XDG_CACHE_HOME": "/common"}, "/common/qnlr"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/qnlr"),
        ({"QNLR_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/me/.cache/qnlr"),
        ({}, "/home/me/.cache/qnlr"),
    ],
)
def test_where_the_cache_is(monkeypatch, environment, expected):
    for name in ("QNLR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert os.fspath(cache_folder()) == expected


def test_what_gives_fewer_images_is_not_advised_where_all_are_needed():
    assert "pip install" not in options(MNIST, full=True)
    assert "mnist.npz of Keras" in options(MNIST, full=True)
    assert "8x8" in options(FASHION_MNIST)
    assert "8x8" not in options(FASHION_MNIST, full=True)
