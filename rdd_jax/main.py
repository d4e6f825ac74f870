"""Distils, evaluates, reports: `python -m rdd_jax.main --config=FILE[:args]`.

The same command resumes. Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 save and
end it with status 130, 143, 129, 138 and 140, within five seconds, but for the
step in compilation, which is finished; a second one ends it at once.
"""

from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.config import flags as shared
from rdd_jax.core.errors import UserError
from rdd_jax.records import flag as records
from rdd_jax.runtime import cli, programs, stopping

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config

flags.adopt_module_key_flags(shared)
flags.adopt_module_key_flags(programs)
flags.adopt_module_key_flags(records)
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed', None, 'Join the other processes of this run.'
)
_TENSORBOARD = flags.DEFINE_bool(
  'tensorboard',
  None,
  'Write events for TensorBoard too; by default if tensorboardX is installed.',
)
_PROFILE = flags.DEFINE_string(
  'profile',
  '',
  'FIRST:LAST, of the steps that this process takes: a trace of them, below '
  "the work directory's profile/. Changes nothing of the run.",
)


def main(argv: list[str]) -> None:
  """Distils, evaluates and reports what the flags say."""
  run(shared.given(argv))


def run(config: Config) -> None:
  """Distils, evaluates and reports a configuration, as the flags say."""
  from rdd_jax.config.build.data import cleans_only
  from rdd_jax.experiment import ablations, recording, workdir
  from rdd_jax.records import origin
  from rdd_jax.runtime import distributed, logging
  from rdd_jax.runtime.profiling import watch

  if config.deterministic:
    # Read by XLA when the first device is touched, which is below.
    flag = '--xla_gpu_deterministic_ops=true'
    os.environ['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {flag}'
  if records.asked() and cleans_only(config):
    raise UserError('--record: nothing is distilled by task=clean')
  distributed.initialise(_DISTRIBUTED.value)
  programs.keep()
  directory = Path(shared.WORKDIR.value or workdir.default(config)).absolute()
  watched = watch(
    directory,
    steps=config.steps,
    profile=_PROFILE.value,
    tensorboard=_TENSORBOARD.value,
  )
  ablations.check_all(config, directory)
  write = distributed.is_main_process()
  earlier = workdir.finished(directory, config)
  with workdir.claimed(directory, config, write=write):
    ablations.execute(
      config,
      directory,
      command=stopping.command(),
      stop=stopping.asked,
      watch=watched,
    )
  if records.asked() and write:
    command = origin.command('rdd_jax.main', sys.argv[1:])
    records.keep(recording.of_run(config, directory, command, earlier=earlier))
  if _PROFILE.value and not watched.profile.traced:
    logging.say(
      f'--profile={_PROFILE.value} saw no step: this process took fewer'
    )


if __name__ == '__main__':
  cli.start(main, shared.hint, resumes=True)
