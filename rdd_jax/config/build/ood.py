"""Builds the out-of-distribution benchmark that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
import zlib

import numpy as np

from rdd_jax import data
from rdd_jax.config.defaults import PLACES, Config
from rdd_jax.core.streamed import HostImages
from rdd_jax.data import Dataset
from rdd_jax.data.ood.outliers import split_source
from rdd_jax.data.ood.sets import OODImages, sources
from rdd_jax.evaluation.ood.detect import OODBenchmark, OODSet
from rdd_jax.images.families import family_of


def load(config: Config, dataset: Dataset) -> OODBenchmark | None:
  """Loads what `config.outside` names; returns None where it names nothing.

  Test rows of the data itself are as many as those of a set, drawn likewise.

  Args:
    config: of which `outside`, the chains, `seed` and `data.data_dir` are read.
    dataset: whose test images give the shape, and make the near sets.
  """
  options = config.outside
  if not options.sets:
    return None
  known = seen(config)
  rng = np.random.default_rng([config.seed, zlib.crc32(b'inside')])
  inside = rng.permutation(len(dataset.test_images))[: options.rows]
  found = _sets(config, dataset, options.sets)
  return OODBenchmark(
    inside=dataset.test_images[inside],
    labels=dataset.test_labels[inside],
    sets=tuple(
      OODSet(
        name=s.name,
        images=s.images,
        near=s.near,
        seen=bool(known & {*s.families, source(s.name)}),
      )
      for s in found
    ),
    views=options.views,
    odin=options.odin,
  )


def tested(config: Config, dataset: Dataset) -> list[HostImages]:
  """Loads the images that outliers to train with must not repeat.

  Args:
    config: as in `load`.
    dataset: its own are among them.

  Returns:
    `u8[n, H, W, C]` each: of the data, and of sets that are read.
  """
  names = sources(config.outside.sets)
  # What is made, and not read, needs no loading, and two test images.
  found = _sets(config, dataset, names) if names else []
  return [dataset.train_images, dataset.test_images, *(s.images for s in found)]


def _sets(
  config: Config, dataset: Dataset, names: Sequence[str]
) -> list[OODImages]:
  """Loads the named sets as `config.outside` says; the same rows every time."""
  options = config.outside
  return data.load_ood(
    names,
    dataset.test_images,
    options.rows,
    seed=config.seed,
    data_dir=config.data.data_dir or None,
    missing=options.missing,
    class_names=dataset.class_names,
    overlap=options.overlap,
  )


def seen(config: Config) -> set[str]:
  """Returns families of corruptions, and sources, that some arm trains on."""
  known = set(config.outside.seen)
  for link in links(config.to_dict()):
    for name in link.get('corruptions', ()):
      known.update(family_of(name))
    if 'source' in link:
      known.add(source(link['source']))
  return known


def source(name: str) -> str:
  """Returns a set's name without its split, and without the mark of near sets.

  >>> source('near:rotation90'), source('tfds:dtd@test')
  ('rotation90', 'tfds:dtd')
  """
  return split_source(name.removeprefix('near:'))[0]


def links(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
  """Yields the links of all chains."""
  for place in PLACES:
    yield from config[place].values()


def slot_names(config: Config) -> list[str]:
  """Returns the name of each outlier slot: its corruption or source, if any."""
  names = [f'outliers {i}' for i in range(config.synthetic.slots)]
  for link in config.to_dict()['transform'].values():
    given = tuple(link.get('corruptions', ())) if link.get('by_slot') else ()
    given = given or ((source(link['source']),) if 'source' in link else ())
    first, slots = link.get('first', 0), link.get('slots', 0)
    if given and first + slots <= len(names):
      names[first : first + slots] = [
        given[i % len(given)] for i in range(slots)
      ]
  return names
