"""MIX+GAN in plain NumPy float64, for networks of two layers.

A reference for the training step: forward passes by hand, gradients by central
differences of the objective itself, so that nothing is shared with Keras.
"""

import copy

import numpy as np


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


REAL = {
    "log": lambda x: np.log(sigmoid(x)),
    "wasserstein": lambda x: x,
    "hinge": lambda x: -np.maximum(0, 1 - x),
    "least_squares": lambda x: -0.5 * (x - 1) ** 2,
    "energy": lambda x: -np.maximum(0, -x),
}
FAKE = {
    "log": lambda x: np.log(1 - sigmoid(x)),
    "wasserstein": lambda x: 1 - x,
    "hinge": lambda x: -np.maximum(0, 1 + x),
    "least_squares": lambda x: -0.5 * x**2,
    "energy": lambda x: 0.3 * np.maximum(0, -x),
}
NON_SATURATING = {
    "log": lambda x: -np.log(sigmoid(x)),
    "wasserstein": lambda x: -x,
    "hinge": lambda x: -x,
    "least_squares": lambda x: 0.5 * (x - 1) ** 2,
    "energy": lambda x: np.maximum(0, -x),
}


def two_layers(weights, x):
    """Dense(tanh), Dense."""
    kernel_1, bias_1, kernel_2, bias_2 = weights
    return np.tanh(x @ kernel_1 + bias_1) @ kernel_2 + bias_2


class Mixture:
    """A mixture's parameters, and the objectives of both sides."""

    def __init__(self, model, payoff, kind, regularizer, penalty=0.0):
        def weights_of(networks):
            return [
                [np.asarray(w, "float64") for w in n.get_weights()]
                for n in networks
            ]

        self.generators = weights_of(model.generators)
        self.discriminators = weights_of(model.discriminators)
        self.alpha_u = np.asarray(
            model.generator_mixture_logits, "float64"
        ).copy()
        self.alpha_v = np.asarray(
            model.discriminator_mixture_logits, "float64"
        ).copy()
        self.real = REAL[payoff]
        self.fake = FAKE[payoff]
        self.loss = self.fake if kind == "minimax" else NON_SATURATING[payoff]
        self.regularizer = regularizer
        self.penalty = penalty

    def fakes(self, latents):
        """Images of every generator; `latents` has one array for each."""
        return [
            np.tanh(two_layers(g, z))
            for g, z in zip(self.generators, latents, strict=True)
        ]

    def payoffs(self, images, fakes):
        return np.array(
            [
                [
                    self.real(two_layers(d, images)).mean()
                    + self.fake(two_layers(d, fake)).mean()
                    for d in self.discriminators
                ]
                for fake in fakes
            ]
        )

    def discriminator_loss(self, images, fakes, points=None):
        w_u, w_v = softmax(self.alpha_u), softmax(self.alpha_v)
        value = w_u @ self.payoffs(images, fakes) @ w_v
        loss = -value - self.regularizer * np.log(w_v).mean()
        if self.penalty:
            pairs = np.array(
                [[slope_penalty(d, p) for d in self.discriminators]
                 for p in points]
            )  # fmt: skip
            loss += self.penalty * w_u @ pairs @ self.frozen_w_v
        return loss

    def generator_loss(self, latents):
        w_u, w_v = softmax(self.alpha_u), softmax(self.alpha_v)
        pairs = np.array(
            [
                [
                    self.loss(two_layers(d, x)).mean()
                    for d in self.discriminators
                ]
                for x in self.fakes(latents)
            ]
        )
        return w_u @ pairs @ w_v - self.regularizer * np.log(w_u).mean()

    def discriminator_step(self, rate, *data):
        self.frozen_w_v = softmax(self.alpha_v)
        self._descend(self.alpha_v, self.discriminators, rate,
                      lambda m: m.discriminator_loss(*data))  # fmt: skip

    def generator_step(self, rate, latents):
        self._descend(self.alpha_u, self.generators, rate,
                      lambda m: m.generator_loss(latents))  # fmt: skip

    def _descend(self, alpha, networks, rate, loss):
        before = copy.deepcopy(self)
        # Networks move in units of a uniform mixture's weight, 1/T.
        unit = len(networks)
        mine = [alpha] + [w for n in networks for w in n]
        theirs = [before.alpha_v if alpha is self.alpha_v else before.alpha_u]
        theirs += [
            w
            for n in (
                before.discriminators
                if networks is self.discriminators
                else before.generators
            )
            for w in n
        ]
        for new, old in zip(mine, theirs, strict=True):
            pace = rate if new is alpha else rate * unit
            for index in np.ndindex(old.shape):
                kept, ends = old[index], []
                for shift in (1e-6, -1e-6):
                    old[index] = kept + shift
                    ends.append(loss(before))
                old[index] = kept
                new[index] -= pace * (ends[0] - ends[1]) / 2e-6


def slope_penalty(weights, points):
    """(|grad_x D(x)| - 1)^2, by the chain rule."""
    kernel_1, bias_1, kernel_2, _ = weights
    hidden = np.tanh(points @ kernel_1 + bias_1)
    slopes = ((1 - hidden**2) * kernel_2[:, 0]) @ kernel_1.T
    return ((np.linalg.norm(slopes, axis=1) - 1) ** 2).mean()
