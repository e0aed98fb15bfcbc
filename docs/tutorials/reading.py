# %% [markdown]
# # Read a mixture
#
# A trained mixture has more to say than its images: how much each generator
# counts, who beats whom, and what each of them draws. This one comes from the
# zoo, three generators against three discriminators, trained on MNIST.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_mixgan as kmg

model = kmg.MixGAN.from_preset("mix_dcgan_mnist")
print(model.num_generators, "generators", model.generator_weights.round(3))
print(model.num_discriminators, "judges", model.discriminator_weights.round(3))

# %% [markdown]
# ## Weights
#
# The weight of a generator is the probability that an image comes from it.
# Generator 1 counts least. The regulariser of `compile` keeps a weight from
# vanishing; without it the game could drop a generator.
#
# ## Components
#
# `component=` draws from one generator, or from several in turn. With the same
# seed they get the same latents.

# %% alt="Rows of digits: one block for each of the three generators"
kmg.plotting.draw_mixture(model, seed=3)

# %% [markdown]
# Generator 1 draws one digit a class, almost without variation: it has
# collapsed, and the mixture has put less weight on it. Numbers say the same.
# This is the mean distance between two images of one class.

# %%
for i in range(model.num_generators):
    images = model.generate(200, component=i, labels=range(10), seed=0)
    of_a_class = images.reshape(20, 10, -1)
    distances = np.linalg.norm(of_a_class[1:] - of_a_class[:-1], axis=-1)
    print(f"generator {i}: {distances.mean():.1f}")

# %% [markdown]
# Which images came from which generator is told on request.

# %%
images, components = model.generate(1000, seed=0, return_components=True)
(np.bincount(components) / 1000).round(3), model.generator_weights.round(3)

# %% [markdown]
# ## Payoffs
#
# Row i, column j is F(u_i, v_j): how well discriminator j tells generator i
# from the data (Arora et al. 2017, Equation 5). For the payoff `log`
# -2 log 2 = -1.39 means that it cannot tell them apart at all, and 0 that it
# always can. Generators want small numbers, discriminators large ones.

# %% alt="The three by three table of payoffs as a heat map"
digits = kmg.sources.load_source("digits")
real = digits.images[:500].astype("float32") / 127.5 - 1
payoffs = model.payoff_matrix(real, digits.labels[:500], seed=1)

figure, axes = plt.subplots(figsize=(4.5, 3.6))
shown = axes.imshow(payoffs, cmap="coolwarm", vmin=-2 * np.log(2), vmax=0)
for (i, j), value in np.ndenumerate(payoffs):
    axes.text(j, i, f"{value:.2f}", ha="center", va="center")
axes.set(
    xlabel="discriminator",
    ylabel="generator",
    xticks=range(3),
    yticks=range(3),
)
figure.colorbar(shown)
plt.show()

# %% [markdown]
# The payoff of the two mixtures is the mean of that table by both weights. The
# discriminators gain most from the collapsed generator, as one expects.

# %%
value = model.generator_weights @ payoffs @ model.discriminator_weights
print("of the mixtures", value.round(3))
print("of each generator", (payoffs @ model.discriminator_weights).round(3))

# %% [markdown]
# ## Change the mixture
#
# Weights can be set for one call, or for good. `prune` returns a new mixture
# without what hardly counts.

# %% alt="Digits of the mixture without its collapsed generator"
without = model.generate(20, weights=[1, 0, 1], labels=range(10), seed=0)
smaller = model.prune(below=0.2)
print(smaller.num_generators, "generators", smaller.generator_weights.round(3))
kmg.plotting.sample_grid([without], ["Without generator 1"])

# %% [markdown]
# ## Between two latents

# %% alt="Ten images of a five that turn from one into another"
between = model.interpolate(10, labels=5, component=2, seed=2)
kmg.plotting.sample_grid([between], ["From one five to another"])
