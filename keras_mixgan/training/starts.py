"""Initializes weights from data, in networks whose layers ask for it."""

import warnings

import numpy as np

from keras_mixgan.architectures import layers
from keras_mixgan.game.ensembles import takes_codes
from keras_mixgan.training.labels import class_numbers
from keras_mixgan.training.usage import UsageWarning
from keras_mixgan.utils.errors import UserError


def start(model, batch) -> None:
    """Initializes the layers that still wait for data from one batch.

    Discriminators see the real images, generators latents. Both are called in
    training mode, as in the authors' code (arXiv:1602.07868, Section 3).
    `batch` are the first real images (B, ...) and their labels, or `None`. If
    it is `None`, where it cannot be read ahead, or has fewer than two images,
    nothing is initialized, with a warning. Weights that were trained meanwhile
    are not initialized anew.
    """
    sides = model.generators, model.discriminators
    if not any(layers.waits_for_data(x) for side in sides for x in side):
        return
    if model.step:
        return
    images, labels = batch or ((), None)
    if len(images) < 2:
        warnings.warn(
            "Layers that are initialized from data, WeightNormalization or "
            "MinibatchDiscrimination, start without: the first batch has "
            "fewer than two images, or cannot be read ahead. Give `fit` an "
            "array or a data set, not a generator.",
            UsageWarning,
            stacklevel=3,
        )
        return
    images = np.asarray(images, "float32")
    rng = np.random.default_rng(model.seed)
    size = (len(images), model.latent_dim)
    latents = rng.standard_normal(size, dtype="float32")
    if model.conditional:
        labels = class_numbers(labels, model.num_classes).astype("int32")
    with layers.initializing():
        for networks, first in zip(sides, (latents, images), strict=True):
            for network in networks:
                if layers.waits_for_data(network):
                    _check_takes_no_codes(network)
                    takes = len(network.inputs) > 1
                    inputs = [first, labels] if takes else first
                    model.executor.call(network, inputs)


def _check_takes_no_codes(network) -> None:
    """Codes of real images are not known yet at this point."""
    if takes_codes(network):
        raise UserError(
            "`discriminator` that takes `codes` must have no layer that is "
            "initialized from data, WeightNormalization or "
            f"MinibatchDiscrimination. Received: {network.name}, with one"
        )
