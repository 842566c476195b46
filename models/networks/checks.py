"""What every network asks of its sizes and of the images that it is given."""

from __future__ import annotations

from models.errors import ModelError

LARGEST = 10**9
"""Of a size: no machine holds the weights between two layers as wide, and products of a few larger
ones pass 64 bits."""


def check_sizes(network: str, **sizes: int) -> None:
    """Make sure that every size is at least 1, and no larger than :data:`LARGEST`.

    Args:
        network: what is built, for the message ("an NB201 network").
        sizes: by the name of the argument.

    Raises:
        ModelError: one is not.
    """
    for name, value in sizes.items():
        if value < 1:
            raise ModelError(f"{name} is {value}, {network} needs at least 1")
        if value > LARGEST:
            raise ModelError(f"{name} is {value:,}, {network} has at most {LARGEST:,}")


def check_image(height: int, width: int, halvings: int) -> None:
    """Make sure that an image can be halved so often and keep a pixel.

    Raises:
        ModelError: it is too small.
    """
    least = 2**halvings
    if min(height, width) < least:
        raise ModelError(
            f"images of {height}×{width} pixels cannot be halved {halvings} times: expected at "
            f"least {least}×{least}"
        )
