"""Runs sweeps: grids of argument strings, several runs at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
import hashlib
from itertools import product
from pathlib import Path
import re
import sys
import time
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.experiment.workdir import missing
from rdd_jax.runtime import stopping
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.processes import Runner

LOGS = 'logs'  # below a sweep, and in it what was asked of each run


class Job(NamedTuple):
  """Describes one run of `rdd_jax.main`.

  Attributes:
    config: file and argument string.
    directory: where its outputs go.
    flags: further flags.
  """

  config: str
  directory: Path
  flags: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    """Returns the name of its directory."""
    return self.directory.name

  def arguments(self) -> list[str]:
    """Returns the arguments of `rdd_jax.main`.

    >>> Job('dm.py:ipc=1', Path('runs/a')).arguments()
    ['--config=dm.py:ipc=1', '--workdir=runs/a']
    """
    where = f'--workdir={self.directory}'
    return [f'--config={self.config}', where, *self.flags]

  def command(self) -> list[str]:
    """Returns the command line that runs it."""
    return [sys.executable, '-m', 'rdd_jax.main', *self.arguments()]

  def finished(self) -> bool:
    """Returns whether its directory holds all outputs of a run."""
    return not missing(self.directory)

  def asked(self) -> str:
    """Returns what is asked of it: its arguments, and a digest of its file."""
    file = Path(self.config.partition(':')[0])
    text = file.read_bytes() if file.is_file() else b''
    return '\n'.join([*self.arguments(), hashlib.sha256(text).hexdigest()])

  def record(self) -> Path:
    """Returns the file that holds what was asked of it when it finished."""
    return self.directory.parent / LOGS / f'{self.name}.asked'

  def done(self) -> bool:
    """Returns whether it finished, and was asked for what it is now."""
    record = self.record()
    before = record.read_text() if record.exists() else ''
    return self.finished() and before.strip() == self.asked()


def grid(text: str) -> list[str]:
  """Expands an argument string: all combinations of values separated by `|`.

  Raises:
    UserError: if a value is given twice, or a key is missing.

  >>> grid('ipc=1|10,smoke')
  ['ipc=1,smoke', 'ipc=10,smoke']
  """
  choices = []
  for item in filter(None, text.split(',')):
    key, equals, values = item.partition('=')
    options = values.split('|') if equals else ['']
    if not key or (equals and len(set(options)) < len(options)):
      raise UserError(
        f'{item!r} in {text!r}: give KEY=ONE|OTHER, with values that differ'
      )
    choices.append([f'{key}{equals}{value}' for value in options])
  return [','.join(chosen) for chosen in product(*choices)]


def sweep(
  configs: Sequence[str],
  texts: Sequence[str],
  out: Path,
  flags: Sequence[str] = (),
) -> list[Job]:
  """Builds a job for each configuration and each point of each grid.

  Args:
    configs: files, which may bring arguments of their own.
    texts: grids, see `grid`; none is the configuration as it is.
    out: below which each job has a directory named after it.
    flags: further flags of every job.

  Raises:
    UserError: if two jobs would have one name, or a grid is invalid.

  >>> jobs = sweep(['configs/dm.py:smoke'], ['ipc=1|10'], Path('runs'))
  >>> [job.name for job in jobs]
  ['dm-smoke,ipc=1', 'dm-smoke,ipc=10']
  """
  found: dict[str, Job] = {}
  for config in configs:
    file, _, own = config.partition(':')
    for text in texts or ['']:
      for point in grid(','.join(filter(None, (own, text)))):
        name = '-'.join(filter(None, (Path(file).stem, point)))
        name = re.sub(r'[^\w.,=+-]', '_', name)
        whole = f'{file}:{point}' if point else file
        job = Job(whole, out / name, tuple(flags))
        if found.setdefault(name, job) != job:
          raise UserError(
            f'{found[name].config} and {whole} would both be named {name}: '
            'give them an --out each'
          )
  return list(found.values())


def run_all(
  jobs: Sequence[Job],
  at_once: int = 1,
  say: Callable[[str], None] = print,
) -> dict[str, str]:
  """Runs the jobs that are not finished; a failure does not stop the others.

  One that was finished by other flags, or by another file, is run as well: it
  does again what these change, or says what it refuses.

  Where it is interrupted, every run gets SIGTERM, on which it saves, and its
  end is waited for; calling it again resumes.

  Args:
    jobs: the runs; `NAME.log` of each goes beside its `record`.
    at_once: how many run at a time.
    say: is called with a line for each run that begins or ends.

  Returns:
    Name to the last line of the log, of those that have not finished.
  """
  runner, failed = Runner(), dict[str, str]()

  def one(job: Job) -> None:
    log = job.record().with_suffix('.log')
    if job.done():
      say(f'{job.name}: finished before')
      return
    say(f'{job.name}: begins, {log}')
    begin, asked = time.monotonic(), job.asked()  # the file may be edited
    job.record().unlink(missing_ok=True)
    ended = runner.run(job.command(), log)
    if ended and job.finished():
      write_atomically(job.record(), asked.encode())
      say(f'{job.name}: finished, {time.monotonic() - begin:,.0f} s')
      return
    lines = log.read_text(errors='replace').splitlines() if log.exists() else []
    failed[job.name] = next((x for x in reversed(lines) if x.strip()), 'no log')
    say(f'{job.name}: not finished: {failed[job.name]}')

  pool = ThreadPoolExecutor(at_once)
  try:
    list(pool.map(one, jobs))
  finally:
    with stopping.finished('its runs have saved', again=runner.stop):
      runner.stop()
      pool.shutdown(cancel_futures=True)
  return {job.name: failed[job.name] for job in jobs if job.name in failed}
