"""Figure 2: samples of DCGAN, of MIX+DCGAN and of each of its generators.

Arora et al. 2017 (PMLR 70, Figure 2; Figures 2 and 3 of arXiv:1703.00573v1)
show digits and faces of a mixture of three, beside those of one pair of the
same networks. The zoo's mixture has five generators and one discriminator; it
and the pair were trained for the same seconds.

--full trains both models anew, by the recipes of the zoo (MNIST from TFDS).
Run it: python examples/figure2.py
"""

import common
import numpy as np

import keras_mixgan as kmg
from keras_mixgan.presets import recipes

MIXTURE = "mix_dcgan_mnist"
PAIR = recipes.pair_of(MIXTURE)
ROWS = 2


def models(full: bool) -> tuple[kmg.MixGAN, kmg.MixGAN]:
    """Returns the mixture and the pair, from the zoo or trained anew."""
    if full:
        made = [kmg.runs.train({}, recipe=name) for name in (MIXTURE, PAIR)]
    else:
        made = [kmg.MixGAN.from_preset(name) for name in (MIXTURE, PAIR)]
    return tuple(made)


def main(argv: list[str] | None = None) -> list[np.ndarray]:
    """Draws and writes the figure; returns its blocks of images."""
    given = common.arguments("figure2", argv, __doc__)
    mixture, pair = models(given.full)
    labels = range(10) if mixture.conditional else None
    count = 10 * ROWS
    blocks = [
        mixture.generate(count, labels, seed=0),
        pair.generate(count, labels, seed=0),
    ]
    titles = ["MIX+DCGAN", "DCGAN"]
    for i, weight in enumerate(mixture.generator_weights):
        blocks.append(mixture.generate(count, labels, component=i, seed=1))
        titles.append(f"MIX+DCGAN, generator {i}, weight {weight:.2f}")
    picture = kmg.plotting.sample_grid(blocks, titles)
    common.save_picture(picture, given.out)
    return blocks


if __name__ == "__main__":
    main()
