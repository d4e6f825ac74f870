"""Measures what a sweep of many small runs costs beside the runs alone.

python tests/sweep_load.py [--runs=100] [--jobs=2] [--alone=20]
  [--record=NAME]

The same run of the digits (one step, one image a class, width 4, one network of
one epoch), with another seed each: some alone, one after the other, half of
them before and half of them after the sweep of all. Compared are processor
seconds of a run, which other load of the machine hardly changes, and the share
of the time in which the sweep's places had a run. The memory is that of the
sweep's own process. Not a test of the suite.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from helpers import ROOT
from measured import keep
import psutil

from rdd_jax.records import Row

CONFIG = 'configs/dm_digits.py'
ARGUMENTS = 'ipc=1,width=4'
FLAGS = (
  '--config.steps=1',
  '--config.steps_per_call=1',
  '--config.seeds=1',
  '--config.evaluation.epochs=1',
  '--config.evaluation.seeds=1',
  '--config.baselines=()',
  '--config.whole.steps=0',
  '--notensorboard',
)
EARLY = 20  # members, after which memory is looked at first
MIB = 2**20


class Swept(NamedTuple):
  """A sweep.

  Attributes:
    seconds: of the processor, of all that it ran, its page too.
    busy: share of its places' time, from 0 to 1.
    wall: seconds until the last run ended.
    memory: of its own process in bytes, after each run.
  """

  seconds: float
  busy: float
  wall: float
  memory: list[int]


def processor_seconds(process: subprocess.Popen[str]) -> float:
  """Waits for a process; returns what it and all that it ran have used."""
  _, status, used = os.wait4(process.pid, 0)
  process.returncode = os.waitstatus_to_exitcode(status)
  if process.returncode:
    raise SystemExit(f'{process.args} exited with {process.returncode}')
  return used.ru_utime + used.ru_stime


def alone(out: Path, seeds: range) -> list[float]:
  """Runs some, one after the other; returns their processor seconds."""
  found = []
  for seed in seeds:
    words = [
      *(sys.executable, '-m', 'rdd_jax.main'),
      f'--config={CONFIG}:{ARGUMENTS},seed={seed}',
      *FLAGS,
      f'--workdir={out / str(seed)}',
    ]
    process = subprocess.Popen(
      words, cwd=ROOT, stdout=subprocess.DEVNULL, text=True
    )
    found.append(processor_seconds(process))
  return found


def sweep(out: Path, runs: int, jobs: int) -> Swept:
  """Runs all, and looks at the memory after each."""
  seeds = '|'.join(map(str, range(runs)))
  words = [
    *(sys.executable, '-m', 'rdd_jax.sweep', f'--config={CONFIG}'),
    *(f'--arg={ARGUMENTS},seed={seeds}', f'--out={out}', f'--jobs={jobs}'),
    *('--', *FLAGS),
  ]
  process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
  assert process.stdout is not None
  own, memory = psutil.Process(process.pid), []
  begun: dict[str, float] = {}
  busy = first = last = 0.0
  for line in process.stdout:
    name, _, rest = line.partition(': ')
    now = time.monotonic()
    first = first or now
    if rest.startswith('begins'):
      begun[name] = now
    elif name in begun:
      busy, last = busy + now - begun.pop(name), now
      memory.append(own.memory_info().rss)
      print(len(memory), rest.strip(), memory[-1] // MIB, file=sys.stderr)
  seconds = processor_seconds(process)
  return Swept(seconds, busy / (jobs * (last - first)), last - first, memory)


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--runs', type=int, default=100)
  parser.add_argument('--jobs', type=int, default=2)
  parser.add_argument('--alone', type=int, default=20)
  parser.add_argument('--record', default='')
  options = parser.parse_args()
  runs, jobs, half = options.runs, options.jobs, options.alone // 2
  with tempfile.TemporaryDirectory() as name:
    out = Path(name)
    alone(out / 'warm', range(1))  # programs are compiled once
    single = alone(out / 'before', range(half))
    swept = sweep(out / 'sweep', runs, jobs)
    single += alone(out / 'after', range(half, 2 * half))
  mean = statistics.mean(single)
  found = {
    f's of the processor, a run alone (mean of {len(single)})': (mean, 2),
    's of the processor, a run of the sweep': (swept.seconds / runs, 2),
    'the sweep to its runs alone': (swept.seconds / runs / mean, 3),
    f'share of the time in which {jobs} places had a run': (swept.busy, 3),
    's until the last run ended': (swept.wall, 0),
    f'MiB of its own process after {EARLY} runs': (
      swept.memory[min(EARLY, runs) - 1] / MIB,
      1,
    ),
    f'MiB after {runs} runs': (swept.memory[-1] / MIB, 1),
  }
  print('| | measured |\n|---|---|')
  for name, (value, digits) in found.items():
    print(f'| {name} | {value:.{digits}f} |', flush=True)
  keep(
    options.record,
    [
      Row(name, {'measured': {'mean': value, 'digits': digits}})
      for name, (value, digits) in found.items()
    ],
    rounds=1,
    of='sweep',
    arguments=f'sweep_load.py --runs={runs} --jobs={jobs} '
    f'--alone={options.alone}',
    unit='the unit of each line',
  )


if __name__ == '__main__':
  main()
