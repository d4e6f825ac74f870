"""Reads sets that others made, which are evaluated like our own.

Their files say nothing of the data set, the network and the recipe, so these
come from a configuration: that of distribution matching on the data set that
is named, or any other that is given.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from rdd_jax import data
from rdd_jax.artifact import store, third_party
from rdd_jax.config import defaults
from rdd_jax.config.build import experiment
from rdd_jax.config.build.data import as_given
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import datasets, gradient
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import trial

WHITENING = 0.1  # the regularisation of MTT and its successors


class Told(NamedTuple):
  """What the user says of a set; '' and 0 leave it to be found out.

  Attributes:
    labels: a file of their own, or 'ordered'; see `imports.understand`.
    images_key: the name of the images in their file.
    labels_key: the name of the labels in theirs.
    layout: 'HWC' or 'CHW'.
    scale: see `imports.pixels.SCALES`.
    label_kind: 'hard', 'probabilities' or 'logits'.
  """

  labels: str = ''
  images_key: str = ''
  labels_key: str = ''
  layout: str = ''
  scale: str = ''
  label_kind: str = ''


class Other(NamedTuple):
  """A set, the data set whose test rows evaluate it, and what was assumed."""

  distilled: store.Distilled
  dataset: data.Dataset
  notes: tuple[str, ...]


def is_ours(path: Path) -> bool:
  """Tells whether the path is a directory, or an npz, that `artifact` reads."""
  if path.is_dir():
    return (path / store.CARD).exists()
  return path.name == store.ARRAYS or path.name == store.CARD


def self_described(path: Path) -> store.Distilled | None:
  """Returns the set of a single file that carries its card; None for any other.

  Raises:
    UserError: as `imports.read` does, or for a file that is not as its card
      says.
  """
  if path.is_dir():
    return None
  raw = third_party.read(path)
  if raw.card is None:
    return None
  if raw.sha256 not in (None, third_party.digest(raw.arrays)):
    raise UserError(
      f'{path} is damaged (the SHA-256 of its arrays is not '
      f'{str(raw.sha256)[:12]}..., as it says); copy or convert it again'
    )
  return store.from_arrays(raw.arrays, raw.card, str(path))


def config_for(name: str, dataset: data.Dataset) -> Config:
  """Returns how sets on a data set are evaluated: its preset's recipe, if any.

  Elsewhere a ConvNet as deep as the images allow, without augmentation.

  Args:
    name: of the data set, as `config.data.name`.
    dataset: whose image shape gives the depth.
  """
  for known, preset in datasets.DATA.items():
    if preset.source == name and preset.published:
      return gradient.dm(known)
  config = defaults.config()
  config.name = name
  config.data.name = name
  side = min(dataset.image_shape[:2])
  config.network.depth = max(2, math.ceil(math.log2(side)) - 2)
  return config


def load(
  path: Path,
  told: Told,
  *,
  name: str = '',
  like: Config | None = None,
  data_dir: str = '',
  size: int = 0,
  channels: int = 0,
  zca: float = 0.0,
) -> Other:
  """Reads a set and the data set that it is evaluated on.

  Args:
    path: of the file or directory.
    told: what the user says of it.
    name: of the data set, as `data.load` takes it; by default that of `like`.
    like: a configuration whose data, network and recipe evaluate it.
    data_dir: where TFDS data sets are.
    size: resizes the data set's images.
    channels: converts them.
    zca: whitens what networks take, at this regularization; 0 does not, but
      for images that are whitened, which take MTT's.

  Raises:
    UserError: wherever there is no one answer.
  """
  if not (name or like):
    raise UserError(
      f'{path} has no card of ours: name the data set whose test rows judge, '
      'by --dataset=tfds:cifar10, or a config by --like=configs/dm_cifar10.py'
    )
  config = like.copy_and_resolve_references() if like else defaults.config()
  name = name or config.data.name
  dataset = data.load(
    name,
    data_dir=data_dir or config.data.data_dir or None,
    size=size or config.data.size or None,
    channels=channels or config.data.channels or None,
  )
  if like is None:
    config = config_for(name, dataset)
  else:
    config.unlock()
  config.data.update({'name': name, 'data_dir': data_dir})
  config.data.size = size or config.data.size
  config.data.channels = channels or config.data.channels
  config.data.zca = zca or config.data.zca
  dataset = as_given(config.data, dataset, config.seed)
  raw = third_party.read(path, dataset.image_shape[-1])
  labels: third_party.Raw | str | None = None
  if told.labels:
    ordered = told.labels == third_party.ORDERED
    labels = told.labels if ordered else third_party.read(Path(told.labels))
  found = third_party.understand(
    raw,
    dataset.image_shape,
    dataset.class_names,
    str(path),
    **{**told._asdict(), 'labels': labels},
  )
  if found.scale == 'whitened' and not config.data.zca:
    config.data.zca = WHITENING
  preprocess = experiment.preprocessing(config, dataset)
  card = trial.card_of(
    config,
    dataset,
    dataset.num_classes,
    labels='hard' if found.labels.kind == 'hard' else 'soft',
  )
  notes = (*found.notes, _preprocessing(config))
  card['source'] = {
    'path': str(path),
    'sha256': third_party.digest(raw.arrays),
    'assumed': list(notes),
  }
  distilled = third_party.adopt(found, preprocess, card, str(path))
  return Other(distilled, dataset, notes)


def _preprocessing(config: Config) -> str:
  options = config.data
  if options.zca:
    frepo = options.zca_convention == 'frepo'
    of_mean = ' of their mean' if frepo else ''
    return (
      f'networks take images whitened by ZCA of the training rows, '
      f'{options.zca:g}{of_mean} added to the eigenvalues'
    )
  if not options.mean:
    return 'networks take pixels standardised as the training rows are'
  means = ', '.join(f'{m:g}' for m in options.mean)
  stds = ', '.join(f'{s:g}' for s in options.std)
  return f'networks take pixels less ({means}), over ({stds})'
