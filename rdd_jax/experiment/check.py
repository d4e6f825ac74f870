"""Checks every field of a configuration before a run takes time.

What is judged comes last, and a name that is not there would be found only
after all distilling. Names are looked up where they are registered. What needs
the data, or is built anyway before the first step, such as an objective and its
chains, is checked there.
"""

from __future__ import annotations

from collections.abc import Sequence
import math
from pathlib import Path

from rdd_jax import data, networks
from rdd_jax.config.build import networks as build_networks
from rdd_jax.config.build import recipes, shift
from rdd_jax.config.build.groups import parse_risk
from rdd_jax.config.build.objectives import OBJECTIVES
from rdd_jax.config.build.optimizers import rule
from rdd_jax.config.build.regression import closed_form
from rdd_jax.config.build.training import dsa
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.core import naming, plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.data.groups import rare
from rdd_jax.data.images import check_channels
from rdd_jax.data.noise import inject
from rdd_jax.data.noise.cifar_n import label_set
from rdd_jax.data.ood.sets import check_ood
from rdd_jax.evaluation.regression import CONJUGATE, REGRESSIONS
from rdd_jax.experiment import workdir
from rdd_jax.experiment.ranges import AUGMENTS, NAMES, RANGES, SEEN

FILES = ('.npz', '.json', '.html', '.png', '.zip', '.csv', '.py')


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
  if not plugins.is_own(config.objective.name):
    choose('objective', config.objective.name, OBJECTIVES)
  _check_fields(config)
  _check_baselines(config)
  _check_data(config)
  build_networks.network(config.network, 2)
  rule(config.optimizer.name, 1.0, 0.0)
  _check_betas(config.optimizer.betas)
  parse_risk(config.risk)
  shift.check(config)
  check_ood(config.outside.sets)
  for name in config.outside.seen:
    if ':' not in name and name != 'digits':  # no source
      choose('family of outside.seen', name, dict.fromkeys(SEEN))
  recipes.evaluation(config)
  recipes.whole(config)
  _check_judges(config)


def _check_path(what: str, path: Path) -> None:
  if path.is_file() or (path.suffix in FILES and not path.is_dir()):
    raise UserError(
      f'{what}={path} is the name of a file, and a directory is made there: '
      f'give {path.with_suffix("") if path.suffix else f"{path}.run"}'
    )


def _check_fields(config: Config) -> None:
  """Checks each field by itself, but for those of one's own objective."""
  fields = workdir.flat(config.to_dict())
  if plugins.is_own(config.objective.name):
    fields = {k: v for k, v in fields.items() if not k.startswith('objective.')}
  for field, value in fields.items():
    if field in RANGES:
      _check_range(field, value, *RANGES[field])
    if field in NAMES:
      choose(field, value, dict.fromkeys(NAMES[field]))
    if field in AUGMENTS:
      dsa(value, 'one', siamese=False)
  if '/' in config.name or not config.name:
    raise UserError(
      f'name={config.name!r} is to be part of the name of a directory: give '
      'one without a slash, such as --config.name=mine'
    )
  if config.evaluation.seeds < (0 if config.steps == 0 else 1):
    raise UserError(
      f'evaluation.seeds={config.evaluation.seeds}: give 1 or more; only with '
      'steps=0, where labels are cleaned and no more, it may be 0'
    )


def _check_range(field: str, value: float, least: float, most: float) -> None:
  if not least <= value <= most or value == math.inf:
    wanted = f'from {least} to {most}' if most < math.inf else f'>= {least}'
    raise UserError(
      f'{field}={value}: give a number {wanted}, such as '
      f'--config.{field}={max(least, 0)}'
    )


def _check_betas(betas: Sequence[float]) -> None:
  if len(betas) != 2 or not all(
    isinstance(beta, int | float) and 0 <= beta < 1 for beta in betas
  ):
    raise UserError(
      f'optimizer.betas={tuple(betas)}: give two numbers from 0 to below 1, '
      'such as --config.optimizer.betas="(0.9, 0.999)"'
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
  for name, least in (('mean', -math.inf), ('std', 0)):
    for value in options[name]:
      if not isinstance(value, int | float) or not least < value < math.inf:
        raise UserError(
          f'data.{name} has {value!r}: give a number for each channel'
          f'{", above 0" if name == "std" else ""}, such as '
          f'--config.data.{name}="(0.5, 0.5, 0.5)"'
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
