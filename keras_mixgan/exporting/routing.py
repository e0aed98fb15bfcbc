"""Routes each row of a batch to its generator, which makes only its rows."""

import tensorflow as tf

# The default of `MixGAN.generate`: memory does not grow with the batch.
CHUNK = 256


def components_of(uniform, edges):
    """Maps uniform numbers to generators; `mixtures.component_of` in a graph.

    Floats (B,) in [0, 1) to int32 (B,). `edges` are `mixtures.inner_edges`,
    float64 (num_generators - 1,).
    """
    passed = tf.cast(uniform, tf.float64)[:, None] >= tf.constant(
        edges, tf.float64, (1, len(edges))
    )
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=1)


def run_mixed(model, components, latents, labels, run_rows):
    """Images of a batch, each from the generator of its component.

    Generators that share a body run their own layers on their own rows, and
    the body once on all.

    Components, int32 (B,), latents (B, latent_dim) and labels, int32 (B,) or
    `None`, to float32 images (B, ...) in the batch's order. It reads only
    `sampling_generators` and `sampling_shared` of the model. `run_rows` is
    `run` or `run_in_chunks`.
    """
    shared = model.sampling_shared
    networks = model.sampling_generators if shared is None else shared.own
    batch = tf.range(tf.shape(components)[0])
    rows = tf.dynamic_partition(batch, components, len(networks))
    inputs = [latents] if labels is None else [latents, labels]
    made = [
        run_rows(
            network, [tf.gather(x, own) for x in inputs[: len(network.inputs)]]
        )
        for network, own in zip(networks, rows, strict=True)
    ]
    made = tf.dynamic_stitch(rows, made)
    made.set_shape(networks[0].output_shape)
    if shared is None:
        return made
    inputs = [made, labels] if len(shared.body.inputs) > 1 else [made]
    return run_rows(shared.body, inputs)


def run(generator, inputs: list):
    """One generator in inference mode; float32 whatever its dtype."""
    images = generator(inputs if len(inputs) > 1 else inputs[0], training=False)
    return tf.cast(images, tf.float32)


def run_in_chunks(generator, inputs: list):
    """`run` in chunks of rows; without rows the generator does not run."""
    chunks = (tf.shape(inputs[0])[0] + CHUNK - 1) // CHUNK
    images = tf.TensorArray(
        tf.float32,
        chunks,
        infer_shape=False,
        element_shape=generator.output_shape,
    )

    def one_chunk(i, images):
        rows = slice(i * CHUNK, (i + 1) * CHUNK)
        return i + 1, images.write(i, run(generator, [x[rows] for x in inputs]))

    _, images = tf.while_loop(
        lambda i, _: i < chunks, one_chunk, (0, images), parallel_iterations=1
    )
    return images.concat()
