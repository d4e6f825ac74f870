"""Holds what a page is made of, from top to bottom; templates lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rdd_jax.report.pictures import Pictures
from rdd_jax.report.table import Table


class Text(NamedTuple):
  """Holds a paragraph."""

  text: str
  soft: bool = False


class Terms(NamedTuple):
  """Holds names and what they mean, or are.

  Attributes:
    items: from a name to what it means.
    short: whether that is a word or two.
  """

  items: Mapping[str, str]
  short: bool = False


class Listed(NamedTuple):
  """Holds lines that belong together.

  Attributes:
    title: says what they are.
    lines: of text.
  """

  title: str
  lines: Sequence[str]


class Code(NamedTuple):
  """Holds text that is shown as it is."""

  title: str
  text: str


class Chart(NamedTuple):
  """Holds a figure.

  Attributes:
    svg: what is drawn, in the colors of the page.
    what: it shows, for those who do not see it.
    caption: how to read it.
    files: where else it is, beside the page: format to address.
  """

  svg: str
  what: str
  caption: str
  files: Mapping[str, str]


class Charts(NamedTuple):
  """Holds figures that stand side by side where there is room."""

  charts: Sequence[Chart]


class Details(NamedTuple):
  """Holds what is folded until somebody asks for it."""

  title: str
  blocks: Sequence[Block]


Block = Text | Terms | Listed | Code | Charts | Table | Pictures | Details


class Section(NamedTuple):
  """Holds a heading and what stands below it.

  Attributes:
    title: its heading.
    blocks: from top to bottom; a section without any is left out.
  """

  title: str
  blocks: Sequence[Block]


class File(NamedTuple):
  """Holds a file beside the page.

  Attributes:
    address: relative to the page.
    what: it holds.
  """

  address: str
  what: str
