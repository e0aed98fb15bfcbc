"""A mixture folded into one network that selects its generator itself.

Arora et al. 2017 (arXiv:1703.00573), Theorem 4.3 with Lemmas 1 and 2 of
Appendix A: the folded generator has one more latent coordinate h_0, standard
normal. Steps of ReLUs in h_0 disable all generators but one, by adding a
negative number before a last ReLU. Where h_0 is on the slope of a step, two
generators are blended. There is no other error.
"""

import keras
import numpy as np
from keras import layers

from keras_mixgan.game import mixtures
from keras_mixgan.training import forks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# A standard normal number is farther from 0 with probability 1.5e-23.
_FARTHEST = 10.0


def fold(model, blending: float) -> keras.Model:
    """Folds the generators into one network; see `MixGAN.fold`."""
    _check(model, blending)
    generators = forks.copies_of_generators(model, "folded")
    starts, ends = slopes(model.generator_weights, blending)
    latents = keras.Input((1 + model.latent_dim,), name="latents")
    inputs, generator_inputs = [latents], [latents[:, 1:]]
    if model.conditional:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs.append(labels)
        generator_inputs.append(labels)
    steps = _steps(latents[:, :1], starts, ends)
    parts = []
    for i, generator in enumerate(generators):
        images = generator(
            generator_inputs if model.conditional else generator_inputs[0]
        )
        parts.append(_gated(images, _offset(steps, i), i))
    images = layers.Add(dtype="float32", name="sum")(parts)
    images = layers.Rescaling(1.0, offset=-1.0, dtype="float32", name="images")(
        images
    )
    return keras.Model(
        inputs if len(inputs) > 1 else latents, images, name="folded_generator"
    )


def slopes(weights, blending: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the selector's steps begin and end: float64 (T - 1,), units of h_0.

    Step i leads from generator i to generator i + 1. The standard normal h_0
    is on its slope with probability blending / (T - 1), half of it on each
    side of the edge between the two generators' shares. So `blending`, in
    (0, 1), is the probability of all slopes together.

    Example:
    >>> starts, ends = slopes([0.5, 0.5], 0.01)
    >>> (starts.round(4), ends.round(4))
    (array([-0.0125]), array([0.0125]))
    """
    # Deferred: it takes long to import.
    from scipy.special import ndtri

    edges = mixtures.inner_edges(weights)
    half = blending / max(len(edges), 1) / 2
    starts, ends = (
        np.clip(ndtri(np.clip(x, 0, 1)), -_FARTHEST, _FARTHEST)
        for x in (edges - half, edges + half)
    )
    # Both are clipped to one number where an outer generator has no weight.
    return starts, np.maximum(ends, starts + 1e-6)


def _check(model, blending) -> None:
    checks.number("blending", blending, "(0, 1)")
    if model.num_generators < 2:
        raise UserError(
            "`fold` needs a mixture of at least two generators. Received: "
            f"{model.num_generators}"
        )
    # Class 0 alone, where the number of classes is not known.
    labels = 0 if model.conditional and model.num_classes is None else None
    for i in range(model.num_generators):
        images = model.generate(64, labels, component=i, seed=0)
        if np.abs(images).max() > 1 + 1e-5:
            raise UserError(
                "`fold` needs generators of images in [-1, 1], since it "
                "disables generators by these bounds. Received: generator "
                f"{i} with values up to {np.abs(images).max():.3g}"
            )


def _steps(selector, starts: np.ndarray, ends: np.ndarray):
    """Lemma 1: ramps (B, T - 1) from 0, before a start, to 1, after an end.

    min(ReLU(t), 1) = 1 - ReLU(1 - ReLU(t)). The lemma's difference of two
    ReLUs is the same function, but loses digits in float32 where it is 1.
    """
    dense = layers.Dense(
        len(starts), trainable=False, dtype="float32", name="ramps"
    )
    ramps = dense(selector)
    slope = 1 / (ends - starts)
    dense.set_weights([slope[None], -starts * slope])
    return layers.ReLU(max_value=1.0, dtype="float32", name="steps")(ramps)


def _offset(steps, i: int):
    """2 x_i - 1 of Lemma 1's x_i: 1 to select generator i, -1 to disable it.

    x_i = f_(i - 1) - f_i, with step f_(-1) = 1 and the last one 0.
    """
    count = steps.shape[1]
    dense = layers.Dense(
        1, trainable=False, dtype="float32", name=f"select_{i}"
    )
    offset = dense(steps)
    kernel = np.zeros((count, 1))
    if i > 0:
        kernel[i - 1] = 2
    if i < count:
        kernel[i] = -2
    dense.set_weights([kernel, np.array([1.0 if i == 0 else -1.0])])
    return offset


def _gated(images, offset, i: int):
    """Lemma 2: 1 + images where selected, 0 where disabled.

    Images are in [-1, 1]: images - 1 is never positive.
    """
    shape = (1,) * (len(images.shape) - 1)
    offset = layers.Reshape(shape, dtype="float32", name=f"offset_{i}")(offset)
    both = layers.Add(dtype="float32", name=f"shifted_{i}")([images, offset])
    return layers.ReLU(dtype="float32", name=f"gated_{i}")(both)
