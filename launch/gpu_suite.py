"""The published settings, measured on one GPU in pieces under ten minutes.

python launch/gpu_suite.py --out=DIR [--only=dm] [--minutes=9] [--data_dir=DIR]

Each piece is one run of `rdd_jax.main` or `rdd_jax.bench`. A piece that is not
done when the time is over is stopped, and the next call resumes it, so calling
this again and again finishes all of them. `DIR/table.md` is rewritten after
every piece from what there is.
"""

from __future__ import annotations

import json
from pathlib import Path
import sys
import time

from absl import flags

from rdd_jax.experiment import sweep
from rdd_jax.runtime import cli
from rdd_jax.runtime.processes import Runner

_OUT = flags.DEFINE_string('out', 'runs/gpu_suite', 'Where everything goes.')
_ONLY = flags.DEFINE_string('only', '', 'Pieces whose name contains this.')
_MINUTES = flags.DEFINE_float('minutes', 9.0, 'Stop after this long.')
_DATA_DIR = flags.DEFINE_string('data_dir', '', 'The TFDS directory.')

METHODS = ('dm', 'dsa', 'dc', 'idc', 'mtt', 'datm', 'ratbptt')

# Name -> configuration file and argument string.
PIECES = (
  {
    f'{method}_{dataset}-ipc10-{labels}': (
      f'{method}_{dataset}.py',
      f'ipc=10,labels={labels}',
    )
    for dataset in ('cifar100', 'cifar10')
    for labels in ('teacher', 'hard', 'soft')
    for method in ('rded', 'sre2l')
  }
  | {
    f'{method}_{dataset}-ipc{ipc}': (f'{method}_{dataset}.py', f'ipc={ipc}')
    for ipc in (10, 1)
    for dataset in ('fashion_mnist', 'cifar10')
    for method in (*METHODS, 'kip', 'frepo', 'rfad', 'rcig')
  }
  | {
    f'tad_cifar10-{noise}-{method}-ipc{ipc}-{defense}': (
      'tad_cifar10.py',
      f'ipc={ipc},noise={noise},method={method},defense={defense}',
    )
    for ipc in (10, 50)
    for noise in (
      'symmetric-0.2',
      'symmetric-0.4',
      'asymmetric-0.4',
      'human-worse',
    )
    for method in ('dm', 'mtt')
    for defense in ('tad', 'none', 'oracle', 'described')
  }
  | {  # Where these are prepared; without them, a piece says so and ends.
    f'tad_{dataset}-{noise}-dm-ipc10-{defense}': (
      f'tad_{dataset}.py',
      f'ipc=10,noise={noise},defense={defense}',
    )
    for dataset in ('cifar100', 'tiny_imagenet')
    for noise in ('symmetric-0.4', 'asymmetric-0.4')
    for defense in ('tad', 'none', 'oracle', 'confident', 'tad_fixed', 'clean')
  }
  | {
    f'trustdd_{dataset}-{method}-ipc10-{arm}{loss}': (
      f'trustdd_{dataset}.py',
      f'ipc=10,method={method},outliers={arm},loss={loss or "reject"}',
    )
    for dataset in ('cifar10', 'cifar100', 'fashion_mnist')
    for method in ('dm', 'dsa', 'mtt')
    for arm in ('none', 'on_the_fly', 'poe', 'sampled', 'double_ipc')
    for loss in (('', 'uniform') if arm == 'poe' else ('',))
  }
  | {
    f'all_three_{dataset}-{method}-ipc10': (
      f'all_three_{dataset}.py',
      f'ipc=10,method={method}',
    )
    for dataset in ('fashion_mnist', 'cifar10', 'cifar100')
    for method in ('dm', 'dsa', 'mtt')
  }
  | {
    f'groupdro_{dataset}-{rare}-dm-ipc10-{arm}': (
      f'groupdro_{dataset}.py',
      f'ipc=10,rare={rare},{options}',
    )
    for dataset in ('cifar10', 'fashion_mnist')
    for rare in ('patch-0.1', 'thin-0.05')
    for arm, options in (
      ('none', 'risk=none'),
      ('known', 'groups=known'),
      ('found', 'groups=found'),
      ('errors', 'groups=errors'),
      ('weights', 'by=weights'),
      ('matching', 'by=matching'),
    )
  }
  | {
    f'groupdro_{dataset}-{rare}-{method}-ipc10-{risk}': (
      f'groupdro_{dataset}.py',
      f'ipc=10,seeds=5,rare={rare},method={method},groups=voronoi,{options}',
    )
    for dataset in ('cifar10', 'fashion_mnist')
    for method in ('dsa', 'idc')
    for rare in ('', 'patch-0.1', 'thin-0.05')
    for risk, options in (
      ('none', 'risk=none'),
      ('mean', 'risk=mean'),
      ('worst', 'risk=worst'),
      *(
        (f'cvar{tail}', f'risk=cvar,tail={tail},memory=3200')
        for tail in (0.2, 0.5, 0.8, 1.0)
      ),
    )
  }
)


def job(name: str, out: Path) -> sweep.Job:
  """Returns the run of a piece."""
  file, arg = PIECES[name]
  data_dir = _DATA_DIR.value
  flags = (f'--config.data.data_dir={data_dir}',) if data_dir else ()
  return sweep.Job(f'configs/{file}:{arg}', out / name, flags)


def run(command: list[str], seconds: float) -> bool:
  """Runs a command, SIGTERM when time is over; returns whether it finished."""
  print(' '.join(command), flush=True)
  return Runner().run(command, seconds=seconds)


def table(out: Path) -> str:
  """Returns a table in per cent, a line for each finished piece."""
  found = {
    name: json.loads(path.read_text())['rows']
    for name in PIECES
    if (path := out / name / 'results.json').exists()
  }
  arms = ('random', 'herding', 'k_center', 'initial', 'distilled', 'whole')
  accuracies = {
    name: [rows.get(arm, {}).get('accuracy') for arm in arms]
    for name, rows in found.items()
  }
  scores = (
    'auroc',
    'fpr95_in',
    'fpr95_out',
    'auroc_energy',
    'auroc_relative_mahalanobis',
    'near_auroc_energy',
  )
  detection = {
    name: [rows['distilled'].get(score) for score in scores]
    for name, rows in found.items()
    if 'auroc' in rows['distilled']
  }
  by_group = ('worst_class', 'worst_group', 'group_balanced', 'rare_group')
  groups = {
    name: [rows['distilled'].get(metric) for metric in by_group]
    for name, rows in found.items()
    if 'rare_group' in rows['distilled']
  }
  tables = [_lines('accuracy', arms, accuracies)]
  if detection:
    tables.append(_lines('distilled', scores, detection))
  if groups:
    tables.append(_lines('distilled', by_group, groups))
  return '\n'.join(tables)


def _lines(title: str, columns: tuple[str, ...], rows: dict) -> str:
  lines = [
    f'| {title} | ' + ' | '.join(columns) + ' |',
    '|---' * (len(columns) + 1) + '|',
  ]
  for name, summaries in rows.items():
    cells = [
      f'{100 * s["mean"]:.1f} ± {100 * s["std"]:.1f} (n = {s["n"]})'
      if s
      else '-'
      for s in summaries
    ]
    lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
  return '\n'.join(lines) + '\n'


def main(argv: list[str]) -> None:
  """Runs the pieces in turn."""
  cli.no_arguments(argv)
  out = Path(_OUT.value)
  out.mkdir(parents=True, exist_ok=True)
  end = time.monotonic() + 60 * _MINUTES.value
  bench = out / 'bench.json'
  if not bench.exists() and _ONLY.value in 'bench':
    command = [sys.executable, '-m', 'rdd_jax.bench', f'--json={bench}']
    run(command, end - time.monotonic())
  for name in PIECES:
    left = end - time.monotonic()
    if left < 20:
      break
    piece = job(name, out)
    if _ONLY.value in name and not piece.finished():
      done = run(piece.command(), left) and piece.finished()
      print(f'{name}: {"done" if done else "to be resumed"}')
      (out / 'table.md').write_text(table(out))
  print(table(out))


if __name__ == '__main__':
  cli.start(main)
