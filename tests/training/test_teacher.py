"""A teacher is an expert with all its variables, and labels rows of classes."""

from __future__ import annotations

from pathlib import Path

from experiment.experts_cases import (
  CLASSES,
  KEY,
  MEASURE,
  PLAIN,
  SHAPE,
  N,
  make,
  run,
)
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.losses import Softened
from rdd_jax.core.measure import empirical
from rdd_jax.training.fit import fit
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.teacher import Teacher, accuracy, teacher_of

NET = networks.build('convnet', CLASSES, width=4, depth=1, norm='batch')
LABELS = np.arange(N) % CLASSES
IMAGES = np.broadcast_to(
  (60 + 60 * LABELS)[:, None, None, None], (N, *SHAPE)
).astype(np.uint8)


def train(directory: Path, stop=lambda: False, net=NET):
  return run(
    directory,
    number=1,
    parallel=1,
    stop=stop,
    trained=make(net=net),
    images=jnp.asarray(IMAGES),
    snapshots=(3,),
  )


@pytest.fixture(scope='module')
def taught(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
  found = train(tmp_path_factory.mktemp('whole'))
  assert found is not None
  assert found[0].shape[0] == 1
  return np.array(found[0][-1])


def test_a_resumed_teacher_equals_an_uninterrupted_one(tmp_path, taught):
  """With the running statistics of its batch norm."""
  left = iter(range(1))
  assert train(tmp_path, lambda: next(left, None) is None) is None
  found = train(tmp_path)
  assert found is not None
  np.testing.assert_array_equal(found[0][-1], taught)


def test_a_teacher_of_bfloat16_is_trained_to_float32_weights(tmp_path):
  """It knows the rows as well, and is no other size."""
  narrow = networks.build(
    'convnet', CLASSES, width=4, depth=1, norm='batch', dtype='bfloat16'
  )
  found = train(tmp_path, net=narrow)
  wide = train(tmp_path / 'wide')
  assert found is not None
  assert wide is not None
  assert found[0].dtype == np.float32
  assert found[0].shape == wide[0].shape
  assert np.abs(found[0] - wide[0]).max() > 0
  teacher = teacher_of(narrow, found[0][-1], SHAPE)
  assert accuracy(teacher, IMAGES, MEASURE, PLAIN)[0] == 1.0


def test_running_statistics_come_with_the_weights(taught):
  """And tell apart what only its mean tells apart."""
  teacher = teacher_of(NET, taught, SHAPE)
  (mean,) = (
    leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(
      teacher.variables['batch_stats']
    )
    if 'mean' in jax.tree_util.keystr(path)
  )
  assert float(jnp.abs(mean).sum()) > 0.1  # fresh ones are zero
  right, chance, rows = accuracy(teacher, IMAGES, MEASURE, PLAIN)
  assert (right, rows) == (1.0, N)
  assert chance == pytest.approx(1 / 3)


def test_distrusted_rows_do_not_count(taught):
  wrong = np.where(np.arange(N) < 24, (LABELS + 1) % CLASSES, LABELS)
  measure = empirical(wrong, CLASSES)
  teacher = teacher_of(NET, taught, SHAPE)
  assert accuracy(teacher, IMAGES, measure, PLAIN)[0] == 0.5
  weights = (np.arange(N) >= 24).astype(np.float32)
  measure = type(measure)(
    measure.targets, jnp.asarray(weights), measure.cells, measure.groups
  )
  assert accuracy(teacher, IMAGES, measure, PLAIN)[::2] == (1.0, 24)


def test_answers_soften_and_outliers_keep_their_targets(taught):
  cold = teacher_of(NET, taught, SHAPE)
  warm = teacher_of(NET, taught, SHAPE, temperature=4.0)
  rows = batch_of(
    inputs=PLAIN(jnp.asarray(IMAGES[:4])),
    targets=jnp.full((4, CLASSES), 1 / CLASSES),
    cells=jnp.array([0, 1, 2, CLASSES]),
  )
  a, b = (t.relabel(rows, CLASSES).targets for t in (cold, warm))
  np.testing.assert_allclose(a[3], rows.targets[3])
  assert (a[:3].argmax(1) == LABELS[:3]).all()
  ratio = jnp.log(a[:3]) - 4 * jnp.log(b[:3])  # alike up to a constant
  np.testing.assert_allclose(ratio - ratio[:, :1], 0, atol=2e-3)


def test_softened_has_the_gradient_of_the_divergence():
  """T^2 KL(teacher || student), of both at the temperature."""
  draw = np.random.default_rng(0).normal(size=(2, 5, CLASSES)) * 3
  said, logits = jnp.asarray(draw)
  rows = batch_of(
    inputs=jnp.zeros((5, 1)),
    targets=jax.nn.softmax(said / 4),
    cells=jnp.zeros(5, jnp.int32),
  )

  def divergence(z):
    p, q = jax.nn.log_softmax(said / 4), jax.nn.log_softmax(z / 4)
    return 16 * (jnp.exp(p) * (p - q)).sum()

  ours = jax.grad(lambda z: Softened(4.0)(z, rows, CLASSES).sum())(logits)
  np.testing.assert_allclose(ours, jax.grad(divergence)(logits), atol=1e-5)


def test_a_student_learns_what_targets_do_not_say(taught):
  """Targets are of one class alone; the teacher's answers are of all."""
  rows = batch_of(
    inputs=PLAIN(jnp.asarray(IMAGES[:9])),
    targets=jax.nn.one_hot(jnp.zeros(9, jnp.int32), CLASSES),
    cells=jnp.zeros(9, jnp.int32),
  )
  recipe = Recipe(epochs=60, learning_rate=0.1)
  told: Teacher | None
  for told in (None, teacher_of(NET, taught, SHAPE)):
    student = fit(
      NET,
      rows,
      recipe,
      num_classes=CLASSES,
      input_shape=SHAPE,
      key=KEY,
      teacher=told,
    )
    said = networks.apply(NET, student, rows.inputs).logits.argmax(1)
    right = bool((said == LABELS[:9]).all())
    assert right == (told is not None)
