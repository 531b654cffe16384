"""The screens that goals are made of: 72 x 80 shades, 0 the lightest to 3, as the views half, mean and packed show."""

from typing import Final

HEIGHT: Final = 72
WIDTH: Final = 80
SHADES: Final = 4
PER_BYTE: Final = 4
"""Shades in a byte of a packed frame, the leftmost in its lowest two bits."""
