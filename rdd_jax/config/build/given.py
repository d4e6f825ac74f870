"""The set that distillation starts from, where `synthetic.init` is a path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdd_jax.artifact import card as cards
from rdd_jax.artifact import store, third_party
from rdd_jax.config.build import given_file
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.data import Dataset
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime.logging import say
from rdd_jax.synthetic import view

LEARNED = ('soft', 'free')  # labels that start from those of the set


class Given(NamedTuple):
  """The first rows of a start, cell by cell; others start as from real rows.

  Attributes:
    images: `f32[n, H, W, C]`, the scale of pixels in [0, 1], not clipped.
    targets: `f32[n, o]`.
    label_kind: of the targets: 'hard', 'soft' or 'free'.
    scale: of free ones.
    source: the path, and a digest of the set, for cards.
  """

  images: np.ndarray
  targets: np.ndarray
  label_kind: str
  scale: float
  source: dict[str, str]


def load(
  config: Config, dataset: Dataset, preprocess: Preprocessing
) -> Given | None:
  """Loads the set of `synthetic.init`; None where that is no path.

  Pixels are what is taken of a set, so that it may have been whitened or
  standardized in another way than the run is.

  Args:
    config: of which `synthetic` is read.
    dataset: that is distilled.
    preprocess: of its images; the set of another must have been through it,
      where it holds no pixels.

  Raises:
    UserError: if there is no such set, or one that does not fit.
  """
  if config.synthetic.init in given_file.INITS:
    return None
  where = f'init={config.synthetic.init}'
  found, notes = given_file.read(config, dataset, preprocess, where)
  _require_fit(config, dataset, found, where)
  found, named = _named_alike(found, dataset)
  rows, left = _rows(config, dataset, found, where)
  notes += [*named, *left, *_labels(config, dataset, found, where)]
  rate, start = _rate(found), config.synthetic.step_size
  if start and rate and not np.isclose(rate, start):
    notes.append(
      f'its learning rate {rate:g} is left out, '
      f'--config.synthetic.step_size={rate:g} starts from it'
    )
  if config.seeds > 1:
    notes.append(f'all {config.seeds} seeds start from it')
  say('; '.join((f'{where}: starts from {len(rows)} images of it', *notes)))
  return Given(
    found.images[rows],
    found.targets[rows],
    _kind(found),
    found.card.get('labels', cards.labels(1))['scale'],
    {
      'path': config.synthetic.init,
      'sha256': third_party.digest(store.to_arrays(found)),
    },
  )


def _kind(found: store.Distilled) -> str:
  """The kind of a set's targets, whoever made them."""
  kind = str(found.card.get('label_kind', 'hard'))
  return {'stored': 'soft', 'teacher': 'hard', 'epochs': 'hard'}.get(kind, kind)


def _rate(found: store.Distilled) -> float:
  return found.card.get('evaluation', {}).get('learning_rate', 0.0)


def _require_fit(
  config: Config, dataset: Dataset, found: store.Distilled, where: str
) -> None:
  height, width, channels = found.images.shape[1:]
  names, factor = found.card['class_names'], found.card['factor']
  name = found.card.get('data', {}).get('name', '')
  if found.images.shape[1:] != dataset.image_shape:
    size = f'--config.data.size={height}' if height == width else ''
    raise UserError(
      f'{where} has images of {height}x{width}x{channels}, and {dataset.name} '
      f'of {"x".join(map(str, dataset.image_shape))}: give '
      f'{size or "a set of these"} --config.data.channels={channels}'
    )
  if len(names) != dataset.num_classes:
    raise UserError(
      f'{where} has {len(names)} classes, and {dataset.name} '
      f'{dataset.num_classes}: give a set of {dataset.name}'
      + (f', or --config.data.name={name}' if name != dataset.name else '')
    )
  if factor != config.synthetic.factor:
    raise UserError(
      f'{where} stores {factor**2} rows in an image, and this configuration '
      f'{config.synthetic.factor**2}: give --config.synthetic.factor={factor}'
    )


def _named_alike(
  found: store.Distilled, dataset: Dataset
) -> tuple[store.Distilled, list[str]]:
  """Numbers the classes of a set as the data set does, by their names."""
  names, wanted = list(found.card['class_names']), list(dataset.class_names)
  if names == wanted:
    return found, []
  if sorted(names) != sorted(wanted) or len(set(names)) < len(names):
    pairs = [f'{a} is {b}' for a, b in zip(names, wanted, strict=True)]
    return found, [f'its classes are taken in order: {", ".join(pairs[:3])}...']
  order = np.array([wanted.index(name) for name in names])
  inside = found.cells < len(names)
  cells, targets = found.cells.copy(), found.targets.copy()
  cells[inside] = order[cells[inside]]
  targets[:, order] = found.targets[:, : len(order)]
  arrays = store.to_arrays(found) | {'cells': cells, 'targets': targets}
  told = 'its classes are in another order, and taken by name'
  return store.from_arrays(arrays, found.card, 'the set'), [told]


def _rows(
  config: Config, dataset: Dataset, found: store.Distilled, where: str
) -> tuple[np.ndarray, list[str]]:
  """Returns the rows of a set that a run starts with, cell by cell."""
  options, classes = config.synthetic, dataset.num_classes
  own = view.layout(classes, options.ipc, options.slots, options.slot_images)
  rows = np.argsort(found.cells, kind='stable')
  if np.array_equal(found.cells[rows], own):
    return rows, []
  inside = rows[found.cells[rows] < classes]
  counts = np.bincount(found.cells[inside], minlength=classes)
  if (counts != options.ipc).any():
    least, most = counts.min(), counts.max()
    raise UserError(
      f'{where} has {least} images of each class, and ipc={options.ipc}: give '
      f'--config.synthetic.ipc={least}'
      if least == most
      else f'{where} has from {least} to {most} images of a class: give a set '
      f'of as many of each, {options.ipc}'
    )
  left = len(rows) - len(inside)
  return inside, [f'its {left} outlier images are left out'] if left else []


def _labels(
  config: Config, dataset: Dataset, found: store.Distilled, where: str
) -> list[str]:
  """Says which labels of a set are left out; refuses those that do not fit."""
  wanted, kind = config.synthetic.labels, _kind(found)
  if found.teacher is not None:
    return ['the teacher of its labels is left out']
  if wanted not in LEARNED or kind == 'hard':
    return [] if kind == 'hard' else [f'its {kind} labels are left out']
  outputs = dataset.num_classes + int(config.synthetic.reject)
  if found.targets.shape[1] != outputs:
    raise UserError(
      f'{where} has {kind} labels of {found.targets.shape[1]} outputs, and '
      f'networks have {outputs}: give --config.synthetic.reject='
      f'{not config.synthetic.reject}'
    )
  if kind == 'free' and wanted == 'soft':
    raise UserError(
      f'{where} has free labels, which are no probabilities: give '
      '--config.synthetic.labels=hard, which leaves them out'
    )
  return []
