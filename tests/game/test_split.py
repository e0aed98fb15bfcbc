"""The split payoff estimate: each discriminator sees a part of the images."""

import keras
import numpy as np
import pytest
from conftest import JAX
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import ops
from keras import optimizers
from reference import Mixture
from reference import two_layers

from keras_mixgan import MixGAN
from keras_mixgan.game import draws

RATE = 0.5


class Split(Mixture):
    """Discriminator j sees every T-th image, from the j-th on."""

    def payoffs(self, images, fakes):
        count = len(self.discriminators)
        return np.array(
            [
                [
                    self.real(two_layers(d, images[j::count])).mean()
                    + self.fake(two_layers(d, fake[j::count])).mean()
                    for j, d in enumerate(self.discriminators)
                ]
                for fake in fakes
            ]
        )

    def generator_loss(self, latents):
        w_u, w_v = (
            np.exp(a) / np.exp(a).sum() for a in (self.alpha_u, self.alpha_v)
        )
        count = len(self.discriminators)
        pairs = np.array(
            [
                [
                    self.loss(two_layers(d, x[j::count])).mean()
                    for j, d in enumerate(self.discriminators)
                ]
                for x in self.fakes(latents)
            ]
        )
        return w_u @ pairs @ w_v - self.regularizer * np.log(w_u).mean()


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_a_step(monkeypatch, update):
    model = MixGAN(small_generator(), small_discriminator(), 2, 3, seed=3)
    rng = np.random.default_rng(0)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        "log", optimizers.SGD(RATE), optimizers.SGD(RATE), update=update,
        payoff_estimate="split",
        run_eagerly=keras.backend.backend() == "tensorflow",
    )  # fmt: skip
    images = rng.uniform(-1, 1, (12, 2))
    # Two images for each of six pairs.
    drawn = [rng.normal(size=(12, 3)) for _ in range(2)]
    pending = iter(drawn)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Split(model, "log", "non_saturating", 0.1)
    first, second = (np.split(draw, 2) for draw in drawn)
    before = [np.copy(w) for d in oracle.discriminators for w in d]
    oracle.discriminator_step(RATE, images, oracle.fakes(first))
    if update == "simultaneous":
        after = [np.copy(w) for d in oracle.discriminators for w in d]
        flat = [w for d in oracle.discriminators for w in d]
        alpha_v = oracle.alpha_v.copy()
        oracle.alpha_v[:] = model.discriminator_mixture_logits
        for w, b in zip(flat, before, strict=True):
            w[...] = b
        oracle.generator_step(RATE, first)
        oracle.alpha_v[:] = alpha_v
        for w, a in zip(flat, after, strict=True):
            w[...] = a
    else:
        oracle.generator_step(RATE, second)
    model.train_on_batch(images.astype("float32"))
    for networks, expected in (
        (model.discriminators, oracle.discriminators),
        (model.generators, oracle.generators),
    ):
        for network, weights in zip(networks, expected, strict=True):
            for w, e in zip(network.get_weights(), weights, strict=True):
                np.testing.assert_allclose(w, e, atol=3e-6)
    np.testing.assert_allclose(
        model.discriminator_mixture_logits, oracle.alpha_v, atol=3e-6
    )
    np.testing.assert_allclose(
        model.generator_mixture_logits, oracle.alpha_u, atol=3e-6
    )


# Through batch normalization, on purpose.
@pytest.mark.filterwarnings("ignore:`gradient_penalty` should")
@pytest.mark.parametrize("batch", [2, 6])
def test_any_batch_labels_and_a_penalty(batch):
    """A batch under four images grows to one for each of 2 x 2 pairs."""
    model = MixGAN(*image_networks(3), 2, 2, seed=0)
    model.compile(
        "wasserstein", payoff_estimate="split", gradient_penalty=10.0,
        run_eagerly=batch == 6 and not JAX,
    )  # fmt: skip
    images = np.random.default_rng(0).uniform(-1, 1, (batch, 8, 8, 1))
    history = model.fit(
        images.astype("float32"), np.arange(batch) % 3, batch_size=batch,
        epochs=2, verbose=0,
    )  # fmt: skip
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("batch", [2, 5, 64])
def test_each_image_of_one_generator_has_a_label(batch):
    """The number of images is a multiple of the discriminators' number."""
    model = MixGAN(*image_networks(3), 1, 3, seed=0)
    model.compile(payoff_estimate="split")
    labels = ops.convert_to_tensor(np.arange(batch) % 3, "int32")
    fakes = draws.draw(model, batch, labels)
    assert len(fakes.labels) == len(fakes.images) == max(3, batch // 3 * 3)


def test_shared_bodies_cannot_be_split():
    discriminator = small_discriminator()
    hidden = discriminator.layers[0]
    shared = MixGAN(
        small_generator(), discriminator, 2, 2, share_discriminators=hidden.name
    )
    heads = keras.Model(discriminator.inputs, layers.Dense(2)(hidden.output))
    for model in (shared, MixGAN(small_generator(), heads, 2, 2)):
        with pytest.raises(ValueError, match="must not be split"):
            model.compile(payoff_estimate="split")
