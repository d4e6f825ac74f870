"""Whatever we write is read again by `rdd_jax.load`."""

from __future__ import annotations

from pathlib import Path
import shutil

from artifact.set_cases import distilled
import chex
import numpy as np
from PIL import Image
import pytest

import rdd_jax
from rdd_jax.artifact import export, store
from rdd_jax.core.errors import UserError

LEFT_OUT = ('arrays', 'sha256', 'arrays_sha256')


def plain(card: dict, **changed) -> dict:
  return {k: v for k, v in card.items() if k not in LEFT_OUT} | changed


@pytest.fixture(params=[1, 2])
def saved(request, tmp_path) -> rdd_jax.Distilled:
  rdd_jax.save(tmp_path / 'run', distilled(request.param))
  return rdd_jax.load(tmp_path / 'run')


def arrays(found: rdd_jax.Distilled) -> dict[str, np.ndarray]:
  return store.to_arrays(found)


@pytest.mark.parametrize('name', ['', store.ARRAYS, store.CARD])
def test_a_run_by_any_of_its_paths(saved, tmp_path, name):
  found = rdd_jax.load(tmp_path / 'run' / name)
  chex.assert_trees_all_equal(arrays(found), arrays(saved))


@pytest.mark.parametrize('to', ['npz', 'safetensors'])
def test_one_file_comes_back_whole(saved, tmp_path, to):
  pytest.importorskip('numpy' if to == 'npz' else to)
  rdd_jax.export(saved, to, tmp_path / 'out')
  found = rdd_jax.load(tmp_path / 'out' / f'set.{to}')
  chex.assert_trees_all_equal(arrays(found), arrays(saved))
  assert plain(found.card) == plain(saved.card)


@pytest.mark.parametrize('at', ['', 'distilled_digits/1.0.0'])
def test_a_tfds_directory_comes_back_decoded_outliers_last(saved, tmp_path, at):
  pytest.importorskip('tensorflow_datasets')
  rdd_jax.export(saved, 'tfds', tmp_path / 'out')
  found = rdd_jax.load(tmp_path / 'out' / at)
  rows = export.decoded(saved)
  order = np.argsort(rows.cells >= 10, kind='stable')
  expected = arrays(rows)
  for name in ('images', 'targets', 'weights', 'cells'):
    expected[name] = expected[name][order]
  chex.assert_trees_all_equal(arrays(found), expected)
  assert plain(found.card) == plain(saved.card, factor=1)


def test_a_folder_comes_back_less_what_was_said_to_be_lost(saved, tmp_path):
  lines = rdd_jax.export(saved, 'folder', tmp_path / 'out')
  assert len(lines) > 1
  found = rdd_jax.load(tmp_path / 'out')
  rows = export.decoded(saved)
  order = np.argsort(rows.cells, kind='stable')
  order = order[rows.cells[order] < 10]
  np.testing.assert_array_equal(found.cells, rows.cells[order])
  pixels = np.rint(255 * rows.images.clip(0, 1)[order])
  np.testing.assert_array_equal(np.rint(255 * found.images), pixels)
  np.testing.assert_array_equal(found.targets, np.eye(10)[found.cells])
  np.testing.assert_array_equal(found.weights, 1)
  chex.assert_trees_all_equal(found.preprocessing, saved.preprocessing)
  assert plain(found.card) == plain(saved.card, factor=1, label_kind='hard')


def test_a_folder_of_color_and_of_classes_without_names(tmp_path):
  rng = np.random.default_rng(0)
  names = tuple(f'class/{c}' for c in range(11))
  before = rdd_jax.adopt(
    rng.integers(0, 256, (11, 4, 4, 3), np.uint8),
    np.arange(11),
    rdd_jax.from_arrays(
      *2 * [rng.integers(0, 256, (11, 4, 4, 3), np.uint8), np.arange(11)],
      class_names=names,
    ),
  )
  assert len(rdd_jax.export(before, 'folder', tmp_path / 'out')) == 2
  after = rdd_jax.load(tmp_path / 'out')
  chex.assert_trees_all_close(arrays(after), arrays(before), atol=1e-7)
  assert after.card['class_names'] == list(names)


def test_what_is_converted_is_converted_again(saved, tmp_path):
  rdd_jax.export(saved, 'folder', tmp_path / 'a')
  once = rdd_jax.load(tmp_path / 'a')
  rdd_jax.export(once, 'folder', tmp_path / 'b')
  again = rdd_jax.load(tmp_path / 'b')
  chex.assert_trees_all_equal(arrays(again), arrays(once))


def _smaller(out: Path) -> None:
  Image.new('L', (4, 4)).save(out / '3' / '00000.png')


def _no_image(out: Path) -> None:
  (out / '3' / '00000.png').write_bytes(b'no image')


def _emptied(out: Path) -> None:
  for c in range(10):
    shutil.rmtree(out / str(c))


def _card(out: Path) -> None:
  (out / 'card.npz').write_bytes(b'no card')


@pytest.mark.parametrize('damage', [_smaller, _no_image, _emptied, _card])
def test_a_damaged_folder_is_one_line(tmp_path, damage):
  out = tmp_path / 'out'
  rdd_jax.export(distilled(), 'folder', out)
  damage(out)
  with pytest.raises(UserError, match=r'(convert the set|copy it) again') as e:
    rdd_jax.load(out)
  assert '\n' not in str(e.value)


def test_what_is_not_ours_says_what_makes_it_ours(tmp_path):
  path = tmp_path / 'theirs.npz'
  np.savez(path, images=np.zeros((2, 4, 4, 3)), labels=np.arange(2))
  with pytest.raises(UserError, match=r'no card of ours; .*--dataset=NAME'):
    rdd_jax.load(path)
  with pytest.raises(UserError, match='give the directory of a'):
    rdd_jax.load(tmp_path / 'nowhere')
  with pytest.raises(UserError, match='give the directory of a'):
    rdd_jax.load(tmp_path)


def test_a_set_says_what_it_is():
  numbers = {'accuracy': {'mean': 0.5, 'std': 0.01, 'n': 3, 'values': []}}
  card = {'numbers': numbers, 'method': 'distribution, trust'}
  lines = repr(distilled(2, **card)).splitlines()
  assert lines == [
    '<Distilled digits: 10 classes, 1 to 2 images of each, 1 outlier, 8x8x1 of '
    '2x2 tiles',
    '  labels: soft',
    '  method: distribution, trust',
    '  network: mlp',
    '  accuracy: 50.0% ± 1.0 (3 networks)>',
  ]
