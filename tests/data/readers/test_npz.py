"""Names, shapes and labels of arrays that people keep in npz files."""

from __future__ import annotations

import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
TEST = RNG.integers(0, 256, (3, 5, 4, 3), np.uint8)
LABELS, TEST_LABELS = np.arange(6) % 3, np.arange(3)


@pytest.fixture
def load(tmp_path, capsys):
  """Saves arrays and loads them; returns the set and what was printed."""

  def call(**arrays):
    np.savez(tmp_path / 'set.npz', **arrays)
    name = f'npz:{tmp_path}/set.npz'
    found = data.load(name)
    lines = capsys.readouterr().out.splitlines()
    return found, [line.removeprefix(f'{name}: ') for line in lines]

  return call


def _ours(train_labels=LABELS, test_labels=TEST_LABELS, **more):
  return {
    'train_images': TRAIN,
    'train_labels': train_labels,
    'test_images': TEST,
    'test_labels': test_labels,
    **more,
  }


@pytest.mark.parametrize('x', 'xX')
def test_keras_names(load, x):
  found, notes = load(
    **{f'{x}_train': TRAIN, 'y_train': LABELS[:, None]},
    **{f'{x}_test': TEST, 'y_test': TEST_LABELS[:, None]},
  )
  np.testing.assert_array_equal(found.train_images, TRAIN)
  np.testing.assert_array_equal(found.test_labels, TEST_LABELS)
  assert notes == []


def test_medmnist(load):
  column = TEST_LABELS[:, None].astype(np.uint8)
  arrays = {
    'train_images': TRAIN[..., 0],
    'train_labels': LABELS[:, None].astype(np.uint8),
    'val_images': TEST[..., 0],
    'val_labels': column,
  }
  found, notes = load(
    **arrays, test_images=TEST[..., 1], test_labels=column[::-1]
  )
  np.testing.assert_array_equal(found.train_images[..., 0], TRAIN[..., 0])
  np.testing.assert_array_equal(found.test_images[..., 0], TEST[..., 1])
  np.testing.assert_array_equal(found.train_labels, LABELS)
  assert found.test_labels.tolist() == [2, 1, 0]
  assert notes == ['the val arrays are not read beside those of test']
  found, notes = load(**arrays)
  np.testing.assert_array_equal(found.test_images[..., 0], TEST[..., 0])
  assert notes == ['val_images stand in for test_images']


@pytest.mark.parametrize(
  ('labels', 'test_labels', 'names', 'note'),
  [
    (
      np.array(['b', 'a', 'c'])[LABELS],
      np.array([b'b', b'a', b'c']),
      ('a', 'b', 'c'),
      "are words, numbered 'a' is 0, 'b' is 1, 'c' is 2",
    ),
    (
      np.array(['2', '1', '10'])[LABELS],
      np.array(['2', '1', '10']),
      ('1', '2', '10'),
      "are words, numbered '1' is 0, '2' is 1, '10' is 2",
    ),
  ],
)
def test_words(load, labels, test_labels, names, note):
  found, notes = load(**_ours(labels, test_labels))
  assert found.class_names == names
  assert found.test_labels.tolist() == [1, 0, 2]
  assert found.train_labels.tolist() == [1, 0, 2, 1, 0, 2]
  assert notes == [f'train_labels {note}', f'test_labels {note}']


def test_words_of_given_classes(load):
  names = np.array(['c', 'b', 'a'])
  found, _ = load(**_ours(names[LABELS], names, class_names=names))
  assert found.class_names == ('c', 'b', 'a')
  np.testing.assert_array_equal(found.train_labels, LABELS)


@pytest.mark.parametrize('dtype', [np.uint8, np.float32, bool])
def test_one_hot(load, dtype):
  eye = np.eye(3, dtype=dtype)
  found, notes = load(**_ours(eye[LABELS], eye))
  np.testing.assert_array_equal(found.train_labels, LABELS)
  assert notes[0] == 'train_labels are one-hot, of 3 columns'


def test_whole_floats(load):
  found, notes = load(**_ours(LABELS.astype(float), TEST_LABELS))
  np.testing.assert_array_equal(found.train_labels, LABELS)
  assert notes == ['train_labels are float64, read as integers']


def test_labels_from_one(load):
  found, notes = load(**_ours(LABELS + 1, np.array([3, 2, 3])))
  np.testing.assert_array_equal(found.train_labels, LABELS)
  assert found.test_labels.tolist() == [2, 1, 2]
  assert found.class_names == ('1', '2', '3')
  assert notes[0] == (
    'train_labels count from 1, numbered 1 is 0, 2 is 1, 3 is 2'
  )
  found, _ = load(**_ours(LABELS + 1, [1, 1, 1], class_names=['a', 'b', 'c']))
  assert found.class_names == ('a', 'b', 'c')
  # A name for class 0, or a test row of it, says that 0 is a class.
  for more in ({'class_names': list('abcd')}, {'test_labels': TEST_LABELS}):
    with pytest.raises(UserError, match='no training row'):
      load(**(_ours(LABELS + 1, LABELS[:3] + 1) | more))


def test_labels_with_gaps(load):
  found, notes = load(**_ours(LABELS * 5 + 2, np.array([7, 2, 12])))
  np.testing.assert_array_equal(found.train_labels, LABELS)
  assert found.test_labels.tolist() == [1, 0, 2]
  assert found.class_names == ('2', '7', '12')
  assert notes[0] == (
    "train_labels leave numbers out, numbered '2' is 0, '7' is 1, '12' is 2"
  )
  with pytest.raises(UserError, match='no training row'):
    load(**_ours(LABELS * 5 + 2, np.array([7, 2, 3])))


def test_channels_first(load):
  found, notes = load(**_ours() | {'train_images': TRAIN.transpose(0, 3, 1, 2)})
  np.testing.assert_array_equal(found.train_images, TRAIN)
  np.testing.assert_array_equal(found.test_images, TEST)
  assert notes == ['train_images [6, 3, 5, 4] are read as [N, C, H, W]']


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    (
      {'train_labels': np.ones((6, 14), int)},
      r'train_labels are int64\[6, 14\] and not one-hot: several labels a row',
    ),
    ({'train_labels': LABELS + 0.5}, 'train labels are float64; give integers'),
    ({'train_labels': np.full(6, np.inf)}, 'train labels are float64'),
    ({'train_labels': LABELS - 1}, 'outside'),
    ({'train_labels': LABELS + 2**40}, 'largest label is 1099511627778'),
    ({'test_labels': np.array(['a', 'b', 'c'])}, 'test labels are <U1'),
    (
      {
        'train_labels': np.array(['a'] * 6),
        'test_labels': np.array(['a', 'x', 'y']),
      },
      r'2 words that are no class \(x, y\); the classes are a:',
    ),
    (
      {'train_images': np.zeros((6, 3, 9, 3), np.uint8)},
      r'\[6, 3, 9, 3\], which may be \[N, H, W, C\] or \[N, C, H, W\]',
    ),
    (
      {'train_images': np.zeros((6, 12), np.uint8)},
      r'shape \[6, 12\]: flat rows of what is no square',
    ),
    ({'train_labels': np.zeros((0,), int)}, 'for 6 images'),
    ({'train_images': TRAIN / 255}, 'give uint8'),
  ],
)
def test_what_has_no_one_reading(load, changes, match):
  with pytest.raises(UserError, match=match) as caught:
    load(**(_ours() | changes))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('options', [{}, {'size': 3, 'channels': 3}])
def test_a_fifth_is_held_out_where_there_is_no_test(tmp_path, capsys, options):
  rows = np.repeat(TRAIN, 5, axis=0)
  groups = np.arange(30) % 2
  given = {'X': rows.reshape(30, -1)[:, :36], 'y': np.arange(30) % 3 + 1}
  np.savez(tmp_path / 'a.npz', **given, groups=groups)
  name = f'npz:{tmp_path}/a.npz'
  found = data.load(name, **options)
  assert capsys.readouterr().out.splitlines() == [
    f'{name}: X [30, 36] are read as gray squares, [30, 6, 6, 1]',
    f'{name}: y count from 1, numbered 1 is 0, 2 is 1, 3 is 2',
    f'{name}: there is no test split; a fifth of each class, 6 of 30 images, '
    'is held out for it, the same ones every time',
  ]
  assert np.bincount(found.test_labels).tolist() == [2, 2, 2]
  order = np.array([*found.train_names, *found.test_names], int)
  assert sorted(order.tolist()) == list(range(30))
  both = np.concatenate([found.train_groups, found.test_groups])
  np.testing.assert_array_equal(both, groups[order])
  whole = data.load_split(name, 'all', **options)
  np.testing.assert_array_equal(
    found.test_images, whole.images[order[len(found.train_labels) :]]
  )


@pytest.mark.parametrize('scheme', ['npy', 'folder'])
def test_npy_files(tmp_path, scheme):
  keys = {'x_train': TRAIN, 'y_train': LABELS, 'x_test': TEST}
  for key, values in (keys | {'y_test': TEST_LABELS}).items():
    np.save(tmp_path / f'{key}.npy', values)
  found = data.load(f'{scheme}:{tmp_path}')
  np.testing.assert_array_equal(found.train_images, TRAIN)
  np.testing.assert_array_equal(found.test_labels, TEST_LABELS)
  (tmp_path / 'x_test.npy').write_text('words')
  with pytest.raises(UserError, match='is no npy of a plain array'):
    data.load(f'{scheme}:{tmp_path}')
  with pytest.raises(UserError, match='is one array; give its directory'):
    data.load(f'npy:{tmp_path}/x_train.npy')
