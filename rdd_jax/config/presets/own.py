"""Your own images: read, cleaned of doubtful labels, distilled, judged.

Nothing is injected, and nothing is taken from a published data set: means are
fitted, and the network is as deep as the images allow.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.build import experts
from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import groups, ood
from rdd_jax.config.presets.label_noise import defend
from rdd_jax.config.presets.methods import GROUPS, OUTLIERS, PROTECTIONS
from rdd_jax.config.presets.options import OWN, some
from rdd_jax.config.presets.registry import method_config
from rdd_jax.core.errors import UserError

# A first look: minutes on a CPU, not the published hours.
STEPS, SEEDS, ROWS, EPOCHS, NETWORKS = 500, 1, 64, 300, 3


def own(arg: str = '') -> Config:
  """Returns a method on the data that `data=` names.

  Args:
    arg: as the method takes it, and `data`, `labels`, `task`, `size`,
      `method`, `defense`, `outliers` and `groups`, see `options`.

  Raises:
    UserError: without `data`, or for a task that does nothing.

  >>> own('data=folder:photos,task=clean').evaluation.seeds
  0
  >>> own('data=folder:photos,task=clean,method=rded').synthetic.init
  'real'
  """
  fields = {**some(*PROTECTIONS['own'].takes), **OWN}
  args, rest = arguments.split(arg, **fields)
  if not args['data']:
    raise UserError(
      'configs/own.py needs to know what to read: give '
      '--config=configs/own.py:data=folder:PATH'
    )
  steps = 0 if args['method'] == 'rded' else STEPS  # it only selects
  rest = f'steps={steps},seeds={SEEDS},{rest}'
  config = method_config('own', args['method'], rest)
  config.name = 'own'
  config.data.name = args['data']
  config.data.size = args['size']
  config.data.labels = args['labels']
  config.real_rows = min(config.real_rows, ROWS)
  config.evaluation.epochs = min(config.evaluation.epochs, EPOCHS)
  config.evaluation.seeds = min(config.evaluation.seeds, NETWORKS)
  config.baselines = ('random', 'herding')
  defend(config, 'own', args['defense'])
  if args['task'] == 'clean':
    _clean_only(config)
    return config
  if args['outliers'] != 'none':
    ood.expose(config, 'own', {**_defaults(*OUTLIERS), **args})
  if args['groups'] != 'none':
    groups.serve(config, {**_defaults(*GROUPS), **args})
  return config


def _clean_only(config: Config) -> None:
  if not config.transform:
    raise UserError('task=clean with defense=none does nothing: leave it out')
  config.steps, config.seeds, config.synthetic.ipc = 0, 1, 1
  config.evaluation.seeds = 0
  config.whole.steps = 0
  config.baselines = ()
  if experts.teaches(config) or experts.matched(config):
    # Nobody is asked, so that no teacher and no buffer is trained.
    config.objective = namespace('distribution')
    config.synthetic.update({'init': 'real', 'labels': 'hard', 'top_k': 0})


def _defaults(*names: str) -> dict[str, Any]:
  return {name: field.default for name, field in some(*names).items()}
