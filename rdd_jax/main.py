"""Distils, evaluates, reports: `python -m rdd_jax.main --config=FILE[:args]`.

Re-running the same command resumes. SIGTERM saves and exits.
"""

from __future__ import annotations

import os
from pathlib import Path
import signal
import sys
from typing import Any

from absl import app, flags, logging
from ml_collections import config_flags

from rdd_jax import mesh, pipeline, run, workdir
from rdd_jax.errors import UserError

_CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'FILE.py[:arguments], see configs/', lock_config=True
)
_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Where outputs go; by default runs/NAME-HASH.'
)
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed', None, 'Join the other processes of this run.'
)


def main(argv: list[str]) -> None:
  """Runs what the flags say."""
  if len(argv) > 1:
    raise UserError(f'unknown argument {argv[1]!r}: flags begin with --')
  config = _CONFIG.value
  if config is None:
    raise UserError(
      'no configuration: give --config=configs/quickstart.py or another file'
    )
  if config.deterministic:
    # Read by XLA when the first device is touched, which is below.
    flag = '--xla_gpu_deterministic_ops=true'
    os.environ['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {flag}'
  mesh.initialise(_DISTRIBUTED.value)
  directory = Path(_WORKDIR.value or workdir.default(config)).absolute()
  workdir.claim(directory, config, write=mesh.is_main_process())
  asked: list[int] = []
  signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
  command = f'python -m rdd_jax.main {" ".join(sys.argv[1:])}'
  try:
    pipeline.execute(
      config, directory, command=command, stop=lambda: bool(asked)
    )
  except run.Stopped:
    pipeline.say('stopped and saved; the same command resumes')


def entry(run_app: Any = app.run) -> None:
  """Prints the errors that a user is meant to read as one line."""
  logging.set_verbosity(logging.WARNING)
  try:
    run_app(main)
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    mesh.leave(2)
  except OSError as error:
    print(
      f'error: {error}; what was saved before is intact: free some space, or '
      'choose another --workdir',
      file=sys.stderr,
    )
    mesh.leave(2)
  except (AttributeError, KeyError, TypeError) as error:
    if flags.FLAGS.is_parsed():
      raise
    # A misspelt or mistyped --config.field fails while flags are parsed.
    print(f'error: {error.args[0] if error.args else error}', file=sys.stderr)
    sys.exit(2)


if __name__ == '__main__':
  entry()
