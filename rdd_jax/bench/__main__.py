"""Times and weighs us beside plain PyTorch: `python -m rdd_jax.bench`.

Quickly: `--width=16 --repeats=3`. Without PyTorch its columns are dashes. On a
machine that others use, run it on one core, `taskset -c 0 python -m
rdd_jax.bench`, and read the ratio of CPU seconds.

Rows `unroll_N` differentiate through N steps of a student, exactly and with our
default adjoint; those named after another adjoint, and `experts_vmap`, are ours
alone. They take most of the time: choose rows by `--only`. What would not fit
into memory is not run, and the table says so. Rows `ntk`, `ntk_pooled`,
`ridge` and `frepo` are ours alone too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import importlib.metadata
import json
import os
from pathlib import Path
import sys
from typing import Any

# Two frameworks share the accelerator.
os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')

from absl import flags
import jax

from rdd_jax.bench import kernels, theirs, timing
from rdd_jax.bench.setting import Setting
from rdd_jax.bench.timing import Cost
from rdd_jax.runtime import cli
from rdd_jax.runtime.files import require_place, write_out

STEADY = 1.5  # Slowest over fastest repeat, from which a ratio says little.
QUIET = 0.5  # Load average before the run, from which others were at work.

_DEFAULTS = dataclasses.asdict(Setting())
for _field in dataclasses.fields(Setting):
  flags.DEFINE_integer(
    _field.name,
    _DEFAULTS[_field.name],
    _field.metadata['meaning'],
    lower_bound=1,
  )
_ONLY = flags.DEFINE_multi_enum(
  'only', list(timing.NAMES), timing.NAMES, 'What to measure; repeatable.'
)
_JSON = flags.DEFINE_string('json', None, 'Also write the results here.')
_PEAK = flags.DEFINE_enum(
  'peak', None, timing.SIDES, 'Print only the peak bytes of this side.'
)


def environment() -> dict[str, str | int | float | None]:
  """Describes the machine: device, cores, load average, library versions.

  Returns:
    Field to value; `torch` and `torch_threads` are None without PyTorch.
  """
  dd = theirs.reference()
  return {
    'device': jax.devices()[0].device_kind,
    'cores': cores(),
    'load': round(os.getloadavg()[0], 1),
    'torch_threads': dd.torch.get_num_threads() if dd else None,
    'jax': jax.__version__,
    'torch': importlib.metadata.version('torch') if dd else None,
  }


def cores() -> int | None:
  """Counts the cores that this process may use; None where unknown."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count()


def line(name: str, costs: Mapping[str, Cost]) -> str:
  """Formats a row of the table, with dashes for a side that did not run.

  Args:
    name: of the computation, in `timing.NAMES`.
    costs: by side, in `timing.SIDES`.

  Returns:
    The row. Its spread is the slowest repeat over the fastest, of the side of
    which that is more; with a star, the ratio of seconds says little.
  """
  us, them = (costs.get(side) for side in timing.SIDES)
  cells = [f'{cost.seconds:.4f}' if cost else '-' for cost in (us, them)]
  if us and them:
    worst = max(us.spread, them.spread)
    mark = '' if worst < STEADY else '*'
    cells.append(f'{them.seconds / us.seconds:.2f}{mark}')
    cells.append(f'{worst:.2f}')
    cells.append(f'{them.cpu_seconds / us.cpu_seconds:.2f}')
  else:
    cells += ['-', f'{us.spread:.2f}' if us else '-', '-']
  cells.append(mebibytes(us.planned if us else None))
  cells += [mebibytes(cost.peak if cost else None) for cost in (us, them)]
  return row(name, cells)


def row(name: str, cells: Sequence[str]) -> str:
  """Aligns a name and its cells with the columns of the table.

  Args:
    name: at most 20 characters.
    cells: one for each column, at most 12 characters each.
  """
  return f'{name:20}' + ''.join(f'{cell:>13}' for cell in cells)


def mebibytes(size: int | None) -> str:
  """Formats a number of bytes in MiB; a dash for None."""
  return '-' if size is None else f'{size / 2**20:.0f}'


def report(name: str, s: Setting, ceiling: float) -> dict[str, Any]:
  """Measures a computation and prints its row, with throughput below it.

  Args:
    name: of the computation, in `timing.NAMES`.
    s: the sizes.
    ceiling: FLOP/s that the machine reaches, see `timing.ceiling`.

  Returns:
    Side to the fields of its `Cost`, or of its `Excess` if it was skipped; and,
    where known, `images_per_second`, their `share` of the ceiling, and the
    `entries_per_second` of a kernel.
  """
  costs, excess = timing.compare(name, s)
  results: dict[str, Any] = {k: cost._asdict() for k, cost in costs.items()}
  print(line(name, costs))
  for side, (planned, free) in excess.items():
    results[side] = {'planned': planned, 'free': free}
    print(
      f'  {side} not run: it takes about {mebibytes(planned)} MiB, and '
      f'{mebibytes(free)} are free'
    )
  us = costs.get('ours')
  images, flops = timing.trained_images(name, s), timing.useful_flops(name, s)
  if us and images and flops:
    results['images_per_second'] = images / us.seconds
    results['share'] = flops / us.seconds / ceiling
    print(
      f'  {results["images_per_second"]:.0f} images/s, '
      f'{results["share"]:.0%} of the ceiling'
    )
  entries = kernels.entries(name, s)
  if us and entries:
    results['entries_per_second'] = entries / us.seconds
    print(f'  {results["entries_per_second"]:.0f} entries/s')
  sys.stdout.flush()
  return results


def main(argv: list[str]) -> None:
  """Measures what the flags say."""
  cli.no_arguments(argv)
  if _JSON.value:
    require_place(Path(_JSON.value), 'json')
  sizes: dict[str, Any] = {k: flags.FLAGS[k].value for k in _DEFAULTS}
  s = Setting(**sizes)
  if _PEAK.value:
    print(json.dumps(timing.peak(_ONLY.value[0], _PEAK.value, s)))
    return
  results: dict[str, Any] = {'environment': environment(), 'setting': sizes}
  print(', '.join(f'{k} {v or "-"}' for k, v in results['environment'].items()))
  results['ceiling'] = timing.ceiling()
  print(f'matmul ceiling {results["ceiling"] / 1e9:.0f} GFLOP/s')
  times = ['ours s', 'torch s', 'torch/ours', 'spread', 'CPU ratio']
  print(row('', [*times, 'planned MiB', 'ours MiB', 'torch MiB']))
  for name in _ONLY.value:
    results[name] = report(name, s, results['ceiling'])
  print(f'* repeats differ by {STEADY}x or more: not a ratio to quote')
  if results['environment']['load'] > QUIET:
    print('the machine was busy: quote no ratio of seconds')
  if _JSON.value:
    write_out(Path(_JSON.value), json.dumps(results, indent=2) + '\n')


if __name__ == '__main__':
  cli.start(main)
