"""What is computed in chunks is what is computed at once."""

from __future__ import annotations

import threading
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.chunks import Picked, in_chunks, in_shares
from rdd_jax.core.sharding import by_rows, constrain, shares
from rdd_jax.core.streamed import Streamed
from rdd_jax.runtime import distributed as meshes


@pytest.mark.parametrize('on_host', [False, True])
@pytest.mark.parametrize('size', [1, 3, 4, 7, 100])
@pytest.mark.parametrize('n', [1, 3, 7, 8])
def test_chunks_equal_the_whole(n: int, size: int, on_host: bool):
  traced = []

  @jax.jit
  def fn(tree):
    traced.append(1)
    return {'square': tree['x'] ** 2, 'both': tree['x'][:, 0] + tree['y']}

  def call(tree):
    return jax.device_get(fn(tree)) if on_host else fn(tree)

  rng = np.random.default_rng(n)
  tree = {'x': rng.normal(size=(n, 2)).astype('f'), 'y': jnp.arange(n) * 1.0}
  found = in_chunks(call, tree, size)
  assert len(traced) == 1
  chex.assert_trees_all_equal(found, fn(tree))
  kind = np.ndarray if on_host else jax.Array
  assert all(isinstance(leaf, kind) for leaf in found.values())


@pytest.mark.parametrize('size', [1, 2, 5, 9])
def test_rows_of_results_may_stand_along_another_axis(size: int):
  x = np.arange(10.0).reshape(5, 2)
  found = in_chunks(lambda part: np.stack([part, -part]), x, size, axis=1)
  np.testing.assert_array_equal(found, np.stack([x, -x]))


def test_functions_see_chunks_of_one_size_alone():
  seen = []
  in_chunks(lambda x: seen.append(x.tolist()) or x, np.arange(5), 2)
  assert seen == [[0, 1], [2, 3], [4, 4]]


@pytest.mark.parametrize('devices', [1, 3, 4])
@pytest.mark.parametrize('n', [2, 7, 40])
def test_shares_of_devices_are_the_chunks_of_one(n: int, devices: int):
  """Bit for bit: of a product of matrices, whose blocks depend on its rows."""
  rng = np.random.default_rng(n)
  host, weights = (rng.normal(size=(k, 33)).astype('f') for k in (60, 33))
  rows = rng.permutation(60)[:n]

  @jax.jit
  def fn(tree, weights):
    def own(tree, weights):
      seen.append(tree['a'].shape)
      return jnp.stack([jnp.tanh(tree['a'] @ weights), tree['b'] ** 2])

    return by_rows(own, tree, weights, axis=1)

  seen: list[tuple[int, ...]] = []
  tree = {'a': Picked(host, rows), 'b': host[rows]}
  alone = in_chunks(lambda t: fn(t, weights), tree, 5, axis=1)
  with meshes.use(meshes.make_mesh(devices)):
    on_device = jax.device_put(host)
    for a in (tree['a'], Picked(on_device, rows)):
      given = {'a': a, 'b': host[rows]}
      found = in_shares(lambda t: fn(t, weights), given, 5, axis=1)
      assert found.is_fully_replicated
      np.testing.assert_array_equal(found, alone)
  assert {shape[0] for shape in seen} == {min(n, 5)}


class Reader:
  """Images of which rows are read when they are asked for."""

  shape, identity = (60, 2, 2, 1), 'some'

  def __init__(self):
    self.asked: list[list[int]] = []
    self.held = np.random.default_rng(0).integers(0, 256, self.shape, np.uint8)

  def read(self, rows: np.ndarray) -> np.ndarray:
    self.asked.append(rows.tolist())
    return self.held[rows]


@pytest.mark.parametrize('devices', [1, 4])
def test_streamed_images_pass_by_like_arrays(devices: int):
  """Each chunk is read by its device, and no other row."""
  reader, rows = Reader(), np.arange(50)[::-2]
  images: Any = Streamed(reader)  # pyright: ignore[reportArgumentType]
  fn = jax.jit(lambda x: by_rows(lambda x: x // 2, x))
  with meshes.use(meshes.make_mesh(devices)):
    for given, own in ((Picked(images, rows), rows), (images, np.arange(60))):
      reader.asked.clear()
      found = in_shares(fn, given, 3)
      np.testing.assert_array_equal(found, reader.held[own] // 2)
      assert {len(some) for some in reader.asked} == {3}
      assert {row for some in reader.asked for row in some} == set(own.tolist())


def test_a_process_reads_the_rows_of_its_devices_alone():
  """Each device's own are asked for, once."""
  asked = []

  class Read(np.ndarray):
    def __getitem__(self, i):
      asked.append(np.asarray(i).tolist())
      return np.asarray(self)[i]

  fn = jax.jit(lambda x: by_rows(lambda x: 2 * x, x))
  with meshes.use(meshes.make_mesh(4)):
    found = in_shares(fn, np.arange(14).view(Read), 3)
  np.testing.assert_array_equal(found, 2 * np.arange(14))
  rows = [row for some in asked for row in some]
  assert sorted(rows) == [*range(14), *[13] * 10]
  assert {len(rows) for rows in asked} == {3}


def test_rows_are_shared_where_a_mesh_is_set_and_not_within_a_share():
  seen = []

  @jax.jit
  def fn(x):
    def own(x):
      seen.append(shares())
      return constrain(x)

    return by_rows(own, x)

  assert shares() == 1
  with meshes.use(meshes.make_mesh(4)):
    assert shares() == 4
    np.testing.assert_array_equal(fn(jnp.arange(8)), np.arange(8))
  assert seen == [1]


@pytest.mark.parametrize('devices', [1, 4])
def test_rows_of_a_stream_are_sent_a_chunk_ahead(devices: int):
  """Those of the next chunk while one is computed, and each once."""
  rng = np.random.default_rng(0)
  host = rng.integers(0, 256, (50, 2, 2, 1), np.uint8)
  rows = rng.permutation(50)[:37]
  numbers = [rows[i : i + 4 * devices] for i in range(0, 37, 4 * devices)]
  read = [threading.Event() for _ in numbers]

  class Reader:
    shape, identity = host.shape, 'these'

    def read(self, given: np.ndarray) -> np.ndarray:
      for own, event in zip(numbers, read, strict=True):
        if given[-1] in own:
          event.set()
      return host[given]

  @jax.jit
  def total(x: Any) -> Any:
    return by_rows(lambda x: x.astype(int).sum((1, 2, 3)), x)

  done = 0

  def fn(x: Any) -> np.ndarray:
    nonlocal done
    assert isinstance(x, jax.Array)
    done += 1
    assert done == len(read) or read[done].wait(10)
    return np.asarray(total(x))

  images = Picked(Streamed(Reader()), rows)  # pyright: ignore
  with meshes.use(meshes.make_mesh(devices)):
    found = in_shares(fn, images, 4)
  np.testing.assert_array_equal(found, host[rows].sum((1, 2, 3), dtype=int))
  assert done == len(numbers)
