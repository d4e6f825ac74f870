"""Experts are made once, resume exactly, and no damage goes unnoticed."""

from __future__ import annotations

from dataclasses import replace
import errno
import json
import multiprocessing
from pathlib import Path
import signal
import zlib

from experiment.experts_cases import (
  CLASSES,
  EXPERT,
  IMAGES,
  KEY,
  MEASURE,
  N,
  after,
  killed,
  make,
  run,
)
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import named
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import (
  BoundTransform,
  EmptyState,
  stateless,
)
from rdd_jax.experiment.experts import rounds, store
from rdd_jax.experiment.experts.store import fault_of, write_row


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
  found = run(tmp_path_factory.mktemp('whole'))
  assert found is not None
  return [np.array(one) for one in found]


def assert_same(found: list[np.ndarray] | None, whole: list[np.ndarray]):
  assert found is not None
  for ours, theirs in zip(found, whole, strict=True):
    np.testing.assert_array_equal(ours, theirs)


def test_snapshots_are_a_run_of_epochs_by_hand(whole):
  root = jax.random.fold_in(KEY, 1)
  state = EXPERT.init(named(root, 'init'))
  epoch = jax.jit(EXPERT.epoch)
  for number in range(5):
    row = {0: 0, 1: 1, 2: 2, 4: 3}.get(number)
    if row is not None:
      flat = networks.flatten(state.learner.variables['params'])
      np.testing.assert_allclose(whole[1][row], flat, rtol=1e-5, atol=1e-6)
    key = jax.random.fold_in(named(root, 'epoch'), number)
    state = epoch(state, key, IMAGES, MEASURE)
  assert not np.array_equal(whole[0][0], whole[1][0])


def test_experts_of_somebody_else_are_read(tmp_path: Path, whole, monkeypatch):
  """Where nothing can be written; and if some are missing, a line says so."""
  run(tmp_path)

  def refuse(*_: object) -> None:
    raise PermissionError(errno.EACCES, 'Permission denied')

  monkeypatch.setattr(store, 'write_atomically', refuse)
  assert_same(run(tmp_path), whole)
  next(tmp_path.rglob('expert-00001.json')).unlink()
  with pytest.raises(UserError, match=r'--config\.experts\.directory=DIR'):
    run(tmp_path)


@pytest.mark.parametrize('calls', [1, 3, 6])
def test_resumed_equals_uninterrupted(tmp_path: Path, whole, calls: int):
  """With momentum, which snapshots do not hold."""
  assert run(tmp_path, stop=after(calls - 1)) is None
  assert_same(run(tmp_path), whole)
  assert not list((tmp_path / 'scratch').iterdir())


@pytest.mark.parametrize('calls', [2, 7])
def test_a_stop_within_an_epoch_loses_no_step(
  tmp_path: Path, whole, calls: int, monkeypatch: pytest.MonkeyPatch
):
  """Of six steps, which take a call each; the first is not looked after."""
  monkeypatch.setattr(rounds, 'LOOK_EVERY', 0.0)
  monkeypatch.setattr(rounds, 'within', lambda seconds, steps: 1)
  steps = EXPERT.count(N)
  assert run(tmp_path, stop=after(calls - 1)) is None
  (saved,) = (tmp_path / 'scratch').rglob('checkpoints/*')
  assert int(saved.name) == calls + 1
  assert int(saved.name) % steps
  assert_same(run(tmp_path), whole)
  assert not list((tmp_path / 'scratch').iterdir())


@pytest.mark.parametrize('calls', [2, 5])
def test_killed_equals_uninterrupted(tmp_path: Path, whole, calls: int):
  """Among the first two experts, and in the third."""
  process = multiprocessing.get_context('spawn').Process(
    target=killed, args=(tmp_path, calls)
  )
  process.start()
  process.join(200)
  assert process.exitcode == -signal.SIGKILL
  saved = list((tmp_path / 'scratch').rglob('checkpoints/*/manifest.json'))
  assert saved
  kept = [p for p in (tmp_path / 'experts').rglob('expert-*.f32')]
  assert len(kept) == (0 if calls < 4 else 2)
  times = [p.stat().st_mtime_ns for p in kept]
  assert_same(run(tmp_path), whole)
  assert [p.stat().st_mtime_ns for p in kept] == times


def test_a_torn_draft_is_trained_again(tmp_path: Path, whole, caplog):
  assert run(tmp_path, stop=after(2)) is None
  (draft, *_) = (tmp_path / 'experts').rglob('.expert-*')
  draft.write_bytes(draft.read_bytes()[:-4])
  assert_same(run(tmp_path), whole)
  assert 'torn' in caplog.text


def test_another_run_at_the_same_path_elsewhere_is_not_written_over(
  tmp_path: Path, whole
):
  """Two containers, one buffer: the other run begins and ends meanwhile."""
  mine, theirs = tmp_path / 'scratch', tmp_path / 'elsewhere'
  other = iter([True])

  def stop() -> bool:
    if next(other, False):
      mine.rename(theirs)
      assert_same(run(tmp_path, number=1, parallel=1), whole[:1])
      mine.rmdir()
      theirs.rename(mine)
    return False

  assert_same(run(tmp_path, number=1, parallel=1, stop=stop), whole[:1])
  assert_same(run(tmp_path, number=1, parallel=1), whole[:1])  # it is sound


def test_drafts_of_earlier_versions_are_gone_on_with(
  tmp_path: Path, whole, caplog
):
  """Which were named after the path of their checkpoints."""
  assert run(tmp_path, number=1, parallel=1, stop=after(2)) is None
  (mark,) = (tmp_path / 'scratch').rglob('mark')
  name = f'{zlib.crc32(str(mark.parent).encode()):08x}'
  (draft,) = (tmp_path / 'experts').rglob('.expert-*')
  draft.rename(draft.with_name(f'.expert-00000.{name}'))
  mark.unlink()
  assert_same(run(tmp_path, number=1, parallel=1), whole[:1])
  assert 'trained again' not in caplog.text


@pytest.mark.parametrize('harm', ['flipped', 'torn', 'gone', 'manifest'])
def test_a_damaged_snapshot_is_named_and_retrained(
  tmp_path: Path, whole, caplog, harm: str
):
  run(tmp_path)
  (file,) = (tmp_path / 'experts').rglob('expert-00001.f32')
  kept = file.with_name('expert-00000.f32')
  before = kept.stat().st_mtime_ns
  data = bytearray(file.read_bytes())
  if harm == 'flipped':
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
  elif harm == 'torn':
    file.write_bytes(data[:-8])
  elif harm == 'gone':
    file.unlink()
  else:
    file.with_suffix('.json').write_text('{')
  assert_same(run(tmp_path), whole)
  assert 'expert-00001' in caplog.text
  if harm == 'flipped':
    assert 'snapshot 2 of' in caplog.text
  assert kept.stat().st_mtime_ns == before


def test_a_size_that_a_manifest_claims_takes_no_memory(tmp_path: Path):
  row = np.zeros(4, np.float32)
  crc = write_row(tmp_path / 'a.f32', 0, row)
  assert fault_of(tmp_path / 'a.f32', [crc], 4) is None
  assert 'is torn' in str(fault_of(tmp_path / 'a.f32', [crc], 2**60))


def test_finished_experts_are_reused_and_more_are_added(tmp_path, whole):
  run(tmp_path, number=1)
  (file,) = (tmp_path / 'experts').rglob('expert-00000.f32')
  before = file.stat().st_mtime_ns
  assert_same(run(tmp_path), whole)
  assert file.stat().st_mtime_ns == before


def test_what_makes_experts_keeps_buffers_apart(tmp_path: Path):
  run(tmp_path, number=1)
  relabelled = empirical(np.arange(N) // 16, CLASSES)
  run(tmp_path, number=1, measure=relabelled)
  run(tmp_path, number=1, learning_rate=0.2)
  run(tmp_path, number=1)
  found = list((tmp_path / 'experts').iterdir())
  assert len(found) == 3
  says = [json.loads((p / 'made_of.json').read_text()) for p in found]
  assert sorted(s.get('learning_rate', 0) for s in says) == [0, 0, 0.2]


def test_experts_shared_out_to_devices_are_the_same(tmp_path: Path, whole):
  found = run(tmp_path, parallel=4, devices=4)
  assert found is not None
  for ours, theirs in zip(found, whole, strict=True):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_experts_that_all_devices_train_together_are_the_same(
  tmp_path: Path, whole
):
  """One after the other; two rows of each step on each device."""
  found = run(tmp_path, parallel=1, devices=4)
  assert found is not None
  for ours, theirs in zip(found, whole, strict=True):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_experts_that_devices_cannot_share(tmp_path: Path):
  with pytest.raises(UserError, match='give a multiple of 4'):
    run(tmp_path, parallel=2, devices=4)


def test_the_chain_acts_where_experts_train():
  """Masking a class, the head's bias for it only falls."""
  hide = stateless(
    lambda batch, **_: replace(
      batch, weights=jnp.where(batch.cells == 1, 0.0, batch.weights)
    )
  )
  edited = make(BoundTransform(EmptyState(), hide))
  state = edited.init(KEY)
  new = jax.jit(edited.epoch)(state, KEY, IMAGES, MEASURE)
  bias = [
    s.learner.variables['params']['Dense_1']['bias'] for s in (state, new)
  ]
  assert bias[1][1] < bias[0][1]
