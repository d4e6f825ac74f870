"""What distilled sets are compared with: coresets, the full training set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
from jax import Array
from ml_collections import ConfigDict
import numpy as np

from rdd_jax import data
from rdd_jax.artifact import answered, store
from rdd_jax.artifact import card as cards
from rdd_jax.config import defaults
from rdd_jax.config.build import networks as build_networks
from rdd_jax.config.build import recipes
from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.core import keys
from rdd_jax.core.errors import UserError, choose
from rdd_jax.data.images import whole as whole_images
from rdd_jax.experiment import difficulty, whole
from rdd_jax.experiment import teacher as teachers
from rdd_jax.experiment.sets import coreset, real
from rdd_jax.experiment.trial import INITIAL, Trial, seed_directory
from rdd_jax.synthetic import coresets
from rdd_jax.synthetic.view import stored_ipc
from rdd_jax.training.teacher import Teacher

UNTAUGHT = ('stored', answered.KIND)  # labels of sets that no teacher is in


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
  elif arm in difficulty.SCORED:
    rows = difficulty.rows(trial, arm, seed)
  else:
    rows = np.asarray(choose('baseline', arm, whole.whole(trial)['coresets']))
  return coreset(trial, rows, seed, teachers.kept(trial, seed))


def baseline_like(
  name: str,
  distilled: store.Distilled,
  dataset: data.Dataset,
  key: Array,
  label: Callable[[store.Distilled], store.Distilled] | None = None,
) -> store.Distilled:
  """Chooses real rows at the storage of a set; they take its card.

  Args:
    name: one of `BASELINES`; 'herding' and 'k_center' choose by pixels, and
      those that score rows train networks as on the card, by the defaults of
      `config.whole`.
    distilled: the set whose stored images are counted, outliers too.
    dataset: whose training rows are chosen from.
    key: of what is random.
    label: labels the rows, see `experiment.relabeled`; None has a teacher that
      is stored with the set do it.

  Raises:
    UserError: for an unknown baseline, or a set whose labels are of a teacher
      that is not there.
  """
  choose('baseline', name, dict.fromkeys(BASELINES))
  if label is None and distilled.card.get('label_kind') in UNTAUGHT:
    raise UserError(
      f"baseline {name}: the labels of this set are a teacher's, which is not "
      'stored with it nor beside it, as in the directory of its run, and rows '
      'with hard labels are no fair rival: give that directory, or distil it '
      'with synthetic.labels=teacher'
    )
  classes, labels = dataset.num_classes, dataset.train_labels
  ipc = stored_ipc(distilled.cells, classes)
  if name == 'random':
    rows = coresets.random(keys.named(key, 'baseline'), labels, ipc, classes)
  elif name in difficulty.SCORED:
    outputs = distilled.targets.shape[1]
    network = ConfigDict(distilled.card['network'])
    found = difficulty.scores(
      build_networks.network(network, outputs),
      dataset,
      outputs,
      distilled.preprocessing,
      recipes.scoring(defaults.config()),
      keys.named(key, 'difficulty'),
    )
    own = keys.named(key, 'draw')
    rows = difficulty.select(name, found, labels, ipc, classes, own)
  else:
    pixels = whole_images(dataset.train_images).reshape(len(labels), -1)
    rows = getattr(coresets, name)(pixels, labels, ipc, classes)
  outputs = distilled.targets.shape[1]
  found = real(
    dataset,
    rows,
    outputs,
    distilled.preprocessing,
    {
      **{k: v for k, v in distilled.card.items() if k != answered.FIELD},
      'factor': 1,
      'label_kind': 'hard',
      'method': name,
      'labels': cards.labels(outputs),
      'numbers': {},
    },
  )
  if label is not None:
    return label(found)
  if isinstance(distilled.teacher, Teacher):
    return teachers.by_teacher(found, distilled.teacher, 'teacher')
  return found
