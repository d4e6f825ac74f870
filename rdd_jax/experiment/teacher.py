"""The teacher of a run: looked at before it is asked, kept for baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
import math
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax import networks
from rdd_jax.artifact import answered, store
from rdd_jax.artifact.store import Distilled
from rdd_jax.config.build import experts
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.experiment.answered import by_epoch, views_key
from rdd_jax.experiment.trial import Trial, remember, seed_directory
from rdd_jax.runtime.files import read_summed, write_summed
from rdd_jax.runtime.logging import say
from rdd_jax.training.predict import predict
from rdd_jax.training.teacher import Teacher, accuracy, teacher_of

FILE = 'teacher.npz'  # in the directory of a seed, so that baselines have it
LOOK = 'accuracy.json'  # beside the expert that teaches


def require_useful(
  trial: Trial,
  found: Sequence[np.ndarray],
  images: jax.Array,
  measure: Measure,
) -> None:
  """Says what a teacher knows, before anything is picked or labeled by it.

  Args:
    trial: the run.
    found: snapshots of experts, of which the first one teaches.
    images: `u8[N, H, W, C]`.
    measure: that it was trained on.

  Raises:
    UserError: for a teacher that is no better than chance, unless the images
      are mock ones.
  """
  teacher = _teacher(trial, found[0][-1])
  dataset = trial.dataset

  def look() -> dict[str, Any]:
    right, chance, rows = accuracy(teacher, images, measure, trial.preprocess)
    test = empirical(dataset.test_labels, dataset.num_classes)
    tested, *_ = accuracy(teacher, dataset.test_images, test, trial.preprocess)
    return {'right': right, 'chance': chance, 'rows': rows, 'test': tested}

  path = Path(str(getattr(found[0], 'filename', trial.workdir / FILE)))
  known = path.with_suffix(f'.{LOOK}')
  if not known.exists() and not os.access(known.parent, os.W_OK):
    known = trial.workdir / LOOK  # experts of somebody else, which are read
  seen = remember(known, look, together=True)
  right, chance = seen['right'], seen['chance']
  _tell(
    f'the teacher knows {right:.1%} of {seen["rows"]:,} training rows that are '
    f'trusted ({chance:.1%} by chance), and {seen["test"]:.1%} of test rows'
  )
  slack = 2 * math.sqrt(chance * (1 - chance) / seen['rows'])
  if right <= chance + slack and not trial.config.data.mock:
    raise UserError(
      f'the teacher knows {right:.1%} of the training rows, and chance '
      f'{chance:.1%}: nothing can be selected or labeled by it; train it '
      'longer, by experts.epochs, or otherwise, by experts.learning_rate or '
      'network.width'
    )


@cache
def _tell(line: str) -> None:
  say(line)


def teacher(trial: Trial, found: Sequence[np.ndarray] | None) -> Teacher | None:
  """Returns who labels the sets of a run; None where nobody does.

  Args:
    trial: the run.
    found: snapshots of experts, of which the first one teaches.
  """
  if found is None or trial.config.synthetic.labels not in experts.TAUGHT:
    return None
  return _teacher(trial, found[0][-1])


def untrained(trial: Trial) -> Teacher | None:
  """Returns a fresh network in the place of who labels, for predicted times.

  Args:
    trial: the run.
  """
  net, shape = trial.experiment.net, trial.dataset.image_shape
  flat = networks.flatten(networks.init(net, jax.random.key(0), shape))
  return teacher(trial, [np.asarray(flat)[None]])


def keep(trial: Trial, seed: int, found: Teacher | None) -> None:
  """Writes who labels the sets of a seed, for its baselines.

  Args:
    trial: the run.
    seed: the distillation seed.
    found: the teacher, if there is one.
  """
  if found is not None:
    directory = seed_directory(trial.workdir, seed)
    directory.mkdir(parents=True, exist_ok=True)
    flat = np.asarray(networks.flatten(found.variables))
    write_summed(directory / FILE, store.pack({'flat': flat}))


def kept(trial: Trial, seed: int) -> Teacher | None:
  """Reads who labels the sets of a seed; None where nobody does.

  Args:
    trial: the run.
    seed: the distillation seed.

  Raises:
    UserError: if it is gone or damaged.
  """
  if trial.config.synthetic.labels not in experts.TAUGHT:
    return None
  path = seed_directory(trial.workdir, seed) / FILE
  try:
    data = read_summed(path)
  except ValueError:
    data = None
  if data is None:
    raise UserError(
      f'{path} is damaged or gone, and baselines are labeled by it: remove '
      f'{path.parent / store.CARD}, and the set is made again with it'
    )
  return _teacher(trial, store.unpack(data, path)['flat'])


def labeled(
  trial: Trial, found: Distilled, teacher: Teacher | None, seed: int
) -> Distilled:
  """Returns a set of a run with the labels that it is configured to have.

  Args:
    trial: the run.
    found: the set, with hard labels.
    teacher: who labels it; None leaves it as it is.
    seed: the distillation seed.
  """
  if teacher is None:
    return found
  chosen = trial.config.synthetic
  found = by_teacher(found, teacher, chosen.labels)
  if chosen.labels != answered.KIND:
    return found
  recipe = trial.experiment.evaluation
  views = views_key(trial.config.seed, seed)
  return by_epoch(found, teacher, recipe, views, chosen.top_k)


def by_teacher(found: Distilled, teacher: Teacher, kind: str) -> Distilled:
  """Returns a set with a teacher's labels; its card says so.

  Args:
    found: the set, with hard labels.
    teacher: who labels it.
    kind: 'stored', the teacher's answer to each image, to whose tiles, in the
      mean, where it has several; 'teacher', which puts the network itself into
      the set; or 'epochs', whose answers are still to come.
  """
  said = {
    'network': dict(found.card['network']),
    'temperature': teacher.temperature,
    'bytes': teacher.size,
  }
  card = {**found.card, 'label_kind': kind, 'teacher': said}
  if kind != 'stored':
    return replace(found, teacher=teacher, card=card)
  rows = store.to_batch(found)
  logits = predict(
    teacher.net,
    jax.tree.map(lambda leaf: leaf[None], teacher.variables),
    rows.inputs,
  )[0]
  answers = np.asarray(jax.nn.softmax(logits / teacher.temperature))
  n, outputs = found.targets.shape
  answers = answers.reshape(n, -1, outputs).mean(1)
  inside = found.cells < len(found.card['class_names'])
  targets = np.where(inside[:, None], answers, found.targets)
  return replace(found, targets=targets.astype(np.float32), card=card)


def _teacher(trial: Trial, flat: np.ndarray) -> Teacher:
  return teacher_of(
    trial.experiment.net,
    np.array(flat),
    trial.dataset.image_shape,
    trial.config.synthetic.temperature,
  )
