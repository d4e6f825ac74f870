"""A checkpoint that is damaged, or that cannot be written, is never trusted."""

from __future__ import annotations

import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
from orbax.checkpoint import v1 as ocp
import pytest
from runtime.checkpoint_cases import (
  assert_same,
  folder,
  restore,
  state,
)

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import checkpoint


def data_file(path: Path) -> Path:
  files = [p for p in (path / 'state').rglob('*') if p.is_file()]
  return max(files, key=lambda p: p.stat().st_size)


def truncate(path: Path) -> None:
  os.truncate(data_file(path), 10)


def delete(path: Path) -> None:
  data_file(path).unlink()


def flip(path: Path) -> None:
  data = bytearray(data_file(path).read_bytes())
  data[len(data) // 2] ^= 1
  data_file(path).write_bytes(bytes(data))


def unfinished(path: Path) -> None:
  (path / 'manifest.json').unlink()


def torn_manifest(path: Path) -> None:
  os.truncate(path / 'manifest.json', 10)


def renamed_leaf(path: Path) -> None:
  """JSON as before, of other leaves: no reason to call it another run's."""
  text = (path / 'manifest.json').read_text()
  assert text.count('params') > 1
  (path / 'manifest.json').write_text(text.replace('params', 'paramt', 1))


def temporary_only(path: Path) -> None:
  unfinished(path)
  (path / 'state').rename(path / 'state.orbax-checkpoint-tmp')


TEARS = [
  truncate,
  delete,
  flip,
  unfinished,
  torn_manifest,
  renamed_leaf,
  temporary_only,
]


@pytest.mark.parametrize('tear', TEARS)
def test_torn_newest_falls_back(tmp_path, tear, caplog):
  for step in (1, 2):
    checkpoint.save(tmp_path, step, state(step))
  tear(folder(tmp_path, 2))
  step, got = restore(tmp_path, state())
  assert step == 1
  assert_same(got, state(1))
  assert str(folder(tmp_path, 2)) in caplog.text
  assert not folder(tmp_path, 2).exists()
  checkpoint.save(tmp_path, 2, state(2))
  assert_same(restore(tmp_path, state())[1], state(2))


def test_all_damaged_is_an_error_and_removes_nothing(tmp_path):
  for step in (1, 2):
    checkpoint.save(tmp_path, step, state(step))
    flip(folder(tmp_path, step))
  with pytest.raises(UserError, match=r'no checkpoint .* is whole'):
    checkpoint.restore_latest(tmp_path, state())
  assert folder(tmp_path, 1).exists()
  assert folder(tmp_path, 2).exists()


def test_a_first_save_that_was_killed_counts_as_none(tmp_path):
  checkpoint.save(tmp_path, 1, state())
  temporary_only(folder(tmp_path, 1))
  assert checkpoint.restore_latest(tmp_path, state()) is None
  checkpoint.save(tmp_path, 1, state(1))
  assert_same(restore(tmp_path, state())[1], state(1))


@pytest.mark.parametrize(
  ('like', 'message'),
  [
    ({'x': jnp.ones(4)}, r"\['x'\] is float32\[3\] there, float32\[4\] here"),
    ({'x': jnp.ones(3, jnp.bfloat16)}, r'there, bfloat16\[3\] here'),
    ({'y': jnp.ones(3)}, r"\['x'\] is float32\[3\] there, absent here"),
  ],
)
def test_another_state_is_an_error_and_removes_nothing(tmp_path, like, message):
  checkpoint.save(tmp_path, 1, {'x': jnp.ones(3)})
  with pytest.raises(UserError, match=message):
    checkpoint.restore_latest(tmp_path, like)
  assert folder(tmp_path, 1).exists()


def test_unwritable_directory_is_one_line(tmp_path):
  (tmp_path / 'checkpoints').write_text('a file, so nothing goes below')
  with pytest.raises(UserError, match='cannot be written') as caught:
    checkpoint.save(tmp_path, 1, state())
  assert '\n' not in str(caught.value)


def test_full_disk_keeps_the_earlier_checkpoints(tmp_path, monkeypatch):
  for step in (1, 2):
    checkpoint.save(tmp_path, step, state(step))

  def full(path: str, *_, **__) -> None:
    Path(path).mkdir()
    raise ValueError("No space left on device [os_error_code='28']\ndetails")

  monkeypatch.setattr(ocp, 'save', full)
  with pytest.raises(UserError, match='No space left') as caught:
    checkpoint.save(tmp_path, 3, state(3))
  assert '\n' not in str(caught.value)
  assert not folder(tmp_path, 3).exists()
  assert restore(tmp_path, state())[0] == 2
  assert folder(tmp_path, 1).exists()


SAVER = """
import sys, jax, jax.numpy as jnp
from rdd_jax import checkpoint
found = checkpoint.restore_latest(sys.argv[1], {'x': jnp.zeros(100_000)})
begin = 0 if found is None else found[0]
for step in range(begin + 1, begin + 1000):
  checkpoint.save(sys.argv[1], step, {'x': jnp.full(100_000, float(step))})
  print(step, flush=True)
"""


@pytest.mark.slow
def test_kill_in_the_middle_of_saves(tmp_path):
  rng = random.Random(0)
  last = 0
  for _ in range(3):
    command = [sys.executable, '-c', SAVER, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    saved = [int(process.stdout.readline()) for _ in range(3)]
    assert saved[0] in (last + 1, last + 2)  # a save may finish unreported
    time.sleep(rng.uniform(0.0, 0.1))
    process.send_signal(signal.SIGKILL)
    reported = [int(line) for line in process.stdout]
    process.wait()
    process.stdout.close()
    last, got = restore(tmp_path, {'x': jnp.zeros(100_000)})
    assert last in ((reported or saved)[-1], (reported or saved)[-1] + 1)
    assert (np.asarray(got['x']) == last).all()
