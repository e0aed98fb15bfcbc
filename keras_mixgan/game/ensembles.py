"""The two sides of the game: networks, mixture logits, one call.

Arora et al. 2017 (arXiv:1703.00573), Section 5: a side is T networks u_1..u_T
and one vector of mixture logits alpha, trained together.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mixgan.game.normalization import groups
from keras_mixgan.game.sharing import Shared
from keras_mixgan.utils.errors import UserError

LOGITS = "logits"
CODES = "codes"
IMAGES = "images"


@dataclasses.dataclass(frozen=True)
class Outputs:
    """The outputs of all discriminators for N images.

    Attributes:
        logits: Float tensor (N, T).
        extras: Further named outputs, float tensors (N, T, ...).
    """

    logits: Any
    extras: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def beside(cls, columns: list["Outputs"]) -> "Outputs":
        """Joins the outputs of several discriminators, (N, 1) each."""
        return cls(
            ops.concatenate([one.logits for one in columns], axis=1),
            {
                name: ops.concatenate([x.extras[name] for x in columns], axis=1)
                for name in columns[0].extras
            },
        )

    def levels(self, name: str) -> list:
        """The outputs of a name, for codes (if judged) and for images.

        One or two float tensors (N, T, ...). The name of the output for codes
        has the prefix `code_`.
        """
        names = (f"code_{name}", name)
        return [self.extras[n] for n in names if n in self.extras]

    def split(self, size) -> tuple["Outputs", "Outputs"]:
        """Splits after the first `size` images."""
        extras = self.extras.items()
        return (
            Outputs(self.logits[:size], {k: x[:size] for k, x in extras}),
            Outputs(self.logits[size:], {k: x[size:] for k, x in extras}),
        )


class Ensemble:
    """The networks of one side and their mixture logits, a variable (T,).

    Each network is one component, or more, see `width`.
    """

    def __init__(
        self,
        networks: list[keras.Model],
        mixture_logits,
        shared: Shared | None = None,
    ):
        self.networks = list(networks)
        self.mixture_logits = mixture_logits
        self.shared = shared
        self.parts = self.networks if shared is None else shared.parts
        self.widths = [self.width(network) for network in self.networks]

    def __len__(self) -> int:
        return sum(self.widths)

    @functools.cached_property
    def components(self) -> list[keras.Model]:
        """All components as Keras models with one output.

        A discriminator's output is logits (B, 1) of one head, without extra
        outputs. Weights are shared.
        """
        models = []
        for network, width in zip(self.of_images, self.widths, strict=True):
            if width == 1 and not isinstance(outputs_of(network), dict):
                models.append(network)
            else:
                models += [_head(network, index) for index in range(width)]
        return models

    @property
    def of_images(self) -> list[keras.Model]:
        """The networks, without the input `codes`."""
        return self.networks

    @staticmethod
    def width(network: keras.Model) -> int:
        """The number of components in a network."""
        return 1

    @property
    def trainable_variables(self) -> list:
        """What the side trains, mixture logits first, each variable once."""
        variables = {id(self.mixture_logits): self.mixture_logits}
        for part in self.parts:
            variables |= {id(v): v for v in part.trainable_variables}
        return list(variables.values())

    def unit(self, part: keras.Model) -> float:
        """The inverse of a part's weight in a uniform mixture.

        Its gradients are multiplied by this, so that a component moves as it
        would alone, for every T and optimizer.
        """
        if self.shared is not None and part is self.shared.body:
            return 1.0
        return len(self) / self.width(part)

    @property
    def units(self) -> list[float]:
        """The unit of each of `trainable_variables`; 1 for mixture logits."""
        of_parts = {
            id(v): self.unit(part)
            for part in self.parts
            for v in part.trainable_variables
        }
        return [of_parts.get(id(v), 1.0) for v in self.trainable_variables]

    def losses(self):
        """Sum of the regularisers of the networks' layers.

        Each is divided by its network's unit, which multiplies its gradient.
        """
        return sum(sum(part.losses) / self.unit(part) for part in self.parts)


class Generators(Ensemble):
    """The generators' side."""

    def __init__(self, networks, mixture_logits, shared=None):
        super().__init__(networks, mixture_logits, shared)
        self.own = self.networks if shared is None else shared.own
        self.body = None if shared is None else shared.body

    def give_codes(self, executor) -> None:
        """Makes every call also return the output of layer `codes`."""
        if self.body is not None:
            self.body = _with_codes(self.body)
            executor.adopt(self.body, 0)
            return
        self.own = [_with_codes(network) for network in self.own]
        for i, network in enumerate(self.own):
            executor.adopt(network, i)

    def __call__(self, executor, latents: list, labels: list | None) -> tuple:
        """Makes images in training mode, one generator after the other.

        Generator i takes latents (n_i, latent_dim), and int labels (n_i,) if
        there are any. Returns float32 images (N, ...) and codes (N, F), where N
        is the sum of n_i; codes are `None` without `give_codes`.
        """
        parts = []
        each = labels or [None] * len(latents)
        for network, z, y in zip(self.own, latents, each, strict=True):
            z = executor.lay_out(z)
            with groups([ops.shape(z)[0]]):
                parts.append(executor.call(network, _joined(network, z, y)))
        made = keras.tree.map_structure(
            lambda *rows: ops.concatenate(rows), *parts
        )
        if self.body is not None:
            y = ops.concatenate(labels) if labels else None
            with groups([ops.shape(made)[0]]):
                made = executor.call(self.body, _joined(self.body, made, y))
        if not isinstance(made, dict):
            return ops.cast(made, "float32"), None
        return tuple(ops.cast(made[x], "float32") for x in (IMAGES, CODES))


class Discriminators(Ensemble):
    """The discriminators' side. A network with K logits is K components."""

    @staticmethod
    def width(network: keras.Model) -> int:
        """See `Ensemble.width`."""
        return output_shape(network)[0]

    @property
    def take_codes(self) -> bool:
        """Whether they judge codes as well as images."""
        return takes_codes(self.networks[0])

    @functools.cached_property
    def of_images(self) -> list[keras.Model]:
        """See `Ensemble.of_images`."""
        if not self.take_codes:
            return self.networks
        if self.shared is None:
            return [without_codes(network) for network in self.networks]
        own = [without_codes(part) for part in self.shared.own]
        return dataclasses.replace(self.shared, own=own).joined()

    def __call__(
        self, executor, images, beside, sizes: list, only: int | None = None
    ) -> Outputs:
        """Judges images (N, ...) in training mode, each network in one call.

        `beside` is the second input: int labels (N,), float codes (N, F), or
        `None`. `sizes` counts the images of each source (real, or one
        generator), in order; batch normalization keeps them apart. `only` is
        the index of the only discriminator to call. Outputs are float32.
        """
        images = executor.lay_out(images)
        answers, start = [], 0
        with groups(sizes):
            networks = self.networks
            if self.shared is not None:
                networks, body = self.shared.own, self.shared.body
                images = executor.call(body, _joined(body, images, beside))
            for network, width in zip(networks, self.widths, strict=True):
                end = start + width
                if only is None or start <= only < end:
                    inputs = _joined(network, images, beside)
                    outputs = _with_heads(executor.call(network, inputs), width)
                    if only is not None:
                        head = slice(only - start, only - start + 1)
                        outputs = {k: x[:, head] for k, x in outputs.items()}
                    answers.append(outputs)
                start = end
        columns = {
            name: ops.concatenate([one[name] for one in answers], axis=1)
            for name in answers[0]
        }
        return Outputs(columns.pop(LOGITS), columns)


def outputs_of(network: keras.Model):
    """A network's symbolic output: a tensor, or a dict of them."""
    if isinstance(network, keras.Sequential):
        return network.outputs[0]
    return network.output


def output_names(network: keras.Model) -> list[str]:
    """The names of a discriminator's outputs, `logits` first."""
    structure = outputs_of(network)
    if not isinstance(structure, dict):
        return [LOGITS]
    return sorted(structure, key=lambda name: (name != LOGITS, name))


def output_shape(network: keras.Model, name: str = LOGITS) -> tuple:
    """The shape of one output of a network, without the batch."""
    structure = outputs_of(network)
    if isinstance(structure, dict):
        structure = structure[name]
    return tuple(structure.shape[1:])


def length_of(network: keras.Model, name: str) -> int:
    """The length of an output that is a vector for each head; checks that."""
    shape = output_shape(network, name)
    heads = 1 if Discriminators.width(network) == 1 else 2
    if len(shape) != heads:
        raise UserError(
            f"`{name}` must be a vector for each image and each discriminator. "
            f"Received: {network.name} with `{name}` of shape {(None, *shape)}"
        )
    return shape[-1]


def takes_codes(network: keras.Model) -> bool:
    """Whether a discriminator's second input is `codes`, and not labels."""
    return any(x.name == CODES for x in network.inputs[1:])


def without_codes(network: keras.Model) -> keras.Model:
    """Removes the input `codes`, and outputs that begin with `code_`.

    Raises `ValueError` if another output depends on codes.
    """
    outputs = {
        name: output
        for name, output in outputs_of(network).items()
        if not name.startswith("code_")
    }
    return keras.Model(network.inputs[0], outputs, name=network.name)


def _joined(network: keras.Model, x, beside):
    """A network's inputs: labels or codes only if it takes them."""
    return [x, beside] if len(network.inputs) > 1 else x


def codes_of(network: keras.Model):
    """Symbolic output of a generator's layer `codes`; `None` without one."""
    # Not `layer.output`: another network may use the layer, too.
    graph = getattr(network, "_functional", network)
    nodes = (x for depth in graph._nodes_by_depth.values() for x in depth)
    codes = (x.outputs[0] for x in nodes if x.operation.name == CODES)
    return next(codes, None)


def _with_codes(network: keras.Model) -> keras.Model:
    """Adds codes to the outputs of a generator or a body."""
    outputs = {IMAGES: network.outputs[0], CODES: codes_of(network)}
    return keras.Model(network.input, outputs, name=network.name)


def _with_heads(outputs, width: int) -> dict:
    """Outputs by name, float32, with an axis of heads after the batch."""
    if not isinstance(outputs, dict):
        outputs = {LOGITS: outputs}
    outputs = {name: ops.cast(x, "float32") for name, x in outputs.items()}
    if width > 1:
        return outputs
    return {
        name: x if name == LOGITS else ops.expand_dims(x, 1)
        for name, x in outputs.items()
    }


def _head(network: keras.Model, index: int) -> keras.Model:
    """A model of one logit of a network, (B, 1)."""
    outputs = outputs_of(network)
    logits = outputs[LOGITS] if isinstance(outputs, dict) else outputs
    return keras.Model(
        network.inputs,
        logits[:, index : index + 1],
        name=f"{network.name}_head_{index}",
    )
