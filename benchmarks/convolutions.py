"""Full payoff, T=5: a step's convolutions alone, against the whole step.

The networks are stripped of normalisation, activations, biases, mixture
weights and Adam: what is left is called on the same batches and asked for the
same gradients. No step that uses these kernels can be quicker, ours or
PyTorch's, whose CPU convolutions are oneDNN's too.
"""

import timing

COMPONENTS = 5


def bare(network):
    """The network's layers with kernels, and those that only reshape."""
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

    def slopes(network, inputs, of):
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
            made += slopes(network, images, weights(network))
            made.append(slopes(network, seen, seen))
        for network in generators:
            made += slopes(network, latents, weights(network))
        # Something of every result, or it would be left out.
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
