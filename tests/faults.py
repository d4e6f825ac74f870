"""Injects faults into short runs, and counts what came of them: a script.

PYTHONPATH=tests python tests/faults.py --injections=200 --seed=0 \
  [--seconds=1500] [--record=NAME]

Each injection draws a family of methods, a kind of fault and a moment by the
seed, harms a run that begins with nothing, resumes it, and compares its
outputs, bit for bit, with those of a run that nothing happened to. `equal` is
that; `explained` is one line that says what to remove, after which the outputs
are equal; all else is `lost`.
"""

from __future__ import annotations

from collections import Counter
import os
from pathlib import Path
import shutil
import signal
import sys
import tempfile
import time
from typing import NamedTuple

from absl import app, flags
from end_to_end import fault_cases as cases
from end_to_end.fault_killer import Killer
from helpers import ONE_DEVICE
import numpy as np

from rdd_jax.records import Record, Row, origin, write
from rdd_jax.records.record import place

# Tests import it beside commands that have flags of some of these names.
_shared = {'allow_override': True}
_INJECTIONS = flags.DEFINE_integer('injections', 200, 'How many.', **_shared)
_SEED = flags.DEFINE_integer(
  'seed', 0, 'Draws families, kinds and moments.', **_shared
)
_SECONDS = flags.DEFINE_float(
  'seconds', float('inf'), 'None begins after.', **_shared
)
_RECORD = flags.DEFINE_string('record', '', 'Of docs/results/data/.', **_shared)
_FAMILIES = flags.DEFINE_list(
  'families', [*cases.FAMILIES], 'Of methods.', **_shared
)
_KINDS = flags.DEFINE_list('kinds', [*cases.KINDS], 'Of faults.', **_shared)

COLUMNS = ('tried', 'equal', 'explained', 'lost')


class Whole(NamedTuple):
  """A run that nothing happened to.

  Attributes:
    outputs: by the name of the file.
    writes: how often it writes.
    size: bytes of its files.
  """

  outputs: dict[str, bytes]
  writes: int
  size: int


def whole(place: Path, family: str) -> Whole:
  """Runs a family to its end; its files stay, for damages of finished runs."""
  home = place / family
  home.mkdir()
  with cases.WRITES.below(home, lambda number: None):
    line = cases.run(home, family)
  assert not line, line
  size = sum(p.stat().st_size for p in home.rglob('*') if p.is_file())
  return Whole(cases.outputs(home), cases.WRITES.seen, size)


def inject(
  place: Path,
  killer: Killer,
  family: str,
  kind: str,
  known: Whole,
  rng: np.random.Generator,
) -> cases.Found:
  """Harms a run, resumes it, and judges the result."""
  home = place / 'harmed'
  shutil.rmtree(home, ignore_errors=True)
  home.mkdir()
  moment = float(rng.random())
  if kind == 'full disk':
    with cases.small_disk(home, int(moment * known.size)) as grow:
      if grow is not None:
        line = cases.run(home, family)
        stage = cases.stage_of(home)
        grow()
        return judged(home, family, stage, line, known)
  write = 1 + int(moment * known.writes)
  if kind in cases.KILLS:
    number = signal.SIGKILL if kind == 'kill -9' else signal.SIGTERM
    delay = float(rng.random() * 0.3)
    status, line = killer.run(home, family, number, write, delay)
    expected = -9 if number == signal.SIGKILL else 143
    stage = cases.stage_of(home)
    told = number == signal.SIGKILL or 'to resume: python' in line
    # It may have been done by then.
    if status != 0 and (status != expected or not told):
      return cases.Found(stage, 'lost', f'status {status}: {line}')
    line = ''
  elif kind in cases.DENIALS:
    stage, line = cases.denied(home, family, kind, moment, known.writes)
  else:
    if rng.random() < 0.5:  # of a run that was stopped, or of a finished one
      cases.run(home, family, stop=cases.after(int(moment * 12)))
    else:
      shutil.copytree(place / family, home, dirs_exist_ok=True)
    stage, line = cases.damaged(home, kind, rng), ''
  return judged(home, family, stage, line, known)


def judged(
  home: Path, family: str, stage: str, line: str, known: Whole
) -> cases.Found:
  """Resumes what was harmed, and judges the result."""
  if '\n' in line:
    return cases.Found(stage, 'lost', f'more than a line: {line}')
  end, said = cases.resumed(home, family, known.outputs)
  return cases.Found(stage, end, '; '.join(filter(None, [line, said])))


def main(argv: list[str]) -> None:
  """Injects, and prints the table."""
  commit = origin.commit() if _RECORD.value else ''
  os.environ.setdefault('XLA_FLAGS', ONE_DEVICE)  # as of those that are killed
  begin, rng = time.monotonic(), np.random.default_rng(_SEED.value)
  counts: Counter[tuple[str, str, str]] = Counter()
  known: dict[str, Whole] = {}
  with tempfile.TemporaryDirectory() as name, Killer() as killer:
    place = Path(name)
    for i in range(_INJECTIONS.value):
      if time.monotonic() - begin > _SECONDS.value:
        break
      family = _FAMILIES.value[i % len(_FAMILIES.value)]
      kind = str(rng.choice(_KINDS.value))
      if family not in known:
        known[family] = whole(place, family)
      try:
        found = inject(place, killer, family, kind, known[family], rng)
      except Exception as error:  # what a command would print as a traceback
        found = cases.Found('', 'lost', f'{type(error).__name__}: {error}')
      counts[kind, found.stage, found.end] += 1
      print(i, family, kind, *found, flush=True, file=sys.stderr)
  print(table(counts))
  if _RECORD.value:
    _keep(counts, commit)


def _keep(counts: Counter[tuple[str, str, str]], commit: str) -> None:
  """Writes `docs/results/data/NAME.json`."""
  lines = [line.split(' | ') for line in table(counts).splitlines()[2:]]
  rows = []
  for line in lines:
    kind, met, *numbers = (cell.strip('| ') for cell in line)
    cells = {
      name: {'mean': float(number), 'digits': 0}
      for name, number in zip(COLUMNS, numbers, strict=True)
    }
    rows.append(Row(f'{kind}, {met}' if met else kind, cells))
  record = Record(
    columns=COLUMNS,
    rows=rows,
    n=0,
    seeds=f'drawn by the seed {_SEED.value}',
    commands=[
      f'PYTHONPATH=tests python tests/faults.py --seed={_SEED.value} '
      f'--injections={sum(counts.values())}'
    ],
    commit=commit,
    machine=f'{origin.machine()}, load {os.getloadavg()[0]:.1f}',
    date=origin.today(),
    unit='injections',
  )
  write(place(_RECORD.value), record)


def table(counts: Counter[tuple[str, str, str]]) -> str:
  """Formats how many injections of each kind at each stage ended how."""
  ends = COLUMNS[1:]
  lines = [
    '| fault | met | tried | equal | explained | lost |',
    '|---|---|' + '---:|' * 4,
  ]
  for kind in cases.KINDS:
    for stage in sorted({s for k, s, _ in counts if k == kind}):
      found = [counts[kind, stage, end] for end in ends]
      cells = (kind, stage or 'nothing', sum(found), *found)
      lines.append(f'| {" | ".join(map(str, cells))} |')
  total = [sum(n for (*_, e), n in counts.items() if e == end) for end in ends]
  cells = ('all', '', sum(total), *total)
  return '\n'.join([*lines, f'| {" | ".join(map(str, cells))} |'])


if __name__ == '__main__':
  app.run(main)
