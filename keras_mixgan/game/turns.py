"""The inputs and outputs of the discriminators in one side's turn.

With the full and the linear payoff estimate every discriminator sees all
images of the turn. With the split estimate each sees every T_v-th real image
and every T_v-th image of each generator, so that T_v discriminators together
cost as much as one.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import ops

from keras_mixgan.backends.executor import Executor
from keras_mixgan.game import draws
from keras_mixgan.game import mixtures
from keras_mixgan.game.draws import Fakes
from keras_mixgan.game.ensembles import Discriminators
from keras_mixgan.game.ensembles import Outputs


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one discriminator sees in a turn.

    Attributes:
        real: Float tensor (B, ...), or `None` if only fakes are judged.
        real_labels: Int tensor (B,), or `None`.
        fake: Float tensor (N, ...), in the order of the generators.
        fake_labels: Int tensor (N,), or `None`.
        latents: Float tensor (N, latent_dim), the latents of the fakes.
        real_codes: Float tensor (B, F), if discriminators take codes.
        fake_codes: Float tensor (N, F), the same.
    """

    real: Any
    real_labels: Any
    fake: Any
    fake_labels: Any
    latents: Any
    real_codes: Any = None
    fake_codes: Any = None

    def beside(self, of: str):
        """The input beside images: codes if judged, else labels.

        Args:
            of: `"real"` or `"fake"`.

        Returns:
            Float tensor (n, F), or int tensor (n,), or `None`.
        """
        codes = getattr(self, f"{of}_codes")
        return getattr(self, f"{of}_labels") if codes is None else codes


@dataclasses.dataclass(frozen=True)
class Turn:
    """What losses read of one side's turn.

    Attributes:
        fakes: All fakes of the turn, for losses of generators alone.
        seen: A `Seen` for each discriminator.
        sizes: Number of images of each generator that a discriminator sees.
        groups: Sizes of the groups of fakes that batch normalization keeps
            apart.
        real: The discriminators' outputs for real images; `None` in a
            generators' turn that needs none.
        fake: Their outputs for fakes.
        discriminators: The discriminators' side.
        objective: The settings of the game.
        executor: Takes gradients by images, see `Executor.input_gradients`.
        uniform: Function from a list of sizes to as many float tensors (n,)
            of uniform numbers in [0, 1).
    """

    fakes: Fakes
    seen: list[Seen]
    sizes: list
    groups: list
    real: Outputs | None
    fake: Outputs
    discriminators: Discriminators
    objective: Any
    executor: Any
    uniform: Callable[[list], list]

    def pair_means(self, terms):
        """Means over each generator's images.

        Args:
            terms: Float tensor (N, num_discriminators, ...).

        Returns:
            Float tensor (num_generators, num_discriminators, ...).
        """
        return mixtures.stratum_means(terms, self.sizes)

    def partners(self, real):
        """The real image that each fake is compared with.

        Real images are taken in order and reused cyclically: with the full
        estimate fake k of each generator meets real image k. Both have the
        same label (with the split estimate, if the number of discriminators
        divides the batch), see `draws`.

        Args:
            real: Float tensor (B, num_discriminators, ...), one row for each
                real image.

        Returns:
            Float tensor (N, num_discriminators, ...), one row for each fake.
        """
        rows = ops.arange(draws.batch_size(self.fake.logits))
        return ops.take(real, rows % draws.batch_size(real), axis=0)

    def labels(self, of: str):
        """Labels as each discriminator sees them.

        Args:
            of: `"real"` or `"fake"`.

        Returns:
            Int tensor (N, 1) where all see the same, else
            (N, num_discriminators).
        """
        return _side_by_side(
            [getattr(seen, f"{of}_labels") for seen in self.seen]
        )

    def latents(self):
        """Latents of the fakes as each discriminator sees them.

        Returns:
            Float tensor (N, 1, latent_dim) where all see the same, else
            (N, num_discriminators, latent_dim).
        """
        return _side_by_side([seen.latents for seen in self.seen])


def _side_by_side(columns: list):
    """Stacks what discriminators see; only once if all see the same."""
    if all(column is columns[0] for column in columns):
        columns = columns[:1]
    return ops.stack(columns, axis=1)


def take(model, images, labels, fakes: Fakes) -> Turn:
    """Calls the discriminators in training mode.

    `images` (B, ...) are real, or `None` to judge fakes alone.
    """
    judge, executor = model.discriminator_ensemble, model.executor
    codes = None
    if fakes.codes is not None and images is not None:
        codes = model.objective.codes_of(images)
    whole = Seen(
        images, labels, fakes.images, fakes.labels, fakes.latents,
        codes, fakes.codes,
    )  # fmt: skip
    sizes, groups, seen = fakes.sizes, fakes.groups, [whole] * len(judge)
    if model.objective.payoff_estimate == "split":
        count = len(judge)
        seen = [_part(whole, j, count) for j in range(count)]
        sizes = [size // count for size in sizes]
        groups = [sum(sizes)]
        answers = [
            _ask(judge, executor, one, groups, j) for j, one in enumerate(seen)
        ]
        real, fake = (
            None if side[0] is None else Outputs.beside(side)
            for side in zip(*answers, strict=True)
        )
    else:
        real, fake = _ask(judge, executor, whole, groups)

    def uniform(sizes):
        drawn = model.draw_uniform(executor.replicas * sum(sizes))
        return executor.own_rows(drawn, sizes)

    return Turn(
        fakes, seen, sizes, groups, real, fake, judge, model.objective,
        executor, uniform,
    )  # fmt: skip


def of_logits(real, fake, sizes: list) -> Turn:
    """Makes a turn that payoffs can read from known logits, on one device.

    `real` are (B, num_discriminators), `fake` (N, num_discriminators). `sizes`
    are the images of each generator, which sum to N.
    """
    outputs = Outputs(real), Outputs(fake)
    return Turn(None, [], sizes, sizes, *outputs, None, None, Executor(), None)


def _ask(judge, executor, seen: Seen, groups, only=None) -> tuple:
    """Calls each network once, on the real images, if any, and the fakes."""
    if seen.real is None:
        inputs = (seen.fake, seen.beside("fake"), groups)
        return None, judge(executor, *inputs, only)
    size, beside = draws.batch_size(seen.real), None
    if seen.beside("fake") is not None:
        beside = ops.concatenate([seen.beside("real"), seen.beside("fake")])
    images = ops.concatenate([seen.real, seen.fake])
    outputs = judge(executor, images, beside, [size, *groups], only)
    return outputs.split(size)


def _part(whole: Seen, j: int, count: int) -> Seen:
    """Every `count`-th image, from the j-th on; few images are reused."""

    def cut(x, size):
        if x is None:
            return None
        maximum = max if isinstance(size, int) else ops.maximum
        rows = ops.arange(maximum(size // count, 1)) * count + j
        return ops.take(x, rows % size, axis=0)

    real = None if whole.real is None else draws.batch_size(whole.real)
    fake = draws.batch_size(whole.fake)
    return Seen(
        cut(whole.real, real),
        cut(whole.real_labels, real) if real is not None else None,
        cut(whole.fake, fake),
        cut(whole.fake_labels, fake),
        cut(whole.latents, fake),
        cut(whole.real_codes, real) if real is not None else None,
        cut(whole.fake_codes, fake),
    )
