"""A user's program, for the type checker: `mypy` in CI; nothing runs it.

Each `type: ignore` is a mistake that has to be found: mypy reports those that
are not needed.
"""

from typing import assert_type

import numpy as np

import keras_mixgan as kmg


class Mine(kmg.MixGAN):
    """A class of a user's own stays that class."""


def program() -> None:
    """What is checked."""
    model = kmg.MixGAN.from_preset("mix_dcgan_mnist")
    assert_type(model, kmg.MixGAN)
    assert_type(Mine.from_preset("mix_dcgan_mnist"), Mine)
    assert_type(model.prune(below=0.1), kmg.MixGAN)
    assert_type(kmg.MixGAN.from_pair(model, num_generators=2), kmg.MixGAN)

    images = model.generate(4, labels=range(4), seed=1)
    assert_type(images, np.ndarray)
    assert_type(
        model.generate(4, return_components=True), tuple[np.ndarray, np.ndarray]
    )
    assert_type(model.interpolate(3), np.ndarray)
    assert_type(model.payoff_matrix(images, [1, 2, 3, 4]), np.ndarray)
    assert_type(model.generator_weights, np.ndarray)
    model.generate("four")  # type: ignore[call-overload]
    model.prune("little")  # type: ignore[arg-type]

    model.compile(payoff="hinge", auxiliary=["feature_matching"])
    model.compile(payoff=3)  # type: ignore[arg-type]
    model.compile(payof="log")  # type: ignore[call-arg]
    model.fit(images, epochs=2, callbacks=[kmg.callbacks.ProgressBar()])
    model.export_sampler("web", format="web")
    model.save_to_preset("folder", small=True)

    payoff = kmg.Payoff("mine", real=np.tanh, fake=np.negative)
    kmg.payoffs.register(payoff)
    assert_type(kmg.payoffs.get("log"), kmg.Payoff | kmg.payoffs.PairwisePayoff)
    assert_type(kmg.auxiliary.get("feature_matching"), kmg.auxiliary.Auxiliary)
    assert_type(kmg.architectures.get("dcgan"), kmg.architectures.Architecture)
    assert_type(kmg.sources.load_source("ring"), kmg.sources.Source)
    assert_type(kmg.metrics.fid(images, images), kmg.metrics.Score)
    assert_type(kmg.metrics.evaluate(model, "digits"), kmg.metrics.Report)
    kmg.plotting.sample_grid([images], "A title").save("grid.png")
    kmg.data.load(["digits"])  # type: ignore[arg-type]
