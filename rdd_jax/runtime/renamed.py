"""Fields of configurations that had another name, and what they are now."""

from __future__ import annotations

FIELDS = {
  'objective.options': 'fields of config.objective, beside its name',
  'objective.real_rows': 'config.real_rows',
  'objective.drawn_rows': 'config.real_rows, beside objective.matched_rows',
  'objective.ridge': 'config.kernel.ridge',
  'objective.convention': 'objective.inner.convention or experts.convention',
  'transform.trust.recall': 'config.transform.trust.least_right',
  'transform.trust.relabel': 'transform.trust.least_right (or tad_fixed)',
  'transform.trust.last': 'transform.trust.share_of_noise (or tad_fixed)',
}


def find(path: str) -> str | None:
  """Returns what a field, or one that it is in, is called now.

  >>> find('transform.trust.recall.fraction')
  'config.transform.trust.least_right'
  >>> find('network.width')

  Args:
    path: of the field, without `config.`.
  """
  parts = path.split('.')
  starts = ('.'.join(parts[:n]) for n in range(len(parts), 0, -1))
  return next((FIELDS[start] for start in starts if start in FIELDS), None)
