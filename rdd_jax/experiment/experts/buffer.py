"""The buffer of experts that a run needs, and where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rdd_jax.config.build import experts
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins
from rdd_jax.experiment.experts import Buffer

# Of `config.experts`: what makes an expert what it is. The other options say
# how many there are, where they stand and which parts of them are matched.
RECIPE = (
  'epoch_steps',
  'batch_size',
  'learning_rate',
  'momentum',
  'weight_decay',
  'augment',
  'convention',
  'radius',
  'alpha',
)


# Of the whole configuration, likewise; the images themselves are digested too.
SHARED = ('seed', 'transform', 'training', 'precision')


DATA = ('name', 'mean', 'std', 'zca')


def buffer(config: Config, workdir: Path, devices: int) -> Buffer:
  """Returns which experts a run needs, and where they are kept.

  Args:
    config: of which `experts` is read, and all that experts are made of.
    workdir: the run's directory, beside which experts are kept by default.
    devices: how many train experts side by side by default; one expert alone
      they train together.
  """
  options, given = config.experts, config.to_dict()
  alone = not experts.matched(config)  # a teacher
  number = 1 if alone else options.number
  directory = options.directory or workdir.parent / 'experts'
  return Buffer(
    directory=Path(directory),
    scratch=workdir / 'experts',
    number=number,
    snapshots=experts.snapshots(config),
    parallel=1 if number == 1 else options.parallel or devices,
    made_of={
      **{key: given[key] for key in SHARED},
      'network': _without(given['network'], dtype='float32'),
      'data': {key: given['data'][key] for key in DATA},
      'outputs': {key: given['synthetic'][key] for key in ('slots', 'reject')},
      'energy_margin': given['evaluation']['energy_margin'],
      'experts': _recipe(given['experts']),
      **_code(given),
    },
    what='the teacher' if alone else 'experts',
  )


def _recipe(given: dict[str, Any]) -> dict[str, Any]:
  """What makes an expert."""
  chosen = {key: given[key] for key in (*RECIPE, 'schedule')}
  return _without(chosen, schedule='constant')


def _without(given: dict[str, Any], **usual: str) -> dict[str, Any]:
  """Fields without those that buffers were made before, where they are usual.

  >>> _without({'width': 4, 'dtype': 'float32'}, dtype='float32')
  {'width': 4}
  """
  return {k: v for k, v in given.items() if k not in usual or v != usual[k]}


def _code(given: dict[str, Any]) -> dict[str, Any]:
  """The user's own code that experts are made by, where there is any."""
  names = {
    link.get('factory', '')
    for place in ('transform', 'training')
    for link in given[place].values()
  }
  own = {name: plugins.digest(name) for name in names if plugins.is_own(name)}
  return {'code': own} if own else {}
