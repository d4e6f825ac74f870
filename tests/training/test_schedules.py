"""Rates fall as they should, and AdamW decays kernels alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.config.build.experts import snapshots
from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.build.optimizers import expert_optimizer, rule
from rdd_jax.config.defaults import config
from rdd_jax.core.errors import UserError
from rdd_jax.training.recipe import SCHEDULES, Recipe


def test_half_a_cosine_ends_at_half_the_rate():
  half, whole = (SCHEDULES[name](2.0, 10) for name in ('half_cosine', 'cosine'))
  assert half(0) == whole(0) == 2
  assert half(10) == pytest.approx(1)
  assert whole(10) == pytest.approx(0)
  assert half(5) == pytest.approx(1 + np.cos(np.pi / 4))


def test_adamw_decays_kernels_and_no_biases():
  params = {'kernel': jnp.ones((2, 2)), 'bias': jnp.ones(2)}
  still = jax.tree.map(jnp.zeros_like, params)
  recipe = Recipe(
    steps=1, optimizer='adamw', learning_rate=0.1, weight_decay=0.5
  )
  tx = recipe.gradient_transformation(1)
  updates, _ = tx.update(still, tx.init(params), params)
  np.testing.assert_allclose(updates['kernel'], -0.05, rtol=1e-6)
  np.testing.assert_allclose(updates['bias'], 0)


def test_a_teachers_rate_falls_to_nothing_at_its_last_step():
  given = config()
  given.experts.schedule = 'cosine'
  given.experts.learning_rate = 1.0
  tx = expert_optimizer(given, 4)
  state, steps = tx.init(jnp.zeros(())), []
  for _ in range(5):
    update, state = tx.update(jnp.ones(()), state, jnp.zeros(()))
    steps.append(float(update))
  by_hand = [-(1 + np.cos(np.pi * t / 4)) / 2 for t in range(5)]
  np.testing.assert_allclose(steps, by_hand, atol=1e-6)
  with pytest.raises(UserError, match='needs an end'):
    expert_optimizer(given)


def test_a_teacher_is_kept_once_and_trajectories_by_the_epoch():
  given = config()
  given.experts.epochs = 30
  assert snapshots(given) == (*range(22), 30)
  given.synthetic.labels = 'teacher'
  assert snapshots(given) == (30,)
  given.objective = namespace('trajectory')
  assert snapshots(given) == (*range(22), 30)


def test_betas_are_those_of_adam():
  tx = rule('adam', 1.0, 0.0, (0.5, 0.9))
  _, state = tx.update(jnp.ones(()), tx.init(jnp.zeros(())))
  first, second = state[0].mu, state[0].nu
  np.testing.assert_allclose([first, second], [0.5, 0.1], rtol=1e-6)
