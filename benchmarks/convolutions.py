"""Full payoff, T=5: the convolutions of a step against the whole step.

Normalization, activations, biases, mixture weights and Adam are left out; the
convolutions run on the same batches and give the same gradients. No step with
these kernels can be faster. That includes PyTorch's, whose CPU convolutions
are oneDNN's too.
"""

import timing

COMPONENTS = 5


def bare(network):
    """The network's layers that have kernels or only reshape."""
    import keras

    x = inputs = keras.Input(network.inputs[0].shape[1:])
    for layer in network.layers:
        config = layer.get_config()
        if hasattr(layer, "kernel"):
            config |= {"use_bias": False, "activation": None}
        elif not isinstance(layer, keras.layers.Reshape | keras.layers.Flatten):
            continue
        x = layer.__class__.from_config(config)(x)
    return keras.Model(inputs, x)


def convolutions(model):
    """A function that runs the convolutions of one alternating step."""
    import tensorflow as tf

    generators = [bare(network) for network in model.generators]
    discriminators = [bare(network) for network in model.discriminators]
    fakes = timing.BATCH * len(generators)
    latents = tf.random.normal((timing.BATCH, timing.LATENT_DIM))
    images = tf.random.normal((timing.BATCH + fakes, *timing.IMAGE_SHAPE))

    def gradients(network, inputs, of):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(of)
            loss = tf.reduce_sum(tf.square(network(inputs)))
        return tape.gradient(loss, of)

    def weights(network):
        return [v.value for v in network.trainable_variables]

    @tf.function(autograph=False)
    def run():
        seen = images[:fakes]
        made = [network(latents) for network in generators]
        for network in discriminators:
            made += gradients(network, images, weights(network))
            made.append(gradients(network, seen, seen))
        for network in generators:
            made += gradients(network, latents, weights(network))
        # Use a part of every result, or TensorFlow would not compute it.
        return tf.add_n([tf.reshape(x, (-1,))[0] for x in made])

    return lambda: run().numpy()


def main() -> None:
    """Prints both times, the floor, and their ratios."""
    timing.header("Full payoff, T=5: the step's convolutions alone")
    model = timing.mixture(COMPONENTS)
    product, gflop = timing.matrix_product()
    functions = {
        "step": timing.stepper(model),
        "convolutions": convolutions(model),
        "matrix product": product,
    }
    seconds = timing.in_turns(functions, rounds=11)
    for name, values in seconds.items():
        print(f"{name}: {timing.spread(values)}")
    work = timing.step_gflop(model)
    floors = [work * s / gflop for s in seconds["matrix product"]]
    shares = timing.ratios(seconds, "convolutions", "step")
    over = [s / f for s, f in zip(seconds["convolutions"], floors, strict=True)]
    print(f"Convolutions / step: {timing.spread(shares, 'x', 2)}")
    print(f"Convolutions / floor: {timing.spread(over, 'x', 2)}")


if __name__ == "__main__":
    main()
