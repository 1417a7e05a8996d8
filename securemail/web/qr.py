"""QR codes as SVG for the page itself: no file whose address could be kept, no style attribute, no data address."""

from typing import Final

import segno
from markupsafe import Markup

QUIET: Final = 4
"""Modules of white around the code (ISO/IEC 18004)."""
_SVG: Final = Markup(
    '<svg viewBox="0 0 {size} {size}" shape-rendering="crispEdges" aria-hidden="true"><path d="{path}"/></svg>'
)


def svg(text: str) -> Markup:
    """A code for a text, one path of black squares on whatever stands behind it."""
    # The lowest level of repair, or what fits beside: nothing wears a screen off, and the squares stay large.
    code = segno.make(text, error="l", micro=False)
    rows = list(code.matrix_iter(border=QUIET))
    path = "".join(_row(number, bytes(row)) for number, row in enumerate(rows))
    return _SVG.format(size=len(rows), path=path)


def _row(number: int, modules: bytes) -> str:
    drawn, start = "", 0
    while (begin := modules.find(1, start)) >= 0:
        start = modules.find(0, begin)
        start = len(modules) if start < 0 else start
        drawn += f"M{begin} {number}h{start - begin}v1H{begin}z"
    return drawn
