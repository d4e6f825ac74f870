"""Networks that are looked at after each epoch."""

from __future__ import annotations

from evaluation.evaluate_cases import CLASSES, NET, toy
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.measure import empirical
from rdd_jax.images.preprocessing import standardize
from rdd_jax.synthetic import difficulty
from rdd_jax.training.epochs import by_epoch, in_epochs
from rdd_jax.training.recipe import Recipe

RECIPE = Recipe(steps=1, learning_rate=0.1, batch_size=20)


def test_a_network_learns_and_wrong_labels_are_hard():
  batch = toy(120)
  pixels = np.clip(60 * np.asarray(batch.inputs) + 100, 0, 255).astype('uint8')
  true = np.asarray(batch.cells)
  given = np.where(np.arange(120) < 12, (true + 1) % CLASSES, true)

  def course(epochs: int, seed: int = 0) -> list[np.ndarray]:
    found = by_epoch(
      NET,
      jnp.asarray(pixels),
      empirical(given, CLASSES),
      in_epochs(RECIPE, epochs),
      num_classes=CLASSES,
      preprocess=standardize([0.5], [0.2]),
    )
    return list(found(jax.random.key(seed)))

  logits = course(6)
  assert len(logits) == 6
  assert logits[0].shape == (120, CLASSES)
  losses = [difficulty.el2n(z, given).mean() for z in logits]
  assert losses[-1] < losses[0]
  for name in ('el2n', 'margin'):
    score = getattr(difficulty, name)(logits[2], given)
    hard = score if name == 'el2n' else -score
    assert hard[:12].mean() > hard[12:].mean() + 0.3
  again = course(6)
  np.testing.assert_array_equal(again[-1], logits[-1])
  assert np.any(course(6, 1)[0] != logits[0])
