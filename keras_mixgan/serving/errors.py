"""What a client is told when its request is not answered."""


class RequestError(Exception):
    """A request that is refused, with the status that says whose fault it is.

    Args:
        status: HTTP status, such as 400.
        message: The reason, for the client.
        retry_after: Seconds after which to come back, where that helps.
    """

    def __init__(
        self, status: int, message: str, retry_after: int | None = None
    ):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def bad_request(message: str) -> RequestError:
    """A request that must be changed: status 400."""
    return RequestError(400, message)
