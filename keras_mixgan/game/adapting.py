"""Converts users' networks to Functional models of one form.

Generators map latents (B, L), or [latents, labels (B,) int], to images.
Discriminators map images, or [images, labels], to logits (B, K), alone or in
a dict. Subclassed models are called once on symbolic inputs. Keras layers
around a network convert labels and logits of other forms; variables are shared.
"""

import dataclasses

import keras

from keras_mixgan.game import ensembles
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

_FIRST = {"generator": "latents", "discriminator": "images"}
_ARGUMENT = {"generator": "latent_dim", "discriminator": "image_shape"}


@dataclasses.dataclass(frozen=True)
class Sample:
    """Shapes for calling networks that do not declare their inputs.

    Attributes:
        shape: Shape of a latent vector or an image; `None` if unknown.
        labels: Whether the networks take labels.
        made: Shape of the images of a generator whose output leaves it open;
            `None` if unknown.
    """

    shape: tuple | None = None
    labels: bool = False
    made: tuple | None = None


def shapes(latent_dim, image_shape) -> tuple:
    """Checks the shapes of a latent vector and of an image; `None` stays.

    Example:
    >>> shapes(16, [28, 28, 1])
    ((16,), (28, 28, 1))
    """
    if latent_dim is not None:
        latent_dim = (checks.integer("latent_dim", latent_dim),)
    if image_shape is not None:
        try:
            image_shape = tuple(
                checks.integer("image_shape", n) for n in image_shape
            )
        except (TypeError, ValueError) as error:
            raise UserError(
                "`image_shape` must be positive integers, such as (28, 28, 1). "
                f"Received: image_shape={image_shape!r}"
            ) from error
    return latent_dim, image_shape


def adapt(network, side: str, sample: Sample) -> keras.Model:
    """Converts a network to a Functional model of the form of this file.

    A network that has the form is returned as it is. `sample` gives the shapes
    to call it with if it declares none.
    """
    if not isinstance(network, keras.Model):
        raise TypeError(
            f"`{side}` must give Keras models. Received: {network!r}"
        )
    if not _inputs(network):
        network = _called(network, side, sample)
    network = _with_class_numbers(_with_bare_output(network))
    if side == "generator":
        return _with_shape(network, sample.made)
    return _with_one_logit(network)


def check_clonable(network: keras.Model, reason: str | None = None) -> None:
    """Checks that a network can be rebuilt from its configuration.

    The error says `reason`, or how a mixture of it is made without.

    Keras's own `get_config` omits the constructor arguments of a subclassed
    model, so a copy would silently be a different network. Nested models are
    checked too.
    """
    for part in network._flatten_layers():
        if not isinstance(part, keras.Model) or _inputs(part):
            continue  # A clone has all of a Functional model's graph.
        where = getattr(type(part).get_config, "__module__", None) or ""
        is_own = where.partition(".")[0] != "keras"
        if not is_own and type(part) is not keras.Sequential:
            kind = type(part).__name__
            text = reason or (
                "to clone or save it with its arguments. Instead of one "
                "model, you can pass a function that builds it, such as "
                f"lambda: {kind}(...), or a list of models"
            )
            raise UserError(
                f"`get_config` must be defined by {kind} {text}. Received: a "
                f"{kind} without `get_config`"
            )


def keep_names(network: keras.Model, copy: keras.Model) -> None:
    """Gives the layers of a clone their original names, in place.

    Keras numbers the layers within a subclassed model anew, so they could not
    be matched.
    """
    pairs = zip(network._flatten_layers(), copy._flatten_layers(), strict=True)
    for layer, twin in pairs:
        if twin.weights:
            twin.name = layer.name


def _inputs(network) -> list:
    return getattr(network, "inputs", None) or []


def _called(network, side: str, sample: Sample) -> keras.Model:
    """Builds a Functional model by a symbolic call."""
    shape, label_shape = _seen_shapes(network)
    shape = sample.shape if shape is None else shape
    if shape is None:
        raise UserError(
            f"`{_ARGUMENT[side]}` must be given for a {side} whose inputs are "
            "unknown: a subclassed model, or a Sequential without "
            "`keras.Input`, that was never called. Received: "
            f"{type(network).__name__} {network.name!r}"
        )
    if label_shape is None and sample.labels and not network.built:
        label_shape = ()
    inputs = [keras.Input(shape, name=_FIRST[side])]
    if label_shape is not None:
        kind = "float32" if label_shape and label_shape[0] != 1 else "int32"
        inputs.append(keras.Input(label_shape, dtype=kind, name="labels"))
    argument = inputs if len(inputs) > 1 else inputs[0]
    try:
        outputs = network(argument)
    except Exception as error:
        shapes = " and ".join(str(tuple(x.shape)) for x in inputs)
        raise UserError(
            f"`{side}` must take {_FIRST[side]}, or [{_FIRST[side]}, labels] "
            f"in one argument. Received: {type(network).__name__} "
            f"{network.name!r}, which failed on {shapes}: {error}"
        ) from error
    if _inputs(network):  # A Sequential that the call has built.
        return network
    return keras.Model(argument, outputs, name=network.name)


def _seen_shapes(network) -> tuple:
    """Shapes of the first input and of the labels in an earlier call.

    Without the batch; each is `None` if unknown.
    """
    config = network.get_build_config() if network.built else None
    shapes = (config or {}).get("input_shape")
    if not shapes:
        return None, None
    if not isinstance(shapes[0], list | tuple):
        return tuple(shapes[1:]), None
    first, *rest = (tuple(shape[1:]) for shape in shapes)
    return first, (rest[0] if rest else None)


def _with_bare_output(network: keras.Model) -> keras.Model:
    """Takes the only output out of a list: `keras.Model(x, [y])`."""
    outputs = ensembles.outputs_of(network)
    if not isinstance(outputs, list | tuple) or len(outputs) != 1:
        return network
    inputs = network.inputs if len(network.inputs) > 1 else network.inputs[0]
    return keras.Model(inputs, outputs[0], name=network.name)


def _with_class_numbers(network: keras.Model) -> keras.Model:
    """Lets a network of (B, 1) or one-hot labels take class numbers (B,).

    One-hot labels are (B, K) with K > 1.
    """
    if len(network.inputs) != 2 or len(network.inputs[1].shape) != 2:
        return network
    if ensembles.takes_codes(network):
        return network
    first, old_labels = network.inputs
    inputs = [
        keras.Input(first.shape[1:], dtype=first.dtype),
        keras.Input((), dtype="int32", name="labels"),
    ]
    count = old_labels.shape[1]
    if count == 1:
        labels = keras.layers.Reshape((1,))(inputs[1])
    else:
        encode = keras.layers.CategoryEncoding(count, output_mode="one_hot")
        labels = encode(inputs[1])
    return keras.Model(inputs, network([inputs[0], labels]), name=network.name)


def _with_shape(network: keras.Model, made: tuple | None) -> keras.Model:
    """Sets the shape of the images if the network leaves it open."""
    output = network.outputs[0]
    if made is None or None not in output.shape[1:]:
        return network
    images = keras.layers.Reshape(made, dtype=output.dtype)(output)
    inputs = network.inputs if len(network.inputs) > 1 else network.inputs[0]
    return keras.Model(inputs, images, name=network.name)


def _free_name(network: keras.Model, name: str) -> str:
    """The name of a new layer; layers of one model must have different ones."""
    taken = {operation.name for operation in network.operations}
    while name in taken:
        name += "_"
    return name


def _with_one_logit(network: keras.Model) -> keras.Model:
    """Reshapes logits (B,) to (B, 1), and averages logits (B, h, w, 1).

    Isola et al. 2017 (arXiv:1611.07004), Section 3.2.2: the responses of a
    patch discriminator are averaged over the image.
    """
    outputs = ensembles.outputs_of(network)
    single = not isinstance(outputs, dict)
    if single and len(network.outputs) != 1:
        return network  # `components` raises the error.
    named = {ensembles.LOGITS: outputs} if single else dict(outputs)
    logits = named.get(ensembles.LOGITS)
    if logits is None:
        return network
    shape = tuple(logits.shape[1:])
    if shape == ():
        name = _free_name(network, "logit")
        logits = keras.layers.Reshape((1,), dtype=logits.dtype, name=name)(
            logits
        )
    elif len(shape) == 3 and shape[-1] == 1:
        logits = keras.layers.GlobalAveragePooling2D(
            data_format="channels_last",
            dtype="float32",
            name=_free_name(network, "mean_logit"),
        )(logits)
    else:
        return network
    named[ensembles.LOGITS] = logits
    inputs = network.inputs if len(network.inputs) > 1 else network.inputs[0]
    return keras.Model(inputs, logits if single else named, name=network.name)
