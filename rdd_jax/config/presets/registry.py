"""Every method by its name, and what all presets share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
import textwrap
from typing import Any

from rdd_jax.config import arguments, defaults
from rdd_jax.config.arguments import Argument
from rdd_jax.config.defaults import Config
from rdd_jax.config.difference import places
from rdd_jax.config.presets.datasets import DATA, lookup
from rdd_jax.config.presets.methods import (
  BASELINES,
  METHODS,
  PROTECTIONS,
  Method,
  methods,
)
from rdd_jax.config.presets.options import ARGUMENTS, COMMON, OWN, TAUGHT
from rdd_jax.core.errors import UserError, choose
from rdd_jax.images.published import STATISTICS

SMOKE = {  # the most that a field of an objective may be
  'matched_rows': 8,
  'outer': 2,
  'window': 2,
  'earliest': 0,
  'pool': 2,
  'iterations': 2,
}


def fields(dataset: str, *names: str) -> dict[str, Argument]:
  """Returns the arguments of a method on a data set.

  Args:
    dataset: its name, which decides some defaults and the methods there are.
    *names: of arguments, apart from `COMMON`.

  >>> fields('digits', 'method')['ipc'].default
  1
  """
  row = lookup(dataset)
  out = {name: ARGUMENTS[name] for name in (*COMMON, *names)}
  for name in ('ipc', 'width'):
    out[name] = replace(out[name], default=getattr(row, name))
  if 'teacher_epochs' in out:  # kinds of labels that KIP has not
    out |= TAUGHT
    out['network'] = replace(out['network'], default=row.teacher)
    if row.teacher == 'resnet18':
      out['width'] = replace(out['width'], default=64)
  if 'task' in out:  # labels of what the user names; of a method, the kind
    out |= {name: OWN[name] for name in OWN.keys() & out.keys()}
  if 'method' in out:
    out['method'] = replace(out['method'], choices=tuple(methods(dataset)))
  return out


def method_config(dataset: str, method: str, arg: str = '') -> Config:
  """Returns the configuration of a method on a data set.

  >>> method_config('digits', 'dm', 'ipc=2').synthetic.ipc
  2

  Args:
    dataset: a name in `DATA`.
    method: a name in `METHODS`.
    arg: as the method takes it.

  Raises:
    UserError: for a name that is not there.
  """
  lookup(dataset)
  chosen = choose('method', method, methods(dataset))
  return _function(chosen, dataset)(arg)


def preset(
  method: str, dataset: str, *, name: str = '', **given: Any
) -> Callable[[str], Config]:
  """Returns the `get_config` of a config file.

  Its argument `help` prints what it takes and exits.

  >>> preset('dm', 'cifar10', ipc=1)('seed=3').synthetic.ipc
  1

  Args:
    method: a name in `METHODS` or `PROTECTIONS`.
    dataset: a name in `DATA`.
    name: of the run, by default that of the method and the data set.
    **given: arguments, where the command line names none.

  Raises:
    UserError: for a name that is not there.
  """
  lookup(dataset)
  chosen = choose('method', method, {**METHODS, **PROTECTIONS})
  text = ','.join(f'{key}={value}' for key, value in given.items())

  def get_config(arg: str = '') -> Config:
    """Returns the preset, changed by `arg`; `help` says what that can be."""
    if 'help' in arg.split(','):
      print(describe(chosen, dataset, given))
      raise SystemExit(0)
    _require_known(chosen, dataset, f'{text},{arg}')
    config = _function(chosen, dataset)(f'{text},{arg}')
    config.name = name or config.name
    return config

  return get_config


def _require_known(method: Method, dataset: str, arg: str) -> None:
  """Raises a UserError for an argument that none of a file's parts takes.

  Each part parses its own; the one that is left with it knows few names.
  """
  items = [item.partition('=') for item in arg.split(',') if item]
  known = fields(dataset, *method.takes)
  if 'method' in known:
    given = [value for key, _, value in items if key == 'method']
    other = methods(dataset).get([known['method'].default, *given][-1])
    known |= fields(dataset, *other.takes) if other else {}
  for key, _, value in items:
    if key in known or key in (*arguments.RENAMED, arguments.SHOW):
      continue
    if paths := places(key):
      typed = ' or '.join(f'--config.{path}={value}' for path in paths)
      raise UserError(
        f'{key} is a field, not an argument of this file: give {typed}'
      )
    choose('config argument', key, known)


def describe(method: Method, dataset: str, given: Mapping[str, Any]) -> str:
  """Returns the text of `:help`.

  Args:
    method: whose arguments.
    dataset: on which.
    given: defaults of the config file.
  """
  known = fields(dataset, *method.takes)
  for key, value in given.items():
    known[key] = replace(known[key], default=value)
  paper = textwrap.fill(method.paper, 80, break_long_words=False)
  lines = [method.title, paper, '', 'Arguments, with their defaults:']
  lines.append(arguments.usage(known))
  for other, its in methods(dataset).items() if 'method' in known else ():
    its_own = [key for key in its.takes if key not in known]
    if its_own:
      more = fields(dataset, *its_own)
      more = {key: more[key] for key in its_own}
      lines += [f'With method={other} also:', arguments.usage(more)]
  lines += [
    '',
    "Baselines, by --config.baselines=\"('random','ccs')\":",
    *(f'  {name:<10}  {what}' for name, what in BASELINES.items()),
    '  initial     what distillation starts from',
    '',
    'As in --config=FILE.py:ipc=1,smoke. FILE.py:show prints every field of',
    'the configuration, each of which --config.FIELD=VALUE sets. Other flags:',
    'python -m rdd_jax.main --help',
  ]
  return '\n'.join(lines)


def _function(method: Method, dataset: str) -> Callable[[str], Config]:
  """Imports the preset of a method, which would import this module."""
  module, _, name = method.preset.partition(':')
  digits = dataset == 'digits' and module in ('gradient', 'unrolled')
  if digits:
    module = 'digits'
  function = getattr(import_module(f'{__package__}.{module}'), name)
  alone = digits or name in ('quickstart', 'own')  # these know their data set
  return function if alone else partial(function, dataset)


def base(method: str, dataset: str, arg: str) -> tuple[Config, dict[str, Any]]:
  """Returns the data set's part of a configuration, and parsed arguments.

  Args:
    method: its name in `METHODS`.
    dataset: its name in `DATA`.
    arg: as `arguments.parse` takes it.
  """
  args = arguments.parse(arg, **fields(dataset, *METHODS[method].takes))
  data = lookup(dataset)
  config = defaults.config()
  config.name = f'{method}_{dataset}'
  config.seed, config.seeds = args['seed'], args['seeds']
  config.data.name = data.source
  config.data.noise = args['noise']
  config.data.size = data.resize
  if data.published:
    config.data.mean, config.data.std = STATISTICS[data.published]
  config.network.width = args['width']
  config.network.depth = data.depth
  config.synthetic.ipc = args['ipc']
  if args['ipc'] < 1:
    raise UserError(
      f'ipc={args["ipc"]}: a class needs at least one image; give ipc=1 or more'
    )
  if data.full_steps:
    config.whole.steps = data.full_steps
    config.whole.augment = data.families
  return config, args


def finish(config: Config, args: dict[str, Any]) -> Config:
  """Applies the arguments that any preset takes last.

  Args:
    config: the configuration, changed in place.
    args: parsed arguments, of which `steps`, `init` and `smoke` are read.
  """
  if args['steps']:
    config.steps = args['steps']
  if args['init']:
    config.synthetic.init = args['init']
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
  config.experts.epochs = min(config.experts.epochs, 1)
  config.experts.epoch_steps = 2
  config.experts.batch_size = min(config.experts.batch_size, 32)
  config.experts.earliest = 0
  config.experts.opening = min(config.experts.opening, 1)
  config.experts.latest = 2
  config.experts.span = 1
  config.steps = min(config.steps, 4)
  config.selection.draws = min(config.selection.draws, 20)
  config.steps_per_call = min(config.steps_per_call, 2)
  config.log_every = 2
  config.checkpoint_every = 2
  config.evaluation.seeds = 2
  config.evaluation.epochs = 5
  config.evaluation.batch_size = min(config.evaluation.batch_size, 256)
  config.whole.steps = min(config.whole.steps, 5)
  return config
