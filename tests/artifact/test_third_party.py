"""Sets of others come out the same from any file, or are refused."""

from __future__ import annotations

import json
import sys

from artifact.third_party_cases import BYTES, LABELS, NAMES, SHAPE, understood
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.artifact import store, third_party
from rdd_jax.artifact.card import make_card
from rdd_jax.artifact.third_party.pixels import arrange, scale_of
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import third_party as adopted
from rdd_jax.images.preprocessing import fit, standardize


def card() -> dict:
  return make_card(
    data={'name': 'mine'},
    class_names=NAMES,
    label_kind='hard',
    factor=1,
    network={'name': 'mlp'},
    student=None,
    evaluation={},
    outside={},
    shift={},
    seeds={'root': 0},
    numbers={},
  )


def save_npz(path, images, labels):
  np.savez(path / 'a.npz', x=images, y=labels)
  return path / 'a.npz'


def save_safetensors(path, images, labels):
  pytest.importorskip('safetensors')
  from safetensors.numpy import save_file

  arrays = {'image': np.ascontiguousarray(images), 'label': labels}
  save_file(arrays, path / 'a.safetensors')
  return path / 'a.safetensors'


def save_torch(path, images, labels, name='a.pt'):
  torch = pytest.importorskip('torch')
  pair = [torch.tensor(images.copy()), torch.tensor(labels)]
  torch.save(pair, path / name)
  return path / name


def save_folder(path, images, labels):
  for i, (image, label) in enumerate(zip(images, labels, strict=True)):
    place = path / 'a' / NAMES[label]
    place.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(place / f'{i}.png')
  return path / 'a'


@pytest.mark.parametrize('layout', ['HWC', 'CHW'])
@pytest.mark.parametrize('save', [save_npz, save_safetensors, save_torch])
def test_every_file_and_order_gives_the_same_set(tmp_path, save, layout):
  given = BYTES if layout == 'HWC' else BYTES.transpose(0, 3, 1, 2)
  found = understood(third_party.read(save(tmp_path, given, LABELS)))
  np.testing.assert_array_equal(found.images, BYTES)
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  assert (found.scale, found.labels.kind) == ('bytes', 'hard')
  assert layout in found.notes[0]
  assert 'taken as bytes by their range' in found.notes[1]


def test_a_folder_counts_classes_as_the_data_set_does(tmp_path):
  names = ('emu', 'dog', 'cat')  # not in the order of directories
  raw = third_party.read(save_folder(tmp_path, BYTES, LABELS), channels=3)
  found = third_party.understand(raw, SHAPE, names, 'it')
  order = np.argsort(LABELS, kind='stable')
  np.testing.assert_array_equal(found.images, BYTES[order])
  np.testing.assert_array_equal(found.labels.cells, 2 - LABELS[order])


@pytest.mark.parametrize(
  'scale', ['', 'bytes', 'signed', 'standardized', 'whitened']
)
def test_networks_see_the_same_whatever_the_scale(scale):
  preprocess = (
    fit(BYTES, zca=0.1)
    if scale == 'whitened'
    else standardize([0.5, 0.4, 0.3], [0.2, 0.3, 0.2])
  )
  inputs = np.asarray(preprocess(jnp.asarray(BYTES)))
  given = {
    '': BYTES.astype(np.float64) / 255,
    'bytes': BYTES.astype(np.float32),
    'signed': BYTES / 127.5 - 1,
  }.get(scale, inputs)
  raw = third_party.Raw({'images': given, 'labels': LABELS})
  found = understood(raw, scale=scale)
  assert found.scale == (scale or 'unit')
  made = third_party.adopt(found, preprocess, card(), 'it')
  seen = store.to_batch(made)
  np.testing.assert_allclose(seen.inputs, inputs, atol=2e-4)
  np.testing.assert_allclose(made.images, BYTES / 255, atol=2e-5)
  np.testing.assert_array_equal(seen.targets, np.eye(3)[LABELS])


def test_scales_and_preprocessing_must_belong_together():
  inputs = BYTES.astype(np.float32) / 50 - 2
  raw = third_party.Raw({'images': inputs, 'labels': LABELS})
  plain = standardize([0.5, 0.4, 0.3], [0.2, 0.3, 0.2])
  with pytest.raises(UserError, match=r'whitened, but its .* does not whiten'):
    third_party.adopt(understood(raw, scale='whitened'), plain, card(), 'it')
  with pytest.raises(UserError, match=r'standardized, but its .* whitens'):
    third_party.adopt(
      understood(raw, scale='standardized'),
      fit(BYTES, zca=0.1),
      card(),
      'it',
    )


@pytest.mark.parametrize(
  ('low', 'high', 'scale', 'found'),
  [
    (0.0, 1.0, '', 'unit'),
    (0.0, 0.99, 'pixels', 'unit'),
    (0.0, 255.0, '', 'bytes'),
    (3.0, 254.0, 'pixels', 'bytes'),
    (-0.7, 1.9, 'unit', 'unit'),
    (-30.0, 280.0, 'bytes', 'bytes'),
    (-2.1, 2.3, 'standardized', 'standardized'),
    (-0.2, 0.3, 'whitened', 'whitened'),
    (-2.1, 2.3, '', None),
    (-0.7, 1.9, 'pixels', None),
    (0.0, 0.004, '', None),
    (0.0, 12.0, '', None),
    (-1.0, 1.0, 'signed', 'signed'),
    (-1.0, 1.0, '', None),
    (0.0, 255.0, 'signed', None),
    (0.0, 255.0, 'unit', None),
    (0.0, np.nan, '', None),
  ],
)
def test_scales_are_told_apart_or_asked_for(low, high, scale, found):
  images = np.array([low, high, (low + high) / 2])
  if found:
    assert scale_of(images, scale, 'it') == found
    return
  with pytest.raises(UserError, match=r'pass --scale=|distil them again'):
    scale_of(images, scale, 'it')


def test_integers_are_pixels():
  assert scale_of(np.array([0, 1, 9], np.uint8), '', 'it') == 'bytes'
  with pytest.raises(UserError, match='may be on either scale'):
    scale_of(np.array([0, 1]), '', 'it')
  for images, scale in (([0, 256], ''), ([-1, 9], ''), ([0, 9], 'whitened')):
    with pytest.raises(UserError, match='integers are pixels'):
      scale_of(np.array(images), scale, 'it')


def test_orders_that_both_fit_are_asked_for():
  cube = np.arange(27).reshape(1, 3, 3, 3)
  with pytest.raises(UserError, match='pass --layout'):
    arrange(cube, (3, 3, 3), '', 'it')
  np.testing.assert_array_equal(arrange(cube, (3, 3, 3), 'HWC', 'it'), cube)
  np.testing.assert_array_equal(
    arrange(cube, (3, 3, 3), 'CHW', 'it'), cube.transpose(0, 2, 3, 1)
  )
  flat = BYTES.reshape(6, -1)
  with pytest.raises(UserError, match='pass --layout'):
    arrange(flat, SHAPE, '', 'it')
  np.testing.assert_array_equal(arrange(flat, SHAPE, 'HWC', 'it'), BYTES)
  grey = BYTES[..., :1]
  for given in (grey, grey[..., 0], grey.reshape(6, -1), grey[..., 0][:, None]):
    np.testing.assert_array_equal(arrange(given, (6, 8, 1), '', 'it'), grey)
  with pytest.raises(UserError, match='pass another --dataset'):
    arrange(BYTES, (8, 8, 3), '', 'it')
  with pytest.raises(UserError, match='as CHW'):
    arrange(BYTES, SHAPE, 'CHW', 'it')


class Trap:
  """Says so if it is ever unpickled."""

  sprung: list = []  # noqa: RUF012

  def __reduce__(self):
    return self.sprung.append, (1,)


def test_a_pickle_is_never_run(tmp_path):
  torch = pytest.importorskip('torch')
  torch.save({'images': torch.tensor(BYTES), 'net': Trap()}, tmp_path / 'a.pt')
  with pytest.raises(UserError, match=r'holds more than tensors.*torch\.save'):
    third_party.read(tmp_path / 'a.pt')
  np.savez(tmp_path / 'a.npz', images=np.array([Trap()], object))
  with pytest.raises(UserError, match='no npz of plain arrays'):
    third_party.read(tmp_path / 'a.npz')
  assert not Trap.sprung


@pytest.mark.parametrize('suffix', ['npz', 'pt', 'safetensors'])
def test_damaged_files_say_so(tmp_path, suffix):
  pytest.importorskip({'pt': 'torch', 'npz': 'numpy'}.get(suffix, suffix))
  path = tmp_path / f'a.{suffix}'
  path.write_bytes(b'no such format')
  with pytest.raises(UserError, match=r'damaged') as caught:
    third_party.read(path)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('suffix', 'library'), [('pt', 'torch'), ('safetensors', 'safetensors')]
)
def test_what_to_install_is_said(tmp_path, monkeypatch, suffix, library):
  monkeypatch.setitem(sys.modules, library, None)
  path = tmp_path / f'a.{suffix}'
  path.write_bytes(b'')
  with pytest.raises(UserError, match=rf'pip install .rdd_jax\[{library}\]'):
    third_party.read(path)


def test_paths_that_are_no_set(tmp_path):
  with pytest.raises(UserError, match='does not exist'):
    third_party.read(tmp_path / 'a.npz')
  (tmp_path / 'a.pkl').write_bytes(b'')
  with pytest.raises(UserError, match=r"ends in '\.pkl'; give one of"):
    third_party.read(tmp_path / 'a.pkl')
  with pytest.raises(UserError, match='has no images'):
    third_party.read(tmp_path)


def digits(tmp_path):
  found = data.load('digits')
  rows = np.argsort(found.train_labels, kind='stable')[::60]
  path = tmp_path / 'a.npz'
  np.savez(path, x=found.train_images[rows], y=found.train_labels[rows])
  return path


def test_a_data_set_must_be_named(tmp_path):
  with pytest.raises(UserError, match='--dataset=tfds:cifar10'):
    adopted.load(digits(tmp_path), adopted.Told())


def test_the_card_says_what_was_assumed_and_what_judges(tmp_path):
  found = adopted.load(digits(tmp_path), adopted.Told(), name='digits')
  card = json.loads(json.dumps(found.distilled.card))
  assert card['data']['name'] == 'digits'
  assert card['network'] == {
    'name': 'convnet',
    'width': 128,
    'depth': 2,
    'dtype': 'float32',
  }
  assert len(card['source']['sha256']) == 64
  assert card['source']['assumed'] == list(found.notes)
  assert 'standardized as the training rows' in found.notes[-3]
  assert 'pixels go from 0 to 1 ' in found.notes[-2]
  assert 'no preset is known for digits' in found.notes[-1]
  assert found.distilled.images.max() == 1
  store.save(tmp_path / 'set', found.distilled)
  assert store.load(tmp_path / 'set').card['source'] == card['source']


def test_whitened_sets_are_judged_behind_the_same_whitening(tmp_path):
  rows = data.load('digits').train_images
  inputs = fit(rows, zca=0.1)(jnp.asarray(rows[:20]))
  np.savez(tmp_path / 'a.npz', x=inputs, y=np.arange(20) // 2)
  told = adopted.Told(scale='whitened')
  found = adopted.load(tmp_path / 'a.npz', told, name='digits')
  assert found.distilled.card['data']['zca'] == adopted.WHITENING
  seen = store.to_batch(found.distilled)
  np.testing.assert_allclose(seen.inputs, inputs, atol=2e-4)
