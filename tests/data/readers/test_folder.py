"""Which files of a folder are rows, and what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

from data.readers.folder_cases import COLOR, fails, files_below, fill, save
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.data.readers import files
from rdd_jax.data.readers.walk import SUFFIXES


@pytest.fixture
def root(tmp_path):
  """Train of 40 images and test of 10; nothing is odd about them."""
  fill(tmp_path / 'train', 20)
  fill(tmp_path / 'test')
  return tmp_path


def _notes(root, capsys, **options):
  found = data.load(f'folder:{root}', **options)
  lines = capsys.readouterr().out.splitlines()
  assert all(line.startswith(f'folder:{root}: ') for line in lines)
  return found, [line.removeprefix(f'folder:{root}: ') for line in lines]


def test_a_plain_folder_is_read_without_a_word(root, capsys):
  found, notes = _notes(root, capsys)
  assert notes == []
  assert found.image_shape == (4, 4, 3)
  assert found.train_names[21] == 'train/dog/001.png'
  np.testing.assert_array_equal(found.train_images[21], COLOR // 3 + 1)
  assert found.test_names.tolist()[:2] == [
    'test/cat/000.png',
    'test/cat/001.png',
  ]
  assert found.test_labels.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize('suffix', [*SUFFIXES, '.JPG', '.Png'])
def test_every_suffix_is_an_image(root, suffix, capsys):
  kind = {'.jfif': 'jpeg', '.pnm': 'ppm'}.get(suffix.lower())
  image = Image.fromarray(COLOR)
  image = image.convert(
    '1' if suffix == '.pbm' else 'L' if suffix == '.pgm' else 'RGB'
  )
  save(root / 'train' / 'cat' / f'z{suffix}', image, format=kind)
  found, notes = _notes(root, capsys)
  assert f'train/cat/z{suffix}' in found.train_names
  assert not any('left out' in note for note in notes)


def test_what_is_no_image_is_counted(root, capsys):
  cat = root / 'train' / 'cat'
  save(cat / 'notes.txt', 'a')
  save(cat / 'labels.csv', 'a')
  save(cat / '.hidden.png')
  save(cat / '.ipynb_checkpoints' / 'a-checkpoint.png')
  save(root / '__MACOSX' / 'train' / '._a.png', 'a')
  save(cat / 'Thumbs.db', 'a')
  save(root / 'README', 'a')
  save(root / 'train' / 'loose.png')
  save(root / 'unlabeled' / 'u.png')
  save(root / 'val' / 'cat' / 'v.png')
  found, notes = _notes(root, capsys)
  assert len(found.train_labels) == 40
  assert found.class_names == ('cat', 'dog')
  (note,) = notes
  assert note.startswith('10 of 60 files are left out: ')
  for part in (
    '3 that are no images (train/cat/labels.csv, train/cat/notes.txt, README)',
    "4 hidden or the system's (",
    '1 in no directory of a class (train/loose.png)',
    '1 in val/, not read beside a test split (val/cat/v.png)',
    '1 in no split (unlabeled/u.png)',
  ):
    assert part in note
  assert files_below(root) == 60


def test_five_percent_may_be_damaged(root, capsys):
  cat = root / 'train' / 'cat'
  (cat / '003.png').write_bytes(b'')
  (cat / '004.png').unlink()
  (cat / '004.png').symlink_to('nowhere')
  found, notes = _notes(root, capsys)
  assert len(found.train_labels) == 38
  assert len(found.train_images) == len(found.train_names) == 38
  assert 'train/cat/003.png' not in found.train_names
  np.testing.assert_array_equal(found.train_images[3], COLOR // 2 + 5)
  assert notes == [
    '2 of 50 files are left out: 1 empty (train/cat/003.png), 1 links to '
    'nothing (train/cat/004.png)'
  ]


def test_more_is_refused_with_all_that_is_wrong(root, monkeypatch):
  cat = root / 'train' / 'cat'
  for i in range(4):
    (cat / f'{i:03}.png').write_bytes((cat / '009.png').read_bytes()[:60])
  save(cat / '005.png', 'words')
  os.remove(cat / '006.png')
  os.mkfifo(cat / '006.png')
  (root / 'test' / 'cat' / '000.png').write_bytes(b'')
  fill(root / 'test', 1, ('cow', 'emu'))
  message = fails('6 of 40 images of train/ cannot be read', root)
  for part in (
    'more than 5%: 4 truncated or damaged (train/cat/000.png, '
    'train/cat/001.png, train/cat/002.png, ...)',
    '1 without an image inside (train/cat/005.png)',
    '1 not regular files (train/cat/006.png)',
    '1 of 10 images of test/ cannot be read',
    'test/ has 2 classes (cow, emu) that train/ lacks',
  ):
    assert part in message


def test_pillows_guard_leaves_out_a_bomb(root, monkeypatch, capsys):
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
  save(root / 'train' / 'cat' / 'z.png', np.zeros((15, 15), np.uint8))
  found, notes = _notes(root, capsys)
  assert len(found.train_labels) == 40
  assert '1 of more than 100 pixels, the limit of Pillow' in notes[0]
  assert Image.MAX_IMAGE_PIXELS == 100


def test_conversions_are_counted(root, capsys):
  dog = root / 'train' / 'dog'
  save(dog / 'a.png', np.full((4, 4), 65535, np.uint16))
  save(dog / 'b.png', np.zeros((4, 4, 4), np.uint8))
  save(dog / 'c.gif', Image.new('P', (4, 4)))
  found, notes = _notes(root, capsys)
  rows = dict(zip(found.train_names.tolist(), found.train_images, strict=True))
  assert (rows['train/dog/a.png'] == 255).all()
  assert (rows['train/dog/b.png'] == 255).all()
  assert notes[0].startswith('converted: 1 of more than 8 bits to 8')
  assert '1 with transparency, on white' in notes[0]
  assert '1 with a palette, read as RGB' in notes[0]
  assert notes[1].startswith('1 gray images are read as color, like the other')


def test_gray_in_one_split_is_color_where_the_other_has_color(tmp_path, capsys):
  for i in range(3):
    save(tmp_path / 'train' / 'a' / f'{i}.png', COLOR[..., i])
    save(tmp_path / 'test' / 'a' / f'{i}.png', COLOR)
  found, notes = _notes(tmp_path, capsys)
  np.testing.assert_array_equal(found.train_images[1, ..., 2], COLOR[..., 1])
  assert notes[0].startswith('3 gray images are read as color')
  train = data.load_split(f'folder:{tmp_path}', 'train')
  np.testing.assert_array_equal(train.images, found.train_images)
  capsys.readouterr()
  found, notes = _notes(tmp_path, capsys, channels=1)
  assert found.image_shape == (4, 4, 1)
  assert notes == []


@pytest.mark.parametrize(
  ('sides', 'expected'), [((4, 8, 20), 8), ((4, 90, 200), 64), ((4, 5), 4)]
)
def test_images_of_several_sizes(tmp_path, sides, expected, capsys):
  for side in sides:
    tall = np.full((side, side, 3), side, np.uint8)
    save(tmp_path / 'train' / 'a' / f'{side}.png', tall)
  save(tmp_path / 'test' / 'a' / 'a.png', np.zeros((4, 5, 3), np.uint8))
  sides_of_all = np.median([*np.repeat(sides, 2), 4, 5])
  expected = min(64, int(sides_of_all))
  found, notes = _notes(tmp_path, capsys)
  assert found.image_shape == (expected, expected, 3)
  assert sorted(found.train_images[:, 0, 0, 0].tolist()) == sorted(sides)
  assert f'resized to {expected}x{expected}, the smaller of the' in notes[0]
  found, notes = _notes(tmp_path, capsys, size=(3, 2))
  assert found.image_shape == (3, 2, 3)
  assert notes == []


def test_another_split_takes_the_shape_of_train(root):
  save(root / 'extra' / 'cat' / 'a.png', np.zeros((9, 7), np.uint8))
  found = data.load_split(f'folder:{root}', 'extra')
  assert found.images.shape == (1, 4, 4, 3)
  assert found.names.tolist() == ['extra/cat/a.png']


def test_linked_directories_are_followed_once(root, tmp_path_factory, capsys):
  more = fill(tmp_path_factory.mktemp('more'), 2, ('new',))
  cat = root / 'train' / 'cat'
  (cat / 'more').symlink_to(more)
  (cat / 'again').symlink_to(more)
  (cat / 'up').symlink_to(root)
  (cat / 'self').symlink_to('.')
  (root / 'train' / 'round').symlink_to('..')
  (cat / 'self.png').symlink_to('self.png')
  found, notes = _notes(root, capsys)
  names = found.train_names.tolist()
  assert len(names) == 42
  assert 'train/cat/again/new/000.png' in names
  assert found.class_names == ('cat', 'dog')
  assert '4 links to what is read already (' in notes[0]
  assert '1 links to nothing (train/cat/self.png)' in notes[0]


def test_links_to_files_are_read_once(root, tmp_path_factory, capsys):
  cat = root / 'train' / 'cat'
  (cat / 'same.png').symlink_to('000.png')
  (cat / 'stored.png').symlink_to(save(cat / '.store' / 'a.png'))
  elsewhere = tmp_path_factory.mktemp('elsewhere')
  (cat / 'other.png').symlink_to(save(elsewhere / 'A', format='png'))
  found, notes = _notes(root, capsys)
  names = found.train_names.tolist()
  assert {'train/cat/stored.png', 'train/cat/other.png'} < set(names)
  assert len(names) == 42
  assert notes == [
    '2 of 54 files are left out: '
    "1 hidden or the system's (train/cat/.store/a.png), "
    '1 links to what is read already (train/cat/same.png)'
  ]


def test_a_directory_that_cannot_be_opened(root, monkeypatch):
  locked = root / 'train' / 'dog' / 'locked'
  locked.mkdir()
  scan = os.scandir

  def scandir(path):
    if str(path) == str(locked):
      raise PermissionError(13, 'Permission denied')
    return scan(path)

  monkeypatch.setattr(os, 'scandir', scandir)
  fails(r'1 directories that cannot be opened \(train/dog/locked\)', root)


def test_names_that_cannot_be_printed(root, capsys):
  strange = os.fsdecode(b'train/cat/\xff\n.png')
  os.rename(root / 'train/cat/000.png', Path(str(root)) / strange)
  found, _ = _notes(root, capsys)
  assert strange in found.train_names.tolist()
  (root / strange).write_bytes(b'')
  _, notes = _notes(root, capsys)
  assert notes[0].endswith(r'1 empty (train/cat/\udcff\n.png)')


def test_classes_of_a_directory_are_read_likewise(root, capsys):
  save(root / 'train' / 'cat' / 'a.txt', 'a')
  found = files.read_classes(root / 'train')
  assert found.class_names == ('cat', 'dog')
  assert found.names[0] == 'cat/000.png'
  assert '1 of 41 files are left out' in capsys.readouterr().out
