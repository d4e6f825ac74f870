"""Lists all runs below a directory: what they are, and how far they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
import io
import json
from pathlib import Path
import sys
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from rdd_jax.artifact import store
from rdd_jax.compare.runs import Finished, differing
from rdd_jax.core.errors import UserError
from rdd_jax.experiment.workdir import flat, missing
from rdd_jax.report.label_noise import RELABELED

RUNS = Path('runs')  # where runs go by default
SHOWN = 4  # At most so many fields of a run say what differs.
# These have columns of their own, or are of no method.
APART = ('name', 'synthetic.ipc', 'steps_per_call', 'log_every', 'layout')


class Listed(NamedTuple):
  """A run as the list shows it.

  Attributes:
    directory: of the run.
    config: every field by its path; {} where it cannot be read.
    accuracy: its summary, of a finished run that was judged.
    state: 'finished', or how far it is.
  """

  directory: Path
  config: dict[str, Any]
  accuracy: Mapping[str, Any] | None
  state: str


def find(root: Path = RUNS) -> list[Path]:
  """Finds work directories, in a directory and in those of sweeps in it.

  Args:
    root: the directory.

  Raises:
    UserError: if there is none.
  """
  found = [
    path.parent
    for pattern in ('*/config.json', '*/*/config.json')
    for path in root.glob(pattern)
  ]
  if not found:
    raise UserError(
      f'there is no run in {root}: python -m rdd_jax.main '
      '--config=configs/quickstart.py makes one; or give work directories, '
      'python -m rdd_jax.compare DIR...'
    )
  return sorted(found)


def look(directory: Path) -> Listed:
  """Reads what the list shows of a run, finished or not.

  Args:
    directory: its work directory.
  """
  try:
    config = flat(json.loads((directory / 'config.json').read_text()))
    if missing(directory):
      return Listed(directory, config, None, _progress(directory, config))
    results = json.loads((directory / 'results.json').read_text())
    accuracy = results['rows']['distilled'].get('accuracy')
  except PermissionError:  # somebody else's
    return Listed(directory, {}, None, 'not to be read')
  except Exception as error:  # whatever the damage raises
    return Listed(directory, {}, None, f'damaged ({type(error).__name__})')
  return Listed(directory, config, accuracy, 'finished')


def listing(runs: Sequence[Listed], root: Path = RUNS) -> str:
  """Formats the table, a line for each run.

  Args:
    runs: at least one.
    root: that names are relative to.

  >>> one = {'name': 'dm', 'synthetic.ipc': 1, 'seed': 0}
  >>> runs = [
  ...   Listed(Path('runs/a'), one, {'mean': 0.5, 'n': 1}, 'finished'),
  ...   Listed(Path('runs/b'), {**one, 'seed': 1}, None, 'step 2 of 9'),
  ... ]
  >>> print(listing(runs).splitlines()[1])
  a     dm        1      50.0  finished     seed=0
  """
  fields = differing(
    [Finished(run.directory, run.config, {}, {}, {}) for run in runs]
  )
  number = partial(Column, justify='right', no_wrap=True)
  laid_out = Table(
    Column('name'),
    Column('method'),
    number('ipc'),
    number('accuracy'),
    Column('state'),
    Column('what differs'),
    box=None,
    pad_edge=False,
    padding=(0, 2, 0, 0),
  )
  for i, run in enumerate(runs):
    own = {field: values[i] for field, values in fields.items()}
    cells = (
      str(run.directory.relative_to(root)),
      str(run.config.get('name', '-')),
      str(run.config.get('synthetic.ipc', '-')),
      _percent(run.accuracy),
      run.state,
      _described(own),
    )
    laid_out.add_row(*map(Text, cells))
  shown = Console(file=sys.stdout)
  width = shown.width if shown.is_terminal else 10_000
  console = Console(file=io.StringIO(), width=width, color_system=None)
  with console.capture() as captured:
    console.print(laid_out)
  lines = [line.rstrip() for line in captured.get().rstrip('\n').splitlines()]
  return '\n'.join(lines)


def _progress(directory: Path, config: Mapping[str, Any]) -> str:
  if config.get('steps') == 0 and config.get('evaluation.seeds') == 0:
    done = (directory / RELABELED).exists()
    return 'labels cleaned' if done else 'begun'
  seeds, steps = config.get('seeds', 1), config.get('steps', 0)
  places = [directory, *(directory / 'seeds' / str(s) for s in range(1, seeds))]
  done = sum((place / store.CARD).exists() for place in places)
  if done == len(places):
    return 'distilled, to be judged'
  saved = (places[done] / 'checkpoints').glob('*/manifest.json')
  step = max((int(path.parent.name) for path in saved), default=0)
  of_seeds = f', seed {done + 1} of {seeds}' if seeds > 1 else ''
  return f'step {step:,} of {steps:,}{of_seeds}' if step or done else 'begun'


def _percent(summary: Mapping[str, Any] | None) -> str:
  if summary is None:
    return '-'
  mean = f'{100 * summary["mean"]:.1f}'
  return mean if summary['n'] < 2 else f'{mean} ± {100 * summary["std"]:.1f}'


def _described(fields: Mapping[str, Any]) -> str:
  """Says some of the fields, those of few parts first, and how many more."""
  own = [
    (field.count('.'), field, value)
    for field, value in fields.items()
    if value is not None
    and field not in APART
    and not field.startswith('variants')
  ]
  words = [
    f'{field}={value if value != "" else "none"}'
    for _, field, value in sorted(own, key=_by_name)
  ]
  more = len(words) - SHOWN
  return ' '.join(words[:SHOWN]) + (f' and {more} more' if more > 0 else '')


def _by_name(entry: tuple[int, str, Any]) -> tuple[int, str]:
  return entry[:2]
