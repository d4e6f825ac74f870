"""How long judging takes, from short trainings on sets of each shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import jax

from rdd_jax.artifact import store
from rdd_jax.experiment import baselines
from rdd_jax.experiment import trial as trials
from rdd_jax.experiment.trial import Trial
from rdd_jax.plan.extrapolate import extrapolate
from rdd_jax.synthetic.view import Synthetic


def judging(trial: Trial, params: Synthetic, budget: float) -> float:
  """Predicts seconds of a run's table: every arm, seed and network.

  Args:
    trial: its directory is a scratch one, and is written to.
    params: of a distilled set, of the right shape.
    budget: see `extrapolate`.
  """
  store.save(trial.workdir, trials.distilled(trial, params, 0))
  store.save(trial.workdir / trials.INITIAL, trials.distilled(trial, params, 0))
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
  """Seconds of the networks of the whole training set, and of coresets."""
  path = trial.workdir / 'evaluations' / 'whole.json'
  recipe = trial.experiment.whole

  def train(n: int) -> Callable[[], object]:
    short = recipe and replace(recipe, steps=n)
    chosen = trial._replace(experiment=trial.experiment._replace(whole=short))

    def do() -> object:
      path.unlink(missing_ok=True)
      return baselines.whole(chosen)

    return do

  return extrapolate(train, trial.config.whole.steps, budget).first


def _judge(
  trial: Trial, arm: str, epochs: int, numbers: count[int]
) -> Callable[[], object]:
  recipe = replace(trial.experiment.evaluation, epochs=epochs)
  short = trial._replace(
    experiment=trial.experiment._replace(evaluation=recipe)
  )
  return lambda: baselines.judge(
    short, arm, next(numbers), lambda: _found(trial, arm)
  )


def _found(trial: Trial, arm: str) -> store.Distilled:
  if arm == 'distilled':
    return store.load(trial.workdir)
  return baselines.baseline(trial, arm, 0)


def _shape(found: store.Distilled) -> str:
  """What sets have in common that share a program."""
  return str(jax.tree.map(lambda x: (x.shape, x.dtype), store.to_batch(found)))
