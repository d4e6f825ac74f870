"""Loads what a card names: its configuration, and its data set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rdd_jax import data
from rdd_jax.config import defaults
from rdd_jax.config.build.data import as_given, in_memory_or_not
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins


def config_of(card: Mapping[str, Any]) -> Config:
  """Returns the part of a configuration that stands on a card."""
  config = defaults.config()
  known = {k: v for k, v in card['data'].items() if k in config.data}
  config.data.update(known)
  config.evaluation.update(card['evaluation'])
  config.student.update(card['student'] or {})
  # As cards were judged that do not speak of it.
  config.outside.overlap = 'keep'
  config.outside.update(card['outside'])
  config.shift.update(card.get('shift', {}))
  config.seed = card['seeds']['root']
  config.synthetic.factor = card['factor']
  if 'regression' in card:
    config.kernel.update(card['regression']['kernel'])
    config.kernel.ridge = card['regression']['ridge']
  return config


def load(
  card: Mapping[str, Any],
  data_dir: str = '',
  *,
  training: bool = False,
  allow_code: bool = False,
) -> data.Dataset:
  """Loads the data set that a card names, with its rare subgroups.

  By the key that the training rows were made with, so that the test rows are
  those of the run.

  Args:
    card: of a distilled set.
    data_dir: instead of where the card says.
    training: whether training rows are needed as well: with their wrong
      labels, and without those that were held out for validation.
    allow_code: whether a function that the card names as data set is called.

  Raises:
    UserError: for a function that is named without `allow_code`.
  """
  options = config_of(card).data
  options.data_dir = data_dir or options.data_dir
  scheme, _, name = options.name.partition(':')
  if scheme == 'mock':
    dataset = data.mock(name)
  else:
    with plugins.of_card(allow_code):
      read = partial(
        data.load,
        options.name,
        data_dir=options.data_dir or None,
        size=options.size or None,
        channels=options.channels or None,
      )
      dataset = in_memory_or_not(read, options.stream)
  if not training:
    options.labels, options.noise, options.validation = '', '', 0.0
  return as_given(options, dataset, card['seeds']['root'])
