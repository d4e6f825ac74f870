"""Coverage and diversity of sets, in the features of a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
from jax import Array

from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.config import defaults
from rdd_jax.config.build import recipes
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.spread import spread
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.judge import Judge
from rdd_jax.experiment.whole import whole_batch
from rdd_jax.training.fit import fit
from rdd_jax.training.predict import embed
from rdd_jax.training.teacher import Teacher


def measure(
  judge: Judge,
  distilled: store.Distilled,
  baselines: Sequence[str],
  dataset: data.Dataset,
  key: Array,
  steps: int,
) -> dict[str, dict[str, float]]:
  """Measures the spread of a set and others among training rows.

  Args:
    judge: of the set, whose first network embeds, where the set has no teacher.
    distilled: the set.
    baselines: names of others, of as many images.
    dataset: whose training rows are real.
    key: of what is random.
    steps: SGD steps on all training rows that it takes.

  Returns:
    Numbers for each set, see `rdd_jax.evaluation.spread`.

  Raises:
    UserError: where no network embeds.
  """
  if not (judge.nets and steps):
    raise UserError(
      'a spread needs the features of a network: name one, and give '
      'whole_steps above 0'
    )
  outputs = distilled.targets.shape[1]
  teacher = distilled.teacher
  if not isinstance(teacher, Teacher):
    teacher = _trained(judge, dataset, outputs, key, steps)

  def unlabeled(rows: store.Distilled) -> store.Distilled:
    return rows

  real = embed(
    teacher.net, teacher.variables, dataset.train_images, judge.preprocess
  )

  def one(chosen: store.Distilled) -> dict[str, float]:
    rows = store.to_batch(chosen)
    features = embed(teacher.net, teacher.variables, rows.inputs)
    cells = jax.device_get(rows.cells)
    return spread(features, cells, real, dataset.train_labels)

  return {'distilled': one(distilled)} | {
    name: one(baseline_like(name, distilled, dataset, key, unlabeled))
    for name in baselines
  }


def describe(found: Mapping[str, Mapping[str, float]]) -> str:
  """Formats what `measure` found, a line for each set.

  >>> found = {'random': {'coverage': 0.25, 'diversity': 1, 'duplicates': 0}}
  >>> print(describe(found))
             coverage  diversity  duplicates
  random       25.0 %       1.00       0.0 %
  """
  lines = [f'{"":<10} {"coverage":>8}  {"diversity":>9}  {"duplicates":>10}']
  for name, row in found.items():
    shown = [
      f'{100 * row[column]:.1f} %' if column in row else '-'
      for column in ('coverage', 'duplicates')
    ]
    ratio = f'{row["diversity"]:.2f}' if 'diversity' in row else '-'
    lines.append(f'{name:<10} {shown[0]:>8}  {ratio:>9}  {shown[1]:>10}')
  return '\n'.join(lines)


def _trained(
  judge: Judge, dataset: data.Dataset, outputs: int, key: Array, steps: int
) -> Teacher:
  """Trains the first network of a judge on all training rows."""
  config = defaults.config()
  config.whole.steps = steps
  recipe = recipes.whole(config)
  assert recipe is not None
  net = next(iter(judge.nets.values()))
  batch, preprocess = whole_batch(dataset, outputs, judge.preprocess)
  variables = fit(
    net,
    batch,
    recipe,
    num_classes=dataset.num_classes,
    input_shape=dataset.image_shape,
    key=key,
    preprocess=preprocess,
  )
  return Teacher(net, variables)
