"""The table of a run: baselines and distilled sets, judged alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.config.build import shift as build_shift
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.measure import empirical, rows_of
from rdd_jax.data import Dataset
from rdd_jax.evaluation.evaluate import Held, evaluate, summarise
from rdd_jax.evaluation.metrics import Row, pool
from rdd_jax.evaluation.ood.curves import Curves
from rdd_jax.evaluation.ood.detect import detect
from rdd_jax.evaluation.regression import REGRESSIONS
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.evaluation.shift.shift import measure as measure_shift
from rdd_jax.experiment import regression
from rdd_jax.experiment.trial import INITIAL, Trial, coreset, seed_directory
from rdd_jax.runtime.files import write_atomically
from rdd_jax.synthetic import coresets as synthetic_coresets
from rdd_jax.synthetic.view import stored_ipc
from rdd_jax.training.fit import embed, fit_many, predict


def judge(
  trial: Trial, arm: str, seed: int, found: Callable[[], store.Distilled]
) -> dict[str, Row]:
  """The metrics of one arm at one distillation seed, for each network.

  Args:
    trial: the run.
    arm: its name in the table.
    seed: the distillation seed; arms of a seed share their network seeds.
    found: loads the set, if it is still to be judged. Networks are trained at
      the learning rate on its card, which may be a learned one.

  Returns:
    A row for each network; that of the run itself is called 'matched', and
    those of regressions 'ntk', 'nngp' and 'conjugate'.
  """
  options = trial.config.evaluation

  def measure(name: str) -> Row:
    net = trial.experiment.net
    seeds = network_keys(trial, seed, options.seeds)
    if name in REGRESSIONS:
      return regression.judge(
        name,
        found(),
        seeds,
        held=held(trial.dataset),
        config=trial.config,
        num_classes=trial.dataset.num_classes,
        net=net,
        recipe=trial.experiment.evaluation,
        student=trial.experiment.student,
      )
    if name != 'matched':
      net = trial.experiment.judges[name]
    chosen = found()
    return evaluate(
      net,
      store.to_batch(chosen),
      held(trial.dataset),
      trial.experiment.evaluation,
      num_classes=trial.dataset.num_classes,
      preprocess=trial.preprocess,
      seeds=seeds,
      student=trial.experiment.student,
      learning_rate=chosen.card['evaluation']['learning_rate'],
      outside=trial.outside,
      shift=shift(trial),
      show=lambda curves: (
        keep_curves(trial, arm, curves)
        if name == 'matched' and not seed
        else None
      ),
    )

  return {
    name: remember(
      trial.workdir / 'evaluations' / f'{arm}-{name}-{seed}.json',
      lambda name=name: measure(name),
    )
    for name in ('matched', *options.networks)
  }


def keep_curves(trial: Trial, arm: str, curves: Curves) -> None:
  """Writes the detection curves of an arm's first network, for the report."""
  path = trial.workdir / 'curves' / f'{arm}.json'
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomically(path, json.dumps(curves).encode())


def held(dataset: Dataset) -> Held:
  """The test rows."""
  return Held(
    dataset.test_images,
    dataset.test_labels,
    dataset.test_groups,
    dataset.test_rare,
  )


def shift(trial: Trial) -> Shift | None:
  """What networks are judged by besides, with groups in features."""
  if trial.shift is None or not build_shift.needs_features(trial.config):
    return trial.shift
  return build_shift.with_features(trial.shift, whole(trial)['groups'])


def network_keys(trial: Trial, seed: int, n: int) -> Array:
  """The `n` network seeds of a distillation seed."""
  root = keys.named(jax.random.key(trial.config.seed), 'networks')
  return jax.random.split(jax.random.fold_in(root, seed), n)


def stored(trial: Trial, seed: int) -> store.Distilled:
  """What was distilled from a seed.

  Raises:
    UserError: if it is damaged, or was put there from another run whose
      networks say something else.
  """
  directory = seed_directory(trial.workdir, seed)
  found = store.load(directory)
  has, needed = found.targets.shape[1], trial.experiment.spec.num_outputs
  if has != needed:
    raise UserError(
      f'the set in {directory} is for networks of {has} outputs, and this '
      f"configuration has {needed}: it is another run's; give a --workdir of "
      'its own'
    )
  return found


def baseline(trial: Trial, arm: str, seed: int) -> store.Distilled:
  """What a distilled set is compared to, at its storage and in its format.

  Real rows; or 'initial', what its distillation started from.
  """
  if arm == 'initial':
    return store.load(seed_directory(trial.workdir, seed) / INITIAL)
  if arm == 'random':
    root = keys.named(jax.random.key(trial.config.seed), 'baseline')
    rows = synthetic_coresets.random(
      jax.random.fold_in(root, seed),
      trial.dataset.train_labels,
      stored_ipc(trial.experiment.cells, trial.dataset.num_classes),
      trial.dataset.num_classes,
    )
  else:
    rows = np.asarray(choose('baseline', arm, whole(trial)['coresets']))
  return coreset(trial, rows, seed)


def whole_batch(dataset: Dataset, num_outputs: int) -> Batch:
  """All training rows, as uint8: they are preprocessed in flight."""
  measure = empirical(dataset.train_labels, num_outputs)
  rows = jnp.arange(len(measure.cells))
  return rows_of(measure, rows, jnp.asarray(dataset.train_images))


def whole(trial: Trial) -> dict[str, Any]:
  """Networks trained on the whole set, and the coresets that one embeds.

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
    variables = fit_many(
      net,
      batch,
      recipe,
      num_classes=dataset.num_classes,
      input_shape=images.shape[1:],
      seeds=network_keys(trial, 0, trial.config.whole.seeds),
      preprocess=trial.preprocess,
    )
    logits = predict(net, variables, dataset.test_images, trial.preprocess)
    row = summarise(logits, held(dataset), dataset.num_classes)
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
        key=network_keys(trial, 0, 1)[0],
      )
      row |= found
      keep_curves(trial, 'whole', curves)
  classes = dataset.num_classes
  size = stored_ipc(trial.experiment.cells, classes), classes
  coresets = {
    'herding': synthetic_coresets.herding(features, labels, *size),
    'k_center': synthetic_coresets.k_center(features, labels, *size),
  }
  return {
    'row': row,
    'coresets': {name: rows.tolist() for name, rows in coresets.items()},
    'groups': groups,
  }


def remember(path: Path, compute: Callable[[], Any]) -> Any:
  """The JSON at `path`, computed and written whole if it is not there."""
  if path.exists():
    return json.loads(path.read_text())
  value = compute()
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomically(path, json.dumps(value, indent=1).encode())
  return value


def results(
  rows: Mapping[str, Sequence[dict[str, Row]]], whole: Row | None
) -> dict[str, Any]:
  """What `results.json` holds: rows pooled over distillation seeds."""
  found: dict[str, Any] = {
    'rows': {
      arm: pool([row['matched'] for row in seeds])
      for arm, seeds in rows.items()
    }
  }
  if whole is not None:
    found['rows']['whole'] = whole
  others = [name for name in next(iter(rows.values()))[0] if name != 'matched']
  if others:
    found['networks'] = {
      name: {
        arm: pool([row[name] for row in seeds]) for arm, seeds in rows.items()
      }
      for name in others
    }
  return found
