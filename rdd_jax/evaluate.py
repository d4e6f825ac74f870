"""Judges a distilled set: `python -m rdd_jax.evaluate PATH [--networks=...]`.

Trains networks from scratch by the recipe on the set's card, and prints their
metrics on the test rows of the data set that it was distilled from.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from absl import flags
import jax
from ml_collections import ConfigDict

from rdd_jax import (
  arms,
  artefact,
  command,
  data,
  defaults,
  foreign,
  networks,
  recipe,
  shifted,
)
from rdd_jax.context import Context
from rdd_jax.errors import UserError
from rdd_jax.evaluation.judge import evaluate_networks
from rdd_jax.evaluation.metrics import Row
from rdd_jax.factories import chains
from rdd_jax.metrics import table
from rdd_jax.transform import DataSpec

_NETWORKS = flags.DEFINE_list(
  'networks', [], 'Names, for a cross-architecture table; by default its own.'
)
_SEEDS = flags.DEFINE_integer('seeds', 5, 'Networks trained of each kind.')
_SEED = flags.DEFINE_integer('seed', 0, 'The root of their randomness.')
_EPOCHS = flags.DEFINE_integer('epochs', None, 'Instead of those on the card.')
_DATA_DIR = flags.DEFINE_string('data_dir', None, 'The TFDS directory.')
_BY_CLASS = flags.DEFINE_bool('by_class', False, 'Print each class too.')
_OUT = flags.DEFINE_string('out', None, 'Where to write the table, as JSON.')


def rows(
  distilled: artefact.Distilled,
  dataset: data.Dataset,
  names: list[str],
  *,
  seeds: int,
  seed: int = 0,
  epochs: int | None = None,
  data_dir: str = '',
) -> dict[str, Row]:
  """The metrics of each network trained on the set.

  Args:
    distilled: the set.
    dataset: whose test rows judge.
    names: of networks; none means the one that the set was matched with.
    seeds: networks of each kind.
    seed: the root of their randomness.
    epochs: instead of those on the card.
    data_dir: where TFDS data sets are, instead of where the card says.
  """
  card = distilled.card
  config = defaults.config()
  config.evaluation.update(card['evaluation'])
  config.student.update(card['student'] or {})
  config.outside.update(card['outside'])
  config.shift.update(card.get('shift', {}))
  # There is no network of the whole set here whose features could group rows.
  config.shift.features = False
  if config.shift.density == 'features':
    config.shift.density = ''
  config.seed = card['seeds']['root']
  config.data.data_dir = data_dir or card['data']['data_dir']
  config.synthetic.factor = card['factor']
  if epochs is not None:
    config.evaluation.epochs = epochs
  outputs = distilled.targets.shape[1]
  classes = dataset.num_classes
  spec = DataSpec(
    num_examples=len(dataset.train_labels),
    num_classes=classes,
    num_outputs=outputs,
    num_cells=int(distilled.cells.max()) + 1,
    num_groups=0,
  )
  own = card['network']
  nets = {
    name: networks.build(name, outputs) for name in names if name != own['name']
  }
  if not names or own['name'] in names:
    nets = {
      own['name']: recipe.network(ConfigDict(own), outputs),
      **nets,
    }
  context = Context(
    spec,
    distilled.preprocessing,
    input_shape=dataset.image_shape,
    data_dir=config.data.data_dir,
  )
  student = chains(config, 'student', context)
  held = arms.held(dataset)
  return evaluate_networks(
    nets,
    artefact.to_batch(distilled),
    held,
    recipe.evaluation(config),
    num_classes=classes,
    preprocess=distilled.preprocessing,
    seeds=jax.random.split(jax.random.key(seed), seeds),
    student=student,
    outside=foreign.load(config, dataset),
    shift=shifted.load(config, dataset, distilled.preprocessing),
  )


def load(card: Mapping[str, Any], data_dir: str = '') -> data.Dataset:
  """The data set that a card names, with the rare subgroups made in it.

  By the key that the training rows were made with, so that the test rows are
  those of the run.

  Args:
    card: of a distilled set.
    data_dir: instead of where the card says.
  """
  options = card['data']
  scheme, _, name = options['name'].partition(':')
  if scheme == 'mock':
    dataset = data.mock(name)
  else:
    dataset = data.load(
      options['name'],
      data_dir=data_dir or options['data_dir'] or None,
      size=options['size'] or None,
      channels=options['channels'] or None,
    )
  if options.get('rare'):
    key = jax.random.key(card['seeds']['root'])
    dataset = data.rarefy(dataset, options['rare'], key)
  return dataset


def main(argv: list[str]) -> None:
  if len(argv) != 2:
    raise UserError(
      'give one distilled set: python -m rdd_jax.evaluate RUNS/NAME'
    )
  distilled = artefact.load(argv[1])
  dataset = load(distilled.card, _DATA_DIR.value or '')
  found = rows(
    distilled,
    dataset,
    _NETWORKS.value,
    seeds=_SEEDS.value,
    seed=_SEED.value,
    epochs=_EPOCHS.value,
    data_dir=_DATA_DIR.value or '',
  )
  print(table(found, [*foreign.columns(found), *shifted.columns(found)]))
  if _BY_CLASS.value:
    by_class = {
      name: {own: row[f'class_{c}'] for own, row in found.items()}
      for c, name in enumerate(dataset.class_names)
    }
    print(table(by_class, list(found)))
  if _OUT.value:
    Path(_OUT.value).write_text(json.dumps({'rows': found}, indent=1))


if __name__ == '__main__':
  command.start(main)
