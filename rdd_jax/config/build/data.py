"""Applies a configuration's data options: groups, label noise, validation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from rdd_jax import data, networks
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.sizes import TooLarge


def as_given(options: Config, dataset: data.Dataset, seed: int) -> data.Dataset:
  """Applies new labels, rare groups, noise and the validation split, in order.

  Args:
    options: `config.data`.
    dataset: as it was loaded.
    seed: the root seed; the same one makes the same data set.

  Returns:
    The data set to distill, without the validation images, whose labels are
    noisy as well.

  Raises:
    UserError: if an option is invalid, or does not fit the data set.
  """
  key = jax.random.key(seed)
  if options.labels:
    dataset = data.relabeled(dataset, options.labels)
  if options.rare:
    dataset = data.rarefy(dataset, options.rare, key)
  if options.noise:
    dataset = data.corrupt(
      dataset,
      data.stand_in(options.noise, dataset),
      key,
      human_labels=options.human_labels,
      data_dir=options.data_dir or None,
    )
  if options.validation:
    rows, _ = data.split_validation(dataset, options.validation, key)
    dataset = data.take(dataset, rows)
  return dataset


def cleans_only(config: Config) -> bool:
  """Tells whether a configuration distills nothing and judges nothing.

  >>> from rdd_jax.config.defaults import config
  >>> cleans_only(config())
  False
  """
  return config.steps == 0 and config.evaluation.seeds == 0


def _every_row(name: str, **options: Any) -> data.Dataset:
  """All rows that have labels; one stands in for the test that none needs."""
  found = data.load_split(name, 'all', **options)
  dataset = data.from_arrays(
    found.images,
    found.labels,
    found.images[:1],
    found.labels[:1],
    class_names=found.class_names,
    train_groups=found.groups,
    train_names=found.names,
    name=name,
  )
  return replace(dataset, notes=found.notes)


def in_memory_or_not(
  read: Callable[..., data.Dataset], stream: bool
) -> data.Dataset:
  """Reads images, or streams them where asked to, or where they do not fit.

  Args:
    read: takes `stream`.
    stream: whether they are streamed in any case.

  Raises:
    UserError: as `read` does.
  """
  try:
    return read(stream=stream)
  except TooLarge as error:
    with suppress(UserError):
      found = read(stream=True)
      say(f'{str(error).partition(";")[0]}: they are streamed from disk')
      return found
    raise


def load(config: Config) -> data.Dataset:
  """Loads the data set of a configuration, see `as_given`.

  Images are streamed from disk where `config.data.stream` says so, or where
  they do not fit into memory, with a message. If the data set is missing and
  `config.data.mock` is set, mock images of its shape take its place, with a
  message. A depth of 0 becomes what fits the images. Where labels are cleaned
  and no more, no test rows are held out.

  Raises:
    UserError: if the data is missing or malformed, or an option is invalid.
  """
  options = config.data
  read = partial(
    _every_row if cleans_only(config) else data.load,
    options.name,
    data_dir=options.data_dir or None,
    size=options.size or None,
    channels=options.channels or None,
    workers=options.workers or None,
  )
  try:
    dataset = in_memory_or_not(read, options.stream)
  except UserError as error:
    if not options.mock or options.name.partition(':')[2] not in data.SHAPES:
      raise
    say(f'{error}; mock images of its shape take its place')
    dataset = data.mock(options.name.partition(':')[2])
  if config.network.get('depth') == 0:
    config.network.depth = networks.fitting_depth(dataset.image_shape)
  noise = data.stand_in(options.noise, dataset)
  if noise != options.noise:
    say(f'mock images have no {options.noise} labels; {noise} stands in')
  return as_given(options, dataset, config.seed)
