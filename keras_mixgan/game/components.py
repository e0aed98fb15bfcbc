"""Makes and checks the component networks of one side."""

import contextlib
import inspect
import random
from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_mixgan.game import adapting
from keras_mixgan.game import ensembles
from keras_mixgan.game import sharing
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

Networks = keras.Model | Callable[[], keras.Model] | Sequence[keras.Model]


@contextlib.contextmanager
def seeded(seed: str):
    """Context in which Keras's default seeds follow from `seed` alone.

    Keras draws the seed of every initializer and random layer without one from
    Python's `random` when the object is made. The state of `random` is
    restored afterwards.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def clone(network: keras.Model, name: str) -> keras.Model:
    """Clones a Functional or Sequential model with fresh initial weights.

    They are drawn anew even if the network's initializers had fixed seeds.
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
    """Makes the component networks of one side, and their `Shared` parts.

    A model is cloned, a function is called once per network, and the models of
    a list are used as they are. A discriminator with K logits is K components.
    `number` counts components; by default there are as many as the list has,
    else three, or K if one network is K of them. All initial weights follow
    from `seed`. `share` names the layer at which the networks are cut, see
    `sharing`; with `None` they share nothing, and there are no `Shared` parts.
    """
    if isinstance(networks, sharing.Shared):  # from a saved model
        return _adopted(networks, executor)
    _check_kind(networks, number, side)
    if share is not None and isinstance(networks, Sequence):
        raise UserError(
            f"`share_{side}s` must come with one model, or a function that "
            f"builds one. Received: a list of {len(networks)} models"
        )
    if isinstance(networks, keras.Model):
        adapting.check_clonable(networks)
        # `adapt` may call it; draws must not change the state of `random`.
        with seeded(f"{seed}/{side}"):
            networks = adapting.adapt(networks, side, sample)
    made, count = [], 0
    wanted = len(networks) if isinstance(networks, Sequence) else None
    while len(made) != wanted:
        i = len(made)
        # Each component of either side has a different seed.
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
    listed = isinstance(networks, Sequence) and not isinstance(networks, str)
    if not (listed or callable(networks)):
        raise TypeError(
            f"`{side}` must be a Keras model, a function that builds one, or "
            f"a list of models. Received: {side}={networks!r}"
        )
    checks.optional_integer(f"num_{side}s", number)
    if isinstance(networks, Sequence) and not len(networks):
        raise UserError(
            f"`{side}` must list at least one model. Received: an empty list"
        )


def _check_number(right: bool, number, given: int, side: str) -> None:
    if not right:
        raise UserError(
            f"`num_{side}s` must match the components in `{side}`. Received: "
            f"num_{side}s={number}, and networks with {given} components"
            + (", one for each logit" if side == "discriminator" else "")
        )


def _num_logits(network: keras.Model, i: int) -> int:
    """Checks a discriminator's outputs; returns its number of components."""
    outputs = ensembles.outputs_of(network)
    names = ensembles.output_names(network)
    if names[0] != ensembles.LOGITS or not (
        isinstance(outputs, dict) or len(network.outputs) == 1
    ):
        raise UserError(
            "`discriminator` must have one output, or a dict of outputs with "
            f"`logits`. Received: discriminator {i} with outputs "
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
                "`discriminator` with K logits must have outputs of shape "
                f"(batch, K, ...). Received: discriminator {i} with K="
                f"{shape[0]} and `{name}` of shape {(None, *extra)}"
            )
    return shape[0]


def _check_apart(networks: list, side: str) -> None:
    """Checks that no two networks share a variable.

    Each of them would update it in every step.
    """
    if len({id(network) for network in networks}) != len(networks):
        raise UserError(
            f"`{side}` must list {len(networks)} different models. Received: "
            "the same model more than once; pass it alone to have it cloned"
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


def check_sides_apart(generators: list, discriminators: list) -> None:
    """Checks that the two sides share no variable, which both would train."""
    made = {id(v): i for i, x in enumerate(generators) for v in x.variables}
    for i, network in enumerate(discriminators):
        for variable in network.variables:
            if id(variable) in made:
                raise UserError(
                    "`discriminator` must share no layer with `generator`. "
                    f"Received: generator {made[id(variable)]} and "
                    f"discriminator {i}, which share {variable.path}"
                )


def _fresh_layer(layer):
    config = _without_seeds(layer.get_config(), _draws(type(layer)))
    return layer.__class__.from_config(config)


def _draws(cls: type | None) -> bool:
    """Whether the `seed` of a class is that of Keras's random draws.

    A user's own layer may make anything of its `seed`.
    """
    if cls is None or issubclass(cls, keras.initializers.Initializer):
        return cls is not None
    return any(
        base.__module__.partition(".")[0] in ("keras", "keras_mixgan")
        and "seed" in inspect.signature(base.__init__).parameters
        for base in cls.__mro__
    )


def _without_seeds(config, drawing: bool):
    """Drops the integer seeds of random draws from a configuration."""
    if isinstance(config, dict):
        if "class_name" in config:
            name = config.get("registered_name") or config["class_name"]
            known = str(config.get("module")).partition(".")[0] == "keras"
            drawing = known or _draws(keras.saving.get_registered_object(name))
        return {
            key: None
            if drawing and key == "seed" and isinstance(value, int)
            else _without_seeds(value, drawing)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_without_seeds(value, drawing) for value in config)
    return config


def num_classes(
    generators: list, discriminators: list, given: int | None
) -> int | None:
    """The number of classes of a conditional mixture.

    It is `given`, or the size of the generator's label embedding or encoding,
    which `given` must not exceed; `None` without labels, or if unknown. The
    discriminators that take labels must know as many.
    """
    count = _classes_of_generators(generators, given)
    for i, network in enumerate(discriminators):
        embedded = _embedded_classes(network)
        if count is not None and embedded is not None and embedded < count:
            raise UserError(
                f"`discriminator` must know the {count} classes of the "
                f"generators. Received: discriminator {i}, whose label "
                f"embedding has {embedded}"
            )
    return count


def _classes_of_generators(generators: list, given: int | None) -> int | None:
    if given is None:
        return _embedded_classes(generators[0])
    given = checks.integer("num_classes", given)
    if len(generators[0].inputs) < 2:
        raise UserError(
            "`num_classes` must be None for networks that take no labels. "
            f"Received: num_classes={given!r}"
        )
    embedded = _embedded_classes(generators[0])
    if embedded is not None and given > embedded:
        raise UserError(
            f"`num_classes` must be at most {embedded}, the size of the "
            f"generator's label embedding. Received: num_classes={given}"
        )
    return given


def _embedded_classes(network) -> int | None:
    if len(network.inputs) < 2:
        return None
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Embedding):
            return layer.input_dim
        if isinstance(layer, keras.layers.CategoryEncoding):
            return layer.num_tokens
    return None
