"""Checks that the networks of both sides fit each other."""

from keras_mixgan.game import ensembles
from keras_mixgan.utils.errors import UserError


def check(
    generators: list,
    discriminators: list,
    latents: tuple | None = None,
    images: tuple | None = None,
    shared: tuple = (None, None),
) -> None:
    """Checks that every generator fits every discriminator.

    Components of one side must have the same inputs and outputs. `latents` and
    `images` are the shapes of one of each, as the user gave them; `shared` has
    the `Shared` parts of each side.
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
            "`generator` must make images of known size; if its output leaves "
            f"it open, pass `image_shape`. Received: output shape {made}"
        )
    if len(made) != len(taken) or any(
        t not in (None, m) for m, t in zip(made, taken, strict=True)
    ):
        raise UserError(
            "`discriminator` must take what `generator` makes. Received: "
            f"generator output {made}, discriminator input {taken}"
        )
    latent_shape = tuple(generators[0].inputs[0].shape[1:])
    for name, given, own in (
        ("latent_dim", latents, latent_shape),
        ("image_shape", images, made),
    ):
        if given not in (None, own):
            raise UserError(
                f"`{name}` must match the networks, {own}. Received: {given}"
            )
    coded = ensembles.takes_codes(discriminators[0])
    if coded:
        makers, judges = shared
        _check_codes(
            generators if makers is None else [makers.body],
            discriminators if judges is None else judges.own,
        )
    counts = (
        len(generators[0].inputs),
        len(discriminators[0].inputs) - coded,
    )
    # An auxiliary classifier predicts the class from the image alone.
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
    second = [(None,)]
    if side == "discriminator" and ensembles.takes_codes(network):
        second = [shape for shape in shapes[1:] if len(shape) == 2]
    if len(shapes) > 2 or not right or (shapes[1:] not in ([], second)):
        raise UserError(
            f"`{side}` must take {first}, or [{first}, labels (batch,)]. "
            f"Received: {side} {i} with inputs of shapes {shapes}"
        )
    if side == "generator" and len(network.outputs) != 1:
        raise UserError(
            f"`{side}` must have one output. Received: {side} {i} with "
            f"{len(network.outputs)} outputs"
        )


def _check_codes(generators: list, discriminators: list) -> None:
    """Checks the shape of codes, and that image outputs ignore them."""
    taken = tuple(discriminators[0].inputs[1].shape[1:])
    for i, network in enumerate(generators):
        codes = ensembles.codes_of(network)
        shape = None if codes is None else tuple(codes.shape[1:])
        if shape != taken:
            raise UserError(
                "`generator` must have a layer `codes` whose output fits the "
                f"discriminators' input `codes`, {taken}. Received: "
                f"generator {i} with "
                + ("no such layer" if shape is None else f"{shape}")
            )
    for i, network in enumerate(discriminators):
        outputs = ensembles.outputs_of(network)
        if not isinstance(outputs, dict) or "code_logits" not in outputs:
            raise UserError(
                "`discriminator` that takes `codes` must have an output "
                f"`code_logits`. Received: discriminator {i} with outputs "
                f"{', '.join(ensembles.output_names(network))}"
            )
        try:
            ensembles.without_codes(network)
        except ValueError as error:
            raise UserError(
                "`discriminator` that takes `codes` must compute all outputs "
                "without the prefix `code_` from the image alone. Received: "
                f"discriminator {i} with outputs "
                f"{', '.join(ensembles.output_names(network))}, one of which "
                "depends on both"
            ) from error


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

    variables = {layer.variable_dtype for layer in network._flatten_layers()}
    if "bfloat16" in variables:
        raise UserError(
            f"`{side}` must not have bfloat16 weights, which lose small "
            "updates; use the policy `mixed_bfloat16`, whose weights are "
            f"float32. Received: {side} {i} with bfloat16 weights"
        )


def _check_alike(network, first, side: str, i: int) -> None:
    def shapes(model):
        """Shapes of inputs and outputs, without the number of heads."""
        listed = [tuple(x.shape[1:]) for x in model.inputs]
        if side == "generator":
            return [*listed, *(tuple(x.shape[1:]) for x in model.outputs)]
        several = ensembles.output_shape(model)[0] > 1
        for name in ensembles.output_names(model)[1:]:
            shape = ensembles.output_shape(model, name)
            listed.append((name, *shape[several:]))
        return listed

    if shapes(network) != shapes(first):
        raise UserError(
            f"`{side}` must give networks of the same inputs and outputs. "
            f"Received: {side} 0 with {shapes(first)}, {side} {i} with "
            f"{shapes(network)}"
        )
