"""Stored answers to views are what the teacher would answer."""

from __future__ import annotations

from dataclasses import replace
import functools

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.images.augment import dsa, parse
from rdd_jax.training.fit import fit, fit_in_turn, fit_many
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.stored import StoredLabels, answers
from rdd_jax.training.teacher import Teacher
from rdd_jax.training.views import Views

SHAPE, CLASSES, N = (8, 8, 1), 4, 22
NET = networks.build('convnet', CLASSES, width=8, depth=1, norm='batch')
VIEWS = jax.random.key(7)
RECIPE = Recipe(
  epochs=4,
  batch_size=8,
  learning_rate=0.05,
  augment=dsa(parse('crop_flip'), siamese=False),
  cutmix=1.0,
  mixup=1.0,
)
# What half precision loses of a probability, at most, and the least it holds.
HALF, LEAST = 2.0**-10, 2.0**-24


def rows():
  """Of classes, and two outliers, whose targets are no teacher's."""
  images = np.random.default_rng(0).normal(size=(N, *SHAPE))
  cells = jnp.minimum(jnp.arange(N) % 5, CLASSES)
  known = jax.nn.one_hot(cells, CLASSES)
  uniform = jnp.full((N, CLASSES), 1 / CLASSES)
  return batch_of(
    inputs=jnp.asarray(images, jnp.float32),
    targets=jnp.where((cells < CLASSES)[:, None], known, uniform),
    cells=cells,
  )


ROWS = rows()


@pytest.fixture(scope='module')
def teacher() -> Teacher:
  variables = networks.init(NET, jax.random.key(3), SHAPE)
  sharp = jax.tree.map(lambda leaf: 3 * leaf, variables['params'])
  return Teacher(NET, {**variables, 'params': sharp}, 2.0, VIEWS)


@pytest.fixture(scope='module')
def stored(teacher: Teacher) -> StoredLabels:
  return answers(teacher, ROWS, RECIPE, views=VIEWS, top_k=0)


def train(teacher, *, key=0, recipe=RECIPE):
  return fit(
    NET,
    ROWS,
    recipe,
    num_classes=CLASSES,
    input_shape=SHAPE,
    key=jax.random.key(key),
    teacher=teacher,
  )


def asked(teacher: Teacher, t: int):
  """What the teacher says of a step's view, by an order made in plain sight."""
  views = Views(ROWS, RECIPE, None, VIEWS)
  return teacher.answers(views.at(views.order(t // views.parts), t).inputs)


def test_they_are_the_answers_of_the_teacher_to_half_precision(teacher, stored):
  assert stored.values.shape == (12, 8, CLASSES)  # 3 minibatches of 8 or 7 rows
  assert stored.values.dtype == jnp.float16
  for t in (0, 1, 5, 11):
    said = asked(teacher, t)
    np.testing.assert_allclose(
      stored.targets(t), said, rtol=2 * HALF, atol=LEAST
    )
  assert float(jnp.abs(asked(teacher, 0) - asked(teacher, 3)).max()) > 0.01


def test_a_student_of_stored_labels_is_that_of_the_teacher(teacher, stored):
  """On the same views; other views make another student."""
  other = replace(teacher, views=jax.random.key(8))
  by_labels, by_teacher, by_others = (
    networks.flatten(train(labeler)) for labeler in (stored, teacher, other)
  )
  apart = jnp.linalg.norm(by_labels - by_teacher)
  assert apart < 0.01 * jnp.linalg.norm(by_others - by_teacher)


def test_views_do_not_depend_on_the_seed_of_a_network(teacher):
  """Without a rate, nothing but batch statistics moves, and by views alone."""
  still = replace(RECIPE, learning_rate=0.0, weight_decay=0.0)
  views = Views(ROWS, still, None, VIEWS)
  seen = [views.at(views.order(t // 3), t).inputs for t in range(12)]
  look = jax.jit(functools.partial(networks.apply_training, NET))
  for key in (0, 1):
    found = train(teacher, key=key, recipe=still)
    fresh = jax.tree.map(jnp.zeros_like, found['batch_stats'])
    ones = jax.tree.map(jnp.ones_like, found['batch_stats'])
    stats = {n: {'mean': fresh[n]['mean'], 'var': ones[n]['var']} for n in ones}
    expected = {**found, 'batch_stats': stats}
    for inputs in seen:
      _, expected = look(expected, inputs)
    for name, kept in expected['batch_stats'].items():
      for moment, value in kept.items():
        np.testing.assert_allclose(
          found['batch_stats'][name][moment], value, atol=1e-4
        )


@pytest.mark.parametrize('k', [1, 2, 3])
def test_top_k_keeps_the_mass_and_the_largest(teacher, stored, k):
  few = answers(teacher, ROWS, RECIPE, views=VIEWS, top_k=k)
  assert few.values.shape == (12, 8, k)
  assert few.classes is not None
  assert few.classes.dtype == jnp.uint8
  for t in (0, 7):
    found = np.asarray(few.targets(t))
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert (found >= 0).all()
    said = np.asarray(asked(teacher, t))
    order = np.argsort(-said, 1)
    kept = np.take_along_axis(found, order[:, :k], 1)
    exact = np.take_along_axis(said, order[:, :k], 1)
    assert (kept <= exact).all()  # rounded down
    np.testing.assert_allclose(kept, exact, rtol=HALF, atol=LEAST)
    np.testing.assert_array_equal(kept, few.values[t])  # and no more than that
    rest = np.take_along_axis(found, order[:, k:], 1)
    np.testing.assert_allclose(rest, rest[:, :1].repeat(rest.shape[1], 1))


def test_all_classes_are_no_choice(teacher, stored):
  every = answers(teacher, ROWS, RECIPE, views=VIEWS, top_k=CLASSES)
  assert every.classes is None
  np.testing.assert_array_equal(every.values, stored.values)
  assert every.size == stored.size == 12 * 8 * CLASSES * 2 + 8


def test_fewer_epochs_see_the_first_views_and_more_are_refused(stored):
  short = replace(RECIPE, epochs=2)
  found = train(stored, recipe=short)
  first = replace(stored, values=stored.values[:6])
  np.testing.assert_array_equal(
    networks.flatten(found), networks.flatten(train(first, recipe=short))
  )
  with pytest.raises(UserError, match=r'12 steps of 8 rows.*fewer epochs'):
    train(stored, recipe=replace(RECIPE, epochs=5))
  with pytest.raises(UserError, match='batch size of the card'):
    train(stored, recipe=replace(RECIPE, batch_size=5, epochs=1))


@pytest.mark.slow
def test_networks_in_turn_are_networks_at_once(stored):
  seeds = jax.random.split(jax.random.key(0), 2)
  options = {'num_classes': CLASSES, 'input_shape': SHAPE, 'teacher': stored}
  at_once = fit_many(NET, ROWS, RECIPE, seeds=seeds, **options)
  in_turn = fit_in_turn(
    NET,
    ROWS,
    RECIPE,
    seeds=seeds,
    tell=lambda trained, left: None,
    parallel=False,
    **options,
  )
  for a, b in zip(
    jax.tree.leaves(at_once), jax.tree.leaves(in_turn), strict=True
  ):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_outliers_keep_their_targets(stored):
  views = Views(ROWS, RECIPE, None, VIEWS)
  view = views.at(views.order(0), 0)
  found = stored.relabel(view, CLASSES, 0)
  outlier = np.asarray(view.cells) == CLASSES
  assert outlier.any()
  np.testing.assert_array_equal(found.targets[outlier], view.targets[outlier])
  np.testing.assert_array_equal(
    found.targets[~outlier], stored.targets(0)[~outlier]
  )
