"""A teacher that devices train together is the one that a device trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.config.defaults import config as defaults
from rdd_jax.core.measure import empirical
from rdd_jax.core.streamed import Streamed
from rdd_jax.core.transform import BoundTransform, EmptyState, identity
from rdd_jax.experiment import experts
from rdd_jax.experiment.experts import buffer as buffers
from rdd_jax.experiment.experts import programs, rounds
from rdd_jax.images.preprocessing import standardize
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.expert import Expert, expert

SHAPE, CLASSES, N = (8, 8, 1), 3, 64
KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).integers(0, 256, (N, *SHAPE), np.uint8)
MEASURE = empirical(np.arange(N) % CLASSES, CLASSES)


def make(batch_size: int = 16, width: int = 8) -> Expert:
  """Smooth, so that rounding moves nothing over the edge of a ReLU."""
  net = networks.build(
    'convnet',
    CLASSES,
    width=width,
    depth=2,
    norm='batch',
    activation='swish',
  )
  return expert(
    net,
    optax.sgd(0.1, momentum=0.9),
    SHAPE,
    CLASSES,
    preprocess=standardize([0.5], [0.25]),
    batch_size=batch_size,
    edit=BoundTransform(EmptyState(), identity()),
  )


def train(
  directory: Path,
  devices: int,
  how: Expert,
  stop: Callable[[], bool] = lambda: False,
  images: Any = IMAGES,
) -> np.ndarray | None:
  config = defaults()
  config.synthetic.labels = 'teacher'
  config.experts.epochs = 2
  buffer = buffers.buffer(config, directory / 'run', devices)
  mesh = meshes.make_mesh(devices)
  with meshes.use(mesh):
    held = meshes.replicate((images, MEASURE), mesh)
    found = experts.trajectories(buffer, how, KEY, *held, mesh, stop=stop)
  return None if found is None else np.array(found[0][-1])


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
  found = train(tmp_path_factory.mktemp('four'), 4, make())
  assert found is not None
  return found


def test_four_devices_train_what_one_does(tmp_path: Path, shared: np.ndarray):
  """With the statistics of all rows of a step, up to the order of sums."""
  found = train(tmp_path, 1, make())
  np.testing.assert_allclose(shared, found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('calls', 'devices'), [(1, 4), (4, 4), (4, 1)])
def test_a_stop_within_an_epoch_loses_no_step(
  tmp_path: Path,
  shared: np.ndarray,
  calls: int,
  devices: int,
  monkeypatch,
  caplog,
):
  """Of four steps, before there is a snapshot, to the same bits.

  One device goes on as well where four were stopped: it is one buffer.
  """
  monkeypatch.setattr(rounds, 'LOOK_EVERY', 0.0)
  monkeypatch.setattr(rounds, 'within', lambda seconds, steps: 1)
  left = iter(range(calls - 1))
  stopped = train(tmp_path, 4, make(), lambda: next(left, None) is None)
  assert stopped is None
  (saved,) = (tmp_path / 'run').rglob('checkpoints/*')
  assert int(saved.name) == calls + 1
  found = train(tmp_path, devices, make())
  assert 'trained again' not in caplog.text
  assert len(list((tmp_path / 'experts').iterdir())) == 1
  if devices == 4:
    np.testing.assert_array_equal(found, shared)
  else:
    np.testing.assert_allclose(found, shared, rtol=1e-4, atol=1e-5)


def test_streamed_rows_are_sent_to_devices(tmp_path: Path, shared: np.ndarray):
  """To the same teacher: a step's rows are read once, for all of them."""

  class Reader:
    shape, identity = IMAGES.shape, 'these'

    def read(self, rows: np.ndarray) -> np.ndarray:
      asked.append(len(rows))
      return IMAGES[rows]

    def expect(self, order: np.ndarray) -> None:
      assert order.shape == (4, 16)

  asked: list[int] = []
  images = Streamed(Reader())  # pyright: ignore[reportArgumentType]
  found = train(tmp_path, 4, make(), images=images)
  np.testing.assert_allclose(found, shared, rtol=1e-4, atol=1e-5)
  assert asked == [16] * 8


def test_rows_that_devices_cannot_share_are_named(tmp_path: Path, capsys):
  """And trained on by each of them, to the same teacher."""
  alone = train(tmp_path / 'one', 1, make(10))
  assert 'cannot share' not in capsys.readouterr().out
  found = train(tmp_path / 'four', 4, make(10))
  np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-5)
  assert 'has 10 rows, which 4 devices cannot share' in capsys.readouterr().out


def test_a_device_has_a_quarter_of_the_work():
  """By XLA's count of the operations of a step, of a device."""
  how, flops = make(N, width=16), []
  for devices in (1, 4):
    mesh = meshes.make_mesh(devices)
    with meshes.use(mesh):
      held = meshes.replicate((jnp.asarray(IMAGES), MEASURE), mesh)
      roots = meshes.replicate(jax.random.split(KEY, 1), mesh)
      program = programs.program_of(how, mesh, 1)
      state, drawn = program.init(roots), program.draw(roots, 0, *held)
      part: Any = program.part
      lowered = part.lower(drawn, held[0], state, 0, 1)
    cost = lowered.compile().cost_analysis()
    assert isinstance(cost, dict)
    flops.append(cost['flops'])
  assert flops[1] < 0.3 * flops[0]
