# %% [markdown]
# # Write a payoff and an auxiliary loss
#
# ## A payoff
#
# The game is played for F(u, v) = E phi(D(x)) + E phi(1 - D(G(h))) (Arora et
# al. 2017, Equation 5). A payoff is these two terms as functions of a
# discriminator's logits. To bound the log, the paper proposes
# phi(t) = log(delta + (1 - delta) t). It is not built in, so we write it.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

import keras_mixgan as kmg

DELTA = 0.01


def log_at_least(probability):
    return ops.log(DELTA + (1 - DELTA) * probability)


bounded_log = kmg.Payoff(
    "bounded_log",
    real=lambda logits: log_at_least(ops.sigmoid(logits)),
    fake=lambda logits: log_at_least(ops.sigmoid(-logits)),
    generator=lambda logits: -log_at_least(ops.sigmoid(logits)),
)
kmg.payoffs.register(bounded_log)  # So that saved models find it again.

# %% [markdown]
# Generators minimise `generator` by default (`non_saturating`). Without it, or
# with `generator_loss="minimax"`, they minimise `fake`. One line checks the
# formula against NumPy:

# %%
logits = np.array([-30.0, -1.0, 0.0, 4.0], "float32")
probabilities = 1 / (1 + np.exp(-logits.astype("float64")))
expected = np.log(DELTA + (1 - DELTA) * probabilities)
np.abs(bounded_log.real(logits) - expected).max() < 1e-6

# %%
points = kmg.sources.load_source("ring").images


def play(auxiliary=()):
    keras.utils.set_random_seed(0)  # The order of the points, too.
    generator, discriminator = kmg.architectures.build(
        "mlp", (2,), latent_dim=16, width=64
    )
    if auxiliary:
        discriminator = kmg.architectures.add_heads(
            discriminator, num_components=4
        )
    model = kmg.MixGAN(generator, discriminator, 4, 2, seed=0)
    model.compile(
        payoff="bounded_log",
        payoff_estimate="linear",
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        auxiliary=list(auxiliary),
    )
    model.fit(points, batch_size=128, epochs=5, verbose=0)
    return model


model = play()
model.save("bounded.keras")
keras.saving.load_model("bounded.keras").objective == model.objective

# %% [markdown]
# ## An auxiliary loss
#
# Every loss of a base GAN besides the payoff is an auxiliary loss.
# `discriminator_terms` returns one number per discriminator,
# `(num_discriminators,)`, or one per pair,
# `(num_generators, num_discriminators)`; `generator_terms` likewise.
# `turn.real` and `turn.fake` hold the discriminators' outputs.
# `turn.pair_means` averages numbers of single images over each pair.
#
# This loss keeps logits small, like the drift term of progressive growing
# (Karras et al. 2018).


# %%
@keras.saving.register_keras_serializable("tutorial")
class SmallLogits(kmg.auxiliary.Auxiliary):
    """Discriminators pay for the squares of their logits."""

    def discriminator_terms(self, turn):
        real = ops.mean(ops.square(turn.real.logits), axis=0)
        fake = turn.pair_means(ops.square(turn.fake.logits))
        return [real, fake]


# %% [markdown]
# `component_classifier` is built in: discriminators also predict which
# generator made an image, and generators are rewarded for right predictions
# (MGAN, Hoang et al. 2018). It reads an output that `add_heads` adds. The
# number after the name is the coefficient.

# %%
told_apart = play(["component_classifier:0.5"])
both = play(["component_classifier:0.5", SmallLogits(0.1)])

# %% alt="Points of four generators, by the payoff alone and told apart"
figure, sides = plt.subplots(1, 2, figsize=(8, 4))
titles = ("The payoff alone", "With component_classifier")
for axes, mixture, title in zip(
    sides, (model, told_apart), titles, strict=True
):
    axes.scatter(*points[:2000].T, s=3, color="0.85")
    drawn, components = mixture.generate(1000, seed=1, return_components=True)
    for i in range(4):
        axes.scatter(*drawn[components == i].T, s=3)
    axes.set(title=title, aspect="equal")
plt.show()

# %% [markdown]
# With `component_classifier` the generators divide the circle among them. The
# second loss keeps logits small. Their mean size on real points, without and
# with it:

# %%
for name, mixture in (("without", told_apart), ("with", both)):
    outputs = mixture.discriminators[0].predict(points[:1000], verbose=0)
    print(f"{name}: {np.abs(outputs['logits']).mean():.2f}")
