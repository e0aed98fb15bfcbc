"""The bar of `fit` fits into a terminal; the history keeps everything."""

import re

import keras
import pytest
from conftest import small_discriminator
from conftest import small_generator
from test_mixgan import points

from keras_mixgan import MixGAN
from keras_mixgan import callbacks


@pytest.fixture
def model():
    model = MixGAN(small_generator(), small_discriminator(), 3, 3, seed=0)
    model.compile(run_eagerly=True)
    return model


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_no_line_is_wider_than_80_columns(model, verbose, capsys):
    history = model.fit(points(64), epochs=2, verbose=verbose)
    out = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    lines = re.split(r"[\n\r\b]+", plain)
    assert max(map(len, lines)) <= 80
    assert "Epoch 2/2" in lines
    assert re.search(r"D: \S+ - G: \S+ - payoff: ", plain)
    assert len(history.history) == 8


def test_silence_and_bars_of_the_users_own(model, capsys):
    model.fit(points(), verbose=0)
    assert capsys.readouterr().out == ""
    model.fit(points(), verbose=1, callbacks=keras.callbacks.ProgbarLogger())
    assert "generator_weight_max" in capsys.readouterr().out
    model.fit(points(), verbose=0, callbacks=[callbacks.ProgressBar()])
    assert capsys.readouterr().out.count("Epoch 1/1") == 1
