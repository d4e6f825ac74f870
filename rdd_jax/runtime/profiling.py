"""Watching a run: a profile of a few steps, and TensorBoard.

Nothing here is part of a configuration, as nothing of it changes a byte of what
a run computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
from pathlib import Path
import re
from types import TracebackType
from typing import NamedTuple

import jax

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.logging import require_board


class Profile:
  """Traces the steps `first` up to `last` that this process takes, once.

  Counted from where the process begins or resumes, over its distillation seeds,
  and rounded outwards to whole calls. The step is compiled before the first of
  them. Process 0 traces; XProf, TensorBoard's profile plugin and Perfetto
  (`trace.json.gz`) read the result.
  """

  def __init__(self, directory: str | Path = '', first: int = 0, last: int = 0):
    """Traces nothing where `last` is 0."""
    self._directory, self._first, self._last = str(directory), first, last
    self._done = 0
    self._running = self.traced = False

  def __enter__(self) -> Profile:
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    """Ends a trace that the loop did not reach the end of."""
    del kind, error, traceback
    self._stop()

  @contextmanager
  def call(self, steps: int) -> Iterator[None]:
    """Traces one call of so many steps, and the wait for it, where due."""
    due = self._done < self._last and self._done + steps > self._first
    if due and not self.traced and jax.process_index() == 0:
      if not self._running:
        jax.profiler.start_trace(self._directory)
        self._running = True
      with jax.profiler.StepTraceAnnotation('distil', step_num=self._done):
        yield
    else:
      yield
    self._done += steps
    if self._done >= self._last:
      self._stop()

  def _stop(self) -> None:
    if self._running:
      self._running, self.traced = False, True
      jax.profiler.stop_trace()


class Watch(NamedTuple):
  """How a run is watched; by default, not at all.

  Attributes:
    profile: of the calls of the step.
    tensorboard: whether metrics and results are written as its events too.
  """

  profile: Profile = Profile()
  tensorboard: bool = False

  def events(self, directory: Path) -> Path | None:
    """Returns where the events of a distillation seed go, if anywhere."""
    return directory / 'tensorboard' if self.tensorboard else None


def watch(
  directory: Path,
  *,
  steps: int,
  profile: str = '',
  tensorboard: bool | None = None,
) -> Watch:
  """Returns what the flags ask to be watched.

  Args:
    directory: the work directory; the trace goes below its `profile`.
    steps: of the run.
    profile: `FIRST:LAST`; '' traces nothing.
    tensorboard: None is whether tensorboardX is installed.

  Raises:
    UserError: for steps that are none, or if tensorboardX is asked for and is
      not installed.
  """
  if tensorboard:
    require_board('--tensorboard')
  if tensorboard is None:
    tensorboard = importlib.util.find_spec('tensorboardX') is not None
  if not profile:
    return Watch(tensorboard=tensorboard)
  found = re.fullmatch(r'(\d+):(\d+)', profile)
  if not found:
    raise UserError(
      f'--profile={profile}: give FIRST:LAST, whole numbers of steps, such as '
      '--profile=10:20'
    )
  first, last = map(int, found.groups())
  if not first < last:
    raise UserError(
      f'--profile={profile} holds no step: give FIRST below LAST, such as '
      f'--profile={first}:{first + 10}'
    )
  if last > steps:
    raise UserError(
      f'--profile={profile}, but the run has {steps} steps: give a LAST of at '
      f'most {steps}'
    )
  return Watch(Profile(directory / 'profile', first, last), tensorboard)
