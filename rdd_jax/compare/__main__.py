"""Compares runs: `python -m rdd_jax.compare DIR... [--html=FILE]`.

Prints a table of every run's distilled set and of the baselines, and what each
run took. What is no run, or none that finished, is named and left out.
`--csv=FILE` has every metric, `--html=FILE` is one page with the images and the
fields that differ. Without directories it lists the runs of `runs/`: how far
they are, and what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
import csv
import io
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.core.errors import UserError
from rdd_jax.records import flag as records
from rdd_jax.runtime import cli
from rdd_jax.runtime.files import require_place, write_out

if TYPE_CHECKING:
  from rdd_jax.compare.runs import Finished

flags.adopt_module_key_flags(records)
_CSV = flags.DEFINE_string('csv', None, 'Where to write all metrics.')
_METRICS = flags.DEFINE_list(
  'metrics',
  [],
  'Of the record, by name, such as accuracy or auroc_energy@tfds:mnist; by '
  'default those that pages show.',
)
_PAIRED = flags.DEFINE_bool(
  'paired',
  False,
  'With --record: differences to the first run too, and what would have shown.',
  allow_override=True,
)
_HTML = flags.DEFINE_string('html', None, 'Where to write the page.')


def gather(directories: Sequence[Path]) -> tuple[list[Finished], list[str]]:
  """Reads the finished runs, and notes what is none.

  Args:
    directories: work directories, and what may lie beside them, such as a
      sweep's `logs`; one that is given twice counts once.

  Returns:
    The runs, in order, and a line for each path that is left out.

  Raises:
    UserError: if a path is not there, or none is a finished run.
  """
  from rdd_jax.compare.runs import Finished, is_run, read

  runs, notes = [], []
  for directory in dict.fromkeys(directories):
    if not is_run(directory):
      notes.append(f'{directory} is no run, and left out: no config.json in it')
      continue
    found = read(directory)
    if isinstance(found, Finished):
      runs.append(found)
    else:
      notes.append(
        f'{directory} is not finished, and left out: it has no '
        f'{", ".join(found)}'
      )
  if not runs:
    raise UserError(
      'give the work directories of finished runs: python -m rdd_jax.compare '
      f'runs/ONE runs/OTHER{"; " if notes else ""}{"; ".join(notes)}'
    )
  return runs, notes


def text(runs: Sequence[Finished]) -> str:
  """Formats the table, paired differences of accuracy, seconds and memory."""
  from rdd_jax.compare.paired import methods, paired, table
  from rdd_jax.compare.runs import names, regimes
  from rdd_jax.report import console

  rows = {name: row for name, (_, row) in table(runs).items()}
  lines = [console.text(rows, 'terminal')]
  against = next(iter(methods(runs)))
  for name, found in paired(runs).items():
    d = found['accuracy']
    lines.append(
      f'{name} against {against}: accuracy {100 * d.mean:+.1f} '
      f'[{100 * d.least:+.1f}, {100 * d.greatest:+.1f}] over {d.n} seed(s)'
    )
  kinds = regimes(runs)
  if len(set(kinds)) > 1:
    each = zip(names(runs), kinds, strict=True)
    lines.append(
      'labels differ, and so do the bytes of a set: '
      + '; '.join(f'{name}: {kind}' for name, kind in each)
    )
  for name, run in zip(names(runs), runs, strict=True):
    peak = run.cost.get('memory', {}).get('resident')
    if 'total' in run.cost:
      size = f', {peak / 2**20:,.0f} MiB' if peak else ''
      lines.append(f'{name} took {run.cost["total"]:,.0f} s{size}')
  return '\n'.join(lines)


def to_csv(runs: Sequence[Finished]) -> str:
  """Formats all metrics as CSV, see `csv_rows`; empty where a row has none."""
  from rdd_jax.compare.paired import csv_rows

  rows = csv_rows(runs)
  columns = dict.fromkeys(key for row in rows for key in row)
  file = io.StringIO()
  writer = csv.DictWriter(file, list(columns), lineterminator='\n')
  writer.writeheader()
  writer.writerows(rows)
  return file.getvalue()


def to_html(runs: Sequence[Finished], notes: Sequence[str] = ()) -> str:
  """Renders the comparison as an HTML page.

  Args:
    runs: finished ones, at least one.
    notes: a line for each run that is left out.
  """
  from rdd_jax.compare.page import Shown, comparison_page
  from rdd_jax.compare.paired import methods, paired, table
  from rdd_jax.compare.runs import differing, names

  shown = [
    Shown(name, run.directory, run.cost)
    for name, run in zip(names(runs), runs, strict=True)
  ]
  return comparison_page(
    shown,
    table(runs),
    paired(runs),
    next(iter(methods(runs))),
    differing(runs),
    notes,
  )


def main(argv: list[str]) -> None:
  """Compares the runs in the given directories; lists all where none is given.

  Raises:
    UserError: as `gather`, or where there is no run to list.
  """
  from rdd_jax.compare.listing import find, listing, look

  if _METRICS.value and not records.asked():
    raise UserError('--metrics is of a record: give --record=NAME too')
  for flag, path in (('csv', _CSV.value), ('html', _HTML.value)):
    if path:
      require_place(Path(path), flag)
  directories = [Path(name) for name in argv[1:]]
  if not directories:
    directories = find()
    listed = [look(directory) for directory in directories]
    print(listing(listed))
    if not (_CSV.value or _HTML.value or records.asked()):
      return
    directories = [r.directory for r in listed if r.state == 'finished']
  runs, notes = gather(directories)
  if argv[1:]:
    print('\n'.join([*notes, text(runs)]))
  for path, make in (
    (_CSV.value, lambda: to_csv(runs)),
    (_HTML.value, lambda: to_html(runs, notes)),
  ):
    if path:
      write_out(Path(path), make())
  if records.asked():
    from rdd_jax.compare.recorded import recorded
    from rdd_jax.records import origin

    command = origin.command('rdd_jax.compare', sys.argv[1:])
    record = recorded(
      runs, command, metrics=_METRICS.value, paired=_PAIRED.value
    )
    records.keep(record)


if __name__ == '__main__':
  cli.start(main)
