"""Sets the looks of figures, and writes each as PDF, PNG and SVG.

Figures are as wide as a paper's column. What tells series apart is a color and
a marker or a style of line, so that they read in grey and by color-blind
readers; the colors are Okabe and Ito's, where those are dark enough on white.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import gc
import io
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from rdd_jax.runtime.files import write_atomically

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

DIRECTORY = 'figures'  # below that of the run
FORMATS = ('pdf', 'svg', 'png')
WIDTH = 3.25  # inches, of a column
DPI = 200
INK, SOFT, FAINT, PAPER = '#1b1e23', '#5d646d', '#d3d7dc', '#fffffe'
FILL = '#b7bec7'  # of what is in-distribution
SERIES = ('#0072b2', '#c24e00', '#007f5c', '#a34a86', '#7d6608', '#4d4d4d')
# In a page, colors are those of its style sheet, which has dark ones.
VARIABLES = {
  INK: '--ink',
  SOFT: '--soft',
  FAINT: '--line',
  PAPER: '--page',
  FILL: '--fill',
} | {color: f'--series-{i}' for i, color in enumerate(SERIES)}
RC: Any = {  # of settings, as matplotlib calls them
  'font.family': 'DejaVu Sans',  # comes with matplotlib: the same everywhere
  'font.size': 6.5,
  'axes.titlesize': 6.5,
  'axes.labelsize': 6.5,
  'xtick.labelsize': 6,
  'ytick.labelsize': 6,
  'legend.fontsize': 6,
  'legend.frameon': False,
  'legend.handlelength': 2.2,
  'text.color': INK,
  'axes.labelcolor': INK,
  'axes.titlecolor': INK,
  'axes.edgecolor': SOFT,
  'xtick.color': SOFT,
  'ytick.color': SOFT,
  'xtick.labelcolor': INK,
  'ytick.labelcolor': INK,
  'axes.facecolor': 'none',
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.linewidth': 0.6,
  'axes.titlepad': 3,
  'axes.labelpad': 2,
  'xtick.major.size': 2,
  'ytick.major.size': 2,
  'xtick.major.width': 0.6,
  'ytick.major.width': 0.6,
  'xtick.major.pad': 2,
  'ytick.major.pad': 2,
  'grid.color': FAINT,
  'grid.linewidth': 0.5,
  'lines.linewidth': 1.1,
  'lines.markersize': 3.5,
  'hatch.linewidth': 0.5,
  'pdf.fonttype': 42,  # TrueType, as publishers ask for
  'svg.fonttype': 'none',  # text stays text
  'text.parse_math': False,  # names may have dollars in them
}


class Look(NamedTuple):
  """Tells one series from another.

  Attributes:
    color: hexadecimal.
    marker: as matplotlib calls it.
    line: likewise, a style.
    face: of the marker.
  """

  color: str
  marker: str
  line: Any
  face: str


OWN = Look(SERIES[0], 'o', '-', SERIES[0])
_OTHERS = (
  Look(SERIES[5], 's', (0, (1, 1)), PAPER),
  Look(SERIES[1], '^', (0, (4, 1.5)), SERIES[1]),
  Look(SERIES[2], 'D', (0, (4, 1, 1, 1)), SERIES[2]),
  Look(SERIES[3], 'v', (0, (2, 1)), SERIES[3]),
  Look(SERIES[4], 'P', (0, (6, 1.5)), SERIES[4]),
  Look(SERIES[5], 'X', (0, (1, 2)), SERIES[5]),
  Look(SERIES[1], '<', (0, (3, 2, 1, 2)), PAPER),
  Look(SERIES[2], '>', (0, (5, 3)), PAPER),
)


def looks(names: list[str], own: str) -> dict[str, Look]:
  """Returns how each series looks; a run's own has the strongest look.

  Args:
    names: of all series, in a figure's order.
    own: the one that is set off.

  >>> looks(['random', 'distilled'], 'distilled')['distilled'].marker
  'o'
  """
  others = [name for name in names if name != own]
  found = {n: _OTHERS[i % len(_OTHERS)] for i, n in enumerate(others)}
  return found | {own: OWN}


@contextmanager
def styled() -> Iterator[None]:
  """Draws by the settings of this module, and of no user's file.

  Fonts are taken apart into very many small objects, and looking for garbage
  among them would take a fifth of the time.
  """
  import matplotlib

  collects = gc.isenabled()
  gc.disable()
  try:
    with matplotlib.rc_context():
      matplotlib.rcdefaults()
      matplotlib.rcParams.update(RC)
      yield
  finally:
    if collects:
      gc.enable()


def blank(height: float) -> Figure:
  """Returns an empty figure, as wide as a column.

  Args:
    height: in inches.
  """
  from matplotlib.figure import Figure

  return Figure(figsize=(WIDTH, height), facecolor='none')


def axes(
  figure: Figure, left: float, bottom: float, width: float, height: float
) -> Axes:
  """Adds axes whose place is given in inches, not in shares of the figure."""
  across, up = figure.get_size_inches()
  return figure.add_axes(
    (left / across, bottom / up, width / across, height / up)
  )


def shorten(text: str, most: int = 18) -> str:
  """Cuts a name that would take more than its place.

  >>> shorten('a class with a very long name', 12)
  'a class wit…'
  """
  return text if len(text) <= most else f'{text[: most - 1]}…'


def room(names: list[str]) -> float:
  """Returns inches that names take at the left of a chart, about."""
  return 0.055 * max(map(len, names), default=0) + 0.08


def render(figure: Figure, name: str, kind: str) -> bytes:
  """Renders a figure; equal figures give equal bytes.

  Args:
    figure: of matplotlib.
    name: of the figure, which keeps identifiers of several apart.
    kind: 'pdf', 'svg' or 'png'.
  """
  import matplotlib

  dates = {
    'pdf': {'CreationDate': None, 'Producer': None},
    'svg': {'Date': None},
    'png': {'Software': None},
  }
  matplotlib.rcParams['svg.hashsalt'] = name
  out = io.BytesIO()
  paper = 'white' if kind == 'png' else 'none'
  figure.savefig(
    out, format=kind, dpi=DPI, metadata=dates[kind], facecolor=paper
  )
  return out.getvalue()


def write(directory: Path, figure: Figure, name: str) -> bytes:
  """Writes a figure in each format below a run's directory; returns its SVG.

  Args:
    directory: of the run.
    figure: of matplotlib.
    name: of the files, without an ending.
  """
  place = directory / DIRECTORY
  place.mkdir(parents=True, exist_ok=True)
  made = {kind: render(figure, name, kind) for kind in FORMATS}
  for kind, data in made.items():
    write_atomically(place / f'{name}.{kind}', data)
  return made['svg']


def inline(svg: bytes) -> str:
  """Returns an SVG as it stands in a page, in the colors of its style sheet.

  Args:
    svg: as `render` returns it.

  >>> inline(b'<?xml version="1.0"?><svg><g id="a" fill="#1b1e23"/></svg>')
  '<svg><g fill="var(--ink)"/></svg>'
  """
  text = svg.decode()
  text = text[text.index('<svg') :]
  text = re.sub(r'(?s) *<metadata>.*?</metadata>\n?', '', text)
  text = re.sub(r'(?s) *<style.*?</style>\n?', '', text)
  used = set(re.findall(r'#([\w-]+)["\')]', text))
  text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else '', text)
  for color, variable in VARIABLES.items():
    text = text.replace(color, f'var({variable})')
  text = re.sub(
    r"font: ([\d.]+px) 'DejaVu Sans'[^;\"]*", r'font-size: \1', text
  )
  return re.sub(r'(?m)^ +', '', text).strip()
