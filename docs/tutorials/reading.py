# %% [markdown]
# # Read a mixture
#
# A trained mixture tells more than its images: the weight of each generator,
# who beats whom, and what each generator draws. This mixture comes from the
# zoo: five generators, which share all but their first layer, and one
# discriminator, trained on MNIST.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_mixgan as kmg

model = kmg.MixGAN.from_preset("mix_dcgan_mnist")
print(model.num_generators, "generators", model.generator_weights.round(3))

# %% [markdown]
# ## Weights
#
# The weight of a generator is the probability that an image comes from it.
# These five are nearly equal: no generator is much better than another. The
# regulariser of `compile` keeps weights from vanishing; without it the game
# could drop a generator.
#
# ## Components
#
# `component=` draws from one generator, or from several in turn. With the same
# seed all generators get the same latents.

# %% alt="Rows of digits: one block for each of the five generators"
kmg.plotting.draw_mixture(model, seed=3)

# %% [markdown]
# Each draws all digits, and much like the others: all five began as copies of
# one trained pair. The mean distance between two images of one class says how
# much each generator varies.

# %%
for i in range(model.num_generators):
    images = model.generate(200, component=i, labels=range(10), seed=0)
    of_a_class = images.reshape(20, 10, -1)
    distances = np.linalg.norm(of_a_class[1:] - of_a_class[:-1], axis=-1)
    print(f"generator {i}: {distances.mean():.1f}")

# %% [markdown]
# On request `generate` also returns which generator drew each image.

# %%
images, components = model.generate(1000, seed=0, return_components=True)
(np.bincount(components) / 1000).round(3), model.generator_weights.round(3)

# %% [markdown]
# ## Payoffs
#
# Row i, column j is F(u_i, v_j): how well discriminator j tells generator i
# from the data (Arora et al. 2017, Equation 5). For the payoff `log`,
# -2 log 2 = -1.39 means that it cannot tell them apart at all, and 0 that it
# always can. Generators want small numbers, discriminators large ones. This
# model has one discriminator, so one column.

# %% alt="Bars: the payoff of each generator, and its weight"
digits = kmg.sources.load_source("digits")
real = digits.images[:500].astype("float32") / 127.5 - 1
payoffs = model.payoff_matrix(real, digits.labels[:500], seed=1)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), constrained_layout=True)
numbers = np.arange(model.num_generators)
axes[0].bar(numbers, payoffs[:, 0])
axes[0].set(xlabel="generator", ylabel="payoff F(u, v)")
axes[1].bar(numbers, model.generator_weights)
axes[1].set(xlabel="generator", ylabel="mixture weight")
plt.show()

# %% [markdown]
# The payoff of the mixtures is the mean of that table, weighted by both sides.

# %%
value = model.generator_weights @ payoffs @ model.discriminator_weights
print("of the mixtures", value.round(3))

# %% [markdown]
# ## Change the mixture
#
# Weights can be set for one call, or for good. `prune` returns a new mixture
# without generators of small weight.

# %% alt="Digits of two of the five generators"
kept = [1, 0, 0, 0, 1]
two = model.generate(20, weights=kept, labels=range(10), seed=0)
smaller = model.prune(below=0.19)
print(smaller.num_generators, "generators", smaller.generator_weights.round(3))
kmg.plotting.sample_grid([two], ["Generators 0 and 4, equally often"])

# %% [markdown]
# ## Between two latents

# %% alt="Ten images of a five that turn from one into another"
between = model.interpolate(10, labels=5, component=2, seed=2)
kmg.plotting.sample_grid([between], ["From one five to another"])
