"""How much one client may ask for."""

import dataclasses

# Requests that arrive within this time are computed together.
BATCH_DELAY = 0.003
# Rows computed together; a larger request is computed alone.
MAX_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        max_images: Images, or rows, that one request may ask for.
        max_body_bytes: Bytes of a request's body.
        timeout: Seconds after which a request is given up.
        max_queue: Requests of a model that may wait.
        max_bad_requests: Bad requests that one address may send a minute
            before it is turned away; 0 for any number.

    Raises:
        ValueError: One of them is not positive.

    Example:
    >>> Limits(max_images=16).timeout
    30.0
    """

    max_images: int = 256
    max_body_bytes: int = 8 * 2**20
    timeout: float = 30.0
    max_queue: int = 128
    max_bad_requests: int = 60

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "max_bad_requests" else 1
            if field.type is float:
                if not 0 < value < float("inf"):
                    raise ValueError(
                        f"`{field.name}` must be positive. Received: "
                        f"{field.name}={value}"
                    )
            elif value < least:
                raise ValueError(
                    f"`{field.name}` must be at least {least}. Received: "
                    f"{field.name}={value}"
                )
