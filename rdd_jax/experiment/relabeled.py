"""Labels other rows as the set of a run is labeled, by the same teacher."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import numpy as np

from rdd_jax import networks
from rdd_jax.artifact import answered, store
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError
from rdd_jax.experiment.answered import by_epoch
from rdd_jax.experiment.teacher import FILE, by_teacher
from rdd_jax.runtime.files import read_summed
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.stored import StoredLabels
from rdd_jax.training.teacher import Teacher, teacher_of


def labeling(
  distilled: Distilled, recipe: Recipe, path: Path
) -> Callable[[Distilled], Distilled] | None:
  """Returns how other rows get labels as a set has, of a teacher beside it.

  Args:
    distilled: the set.
    recipe: by which networks train on it.
    path: it was read from: a run keeps its teacher there.

  Returns:
    From a set to the same with labels. None where the labels are not a
    teacher's, or it is stored with the set, or nowhere.

  Raises:
    UserError: if the teacher is damaged, or not that of the card.
  """
  kind, labels = distilled.card.get('label_kind'), distilled.teacher
  if kind not in ('stored', answered.KIND):
    return None
  teacher = _beside(distilled, path if path.is_dir() else path.parent)
  if teacher is None:
    return None
  if not isinstance(labels, StoredLabels):
    return partial(by_teacher, teacher=teacher, kind='stored')
  top_k = distilled.card[answered.FIELD]['top_k']

  def label(rows: Distilled) -> Distilled:
    named = by_teacher(rows, teacher, answered.KIND)
    return by_epoch(named, teacher, recipe, labels.views, top_k)

  return label


def _beside(distilled: Distilled, directory: Path) -> Teacher | None:
  """The teacher that a run keeps for its baselines."""
  path, said = directory / FILE, distilled.card.get('teacher')
  if not path.exists() or said is None:
    return None
  try:
    data = read_summed(path)
  except ValueError:
    data = None
  flat = {} if data is None else store.unpack(data, path)
  options, shape = dict(said['network']), distilled.images.shape[1:]
  net = networks.build(
    options.pop('name'), distilled.targets.shape[1], **options
  )
  like = jax.eval_shape(
    lambda key: networks.flatten(networks.init(net, key, shape)),
    jax.random.key(0),
  )
  if flat.get('flat', np.zeros(0)).shape != like.shape:
    raise UserError(
      f'{path} is damaged, or not the teacher of {directory / store.CARD}: '
      'copy the run again'
    )
  return teacher_of(net, flat['flat'], shape, said['temperature'])
