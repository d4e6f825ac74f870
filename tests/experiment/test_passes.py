"""A pass over rows gives the same bits on any number of devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.chunks import Picked
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.experiment.prepare import view_data
from rdd_jax.images.preprocessing import standardize
from rdd_jax.robust import probing
from rdd_jax.robust.label_noise import patches
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.predict import predict
from rdd_jax.training.probe import probe

SHAPE, CLASSES, N = (8, 8, 1), 3, 43
IMAGES = np.random.default_rng(0).integers(0, 256, (N, *SHAPE), np.uint8)
MEASURE = empirical(np.arange(N) % CLASSES, CLASSES)
NET = networks.build('convnet', CLASSES, width=16, depth=1, norm='batch')
PLAIN = standardize([0.5], [0.25])
PROBE = probe(NET, optax.sgd(0.1), SHAPE, CLASSES)
STATE = PROBE.init(jax.random.key(1))
TWO = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), STATE)


class Kind(NamedTuple):
  """What `view_data` asks of an experiment and of a state."""

  probe: Any
  preprocess: Any = None
  measure: Any = None


def predictions(images: Any, measure: Measure) -> Any:
  del measure
  stacked = TWO.average
  rows = Picked(images, np.arange(N)[::-3])
  return [
    predict(NET, stacked, given, PLAIN, batch_size=6)
    for given in (images, IMAGES, rows)
  ]


def answers(images: Any, measure: Measure) -> Any:
  """Of two probes, in two views, which each chunk draws for itself."""

  @jax.jit
  def ask(images: Any, measure: Measure) -> Any:
    return probing.ask(
      *(PROBE, PLAIN, CLASSES, TWO, jax.random.key(2), images, measure),
      views=2,
      view=lambda key, x: x + 0.1 * jax.random.normal(key, x.shape),
    )

  return ask(images, measure)


def scores(images: Any, measure: Measure) -> Any:
  experiment: Any = Kind(PROBE, lambda images: PLAIN(images))
  state: Any = Kind(STATE, measure=measure)
  view = view_data(experiment, state, images, measure.cells)
  return view.score_all(6)  # pyright: ignore[reportCallIssue]


def resemblance(images: Any, measure: Measure) -> Any:
  """To patches, as TAD looks at all rows; calls of two chunks and one."""
  del measure
  dictionary = patches.learn(jax.random.key(3), jnp.asarray(IMAGES), 8)
  return patches.features(dictionary, images, True)


@pytest.mark.parametrize('of', [predictions, answers, scores, resemblance])
def test_four_devices_compute_the_bits_of_one(
  of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
  monkeypatch.setattr(probing, 'CHUNK', 6)  # the last of eight is not full
  monkeypatch.setattr(patches, 'CALL', 2)
  alone = jax.device_get(of(jnp.asarray(IMAGES), MEASURE))
  mesh = meshes.make_mesh(4)
  with meshes.use(mesh):
    found = of(*meshes.replicate((IMAGES, MEASURE), mesh))
  chex.assert_trees_all_equal(jax.device_get(found), alone)
