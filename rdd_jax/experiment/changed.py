"""What may change in a work directory whose set is kept, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.artifact.answered import KIND
from rdd_jax.config.build.objectives import OBJECTIVES
from rdd_jax.config.build.regression import REGRESSIONS
from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation import regression as evaluation
from rdd_jax.experiment.answered import refuse_views

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
EARLIER = 'earlier'  # sets of fewer steps, below the directory of their seed


def is_free(field: str, objective: str) -> bool:
  """Tells whether a field may change without another set being distilled.

  Args:
    field: its path.
    objective: the name of what is matched; one's own may depend on all but what
      only says how a run is made.

  >>> is_free('evaluation.epochs', 'gradient'), is_free('seed', 'gradient')
  (True, False)
  >>> is_free('evaluation.loss', 'gradient'), is_free('evaluation.loss', 'kip')
  (False, True)
  """
  top = field.partition('.')[0]
  if field in LOSS:
    return objective in NO_LOSS
  if field in FREE or top in FREE:
    return True
  if top == 'experts':
    return objective in OBJECTIVES and objective != 'trajectory'
  if top == 'kernel':
    return objective in OBJECTIVES and objective not in REGRESSIONS
  return False


def refuse(
  directory: Path,
  before: Mapping[str, Any],
  now: Mapping[str, Any],
  fields: Sequence[str],
) -> None:
  """Raises a UserError if any field that differs would make another set.

  Args:
    directory: the work directory.
    before: its fields, by path.
    now: those that are asked for.
    fields: those that differ.

  Raises:
    UserError: naming the fields, why a run cannot become longer, or for views
      that its stored labels are not of.
  """
  objective = now['objective.name']
  bound = [field for field in fields if not is_free(field, objective)]
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
  if now.get('synthetic.labels') == KIND:
    for seed in _finished(directory):
      refuse_views(seed, now)
  if not grows:
    return
  was = _told(before, now, ['steps'])
  if now['optimizer.decay'] != 1:
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
  before: Mapping[str, Any],
  now: Mapping[str, Any],
  fields: Sequence[str],
) -> str:
  """Drops what the change made stale, so that it is judged again.

  Sets of fewer steps move to `earlier/steps-N`. The same again does no harm.

  Args:
    directory: the work directory.
    before: its fields, by path.
    now: those that are asked for; `refuse` let them pass.
    fields: those that differ.

  Returns:
    What happens, in a line.
  """
  tops = {f.partition('.')[0] for f in fields if f != 'evaluation.networks'}
  judged = [f for f in fields if f.partition('.')[0] not in UNJUDGED]
  for path in (directory / 'evaluations').glob('*.json'):
    if any(fnmatch(path.name, pattern) for pattern in _stale(tops, now)):
      path.unlink()
  if judged:
    (directory / 'results.json').unlink(missing_ok=True)
  if 'steps' in fields:
    for seed in _finished(directory):
      where = seed / EARLIER / f'steps-{before["steps"]}'
      where.mkdir(parents=True, exist_ok=True)
      for name in (store.CARD, store.ARRAYS):
        if (seed / name).exists():
          (seed / name).replace(where / name)
  changes = _told(before, now, fields)
  kept = (
    'it goes on from the last checkpoint'
    if 'steps' in fields
    else 'what was distilled is kept'
  )
  again = ', what changed is judged again' if judged else ''
  return f'{directory}: {changes}: {kept}{again}'


def _told(
  before: Mapping[str, Any], now: Mapping[str, Any], fields: Sequence[str]
) -> str:
  return ', '.join(
    f'{key} (was {before.get(key)}, is {now.get(key)})' for key in fields
  )


def _stale(tops: set[str], now: Mapping[str, Any]) -> Iterator[str]:
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
