"""A mixture covers the ring of 8 Gaussians, the field's test of collapse."""

import keras
import numpy as np

import keras_mixgan as kmg


def test_a_mixture_covers_all_modes_of_the_ring():
    model = kmg.MixGAN(
        kmg.architectures.mlp_generator((2,), latent_dim=16, width=64),
        kmg.architectures.mlp_discriminator((2,), width=64),
        num_generators=8,
        num_discriminators=1,
        seed=0,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5),
        payoff_estimate="linear",
        steps_per_execution=50,
    )
    data = kmg.data.load("ring", batch_size=256, start_step=0)
    model.fit(data, steps_per_epoch=1000, verbose=0)
    points = model.generate(4000, seed=0)
    centers = kmg.sources.ring_centers()
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)
    good = distances.min(axis=1) < 4 * kmg.sources.RING_STD
    counts = np.bincount(distances.argmin(axis=1)[good], minlength=8)
    assert good.mean() > 0.9
    # Each mode holds an eighth of the ring; a quarter of that is no accident.
    assert counts.min() > len(points) / 8 / 4
