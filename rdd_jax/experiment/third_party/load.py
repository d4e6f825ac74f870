"""Reads sets that others made, and the data set that judges them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rdd_jax import data
from rdd_jax.artifact import store, third_party
from rdd_jax.config import defaults
from rdd_jax.config.build import experiment
from rdd_jax.config.build.data import as_given
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import sets
from rdd_jax.experiment.third_party.inputs import (
  configure,
  factor_of,
  other_convention,
  preprocessing_note,
)
from rdd_jax.experiment.third_party.recipe import (
  config_for,
  found_rate,
  origin,
  preset_for,
)
from rdd_jax.experiment.third_party.told import Told


class Other(NamedTuple):
  """A set, what evaluates it, and what was assumed.

  Attributes:
    distilled: the set.
    dataset: whose test rows evaluate it.
    notes: sentences that say what was assumed.
    allow_code: whether functions that its card names are called: where the
      card was made of what the user named, they are the user's own.
  """

  distilled: store.Distilled
  dataset: data.Dataset
  notes: tuple[str, ...]
  allow_code: bool = True


def load(
  paths: Path | Sequence[Path],
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
    paths: of the file or directory, or of the files that hold parts of it.
    told: what the user says of it.
    name: of the data set, as `data.load` takes it; by default that of `like`.
    like: a configuration whose data, network, recipe and factor evaluate it.
    data_dir: where TFDS data sets are.
    size: resizes the data set's images.
    channels: converts them.
    zca: whitens what networks take, at this regularization; 0 does not, but
      for images that are whitened, which take MTT's.

  Raises:
    UserError: wherever there is no one answer.
  """
  files = third_party.expand([paths] if isinstance(paths, Path) else paths)
  where = str(files[0]) + (f' and {len(files) - 1} more' if files[1:] else '')
  if not (name or like):
    raise UserError(
      f'{where} has no card of ours: name the data set whose test rows judge, '
      'by --dataset=tfds:cifar10, or a config by --like=configs/dm_cifar10.py'
    )
  config = (
    like.copy_and_resolve_references()
    if like
    else preset_for(name) or defaults.config()
  )
  name = name or config.data.name
  config.unlock()
  config.data.size = size or config.data.size
  config.data.channels = channels or config.data.channels
  options = config.data
  dataset = data.load(
    name,
    data_dir=data_dir or options.data_dir or None,
    size=options.size or None,
    channels=options.channels or None,
  )
  if like is None:
    config = config_for(name, dataset)
  config.data.update(
    {
      'name': name,
      'data_dir': data_dir,
      'size': options.size,
      'channels': options.channels,
    }
  )
  config.data.zca = zca or config.data.zca
  dataset = as_given(config.data, dataset, config.seed)
  raw, joined = third_party.read_all(
    files, partial(third_party.read, channels=dataset.image_shape[-1])
  )
  found = third_party.understand(
    raw,
    dataset.image_shape,
    dataset.class_names,
    where,
    labels=_labels(told),
    images_key=told.images_key,
    labels_key=told.labels_key,
    layout=told.layout,
    scale=told.scale,
    label_kind=told.label_kind,
    experiment=told.experiment,
    classes=third_party.read_names(Path(told.classes), dataset.class_names)
    if told.classes
    else (),
  )
  configure(config, told, found)
  factor, formation = factor_of(
    told.factor, like and like.synthetic.factor, found, where
  )
  preprocess = experiment.preprocessing(config, dataset)
  card = sets.card_of(
    config,
    dataset,
    dataset.num_classes,
    labels={'hard': 'hard', 'free': 'free'}.get(found.labels.kind, 'soft'),
    factor=factor,
  )
  distilled = third_party.adopt(found, preprocess, card, where)
  notes = (
    *joined,
    *found.notes,
    *formation,
    preprocessing_note(config),
    *third_party.plausible(
      distilled.images, dataset.train_images, other_convention(config)
    ),
    *found_rate(raw.arrays, where, told.learning_rate),
    origin(name, like is not None),
  )
  distilled.card['source'] = {
    'path': where,
    'sha256': third_party.digest(raw.arrays),
    'assumed': list(notes),
  }
  return Other(distilled, dataset, notes)


def _labels(told: Told) -> third_party.Raw | str | None:
  if not told.labels or told.labels == third_party.ORDERED:
    return told.labels or None
  whole = Path(told.labels).exists()  # a name may have a comma in it
  files = third_party.expand([told.labels] if whole else told.labels.split(','))
  return third_party.read_all(files, third_party.read)[0]
