r"""Trains the frozen encoder that `encoded_class` and `encoded_codes` read.

Huang et al. 2017 (arXiv:1612.04357) condition their generators through a
classifier that was trained on real images, and kept. S-GAN's upper generators
make its features. Run from the repository
root:

    python tools/train_encoder.py --source=cifar10 --out=cifar10_encoder.npz
    keras-mixgan train --recipe=mix_dcgan_huang_cifar10 \
        --encoder=cifar10_encoder.npz

It is trained on the training split alone, and its accuracy on a tenth of it
that is kept apart is printed. No score should look through it: the generators
are trained to please it.
"""

import argparse
import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np

from keras_mixgan import sources
from keras_mixgan.architectures import encoder
from keras_mixgan.utils.errors import UserError

HELD_OUT = 10


def train(arguments) -> float:
    """Trains, writes the file, and returns the accuracy on held-out images."""
    keras.utils.set_random_seed(arguments.seed)
    source = sources.load_source(
        arguments.source,
        image_size=arguments.image_size,
        data_dir=arguments.data_dir,
    )
    if source.labels is None:
        raise UserError(
            "`source` must have labels. Received: "
            f"source={arguments.source!r}, which has none"
        )
    order = np.random.default_rng(arguments.seed).permutation(len(source))
    images = source.images[order].astype("float32") / 127.5 - 1.0
    labels, held = source.labels[order], len(source) // HELD_OUT
    network = encoder.encoder(
        source.image_shape, source.num_classes, arguments.width
    )
    network.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.fit(
        images[held:],
        labels[held:],
        batch_size=128,
        epochs=arguments.epochs,
        verbose=2,
    )
    _, accuracy = network.evaluate(images[:held], labels[:held], verbose=0)
    encoder.save(network, arguments.out)
    return accuracy


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--source", default="cifar10")
    parser.add_argument("--out", required=True, help="a file, .npz")
    parser.add_argument("--image_size", type=int, help="as of train")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data_dir")
    arguments = parser.parse_args()
    accuracy = train(arguments)
    print(f"{arguments.out}: {accuracy:.2%} right on held-out images")


if __name__ == "__main__":
    main()
