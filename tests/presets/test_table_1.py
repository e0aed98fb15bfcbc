"""The recipes of the paper's Table 1: pairs, mixtures, files, samplers."""

import dataclasses
import functools

import numpy as np
import pytest
from conftest import tensorflow_only

import keras_mixgan as kmg
from keras_mixgan.architectures import encoder
from keras_mixgan.cli import models
from keras_mixgan.cli import settings
from keras_mixgan.data import sources
from keras_mixgan.game import auxiliary
from keras_mixgan.presets import recipes

# The auxiliary losses that each should be trained with.
_HUANG = ["real_classifier", "latent_reconstruction", "encoded_class"]
_SGAN = [
    "code_payoff", "real_classifier", "latent_reconstruction", "encoded_codes",
]  # fmt: skip
LOSSES = {
    "dcgan_apart": [],
    "wgan": [],
    "dcgan_huang": _HUANG,
    "dcgan_huang_as_released": _HUANG,
    "sgan": _SGAN,
    "sgan_top": _SGAN,
    "acgan": ["auxiliary_classifier"],
    "acgan_cbn": ["auxiliary_classifier"],
    "improved_gan": ["real_classifier"],
    "improved_gan_features": ["real_classifier", "feature_matching"],
    "steingan": ["kernel_repulsion"],
}
MIXTURES = [name for name in recipes.TABLE_1 if name.startswith("mix_")]


def source(labelled=2):
    """Twenty images of two classes, some of them labelled."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 32, 32, 3), dtype="uint8")
    labels = (np.arange(20) % 2).astype("int32")
    whole = sources.Source("few", images, labels)
    if labelled is None:
        return whole
    labels = np.where(np.arange(20) < 2 * labelled, labels, -1)
    return dataclasses.replace(whole, labels=labels.astype("int32"))


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Files of two encoders, by the system whose recipes need them."""
    folder, few = tmp_path_factory.mktemp("encoders"), source()
    for system, width in (("huang", 1), ("sgan", 64)):  # 64 gives 256 codes.
        network = encoder.encoder(few.image_shape, few.num_classes, width)
        encoder.save(network, folder / f"{system}.npz")
    return {path.stem: str(path) for path in folder.iterdir()}


def encoder_of(name, encoders):
    """The setting of an encoder's file, where a recipe needs one."""
    needed = [path for system, path in encoders.items() if system in name]
    return {"encoder": needed[0]} if needed else {}


def fewer(name):
    """Settings of a mixture of two, which trains faster than one of five."""
    if not name.startswith("mix_"):
        return {}
    return {"num_generators": 2, "num_discriminators": 1}


@pytest.fixture(scope="module")
def made(encoders):
    """A function that makes a recipe's model once, for tests that only read it.

    Returns the model and its encoder's file.
    """

    @functools.cache
    def model_of(name):
        given = encoder_of(name, encoders)
        _, model = make(name, source(None), **given, **fewer(name))
        return model, given.get("encoder")

    return model_of


def make(name, few, **given):
    recipe = recipes.complete(
        {**given, "width": 6, "steps": 2, "batch_size": 8}, name
    )
    chosen = settings.resolve(recipe).for_source(few)
    return chosen, models.make_model(chosen, few)


@pytest.mark.parametrize("name", MIXTURES)
def test_a_recipe_has_the_losses_of_its_system(name, encoders):
    partial = "labels_per_class" in recipes.TABLE_1[name]
    few = source(2 if partial else None)
    given = encoder_of(name, encoders)
    chosen, model = make(
        name, few, num_generators=1, num_discriminators=1, ema_decay=0, **given
    )
    system = name.removeprefix("mix_").removesuffix("_cifar10")
    architecture = system
    for variant in ("_as_released", "_top", "_apart"):
        architecture = architecture.removesuffix(variant)
    assert chosen.architecture == architecture
    losses = model.objective.losses
    assert [loss.name for loss in losses] == LOSSES[system]
    released = system.endswith("_as_released")
    for loss in losses:
        moves = released or loss.name == "code_payoff"
        assert loss.moves_mixture is moves


@pytest.mark.parametrize(
    "name",
    [
        "dcgan_huang_as_released_cifar10",
        "improved_gan_cifar10",
        "mix_sgan_top_cifar10",
        "steingan_cifar10",
    ],
)
def test_presets_hold_layers_and_losses(name, made, encoders, tmp_path):
    model, path = made(name)
    model.save_to_preset(tmp_path / "preset")
    config = (tmp_path / "preset/config.json").read_text()
    assert not any(file in config for file in encoders.values())
    loaded = kmg.MixGAN.from_preset(tmp_path / "preset")
    for loss in loaded.objective.losses:
        if isinstance(loss, auxiliary.Encoded):
            assert loss.encoder is None
            images = np.zeros((4, *model.image_shape), "float32")
            with pytest.raises(ValueError, match="`encoder` must be the file"):
                loaded.fit(images, np.arange(4) % 2, batch_size=4, verbose=0)
            assert loaded.step == model.step
            loss.encoder = path
    assert loaded.objective == model.objective
    given = {"seed": 1, "labels": [0, 1] if model.conditional else None}
    np.testing.assert_array_equal(
        loaded.generate(4, **given), model.generate(4, **given)
    )


@tensorflow_only
@pytest.mark.parametrize(
    "name",
    [
        "acgan_cbn_cifar10",
        "improved_gan_cifar10",
        "mix_sgan_top_cifar10",
        "steingan_cifar10",
    ],
)
def test_generators_of_a_recipe_are_exported(name, made, tmp_path):
    import tensorflow as tf

    model, _ = made(name)
    model.export_sampler(tmp_path / "exported")
    sampler = tf.saved_model.load(tmp_path / "exported")
    latents = np.random.default_rng(0).normal(size=(3, model.latent_dim))
    inputs = {
        "latents": tf.constant(latents, "float32"),
        "component_uniform": tf.zeros((3,)),
    }
    given = {"latents": latents, "component": 0}
    if model.conditional:
        inputs["labels"] = tf.constant([0, 1, 0])
        given["labels"] = [0, 1, 0]
    served = sampler.signatures["serving_default"](**inputs)["images"]
    np.testing.assert_allclose(served, model.generate(**given), atol=1e-5)


def test_every_system_is_there_alone_and_as_a_mixture():
    for name in MIXTURES:
        pair = recipes.TABLE_1[name.removeprefix("mix_")]
        assert pair["num_generators"] == pair["num_discriminators"] == 1
        assert recipes.TABLE_1[name]["num_generators"] == 5
    assert len(recipes.TABLE_1) == 2 * len(MIXTURES)


def test_class_losses_need_labels():
    few = dataclasses.replace(source(None), labels=None)
    with pytest.raises(ValueError, match="generators that take labels"):
        make("acgan_cifar10", few)
    with pytest.raises(ValueError, match="'improved_gan', needs class labels"):
        make("improved_gan_cifar10", few)
    with pytest.raises(ValueError, match="'sgan', needs class labels"):
        make("sgan_cifar10", few)


def test_an_energy_has_no_body_to_share():
    for share in ("discriminators", "both"):
        with pytest.raises(ValueError, match=f"`share`.*{share}.*'steingan'"):
            make("steingan_cifar10", source(None), share=share)
    _, model = make("steingan_cifar10", source(None), share="generators")
    assert model.generator_ensemble.shared is not None


def test_an_encoder_that_is_not_there(encoders, tmp_path):
    few = source(None)
    with pytest.raises(ValueError, match=r"`encoder` must be the file of"):
        make("dcgan_huang_cifar10", few)
    with pytest.raises(ValueError, match=r"which encoded_codes uses"):
        make("sgan_cifar10", few)
    with pytest.raises(ValueError, match=r"codes of 256 numbers.*gives 4"):
        make("sgan_cifar10", few, encoder=encoders["huang"])
    with pytest.raises(FileNotFoundError, match="`encoder` must be an exist"):
        make("dcgan_huang_cifar10", few, encoder=str(tmp_path / "none.npz"))


def test_labels_of_some_images_where_all_are_needed():
    with pytest.raises(ValueError, match="need the labels of all images"):
        make("acgan_cifar10", source())


def test_labels_of_a_part_are_drawn_by_the_seed():
    def known(seed, count=3):
        labels = sources.load_source(
            "digits", seed=seed, labels_per_class=count
        ).labels
        rows = np.flatnonzero(labels >= 0)
        assert np.bincount(labels[rows]).tolist() == [count] * 10
        whole = sources.load_source("digits").labels
        np.testing.assert_array_equal(whole[rows], labels[rows])
        return rows.tolist()

    assert known(0) == known(0) != known(1)
    with pytest.raises(ValueError, match=r"at most the images of each class"):
        known(0, 2000)
    with pytest.raises(ValueError, match="None for images without labels"):
        sources.load_source("ring", labels_per_class=3)
