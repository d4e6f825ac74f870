"""Describes what a run is going to do, in two lines."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from rdd_jax import data, networks
from rdd_jax.config.defaults import Config
from rdd_jax.data.readers.report import some
from rdd_jax.experiment import loop, program
from rdd_jax.experiment.trial import Trial
from rdd_jax.synthetic.view import stored_ipc


def describe(
  trial: Trial, compiled: program.Compiled, mesh: jax.sharding.Mesh
) -> str:
  """Describes what a run is going to do, and what it needs.

  Args:
    trial: the run.
    compiled: its program, of which the memory is told.
    mesh: of the devices that it runs on.
  """
  config, spec = trial.config, trial.experiment.spec
  device = mesh.devices.flat[0]
  weights = jax.eval_shape(
    lambda: networks.init(
      trial.experiment.net, jax.random.key(0), trial.dataset.image_shape
    )['params']
  )
  noise = ''
  if trial.dataset.train_true_labels is not None:
    noise = f'({data.effective_rate(trial.dataset):.1%} mislabelled) '
  classes = spec.num_classes
  stored = stored_ipc(trial.experiment.cells, classes)
  return (
    f'{short(trial.dataset, stored)}'
    f'{config.name}: {spec.num_examples:,} rows of {spec.num_classes} classes '
    f'{noise}to {len(trial.experiment.cells)} images of '
    f'{"x".join(map(str, trial.dataset.image_shape))}; '
    f'{_doing(config)}, {config.network.name} with '
    f'{count(weights):,} parameters\n'
    f'{mesh.size} x {device.device_kind} ({device.platform}); '
    f'{config.seeds} seed(s) of {_steps(config)}; memory: '
    f'{compiled.state_bytes / 2**20:,.0f} MiB of state and data, '
    f'{compiled.work_bytes / 2**20:,.0f} MiB of work'
  )


def _doing(config: Config) -> str:
  name = config.objective.name
  return name if name == 'recovery' else f'{name} matching'


def short(dataset: data.Dataset, stored: int) -> str:
  """Says which classes have fewer rows than are stored of each; '' for none.

  Args:
    dataset: of the training rows.
    stored: images of each class.

  >>> from rdd_jax.data.mock import mock
  >>> short(mock((4, 4, 1), num_classes=2, n=10), 5)
  ''
  >>> short(mock((4, 4, 1), num_classes=2, n=10), 6)
  '2 of 2 classes have fewer than 6 training rows (0, 1): some of these come \
more than once, where real rows are copied\\n'
  """
  sizes = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
  few = [dataset.class_names[c] for c in np.flatnonzero(sizes < stored)]
  if not few:
    return ''
  return (
    f'{len(few)} of {len(sizes)} classes have fewer than {stored} training '
    f'rows ({some(few)}): some of these come more than once, where real rows '
    'are copied\n'
  )


def _steps(config: Config) -> str:
  """Says how many steps are taken, as calls of several are not cut short.

  >>> from rdd_jax.config.defaults import config
  >>> given = config()
  >>> given.steps, given.steps_per_call = 25, 10
  >>> _steps(given)
  '30 steps (steps=25, in calls of 10)'
  """
  each = config.steps_per_call
  taken = loop.taken(config)
  more = f' (steps={config.steps}, in calls of {each})'
  return f'{taken:,} steps{more if taken > config.steps else ""}'


def count(tree: Any) -> int:
  """Counts the numbers in a tree.

  >>> count({'a': jax.ShapeDtypeStruct((2, 3), 'f4')})
  6
  """
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))
