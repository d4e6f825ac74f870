"""Draws the charts of a page, and writes each beside it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rdd_jax.report.blocks import Chart
from rdd_jax.report.figures import style

if TYPE_CHECKING:
  from matplotlib.figure import Figure


class Drawing:
  """Draws charts, and writes each as PDF, SVG and PNG where it is told to.

  Attributes:
    drawn: the names of all figures so far.
  """

  def __init__(self, directory: Path | None, *, wanted: bool = True):
    """Draws nothing yet.

    Args:
      directory: below which files are written; None writes none.
      wanted: False draws nothing at all.
    """
    self._directory, self._wanted = directory, wanted
    self.drawn: list[str] = []

  def __call__(
    self, name: str, make: Callable[[], Figure], what: str, caption: str
  ) -> list[Chart]:
    """Draws one chart; none where none are wanted.

    Args:
      name: of its files.
      make: returns the figure.
      what: it shows, for those who do not see it.
      caption: how to read it.
    """
    if not self._wanted:
      return []
    with style.styled():
      figure = make()
      if self._directory is None:
        svg, files = style.render(figure, name, 'svg'), {}
      else:
        svg = style.write(self._directory, figure, name)
        files = {
          kind.upper(): f'{style.DIRECTORY}/{name}.{kind}'
          for kind in style.FORMATS
        }
    self.drawn.append(name)
    label = f'<svg role="img" aria-label="{escape(what)}"'
    return [
      Chart(style.inline(svg).replace('<svg', label, 1), what, caption, files)
    ]
