"""Out-of-distribution images need no labels: any below a path, any array."""

from __future__ import annotations

from data.ood.sets_cases import alone, images
from data.readers.tfds_cases import _png, _write
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

SHAPE = (9, 9, 3)


def _gray(n=10, shape=(5, 7)):
  """Images that are told apart by their gray."""
  pixels = np.arange(n, dtype=np.uint8).reshape(-1, 1, 1)
  return np.broadcast_to(pixels, (n, *shape))


def _fill(root, n=10):
  root.mkdir(parents=True)
  for i, pixels in enumerate(_gray(n)):
    Image.fromarray(pixels.copy()).save(root / f'{i}.png')
  return root


def _levels(found):
  return set(found[:, 0, 0, 0].tolist())


def _parts(name):
  """What is tested on, what is trained on, and all of it."""
  test = alone(name, rows=50).images
  train = data.load_outliers(name, SHAPE, rows=50, seed=0)
  whole = alone(f'{name}@all', rows=50).images
  assert test.shape[1:] == train.shape[1:] == SHAPE
  return _levels(test), _levels(train), _levels(whole)


@pytest.mark.parametrize('inner', ['', 'a', 'a/b c'])
def test_a_folder_without_classes(tmp_path, inner, capsys):
  _fill(tmp_path / 'set' / inner)
  (tmp_path / 'set' / 'notes.txt').write_text('a')
  test, train, whole = _parts(f'folder:{tmp_path}/set')
  assert whole == set(range(10))
  assert test | train == whole
  assert not test & train
  assert len(test) == 2
  out = capsys.readouterr().out
  assert 'a fifth, 2 of 10 images, is held out' in out
  assert '1 that are no images (notes.txt)' in out


def test_a_folder_of_splits_with_any_classes(tmp_path):
  _fill(tmp_path / 'set' / 'train' / 'x', 3)
  _fill(tmp_path / 'set' / 'test' / 'y', 7)
  test, train, _ = _parts(f'folder:{tmp_path}/set')
  assert (len(test), len(train)) == (7, 3)


@pytest.mark.parametrize(
  'name', ['npy:a.npy', 'folder:a.npy', 'npz:a.npy', 'npz:one.npz', 'npz:x.npz']
)
def test_any_array(tmp_path, name):
  np.save(tmp_path / 'a.npy', _gray()[..., None])
  np.savez(tmp_path / 'one.npz', _gray())
  np.savez(tmp_path / 'x.npz', X=_gray(), ids=np.arange(10))
  scheme, _, file = name.partition(':')
  test, train, whole = _parts(f'{scheme}:{tmp_path}/{file}')
  assert test | train == whole == set(range(10))
  assert not test & train


def test_arrays_of_splits(tmp_path):
  np.savez(tmp_path / 'a.npz', x_train=_gray(4), val_images=_gray(7))
  test, train, _ = _parts(f'npz:{tmp_path}/a.npz')
  assert (len(test), len(train)) == (7, 4)


def test_what_holds_no_images(tmp_path):
  np.savez(tmp_path / 'two.npz', a=_gray(), b=_gray())
  np.save(tmp_path / 'float.npy', _gray() / 255)
  np.save(tmp_path / 'one.npy', _gray(1))
  (tmp_path / 'text.npy').write_text('words')
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'empty' / 'a.txt').write_text('a')
  for name, match in (
    ('npz:two.npz', 'has no images of test .it has a, b.; call'),
    ('npy:float.npy', 'images are float64; give uint8'),
    ('npy:one.npy', 'has no two images'),
    ('npy:text.npy', 'is no npy of a plain array'),
    ('folder:empty', 'has no images; put .png|has no images; put .bmp'),
  ):
    scheme, _, file = name.partition(':')
    with pytest.raises(UserError, match=match) as caught:
      alone(f'{scheme}:{tmp_path}/{file}', images())
    assert '\n' not in str(caught.value)


def test_rows_without_a_label_are_of_no_class(tmp_path):
  """STL-10's unlabeled split: -1 is not the last class, which the data has."""
  encoded = [_png(np.full((5, 7, 3), level, np.uint8)) for level in range(4)]
  splits = {
    'unlabelled': [(image, -1) for image in encoded],
    'train': list(zip(encoded, (0, 1, -1, 0), strict=True)),
  }
  _write(tmp_path, 'stl10', splits, (5, 7, 3), names=('bird', 'truck'))
  options = {'rows': 9, 'seed': 0, 'data_dir': str(tmp_path)}

  def found(split, **more):
    source = f'tfds:stl10@{split}'
    return _levels(data.load_outliers(source, SHAPE, **options, **more))

  ours = ('cat', 'truck')
  assert found('unlabelled', class_names=ours) == {0, 1, 2, 3}
  left = found('train', class_names=ours, overlap='leave_out')
  assert left == {0, 2, 3}
  with pytest.raises(UserError, match=r'outside \[0, 2\) in 4 rows'):
    data.load_split('tfds:stl10', 'unlabelled', data_dir=str(tmp_path))
