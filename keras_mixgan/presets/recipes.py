"""The settings that made the zoo's presets, by name.

A mixture's preset and its twin of one pair have the same data, networks,
optimizers, batch and seed. Where `steps` are the same too, the comparison is
that of Section 6 of the paper (arXiv:1703.00573). Otherwise both were trained
for the same seconds, and `steps` are those that seed 0 took; or, where rates
fall, those in which they reach 0.
"""

import types
from collections.abc import Mapping
from typing import Any

from keras_mixgan.utils.checks import one_of
from keras_mixgan.utils.errors import UserError

# As in the paper: components share nothing, and the payoff is the only loss.
_APART = {
    "share": "none",
    "payoff_estimate": "full",
    "auxiliary": (),
}
_DIGIT_SIZED = {
    **_APART,
    "architecture": "dcgan",
    "width": 16,
    "latent_dim": 64,
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "ema_decay": 0.998,
}
_MNIST = {"source": "mnist", **_DIGIT_SIZED}
# With the usual label embeddings generators of a mixture drew nearly one image
# of a class, and the pair did worse, see benchmarks/results.
_FASHION_MNIST = {
    **_DIGIT_SIZED,
    "source": "fashion_mnist",
    "architecture": "dcgan_small_labels",
}
# One pair with five times as many parameters, made by version 0.1.
_MNIST_5X = {
    **_MNIST,
    "width": 35,
    "generator_learning_rate": 4e-4,
    "discriminator_learning_rate": 4e-4,
    "ema_decay": 0.99,
    "steps": 2000,
}
# The preset `dcgan_mnist` trained further, alone or as copies of it. At
# constant rates the copies became worse than what they began with.
_LONGER = {
    "from_model": "dcgan_mnist",
    "source": "mnist",
    "learning_rate_schedule": "cosine",
}
# The mixture that won the race on Fashion-MNIST, see benchmarks/results. These
# are defaults too, but presets must not change when the defaults do.
_SHARED = {
    "num_discriminators": 1,
    "share": "generators",
    "payoff_estimate": "linear",
    "auxiliary": ("component_classifier:0.1",),
}
# RMSprop and clipping at 0.01 as in arXiv:1701.07875, at higher rates than its
# 5e-5, with which samples did not look like digits after 4,000 steps.
_WGAN = {
    **_APART,
    "source": "mnist",
    "architecture": "wgan",
    "conditional": False,
    "width": 16,
    "latent_dim": 64,
    "payoff_estimate": "linear",
    "generator_learning_rate": 1e-3,
    "discriminator_learning_rate": 3e-4,
    "ema_decay": 0.99,
}
# Without a source: users bring the images, which may not be passed on.
_FACES = {
    **_APART,
    "architecture": "dcgan",
    "conditional": False,
    "image_size": 64,
    "width": 32,
    "augment": True,
    "dtype": "mixed_bfloat16",
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "ema_decay": 0.999,
}
# After arXiv:1802.05957, setting C; with labels (arXiv:1802.05637), in
# bfloat16, with augmentation, half the latents, and an average that generates.
_CIFAR10 = {
    **_APART,
    "source": "cifar10",
    "architecture": "sngan",
    "payoff": "hinge",
    "width": 64,
    "latent_dim": 64,
    "augment": True,
    "dtype": "mixed_bfloat16",
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "ema_decay": 0.999,
}


# The presets of CIFAR-10 before these, from two hours of a CPU's core. With
# usual label embeddings three of five generators ended with one image a class.
# The pair has small ones too, with which it was at least level. Without
# augmentation neither improved after 1,440 of 4,320 seconds.
_CIFAR10_ON_A_CPU = {
    **_CIFAR10,
    "architecture": "dcgan_small_labels",
    "payoff": "log",
    "latent_dim": 100,
}


# The systems of the paper's Table 1, with their published losses and rates, but
# half or a quarter as wide, for a CPU, and with averages of generators, which
# none of them has; plain DCGAN at twice its learning rate.
_TABLE_1 = {
    "source": "cifar10",
    "payoff_estimate": "linear",
    "ema_decay": 0.99,
    "steps": 1000,
}
_DCGAN_CIFAR10 = {
    **_TABLE_1,
    **_APART,
    "architecture": "dcgan",
    "payoff_estimate": "linear",
    "width": 32,
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
}
_WGAN_CIFAR10 = {
    **_TABLE_1,
    "architecture": "wgan",
    "conditional": False,
    "width": 32,
}
_ACGAN = {**_TABLE_1, "architecture": "acgan", "width": 24}
_ACGAN_CBN = {**_ACGAN, "architecture": "acgan_cbn"}
# Needs the setting `encoder`, a file that tools/train_encoder.py makes.
_HUANG = {**_TABLE_1, "architecture": "dcgan_huang", "width": 32}
_HUANG_AS_RELEASED = {**_HUANG, "as_released": True}
# Mixtures of whole stacks; and of upper GANs over one lower GAN.
_SGAN = {**_TABLE_1, "architecture": "sgan", "width": 32}
_SGAN_TOP = {**_SGAN, "share": "both"}
_IMPROVED_GAN = {**_TABLE_1, "architecture": "improved_gan", "width": 32}
_SEMI_SUPERVISED = {
    **_IMPROVED_GAN,
    "architecture": "improved_gan_features",
    "labels_per_class": 400,
}
_STEINGAN = {**_TABLE_1, "architecture": "steingan", "width": 32}


def _recipe(
    shared: Mapping[str, Any], components: int, **own: Any
) -> Mapping[str, Any]:
    return types.MappingProxyType(
        {
            **shared,
            "num_generators": components,
            "num_discriminators": components,
            "batch_size": 64,
            "seed": 0,
            **own,
        }
    )


# The recipes of the zoo's presets.
ZOO: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {
        "dcgan_mnist": _recipe(_MNIST, 1, steps=22963),
        "dcgan_mnist_longer": _recipe(_LONGER, 1, steps=6_500),
        "mix_dcgan_mnist": _recipe(_LONGER, 5, **_SHARED, steps=5_600),
        "dcgan_5x_mnist": _recipe(_MNIST_5X, 1),
        "dcgan_fashion_mnist": _recipe(_FASHION_MNIST, 1, steps=22021),
        "mix_dcgan_fashion_mnist": _recipe(
            _FASHION_MNIST, 5, **_SHARED, steps=20035
        ),
        "wgan_mnist": _recipe(_WGAN, 1, steps=40185),
        "mix_wgan_mnist": _recipe(_WGAN, 5, **_SHARED, steps=34769),
        "dcgan_celeba_64": _recipe(_FACES, 1, steps=20264),
        "mix_dcgan_celeba_64": _recipe(_FACES, 5, **_SHARED, steps=22396),
        "sngan_cifar10": _recipe(_CIFAR10, 1, steps=46750),
        "mix_sngan_cifar10": _recipe(_CIFAR10, 5, **_SHARED, steps=38750),
    }
)
# Recipes of races whose results are kept, without presets.
RACED: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {
        "dcgan_usual_labels_fashion_mnist": _recipe(
            _FASHION_MNIST | {"architecture": "dcgan"}, 1, steps=21814
        ),
        "dcgan_cifar10": _recipe(_CIFAR10_ON_A_CPU, 1, steps=58249),
        "mix_dcgan_cifar10": _recipe(
            _CIFAR10_ON_A_CPU, 5, **_SHARED, steps=54409
        ),
    }
)
# The recipes of Table 1, which have no presets.
TABLE_1: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {
        f"{prefix}{name}": _recipe(shared, components)
        for name, shared in {
            "dcgan_apart_cifar10": _DCGAN_CIFAR10,
            "wgan_cifar10": _WGAN_CIFAR10,
            "dcgan_huang_cifar10": _HUANG,
            "dcgan_huang_as_released_cifar10": _HUANG_AS_RELEASED,
            "sgan_cifar10": _SGAN,
            "sgan_top_cifar10": _SGAN_TOP,
            "acgan_cifar10": _ACGAN,
            "acgan_cbn_cifar10": _ACGAN_CBN,
            "improved_gan_cifar10": _IMPROVED_GAN,
            "improved_gan_features_cifar10": _SEMI_SUPERVISED,
            "steingan_cifar10": _STEINGAN,
        }.items()
        for prefix, components in {"": 1, "mix_": 5}.items()
    }
)
RECIPES: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {**ZOO, **RACED, **TABLE_1}
)


def pair_of(mixture: str) -> str:
    """The recipe of the single pair that a mixture is compared with.

    Example:
    >>> pair_of("mix_wgan_mnist"), pair_of("mix_dcgan_mnist")
    ('wgan_mnist', 'dcgan_mnist_longer')
    """
    pair = mixture.removeprefix("mix_")
    return f"{pair}_longer" if f"{pair}_longer" in RECIPES else pair


def complete(given: Mapping[str, Any], recipe: str) -> dict[str, Any]:
    """Completes settings by those of a recipe, which given ones override.

    `None` counts as not given. A recipe may need a given `source`.

    Example:
    >>> complete({"seed": 1}, "mix_wgan_mnist")["num_generators"]
    5
    """
    one_of("recipe", recipe, RECIPES)
    given = {name: value for name, value in given.items() if value is not None}
    chosen = dict(RECIPES[recipe])
    if "epochs" in given:
        del chosen["steps"]
    chosen |= given
    if "source" not in chosen:
        raise UserError(
            f"`source` must be given with the recipe {recipe!r}: a folder of "
            "CelebA's images, which its licence lets nobody pass on. "
            "Received: none"
        )
    return chosen
