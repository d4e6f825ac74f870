"""Runs as their work directories tell of them, and what tells them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
import json
from pathlib import Path
import re
from typing import Any, NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment.workdir import flat, missing

FIELDS = 3  # At most so many fields make a name.


class Finished(NamedTuple):
  """A run that has its results.

  Attributes:
    directory: of the run.
    config: every field by its path, `data.name`.
    rows: of `results.json`: arm to metric to summary over all networks.
    seeds: of the distilled arm, distillation seed to metric to the mean over
      its networks. A seed is (root, number): two runs that share one share its
      noise, split and initialisation.
    cost: what it took, `cost.json`; {} where that is not known.
  """

  directory: Path
  config: dict[str, Any]
  rows: dict[str, Row]
  seeds: dict[tuple[int, int], dict[str, float]]
  cost: dict[str, Any]


def read(directory: Path) -> Finished | list[str]:
  """Reads a finished run; of an unfinished one, returns what is missing.

  Raises:
    UserError: if it is no run, or if a file of it is damaged.
  """
  if not (directory / 'config.json').exists():
    raise UserError(
      f'{directory} is no run: it holds no config.json; give work directories '
      'of rdd_jax.main, such as runs/NAME-HASH'
    )
  absent = missing(directory)
  if absent:
    return absent
  config = flat(_json(directory / 'config.json'))
  root = config['seed']
  seeds = {}
  for seed in range(config['seeds']):
    path = directory / 'evaluations' / f'distilled-matched-{seed}.json'
    if path.exists():
      seeds[root, seed] = {m: s['mean'] for m, s in _json(path).items()}
  cost = directory / 'cost.json'
  return Finished(
    directory,
    config,
    _json(directory / 'results.json')['rows'],
    seeds,
    _json(cost) if cost.exists() else {},
  )


def differing(runs: Sequence[Finished]) -> dict[str, list[Any]]:
  """Returns fields that differ between runs: the value in each, or None."""
  fields = dict.fromkeys(field for run in runs for field in run.config)
  found = {field: [run.config.get(field) for run in runs] for field in fields}
  return {f: values for f, values in found.items() if len(_kinds(values)) > 1}


def names(runs: Sequence[Finished]) -> list[str]:
  """Returns the shortest names that tell runs apart.

  By few fields of their configurations that differ, or by what differs in the
  paths of their directories, whichever is shorter; a hash, which says nothing,
  is the last choice.
  """
  if len(runs) == 1:
    return [str(runs[0].config.get('name', runs[0].directory.name))]
  options = [apart([str(run.directory.absolute()) for run in runs])]
  by_field = _by_fields(differing(runs))
  if by_field:
    options.append(by_field)

  def cost(found: list[str]) -> tuple[bool, int]:
    hashed = any(re.search(r'\b[0-9a-f]{8}\b', name) for name in found)
    return hashed, max(map(len, found))

  return min(options, key=cost)


def apart(paths: Sequence[str]) -> list[str]:
  """Drops the words that all paths begin and end with.

  >>> apart(['runs/a-ipc=1,seed=0', 'runs/a-ipc=10,seed=0'])
  ['ipc=1', 'ipc=10']
  """
  words = [re.split(r'([-,/])', path) for path in paths]
  if len(set(paths)) < len(paths):
    return [f'{i + 1}' for i in range(len(paths))]
  least = min(map(len, words))
  head = next(i for i in range(least + 1) if not _agree(words, i))
  head -= head % 2  # begins with a word, not with what parts them
  tail = next(
    i for i in range(least + 1) if i == least or not _agree(words, -1 - i)
  )
  tail = min(tail - tail % 2, max(least - head - 1, 0))
  return [
    ''.join(word[head : len(word) - tail]).strip('-,/') or path
    for word, path in zip(words, paths, strict=True)
  ]


def _agree(words: Sequence[Sequence[str]], i: int) -> bool:
  inside = all(-len(word) <= i < len(word) for word in words)
  return inside and len({word[i] for word in words}) == 1


def _by_fields(fields: Mapping[str, Sequence[Any]]) -> list[str]:
  """Names by the fewest fields that are plain and tell all runs apart."""
  plain = {
    field: values
    for field, values in fields.items()
    if all(isinstance(v, str | int | float) and v != '' for v in values)
  }
  for size in range(1, FIELDS + 1):
    found = []
    for chosen in combinations(plain, size):
      made = [
        ' '.join(
          str(v) if f == 'name' else f'{f.rpartition(".")[2]}={v}'
          for f, v in zip(chosen, values, strict=True)
        )
        for values in zip(*(plain[f] for f in chosen), strict=True)
      ]
      if len(set(made)) == len(made):
        found.append(made)
    if found:
      return min(found, key=lambda made: max(map(len, made)))
  return []


def _kinds(values: Sequence[Any]) -> set[str]:
  return {json.dumps(value, sort_keys=True) for value in values}


def _json(path: Path) -> Any:
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError) as error:
    raise UserError(
      f'{path} is damaged ({error}): run its command again without it'
    ) from error
