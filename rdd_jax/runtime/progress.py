"""Shows where a loop is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
import sys
import time
from typing import Any, TextIO

import jax
from rich import progress
from rich.console import Console
from rich.table import Column

EVERY = 10.0  # seconds between two lines, once it takes long,
FRAME = 0.1  # and between two pictures of a bar
BAR = 20  # characters of a bar, at most


class Progress:
  """Shows where a loop is: a bar on a terminal, a line now and then elsewhere.

  Lines come after 1, 2, 4 and 8 seconds, and then every 10. The first `update`
  starts the clock, so that rate and remaining time leave out the compilation
  before it, and a resumed run counts its own steps only. On a narrow terminal
  the bar shrinks, and then its label, and the numbers last.

  >>> with Progress(2, 'distil', sys.stdout) as progress:
  ...   progress.update(2, loss=0.5)
  distil 2/2 loss 0.5
  >>> with Progress(5, 'judging', sys.stdout, 'network') as progress:
  ...   progress.update(2)
  judging network 3 of 5
  """

  def __init__(
    self,
    total: int,
    label: str,
    stream: TextIO | None = None,
    unit: str = 'step',
    *,
    brief: bool = False,
  ):
    """Shows nothing before the first update.

    Args:
      total: the steps of the whole loop; of 0 there is nothing to show.
      label: what the loop does, a word.
      stream: where to write; None is standard error.
      unit: what is counted. Steps are shown as those that are done, others as
        the one in work; '' shows no rate.
      brief: say nothing of the end in a line if it comes within a second.
    """
    self._total, self._label, self._unit = total, label, unit
    self._stream = sys.stderr if stream is None else stream
    console = Console(file=self._stream)
    self._bar = _bar(console, total) if _is_live(console) else None
    self._brief = brief
    self._first = self._last = self._shown = None

  def __enter__(self) -> Progress:
    return self

  def update(self, step: int, **values: Any) -> None:
    """Says that `step` steps are done; reads `values` only to show them."""
    if not self._total or jax.process_index() != 0:
      return
    now = time.monotonic()
    self._first = self._first or (step, now)
    self._last = (step, now, values)
    due = step >= self._total or self._is_due(now)
    if due and not self._is_shown() and not self._keeps_quiet():
      self._show()

  def advance(self, steps: int = 1) -> None:
    """Says that so many more steps are done than at the last update."""
    self.update((self._last[0] if self._last else 0) + steps)

  def __exit__(self, *_: object) -> None:
    quiet = self._last is None or self._keeps_quiet()
    if not quiet and not self._is_shown():
      self._show()
    if self._bar is not None and self._shown is not None:
      self._bar.stop()

  def _is_due(self, now: float) -> bool:
    if self._shown is None or self._first is None:
      return True
    period = FRAME
    if self._bar is None:
      period = min(max(self._shown[1] - self._first[1], 1.0), EVERY)
    return now - self._shown[1] >= period

  def _is_shown(self) -> bool:
    """Tells whether the last step is what was shown last."""
    if self._last is None or self._shown is None:
      return False
    return self._last[0] == self._shown[0]

  def _keeps_quiet(self) -> bool:
    """Tells whether no more than the first line is called for."""
    if self._first is None or self._last is None or self._shown is None:
      return False
    took = self._last[1] - self._first[1]
    short = took < 1 or self._total == 1
    return self._brief and self._bar is None and short

  def _show(self) -> None:
    assert self._first is not None
    assert self._last is not None
    (begin, start), (step, now, values) = self._first, self._last
    self._shown = self._last
    words = [self._place(step)] if self._total > 1 else []
    words += [f'{name} {float(value):.4g}' for name, value in values.items()]
    if step > begin and now > start and self._total > 1:
      rate = (step - begin) / (now - start)
      left = timedelta(seconds=round(max(self._total - step, 0) / rate))
      words += [f'{rate:.3g} {self._unit}s/s'] if self._unit else []
      words += [f'ETA {left}']
    text = ' '.join(words)
    if self._bar is None:
      self._stream.write(f'{self._label} {text}'.rstrip() + '\n')
      self._stream.flush()
      return
    label, room = self._label, max(self._bar.console.width - len(text) - 2, 8)
    if len(label) > room:
      label = f'{label[: room - 1]}…'
    self._bar.update(
      self._bar.task_ids[0], description=label, completed=step, text=text
    )
    if self._bar.live.is_started:
      self._bar.refresh()
    else:
      self._bar.start()

  def _place(self, step: int) -> str:
    if self._unit in ('step', ''):
      return f'{step}/{self._total}'
    return f'{self._unit} {min(step + 1, self._total):,} of {self._total:,}'


class Stages:
  """Shows one stage after the other, each by a `Progress` of its own.

  >>> with Stages('preparing', sys.stdout) as tell:
  ...   tell('images', 0, 4)
  ...   tell('rounds', 1, 2)
  preparing: images 0/4
  preparing: rounds 1/2
  """

  def __init__(self, label: str, stream: TextIO | None = None):
    """Shows nothing before it is called.

    Args:
      label: of all stages.
      stream: where to write; None is standard error.
    """
    self._label, self._stream = label, stream
    self._stage, self._progress = '', None

  def __enter__(self) -> Stages:
    return self

  def __call__(self, stage: str, done: int, total: int) -> None:
    """Says that `done` of the `total` steps of a stage are done."""
    if self._progress is None or stage != self._stage:
      self.__exit__()
      label = f'{self._label}: {stage}'
      self._stage = stage
      self._progress = Progress(total, label, self._stream, '', brief=True)
    self._progress.update(done)

  def __exit__(self, *_: object) -> None:
    if self._progress is not None:
      self._progress.__exit__()
    self._progress = None


@contextmanager
def busy(label: str, stream: TextIO | None = None) -> Iterator[None]:
  """Shows that something takes time whose end nobody knows, such as compiling.

  Args:
    label: what is done.
    stream: where to write; None is standard error.

  >>> with busy('compiling', sys.stdout):
  ...   pass
  compiling
  """
  out = sys.stderr if stream is None else stream
  console = Console(file=out)
  if jax.process_index() != 0:
    yield
  elif _is_live(console):
    with progress.Progress(
      progress.SpinnerColumn(),
      progress.TextColumn('{task.description}', markup=False),
      progress.TimeElapsedColumn(),
      console=console,
      redirect_stdout=False,
      redirect_stderr=False,
      transient=True,
    ) as bar:
      bar.add_task(label, total=None)
      yield
  else:
    out.write(f'{label}\n')
    out.flush()
    yield


def _is_live(console: Console) -> bool:
  return console.is_terminal and not console.is_dumb_terminal


def _bar(console: Console, total: int) -> progress.Progress:
  """Returns a bar that is drawn only when told, on one line."""

  def one_line() -> Column:
    return Column(no_wrap=True, overflow='ellipsis')

  bar = progress.Progress(
    progress.TextColumn(
      '{task.description}', markup=False, table_column=one_line()
    ),
    progress.BarColumn(BAR),  # alone may wrap, so that it shrinks first
    progress.TextColumn(
      '{task.fields[text]}', markup=False, table_column=one_line()
    ),
    console=console,
    auto_refresh=False,
    redirect_stdout=False,  # it would go to standard error
    redirect_stderr=False,
  )
  bar.add_task('', total=total, text='')
  return bar
