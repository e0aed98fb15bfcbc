"""Models from settings, and models from files."""

import os
import pathlib

import keras

from keras_mixgan import architectures
from keras_mixgan import presets
from keras_mixgan.cli.settings import Settings
from keras_mixgan.data import sources
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.presets import archives
from keras_mixgan.presets import refusals

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_model(settings: Settings, source: sources.Source) -> MixGAN:
    """Makes and compiles the model that settings describe.

    Args:
        settings: Settings that have been settled for the source.
        source: The source.

    Returns:
        A compiled `MixGAN` with initial weights.

    Raises:
        ValueError: A setting is not as described, or the architecture does
            not make images of this shape.
    """
    classes = source.num_classes if settings.conditional else None
    networks = architectures.build(
        settings.architecture,
        source.image_shape,
        settings.latent_dim,
        classes,
        settings.width,
    )
    model = MixGAN(
        *networks,
        settings.num_generators,
        settings.num_discriminators,
        ema_decay=settings.ema_decay,
        seed=settings.seed,
    )
    betas = {
        name: getattr(settings, name)
        for name in ("beta_1", "beta_2")
        if getattr(settings, name) is not None
    }
    optimizer = _OPTIMIZERS[settings.optimizer]
    model.compile(
        payoff=settings.payoff,
        generator_optimizer=optimizer(
            settings.generator_learning_rate, **betas
        ),
        discriminator_optimizer=optimizer(
            settings.discriminator_learning_rate, **betas
        ),
        generator_loss=settings.generator_loss,
        mixture_regularizer=settings.mixture_regularizer,
        discriminator_steps=settings.discriminator_steps,
        payoff_estimate=settings.payoff_estimate,
        weight_clip=settings.weight_clip,
        gradient_penalty=settings.gradient_penalty,
    )
    return model


def load_model(path: str | os.PathLike[str], name: str = "model") -> MixGAN:
    """Loads a saved mixture, and says plainly what is wrong with a file.

    Args:
        path: A `.keras` file, the name of a preset in the zoo, or the folder
            of a preset.
        name: What to call it in an error.

    Returns:
        The `MixGAN`.

    Raises:
        OSError: The file is not there, or cannot be read.
        ValueError: It is damaged, or no MixGAN.
    """
    if presets.is_preset(path):
        return MixGAN.from_preset(path)
    path = pathlib.Path(path)
    if not path.exists():
        if not path.suffix and path.name == os.fspath(path):
            presets.find(os.fspath(path))  # Says which presets there are.
        raise FileNotFoundError(f"`{name}` is a file that is not there: {path}")
    wanted = f"`{name}` must be a preset or a .keras file of a MixGAN"
    if path.is_dir():
        raise IsADirectoryError(f"{wanted}. Received: the folder {path}")
    if path.suffix != ".keras":
        raise ValueError(f"{wanted}. Received: {path}")
    saved = archives.check(path)
    with refusals.one_line(
        f"{wanted}. Received: {path}, a {saved} that could not be loaded"
    ):
        model = keras.saving.load_model(path)
    if not isinstance(model, MixGAN):
        raise ValueError(f"{wanted}. Received: {path}, which is a {saved}")
    return model
