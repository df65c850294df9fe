"""Node makers, a file for each kind of step; importing this registers all of them."""

from . import arithmetic, contractions, control, images, layouts, quantized, rows, selection
from .registry import MAKERS, Maker, node_maker

__all__ = [
    "MAKERS",
    "Maker",
    "arithmetic",
    "contractions",
    "control",
    "images",
    "layouts",
    "node_maker",
    "quantized",
    "rows",
    "selection",
]
