"""Looks metrics up in the registry: records, titles, columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import functools
import re

from rdd_jax.evaluation.columns import SHOWN
from rdd_jax.evaluation.registry import METRICS, PLACEHOLDERS, SCORES, Metric


def find(name: str, among: Sequence[Metric] = METRICS) -> Metric | None:
  """Finds the record of a metric, with its placeholders filled in.

  Args:
    name: a key of a JSON file, such as 'auroc_energy@uniform'.
    among: the records of that file.

  Returns:
    The record under the name that was given; None for an unknown name.

  >>> find('near_auroc_energy').title
  'near AUROC, energy'
  >>> find('fpr95_in@uniform').better
  'lower'
  """
  for metric in among:
    match = pattern(metric.name).fullmatch(name)
    if match:
      words = _words(match.groupdict())
      return metric._replace(
        name=name,
        title=metric.title.format(**words),
        meaning=metric.meaning.format(**words),
      )
  return None


def current(name: str) -> str:
  """Returns what a metric is called now; earlier runs wrote another name.

  >>> current('near_fpr95_energy'), current('ece_scaled'), current('fpr95_out')
  ('near_fpr95_in_energy', 'ece_oracle', 'fpr95_out')
  """
  if name == 'ece_scaled':
    return 'ece_oracle'
  return re.sub(r'^(near_)?fpr95(?!_in|_out)', r'\1fpr95_in', name)


def title(name: str, among: Sequence[Metric] = METRICS) -> str:
  """Returns the head of a metric's column; of an unknown one, its name.

  Args:
    name: a key of a JSON file.
    among: the records of that file.

  >>> title('worst_group'), title('pgd_2_10'), title('of_an_old_run')
  ('worst group', 'PGD 2 10', 'of an old run')
  """
  found = find(name, among)
  return found.title if found else name.replace('_', ' ')


def shown(place: str, names: Iterable[str]) -> list[str]:
  """Lists the metrics that a place shows, in the order of its columns.

  Args:
    place: a key of `SHOWN`.
    names: the metrics that were measured.

  >>> shown('terminal', ['fgsm_2', 'class_0', 'ece', 'accuracy'])
  ['accuracy', 'ece', 'fgsm_2']
  """
  names = dict.fromkeys(names)
  return [
    name
    for column in SHOWN[place]
    for name in names
    if pattern(column).fullmatch(name)
  ]


@functools.cache
def pattern(name: str) -> re.Pattern[str]:
  """Compiles a name with placeholders.

  >>> bool(pattern('class_{class}').fullmatch('class_12'))
  True
  """
  parts = re.split(r'\{(\w+)\}', name)
  for i in range(1, len(parts), 2):
    known = PLACEHOLDERS[parts[i]]
    values = [known] if isinstance(known, str) else map(re.escape, known)
    parts[i] = f'(?P<{parts[i]}>{"|".join(values)})'
  parts[::2] = map(re.escape, parts[::2])
  return re.compile(''.join(parts))


def _words(found: Mapping[str, str]) -> dict[str, str]:
  """Returns what stands for placeholders in titles and meanings."""
  words = {}
  for name, value in found.items():
    known = PLACEHOLDERS[name]
    words[name] = (
      value.replace('_', ' ') if isinstance(known, str) else known[value]
    )
  if 'set' in found:  # a name, not words
    words['set'] = found['set']
  if 'score' in found:
    words['by'] = SCORES[found['score'].removeprefix('_') or 'msp'][1]
  return words
