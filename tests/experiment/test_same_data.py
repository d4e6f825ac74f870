"""A run goes on with the rows that it began with, or says what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data import Dataset
from rdd_jax.experiment.same_data import FILE, require_same

IMAGES = np.arange(6 * 8 * 8, dtype=np.uint32).astype(np.uint8)
IMAGES = IMAGES.reshape(6, 8, 8, 1)
LABELS = np.array([0, 1, 0, 1, 0, 1])


@pytest.fixture
def begun(tmp_path: Path) -> Path:
  require_same(tmp_path, dataset())
  (tmp_path / 'checkpoints').mkdir()
  return tmp_path


def dataset() -> Dataset:
  return data.from_arrays(IMAGES, LABELS, IMAGES, LABELS)


def changed(array: np.ndarray) -> np.ndarray:
  found = array.copy()
  found[2] = 1 - found[2]
  return found


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (lambda d: replace(d, train_labels=changed(LABELS)), 'training labels'),
    (lambda d: replace(d, test_labels=changed(LABELS)), 'test labels'),
    (lambda d: replace(d, train_groups=LABELS), 'training groups'),
    (
      lambda d: replace(d, train_images=IMAGES[:4], train_labels=LABELS[:4]),
      r'training rows .* \(6 then, 4 now\)',
    ),
  ],
)
def test_other_rows_are_refused(
  begun: Path, change: Callable[[Dataset], Dataset], words: str
):
  before = (begun / FILE).read_bytes()
  with pytest.raises(UserError, match=words) as error:
    require_same(begun, change(dataset()))
  assert '\n' not in str(error.value)
  assert (begun / FILE).read_bytes() == before
  require_same(begun, dataset())


def test_other_pixels_are_said_once(
  begun: Path, capsys: pytest.CaptureFixture[str]
):
  require_same(begun, dataset())
  assert not capsys.readouterr().out
  other = replace(dataset(), test_images=changed(IMAGES))
  require_same(begun, other)
  assert 'test images of' in capsys.readouterr().out
  require_same(begun, other)
  assert not capsys.readouterr().out


def test_where_nothing_is_done_data_may_be_any(tmp_path: Path):
  require_same(tmp_path, dataset())
  other = replace(dataset(), train_labels=changed(LABELS))
  require_same(tmp_path, other)
  (tmp_path / 'evaluations').mkdir()
  require_same(tmp_path, other)
  with pytest.raises(UserError, match='training labels'):
    require_same(tmp_path, dataset())


def test_of_a_version_without_it_nothing_is_known(
  begun: Path, capsys: pytest.CaptureFixture[str]
):
  (begun / FILE).unlink()
  other = replace(dataset(), train_labels=changed(LABELS))
  require_same(begun, other)
  assert not capsys.readouterr().out
  with pytest.raises(UserError, match='training labels'):
    require_same(begun, dataset())


@pytest.mark.parametrize('text', ['', '{"training', '[1]', 'null', '\x00'])
def test_where_it_is_damaged_that_is_said(
  begun: Path, capsys: pytest.CaptureFixture[str], text: str
):
  (begun / FILE).write_text(text)
  (begun / f'.{FILE}.sha256').unlink()
  require_same(begun, replace(dataset(), train_labels=changed(LABELS)))
  assert 'is damaged' in capsys.readouterr().out
