"""Robust dataset distillation in JAX.

A set that a run made, used in three lines:

    artifact = rdd_jax.load('runs/NAME')
    print(rdd_jax.judge(artifact)['accuracy']['mean'])
    print(rdd_jax.fit('convnet:width=64', artifact).predict(images))

| a set | |
|---|---|
| `load` | reads one: a run's directory, or any export of it |
| `Distilled` | what that is: images, targets, weights, and a card |
| `adopt` | makes one of arrays, such as those that a script distilled |
| `save` | writes it as a run does |
| `export` | writes it as npz, safetensors, tfds or a folder of PNGs |
| `fit` | trains a network on it, by name or a Flax module |
| `Fitted` | what that is: `predict`, `probabilities`, `scores` |
| `judge` | trains networks on it and measures them on test images |

| data | |
|---|---|
| `Dataset` | training and test images; `rdd_jax.data.load` reads one by name |
| `from_arrays` | makes one of arrays, checked |

| distilling | |
|---|---|
| `distiller` | an objective, an optimizer and chains of transforms, composed |
| `Objective` | what it makes small; three functions make your own |
| `distribution_matching` | DM |
| `gradient_matching` | DC, DSA, IDC |
| `trajectory_matching` | MTT, DATM |
| `unrolled` | BPTT, RaT-BPTT |
| `regression_matching` | regression, by one of the next two |
| `kip`, `frepo` | by a kernel; on the features of a pool of networks |

| robustness | |
|---|---|
| `Transform`, `chain` | an edit of data; several, in order |
| `trust_aware` | against wrong labels: TAD |
| `expose_outliers` | against inputs from elsewhere: TrustDD's POE |
| `tilt`, `balance` | against the loss of subgroups: CVaR and group DRO |

`UserError` is what bad input raises: one line that says what to do. The folders
`data`, `kernels`, `networks`, `objectives` and `robust` have more; README.md
has a whole loop, docs/ the rest. The commands are `python -m rdd_jax`: the
module of one, `rdd_jax.evaluate`, is why the function is called `judge`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from rdd_jax import data, kernels, networks, objectives, robust
  from rdd_jax.artifact.load import load
  from rdd_jax.artifact.store import Distilled, save
  from rdd_jax.core.errors import UserError
  from rdd_jax.core.transform import Transform, chain
  from rdd_jax.data.dataset import Dataset, from_arrays
  from rdd_jax.distill import distiller
  from rdd_jax.experiment.adopt import adopt
  from rdd_jax.experiment.fitted import Fitted
  from rdd_jax.experiment.formats import export
  from rdd_jax.experiment.scripting import fit, judge
  from rdd_jax.objectives import (
    Objective,
    distribution_matching,
    frepo,
    gradient_matching,
    kip,
    regression_matching,
    trajectory_matching,
    unrolled,
  )
  from rdd_jax.robust import balance, expose_outliers, tilt, trust_aware

__version__ = '0.1.0'
__all__ = [
  'Dataset',
  'Distilled',
  'Fitted',
  'Objective',
  'Transform',
  'UserError',
  'adopt',
  'balance',
  'chain',
  'data',
  'distiller',
  'distribution_matching',
  'export',
  'expose_outliers',
  'fit',
  'frepo',
  'from_arrays',
  'gradient_matching',
  'judge',
  'kernels',
  'kip',
  'load',
  'networks',
  'objectives',
  'regression_matching',
  'robust',
  'save',
  'tilt',
  'trajectory_matching',
  'trust_aware',
  'unrolled',
]

# Imported when they are first asked for: JAX takes seconds, this module none.
_NAMES = {
  'artifact.load': ('load',),
  'artifact.store': ('Distilled', 'save'),
  'core.errors': ('UserError',),
  'core.transform': ('Transform', 'chain'),
  'data.dataset': ('Dataset', 'from_arrays'),
  'distill': ('distiller',),
  'experiment.adopt': ('adopt',),
  'experiment.formats': ('export',),
  'experiment.fitted': ('Fitted',),
  'experiment.scripting': ('fit', 'judge'),
  'objectives': (
    'Objective',
    'distribution_matching',
    'frepo',
    'gradient_matching',
    'kip',
    'regression_matching',
    'trajectory_matching',
    'unrolled',
  ),
  'robust': ('balance', 'expose_outliers', 'tilt', 'trust_aware'),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
  """Imports a name of `__all__`, which stays."""
  if name not in __all__:
    instead = {'evaluate': 'judge', 'convert': 'export'}.get(name)
    raise AttributeError(
      f'rdd_jax has no {name!r}; '
      + (f'the function is rdd_jax.{instead}, and ' if instead else '')
      + 'help(rdd_jax) lists what it has'
    )
  home = importlib.import_module(f'rdd_jax.{_HOME.get(name, name)}')
  found = getattr(home, name) if name in _HOME else home
  globals()[name] = found
  return found


def __dir__() -> list[str]:
  """Returns all public names, imported yet or not."""
  return sorted({*globals(), *__all__})
