"""Small stacks of two GANs, and their step in NumPy float64."""

import keras
import numpy as np
from keras import layers
from keras import ops
from keras import optimizers
from reference import FAKE
from reference import NON_SATURATING
from reference import REAL
from reference import softmax
from scipy import stats

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan.architectures import ScaledGradient

RATE = 0.3
CLASSES = 3
CODES = 3
TOP = 3  # Of 4 numbers of a latent vector.
SLOW = 0.01
CUTS = {"share_generators": "stack", "share_discriminators": "shared"}
# Layers by part: the first is each network's own, the second may be shared.
MAKERS = [("label", "top", "code"), ("image",)]
JUDGES = [
    ("class", "latents", "code_hidden", "code_class", "code_latents"),
    ("shared",),
]


def stack_generator(codes=CODES):
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2, name="label")(labels)
    x = layers.Concatenate()([latents[:, :TOP], x])
    x = layers.Dense(4, activation="tanh", name="top")(x)
    x = layers.Dense(codes, activation="tanh", name="code")(x)
    x = layers.Concatenate(name="stack")([x, latents[:, TOP:]])
    made = layers.Identity(name="codes")(x[:, :codes])
    x = layers.Concatenate()([ScaledGradient(SLOW)(made), x[:, codes:]])
    images = layers.Dense(2, activation="tanh", name="image")(x)
    return keras.Model([latents, labels], images)


def stack_discriminator():
    images, codes = keras.Input((2,)), keras.Input((CODES,), name="codes")
    outputs = {}
    for prefix, given, units in (("", images, 4 - TOP), ("code_", codes, TOP)):
        name = "code_hidden" if prefix else "shared"
        hidden = layers.Dense(4, activation="tanh", name=name)(given)
        classes = layers.Dense(CLASSES, name=f"{prefix}class")(hidden)
        outputs[f"{prefix}class_logits"] = classes
        outputs[f"{prefix}logits"] = ops.logsumexp(
            classes, axis=1, keepdims=True
        )
        outputs[f"{prefix}latents"] = layers.Dense(
            units, name=f"{prefix}latents"
        )(hidden)
    return keras.Model([images, codes], outputs)


def frozen_encoder(rng):
    """A classifier of points, instead of one from a file."""
    images = keras.Input((2,))
    features = layers.Dense(CODES, activation="tanh", name="features")(images)
    network = keras.Model(images, layers.Dense(CLASSES)(features))
    network.set_weights([rng.normal(size=w.shape) for w in network.weights])
    network.trainable = False
    return network


def losses(network=None):
    encoded = auxiliary.EncodedCodes(encoder="somewhere.npz")
    encoded.network = network
    return [
        "code_payoff", "real_classifier:2", "latent_reconstruction:10", encoded,
    ]  # fmt: skip


def parts_of(networks, names):
    """Weights of the networks' own parts, and of those that may be shared."""
    parts = ([], [])
    for network in networks:
        leaves = {layer.name: layer for layer in network._flatten_layers()}
        for part, listed in zip(parts, names, strict=True):
            part.append(
                [
                    np.asarray(w, "float64")
                    for name in listed
                    for w in leaves[name].get_weights()
                ]
            )
    return parts


def logsumexp(x):
    return np.log(np.exp(x).sum(axis=1))


def cross_entropy(logits, labels):
    chosen = logits[np.arange(len(labels)), labels]
    return (logsumexp(logits) - chosen).mean()


class Stacks:
    """A mixture of stacks in NumPy."""

    def __init__(self, model, payoff, kind, labels, encoder, shared, released):
        self.tops, self.bottoms = parts_of(model.generators, MAKERS)
        self.heads, self.bodies = parts_of(model.discriminators, JUDGES)
        if shared:
            self.bottoms = [self.bottoms[0]] * len(self.bottoms)
            self.bodies = [self.bodies[0]] * len(self.bodies)
        self.alpha_u = np.array(model.generator_mixture_logits, "float64")
        self.alpha_v = np.array(model.discriminator_mixture_logits, "float64")
        self.real, self.fake = REAL[payoff], FAKE[payoff]
        self.loss = (FAKE if kind == "minimax" else NON_SATURATING)[payoff]
        self.labels, self.shared, self.moves = labels, shared, released
        self.encoder = [np.asarray(w, "float64") for w in encoder.get_weights()]

    def codes(self, i, z):
        table, k1, b1, k2, b2 = self.tops[i]
        x = np.concatenate([z[:, :TOP], table[self.labels]], axis=1)
        return np.tanh(np.tanh(x @ k1 + b1) @ k2 + b2)

    def images(self, i, codes, z):
        kernel, bias = self.bottoms[i]
        x = np.concatenate([codes, z[:, TOP:]], axis=1)
        return np.tanh(x @ kernel + bias)

    def of_images(self, j, x):
        """Class logits and latents."""
        kernel, bias = self.bodies[j]
        c, d, e, f = self.heads[j][:4]
        hidden = np.tanh(x @ kernel + bias)
        return hidden @ c + d, hidden @ e + f

    def of_codes(self, j, x):
        kernel, bias, c, d, e, f = self.heads[j][4:]
        hidden = np.tanh(x @ kernel + bias)
        return hidden @ c + d, hidden @ e + f

    def encoded(self, x):
        return np.tanh(x @ self.encoder[0] + self.encoder[1])

    def table(self, function):
        return np.array(
            [
                [function(i, j) for j in range(len(self.heads))]
                for i in range(len(self.tops))
            ]
        )

    def levels(self, images, codes, latents):
        """(judge, fakes, latents) of the codes, and of the images."""
        return (
            (self.of_codes, codes, [z[:, :TOP] for z in latents]),
            (self.of_images, images, [z[:, TOP:] for z in latents]),
        )

    def terms(self, judge, fakes, latents, payoff):
        """Means of a payoff's term, and of the errors of latents."""
        made = self.table(
            lambda i, j: payoff(logsumexp(judge(j, fakes[i])[0])).mean()
        )
        errors = self.table(
            lambda i, j: (
                (judge(j, fakes[i])[1] - stats.norm.cdf(latents[i])) ** 2
            ).mean()
        )
        return made, errors

    def discriminator_loss(self, real, images, codes, latents):
        w_u, w_v = self.kept[0], softmax(self.alpha_v)
        own = w_v if self.moves else self.kept[1]
        loss = -0.1 * np.log(w_v).mean()
        for (judge, *fakes), x in zip(
            self.levels(images, codes, latents),
            (self.encoded(real), real),
            strict=True,
        ):
            made, errors = self.terms(judge, *fakes, self.fake)
            logits = [judge(j, x)[0] for j in range(len(self.heads))]
            right = [self.real(logsumexp(each)).mean() for each in logits]
            class_loss = [cross_entropy(each, self.labels) for each in logits]
            loss -= w_u @ (made + np.array(right)) @ w_v
            loss += 2 * own @ np.array(class_loss)
            loss += 2 * 10 * w_u @ errors @ own
        return loss

    def generator_losses(self, latents):
        """The losses of the top and of the bottom."""
        codes = [self.codes(i, z) for i, z in enumerate(latents)]
        images = [
            self.images(i, *given)
            for i, given in enumerate(zip(codes, latents, strict=True))
        ]
        class_losses = [
            cross_entropy(x @ self.encoder[2] + self.encoder[3], self.labels)
            for x in codes
        ]
        code_losses = [
            ((self.encoded(x) - c) ** 2).mean()
            for x, c in zip(images, codes, strict=True)
        ]
        w_u, w_v = softmax(self.alpha_u), self.kept[1]
        own = w_u if self.moves else self.kept[0]
        losses = []
        for level, encoder_losses in zip(
            self.levels(images, codes, latents),
            (class_losses, code_losses),
            strict=True,
        ):
            made, errors = self.terms(*level, self.loss)
            own_losses = 10 * errors @ w_v + np.array(encoder_losses)
            losses.append(w_u @ made @ w_v + own @ own_losses)
        return losses

    def step(self, real, first, second):
        """Discriminators on the first latents, generators on the second."""
        self.freeze()
        codes = [self.codes(i, z) for i, z in enumerate(first)]
        images = [
            self.images(i, *given)
            for i, given in enumerate(zip(codes, first, strict=True))
        ]
        self.descend(
            (
                lambda: self.discriminator_loss(real, images, codes, first),
                [*self.own(self.heads), *self.below(self.bodies)],
                self.alpha_v,
            )
        )
        self.freeze()

        def of_generators(share):
            top, bottom = self.generator_losses(second)
            mixed = -0.1 * np.log(softmax(self.alpha_u)).mean()
            return top + share * bottom + mixed

        self.descend(
            (lambda: of_generators(SLOW), self.own(self.tops)),
            (
                lambda: of_generators(1.0),
                self.below(self.bottoms),
                self.alpha_u,
            ),
        )

    def freeze(self):
        self.kept = softmax(self.alpha_u), softmax(self.alpha_v)

    def own(self, parts):
        """Arrays of all parts, with the factor of their steps."""
        return [(w, len(parts)) for part in parts for w in part]

    def below(self, parts):
        if not self.shared:
            return self.own(parts)
        return [(w, 1) for w in parts[0]]

    def descend(self, *sides):
        """Moves arrays by central differences, all taken at one point."""
        moves = []
        for loss, listed, *alpha in sides:
            for array, unit in [*listed, *((one, 1) for one in alpha)]:
                gradient = np.zeros_like(array)
                for index in np.ndindex(array.shape):
                    kept, ends = array[index], []
                    for shift in (1e-6, -1e-6):
                        array[index] = kept + shift
                        ends.append(loss())
                    array[index] = kept
                    gradient[index] = (ends[0] - ends[1]) / 2e-6
                moves.append((array, RATE * unit * gradient))
        for array, move in moves:
            array -= move


def compiled(network=None, numbers=(2, 3), cuts=None, **arguments):
    model = MixGAN(
        stack_generator(), stack_discriminator(), *numbers, seed=1, **cuts or {}
    )
    arguments.setdefault("auxiliary", losses(network))
    model.compile(
        generator_optimizer=optimizers.SGD(RATE),
        discriminator_optimizer=optimizers.SGD(RATE),
        run_eagerly=keras.backend.backend() == "tensorflow",
        **arguments,
    )
    return model
