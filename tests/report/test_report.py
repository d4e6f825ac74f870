"""The picture shows every image, and the page stands alone."""

from __future__ import annotations

import json
import re

from helpers import Tags
import numpy as np
from PIL import Image
import pytest

from rdd_jax.report import grid_png, write_report
from rdd_jax.report.charts import read_losses
from rdd_jax.report.figures.lines import thinned
from rdd_jax.report.table import Cell
from rdd_jax.report.tables import summary_table


def summary(mean: float, n: int = 3) -> dict:
  return {'mean': mean, 'std': 0.0125, 'n': n, 'values': [mean] * n}


@pytest.mark.parametrize('channels', [1, 3])
def test_every_image_is_in_the_grid_in_its_row(tmp_path, channels):
  cells = np.array([2, 0, 1, 1, 0, 2, 4])  # 2 classes, slots 0 and 2
  images = np.broadcast_to(
    (np.arange(7) / 10 + 0.2)[:, None, None, None], (7, 8, 8, channels)
  ).copy()
  images[0] = 7.0  # clipped
  path = tmp_path / 'grid.png'
  grid_png(path, images, cells, ('cat', 'a class with a very long name'))
  grid = np.asarray(Image.open(path))
  rows = np.array_split(grid, 4)  # two classes and two slots in use
  expected = [(1, 4), (2, 3), (0, 5), (6,)]
  for row, members in zip(rows, expected, strict=True):
    for i in members:
      value = round(255 * min(images[i, 0, 0, 0], 1))
      shown = (row[..., :3] == value).all(-1) & (row[..., 3] == 255)
      assert shown.sum() >= 48 * 48  # enlarged, pixel by pixel


@pytest.fixture
def workdir(tmp_path):
  rows = {
    'random': {'accuracy': summary(0.401), 'ece': summary(0.1)},
    'k_center': {'accuracy': summary(0.35, n=1)},
    'distilled': {'accuracy': summary(0.5), 'auroc_energy': summary(0.9)},
  }
  (tmp_path / 'results.json').write_text(json.dumps({'rows': rows}))
  (tmp_path / 'config.json').write_text(json.dumps({'ipc': '<10>'}))
  lines = [json.dumps({'step': i, 'loss': 1 / (i + 1)}) for i in range(1000)]
  lines += ['{"step": 1000, "time": 3}', '{"step": 1001, "loss": NaN}', '{"st']
  (tmp_path / 'metrics.jsonl').write_text('\n'.join(lines))
  versions = {'jax': '0.10.2', 'rdd_jax': None}
  card = {'versions': versions, 'git': 'abc123'}
  (tmp_path / 'card.json').write_text(json.dumps(card))
  grid_png(
    tmp_path / 'grid.png', np.zeros((2, 8, 8, 1)), np.arange(2), ('a', 'b')
  )
  return tmp_path


def test_the_page_shows_a_run_and_stands_alone(workdir):
  page = write_report(workdir, title='digits <ipc 1>', command='python -m x')
  text = page.read_text()
  tags = Tags()
  tags.feed(text)
  assert not tags.open
  assert all(source.startswith('data:image/') for source in tags.sources)
  assert not re.search(r'https?://(?!www\.w3\.org/)|<script|@import', text)
  assert all(link.startswith('#') for link in re.findall(r'url\((.*?)\)', text))
  # What it leads to is in it, or beside it.
  for link in tags.links:
    if link.startswith('#'):
      assert f'id="{link[1:]}"' in text
    else:
      assert (workdir / link).exists(), link
  assert 'digits &lt;ipc 1&gt;' in text
  assert '&lt;10&gt;' in text
  assert 'jax 0.10.2' in text
  assert 'abc123' in text
  assert 'prefers-color-scheme: dark' in text
  assert 'width=device-width' in text


def test_the_page_leaves_out_what_is_not_there(tmp_path):
  page = write_report(tmp_path, title='empty', command='python -m x')
  assert '<svg' not in page.read_text()
  assert '<table' not in page.read_text()


def test_the_table_is_in_per_cent_with_gaps_where_nothing_was_measured():
  table = summary_table(
    {
      'random': {'accuracy': summary(0.401), 'ece': summary(0.1)},
      'distilled': {'accuracy': summary(0.5, n=1)},
    }
  )
  random, distilled = table.lines
  assert random.cells == [Cell('40.1 ± 1.2'), Cell('10.0 ± 1.2')]
  assert distilled.cells == [Cell('50.0', '+9.9'), Cell('-')]
  assert (random.own, distilled.own) == (False, True)


@pytest.mark.parametrize('n', [2, 3, 400, 401, 5000])
def test_a_curve_spans_all_steps_and_stays_small(n):
  points = thinned([(float(i), float(i + 1)) for i in range(n)])
  assert 1 < len(points) <= 400
  assert points[-1][0] == n - 1
  means = [y for _, y in points]
  assert means == sorted(means)
  assert np.mean(means) == pytest.approx((n + 1) / 2, rel=0.01)


def test_losses_are_read_up_to_a_torn_line(workdir):
  points = read_losses(workdir / 'metrics.jsonl')
  assert points == [(i, 1 / (i + 1)) for i in range(1000)]


def test_names_are_escaped_in_charts_as_well(workdir):
  rows = json.loads((workdir / 'results.json').read_text())['rows']
  found = {
    name: {
      'row': row,
      'cost': {
        'seconds': {'<u>': 2.0},
        'total': 2.0,
        'memory': {'resident': None, 'device': None},
        'devices': 'x',
        'parts': 1,
      },
    }
    for name, row in {
      '<i>&': rows['random'],
      'all of it': rows['distilled'],
    }.items()
  }
  (workdir / 'variants.json').write_text(json.dumps(found))
  cost = found['all of it']['cost']
  (workdir / 'cost.json').write_text(json.dumps(cost))
  text = write_report(workdir, title='x', command='c').read_text()
  assert text.count('&lt;i&gt;&amp;') > 3
  assert '&lt;u&gt;' in text
  assert '<i>' not in text
  assert '<u>' not in text


def test_without_charts_the_numbers_stay(workdir):
  drawn = write_report(workdir, title='x', command='c').read_text()
  plain = write_report(workdir, title='x', command='c', draw=False).read_text()
  assert '<svg' in drawn
  assert '<svg' not in plain
  numbers = re.findall(r'<td>.*?</td>', drawn)
  assert numbers
  assert re.findall(r'<td>.*?</td>', plain) == numbers


def test_the_page_of_anothers_set_says_what_was_assumed_and_how_it_ranks(
  workdir,
):
  results = json.loads((workdir / 'results.json').read_text())
  results['ranking'] = {'hlr': 0.1234, 'ior': -0.05, 'lrs': 0.3, 'ars': 0.4}
  (workdir / 'results.json').write_text(json.dumps(results))
  card = json.loads((workdir / 'card.json').read_text())
  card['source'] = {'path': 'x.pt', 'assumed': ['pixels are <0..255>', 'HWC']}
  (workdir / 'card.json').write_text(json.dumps(card))
  text = write_report(workdir, title='x', command='python -m x').read_text()
  assert 'pixels are &lt;0..255&gt;; HWC.' in text
  assert '<td>0.123</td>' in text
  assert '<td>-0.050</td>' in text
