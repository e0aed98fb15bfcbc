"""How much one client may ask for."""

import dataclasses

from keras_mixgan.utils import checks

# A float64 in JSON has at most 24 characters; the rest is for ", " or for the
# line break and blanks of indented JSON.
_BYTES_A_NUMBER = 40


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a server, all positive.

    Attributes:
        max_images: Images, or rows, that one request may ask for.
        max_body_bytes: Bytes of a request's body; `None` for what
            `max_images` rows of latents, a uniform number and a label need.
        timeout: Seconds after which a request is given up.
        max_requests: Requests answered at the same time.
        max_connections: Connections open at the same time; `None` for four
            to each request, and at least 256.
        idle_timeout: Seconds after which a connection is closed if no header
            was completed, or the answer is not read. It may last twice as
            long.

    Example:
    >>> Limits(max_images=16).body_bytes(latent_dim=64)
    43264
    """

    max_images: int = 256
    max_body_bytes: int | None = None
    timeout: float = 30.0
    max_requests: int = 64
    max_connections: int | None = None
    idle_timeout: float = 10.0

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if value is not None:
                checks.number(name, value)

    @property
    def connections(self) -> int:
        """The most connections."""
        return self.max_connections or max(256, 4 * self.max_requests)

    def body_bytes(self, latent_dim: int) -> int:
        """Bytes that a body may have, for latents of this length."""
        numbers = self.max_images * (latent_dim + 2)
        return self.max_body_bytes or 1024 + _BYTES_A_NUMBER * numbers
