"""The same training step in eager PyTorch, for `vs_pytorch.py`.

The networks are those of `keras_mixgan/architectures/dcgan.py` for 32x32x3,
layer by layer. The step is that of `keras_mixgan/training/steps.py` with the
full payoff: mixture logits with their regulariser, Adam on both sides, each
discriminator called once on real images and all fakes, batch normalization by
source. It does what PyTorch users do for speed: channels last or not, all
sources in one call or in separate ones, parameters of the other side frozen,
the fused Adam kernel.
"""

import torch
from torch import nn
from torch.nn import functional

REGULARIZER = 0.1


class SourceNorm(nn.BatchNorm2d):
    """Batch normalization with separate statistics for each source."""

    sizes: tuple[int, ...] = ()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalizes (N, C, H, W), source by source."""
        if len(self.sizes) < 2:
            return super().forward(x)
        norm = super().forward
        parts = [norm(part) for part in x.split(self.sizes)]
        return torch.cat(parts)


def generator(latent_dim: int, width: int) -> nn.Module:
    """Latents (B, latent_dim) to images (B, 3, 32, 32)."""

    def up(inputs, outputs, bias):
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)

    return _initialised(
        nn.Sequential(
            nn.Linear(latent_dim, 16 * 4 * width, bias=False),
            nn.Unflatten(1, (4 * width, 4, 4)),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            up(4 * width, 2 * width, False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            up(2 * width, width, False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            up(width, 3, True),
            nn.Tanh(),
        )
    )


def discriminator(width: int) -> nn.Module:
    """Images (B, 3, 32, 32) to logits (B, 1)."""

    def down(inputs, outputs, bias):
        return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=bias)

    return _initialised(
        nn.Sequential(
            down(3, width, True),
            nn.LeakyReLU(0.2),
            down(width, 2 * width, False),
            SourceNorm(2 * width),
            nn.LeakyReLU(0.2),
            down(2 * width, 4 * width, False),
            SourceNorm(4 * width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(16 * 4 * width, 1),
        )
    )


def _initialised(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return network


class Mixture:
    """T generators against T discriminators, and their step.

    Args:
        components: T.
        width: As in `dcgan_generator`.
        latent_dim: Length of a latent vector.
        channels_last: Whether networks and images have that memory format.
        one_call: Whether a discriminator sees all sources in one call, or
            each in a call of its own.
    """

    def __init__(self, components, width, latent_dim, channels_last, one_call):
        self.latent_dim, self.one_call = latent_dim, one_call
        self.format = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        self.generators = nn.ModuleList(
            generator(latent_dim, width) for _ in range(components)
        ).to(memory_format=self.format)
        self.discriminators = nn.ModuleList(
            discriminator(width) for _ in range(components)
        ).to(memory_format=self.format)
        self.alpha_u = nn.Parameter(torch.zeros(components))
        self.alpha_v = nn.Parameter(torch.zeros(components))
        self.optimizers = [
            torch.optim.Adam(
                [alpha, *networks.parameters()],
                lr=1e-4,
                betas=(0.5, 0.999),
                fused=True,
            )
            for alpha, networks in (
                (self.alpha_u, self.generators),
                (self.alpha_v, self.discriminators),
            )
        ]

    def fakes(self, batch_size: int) -> list:
        """A batch of images from every generator."""
        count = len(self.generators)
        latents = torch.randn(count, batch_size, self.latent_dim)
        return [g(z) for g, z in zip(self.generators, latents, strict=True)]

    def score(self, sources: list) -> list:
        """Logits of all discriminators, a list (B, T), one a source."""
        sizes = [len(source) for source in sources]
        if not self.one_call:
            return [
                torch.cat([d(source) for d in self.discriminators], 1)
                for source in sources
            ]
        SourceNorm.sizes = sizes
        images = torch.cat(sources).contiguous(memory_format=self.format)
        logits = torch.cat([d(images) for d in self.discriminators], 1)
        SourceNorm.sizes = ()
        return list(logits.split(sizes))

    def step(self, images: torch.Tensor) -> tuple[float, float]:
        """One alternating update on (B, 3, 32, 32); returns both losses."""
        images = images.contiguous(memory_format=self.format)
        self.discriminators.requires_grad_(True)
        with torch.no_grad():
            fakes = self.fakes(len(images))
        real, *fake = self.score([images, *fakes])
        payoffs = -functional.softplus(-real).mean(0) + torch.stack(
            [-functional.softplus(logits).mean(0) for logits in fake]
        )
        w_u = self.alpha_u.detach().softmax(0)
        loss_v = REGULARIZER * _cross_entropy(self.alpha_v) - (
            w_u @ payoffs @ self.alpha_v.softmax(0)
        )
        self._descend(self.optimizers[1], loss_v)

        self.discriminators.requires_grad_(False)
        logits = self.score(self.fakes(len(images)))
        losses = torch.stack([functional.softplus(-x).mean(0) for x in logits])
        w_v = self.alpha_v.detach().softmax(0)
        loss_u = self.alpha_u.softmax(
            0
        ) @ losses @ w_v + REGULARIZER * _cross_entropy(self.alpha_u)
        self._descend(self.optimizers[0], loss_u)
        return loss_u.item(), loss_v.item()

    @staticmethod
    def _descend(optimizer, loss) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _cross_entropy(alpha: torch.Tensor) -> torch.Tensor:
    return -alpha.log_softmax(0).mean()
