"""Builds the tests under distribution shift that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np

from rdd_jax.config.defaults import Config
from rdd_jax.core import keys
from rdd_jax.core.errors import UserError, choose
from rdd_jax.data import Dataset, shifts
from rdd_jax.data.images import whole
from rdd_jax.evaluation.shift import attacks
from rdd_jax.evaluation.shift import clusters as grouping
from rdd_jax.evaluation.shift.shift import Shift, Shifted
from rdd_jax.images.preprocessing import Preprocessing

DENSITIES = ('', 'pixels', 'features')


def load(
  config: Config, dataset: Dataset, preprocess: Preprocessing
) -> Shift | None:
  """Builds what `config.shift` asks for; None where it asks for nothing.

  All that takes time or chance is done here, once for all networks. What is
  grouped in features waits for `in_features`.

  Args:
    config: of which `shift`, `whole.steps` and `seed` are read.
    dataset: whose test rows are grouped and shifted.
    preprocess: normalizes the pixels that are clustered.

  Raises:
    UserError: for unknown names and numbers that make no sense.
  """
  options = config.shift
  check(config)
  fits(config, dataset)
  kinds = shifts.kinds_of(options.corruptions)
  chosen = tuple(attacks.parse(spec) for spec in options.attacks)
  if not (
    options.clusters or options.density or options.published or kinds or chosen
  ):
    return None
  key = keys.named(jax.random.key(config.seed), 'shift')
  images, labels = dataset.test_images, dataset.test_labels
  clusters, deciles = {}, None
  if options.clusters or options.density == 'pixels':
    points = grouping.flat(images, preprocess)
    if options.clusters:
      clusters[''] = grouping.clusters(points, options.clusters)
    if options.density == 'pixels':
      step = -(-len(dataset.train_images) // grouping.REFERENCE)
      reference = grouping.flat(dataset.train_images[::step], preprocess)
      deciles = grouping.density_deciles(points, reference)
  sets = []
  if options.published:
    sets += [
      Shifted(moved, labels, kind)
      for kind, moved in shifts.published(whole(images), key).items()
    ]
  rows = shifts.some_rows(labels, options.rows, key)
  sets += [
    Shifted(
      shifts.corrupted(images[rows], kind, severity, key),
      labels[rows],
      kind,
      severity,
    )
    for kind in kinds
    for severity in options.severities
  ]
  return Shift(
    clusters=clusters,
    deciles=deciles,
    sets=tuple(sets),
    attacks=chosen,
    images=images[rows],
    labels=labels[rows],
    key=key,
  )


def needs_features(config: Config) -> bool:
  """Tells whether a network on the full training set is to group test rows."""
  options = config.shift
  return bool(options.features and options.clusters) or (
    options.density == 'features'
  )


def in_features(
  config: Config, test: np.ndarray, train: np.ndarray
) -> dict[str, list[int]]:
  """Groups test rows by features of test and training rows.

  Args:
    config: of which `shift` is read.
    test: `f[n, d]`, features of the test rows.
    train: `f[m, d]`, features of training rows.

  Returns:
    Group ids, `clusters` and `deciles` where they are asked for, for JSON.
  """
  options, found = config.shift, {}
  if options.features and options.clusters:
    found['clusters'] = grouping.clusters(test, options.clusters).ids.tolist()
  if options.density == 'features':
    found['deciles'] = grouping.density_deciles(test, train).ids.tolist()
  return found


def with_features(shift: Shift, found: Mapping[str, list[int]]) -> Shift:
  """Adds what `in_features` found to the tests under shift.

  Args:
    shift: the tests.
    found: `clusters` and `deciles`, each n group ids; either may be missing.
  """
  made = {k: grouping.grouping(np.asarray(v)) for k, v in found.items()}
  if 'clusters' in made:
    more = {**shift.clusters, 'feature_': made['clusters']}
    shift = shift._replace(clusters=more)
  return shift._replace(deciles=made.get('deciles', shift.deciles))


def check(config: Config) -> None:
  """Checks `config.shift` without any data, before time is spent.

  Raises:
    UserError: for unknown names and numbers that make no sense.
  """
  options = config.shift
  choose('shift.density', options.density, dict.fromkeys(DENSITIES))
  shifts.kinds_of(options.corruptions)
  for spec in options.attacks:
    attacks.parse(spec)
  if needs_features(config) and not config.whole.steps:
    raise UserError(
      'shift.features and shift.density=features take a network on the whole '
      'training set; set whole.steps, or group by pixels'
    )
  if not set(options.severities) <= set(shifts.SEVERITIES):
    raise UserError(
      f'shift.severities is {tuple(options.severities)}; give some of '
      f'{shifts.SEVERITIES}'
    )
  if options.clusters < 0 or options.clusters == 1:
    raise UserError(
      f'shift.clusters={options.clusters}: give 2 or more, such as 10, or 0 '
      'for none'
    )


def fits(config: Config, dataset: Dataset) -> None:
  """Checks that there are as many test rows as clusters of them.

  Args:
    config: of which `shift` is read.
    dataset: whose test rows are grouped.

  Raises:
    UserError: if there are fewer.
  """
  rows = len(dataset.test_labels)
  if config.shift.clusters > rows:
    raise UserError(
      f'shift.clusters={config.shift.clusters}, but {dataset.name} has {rows} '
      f'test rows: give a number from 2 to {rows}, or 0 for none'
    )
