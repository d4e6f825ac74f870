"""Laws of the synthetic set: tiles, targets, weights and bounds."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax.core.batch import NOWHERE
from rdd_jax.synthetic.optimizers import keep_within
from rdd_jax.synthetic.view import (
  Synthetic,
  decode,
  encode,
  hard_targets,
  layout,
  stored_ipc,
  view,
)

SHAPES = [((8, 8, 3), 2), ((28, 28, 1), 3), ((7, 5, 2), 2), ((10, 7, 1), 4)]


def images(n: int, shape: tuple[int, ...], seed: int = 0) -> jax.Array:
  return jax.random.uniform(jax.random.key(seed), (n, *shape))


def test_factor_one_leaves_images():
  x = images(3, (5, 4, 2))
  chex.assert_trees_all_equal(decode(x, 1), x)
  chex.assert_trees_all_equal(encode(x, 1), x)


@pytest.mark.parametrize(('shape', 'factor'), SHAPES)
def test_decode_enlarges_each_tile_in_order(shape, factor):
  n, (h, w, c) = 3, shape
  x = images(n, shape)
  decoded = decode(x, factor)
  assert decoded.shape == (n * factor**2, h, w, c)
  th, tw = -(-h // factor), -(-w // factor)
  padded = np.full((n, th * factor, tw * factor, c), 0.5, np.float32)
  padded[:, :h, :w] = x
  for i in range(n):
    for row in range(factor):
      for column in range(factor):
        tile = padded[i, row * th :, column * tw :][:th, :tw]
        np.testing.assert_allclose(
          decoded[i * factor**2 + row * factor + column],
          jax.image.resize(jnp.asarray(tile), shape, 'bilinear'),
          atol=1e-6,
        )


@pytest.mark.parametrize(('shape', 'factor'), SHAPES)
def test_encode_keeps_shape_and_undoes_decode_of_flat_tiles(shape, factor):
  """Where each small image has one colour, no resolution is lost."""
  n = 2
  flat = jnp.linspace(0, 1, n * factor**2)[:, None, None, None]
  x = jnp.broadcast_to(flat, (n * factor**2, *shape))
  packed = encode(x, factor)
  assert packed.shape == (n, *shape)
  small = [-(-size // factor) for size in shape[:2]]
  # Where factor does not divide the size, padding bleeds into last tiles.
  rows, columns = (
    int((size - (factor - 1) * tile - 0.5) * size / tile)
    for size, tile in zip(shape[:2], small, strict=True)
  )
  np.testing.assert_allclose(
    decode(packed, factor)[:, :rows, :columns], x[:, :rows, :columns], atol=1e-6
  )


def test_encode_then_decode_is_close_on_smooth_images():
  ramp = jnp.linspace(0, 1, 16)
  x = jnp.stack([ramp[:, None] * a + ramp[None] * (1 - a) for a in (0.1, 0.9)])
  x = jnp.tile(x[..., None], (4, 1, 1, 1))
  np.testing.assert_allclose(decode(encode(x, 2), 2), x, atol=0.06)


def test_gradient_of_decode_reaches_every_pixel():
  grad = jax.grad(lambda x: decode(x, 3).sum())(images(2, (28, 28, 1)))
  assert (grad > 0).all()


@pytest.mark.parametrize(('classes', 'ipc', 'slots'), [(3, 2, 0), (2, 5, 3)])
def test_layout_has_ipc_rows_of_each_cell(classes, ipc, slots):
  cells = layout(classes, ipc, slots)
  assert (np.bincount(cells) == ipc).all()
  assert len(cells) == (classes + slots) * ipc
  assert (np.diff(cells) >= 0).all()


def test_slots_may_hold_more_or_less_than_classes():
  counts = np.bincount(layout(3, 2, slots=2, slot_images=5))
  assert counts.tolist() == [2, 2, 2, 5, 5]
  assert stored_ipc(layout(3, 2), 3) == 2
  assert stored_ipc(layout(3, 2, slots=1, slot_images=1), 3) == 3


def test_hard_targets():
  cells = layout(3, 2, slots=2)
  uniform = hard_targets(cells, 3, 3)
  np.testing.assert_array_equal(uniform[:6], np.eye(3)[cells[:6]])
  np.testing.assert_allclose(uniform[6:], 1 / 3)
  reject = hard_targets(cells, 3, 4)
  np.testing.assert_array_equal(reject[:6], np.eye(4)[cells[:6]])
  np.testing.assert_array_equal(reject[6:], np.eye(4)[[3] * 4])
  np.testing.assert_array_equal(hard_targets(cells[:6], 3, 4), reject[:6])


@pytest.mark.parametrize('lam', [0.0, 0.5, 2.0])
@pytest.mark.parametrize(('ipc', 'slots', 'factor'), [(1, 4, 1), (3, 2, 2)])
def test_outlier_rows_have_lambda_times_the_mass(lam, ipc, slots, factor):
  cells = layout(3, ipc, slots)
  batch = view(
    cells,
    hard_targets(cells, 3, 3),
    factor=factor,
    outlier_weight=lam,
    num_classes=3,
  )(Synthetic(images(len(cells), (4, 4, 1)), None))
  outlier = np.asarray(batch.cells) >= 3
  weights = np.asarray(batch.weights)
  np.testing.assert_array_equal(weights[~outlier], 1)
  np.testing.assert_allclose(
    weights[outlier].sum(), lam * weights[~outlier].sum(), rtol=1e-6
  )


@pytest.mark.parametrize('factor', [1, 2])
@pytest.mark.parametrize('learned', [False, True])
def test_view_repeats_labels_with_the_tiles(factor, learned):
  cells = layout(3, 2)
  targets = hard_targets(cells, 3, 3)
  logits = jax.random.normal(jax.random.key(1), (6, 3)) if learned else None
  params = Synthetic(images(6, (4, 4, 1)), logits)
  batch = view(cells, targets, factor=factor)(params)
  copies = factor**2
  chex.assert_tree_shape_prefix(batch, (6 * copies,))
  np.testing.assert_array_equal(batch.cells, np.repeat(cells, copies))
  expected = targets if logits is None else jax.nn.softmax(logits)
  np.testing.assert_allclose(
    batch.targets, np.repeat(expected, copies, 0), rtol=1e-6
  )
  chex.assert_trees_all_equal(batch.inputs, decode(params.images, factor))
  assert (batch.index == NOWHERE).all()
  assert (batch.groups == -1).all()


def test_view_preprocesses_what_it_has_decoded():
  cells = layout(2, 1)
  params = Synthetic(images(2, (6, 6, 1)), None)
  batch = view(
    cells, hard_targets(cells, 2, 2), factor=2, preprocess=lambda x: 4 * x - 1
  )(params)
  chex.assert_trees_all_close(batch.inputs, 4 * decode(params.images, 2) - 1)


def test_view_is_differentiable_in_images_and_labels():
  cells = layout(3, 1)
  seen = view(cells, hard_targets(cells, 3, 3), factor=2)
  params = Synthetic(images(3, (4, 4, 1)), jnp.zeros((3, 3)))

  def loss(params):
    batch = seen(params)
    return (batch.inputs**2).sum() + (batch.targets[:, 0] ** 2).sum()

  grads = jax.jit(jax.grad(loss))(params)
  assert (grads.images != 0).all()
  assert (grads.logits[:, 0] > 0).all()


@pytest.mark.parametrize('seed', range(3))
def test_keep_within_projects_on_the_unit_interval_exactly(seed):
  tx = optax.chain(optax.sgd(1.0), keep_within(0.0, 1.0))
  params = images(50, (4, 4, 1), seed)
  grads = 3 * jax.random.normal(jax.random.key(seed), params.shape)
  updates, _ = tx.update(grads, tx.init(params), params)
  new = optax.apply_updates(params, updates)
  np.testing.assert_allclose(new, jnp.clip(params - grads, 0, 1), atol=1e-7)
  assert new.min() == 0
  assert new.max() == 1


def test_keep_within_projects_on_any_interval_up_to_rounding():
  tx = keep_within(-2.1, 2.7)
  params = 4 * images(50, (4, 4, 1)) - 2
  updates, _ = tx.update(9 * jnp.sign(params), tx.init(params), params)
  new = optax.apply_updates(params, updates)
  np.testing.assert_allclose(new, jnp.where(params > 0, 2.7, -2.1), rtol=1e-6)
