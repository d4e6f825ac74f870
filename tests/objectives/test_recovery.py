"""Recovery: statistics as batch norms see them, and images it improves."""

from __future__ import annotations

from functools import partial

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import log_softmax

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.recovery import batches, recovery, statistics_loss

SHAPE, CLASSES = (8, 8, 2), 3
KEY = jax.random.key(0)
NET = networks.build('convnet', CLASSES, width=4, depth=2, norm='batch')
FRESH = networks.init(NET, KEY, SHAPE)
CELLS = np.repeat(np.arange(4), 4)  # three classes and a slot
IMAGES = np.random.default_rng(1).normal(size=(16, *SHAPE)).astype(np.float32)

gap_of = jax.jit(partial(statistics_loss, NET))


@jax.jit
def remembering(x):
  """Variables whose running statistics are those of just this batch."""
  _, after = networks.apply_training(NET, FRESH, x)
  stats = jax.tree.map(
    lambda old, new: (new - 0.9 * old) / 0.1,
    FRESH['batch_stats'],
    after['batch_stats'],
  )
  return {**FRESH, 'batch_stats': stats}


def rows_of(images=IMAGES):
  return batch_of(
    inputs=images,
    targets=np.float32(np.eye(4, CLASSES)[CELLS] + (CELLS == 3)[:, None] / 3),
    cells=jnp.asarray(CELLS),
    weights=jnp.asarray(np.where(CELLS == 3, 0.5, 1.0), jnp.float32),
  )


def make(**options):
  given = {'alpha': 1.0, 'first': 1.0, 'jitter': 0, 'rows': 12, **options}
  return recovery(NET, SHAPE, CLASSES, CELLS, **given)


@partial(jax.jit, static_argnums=0)
def values(objective, variables, images=IMAGES, key=KEY):
  feed = networks.flatten(variables)
  rows = rows_of(images)
  found, mass, metrics = objective.losses(rows, Step(rows, (), key, feed=feed))
  assert mass.shape == found.shape
  return found, metrics


def test_statistics_of_the_teachers_own_data_have_no_loss():
  own, other = IMAGES[:12], IMAGES[:12] + 0.5
  teacher = remembering(own)
  assert gap_of(teacher, own)[0] < 1e-4
  assert gap_of(teacher, other)[0] > 0.1
  _, metrics = values(make(), teacher)
  assert metrics['statistics'] < 1e-4


def test_statistics_are_those_of_a_first_layer_by_hand():
  """One block: moments of the convolution, from its definition."""
  net = networks.build('convnet', CLASSES, width=4, depth=1, norm='batch')
  variables = networks.init(net, KEY, SHAPE)
  kernel = variables['params']['Conv_0']
  maps = jax.lax.conv_general_dilated(
    IMAGES,
    kernel['kernel'],
    (1, 1),
    'SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )
  maps = np.asarray(maps) + np.asarray(kernel['bias'])
  mean, var = maps.mean((0, 1, 2)), maps.var((0, 1, 2))
  by_hand = np.linalg.norm(mean) + np.linalg.norm(var - 1)  # fresh: 0 and 1
  ours = jax.jit(partial(statistics_loss, net))
  found, _ = ours(variables, IMAGES)
  np.testing.assert_allclose(found, by_hand, rtol=1e-4)
  tenfold, _ = ours(variables, IMAGES, first=10.0)
  np.testing.assert_allclose(tenfold, 10 * by_hand, rtol=1e-4)


def test_values_are_those_of_each_batch_and_of_outliers():
  """Two batches of two images of each class, and the slot, apart."""
  objective, teacher = make(rows=6), remembering(IMAGES)
  found, _ = values(objective, teacher)
  dealt = batches(CELLS, CLASSES, 6)
  assert dealt.shape == (2, 6)
  assert sorted(dealt.ravel()) == list(range(12))
  rows = rows_of()
  for value, some in zip(found, dealt, strict=False):
    assert np.bincount(CELLS[some]).tolist() == [2, 2, 2]
    gap, logits = gap_of(teacher, IMAGES[some])
    said = -(rows.targets[some] * log_softmax(logits, 1)).sum(1).mean()
    np.testing.assert_allclose(value, said + gap, rtol=1e-5)
  logits = networks.apply(NET, teacher, IMAGES[12:]).logits
  none = -log_softmax(logits, 1).mean()
  np.testing.assert_allclose(found[2], none, rtol=1e-5)


@pytest.mark.parametrize(
  ('classes', 'ipc', 'rows', 'size'),
  [(200, 3, 100, 100), (1000, 2, 100, 100), (6, 4, 4, 6), (5, 2, 2, 5)],
)
def test_many_classes_share_out_to_batches(classes, ipc, rows, size):
  """As released: each batch has one image of each of a hundred classes."""
  cells = np.arange(classes).repeat(ipc)
  dealt = batches(cells, classes, rows)
  assert dealt.shape == (len(cells) // size, size)
  assert sorted(dealt.ravel()) == list(range(len(cells)))
  for some in dealt:
    assert len(set(cells[some])) == size


def test_a_roll_moves_all_images_of_a_batch_alike():
  """Its value is that of one of the sixteen shifts."""
  still = make()
  rolled = make(jitter=3)
  teacher = remembering(IMAGES)
  found, _ = values(rolled, teacher)
  shifts = [
    values(still, teacher, np.roll(IMAGES, (y, x), (1, 2)))[0][0]
    for y in range(4)
    for x in range(4)
  ]
  assert np.min(np.abs(np.array(shifts) - float(found[0]))) < 1e-5


def test_descent_brings_images_to_what_the_teacher_remembers():
  teacher = remembering(IMAGES)
  objective = make()
  images = 2 * IMAGES + 1

  tx = optax.adam(0.1)

  @jax.value_and_grad
  def loss(images):
    return values(objective, teacher, images)[0].sum()

  @jax.jit
  def step(images, state):
    value, gradient = loss(images)
    updates, state = tx.update(gradient, state)
    return images + updates, state, value

  state, seen = tx.init(images), []
  for _ in range(21):
    images, state, value = step(images, state)
    seen.append(value)
  assert seen[-1] < 0.8 * seen[0]


def test_a_network_without_batch_norm_is_refused():
  net = networks.build('convnet', CLASSES, width=4, depth=1)
  with pytest.raises(UserError, match=r"set network\.norm='batch'"):
    recovery(net, SHAPE, CLASSES, CELLS)
