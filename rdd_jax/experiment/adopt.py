"""Makes a set of arrays: of a script's, or of somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.artifact.store import Distilled
from rdd_jax.artifact.third_party import Images, Targets
from rdd_jax.artifact.third_party import adopt as artifact_of
from rdd_jax.config.build import experiment
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import sets
from rdd_jax.experiment.third_party import config_for
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import build, parse


def adopt(
  images: ArrayLike,
  targets: ArrayLike,
  dataset: data.Dataset,
  *,
  cells: ArrayLike | None = None,
  weights: ArrayLike | None = None,
  network: str = '',
  preprocessing: Preprocessing | None = None,
  evaluation: Mapping[str, Any] | None = None,
  free: bool = False,
) -> Distilled:
  """Makes a set of arrays: of a script's, or of somebody else's.

  Args:
    images: `f[n, H, W, C]` on the scale of [0, 1], clipped or not, or `u8`.
    targets: classes `i[n]`, or probabilities `f[n, o]`.
    dataset: that the set stands for; its name lets `judge` load test rows.
    cells: `i[n]`, the class of each row, or the number of classes + outlier
      slot; None takes the likeliest class.
    weights: `f[n]`; None is one for each row.
    network: that it was matched with, `NAME:OPTION=VALUE`; '' is a ConvNet
      as deep as the images allow.
    preprocessing: from pixels to what networks take; None has the published
      statistics of the data set, or fits them.
    evaluation: fields of the recipe, such as `{'epochs': 300}`, instead of
      those published for the data set; see `config.evaluation`.
    free: targets are those that a regression learned (KIP, FRePo), on the
      simplex or not, and networks are trained by the squared error.

  Raises:
    UserError: if arrays are not as `rdd_jax.artifact.schema` says.

  >>> images = np.arange(64, dtype=np.uint8).reshape(4, 4, 4, 1)
  >>> labels = np.array([0, 0, 1, 1])
  >>> dataset = data.from_arrays(images, labels, images, labels)
  >>> adopt(images[::2], labels[::2], dataset, network='mlp')
  <Distilled arrays: 2 classes, 1 image of each, 4x4x1
    labels: hard
    network: mlp>
  """
  pixels, given = np.asarray(images), np.asarray(targets)
  _require(pixels, given, dataset)
  hard = given.ndim == 1
  rows = np.eye(dataset.num_classes)[given] if hard else given
  chosen = rows.argmax(1) if cells is None else np.asarray(cells)
  labels = Targets(rows.astype(np.float32), chosen.astype(np.int32), '')
  recipe = {'loss': 'squared'} if free else {}
  config = _config(
    dataset, network, rows.shape[1], {**recipe, **(evaluation or {})}
  )
  kind = 'free' if free else 'hard' if hard else 'soft'
  card = sets.card_of(config, dataset, rows.shape[1], labels=kind)
  preprocess = preprocessing or experiment.preprocessing(config, dataset)
  scale = 'bytes' if pixels.dtype == np.uint8 else 'unit'
  found = artifact_of(
    Images(pixels, scale, labels, ()), preprocess, card, 'the set'
  )
  if weights is None:
    return found
  found = replace(found, weights=np.asarray(weights, np.float32))
  return store.from_arrays(store.to_arrays(found), card, 'the set')


def _require(
  pixels: np.ndarray, targets: np.ndarray, dataset: data.Dataset
) -> None:
  """Raises a UserError for arrays that do not suit a data set."""
  shape, classes = dataset.image_shape, dataset.num_classes
  if pixels.shape[1:] != shape:
    raise UserError(
      f'images are {list(pixels.shape[1:])}, those of {dataset.name} '
      f'{list(shape)}; resize or convert them'
    )
  if targets.ndim == 1:
    whole = np.issubdtype(targets.dtype, np.integer)
    if not whole or targets.min() < 0 or targets.max() >= classes:
      raise UserError(
        f'targets go from {targets.min():g} to {targets.max():g} as '
        f'{targets.dtype}; give integers from 0 to {classes - 1}'
      )
  elif targets.ndim != 2 or len(targets) != len(pixels):
    raise UserError(
      f'targets are {list(targets.shape)} beside {len(pixels)} images; give a '
      'class, or a row of probabilities, for each'
    )


def _config(
  dataset: data.Dataset,
  network: str,
  outputs: int,
  evaluation: Mapping[str, Any],
) -> Config:
  """What judges a set on a data set: its preset, and what is said instead."""
  config = config_for(dataset.name, dataset)
  config.unlock()
  if network:
    build(network, outputs)  # which refuses one that is none
    name, options = parse(network)
    config.network = {'name': name, **options}
  unknown = set(evaluation) - set(config.evaluation)
  if unknown:
    raise UserError(
      f'evaluation has {min(unknown)!r}; its fields are '
      f'{", ".join(config.evaluation)}'
    )
  config.evaluation.update(evaluation)
  return config
