"""Flags that name a configuration and a work directory."""

from __future__ import annotations

from absl import flags
from ml_collections import config_flags

from rdd_jax.config.arguments import SHOW
from rdd_jax.config.defaults import Config
from rdd_jax.config.difference import show
from rdd_jax.core.errors import UserError
from rdd_jax.runtime import cli

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  None,
  'FILE.py[:arguments], see configs/; FILE.py:help lists the arguments, and '
  'FILE.py:show the whole configuration',
  lock_config=True,
)


WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Where outputs go; by default runs/NAME-HASH.'
)


def given(argv: list[str]) -> Config:
  """Returns the configuration that the flags say.

  With the argument `show`, prints it instead and exits with status 0.

  Raises:
    UserError: if there is none, or something besides flags.
  """
  cli.no_arguments(argv)
  if _CONFIG.value is None:
    raise UserError(
      'no configuration: give --config=configs/quickstart.py or another file'
    )
  name = config_flags.get_config_filename(flags.FLAGS['config'])
  if SHOW in name.partition(':')[2].split(','):
    print(show(_CONFIG.value))
    raise SystemExit(0)
  return _CONFIG.value
