"""Reads finished runs from their work directories, and names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
import json
from pathlib import Path
import re
from typing import Any, NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.lookup import current
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment.workdir import flat, missing
from rdd_jax.records.storage import regime
from rdd_jax.runtime.files import read_summed

FIELDS = 3  # At most so many fields make a name.


class Finished(NamedTuple):
  """Holds the results of a finished run.

  Attributes:
    directory: of the run.
    config: every field by its path, `data.name`.
    rows: of `results.json`: arm to metric to summary over all networks.
    seeds: of the distilled arm, distillation seed to metric to the mean over
      its networks. A seed is (root, number): two runs that share one share its
      noise, split and initialization.
    cost: seconds and memory, as `cost.json`; {} where they are not known.
  """

  directory: Path
  config: dict[str, Any]
  rows: dict[str, Row]
  seeds: dict[tuple[int, int], dict[str, float]]
  cost: dict[str, Any]


def is_run(path: Path) -> bool:
  """Tells a work directory from what lies beside it, such as a sweep's logs.

  Raises:
    UserError: if nothing is there.
  """
  if not path.exists():
    raise UserError(
      f'{path} is not there: give work directories of rdd_jax.main, such as '
      'runs/NAME-HASH'
    )
  return (path / 'config.json').exists()


def read(directory: Path) -> Finished | list[str]:
  """Reads a run from its work directory.

  Returns:
    The run; of an unfinished one, the names of the outputs that it lacks.

  Raises:
    UserError: if a file of it is damaged.
  """
  absent = missing(directory)
  if absent:
    return absent
  config = flat(_json(directory / 'config.json'))
  root = config['seed']
  seeds = {}
  for seed in range(config['seeds']):
    path = directory / 'evaluations' / f'distilled-matched-{seed}.json'
    if path.exists():
      row = _json(path)
      seeds[root, seed] = {current(m): s['mean'] for m, s in row.items()}
  cost = directory / 'cost.json'
  return Finished(
    directory,
    config,
    {
      arm: {current(m): s for m, s in row.items()}
      for arm, row in _json(directory / 'results.json')['rows'].items()
    },
    seeds,
    _json(cost) if cost.exists() else {},
  )


def differing(runs: Sequence[Finished]) -> dict[str, list[Any]]:
  """Finds the fields that differ between runs.

  Returns:
    Field to its value in each run; None where a run does not have it.

  >>> configs = {'seed': 0, 'risk': 'total'}, {'seed': 0, 'risk': 'worst'}
  >>> differing([Finished(Path(), c, {}, {}, {}) for c in configs])
  {'risk': ['total', 'worst']}
  """
  fields = dict.fromkeys(field for run in runs for field in run.config)
  found = {field: [run.config.get(field) for run in runs] for field in fields}
  return {f: values for f, values in found.items() if len(_kinds(values)) > 1}


def regimes(runs: Sequence[Finished]) -> list[str]:
  """Returns which labels the set of each run has, in the words of records.

  >>> configs = {'synthetic.labels': 'teacher'}, {'seed': 0}
  >>> regimes([Finished(Path(), c, {}, {}, {}) for c in configs])
  ["a teacher's", 'hard']
  """
  return [regime(run.config.get('synthetic.labels')) for run in runs]


def names(runs: Sequence[Finished]) -> list[str]:
  """Picks the shortest names that tell runs apart.

  From few fields of their configurations that differ, or from what differs in
  the paths of their directories, whichever is shorter; hashes are the last
  choice.

  >>> configs = {'name': 'dm', 'seed': 0}, {'name': 'dm', 'seed': 10}
  >>> paths = Path('runs/dm-first'), Path('runs/dm-second')
  >>> names([
  ...   Finished(path, config, {}, {}, {})
  ...   for path, config in zip(paths, configs, strict=True)
  ... ])
  ['first', 'second']
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
  """Strips the words that all paths begin with, and those that all end with.

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
  """Names runs by the fewest plain fields that tell all of them apart."""
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
    data = read_summed(path)
    if data is None:
      raise ValueError('it is not what was written')
    return json.loads(data)
  except OSError as error:
    raise UserError(
      f'{path} cannot be read ({error.strerror}): allow reading it, or leave '
      'its run out'
    ) from error
  except (ValueError, RecursionError) as error:
    raise UserError(
      f'{path} is damaged ({error}): run its command again without it'
    ) from error
