"""What a named architecture is: two builders and their published training."""

import dataclasses
import types
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A pair of network builders and the training they were published with.

    Attributes:
        name: Name in `ARCHITECTURES`.
        generator: Builds a generator; takes `image_shape`, `latent_dim`,
            `num_classes` and `width`.
        discriminator: Builds a discriminator; takes `image_shape`,
            `num_classes` and `width`, and `latent_dim` if it reconstructs
            latents.
        image_shapes: Shapes of one example that the pair is tested with.
        training: Read-only defaults of this base GAN. `payoff`,
            `optimizer` and `learning_rate` are always there; `beta_1`,
            `beta_2`, `rho`, `epsilon`, `discriminator_learning_rate`,
            `discriminator_steps`, `weight_clip`, `gradient_penalty`,
            `generator_loss`, `schedule` and `auxiliary` only where they
            apply.
        mixture: Read-only settings of `keras-mixgan train` for a mixture of
            this base GAN, if races found better ones than three generators
            against three discriminators.
        generator_cut: Name of the last layer that generators own if they
            share the rest.
        discriminator_cut: Name of the last layer that discriminators share.
            The heads after it are not linear: the mean logit of linear heads
            would judge at least as well as their mixture. `None` if the
            discriminators cannot be cut.
        labels_to: Networks that take labels if there are classes:
            `"generator"`, `"discriminator"`. A discriminator without labels
            has an output `class_logits`.
    """

    name: str
    generator: Callable[..., keras.Model]
    discriminator: Callable[..., keras.Model]
    image_shapes: tuple[tuple[int, ...], ...]
    training: Mapping[str, Any]
    mixture: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({})
    )
    generator_cut: str = "start"
    discriminator_cut: str | None = "stage_0"
    labels_to: tuple[str, ...] = ("generator", "discriminator")
