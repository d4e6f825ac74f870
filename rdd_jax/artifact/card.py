"""The card: what a distilled set is, and how it was made and evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import copy
from importlib import metadata
from pathlib import Path
import platform
import subprocess
from typing import Any

SCHEMA = 1
# What a field of a card was called before, by its path, and what it is called
# now: 'evaluation.convention'. Cards keep schema 1, and any of it is read.
RENAMED: dict[str, str] = {}
PACKAGES = ('rdd_jax', 'jax', 'jaxlib', 'flax', 'optax', 'numpy')


def make_card(
  *,
  data: Mapping[str, Any],
  class_names: Sequence[str],
  label_kind: str,
  factor: int,
  network: Mapping[str, Any],
  student: Any,
  evaluation: Mapping[str, Any],
  outside: Mapping[str, Any],
  shift: Mapping[str, Any],
  seeds: Mapping[str, Any],
  numbers: Mapping[str, Any],
) -> dict[str, Any]:
  """Builds the card of a set; adds the schema, versions and git hash.

  Args:
    data: the name and options that `data.load` takes, and what was done to
      the training rows.
    class_names: by class.
    label_kind: 'hard', 'soft', or what else the targets are.
    factor: of multi-formation; 1 stores one image in a row.
    network: name and options.
    student: the chain that edits each training step, or None.
    evaluation: the fields of the recipe.
    outside: the out-of-distribution sets that networks are to tell apart.
    shift: other test rows, and groups of them, for evaluation under shift.
    seeds: of distillation and of networks.
    numbers: the results, summaries by metric.
  """
  return {
    'schema': SCHEMA,
    'data': data,
    'class_names': list(class_names),
    'label_kind': label_kind,
    'factor': factor,
    'network': network,
    'student': student,
    'evaluation': evaluation,
    'outside': outside,
    'shift': shift,
    'seeds': seeds,
    'numbers': numbers,
    'versions': versions(),
    'git': git_hash(),
  }


def translate(
  card: Mapping[str, Any], renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
  """Returns a card that was written at any time, with today's names of fields.

  Args:
    card: as it was written; a field that has today's name already stays.
    renamed: today's path of a field by an earlier one; None is `RENAMED`.

  >>> translate({'outside': {'rows': 9}}, {'outside.rows': 'ood.examples'})
  {'outside': {}, 'ood': {'examples': 9}}
  """
  found = copy.deepcopy(dict(card))
  for before, now in (RENAMED if renamed is None else renamed).items():
    *parents, old = before.split('.')
    branch: Any = found
    for name in parents:
      branch = branch.get(name) or {}
    if old not in branch:
      continue
    value = branch.pop(old)
    *parents, new = now.split('.')
    branch = found
    for name in parents:
      branch = branch.setdefault(name, {})
    branch.setdefault(new, value)
  return found


def temperature_of(card: Mapping[str, Any]) -> float | None:
  """Returns what divides logits of the networks on a card, for confidences.

  Args:
    card: of any age; one without the field has none.

  >>> temperature_of({'calibration': {'temperature': 0.5}}), temperature_of({})
  (0.5, None)
  """
  return (card.get('calibration') or {}).get('temperature')


def statistics_limit_of(card: Mapping[str, Any]) -> float | None:
  """Returns the limit of the score `guarded` for networks on a card.

  Args:
    card: of any age; one without the field has none.

  >>> statistics_limit_of({'calibration': {'statistics_limit': 9.0}})
  9.0
  """
  return (card.get('calibration') or {}).get('statistics_limit')


def labels(num_outputs: int, scale: float = 1.0) -> dict[str, float]:
  """Returns what a regression on a set's targets takes, in any framework.

  It regresses on `targets - centre`; its predictions times `scale` are logits.

  Args:
    num_outputs: of the targets.
    scale: of the predictions.

  >>> labels(4)
  {'centre': 0.25, 'scale': 1.0}
  """
  return {'centre': 1 / num_outputs, 'scale': scale}


def versions() -> dict[str, str | None]:
  """Returns the versions of Python and of packages that numbers depend on."""
  found: dict[str, str | None] = {'python': platform.python_version()}
  for name in PACKAGES:
    try:
      found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
      found[name] = None
  return found


def git_hash() -> str | None:
  """Returns the commit of this source tree, '-dirty' if edited.

  None outside git.
  """
  root = Path(__file__).parents[2]
  if not (root / '.git').exists():
    return None
  try:
    return subprocess.run(
      ['git', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'],
      cwd=root,
      capture_output=True,
      text=True,
      check=True,
    ).stdout.strip()
  except (OSError, subprocess.CalledProcessError):
    return None
