"""Distils, evaluates, reports: `python -m rdd_jax.main --config=FILE[:args]`.

Re-running the same command resumes. SIGTERM and Ctrl-C save and exit; a second
Ctrl-C stops at once.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import signal
import sys
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.config import flags as shared
from rdd_jax.core.errors import UserError
from rdd_jax.records import flag as records
from rdd_jax.runtime import cli, programs

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
  from rdd_jax.experiment import ablations, loop, recording, workdir
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
  # Where there is nothing to save, a signal ends the process at once.
  stop = (lambda: False) if cleans_only(config) else stopping()
  again = f'python -m rdd_jax.main {" ".join(sys.argv[1:])}'
  write = distributed.is_main_process()
  earlier = workdir.finished(directory, config)
  try:
    with workdir.claimed(directory, config, write=write):
      ablations.execute(
        config, directory, command=again, stop=stop, watch=watched
      )
    if records.asked() and write:
      command = origin.command('rdd_jax.main', sys.argv[1:])
      records.keep(
        recording.of_run(config, directory, command, earlier=earlier)
      )
  except loop.Stopped:
    logging.say('stopped and saved; the same command resumes')
  if _PROFILE.value and not watched.profile.traced:
    logging.say(
      f'--profile={_PROFILE.value} saw no step: this process took fewer'
    )


def stopping() -> Callable[[], bool]:
  """Returns whether SIGTERM or SIGINT (Ctrl-C) has come since this call.

  A second Ctrl-C ends the process at once.
  """
  asked: list[int] = []

  def ask(number: int, frame: object) -> None:
    del frame
    if number == signal.SIGINT:
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      print(
        'stopping and saving; Ctrl-C again stops at once',
        file=sys.stderr,
        flush=True,
      )
    asked.append(number)

  for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, ask)
  return lambda: bool(asked)


if __name__ == '__main__':
  cli.start(main, shared.hint)
