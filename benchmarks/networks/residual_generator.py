"""SNGAN's residual generator against DCGAN's discriminator.

A contestant of a race, a base for CIFAR-10.
"""

from keras_mixgan import architectures

ARCHITECTURE = architectures.Architecture(
    "residual_generator",
    architectures.sngan_generator,
    architectures.dcgan_discriminator,
    ((32, 32, 3),),
    architectures.get("dcgan").training,
)
