"""Checks every field of a configuration before a run takes time.

What is judged comes last, and a name that is not there would be found only
after all distilling. Names are looked up where they are registered. What needs
the data, or is built anyway before the first step, such as an objective and its
chains, is checked there.
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path

from rdd_jax import data, networks
from rdd_jax.config.build import experiment, shift
from rdd_jax.config.build.groups import parse_risk
from rdd_jax.config.build.optimizers import rule
from rdd_jax.config.build.regression import closed_form
from rdd_jax.config.defaults import Config
from rdd_jax.core import naming
from rdd_jax.core.errors import UserError, choose
from rdd_jax.data.groups import rare
from rdd_jax.data.images import check_channels
from rdd_jax.data.noise import inject
from rdd_jax.data.noise.cifar_n import label_set
from rdd_jax.data.ood.sets import check_ood
from rdd_jax.evaluation.regression import CONJUGATE, REGRESSIONS
from rdd_jax.experiment.baselines import BASELINES

# Of products, as jax.default_matmul_precision takes them.
PRECISIONS = ('float32', 'tensorfloat32', 'bfloat16', 'highest', 'high')
MISSING = ('skip', 'raise')
FILES = ('.npz', '.json', '.html', '.png', '.zip', '.csv', '.py')
# The least that a field may be, and the most; bounds belong to the range.
RANGES: Mapping[str, tuple[float, float]] = {
  **dict.fromkeys(
    (
      'seeds',
      'steps_per_call',
      'log_every',
      'checkpoint_every',
      'real_rows',
      'network.width',
      'synthetic.ipc',
      'synthetic.factor',
      'experts.number',
      'experts.batch_size',
      'evaluation.epochs',
      'evaluation.batch_size',
      'outside.rows',
      'outside.views',
      'whole.seeds',
      'whole.batch_size',
      'kernel.depth',
      'kernel.width',
      'kernel.block',
    ),
    (1, math.inf),
  ),
  **dict.fromkeys(
    (
      'seed',
      'steps',
      'prepare_every',
      'devices',
      'data.size',
      'data.zca',
      'network.depth',  # 0 is what fits
      'synthetic.slots',
      'synthetic.slot_images',
      'experts.parallel',
      'experts.epochs',
      'experts.epoch_steps',
      'evaluation.learning_rate',
      'evaluation.weight_decay',
      'kernel.ridge',
      'shift.rows',
      'whole.steps',
      'whole.learning_rate',
      'optimizer.learning_rate',
    ),
    (0, math.inf),
  ),
  **dict.fromkeys(
    (
      'data.validation',
      'evaluation.momentum',
      'evaluation.cutmix',
      'evaluation.ema',
    ),
    (0, 1),
  ),
}


def check(config: Config, directory: Path | None = None) -> None:
  """Checks names and ranges of all fields that no data is needed for.

  Args:
    config: complete, see `rdd_jax.config.defaults`.
    directory: where outputs are to go, if that is to be checked as well.

  Raises:
    UserError: for the first field that is not as it has to be.

  >>> from rdd_jax.config.defaults import config
  >>> wrong = config()
  >>> wrong.baselines = ('random', 'herdin')
  >>> check(wrong)  # doctest: +ELLIPSIS
  Traceback (most recent call last):
  ...
  rdd_jax.core.errors.UserError: unknown baseline 'herdin': did you mean ...
  """
  if directory is not None:
    _check_path('--workdir', directory)
  if config.experts.directory:
    _check_path('experts.directory', Path(config.experts.directory))
  _check_ranges(config)
  _check_baselines(config)
  choose('precision', config.precision, dict.fromkeys(PRECISIONS))
  _check_data(config)
  rule(config.optimizer.name, 1.0, 0.0)
  parse_risk(config.risk)
  shift.check(config)
  check_ood(config.outside.sets)
  choose('outside.missing', config.outside.missing, dict.fromkeys(MISSING))
  experiment.evaluation(config)
  experiment.whole(config)
  _check_judges(config)


def _check_path(what: str, path: Path) -> None:
  if path.is_file() or (path.suffix in FILES and not path.is_dir()):
    raise UserError(
      f'{what}={path} is the name of a file, and a directory is made there: '
      f'give {path.with_suffix("") if path.suffix else f"{path}.run"}'
    )


def _check_ranges(config: Config) -> None:
  for field, (least, most) in RANGES.items():
    group, _, name = field.rpartition('.')
    options = config[group] if group else config
    if name not in options:  # not every network has a width
      continue
    value = options[name]
    if not least <= value <= most or value == math.inf:
      wanted = f'from {least} to {most}' if most < math.inf else f'>= {least}'
      example = least or 0
      raise UserError(
        f'{field}={value}: give a number {wanted}, such as '
        f'--config.{field}={example}'
      )
  if config.evaluation.seeds < (0 if config.steps == 0 else 1):
    raise UserError(
      f'evaluation.seeds={config.evaluation.seeds}: give 1 or more; only with '
      'steps=0, where labels are cleaned and no more, it may be 0'
    )


def _check_baselines(config: Config) -> None:
  known: dict[str, None] = {name: None for name in (*BASELINES, 'initial')}
  for name in config.baselines:
    words = tuple(word.strip() for word in name.split(','))
    if len(words) > 1 and set(words) <= set(known):
      raise UserError(
        f'baselines={name} is one name to the command line: give '
        f'--config.baselines="{words}"'
      )
    choose('baseline', name, known)
  if len(set(config.baselines)) < len(config.baselines):
    raise UserError(
      f'baselines={tuple(config.baselines)} names one twice: name each once'
    )


def _check_data(config: Config) -> None:
  options = config.data
  check_channels(options.channels or None)
  if options.noise:
    kind, (detail,) = naming.parse('label noise', options.noise, inject.SPECS)
    if kind == 'human':
      label_set(detail)
  if options.rare:
    naming.parse('rare data', options.rare, rare.SPECS)
  if options.validation >= 1:
    raise UserError(
      f'data.validation={options.validation} leaves no row to train on: give '
      'a share below 1, such as 0.1'
    )
  if len(options.mean) != len(options.std):
    raise UserError(
      f'data.mean has {len(options.mean)} numbers and data.std '
      f'{len(options.std)}: give one of each for each channel'
    )


def _check_judges(config: Config) -> None:
  known = dict.fromkeys((*networks.NETWORKS, *REGRESSIONS))
  for name in config.evaluation.networks:
    choose('network or regression', name.partition(':')[0], known)
    if name not in REGRESSIONS:
      networks.build(name, 10)
    elif name != CONJUGATE:
      closed_form(config)


def check_channels_of(dataset: data.Dataset) -> None:
  """Refuses images that no picture of a set could show.

  Args:
    dataset: as it is distilled.

  Raises:
    UserError: for another number of channels than 1 and 3.
  """
  channels = dataset.image_shape[2]
  if channels not in (1, 3):
    raise UserError(
      f'{dataset.name} has images of {channels} channels: give images with 1 '
      '(grayscale) or 3 (color)'
    )
