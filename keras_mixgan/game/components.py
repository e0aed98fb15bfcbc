"""The component networks of one side: cloned, built or given, and checked."""

import contextlib
import random
from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_mixgan.game import adapting
from keras_mixgan.game import ensembles
from keras_mixgan.game import sharing
from keras_mixgan.utils.errors import UserError

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

    Raises:
        ValueError: A subclassed model within it cannot be cloned.
    """
    adapting.check_clonable(network)
    copy = keras.models.clone_model(
        network, clone_function=_fresh_layer, recursive=True
    )
    adapting.keep_names(network, copy)
    copy.name = name
    return copy


def make(
    networks: Networks,
    number: int | None,
    side: str,
    seed: int,
    executor,
    sample: adapting.Sample,
    share: str | None = None,
) -> tuple[list[keras.Model], sharing.Shared | None]:
    """Makes the component networks of one side.

    Args:
        networks: A Keras model to clone, a function without arguments that
            builds one, or a list of models, which are used as they are.
        number: How many components. `None` means as many as the list has,
            else three. A discriminator with K logits is K components.
        side: `"generator"` or `"discriminator"`, for names and errors.
        seed: Int from which all initial weights follow.
        executor: The `Executor` of the model, which places components.
        sample: What to call networks with that do not say what they take.
        share: Name of the layer at which the networks are cut, see `sharing`;
            `None` for networks that share nothing.

    Returns:
        List of networks, `number` components in all, and their parts where
        they share a body.

    Raises:
        TypeError: `networks` is none of these.
        ValueError: A number that is not positive, or not that of the list; a
            network with unknown inputs; one network listed twice, or several
            that share variables.
    """
    if isinstance(networks, sharing.Shared):  # from a saved model
        return _adopted(networks, executor)
    _check_kind(networks, number, side)
    if share is not None and isinstance(networks, Sequence):
        raise UserError(
            f"`share_{side}s` must come with one model, or a function that "
            f"builds one, whose layers it names. Received: a list of "
            f"{len(networks)} models"
        )
    if isinstance(networks, keras.Model):
        adapting.check_clonable(networks)
        # It may be called, whose draws are not to change Python's own.
        with seeded(f"{seed}/{side}"):
            networks = adapting.adapt(networks, side, sample)
    made, count = [], 0
    wanted = len(networks) if isinstance(networks, Sequence) else None
    while len(made) != wanted:
        i = len(made)
        # A side's components never share a seed, nor do the two sides.
        with seeded(f"{seed}/{side}/{i}"), executor.placing(i):
            if isinstance(networks, keras.Model):
                made.append(clone(networks, f"{side}_{i}"))
            elif isinstance(networks, Sequence):
                made.append(networks[i])
            else:
                made.append(networks())
            made[-1] = adapting.adapt(made[-1], side, sample)
        executor.adopt(made[-1], i)
        width = 1 if side == "generator" else _num_logits(made[-1], i)
        count += width
        if wanted is None:
            number = number or (3 if width == 1 else width)
            _check_number(number % width == 0, number, width, side)
            wanted = number // width
    _check_number(number in (None, count), number, count, side)
    _check_apart(made, side)
    if share is None:
        return made, None
    return _adopted(sharing.share(made, share, side), executor)


def _adopted(shared: sharing.Shared, executor) -> tuple:
    for i, part in enumerate(shared.own):
        executor.adopt(part, i)
    executor.adopt(shared.body, 0)
    return shared.joined(), shared


def _check_kind(networks: Networks, number: int | None, side: str) -> None:
    if not (isinstance(networks, Sequence) or callable(networks)):
        raise TypeError(
            f"`{side}` must be a Keras model, a function that builds one, or "
            f"a list of models. Received: {side}={networks!r}"
        )
    if number is not None and (
        not isinstance(number, int) or isinstance(number, bool) or number < 1
    ):
        raise UserError(
            f"`num_{side}s` must be a positive integer. Received: "
            f"num_{side}s={number!r}"
        )
    if isinstance(networks, Sequence) and not len(networks):
        raise UserError(
            f"`{side}` must list at least one model. Received: an empty list"
        )


def _check_number(right: bool, number, given: int, side: str) -> None:
    if not right:
        raise UserError(
            f"`num_{side}s` must be the number of components that `{side}` "
            f"gives. Received: num_{side}s={number}, and networks that stand "
            f"for {given}"
        )


def _num_logits(network: keras.Model, i: int) -> int:
    """How many components a discriminator stands for, checked."""
    outputs = ensembles.outputs_of(network)
    names = ensembles.output_names(network)
    if names[0] != ensembles.LOGITS or not (
        isinstance(outputs, dict) or len(network.outputs) == 1
    ):
        raise UserError(
            "`discriminator` must have one output, or a dict of outputs among "
            f"them `logits`. Received: discriminator {i} with outputs "
            f"{names if isinstance(outputs, dict) else network.outputs}"
        )
    shape = ensembles.output_shape(network)
    if len(shape) != 1 or not shape[0]:
        raise UserError(
            "`discriminator` must give logits of shape (batch, 1), or (batch, "
            f"K) for K discriminators in one. Received: discriminator {i} "
            f"with an output of shape {(None, *shape)}"
        )
    for name in names[1:]:
        extra = ensembles.output_shape(network, name)
        if shape[0] > 1 and (not extra or extra[0] != shape[0]):
            raise UserError(
                "`discriminator` with K logits must give K of each output, "
                f"(batch, K, ...). Received: discriminator {i} with K="
                f"{shape[0]} and `{name}` of shape {(None, *extra)}"
            )
    return shape[0]


def _check_apart(networks: list, side: str) -> None:
    """Checks that no two networks share a variable.

    Each would update it once more a step.
    """
    if len({id(network) for network in networks}) != len(networks):
        raise UserError(
            f"`{side}` must give {len(networks)} networks of their own. "
            "Received the same model more than once; pass it alone to have it "
            "cloned."
        )
    owner = {}
    for i, network in enumerate(networks):
        for variable in network.variables:
            first = owner.setdefault(id(variable), i)
            if first != i:
                raise UserError(
                    f"`{side}` must list networks that share no layer. "
                    f"Received: {side} {first} and {i}, which share "
                    f"{variable.path}"
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


def check_fit(
    generators: list,
    discriminators: list,
    latents: tuple | None = None,
    images: tuple | None = None,
) -> None:
    """Checks that every generator fits every discriminator.

    Args:
        generators: Models of one input (latents (B, L)) or two (and labels
            (B,)).
        discriminators: Models of one input (images) or two (and labels
            (B,)), with logits (B, 1) or (B, K), alone or in a dict.
        latents: What the user said of the shape of a latent vector.
        images: The same of an image.

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
    made = tuple(generators[0].outputs[0].shape[1:])
    taken = tuple(discriminators[0].inputs[0].shape[1:])
    if None in made:
        raise UserError(
            "`generator` must make images of one known size; where it does not "
            f"tell it, give `image_shape`. Received: output shape {made}"
        )
    if len(made) != len(taken) or any(
        t not in (None, m) for m, t in zip(made, taken, strict=True)
    ):
        raise UserError(
            "`discriminator` must take what `generator` makes. Received: "
            f"generator output {made}, discriminator input {taken}"
        )
    found = tuple(generators[0].inputs[0].shape[1:])
    for name, given, own in (
        ("latent_dim", latents, found),
        ("image_shape", images, made),
    ):
        if given not in (None, own):
            raise UserError(
                f"`{name}` must be that of the networks, {own}. Received: "
                f"{given}"
            )
    counts = len(generators[0].inputs), len(discriminators[0].inputs)
    # An auxiliary classifier tells the class from the image alone.
    classifies = "class_logits" in ensembles.output_names(discriminators[0])
    if counts[0] != counts[1] and not (counts == (2, 1) and classifies):
        raise UserError(
            "`generator` and `discriminator` must both take labels, or "
            "neither; only a discriminator with an output `class_logits` may "
            f"do without. Received: {counts[0]} inputs of the generator, "
            f"{counts[1]} of the discriminator"
        )


def _check_inputs(network, side: str, i: int) -> None:
    shapes = [tuple(x.shape) for x in network.inputs]
    first = "latents (batch, latent_dim)"
    right = len(shapes[0]) == 2 and shapes[0][1] is not None
    if side == "discriminator":
        first, right = "images (batch, ...)", len(shapes[0]) >= 2
    if len(shapes) > 2 or not right or (shapes[1:] not in ([], [(None,)])):
        raise UserError(
            f"`{side}` must take {first}, or [{first}, labels (batch,)]. "
            f"Received: {side} {i} with inputs of shapes {shapes}"
        )
    if side == "generator" and len(network.outputs) != 1:
        raise UserError(
            f"`{side}` must have one output. Received: {side} {i} with "
            f"{len(network.outputs)} outputs"
        )


def _check_precision(network, side: str, i: int) -> None:
    dtypes = {layer.compute_dtype for layer in network._flatten_layers()}
    if "float64" in dtypes:
        raise UserError(
            f"`{side}` must not compute in float64: images, latents and "
            "mixture weights are float32. Build it under the policy `float32`. "
            f"Received: {side} {i} with float64 layers"
        )
    if "float16" in dtypes:
        raise UserError(
            f"`{side}` must not compute in float16, whose gradients vanish "
            "without loss scaling; use the policy `mixed_bfloat16`. Received: "
            f"{side} {i} with float16 layers"
        )


def _check_alike(network, first, side: str, i: int) -> None:
    def shapes(model):
        """Without the number of heads, which may differ."""
        found = [tuple(x.shape[1:]) for x in model.inputs]
        if side == "generator":
            return [*found, *(tuple(x.shape[1:]) for x in model.outputs)]
        several = ensembles.output_shape(model)[0] > 1
        for name in ensembles.output_names(model)[1:]:
            shape = ensembles.output_shape(model, name)
            found.append((name, *shape[several:]))
        return found

    if shapes(network) != shapes(first):
        raise UserError(
            f"`{side}` must give networks of the same inputs and outputs. "
            f"Received: {side} 0 with {shapes(first)}, {side} {i} with "
            f"{shapes(network)}"
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
        raise UserError(
            "`num_classes` must be a positive integer or None. Received: "
            f"num_classes={given!r}"
        )
    if len(generators[0].inputs) < 2:
        raise UserError(
            "`num_classes` must be None for networks that take no labels. "
            f"Received: num_classes={given!r}"
        )
    found = _embedded_classes(generators[0])
    if found is not None and given > found:
        raise UserError(
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
