"""Measures what the risk of group DRO adds to a step of gradient matching.

python tests/risk_overhead.py [--methods=dsa,idc] [--widths=16,32] [--rounds=9]
  [--record=NAME]

Ten classes of 32x32, three images each, 32 real rows of a class; before each
matching a network trains for three steps of 256 rows (IDC: five of 64) on real
rows: by the mean loss (`trained=real`), by the risk without effect, or by the
paper's risk, in Voronoi cells and with a memory of 960 rows. Printed are
medians of the processor seconds of a step, calls of all forms in turns; mock
images. Not a test of the suite.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import statistics
import time

import jax
import jax.numpy as jnp
from measured import keep

from rdd_jax.config.build import experiment as build_experiment
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import registry
from rdd_jax.core.measure import empirical
from rdd_jax.data import mock
from rdd_jax.experiment.program import make_call
from rdd_jax.records import Row

FORMS = {
  'the mean loss': 'risk=none,trained=real',
  'the risk, without effect': 'risk=released,tail=0.2',
  'the risk': 'risk=cvar,tail=0.2',
}


def configured(method: str, width: int, form: str) -> Config:
  """A preset, made small."""
  text = f'method={method},ipc=3,width={width},memory=960,{form}'
  config = registry.preset('groupdro', 'cifar10')(text)
  with config.unlocked():
    config.real_rows = 32
    config.objective.inner.steps = 3 if method == 'dsa' else 5
    config.objective.outer = 20
    if method == 'idc':
      config.objective.matched_rows = 32
  return config


def stepped(config: Config) -> Callable[[], float]:
  """Compiles a step; returns what calls it and says its seconds."""
  dataset = mock((32, 32, 3), num_classes=10, n=2_000)
  experiment = build_experiment.build(
    config, dataset, build_experiment.preprocessing(config, dataset)
  )
  key, images = jax.random.key(0), jnp.asarray(dataset.train_images)
  found = empirical(dataset.train_labels, experiment.spec.num_outputs)
  params = experiment.initial(key, images, found)
  state = experiment.distiller.init(key, experiment.spec, params, found)
  call = jax.jit(make_call(experiment, 1), donate_argnums=0)
  compiled = call.lower(state, images, None).compile()
  held = [jax.device_put(state, may_alias=False)]

  def one() -> float:
    began = time.process_time()
    held[0], _ = jax.block_until_ready(compiled(held[0], images, None))
    return time.process_time() - began

  one()  # the first touches its memory
  return one


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--methods', default='dsa,idc')
  parser.add_argument('--widths', default='16,32')
  parser.add_argument('--rounds', type=int, default=9)
  parser.add_argument('--record', default='')
  options = parser.parse_args()
  lines = []
  print('| step | s | to the mean loss |\n|---|---|---|')
  for method in options.methods.split(','):
    for width in options.widths.split(','):
      calls = {
        name: stepped(configured(method, int(width), form))
        for name, form in FORMS.items()
      }
      seconds: dict[str, list[float]] = {name: [] for name in calls}
      for _ in range(options.rounds):
        for name, call in calls.items():
          seconds[name].append(call())
      found = {name: statistics.median(s) for name, s in seconds.items()}
      for name, one in found.items():
        ratio = one / found['the mean loss']
        title = f'{method}, width {width}: {name}'
        print(f'| {title} | {one:.3f} | {ratio:.2f} |', flush=True)
        cells = {
          'seconds': {'mean': one, 'digits': 3},
          'to the mean loss': {'mean': ratio, 'digits': 2},
        }
        lines.append(Row(title, cells))
  keep(
    options.record,
    lines,
    rounds=options.rounds,
    of='call(s)',
    arguments=f'risk_overhead.py --methods={options.methods} '
    f'--widths={options.widths} --rounds={options.rounds}',
    unit='processor seconds of a step, of all cores',
  )


if __name__ == '__main__':
  main()
