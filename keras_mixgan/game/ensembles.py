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

LOGITS = "logits"


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What all discriminators say of N images.

    Attributes:
        logits: Float tensor (N, T).
        extras: Further named outputs, float tensors (N, T, ...).
    """

    logits: Any
    extras: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def beside(cls, columns: list["Outputs"]) -> "Outputs":
        """Joins what several discriminators say, (N, 1) each."""
        return cls(
            ops.concatenate([one.logits for one in columns], axis=1),
            {
                name: ops.concatenate([x.extras[name] for x in columns], axis=1)
                for name in columns[0].extras
            },
        )

    def split(self, size) -> tuple["Outputs", "Outputs"]:
        """Cuts after the first `size` images."""
        extras = self.extras.items()
        return (
            Outputs(self.logits[:size], {k: x[:size] for k, x in extras}),
            Outputs(self.logits[size:], {k: x[size:] for k, x in extras}),
        )


class Ensemble:
    """The networks of one side and their mixture logits.

    Args:
        networks: Keras models, one a component (or more, see `width`).
        mixture_logits: Keras variable (T,).
        shared: Where the networks share a body, their parts.
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

    def __getitem__(self, index: int) -> keras.Model:
        """Component `index` as a Keras model with one output.

        A discriminator's are logits (B, 1): one head of a network that has
        several, without the extra outputs. Weights are shared.
        """
        return self.components[index]

    @functools.cached_property
    def components(self) -> list[keras.Model]:
        """All components, see `__getitem__`."""
        found = []
        for network, width in zip(self.networks, self.widths, strict=True):
            if width == 1 and not isinstance(outputs_of(network), dict):
                found.append(network)
            else:
                found += [_head(network, index) for index in range(width)]
        return found

    @staticmethod
    def width(network: keras.Model) -> int:
        """How many components a network stands for."""
        return 1

    @property
    def trainable_variables(self) -> list:
        """What the side trains, mixture logits first, each variable once."""
        found = {id(self.mixture_logits): self.mixture_logits}
        for part in self.parts:
            found |= {id(v): v for v in part.trainable_variables}
        return list(found.values())

    def unit(self, part: keras.Model) -> float:
        """The inverse of the weight that a part has in a uniform mixture.

        Gradients are taken in these units, so that a component moves as it
        would alone, whatever T and the optimizer.
        """
        if self.shared is not None and part is self.shared.body:
            return 1.0
        return len(self) / self.width(part)

    @property
    def units(self) -> list[float]:
        """The unit of each of `trainable_variables`; of mixture logits 1."""
        of_parts = {
            id(v): self.unit(part)
            for part in self.parts
            for v in part.trainable_variables
        }
        return [of_parts.get(id(v), 1.0) for v in self.trainable_variables]

    def losses(self):
        """Regularisers that the layers of the networks carry, summed.

        Each divided by the unit of its network, which it is to have alone.
        """
        return sum(sum(part.losses) / self.unit(part) for part in self.parts)


class Generators(Ensemble):
    """The generators' side."""

    def __call__(self, executor, latents: list, labels: list | None):
        """Makes images in training mode, one generator after the other.

        Args:
            executor: The `Executor` of the step.
            latents: A float tensor (n_i, latent_dim) for each generator.
            labels: An int tensor (n_i,) for each; `None` without labels.

        Returns:
            Float tensor (sum of n_i, ...).
        """
        made = []
        own = self.networks if self.shared is None else self.shared.own
        each = labels or [None] * len(latents)
        for network, z, y in zip(own, latents, each, strict=True):
            z = executor.lay_out(z)
            with groups([ops.shape(z)[0]]):
                made.append(executor.call(network, _joined(network, z, y)))
        images = ops.concatenate(made)
        if self.shared is not None:
            body = self.shared.body
            y = ops.concatenate(labels) if labels else None
            with groups([ops.shape(images)[0]]):
                images = executor.call(body, _joined(body, images, y))
        return ops.cast(images, "float32")


class Discriminators(Ensemble):
    """The discriminators' side. A network with K logits is K components."""

    @staticmethod
    def width(network: keras.Model) -> int:
        """See `Ensemble.width`."""
        return output_shape(network)[0]

    def __call__(
        self, executor, images, labels, sizes: list, only: int | None = None
    ) -> Outputs:
        """Judges images in training mode, each network in one call.

        Args:
            executor: The `Executor` of the step.
            images: Float tensor (N, ...).
            labels: Int tensor (N,), or `None`.
            sizes: Images of each source (real, or one generator's), in order;
                batch normalization keeps them apart.
            only: The number of one discriminator to ask alone.

        Returns:
            The `Outputs`, float32.
        """
        images = executor.lay_out(images)
        found, start = [], 0
        with groups(sizes):
            networks = self.networks
            if self.shared is not None:
                networks, body = self.shared.own, self.shared.body
                images = executor.call(body, _joined(body, images, labels))
            for network, width in zip(networks, self.widths, strict=True):
                end = start + width
                if only is None or start <= only < end:
                    inputs = _joined(network, images, labels)
                    outputs = _with_heads(executor.call(network, inputs), width)
                    if only is not None:
                        head = slice(only - start, only - start + 1)
                        outputs = {k: x[:, head] for k, x in outputs.items()}
                    found.append(outputs)
                start = end
        columns = {
            name: ops.concatenate([one[name] for one in found], axis=1)
            for name in found[0]
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


def _joined(network: keras.Model, x, labels):
    """What a network is called with: labels only where it takes them."""
    return [x, labels] if len(network.inputs) > 1 else x


def _with_heads(outputs, width: int) -> dict:
    """Named outputs, float32 with an axis of `width` heads after the batch."""
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
    """The model of one of a network's logits, (B, 1)."""
    outputs = outputs_of(network)
    logits = outputs[LOGITS] if isinstance(outputs, dict) else outputs
    return keras.Model(
        network.inputs,
        logits[:, index : index + 1],
        name=f"{network.name}_head_{index}",
    )
