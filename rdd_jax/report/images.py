"""Chooses the images of a page: synthetic, doubtful and rare ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rdd_jax.artifact import store
from rdd_jax.report import groups, label_noise
from rdd_jax.report.pictures import (
  ALL,
  Pictures,
  Tile,
  beside,
  by_class,
  one_each,
  side,
)
from rdd_jax.report.pictures import source as embedded
from rdd_jax.report.table import Table, arm, plain

if TYPE_CHECKING:
  from rdd_jax.report.sections import Found


def synthetic(found: Found) -> list[Pictures]:
  """Shows the set; one of few images beside what it is compared with.

  Args:
    found: of a work directory.
  """
  if not (found.directory / store.ARRAYS).exists():
    return []
  own = store.load(found.directory)
  names = found.class_names
  cells = np.asarray(own.cells)
  if not one_each(cells):
    return [by_class(own.images, cells, names, 'Synthetic images')]
  sets = [
    (name, other.images, other.cells)
    for name, other in _others(found)
    if sorted(np.asarray(other.cells)) == sorted(cells)
    and other.images.shape[1:] == own.images.shape[1:]
  ]
  sets.append((arm(found.own), own.images, cells))
  return [beside(sets, names, 'Synthetic images, and real ones')]


def _others(found: Found) -> Iterator[tuple[str, store.Distilled]]:
  """Loads baselines and variants that stand below a work directory."""
  for name in found.rows:
    if Path(name).name != name:  # which would be elsewhere
      continue
    for place in (
      found.directory / 'baselines' / name,
      found.directory / 'variants' / 'plain' / 'baselines' / name,
      found.directory / 'variants' / name,
    ):
      if (place / store.CARD).exists() and name != found.own:
        yield arm(name), store.load(place)
        break


def doubtful(directory: Path) -> list[Pictures]:
  """Shows the images whose labels are most in doubt.

  Args:
    directory: holds `distrusted.csv` and `distrusted.npz`.
  """
  rows = _read(directory / label_noise.DISTRUSTED)
  pixels = _images(directory / label_noise.PICTURES)
  if len(rows) != len(pixels) or not rows:
    return []
  each = _each(len({row['given'] for row in rows}))
  by_given: dict[str, list[Tile]] = {}
  for row, image in zip(rows, pixels, strict=True):
    tiles = by_given.setdefault(row['given'], [])
    if len(tiles) < each:
      better = row['proposed'] if row['trust'] == 'relabeled' else ''
      what = f'{row["file"]}: given {row["given"]}, proposed {row["proposed"]}'
      below = f'→ {better}' if better else ''
      soft = '' if better else f'{row["proposed"]}?'
      tiles.append(Tile(embedded(image), what, below, soft))
  return [
    Pictures(
      'Labels in doubt',
      (),
      [(f'labeled {name}', tiles) for name, tiles in by_given.items()],
      side(pixels.shape[2]),
      'A row for each label as it was given, the most doubtful image first. '
      'Below: the label that the image got in its place (→), or one that would '
      'fit better where the image was left out (?).',
    )
  ]


def doubts_table(path: Path) -> Table:
  """Tabulates the examples of `distrusted.csv`.

  Args:
    path: of the file.
  """
  with path.open(newline='', encoding='utf-8') as file:
    head, *rows = csv.reader(file)
  return plain(
    'Files of labels in doubt',
    head,
    {str(i): row for i, row in enumerate(rows, 1)},
    'In the order of the pictures.',
  )


def set_apart(
  directory: Path, table: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[Pictures]:
  """Shows images of groups that were set apart.

  Args:
    directory: holds `groups_shown.npz`.
    table: of `groups.json`.
    names: of classes; numbers stand for ().
  """
  pixels = _images(directory / groups.PICTURES)
  if not len(pixels) or sum(len(r.get('shown', ())) for r in table) != len(
    pixels
  ):
    return []
  each, first, lines = _each(len(table)), 0, []
  for label, row in zip(
    names or [str(c) for c in range(len(table))], table, strict=True
  ):
    shown = row['shown']
    if shown:
      own = pixels[first : first + len(shown)][:each]
      lines.append(
        (
          label,
          [
            Tile(embedded(x), f'{name}: {label}, set apart')
            for x, name in zip(own, shown, strict=False)
          ],
        )
      )
    first += len(shown)
  return [
    Pictures(
      'Images that were set apart',
      (),
      lines,
      side(pixels.shape[2]),
      'Images of each class that are not in its largest group.',
    )
  ]


def _each(classes: int) -> int:
  return max(1, min(10, ALL // max(classes, 1)))


def _read(path: Path) -> list[dict[str, str]]:
  if not path.exists():
    return []
  with path.open(newline='', encoding='utf-8') as file:
    return list(csv.DictReader(file))


def _images(path: Path) -> np.ndarray:
  if not path.exists():
    return np.zeros((0, 1, 1, 1), np.uint8)
  return store.unpack(path.read_bytes(), path)['images']
