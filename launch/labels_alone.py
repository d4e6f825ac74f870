"""Measures defenses against label noise on labels alone, without distilling.

python launch/labels_alone.py --out=FILE --data=cifar100 --noise=symmetric-0.4
  [--defenses=tad,confident] [--draws=3] [--data_dir=DIR] [--rows=0]

Appends a line of JSON to FILE for each defense and draw of the noise, and skips
those that are there, so that it can be stopped and started again. Prints the
table of what FILE holds.
"""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import resource
import statistics
import time
from typing import Any

from absl import flags
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax.config.build import data as build_data
from rdd_jax.config.build.experiment import build, preprocessing
from rdd_jax.config.presets.label_noise import tad
from rdd_jax.core.measure import empirical
from rdd_jax.data import Dataset
from rdd_jax.experiment import prepare
from rdd_jax.report.label_noise import diversions
from rdd_jax.runtime import cli

_OUT = flags.DEFINE_string('out', 'labels.jsonl', 'Where lines are appended.')
_DATA = flags.DEFINE_string('data', 'digits', 'A name of the table of data.')
_NOISE = flags.DEFINE_list('noise', ['symmetric-0.4'], 'Noise models.')
_DEFENSES = flags.DEFINE_list('defenses', ['tad'], 'Defenses, see tad_*.py.')
_DRAWS = flags.DEFINE_integer('draws', 3, 'Draws of the noise.')
_DATA_DIR = flags.DEFINE_string('data_dir', '', 'The TFDS directory.')
_ROWS = flags.DEFINE_integer('rows', 0, 'Of the training set; 0 takes all.')

COLUMNS = (
  ('trusted', 'trusted'),
  ('precision', 'right among trusted'),
  ('recall', 'right rows trusted'),
  ('recall_worst_class', 'worst class'),
  ('relabeled', 'relabeled'),
  ('relabeled_right', 'right among relabeled'),
  ('trusted_noise', 'wrong, trusting alone'),
  ('noise', 'wrong in what is handed on'),
  ('at_cleanlab', "wrong at cleanlab's number of rows"),
  ('expected', 'estimated'),
  ('expected_given', 'estimated as given'),
  ('seconds', 's'),
  ('gigabytes', 'peak GiB of the process so far'),
)


def measure(name: str, noise: str, defense: str, draw: int) -> dict[str, Any]:
  """Returns the columns of one draw, in per cent but for seconds.

  Args:
    name: of the data set, in the presets' table.
    noise: a noise model.
    defense: of the presets.
    draw: the seed of the noise and of the defense.
  """
  spec = '' if noise == 'clean' else noise
  config = tad(name, f'defense={defense},seed={draw}', noise=spec)
  config.data.data_dir = _DATA_DIR.value
  dataset = build_data.load(config)
  if _ROWS.value:
    dataset = first_rows(dataset, _ROWS.value)
  experiment = build(config, dataset, preprocessing(config, dataset))
  distiller, key = experiment.distiller, jax.random.key(draw)
  images, labels = jnp.asarray(dataset.train_images), dataset.train_labels
  given = empirical(labels, experiment.spec.num_outputs, dataset.train_groups)
  params = experiment.initial(key, images, given)
  state = distiller.init(key, experiment.spec, params, given)
  start = time.perf_counter()
  view = prepare.view_data(experiment, state, images, jnp.asarray(labels))
  state = distiller.prepare(state, view)
  handed_on = np.asarray(state.measure.weights) > 0
  seconds = time.perf_counter() - start
  cells = np.asarray(state.measure.cells)
  truth = dataset.train_true_labels
  truth = labels if truth is None else truth
  trusted = handed_on & (cells == labels)
  relabeled, right = handed_on & (cells != labels), labels == truth
  by_class = [
    trusted[rows].mean()
    for c in range(dataset.num_classes)
    if (rows := right & (truth == c)).any()
  ]

  def share(part: np.ndarray, whole: np.ndarray) -> float:
    return 100 * float((part & whole).sum() / max(whole.sum(), 1))

  expected_given = expected = float('nan')
  best = np.full(len(labels), np.nan)
  for d in diversions(state.transform):
    expected_given, expected = map(float, np.asarray(d.expected))
    best = np.cumsum(~right[np.argsort(np.asarray(d.losses))])
  counts = [max(len(labels) * i // 100, 1) for i in range(101)]
  return {
    'given': 100 * float(1 - right.mean()),
    'trusted': 100 * float(trusted.mean()),
    'precision': share(right, trusted),
    'recall': share(trusted, right),
    'recall_worst_class': 100 * float(min(by_class)),
    'relabeled': 100 * float(relabeled.mean()),
    'relabeled_right': share(cells == truth, relabeled),
    'trusted_noise': share(~right, trusted),
    'noise': share(cells != truth, handed_on),
    'wrong_of_best': [100 * float(best[n - 1] / n) for n in counts],
    'expected': 100 * expected,
    'expected_given': 100 * expected_given,
    'seconds': seconds,
    'gigabytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
  }


def first_rows(dataset: Dataset, count: int) -> Dataset:
  """Returns a data set of so many training rows.

  Args:
    dataset: its rows are in random order.
    count: the number of rows that stay.
  """
  parts = ('train_images', 'train_labels', 'train_true_labels', 'train_groups')
  held = {name: getattr(dataset, name) for name in parts}
  cut = {name: x[:count] for name, x in held.items() if x is not None}
  return replace(dataset, **cut)


def at_cleanlab(line: dict, lines: list[dict]) -> float:
  """Returns the wrong labels among the best rows, as many as cleanlab keeps.

  Args:
    line: of a defense that ranks the rows.
    lines: of the file; NaN where cleanlab's on the same labels is not there.
  """
  names = 'data', 'noise_model', 'rows', 'draw'
  for other in lines:
    same = all(other[name] == line[name] for name in names)
    if same and other['defense'] == 'confident':
      percents = np.arange(101)
      return float(np.interp(other['trusted'], percents, line['wrong_of_best']))
  return float('nan')


def table(lines: list[dict]) -> str:
  """Returns means and standard deviations over draws, as Markdown.

  Args:
    lines: of the file.
  """
  cells: dict[tuple, list[dict]] = {}
  for line in [x | {'at_cleanlab': at_cleanlab(x, lines)} for x in lines]:
    key = (line['data'], line['noise_model'], line['rows'], line['defense'])
    cells.setdefault(key, []).append(line)
  heads = ['data', 'noise', 'defense', 'draws', *(t for _, t in COLUMNS)]
  rows = ['| ' + ' | '.join(heads) + ' |', '|---' * len(heads) + '|']
  for (name, noise, count, defense), found in sorted(cells.items()):

    def spread(column: str, found: list[dict] = found) -> str:
      values = [line[column] for line in found]
      if any(np.isnan(values)):
        return '-'
      mean = statistics.mean(values)
      if len(values) == 1:
        return f'{mean:.1f}'
      return f'{mean:.1f} ± {statistics.stdev(values):.1f}'

    shown = f'{name}[:{count}]' if count else name
    texts = [shown, noise, defense, str(len(found))]
    texts += [spread(column) for column, _ in COLUMNS]
    rows.append('| ' + ' | '.join(texts) + ' |')
  return '\n'.join(rows)


def main(_: list[str]) -> None:
  """Measures what is not in the file yet."""
  out = Path(_OUT.value)
  text = out.read_text() if out.exists() else ''
  lines = [json.loads(line) for line in text.splitlines()]
  done = {
    (d['data'], d['noise_model'], d['rows'], d['defense'], d['draw'])
    for d in lines
  }
  for draw in range(_DRAWS.value):
    for noise in _NOISE.value:
      for defense in _DEFENSES.value:
        key = (_DATA.value, noise, _ROWS.value, defense, draw)
        if key in done:
          continue
        names = ('data', 'noise_model', 'rows', 'defense', 'draw')
        line = dict(zip(names, key, strict=True))
        line |= measure(_DATA.value, noise, defense, draw)
        lines.append(line)
        with out.open('a') as file:
          file.write(json.dumps(line) + '\n')
        print(json.dumps(line), flush=True)
  print(table(lines))


if __name__ == '__main__':
  cli.start(main)
