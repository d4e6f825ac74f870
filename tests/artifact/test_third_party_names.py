"""Classes of others by name, number or list; those without images are said."""

from __future__ import annotations

from artifact.third_party_cases import BYTES, LABELS, NAMES, understood
import numpy as np
from PIL import Image
import pytest

from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.names import by_name, read_names
from rdd_jax.core.errors import UserError

TEN = tuple('abcdefghijkl')


@pytest.mark.parametrize(
  ('given', 'found'),
  [
    (('2', '10'), [2, 10]),
    (('new002', 'new010'), [2, 10]),
    (('new10', 'new2'), [10, 2]),
    (('002_x', '010_y'), [2, 10]),
    (('000_c', '001_k'), [2, 10]),  # what they are called, not how counted
    (('c', 'k'), [2, 10]),
  ],
)
def test_names_may_be_numbers(given, found):
  labels, notes = by_name(np.array([0, 1, 1]), given, TEN, 'it')
  np.testing.assert_array_equal(labels, [found[0], found[1], found[1]])
  assert bool(notes) == (given[0][-1] not in TEN)


@pytest.mark.parametrize(
  ('given', 'wrong'),
  [
    (('cat', 'gnu'), "has a class 'gnu'.*pass --classes=FILE"),
    (('n01440764', 'n02102040'), 'pass --classes=FILE'),
    (('1', '3'), 'pass --classes=FILE'),
    (('new0', 'old1'), 'pass --classes=FILE'),
    (('0', '00'), 'two names of one class'),
  ],
)
def test_names_that_say_nothing_are_asked_for(given, wrong):
  with pytest.raises(UserError, match=wrong):
    by_name(np.array([0, 1]), given, NAMES, 'it')


def folder(path, names):
  for image, label in zip(BYTES, LABELS, strict=True):
    place = path / names[label]
    place.mkdir(parents=True, exist_ok=True)
    number = len(list(place.iterdir()))
    Image.fromarray(image).save(place / f'{number}.png')
  return third_party.read(path, channels=3)


def listed(path, names):
  path.write_text('\n'.join(names) + '\n')
  return read_names(path, NAMES)


def test_a_list_names_the_directories_of_classes(tmp_path):
  """WNIDs do not sort as classes are numbered."""
  wnids = ('n09', 'n01', 'n05')
  raw = folder(tmp_path / 'set', wnids)
  classes = listed(tmp_path / 'classes.txt', wnids)
  found = understood(raw, classes=classes)
  for image, label in zip(found.images, found.labels.cells, strict=True):
    row = np.flatnonzero((image == BYTES).all((1, 2, 3)))[0]
    assert LABELS[row] == label
  with pytest.raises(UserError, match="'n09', which --classes does not list"):
    understood(raw, classes=('n08', 'n01', 'n05'))


def test_a_list_says_what_numbers_mean(tmp_path):
  """Of a set that counts the same classes in another order."""
  classes = listed(tmp_path / 'classes.txt', ('emu', 'cat', 'dog'))
  raw = third_party.Raw({'images': BYTES, 'labels': LABELS})
  found = understood(raw, classes=classes)
  np.testing.assert_array_equal(found.labels.cells, np.array([2, 0, 1])[LABELS])
  np.testing.assert_array_equal(found.labels.targets.argmax(1), found[2].cells)


def test_lists_of_another_length_are_refused(tmp_path):
  for names in (('cat', 'dog'), ('cat', 'cat', 'dog')):
    with pytest.raises(UserError, match=r'give one for each.*cat, dog, emu'):
      listed(tmp_path / 'classes.txt', names)
  with pytest.raises(UserError, match='cannot read --classes'):
    read_names(tmp_path / 'none.txt', NAMES)


def test_classes_without_images_are_said():
  raw = third_party.Raw({'images': BYTES, 'labels': np.minimum(LABELS, 1)})
  assert 'no image of 1 of 3 classes: emu' in understood(raw).notes[-1]
  whole = third_party.Raw({'images': BYTES, 'labels': LABELS})
  assert not any('no image' in note for note in understood(whole).notes)
