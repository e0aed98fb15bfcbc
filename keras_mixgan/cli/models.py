"""Makes models from settings, and loads them from files."""

import dataclasses
import functools
import os
import pathlib

import keras

from keras_mixgan import architectures
from keras_mixgan import data
from keras_mixgan import presets
from keras_mixgan.backends import policies
from keras_mixgan.cli import optimizers
from keras_mixgan.cli import options
from keras_mixgan.cli.settings import Settings
from keras_mixgan.data import sources
from keras_mixgan.game import auxiliary
from keras_mixgan.game import ensembles
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.presets import archives
from keras_mixgan.presets import refusals
from keras_mixgan.presets import sizes
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def make_model(settings: Settings, source: sources.Source) -> MixGAN:
    """Makes and compiles a new model from settings, after `for_source`.

    Networks that would take more memory than this machine has are refused.
    """
    classes = source.num_classes if settings.conditional else None
    _check_labels(settings, source)
    build = functools.partial(
        architectures.build,
        settings.architecture,
        source.image_shape,
        num_classes=classes,
        **options.values(settings, "networks"),
    )
    # A user's own code may fail when it is called only to count weights.
    if settings.architecture in architectures.ARCHITECTURES:
        sizes.check_made(
            build,
            (settings.num_generators, settings.num_discriminators),
            settings.batch_size,
            "`width`, `latent_dim` and the numbers of networks",
        )
    with policies.policy(settings.dtype):
        generator, discriminator = build()
        model = MixGAN(
            generator,
            with_heads(discriminator, settings, classes),
            **options.values(settings, "model"),
            **cuts(settings),
        )
    compile_model(model, settings)
    return model


def compile_model(model: MixGAN, settings: Settings) -> None:
    """Compiles a model as settings describe."""
    arguments = options.values(settings, "compile")
    arguments["auxiliary"] = losses(settings)
    model.compile(**optimizers.make(settings), **arguments)
    for loss in model.objective.losses:
        loss.prepare(model)


def check_encoder(settings: Settings) -> None:
    """Refuses an encoder that no auxiliary loss reads."""
    if settings.encoder and not any(
        isinstance(loss, auxiliary.Encoded) for loss in losses(settings)
    ):
        raise UserError(
            "`encoder` must not be given unless an auxiliary loss reads it, "
            "encoded_class or encoded_codes. Received: "
            f"encoder={settings.encoder!r}"
        )


def losses(settings: Settings) -> list[auxiliary.Auxiliary]:
    """The auxiliary losses; those that need the encoder get it."""
    losses = [auxiliary.get(loss) for loss in settings.auxiliary or ()]
    for loss in losses:
        if isinstance(loss, auxiliary.Encoded):
            loss.encoder = settings.encoder
    return losses


def _check_labels(settings: Settings, source: sources.Source) -> None:
    """Checks that networks and losses have the labels that they need."""
    for loss in losses(settings):
        if loss.needs_real_labels and not settings.conditional:
            raise UserError(
                f"`auxiliary` {loss.name}, of architecture="
                f"{settings.architecture!r}, needs class labels. Received: "
                f"source {source.name!r}, conditional=False"
            )
    if settings.conditional:
        name = settings.architecture
        takes = "generator" in architectures.get(name).labels_to
        check_all_labelled(source, takes, f"architecture={name!r}")


def check_all_labelled(
    source: sources.Source, needed: bool, received: str
) -> None:
    """Checks that all images have labels where the generators take them."""
    if needed and source.labels.min() < 0:
        raise UserError(
            "`labels_per_class` must not be given if the generators take "
            "labels: they need the labels of all images. Received: "
            f"{received}. Leave it out, or give an architecture such as "
            "improved_gan"
        )


def cuts(settings: Settings) -> dict:
    """The layers at which networks that share a body are cut."""
    architecture = architectures.get(settings.architecture)
    wanted = settings.share in ("discriminators", "both")
    if wanted and architecture.discriminator_cut is None:
        raise UserError(
            "`share` must be none or generators for an architecture whose "
            "discriminators cannot be cut in two. Received: "
            f"share={settings.share!r}, architecture={architecture.name!r}"
        )
    return {
        f"share_{side}s": getattr(architecture, f"{side}_cut")
        for side in ("generator", "discriminator")
        if settings.share in (f"{side}s", "both")
    }


def with_heads(discriminator, settings: Settings, classes: int | None):
    """Adds the outputs that the auxiliary losses read."""
    needed = {name for loss in losses(settings) for name in loss.needs}
    needed -= set(ensembles.output_names(discriminator))
    if not needed:
        return discriminator
    return architectures.add_heads(
        discriminator,
        num_classes=classes if "class_logits" in needed else None,
        num_components=(
            settings.num_generators if "component_logits" in needed else None
        ),
        features="features" in needed,
    )


def stream(model: MixGAN, source: sources.Source, settings: Settings):
    """Batches of a run, from the model's step on.

    They have no labels where the model takes none.
    """
    if not model.takes_labels:
        source = dataclasses.replace(source, labels=None, label_names=None)
    return data.load(
        source,
        batch_size=settings.batch_size,
        seed=settings.seed,
        start_step=model.step,
    )


KINDS = (
    "the folder of a run, a .keras file of a MixGAN or a preset, one of "
    "`keras-mixgan presets`"
)


def load_model(
    path: str | os.PathLike[str], name: str = "model", kinds: str = KINDS
) -> MixGAN:
    """Loads a saved mixture, or says in one line what is wrong with a file.

    `path` is a `.keras` file, or a preset by name, folder or URL. `name` is the
    argument's name and `kinds` what it may be, for errors: each an `OSError`
    or a `ValueError`.
    """
    if presets.is_preset(path):
        return MixGAN.from_preset(path)
    path = pathlib.Path(path)
    wanted = f"`{name}` must be {kinds}"
    if not path.exists():
        near = checks.nearest_of(path, sorted(presets.list_presets()))
        raise FileNotFoundError(
            f"{wanted}. Received: {path}, which does not exist{near}"
        )
    if path.is_dir():
        raise IsADirectoryError(f"{wanted}. Received: the folder {path}")
    if path.suffix != ".keras":
        raise UserError(f"{wanted}. Received: {path}")
    saved = archives.check(path, name)
    with refusals.one_line(
        f"{wanted}. Received: {path}, a {saved} that could not be loaded"
    ):
        model = keras.saving.load_model(path)
    if not isinstance(model, MixGAN):
        raise UserError(f"{wanted}. Received: {path}, which is a {saved}")
    return model
