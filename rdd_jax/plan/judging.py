"""Predicts how long evaluation takes, from short trainings on each shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import jax

from rdd_jax.artifact import store
from rdd_jax.experiment import baselines, evaluations, teacher, whole
from rdd_jax.experiment.sets import distilled
from rdd_jax.experiment.trial import INITIAL, Trial
from rdd_jax.plan.extrapolate import extrapolate
from rdd_jax.synthetic.view import Synthetic


def judging(trial: Trial, params: Synthetic, budget: float) -> float:
  """Predicts the seconds of all evaluations of a run.

  Every arm, distillation seed and network; one set of each shape is evaluated
  after a short training, since sets of one shape share a program.

  Args:
    trial: the run; its directory is a scratch one, and is written to.
    params: the parameters of a distilled set, of the right shapes.
    budget: seconds for each shape, see `extrapolate`.
  """
  labels = teacher.untrained(trial)
  teacher.keep(trial, 0, labels)
  store.save(trial.workdir, distilled(trial, params, 0, labels))
  store.save(trial.workdir / INITIAL, distilled(trial, params, 0, labels))
  seconds = _whole(trial, budget)
  arm_names = (*trial.config.baselines, 'distilled')
  shapes = {arm: _shape(_found(trial, arm)) for arm in arm_names}
  arms_of = Counter(shapes.values())
  numbers = count()  # what is judged under one number is not judged again
  for shape, number in arms_of.items():
    arm = next(a for a in arm_names if shapes[a] == shape)
    once = extrapolate(
      lambda n, arm=arm: _judge(trial, arm, n, numbers),
      trial.config.evaluation.epochs,
      budget,
    )
    seconds += once.times(number * trial.config.seeds)
  return seconds


def _whole(trial: Trial, budget: float) -> float:
  """Predicts the seconds of training on the full set, and of coresets."""
  path = trial.workdir / 'evaluations' / 'whole.json'
  recipe = trial.experiment.whole

  def train(n: int) -> Callable[[], object]:
    short = recipe and replace(recipe, steps=n)
    chosen = trial._replace(experiment=trial.experiment._replace(whole=short))

    def do() -> object:
      path.unlink(missing_ok=True)
      return whole.whole(chosen)

    return do

  return extrapolate(train, trial.config.whole.steps, budget).first


def _judge(
  trial: Trial, arm: str, epochs: int, numbers: count[int]
) -> Callable[[], object]:
  recipe = replace(trial.experiment.evaluation, epochs=epochs)
  short = trial._replace(
    experiment=trial.experiment._replace(evaluation=recipe)
  )
  return lambda: evaluations.judge(
    short, arm, next(numbers), lambda: _found(trial, arm)
  )


def _found(trial: Trial, arm: str) -> store.Distilled:
  if arm == 'distilled':
    return store.load(trial.workdir)
  return baselines.baseline(trial, arm, 0)


def _shape(found: store.Distilled) -> str:
  """Describes shapes and dtypes; sets that agree in them share a program."""
  return str(jax.tree.map(lambda x: (x.shape, x.dtype), store.to_batch(found)))
