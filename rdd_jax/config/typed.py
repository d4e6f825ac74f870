"""What flags say of a configuration, while its file is read."""

from __future__ import annotations

from collections.abc import Sequence
import re
import sys
from typing import TYPE_CHECKING, Any

from absl import flags
from ml_collections import ConfigDict

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config

COMPLETED = ('network.', 'objective.')  # fields that are


def completed(flag: str) -> None:
  """Lets flags set fields that a configuration file does not name.

  Args:
    flag: the name of one that `config_flags.DEFINE_config_file` defined.
  """
  holder = flags.FLAGS[flag]
  holder.parser = _Parser(holder.parser, flag)


class _Parser(flags.ArgumentParser):
  """Parses a configuration file, and completes it by the other flags."""

  def __init__(self, file: flags.ArgumentParser, flag: str):
    """Wraps another parser.

    Args:
      file: parses the file alone.
      flag: its name.
    """
    self._file, self._flag = file, flag

  def parse(self, argument: Any) -> Config:
    """Returns the configuration of `FILE.py:ARGUMENTS`."""
    config = self._file.parse(argument)
    argv = flags.FLAGS.read_flags_from_files(sys.argv, force_gnu=False)
    given = typed(argv, self._flag)
    if not any(path.startswith(COMPLETED) for path in given):
      return config
    if isinstance(config, ConfigDict):  # and no error, which is said later
      from rdd_jax.config.completed import complete  # imports JAX

      complete(config, given)
    return config

  def flag_type(self) -> str:
    """Returns what help calls it."""
    return self._file.flag_type()


def typed(argv: Sequence[str], flag: str = 'config') -> dict[str, str]:
  """Returns the fields of a configuration that flags set, as they are typed.

  >>> typed(['main', '--config=dm.py', '--config.network.norm=batch'])
  {'network.norm': 'batch'}
  """
  found = {}
  for text, after in zip(argv, [*argv[1:], ''], strict=True):
    match = re.fullmatch(rf'--?{flag}\.([\w.]+)(=(.*))?', text, re.DOTALL)
    if match:
      found[match[1]] = after if match[2] is None else match[3]
  return found
