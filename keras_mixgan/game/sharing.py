"""Networks of one side that share a body.

Generators own their layers up to a named one and share the rest; all images
of a step pass through the shared rest in one call. Discriminators share a body
up to a named layer and own their heads, the layers after it; the body is run
once on all images. So T components cost about as much as one (MGAN, Hoang et
al. 2018, shares the generators' decoder in this way).

For frozen bodies the theory holds, counting only the parameters that a
component owns (arXiv:1703.00573, Theorem 4.2). A trained body is a pure
strategy of the whole side, which no existence theorem covers.
"""

import dataclasses

import keras

from keras_mixgan.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Shared:
    """The networks of one side that share a body.

    Attributes:
        own: What each component owns: first layers of generators, heads of
            discriminators.
        body: What they share.
        side: `"generator"` or `"discriminator"`.
    """

    own: list[keras.Model]
    body: keras.Model
    side: str

    @property
    def parts(self) -> list[keras.Model]:
        """All parts, each once."""
        return [*self.own, self.body]

    def joined(self) -> list[keras.Model]:
        """A whole network for each component, with the same variables."""
        return [self._join(own, i) for i, own in enumerate(self.own)]

    def _join(self, own: keras.Model, i: int) -> keras.Model:
        parts = [own, self.body]
        if self.side == "discriminator":
            parts.reverse()
        first, second = parts
        first_takes_labels = len(first.inputs) > 1
        inputs = [_input_like(x) for x in first.inputs]
        if not first_takes_labels and len(second.inputs) > 1:
            inputs.append(_input_like(second.inputs[1]))
        hidden = first(inputs if first_takes_labels else inputs[0])
        taken = [hidden, inputs[-1]] if len(second.inputs) > 1 else hidden
        return keras.Model(
            inputs if len(inputs) > 1 else inputs[0],
            second(taken),
            name=f"{self.side}_{i}",
        )


def share(networks: list[keras.Model], layer: str, side: str) -> Shared:
    """Cuts networks of the same layers in two, and shares one part.

    Generators share the layers after `layer`, discriminators those up to it.
    The shared part is the first network's.
    """
    cuts = [cut(network, layer, side) for network in networks]
    if side == "generator":
        return Shared([first for first, _ in cuts], cuts[0][1], side)
    return Shared([second for _, second in cuts], cuts[0][0], side)


def cut(network: keras.Model, layer: str, side: str) -> tuple:
    """Cuts a Functional or Sequential model after a layer.

    Returns two models: from the inputs to the layer's output, and from that
    output (and the labels, if read) to the outputs. The layer must separate
    the network in two. `side` is named in errors.
    """
    names = [x.name for x in network.layers]
    if layer not in names:
        raise UserError(
            f"`share_{side}s` must be the name of a layer of the {side}, one "
            f"of {', '.join(names)}. Received: share_{side}s={layer!r}"
        )
    hidden = network.get_layer(layer).output
    outputs = network.outputs[0]
    if not isinstance(network, keras.Sequential):
        outputs = network.output
    inputs, labels = network.inputs, network.inputs[1:]
    # `second` before `first`: for a model that begins in the middle Keras adds
    # a node to the labels' layer, and models made before no longer find theirs.
    second = _model_of([[hidden], [hidden, *labels]], outputs)
    first = _model_of([inputs[:1], inputs], hidden)
    if first is None or second is None or hidden is outputs:
        raise UserError(
            f"`share_{side}s` must name a layer that is not the last and that "
            f"everything except labels passes through. Received: "
            f"share_{side}s={layer!r}"
        )
    return first, second


def _input_like(x):
    return keras.Input(x.shape[1:], dtype=x.dtype, name=x.name)


def _model_of(candidates: list, outputs) -> keras.Model | None:
    """A model of the first candidate inputs that determine the outputs."""
    for inputs in candidates:
        try:
            return keras.Model(
                inputs if len(inputs) > 1 else inputs[0], outputs
            )
        except ValueError:
            continue
    return None
