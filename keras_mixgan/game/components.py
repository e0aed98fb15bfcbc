"""The component networks of one side: cloned, built or given, and checked."""

import contextlib
import random
from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_mixgan.distribution import placement

Networks = keras.Model | Callable[[], keras.Model] | Sequence[keras.Model]


@contextlib.contextmanager
def seeded(seed: str):
    """Within it, Keras's own default seeds follow from `seed` alone.

    Keras draws the seed of every initializer and every random layer that was
    given none from Python's `random`, when the object is made. The state of
    `random` is put back afterwards.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def clone(network: keras.Model, name: str) -> keras.Model:
    """Clones a network with fresh initial weights.

    Args:
        network: A Functional or Sequential model.
        name: Name of the clone.

    Returns:
        A model of the same layers. Its initial weights are drawn anew, also
        where the network's initializers had fixed seeds.
    """
    copy = keras.models.clone_model(
        network, clone_function=_fresh_layer, recursive=True
    )
    copy.name = name
    return copy


def make(
    networks: Networks, number: int | None, side: str, seed: int
) -> list[keras.Model]:
    """Makes the component networks of one side.

    Args:
        networks: A Keras model to clone, a function without arguments that
            builds one, or a list of models, which are used as they are.
        number: How many. `None` means as many as the list has, else three.
        side: `"generator"` or `"discriminator"`, for names and errors.
        seed: Int from which all initial weights follow.

    Returns:
        List of `number` networks that share nothing.

    Raises:
        TypeError: `networks` is none of these.
        ValueError: A number that is not positive, or not the list's length;
            a network with unknown inputs; one network listed twice.
    """
    number = _number(networks, number, side)
    if isinstance(networks, keras.Model):
        _check_known(networks, side)
    made = []
    for i in range(number):
        # A side's components never share a seed, nor do the two sides.
        with seeded(f"{seed}/{side}/{i}"), placement.component(i):
            if isinstance(networks, keras.Model):
                made.append(clone(networks, f"{side}_{i}"))
            elif isinstance(networks, Sequence):
                made.append(networks[i])
            else:
                made.append(networks())
        _check_known(made[-1], side)
        placement.mark(made[-1], i)
    if len({id(network) for network in made}) != number:
        raise ValueError(
            f"`{side}` must give {number} networks of their own. Received the "
            "same model more than once; pass it alone to have it cloned."
        )
    return made


def _number(networks: Networks, number: int | None, side: str) -> int:
    given = len(networks) if isinstance(networks, Sequence) else None
    if not (given is not None or callable(networks)):
        raise TypeError(
            f"`{side}` must be a Keras model, a function that builds one, or "
            f"a list of models. Received: {side}={networks!r}"
        )
    if number is None:
        number = 3 if given is None else given
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(
            f"`num_{side}s` must be a positive integer. Received: "
            f"num_{side}s={number!r}"
        )
    if given not in (None, number):
        raise ValueError(
            f"`{side}` must list as many models as `num_{side}s`. Received: "
            f"{given} models and num_{side}s={number}"
        )
    return number


def _check_known(network, side: str) -> None:
    if not isinstance(network, keras.Model):
        raise TypeError(
            f"`{side}` must give Keras models. Received: {network!r}"
        )
    if not network.built or not getattr(network, "inputs", None):
        raise ValueError(
            f"`{side}` must be a Functional model, or a Sequential one that "
            "starts with `keras.Input`, so that its inputs are known. "
            f"Received: {type(network).__name__} {network.name!r}"
        )


def _fresh_layer(layer):
    return layer.__class__.from_config(_without_seeds(layer.get_config()))


def _without_seeds(config):
    """Drops integer seeds, wherever a configuration holds one."""
    if isinstance(config, dict):
        return {
            key: None
            if key == "seed" and isinstance(value, int)
            else _without_seeds(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_without_seeds(value) for value in config)
    return config


def check_fit(generators: list, discriminators: list) -> None:
    """Checks that every generator fits every discriminator.

    Args:
        generators: Models of one input (latents (B, L)) or two (and labels
            (B,)).
        discriminators: Models of one input (images) or two (and labels
            (B,)), with one output, logits (B, 1).

    Raises:
        ValueError: Inputs or outputs of another kind, components of one side
            that differ, or images that the discriminators do not take.
    """
    for side, networks in (
        ("generator", generators),
        ("discriminator", discriminators),
    ):
        for i, network in enumerate(networks):
            _check_inputs(network, side, i)
            _check_precision(network, side, i)
            _check_alike(network, networks[0], side, i)
    _check_logits(discriminators[0])
    made = tuple(generators[0].outputs[0].shape[1:])
    taken = tuple(discriminators[0].inputs[0].shape[1:])
    if None in made:
        raise ValueError(
            "`generator` must make images of one known size. Received a "
            f"generator with output shape {made}"
        )
    if len(made) != len(taken) or any(
        t not in (None, m) for m, t in zip(made, taken, strict=True)
    ):
        raise ValueError(
            "`discriminator` must take what `generator` makes. Received: "
            f"generator output {made}, discriminator input {taken}"
        )
    counts = len(generators[0].inputs), len(discriminators[0].inputs)
    if counts[0] != counts[1]:
        raise ValueError(
            "`generator` and `discriminator` must both take labels, or "
            f"neither. Received: {counts[0]} inputs of the generator, "
            f"{counts[1]} of the discriminator"
        )


def _check_inputs(network, side: str, i: int) -> None:
    shapes = [tuple(x.shape) for x in network.inputs]
    first = "latents (batch, latent_dim)"
    right = len(shapes[0]) == 2 and shapes[0][1] is not None
    if side == "discriminator":
        first, right = "images (batch, ...)", len(shapes[0]) >= 2
    if len(shapes) > 2 or not right or (shapes[1:] not in ([], [(None,)])):
        raise ValueError(
            f"`{side}` must take {first}, or [{first}, labels (batch,)]. "
            f"Received: {side} {i} with inputs of shapes {shapes}"
        )
    if len(network.outputs) != 1:
        raise ValueError(
            f"`{side}` must have one output. Received: {side} {i} with "
            f"{len(network.outputs)} outputs"
        )


def _check_precision(network, side: str, i: int) -> None:
    dtypes = {layer.compute_dtype for layer in network._flatten_layers()}
    if "float64" in dtypes:
        raise ValueError(
            f"`{side}` must not compute in float64: images, latents and "
            "mixture weights are float32. Build it under the policy `float32`. "
            f"Received: {side} {i} with float64 layers"
        )
    if "float16" in dtypes:
        raise ValueError(
            f"`{side}` must not compute in float16, whose gradients vanish "
            "without loss scaling; use the policy `mixed_bfloat16`. Received: "
            f"{side} {i} with float16 layers"
        )


def _check_alike(network, first, side: str, i: int) -> None:
    def shapes(model):
        return [tuple(x.shape[1:]) for x in (*model.inputs, *model.outputs)]

    if shapes(network) != shapes(first):
        raise ValueError(
            f"`{side}` must give networks of the same inputs and outputs. "
            f"Received: {side} 0 with {shapes(first)}, {side} {i} with "
            f"{shapes(network)}"
        )


def _check_logits(discriminator) -> None:
    shape = tuple(discriminator.outputs[0].shape)
    if shape[1:] != (1,):
        raise ValueError(
            "`discriminator` must give logits of shape (batch, 1). Received: "
            f"output of shape {shape}"
        )


def num_classes(generators: list, given: int | None) -> int | None:
    """How many classes a conditional mixture's labels have.

    Args:
        generators: The generators.
        given: What the user said, if anything.

    Returns:
        `given`, or the size of the generator's label embedding or encoding;
        `None` without labels, or where nothing says so.

    Raises:
        ValueError: `given` is not positive, larger than the embedding, or for
            networks that take no labels.
    """
    if given is None:
        return _embedded_classes(generators[0])
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ValueError(
            "`num_classes` must be a positive integer or None. Received: "
            f"num_classes={given!r}"
        )
    if len(generators[0].inputs) < 2:
        raise ValueError(
            "`num_classes` must be None for networks that take no labels. "
            f"Received: num_classes={given!r}"
        )
    found = _embedded_classes(generators[0])
    if found is not None and given > found:
        raise ValueError(
            f"`num_classes` must be at most {found}, the size of the "
            f"generator's label embedding. Received: num_classes={given}"
        )
    return given


def _embedded_classes(generator) -> int | None:
    if len(generator.inputs) < 2:
        return None
    for layer in generator._flatten_layers():
        if isinstance(layer, keras.layers.Embedding):
            return layer.input_dim
        if isinstance(layer, keras.layers.CategoryEncoding):
            return layer.num_tokens
    return None
