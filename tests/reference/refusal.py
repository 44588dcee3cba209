"""Why an order is refused."""


class RefusedError(Exception):
    """An order or a change of one was refused, for a reason of section 8."""

    def __init__(self, reason: str) -> None:
        """`reason` is one of the names of section 8, or MAX_POSITION."""
        super().__init__(reason)
        self.reason = reason
