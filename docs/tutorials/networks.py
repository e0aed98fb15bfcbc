# %% [markdown]
# # Bring my own networks
#
# A generator maps latents `(B, L)`, or `[latents, labels]`, to images in
# [-1, 1]. A discriminator maps images, or `[images, labels]`, to logits
# `(B, 1)`: its last layer has no sigmoid. Use any Functional model, or a
# Sequential one that begins with `keras.Input`.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import keras_mixgan as kmg

keras.utils.set_random_seed(0)
generator = keras.Sequential(
    [
        keras.Input((16,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"),
        layers.Dense(2, activation="tanh"),
    ]
)
discriminator = keras.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"),
        layers.Dense(1),
    ]
)

# %% [markdown]
# The data are eight small Gaussians on a circle. Points instead of images train
# within a minute, and show which generator went where.
#
# One network of each kind is a template. Every component is a clone of it with
# fresh weights.

# %%
points = kmg.sources.load_source("ring").images
model = kmg.MixGAN(
    generator, discriminator, num_generators=4, num_discriminators=2, seed=0
)
model.compile(
    payoff="log",
    payoff_estimate="linear",
    generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
    discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
)
history = model.fit(points, batch_size=128, epochs=8, verbose=0)
model.generator_weights.round(3)

# %% alt="Points of the data in grey, and of four generators in colours"
images, components = model.generate(1000, seed=1, return_components=True)
figure, axes = plt.subplots(figsize=(4.5, 4.5))
axes.scatter(*points[:2000].T, s=3, color="0.8", label="data")
for i in range(model.num_generators):
    axes.scatter(*images[components == i].T, s=3, label=f"generator {i}")
axes.set_aspect("equal")
axes.legend(markerscale=3, loc="center")
plt.show()

# %% [markdown]
# The generators divide the Gaussians among them.
#
# ## Different networks in one mixture
#
# A list instead of a template uses the networks as they are, with their
# weights. Only their inputs and outputs must agree.


# %%
def wider(width):
    return keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(width, activation="relu"),
            layers.Dense(2, activation="tanh"),
        ]
    )


mixed = kmg.MixGAN([wider(8), wider(128)], discriminator, seed=0)
[network.count_params() for network in mixed.generators]

# %% [markdown]
# ## Images with labels
#
# A network with labels takes two inputs. Batch normalization in a
# discriminator normalises real images and fakes separately; with the full
# estimate, each generator's fakes, too.

# %%
latents, labels = keras.Input((16,)), keras.Input((), dtype="int32")
x = layers.Concatenate()([latents, layers.Embedding(10, 8)(labels)])
x = layers.Dense(7 * 7 * 16, activation="relu")(x)
x = layers.Reshape((7, 7, 16))(x)
x = layers.UpSampling2D()(x)
x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
x = layers.Conv2D(1, 3, padding="same", activation="tanh")(x)
drawer = keras.Model([latents, labels], x)

images, labels = keras.Input((14, 14, 1)), keras.Input((), dtype="int32")
y = layers.Conv2D(16, 4, strides=2, padding="same")(images)
y = layers.LeakyReLU(0.2)(layers.BatchNormalization()(y))
y = layers.Flatten()(y)
y = layers.Dense(32, activation="relu")(y)
y = layers.Concatenate()([y, layers.Embedding(10, 32)(labels)])
y = layers.Dense(32, activation="relu")(y)
judge = keras.Model([images, labels], layers.Dense(1)(y))

digits = kmg.data.load("digits", batch_size=64, image_size=14)
model = kmg.MixGAN(drawer, judge, 2, 2, seed=0)
model.compile(
    payoff_estimate="linear",
    generator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5),
    discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
)
model.fit(digits, epochs=3, verbose=0)
losses = model.history.history
{name: round(losses[name][-1], 2) for name in ("loss", "payoff")}

# %% alt="Digits of 14 pixels: the mixture, then each of two generators"
kmg.plotting.draw_mixture(model, seed=1)

# %% [markdown]
# The model is a Keras model: `model.save("model.keras")` and
# `keras.saving.load_model` keep everything, optimizers included.

# %%
model.save("model.keras")
again = keras.saving.load_model("model.keras")
np.array_equal(
    again.generate(4, labels=[1, 2, 3, 4], seed=5),
    model.generate(4, labels=[1, 2, 3, 4], seed=5),
)
