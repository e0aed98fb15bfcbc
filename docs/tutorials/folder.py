# %% [markdown]
# # Train on my own folder
#
# A folder of images is a data set. Subfolders, if there are any, become
# labels. Here we first make a folder of 2,000 of the bundled digits; use your
# own instead.

# %%
import pathlib

from PIL import Image

import keras_mixgan as kmg

source = kmg.sources.load_source("digits")
for number in range(2000):
    folder = pathlib.Path("my_photos", str(source.labels[number]))
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(source.images[number, ..., 0])
    image.save(folder / f"{number}.png")

sorted(path.name for path in pathlib.Path("my_photos").iterdir())

# %% [markdown]
# ## One command
#
# `--image_size` resizes images, and `--crop_size` crops them first. `--width`
# is the size of the networks; its default of 64 is for a GPU. Two generators
# play against one discriminator and share its batch
# (`--payoff_estimate=linear`). With images of 14 pixels and 150 steps, a first
# look takes seconds.

# %% language="bash"
# keras-mixgan train --source=my_photos --workdir=runs/my_photos \
#   --image_size=14 --width=16 --latent_dim=32 \
#   --num_generators=2 --num_discriminators=1 --payoff_estimate=linear \
#   --generator_learning_rate=2e-3 --discriminator_learning_rate=5e-4 \
#   --steps=150 --batch_size=64

# %% [markdown]
# A run writes a picture, curves, numbers and the model to its folder. The
# picture shows the mixture on top, then each generator.

# %% alt="Digits after 150 steps: the mixture, then each generator"
Image.open("runs/my_photos/samples.png")

# %% [markdown]
# ## Continue
#
# The same command with more steps continues where the run stopped, also after
# it was killed. Other settings are refused: the run would be neither the old
# one nor a new one.

# %% language="bash"
# keras-mixgan train --source=my_photos --workdir=runs/my_photos \
#   --image_size=14 --width=16 --latent_dim=32 \
#   --num_generators=2 --num_discriminators=1 --payoff_estimate=linear \
#   --generator_learning_rate=2e-3 --discriminator_learning_rate=5e-4 \
#   --steps=600 --batch_size=64
# keras-mixgan train --source=my_photos --workdir=runs/my_photos \
#   --steps=600 --batch_size=32 2>&1 | head -3

# %% alt="Digits after 600 steps: the mixture, then each generator"
Image.open("runs/my_photos/samples.png")

# %% [markdown]
# `history.csv` holds the losses, the payoff of the mixtures and the mixture
# weights; `curves.png` plots them.

# %% alt="Curves of losses, payoff and mixture weights against steps"
Image.open("runs/my_photos/curves.png")

# %% [markdown]
# ## Draw
#
# Draw any number of images, of the labels that you choose, with a seed.

# %% language="bash"
# keras-mixgan sample --model=runs/my_photos --labels=3,7 --num_images=20 \
#   --out=grid.png

# %% alt="Threes and sevens, drawn by the mixture"
Image.open("grid.png")
