"""Losses of classifiers of classes and of components."""

from keras import ops

from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.ensembles import length_of
from keras_mixgan.game.turns import Turn
from keras_mixgan.utils.errors import UserError


@register
class AuxiliaryClassifier(Auxiliary):
    """Discriminators classify real images and fakes (AC-GAN).

    Odena et al. 2017 (arXiv:1610.09585), Equation 3: L_C = E[log P(C=c |
    X_real)] + E[log P(C=c | X_fake)], which discriminators maximise, and
    generators through the fakes. Here both minimise its negative. Needs a
    discriminator output `class_logits` (B, num_classes), and labels.

    Example:
    >>> AuxiliaryClassifier(coefficient=0.5).needs
    ('class_logits',)
    """

    needs = ("class_logits",)
    needs_labels = True

    def check(self, model) -> None:
        """Checks that there is a logit for each class."""
        _check_classes(model)

    def discriminator_terms(self, turn: Turn):
        """Cross-entropies of real images (num_discriminators,) and pairs."""
        logits = turn.real.extras["class_logits"]
        real = cross_entropies(logits, turn.labels("real"))
        return [ops.mean(real, axis=0), self.generator_terms(turn)]

    def generator_terms(self, turn: Turn):
        """Cross-entropies of fakes (num_generators, num_discriminators)."""
        logits = turn.fake.extras["class_logits"]
        return turn.pair_means(cross_entropies(logits, turn.labels("fake")))


@register
class RealClassifier(Auxiliary):
    """Discriminators classify the real images that have a label.

    Salimans et al. 2016 (arXiv:1606.03498), Section 5, L_supervised =
    -E[log P(y | x, y <= K)], a mean over the labelled images of a batch. Needs
    a discriminator output `class_logits` (B, num_classes), and labels of real
    images; -1 is an unknown label. In the published discriminator `logits` is
    the logsumexp of `class_logits`, so that 1 - D(x) is the probability of
    the class K + 1, generated. Discriminators with an output
    `code_class_logits` also classify codes (S-GAN).

    Example:
    >>> RealClassifier(coefficient=2.0).needs_real_labels
    True
    """

    needs = ("class_logits",)
    needs_real_labels = True

    def check(self, model) -> None:
        """Checks that there is a logit for each class of the generators."""
        _check_classes(model)

    def discriminator_terms(self, turn: Turn):
        """Cross-entropies of labelled real images (num_discriminators,)."""
        labels = turn.labels("real")
        costs = sum(
            cross_entropies(logits, labels)
            for logits in turn.real.levels("class_logits")
        )
        known = ops.cast(labels >= 0, costs.dtype)
        # Replicas may differ in the number of labels: average it over all.
        share = turn.executor.average(ops.mean(known, axis=0))
        return ops.mean(known * costs, axis=0) / ops.maximum(share, 1e-12)


@register
class ComponentClassifier(Auxiliary):
    """Discriminators predict the generator of a fake; generators help them.

    Hoang et al. 2018 (MGAN, ICLR 2018): the classifier's part of the
    objective, which it and the generators minimise. It keeps generators
    apart. The payoff alone does not: the value is linear in w_u, so
    generators do not interact. Needs a discriminator output
    `component_logits` (B, num_generators).

    Example:
    >>> ComponentClassifier(coefficient=0.1).needs
    ('component_logits',)
    """

    needs = ("component_logits",)

    def discriminator_terms(self, turn: Turn):
        """Cross-entropies (num_generators, num_discriminators)."""
        return self.generator_terms(turn)

    def generator_terms(self, turn: Turn):
        """Cross-entropies (num_generators, num_discriminators)."""
        logits = turn.fake.extras["component_logits"]
        costs = ops.logsumexp(logits, axis=-1, keepdims=True) - logits
        means = turn.pair_means(costs)
        own = ops.eye(means.shape[0], means.shape[-1], dtype=means.dtype)
        return ops.sum(means * own[:, None], axis=-1)

    def check(self, model) -> None:
        """Checks that the classifier has one class for each generator."""
        network = model.discriminators[0]
        count = length_of(network, "component_logits")
        if count != model.num_generators:
            raise UserError(
                "`component_logits` must have one number for each generator. "
                f"Received: {count} numbers, {model.num_generators} generators"
            )


def _check_classes(model) -> None:
    """A label without a logit would have a loss with no lower bound."""
    count = length_of(model.discriminators[0], "class_logits")
    if model.num_classes is not None and count < model.num_classes:
        raise UserError(
            "`class_logits` must have a number for each class. Received: "
            f"{count} numbers, {model.num_classes} classes"
        )


def cross_entropies(logits, labels):
    """-log P(label), (...), of logits (..., num_classes).

    Discriminators give logits (N, T, num_classes), with labels (N, 1) or
    (N, T). The result for a label -1 is meaningless.
    """
    chosen = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return ops.logsumexp(logits, axis=-1) - ops.sum(chosen * logits, axis=-1)
