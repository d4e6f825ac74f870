"""Figures read in grey, on white and on black, and are the same each time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
import re
from typing import Any

from matplotlib.lines import Line2D
import numpy as np
from PIL import Image
import pytest

from rdd_jax.report import render
from rdd_jax.report.figures import lines, ood, parts, style

ROWS = {
  name: {
    metric: {'mean': mean, 'std': 0.02, 'n': 3}
    for metric in ('accuracy', 'worst_group', 'rare_group', 'severity_3')
  }
  for name, mean in (('random', 0.4), ('a<b', 0.5), ('distilled', 0.8))
}
CURVES = {
  'msp': {
    'edges': [0.0, 0.5, 1.0],
    'histograms': {'inside': [0.2, 0.8], 'blobs': [0.7, 0.3]},
    'roc': {'blobs': [[0.0, 0.0], [0.2, 0.9]]},
  }
}
TITLES = {'accuracy': 'accuracy ↑', 'worst_group': 'worst group ↑'}
FIGURES: dict[str, Callable[[], Any]] = {
  'parts': lambda: parts.parts(ROWS, TITLES, 'distilled', 'random'),
  'groups': lambda: parts.groups(ROWS, TITLES),
  'cost': lambda: parts.cost({'a': {'loading': 1.0, 'judging': 2.0}}),
  'histograms': lambda: ood.histograms(CURVES, {'msp': 'MSP'}),
  'roc': lambda: ood.rocs({'MSP': CURVES['msp']['roc']}),
  'loss': lambda: lines.loss(
    {'1': [(1, 2.0), (2, 1.0)], '2': [(1, 3), (2, 2)]}
  ),
  'trust': lambda: lines.trust([{'trusted': 0.5, 'recalled': None}] * 3),
  'severity': lambda: lines.severity(ROWS, [3], 'distilled'),
}


@pytest.mark.parametrize('name', FIGURES)
def test_a_figure_is_written_for_a_column_and_twice_alike(
  name: str, tmp_path: Path
):
  first, again = tmp_path / 'a', tmp_path / 'b'
  for place in (first, again):
    with style.styled():
      svg = style.write(place, FIGURES[name](), name)
  for kind in style.FORMATS:
    files = [x / style.DIRECTORY / f'{name}.{kind}' for x in (first, again)]
    assert files[0].read_bytes() == files[1].read_bytes(), kind
  with Image.open(first / style.DIRECTORY / f'{name}.png') as picture:
    assert picture.width == int(style.WIDTH * style.DPI)
    extrema = picture.convert('L').getextrema()
  assert extrema[0] < 80  # something is drawn
  assert extrema[1] == 255
  pdf = (first / style.DIRECTORY / f'{name}.pdf').read_bytes()
  assert b'/Type3' not in pdf
  assert b'/TrueType' in pdf or b'/CIDFontType2' in pdf
  assert svg.count(b'<text') >= 2  # text is text


@pytest.mark.parametrize('name', ['groups', 'loss', 'roc', 'severity'])
def test_a_legend_has_the_looks_of_its_lines(name: str):
  with style.styled():
    figure = FIGURES[name]()
  (legend,) = figure.legends
  handles, labels = figure.axes[0].get_legend_handles_labels()
  drawn = [getattr(handle, 'lines', [handle])[0] for handle in handles]
  assert [text.get_text() for text in legend.get_texts()] == labels

  def looks(lines: Any) -> list[tuple[str, str, str]]:
    """In their order, of lines and of markers, whichever are drawn."""
    return [
      (kind, line.get_color(), getattr(line, f'get_{kind}')())
      for kind in ('marker', 'linestyle')
      for line in lines
      if getattr(line, f'get_{kind}')() not in ('None', 'none', '')
    ]

  assert looks(legend.findobj(Line2D)) == looks(drawn)


def test_series_are_told_apart_without_color():
  names = [str(i) for i in range(9)]
  found = style.looks(names, '0').values()
  assert len({look.marker for look in found}) == len(names)
  assert len({(str(look.line), look.marker) for look in found}) == len(names)


COLOR = re.compile(r'--([\w-]+): (#[0-9a-f]{3,6})')


def long(color: str) -> str:
  """Of three digits, each stands for two."""
  return color if len(color) == 7 else '#' + ''.join(c + c for c in color[1:])


def luminance(color: str) -> float:
  channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
  linear = [
    c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    for c in channels
  ]
  return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a: str, b: str) -> float:
  low, high = sorted((luminance(a), luminance(b)))
  return (high + 0.05) / (low + 0.05)


def test_colors_are_seen_on_light_and_on_dark_pages():
  css = (render.TEMPLATES / 'style.css').read_text()
  light, dark, *_ = (
    {name: long(color) for name, color in COLOR.findall(block)}
    for block in re.findall(r':root \{(.*?)\}', css, re.S)
  )
  assert light.keys() == dark.keys()
  for scheme in (light, dark):
    for name in ('ink', 'soft', 'link'):
      for below in ('page', 'own', 'tint'):
        assert contrast(scheme[name], scheme[below]) >= 4.5, (name, below)
    for name in [n for n in scheme if n.startswith('series')]:
      assert contrast(scheme[name], scheme['page']) >= 3, name
  # A figure has the colors of a light page.
  for color, variable in style.VARIABLES.items():
    if color != style.PAPER:
      assert light[variable[2:]] == color


def test_the_colors_of_series_differ_in_order():
  assert len(set(style.SERIES)) == len(style.SERIES)
  assert all(a != b for a, b in pairwise(style.SERIES))


def test_an_svg_in_a_page_has_no_identifiers_but_those_it_uses():
  with style.styled():
    svg = style.inline(style.render(FIGURES['severity'](), 'severity', 'svg'))
  ids = re.findall(r' id="([^"]*)"', svg)
  assert len(ids) == len(set(ids))
  assert all(f'#{i}' in svg for i in ids)
  assert not re.search(
    r'#[0-9a-f]{6}\b(?!["\')])', re.sub('#[mphC]\\w+', '', svg)
  )
  assert 'a&lt;b' in svg
