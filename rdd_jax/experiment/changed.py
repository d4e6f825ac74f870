"""What may change in a work directory whose set is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.config.build.experts import TAUGHT
from rdd_jax.config.build.objectives import OBJECTIVES
from rdd_jax.config.build.regression import REGRESSIONS
from rdd_jax.core.errors import UserError
from rdd_jax.experiment.answered import fits_views
from rdd_jax.experiment.trial import INITIAL

# Fields of how a run is made. What variants are is checked in their own
# directories.
MADE = (
  'log_every',
  'checkpoint_every',
  'variants',
  'devices',
  'deterministic',
  'data.stream',
  'data.workers',
)
# Fields, or groups of fields, that what is distilled does not depend on.
FREE = (
  *MADE,
  'baselines',
  'evaluation',
  'shift',
  'outside',
  'whole',
  'experts.directory',
  'experts.parallel',
)
# What the networks of some objectives train by as well: of the library's, of
# all but these.
LOSS = (
  'evaluation.loss',
  'evaluation.target_scale',
  'evaluation.energy_margin',
)
NO_LOSS = ('distribution', *REGRESSIONS)
LABELS = ('synthetic.labels', 'synthetic.temperature', 'synthetic.top_k')
GIVEN = ('hard', *TAUGHT)  # labels that images are distilled without

Fields = Mapping[str, Any]  # of a configuration, by path


def is_free(field: str, before: Fields, now: Fields) -> bool:
  """Tells whether a field may change without other images being distilled.

  One's own objective may depend on all but what only says how a run is made.

  Args:
    field: its path.
    before: the fields of the run.
    now: those that are asked for.

  >>> now = {'objective.name': 'gradient', 'synthetic.labels': 'hard'}
  >>> is_free('evaluation.epochs', now, now), is_free('seed', now, now)
  (True, False)
  >>> taught = {**now, 'synthetic.labels': 'teacher'}
  >>> is_free('synthetic.labels', now, taught)
  True
  >>> made = {'objective.name': 'recovery'}  # by the teacher
  >>> is_free('experts.epochs', now, now), is_free('experts.epochs', made, made)
  (True, False)
  """
  top, objective = field.partition('.')[0], now['objective.name']
  ours, alone = objective in OBJECTIVES, not _by_teacher(now)
  if field in LOSS:
    return objective in NO_LOSS and alone
  if field in FREE or top in FREE:
    return True
  if field in LABELS:
    kinds = [fields.get('synthetic.labels') for fields in (before, now)]
    return ours and set(kinds) <= set(GIVEN)
  if top == 'experts':
    return ours and objective != 'trajectory' and alone
  if top == 'kernel':
    return ours and objective not in REGRESSIONS
  return False


def _by_teacher(now: Fields) -> bool:
  """Whether images are picked or made by a teacher."""
  selected = now.get('synthetic.init') == 'selected'
  return selected or now['objective.name'] == 'recovery'


def relabels(directory: Path, now: Fields, fields: Sequence[str]) -> bool:
  """Tells whether kept images get other labels, or answers to other views.

  Args:
    directory: the work directory.
    now: the fields that are asked for.
    fields: those that differ.
  """
  if 'synthetic.labels' in fields:
    return True
  if now.get('synthetic.labels') not in TAUGHT:
    return False
  of_teacher = [
    field
    for field in fields
    if field in (*LABELS, *LOSS)
    or (field.startswith('experts.') and field not in FREE)
  ]
  sets = (
    place
    for seed in seeds(directory)
    for place in (seed, seed / INITIAL)
    if (place / store.CARD).exists()
  )
  return bool(of_teacher) or not all(fits_views(place, now) for place in sets)


def refuse(
  directory: Path,
  before: Fields,
  now: Fields,
  fields: Sequence[str],
) -> None:
  """Raises a UserError if any field that differs would make another set.

  Args:
    directory: the work directory.
    before: its fields, by path.
    now: those that are asked for.
    fields: those that differ.

  Raises:
    UserError: naming the fields, or why a run cannot become longer, or its
      images cannot be labeled again.
  """
  bound = [field for field in fields if not is_free(field, before, now)]
  grows = 'steps' in bound and now['steps'] > before['steps']
  if grows:
    bound.remove('steps')
  if bound:
    changes = told(before, now, bound)
    shorter = '; steps may only grow' if 'steps' in bound else ''
    raise UserError(
      f'{directory} was made by another config: {changes}{shorter}; choose '
      'another --workdir or restore these fields'
    )
  labeled = relabels(directory, now, fields) and now['steps'] > 0
  if not grows and not labeled:
    return
  was = told(before, now, ['steps'] if grows else fields)
  if grows and now['optimizer.decay'] != 1:
    raise UserError(
      f'{directory}: {was}, but by optimizer.decay={now["optimizer.decay"]} '
      'learning rates fall over all steps, so that a longer run is another one '
      'from its first step on; choose another --workdir'
    )
  for seed in finished(directory):
    if not any((seed / 'checkpoints').glob('*/manifest.json')):
      raise UserError(
        f'{directory}: {was}, but {seed / "checkpoints"} holds no checkpoint '
        'to go on from; choose another --workdir'
      )


def told(before: Fields, now: Fields, fields: Sequence[str]) -> str:
  """Returns in words how fields differ."""
  return ', '.join(
    f'{key} (was {before.get(key)}, is {now.get(key)})' for key in fields
  )


def finished(directory: Path) -> list[Path]:
  """Returns the directories of seeds whose set is there."""
  return [seed for seed in seeds(directory) if (seed / store.CARD).exists()]


def seeds(directory: Path) -> list[Path]:
  """Returns the directories of seeds that a run has begun."""
  return [directory, *sorted(directory.glob('seeds/*'))]
