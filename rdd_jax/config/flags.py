"""Flags that name a configuration and a work directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags
from ml_collections import config_flags

from rdd_jax.config.arguments import SHOW
from rdd_jax.config.typed import completed
from rdd_jax.core.errors import UserError
from rdd_jax.runtime import cli

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  None,
  'FILE.py[:arguments], see configs/; FILE.py:help lists the arguments, and '
  'FILE.py:show the whole configuration',
  lock_config=True,
)
completed('config')
WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Where outputs go; by default runs/NAME-HASH.'
)


def given(argv: list[str]) -> Config:
  """Returns the configuration that the flags say.

  With the argument `show`, prints it instead and exits with status 0.

  Raises:
    UserError: if there is none, or something besides flags.
  """
  from rdd_jax.config import unasked
  from rdd_jax.config.difference import show

  cli.no_arguments(argv)
  if _CONFIG.value is None:
    raise UserError(
      'no configuration: give --config=configs/quickstart.py or another file'
    )
  name = config_flags.get_config_filename(flags.FLAGS['config'])
  config = unasked.for_its_data('config', _CONFIG.value)
  if SHOW in name.partition(':')[2].split(','):
    print(show(config))
    raise SystemExit(0)
  return config


def hint(flag: str) -> str:
  """Returns what to type instead of a flag of a field that is elsewhere.

  >>> hint('--config.ipc=2')
  '--config.ipc: there is no such field; give --config.synthetic.ipc=2'
  >>> hint('--config.data=folder:/x')
  '--config.data: this is a group of fields; give --config.data.name=folder:/x'
  >>> hint('--config.seed=1')
  ''
  """
  from rdd_jax.config import defaults
  from rdd_jax.config.difference import places

  name, equals, value = flag.partition('=')
  prefix, _, path = name.lstrip('-').partition('.')
  known = defaults.config().to_dict()
  if prefix != 'config' or not path or not equals:
    return ''
  group = known.get(path)
  if isinstance(group, dict) and group and not value.startswith('{'):
    field = 'name' if 'name' in group else 'FIELD'
    fields = '' if field == 'name' else f'; fields are {", ".join(group)}'
    return (
      f'{name}: this is a group of fields; give '
      f'--config.{path}.{field}={value}{fields}'
    )
  if path in known or '.' in path:
    return ''
  found = ' or '.join(f'--config.{p}={value}' for p in places(path))
  return found and f'{name}: there is no such field; give {found}'
