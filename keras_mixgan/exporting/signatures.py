"""The functions of an exported sampler."""

import tensorflow as tf

from keras_mixgan.exporting import checks
from keras_mixgan.exporting import draws
from keras_mixgan.exporting import pixels
from keras_mixgan.exporting import routing
from keras_mixgan.game import mixtures
from keras_mixgan.utils.pixels import has_png


class Signatures:
    """A mixture's sampler as functions of tensors.

    Images are float32 in [-1, 1], or with `uint8` uint8 in [0, 255]. A model
    without labels has no input `labels`.
    """

    def __init__(self, model, uint8: bool):
        self._num_generators = model.num_generators
        self._weights = model.generator_weights
        self._edges = mixtures.inner_edges(self._weights)
        self._latent_dim = model.latent_dim
        self._image_shape = model.image_shape
        self._num_classes = model.num_classes
        self._conditional = model.conditional
        self._uint8 = uint8
        self._images = _images_of(model)

    def table(self) -> dict:
        """Functions and their input signatures, by name."""
        number = {
            name: tf.TensorSpec((), dtype, name)
            for name, dtype in (
                ("num_images", tf.int32),
                ("seed", tf.int64),
                ("component", tf.int32),
            )
        }
        batch = [
            tf.TensorSpec((None, self._latent_dim), tf.float32, "latents"),
            tf.TensorSpec((None,), tf.float32, "component_uniform"),
        ]
        drawn = [number["num_images"], number["seed"]]
        labels = []
        if self._conditional:
            labels = [tf.TensorSpec((None,), tf.int32, "labels")]
        table = {
            "serving_default": (self.serve, [*batch, *labels]),
            "sample": (self.sample, [*drawn, *labels]),
            "sample_component": (
                self.sample_component,
                [number["component"], *drawn, *labels],
            ),
            "mixture_weights": (self.mixture_weights, []),
        }
        if has_png(self._image_shape):
            table["sample_png"] = (
                self.sample_png,
                [number["component"], *drawn, *labels],
            )
        return table

    def serve(self, latents, component_uniform, labels=()):
        """Images of latents; the uniform numbers choose generators."""
        labels = (
            checks.labels(labels, self._num_classes)
            if self._conditional
            else None
        )
        latents, uniform, labels = checks.rows(
            latents, component_uniform, labels
        )
        components = routing.components_of(uniform, self._edges)
        images = self._images(components, latents, labels)
        return {"images": self._finished(images)}

    def sample(self, num_images, seed, labels=()):
        """Draws from the mixture."""
        images, components = self._draw(num_images, seed, labels)
        return {"images": self._finished(images), "components": components}

    def sample_component(self, component, num_images, seed, labels=()):
        """Draws from one generator, with the latents of `sample`."""
        component = checks.component(component, self._num_generators)
        images, _ = self._draw(num_images, seed, labels, component)
        return {"images": self._finished(images)}

    def sample_png(self, component, num_images, seed, labels=()):
        """Draws PNG files; component -1 is the mixture."""
        component = checks.component(component, self._num_generators, -1)
        images, components = self._draw(num_images, seed, labels, component)
        return {
            # By its ending, TensorFlow Serving sends it in base 64.
            "png_bytes": tf.io.encode_png(pixels.levels(images)),
            "components": components,
        }

    def mixture_weights(self):
        """The weights w_u."""
        return {"weights": tf.constant(self._weights)}

    def _draw(self, num_images, seed, labels, component=-1):
        """Images and their components; component -1 is the mixture."""
        num_images = checks.whole(num_images)
        uniform = draws.component_uniform(num_images, seed)
        components = tf.where(
            tf.equal(component, -1),
            routing.components_of(uniform, self._edges),
            component,
        )
        latents = draws.latents(num_images, self._latent_dim, seed)
        inputs = [components, latents]
        if self._conditional:
            inputs.append(
                draws.labels(labels, num_images, self._num_classes, seed)
            )
        return self._images(*inputs), components

    def _finished(self, images):
        return pixels.levels(images) if self._uint8 else images


def _images_of(model):
    """One function from components, latents and labels to images.

    All signatures call it, so the file holds the generators' graphs only once.
    """
    specs = [
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, model.latent_dim), tf.float32),
    ]
    if model.conditional:
        specs.append(tf.TensorSpec((None,), tf.int32))

    def images_of(components, latents, labels=None):
        return routing.run_mixed(
            model,
            components,
            latents,
            labels,
            routing.run_in_chunks,
        )

    function = tf.function(images_of, input_signature=specs, autograph=False)
    return function.get_concrete_function()
