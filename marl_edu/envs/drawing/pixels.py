"""Pictures as arrays of pixels, for films: SVG drawn by resvg, which needs no browser.

The colours are the light ones; the letters are those that matplotlib brings, so that a picture has
the same pixels on every machine.
"""

import io
import re
from functools import cache
from pathlib import Path

import numpy as np

from marl_edu.envs.drawing.junction import AGENT_COLOURS, COLOURS

LIGHT = {name: light for name, (_, _, light, _) in COLOURS.items()}
LIGHT |= {f"a{k}": fill for k, (fill, _) in enumerate(AGENT_COLOURS)}
LIGHT |= {f"t{k}": text for k, (_, text) in enumerate(AGENT_COLOURS)}


def pixels(svg: str) -> np.ndarray:
    """A picture of an environment as uint8 `(height, width, 3)`, one pixel per unit of the SVG.

    Height and width are even, since films want that: an odd last row or column is left out.

    Raises:
        ImportError: resvg-py is not installed.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise ImportError(
            'render_mode="rgb_array" needs resvg-py, which turns SVG into pixels: '
            "pip install 'marl-edu[film]'"
        ) from error
    from PIL import Image

    start, _, rest = re.split(r'( style="[^"]*")', svg, maxsplit=1)  # what variables stand for
    plain = re.sub(r"var\(--(\w+)\)", lambda found: LIGHT[found[1]], start + rest)
    png = resvg_py.svg_to_bytes(
        svg_string=plain,
        background=LIGHT["paper"],
        skip_system_fonts=True,
        font_files=_fonts(),
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )
    whole = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    height, width, _ = whole.shape
    return whole[: height - height % 2, : width - width % 2].copy()


@cache
def _fonts() -> list[str]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [str(folder / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
