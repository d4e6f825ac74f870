"""A checkpoint comes back bit for bit, or not at all."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from typing import Any

from absl import logging
import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import optax
import pytest
from runtime.checkpoint_cases import (
  assert_same,
  folder,
  restore,
  state,
)

from rdd_jax.runtime import checkpoint
from rdd_jax.runtime.distributed import make_mesh, use
from rdd_jax.synthetic.view import Synthetic


def test_round_trip_is_exact(tmp_path):
  for step in (1, 2, 3):
    checkpoint.save(tmp_path, step, state(step))
  step, got = restore(tmp_path, state())
  assert step == 3
  assert_same(got, state(3))
  assert sorted(p.name for p in folder(tmp_path, 3).parent.iterdir()) == [
    '2',
    '3',
  ]


def test_abstract_tree_is_enough(tmp_path):
  tree = {'x': jnp.arange(4.0), 'key': jax.random.key(1), 'none': None}
  checkpoint.save(tmp_path, 5, tree)
  step, got = restore(tmp_path, jax.eval_shape(lambda: tree))
  assert step == 5
  assert_same(got, tree)


def test_the_tree_that_fits_comes_back(tmp_path):
  saved, other = {'x': jnp.arange(4.0)}, {'x': jnp.arange(3)}
  checkpoint.save(tmp_path, 5, saved)
  for trees in ((other, saved), (saved, other)):
    found = checkpoint.restore_latest(tmp_path, *trees)
    assert found is not None
    assert_same(found[1], saved)


def test_images_go_on_from_an_optimizer_that_had_labels_beside_them(tmp_path):
  now = optax.adam(0.1)
  labels: Any = Synthetic('images', 'logits')  # pyright: ignore
  before = optax.multi_transform({'images': now, 'logits': now}, labels)
  params = Synthetic(jnp.ones((2, 3)), None)
  states = before.init(params), now.init(params)
  for _ in range(2):
    states = [
      rule.update(params, opt)[1]
      for rule, opt in zip((before, now), states, strict=True)
    ]
  checkpoint.save(tmp_path, 2, {'opt': (states[0],)})
  assert_same(restore(tmp_path, {'opt': (states[0],)})[1]['opt'][0], states[0])
  abstract = {'opt': (jax.eval_shape(now.init, params),)}
  assert_same(restore(tmp_path, abstract)[1]['opt'][0], states[1])


def test_saving_a_step_again_replaces_it(tmp_path):
  checkpoint.save(tmp_path, 1, state(0))
  checkpoint.save(tmp_path, 1, state(1))
  assert_same(restore(tmp_path, state())[1], state(1))


def test_nothing_saved_is_none(tmp_path):
  assert checkpoint.restore_latest(tmp_path, state()) is None


def test_orbax_is_quiet(tmp_path, capfd):
  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.INFO)
  try:
    checkpoint.save(tmp_path, 1, state())
    restore(tmp_path, state())
  finally:
    logging.set_verbosity(verbosity)
  assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(('before', 'after'), [(4, 1), (1, 4), (4, 2)])
def test_restores_onto_other_shardings(tmp_path, before, after):
  tree = {'x': jnp.arange(24.0).reshape(8, 3), 'key': jax.random.key(3)}

  def place(n: int) -> Any:
    mesh = make_mesh(n)
    spec = {'x': PartitionSpec('data'), 'key': PartitionSpec()}
    return jax.device_put(
      tree, {name: NamedSharding(mesh, s) for name, s in spec.items()}
    )

  with use(make_mesh(before)):
    checkpoint.save(tmp_path, 1, place(before))
  like = place(after)
  _, got = restore(tmp_path, like)
  assert_same(got, tree)
  for name, leaf in like.items():
    assert got[name].sharding.is_equivalent_to(leaf.sharding, leaf.ndim)


def test_without_a_sharding_it_is_replicated_over_the_mesh(tmp_path):
  tree = {'x': jnp.arange(4.0), 'key': jax.random.key(1)}
  checkpoint.save(tmp_path, 1, tree)
  with use(make_mesh(4)):
    _, got = restore(tmp_path, jax.eval_shape(lambda: tree))
  assert len(got['x'].devices()) == len(got['key'].devices()) == 4
  assert_same(got, tree)


PAIR = """
import sys, jax, jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
from rdd_jax.runtime import checkpoint, distributed as mesh
import numpy as np
mesh.initialise()
assert jax.process_count() == 2 and jax.device_count() == 4
every = mesh.make_mesh()
with mesh.use(every):
  host = {'key': jax.random.key(1), 'nan': jnp.array([jnp.nan, -0.0])}
  tree = mesh.replicate(host, every)
  rows = NamedSharding(every, PartitionSpec('data'))
  tree['x'] = jax.device_put(np.arange(8.0, dtype=np.float32), rows)
  tree['none'] = jax.device_put(np.zeros((0, 2), np.float32), rows)
  for step in (1, 2, 3):
    checkpoint.save(sys.argv[1], step, tree)
  step, got = checkpoint.restore_latest(sys.argv[1], tree)
  assert step == 3 and got['x'].sharding == rows
  assert jax.jit(lambda x: x.sum())(got['x']) == 28
  assert (jax.random.normal(got['key']) == jax.random.normal(tree['key']))
  assert mesh.is_main_process() == (jax.process_index() == 0)
  try:
    seed = jax.random.key(jax.process_index())
    mesh.replicate({'same': 1, 'seed': seed}, every)
  except RuntimeError as error:
    print(error)
  try:
    mesh.make_mesh(2)
  except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_two_processes_save_and_one_restores(tmp_path):
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  processes = [
    subprocess.Popen(
      [sys.executable, '-c', PAIR, str(tmp_path)],
      env=os.environ
      | {
        'RDD_JAX_COORDINATOR': f'127.0.0.1:{port}',
        'RDD_JAX_NUM_PROCESSES': '2',
        'RDD_JAX_PROCESS_ID': str(i),
        'XLA_FLAGS': '--xla_force_host_platform_device_count=2',
      },
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for i in range(2)
  ]
  outputs = [process.communicate(timeout=120)[0] for process in processes]
  assert [process.returncode for process in processes] == [0, 0], outputs
  for output in outputs:
    assert "['seed'] differ between processes" in output
    assert re.search('devices=2 asked, but 2 processes share 4', output)
  tree = {
    'key': jax.random.key(1),
    'nan': jnp.array([jnp.nan, -0.0]),
    'x': jnp.arange(8.0),
    'none': jnp.zeros((0, 2)),
  }
  step, got = restore(tmp_path, tree)
  assert step == 3
  assert_same(got, tree)
