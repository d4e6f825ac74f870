"""What may change in a work directory whose set is kept, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.config.build.experts import TAUGHT
from rdd_jax.config.build.objectives import OBJECTIVES
from rdd_jax.config.build.regression import REGRESSIONS
from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation import regression as evaluation
from rdd_jax.experiment.answered import fits_views
from rdd_jax.experiment.trial import INITIAL

# Fields, or groups of fields, that what is distilled does not depend on. What
# variants are is checked in their own directories.
FREE = (
  'baselines',
  'evaluation',
  'shift',
  'outside',
  'whole',
  'log_every',
  'checkpoint_every',
  'variants',
  'devices',
  'deterministic',
  'data.stream',
  'data.workers',
  'experts.directory',
  'experts.parallel',
)
UNJUDGED = (
  'log_every',
  'checkpoint_every',
  'variants',
  'devices',
  'deterministic',
  'data.stream',
  'data.workers',
  'experts',
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
# Sets of fewer steps, or of other labels, below the directory of their seed.
EARLIER = 'earlier'

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


def _relabels(directory: Path, now: Fields, fields: Sequence[str]) -> bool:
  """Whether kept images get other labels, or answers to other views."""
  if set(LABELS) & set(fields):
    return True
  if now.get('synthetic.labels') not in TAUGHT:
    return False
  of_teacher = [
    field
    for field in fields
    if field in LOSS or (field.startswith('experts.') and field not in FREE)
  ]
  seeds = _finished(directory)
  return bool(of_teacher) or not all(fits_views(seed, now) for seed in seeds)


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
    changes = _told(before, now, bound)
    shorter = '; steps may only grow' if 'steps' in bound else ''
    raise UserError(
      f'{directory} was made by another config: {changes}{shorter}; choose '
      'another --workdir or restore these fields'
    )
  relabels = _relabels(directory, now, fields) and now['steps'] > 0
  if not grows and not relabels:
    return
  was = _told(before, now, ['steps'] if grows else fields)
  if grows and now['optimizer.decay'] != 1:
    raise UserError(
      f'{directory}: {was}, but by optimizer.decay={now["optimizer.decay"]} '
      'learning rates fall over all steps, so that a longer run is another one '
      'from its first step on; choose another --workdir'
    )
  for seed in _finished(directory):
    if not any((seed / 'checkpoints').glob('*/manifest.json')):
      raise UserError(
        f'{directory}: {was}, but {seed / "checkpoints"} holds no checkpoint '
        'to go on from; choose another --workdir'
      )


def follow(
  directory: Path,
  before: Fields,
  now: Fields,
  fields: Sequence[str],
) -> str:
  """Drops what the change made stale, so that it is judged again.

  Sets of fewer steps move to `earlier/steps-N`, those of other labels to
  `earlier/labels-KIND`. The same again does no harm.

  Args:
    directory: the work directory.
    before: its fields, by path.
    now: those that are asked for; `refuse` let them pass.
    fields: those that differ.

  Returns:
    What happens, in a line.
  """
  tops = {f.partition('.')[0] for f in fields if f != 'evaluation.networks'}
  relabels = _relabels(directory, now, fields)
  judged = [f for f in fields if f.partition('.')[0] not in UNJUDGED]
  stale = {*_stale(tops, now), *(['*-*'] if relabels else [])}
  for path in (directory / 'evaluations').glob('*.json'):
    if any(fnmatch(path.name, pattern) for pattern in stale):
      path.unlink()
  if judged or relabels:
    (directory / 'results.json').unlink(missing_ok=True)
  if 'steps' in fields:
    _put_aside(directory, f'steps-{before["steps"]}')
  elif relabels:
    _put_aside(directory, f'labels-{before["synthetic.labels"]}', INITIAL)
  changes = _told(before, now, fields)
  kept = (
    'it goes on from the last checkpoint'
    if 'steps' in fields
    else 'the images are kept, and labeled again'
    if relabels
    else 'what was distilled is kept'
  )
  again = ', what changed is judged again' if judged or relabels else ''
  return f'{directory}: {changes}: {kept}{again}'


def _put_aside(directory: Path, name: str, *more: Path) -> None:
  """Moves the sets of a run, and more of it, to where earlier ones are."""
  for seed in _finished(directory):
    for part in (Path(), *more):
      for file in (store.CARD, store.ARRAYS):
        path, where = seed / part / file, seed / EARLIER / name / part / file
        if path.exists():
          where.parent.mkdir(parents=True, exist_ok=True)
          path.replace(where)


def _told(before: Fields, now: Fields, fields: Sequence[str]) -> str:
  return ', '.join(
    f'{key} (was {before.get(key)}, is {now.get(key)})' for key in fields
  )


def _stale(tops: set[str], now: Fields) -> Iterator[str]:
  """Yields patterns of evaluations that a change of groups of fields ends."""
  by_features = (
    now.get('shift.features') or now.get('shift.density') == 'features'
  )
  if tops & {'shift', 'outside'} or ('whole' in tops and by_features):
    yield '*'
  if 'evaluation' in tops:
    yield '*-*'
  if 'whole' in tops:
    yield from ('whole.json', 'difficulty-*')
    yield from (f'{name}-*' for name in BASELINES if name != 'random')
  if 'kernel' in tops:
    yield from (f'*-{name}-*' for name in evaluation.REGRESSIONS)
  if 'steps' in tops:
    yield 'distilled-*'


def _finished(directory: Path) -> list[Path]:
  """The directories of seeds whose set is there."""
  seeds = [directory, *sorted(directory.glob('seeds/*'))]
  return [seed for seed in seeds if (seed / store.CARD).exists()]
