"""Several runs write the same shared files at once, and all stay whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import json
from pathlib import Path

from experiment.experts_cases import EXPERT, IMAGES, KEY, MEASURE, run
import numpy as np

from rdd_jax.experiment import experts
from rdd_jax.experiment.experts.store import Store
from rdd_jax.experiment.kept import Kept
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.files import write_atomically

WRITERS = 4


def together(fn) -> list:
  """What `fn(0)`, `fn(1)`, ... return, called at once."""
  with ThreadPoolExecutor(WRITERS) as pool:
    return list(pool.map(fn, range(WRITERS)))


def test_a_file_is_always_that_of_one_writer(tmp_path: Path):
  path = tmp_path / 'shared'
  whole = [str(i).encode() * 100_000 for i in range(WRITERS)]
  path.write_bytes(whole[0])

  def write_and_read(i: int) -> bool:
    seen = []
    for _ in range(50):
      write_atomically(path, whole[i])
      seen.append(path.read_bytes())
    return all(data in whole for data in seen)

  assert all(together(write_and_read))
  assert [p.name for p in tmp_path.iterdir()] == ['shared']


def test_values_that_several_runs_compute_are_read_by_the_next(tmp_path: Path):
  def values(i: int) -> dict:
    del i
    return Kept(tmp_path).values(
      'herding', {'ipc': 1}, np.arange(3), lambda: {'row': [0.1] * 10_000}
    )

  found = together(values)
  assert all(one == found[0] for one in found)
  later = Kept(tmp_path)
  never = later.values('herding', {'ipc': 1}, np.arange(3), lambda: 1 / 0)
  assert never == found[0]
  assert list(later.read) == ['herding']
  (kept,) = tmp_path.iterdir()
  assert json.loads(kept.read_text())['values'] == found[0]


def test_experts_that_several_runs_train_are_whole_and_the_same(tmp_path: Path):
  alone = run(tmp_path / 'alone')
  assert alone is not None
  whole = [np.array(one) for one in alone]
  mesh = meshes.make_mesh(1)

  def train(i: int) -> list[np.ndarray]:
    buffer = experts.Buffer(
      directory=tmp_path / 'shared',
      scratch=tmp_path / f'run{i}',
      number=3,
      snapshots=(0, 1, 2, 4),
      parallel=2,
      made_of={},
    )
    with meshes.use(mesh):
      held = meshes.replicate((IMAGES, MEASURE), mesh)
      found = experts.trajectories(buffer, EXPERT, KEY, *held, mesh)
    assert found is not None
    return [np.array(one) for one in found]

  for found in together(train):
    np.testing.assert_array_equal(found, whole)
  (directory,) = (tmp_path / 'shared').iterdir()
  assert Store(directory, 4).missing(3) == []
  assert not list(directory.glob('.expert*'))
