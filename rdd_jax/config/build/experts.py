"""The experts that a configuration names, and the buffer that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flax.linen as nn

from rdd_jax.config.build.objectives import dsa, row_losses
from rdd_jax.config.build.optimizers import expert_optimizer
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins
from rdd_jax.core.transform import DataSpec, Edit, Transform
from rdd_jax.experiment.experts import Buffer
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.expert import Expert, expert

# Of `config.experts`: what makes an expert what it is. The other options say
# how many there are, where they stand and which parts of them are matched.
RECIPE = (
  'epoch_steps',
  'batch_size',
  'learning_rate',
  'momentum',
  'weight_decay',
  'augment',
  'radius',
  'alpha',
)
# Of the whole configuration, likewise; the images themselves are digested too.
SHARED = ('seed', 'network', 'transform', 'training', 'precision')
DATA = ('name', 'mean', 'std', 'zca')


def build(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  spec: DataSpec,
  preprocess: Preprocessing,
  edits: Transform,
) -> Expert:
  """How experts train; `edits` are both chains that act on real rows."""
  options = config.experts
  return expert(
    net,
    expert_optimizer(config),
    input_shape,
    spec.num_classes,
    preprocess=preprocess,
    batch_size=options.batch_size,
    steps=options.epoch_steps,
    augment=dsa(options.augment, config.objective.convention, siamese=False),
    radius=options.radius,
    alpha=options.alpha,
    losses=row_losses(config),
    edit=Edit(edits.init(spec), edits),
  )


def buffer(config: Config, workdir: Path, devices: int) -> Buffer:
  """Which experts a run needs, and where they are kept.

  Snapshots reach as far as segments do; beyond that, only the last epoch is
  kept, which initialises images and labels (DATM).
  """
  options, given = config.experts, config.to_dict()
  needed = options.latest - 1 + options.span
  last = max(needed, options.epochs)
  directory = options.directory or workdir.parent / 'experts'
  return Buffer(
    directory=Path(directory),
    scratch=workdir / 'experts',
    number=options.number,
    snapshots=tuple(sorted({*range(needed + 1), last})),
    parallel=options.parallel or devices,
    made_of={
      **{key: given[key] for key in SHARED},
      'data': {key: given['data'][key] for key in DATA},
      'outputs': {key: given['synthetic'][key] for key in ('slots', 'reject')},
      'convention': given['objective']['convention'],
      'energy_margin': given['evaluation']['energy_margin'],
      'experts': {key: given['experts'][key] for key in RECIPE},
      **_code(given),
    },
  )


def _code(given: dict[str, Any]) -> dict[str, Any]:
  """The user's own code that experts are made by, where there is any."""
  names = {
    link.get('factory', '')
    for place in ('transform', 'training')
    for link in given[place].values()
  }
  own = {name: plugins.digest(name) for name in names if plugins.is_own(name)}
  return {'code': own} if own else {}
