"""Drops what a change of fields made stale in a work directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.evaluation import regression as evaluation
from rdd_jax.experiment.changed import MADE, Fields, relabels, told
from rdd_jax.experiment.earlier import put_aside

UNJUDGED = (*MADE, 'experts')


def follow(
  directory: Path,
  before: Fields,
  now: Fields,
  fields: Sequence[str],
) -> str:
  """Drops what the change made stale, so that it is judged again.

  Sets of fewer steps move to `earlier/steps-N`, those of other labels to
  `earlier/labels-KIND`, with their baselines. The same again does no harm.

  Args:
    directory: the work directory.
    before: its fields, by path.
    now: those that are asked for; `refuse` let them pass.
    fields: those that differ.

  Returns:
    What happens, in a line.
  """
  tops = {f.partition('.')[0] for f in fields if f != 'evaluation.networks'}
  labeled = relabels(directory, now, fields)
  stale = {*_stale(tops, now), *(['*-*'] if labeled else [])}
  again = drops(directory, now, fields)
  aside = ''
  if 'steps' in fields:
    name = f'steps-{before["steps"]}'
    aside = put_aside(directory, name, labels=labeled)
  elif labeled:
    name = f'labels-{before["synthetic.labels"]}'
    aside = put_aside(directory, name, labels=True)
  for path in (directory / 'evaluations').glob('*.json'):
    if any(fnmatch(path.name, pattern) for pattern in stale):
      path.unlink()
  if again:
    (directory / 'results.json').unlink(missing_ok=True)
  changes = told(before, now, fields)
  kept = (
    'it goes on from the last checkpoint'
    if 'steps' in fields
    else 'the images are kept, and labeled again'
    if labeled
    else 'what was distilled is kept'
  )
  judged = ', what changed is judged again' if again else ''
  return '; '.join(
    filter(None, (f'{directory}: {changes}: {kept}{judged}', aside))
  )


def drops(directory: Path, now: Fields, fields: Sequence[str]) -> bool:
  """Tells whether a change of fields makes results stale.

  Args:
    directory: the work directory.
    now: the fields that are asked for.
    fields: those that differ.
  """
  judged = (not {f, f.partition('.')[0]} & set(UNJUDGED) for f in fields)
  return any(judged) or relabels(directory, now, fields)


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
