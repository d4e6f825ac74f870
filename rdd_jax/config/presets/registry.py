"""Every method by its name, and what all presets share."""

from __future__ import annotations

from typing import Any

from rdd_jax.config import arguments, defaults
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import DATA, DEPTHS, SIZES, families
from rdd_jax.core.errors import UserError
from rdd_jax.images.preprocessing import PUBLISHED

ARGUMENTS = {
  'ipc': 10,
  'seed': 0,
  'seeds': 3,
  'width': 128,
  'steps': 0,
  'noise': '',
  'smoke': False,
}
SMOKE = {  # the most that a field of an objective may be
  'matched_rows': 8,
  'outer': 2,
  'window': 2,
  'earliest': 0,
  'pool': 2,
  'iterations': 2,
}


def base(
  method: str, dataset: str, arg: str, **more: Any
) -> tuple[Config, dict[str, Any]]:
  """The data set's part of a configuration, and the parsed arguments."""
  args = arguments.parse(arg, **ARGUMENTS, **more)
  data = DATA[dataset]
  config = defaults.config()
  config.name = f'{method}_{dataset}'
  config.seed, config.seeds = args['seed'], args['seeds']
  config.data.name = data.source
  config.data.noise = args['noise']
  config.data.mean, config.data.std = PUBLISHED[dataset]
  config.network.width = args['width']
  config.network.depth = DEPTHS.get(dataset, 3)
  if dataset in SIZES:
    config.data.size = SIZES[dataset]
  config.synthetic.ipc = args['ipc']
  if args['ipc'] < 1:
    raise UserError(
      f'ipc={args["ipc"]}: a class needs at least one image; give ipc=1 or more'
    )
  config.whole.steps = 10_000
  config.whole.augment = families(dataset)
  return config, args


def finish(config: Config, args: dict[str, Any]) -> Config:
  """The arguments that any preset takes last."""
  if args['steps']:
    config.steps = args['steps']
  return smoke(config) if args['smoke'] else config


def smoke(config: Config) -> Config:
  """Shrinks a run to seconds on two cores; mock images if there are none."""
  config.data.mock = True
  if config.data.name == DATA['tiny_imagenet'].source:
    config.data.zca = 0.0  # a matter of many minutes: cubic in 12,288 pixels
  config.seeds = min(config.seeds, 1)
  if 'width' in config.network:
    config.network.width = min(config.network.width, 8)
  config.synthetic.ipc = min(config.synthetic.ipc, 2)
  config.real_rows = min(config.real_rows, 8)
  for field, most in SMOKE.items():
    if field in config.objective:
      config.objective[field] = min(config.objective[field], most)
  if 'inner' in config.objective:
    config.objective.inner.steps = min(config.objective.inner.steps, 2)
  config.kernel.width = min(config.kernel.width, 8)
  config.experts.number = min(config.experts.number, 2)
  config.experts.epochs = 0
  config.experts.epoch_steps = 2
  config.experts.batch_size = min(config.experts.batch_size, 32)
  config.experts.earliest = 0
  config.experts.opening = min(config.experts.opening, 1)
  config.experts.latest = 2
  config.experts.span = 1
  config.steps = 4
  config.steps_per_call = min(config.steps_per_call, 2)
  config.log_every = 2
  config.checkpoint_every = 2
  config.evaluation.seeds = 2
  config.evaluation.epochs = 5
  config.whole.steps = min(config.whole.steps, 5)
  return config
