"""What distilled sets are compared with: coresets, the full training set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax import data
from rdd_jax.artifact import card as cards
from rdd_jax.artifact import store
from rdd_jax.config.build import shift as build_shift
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.measure import empirical, rows_of
from rdd_jax.data import Dataset
from rdd_jax.evaluation.evaluate import summarize
from rdd_jax.evaluation.ood.detect import detect
from rdd_jax.evaluation.shift.shift import measure as measure_shift
from rdd_jax.experiment.trial import (
  INITIAL,
  Trial,
  coreset,
  held,
  keep_curves,
  network_keys,
  real,
  remember,
  seed_directory,
)
from rdd_jax.synthetic import coresets
from rdd_jax.synthetic.view import stored_ipc
from rdd_jax.training.fit import embed, fit_in_turn, predict

BASELINES = ('random', 'herding', 'k_center')


def stored(trial: Trial, seed: int) -> store.Distilled:
  """Loads what was distilled from a seed.

  Args:
    trial: the run.
    seed: the distillation seed, from 0.

  Raises:
    UserError: if it is damaged, or was put there from another run whose
      networks have another number of outputs.
  """
  directory = seed_directory(trial.workdir, seed)
  found = _as_judged(trial, store.load(directory))
  has, needed = found.targets.shape[1], trial.experiment.spec.num_outputs
  if has != needed:
    raise UserError(
      f'the set in {directory} is for networks of {has} outputs, and this '
      f"configuration has {needed}: it is another run's; give a --workdir of "
      'its own'
    )
  return found


def _as_judged(trial: Trial, found: store.Distilled) -> store.Distilled:
  """Returns a set whose card says how it is judged now, not when it was made.

  But for a learning rate that was learned with it.
  """
  config = trial.config
  evaluation = config.evaluation.to_dict()
  if config.synthetic.step_size:
    rate = found.card['evaluation']['learning_rate']
    evaluation['learning_rate'] = rate
  kernel = config.kernel.to_dict()
  card = {
    **found.card,
    'evaluation': evaluation,
    'regression': {'kernel': kernel, 'ridge': kernel.pop('ridge')},
    'outside': config.outside.to_dict(),
    'shift': config.shift.to_dict(),
  }
  return replace(found, card=card)


def baseline(trial: Trial, arm: str, seed: int) -> store.Distilled:
  """Returns what a distilled set is compared with, at equal storage.

  Args:
    trial: the run.
    arm: 'initial', what distillation started from; 'random', random real
      rows; or the name of a coreset.
    seed: the distillation seed, from 0.

  Raises:
    UserError: for an unknown baseline.
  """
  if arm == 'initial':
    path = seed_directory(trial.workdir, seed) / INITIAL
    return _as_judged(trial, store.load(path))
  if arm == 'random':
    root = keys.named(jax.random.key(trial.config.seed), 'baseline')
    rows = coresets.random(
      jax.random.fold_in(root, seed),
      trial.dataset.train_labels,
      stored_ipc(trial.experiment.cells, trial.dataset.num_classes),
      trial.dataset.num_classes,
    )
  else:
    rows = np.asarray(choose('baseline', arm, whole(trial)['coresets']))
  return coreset(trial, rows, seed)


def whole_batch(dataset: Dataset, num_outputs: int) -> Batch:
  """Returns all training rows, as uint8: they are preprocessed in flight.

  Args:
    dataset: N training rows.
    num_outputs: of the networks, and the width of the targets.
  """
  measure = empirical(dataset.train_labels, num_outputs)
  rows = jnp.arange(len(measure.cells))
  return rows_of(measure, rows, jnp.asarray(dataset.train_images))


def whole(trial: Trial) -> dict[str, Any]:
  """Trains networks on the full training set, and chooses coresets by one.

  Returns:
    `row`, the metrics of those networks, None where `whole.steps` is 0;
    `coresets`, row numbers by name, chosen in the features of the first
    network, or in pixels where there is none; and `groups` of test rows in
    those features, where `config.shift` asks for them.
  """
  return remember(
    trial.workdir / 'evaluations' / 'whole.json', lambda: _whole(trial)
  )


def _whole(trial: Trial) -> dict[str, Any]:
  dataset, recipe = trial.dataset, trial.experiment.whole
  images, labels = dataset.train_images, dataset.train_labels
  groups: dict[str, list[int]] = {}
  if recipe is None:
    row = None
    features = images.reshape(len(images), -1)
  else:
    net = trial.experiment.net
    batch = whole_batch(dataset, trial.experiment.spec.num_outputs)
    variables = fit_in_turn(
      net,
      batch,
      recipe,
      tell=trial.tell,
      num_classes=dataset.num_classes,
      input_shape=images.shape[1:],
      seeds=network_keys(trial.config.seed, trial.config.whole.seeds),
      preprocess=trial.preprocess,
    )
    logits = predict(net, variables, dataset.test_images, trial.preprocess)
    row = summarize(logits, held(dataset), dataset.num_classes)
    first = jax.tree.map(lambda v: v[0], variables)
    features = embed(net, first, images, trial.preprocess)
    if trial.shift is not None:
      if build_shift.needs_features(trial.config):
        tests = embed(net, first, dataset.test_images, trial.preprocess)
        groups = build_shift.in_features(trial.config, tests, features)
      row |= measure_shift(
        net,
        variables,
        build_shift.with_features(trial.shift, groups),
        logits,
        dataset.test_labels,
        num_classes=dataset.num_classes,
        preprocess=trial.preprocess,
      )
    if trial.outside is not None:
      found, curves = detect(
        net,
        variables,
        batch,
        trial.outside,
        recipe,
        num_classes=dataset.num_classes,
        preprocess=trial.preprocess,
        key=network_keys(trial.config.seed, 1)[0],
      )
      row |= found
      keep_curves(trial, 'whole', curves)
  classes = dataset.num_classes
  size = stored_ipc(trial.experiment.cells, classes), classes
  chosen = {
    'herding': coresets.herding(features, labels, *size),
    'k_center': coresets.k_center(features, labels, *size),
  }
  return {
    'row': row,
    'coresets': {name: rows.tolist() for name, rows in chosen.items()},
    'groups': groups,
  }


def baseline_like(
  name: str, distilled: store.Distilled, dataset: data.Dataset, key: Array
) -> store.Distilled:
  """Chooses real rows at the storage of a set; they take its card.

  Args:
    name: one of `BASELINES`; 'herding' and 'k_center' choose by pixels.
    distilled: the set whose stored images are counted, outliers too.
    dataset: whose training rows are chosen from.
    key: of the random ones.
  """
  choose('baseline', name, dict.fromkeys(BASELINES))
  classes, labels = dataset.num_classes, dataset.train_labels
  ipc = stored_ipc(distilled.cells, classes)
  if name == 'random':
    rows = coresets.random(keys.named(key, 'baseline'), labels, ipc, classes)
  else:
    pixels = dataset.train_images.reshape(len(labels), -1)
    rows = getattr(coresets, name)(pixels, labels, ipc, classes)
  outputs = distilled.targets.shape[1]
  return real(
    dataset,
    rows,
    outputs,
    distilled.preprocessing,
    {
      **distilled.card,
      'factor': 1,
      'label_kind': 'hard',
      'labels': cards.labels(outputs),
      'numbers': {},
    },
  )
