"""`assets.extra/sampler.json`: what a server needs to know about a sampler."""

import pathlib

from keras_mixgan._version import __version__
from keras_mixgan.data import class_names

FORMAT = 1
PLACE = pathlib.PurePath("assets.extra", "sampler.json")


def describe(model, uint8: bool) -> dict:
    """Describes a sampler, ready for JSON.

    `class_names` are `None` where the data set is not known.
    """
    return {
        "format": FORMAT,
        "keras_mixgan": __version__,
        "name": model.name,
        "num_generators": model.num_generators,
        "generator_weights": [float(w) for w in model.generator_weights],
        "latent_dim": model.latent_dim,
        "image_shape": list(model.image_shape),
        "conditional": model.conditional,
        "num_classes": model.num_classes,
        "class_names": class_names.of_settings(
            model.run_settings, model.num_classes
        ),
        "uint8": uint8,
    }


def signatures(functions: dict) -> dict:
    """Describes inputs and outputs of a SavedModel's signatures, by name.

    Takes concrete functions by name. Variable sizes in shapes are `None`.
    """
    return {
        name: {
            "inputs": _named(
                # Labels that a model does not take are ().
                {x.name: x for x in function.structured_input_signature[0] if x}
            ),
            "outputs": _named(function.structured_outputs),
        }
        for name, function in functions.items()
    }


def _named(specs: dict) -> dict:
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in specs.items()
    }
