"""The image sizes that architectures take, and what their networks make."""

import keras
import numpy as np
import pytest

from keras_mixgan import architectures
from keras_mixgan.architectures import dcgan
from keras_mixgan.mixgan import MixGAN

# Without `mlp`, for points, and two that take only 32 pixels.
CONVOLUTIONAL = [
    name
    for name in sorted(architectures.ARCHITECTURES)
    if name not in ("mlp", "dcgan_huang", "sgan")
]


# Image shapes that are refused, and what is said of each.
UNSUPPORTED = [
    ((30, 30, 1), r"Nearest: 28 and 32\."),
    ((90, 90, 3), r"Nearest: 80 and 96\."),
    ((72, 72, 3), r"Nearest: 64 and 80\."),
    ((28, 32, 1), r"Nearest: 32\."),
    ((32, 32, 2), "channels 1 or 3"),
    ((7, 7, 3), r"Nearest: 6 and 8\."),
    ((1, 1, 3), r"Nearest: 6\."),
    ((32, 32), r"\(size, size, channels\)"),
    (32, r"\(size, size, channels\)"),
    (None, r"\(size, size, channels\)"),
    ("322", r"\(size, size, channels\)"),
    ((2,), r"\(size, size, channels\)"),
]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_unsupported_image_shape_says_what_is_near(name):
    architecture = architectures.get(name)
    for builder in (architecture.generator, architecture.discriminator):
        for shape, text in UNSUPPORTED:
            message = f"`image_shape`.*{text}"
            with pytest.raises(ValueError, match=message) as error:
                builder(shape)
            assert f"Received: image_shape={shape!r}" in str(error.value)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 2), 32, None, (2,)])
def test_huangs_networks_take_32_pixels_only(shape):
    architecture = architectures.get("dcgan_huang")
    for builder in (architecture.generator, architecture.discriminator):
        with pytest.raises(
            ValueError, match=r"`image_shape`.*\(32, 32, 3\).*Received"
        ):
            builder(shape)


# Size -> stages of a generator and a discriminator, by hand. Saved files need
# those of 28, 32 and 64.
STAGES = {
    28: ((7, 14, 28), (28, 14, 7, 4)),
    32: ((4, 8, 16, 32), (32, 16, 8, 4)),
    40: ((5, 10, 20, 40), (40, 20, 10, 5, 3)),
    48: ((3, 6, 12, 24, 48), (48, 24, 12, 6, 3)),
    56: ((7, 14, 28, 56), (56, 28, 14, 7, 4)),
    64: ((4, 8, 16, 32, 64), (64, 32, 16, 8, 4)),
    96: ((3, 6, 12, 24, 48, 96), (96, 48, 24, 12, 6, 3)),
    128: ((4, 8, 16, 32, 64, 128), (128, 64, 32, 16, 8, 4)),
}


@pytest.mark.parametrize("size", STAGES)
def test_stages_of_a_size(size):
    generator, discriminator = architectures.build(
        "dcgan", (size, size, 3), latent_dim=2, width=1
    )
    made, seen = STAGES[size]
    outputs = [layer.output.shape[1:] for layer in generator.layers]
    assert tuple(dict.fromkeys(x[0] for x in outputs if len(x) == 3)) == made
    outputs = [layer.output.shape[1:] for layer in discriminator.layers]
    assert tuple(dict.fromkeys(x[0] for x in outputs if len(x) == 3)) == seen
    # Channels double at each step down.
    filters = [
        layer.filters
        for layer in discriminator.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert filters == [1, 2, 4, 8, 16][: len(filters)]
    made = generator(np.ones((2, 2), "float32"), training=False)
    logits = discriminator(made, training=False)
    assert logits.shape == (2, 1)
    assert np.isfinite(keras.ops.convert_to_numpy(logits)).all()


@pytest.mark.usefixtures("no_graph")
def test_own_images_of_48_pixels_train_and_come_back(tmp_path):
    networks = architectures.build("wgan_gp", (48, 48, 3), 2, width=1)
    model = MixGAN(*networks, 2, 1, share_generators="start", seed=0)
    model.compile("wasserstein", payoff_estimate="linear")
    rng = np.random.default_rng(1)
    images = rng.uniform(-1, 1, size=(4, 48, 48, 3)).astype("float32")
    model.fit(images, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    made = loaded.generate(3, seed=0)
    assert made.shape == (3, 48, 48, 3)
    np.testing.assert_array_equal(made, model.generate(3, seed=0))


def test_every_size_of_the_rule_and_no_other():
    possible = {base * 2**k for base in (3, 4, 5, 7) for k in range(1, 9)}
    for size in range(1, 300):
        assert bool(dcgan.generator_stages(size)) == (size in possible)
    # Channels stop doubling at 16 times the width.
    assert dcgan.channels_of(64, 6) == [64, 128, 256, 512, 1024, 1024]
