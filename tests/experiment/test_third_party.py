"""Sets of others are judged as they were made, and it is said how."""

from __future__ import annotations

import numpy as np
import pytest

from rdd_jax import data, evaluate
from rdd_jax.artifact import store, third_party
from rdd_jax.artifact.load import is_ours
from rdd_jax.config import defaults
from rdd_jax.config.presets import unrolled
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import third_party as adopted
from rdd_jax.experiment.third_party.inputs import preprocessing_note
from rdd_jax.experiment.third_party.recipe import preset_for
from rdd_jax.images.preprocessing import fit
from rdd_jax.synthetic.view import decode, encode


@pytest.fixture(scope='module')
def digits():
  return data.load('digits')


def saved(path, images, labels, **more):
  np.savez(path / 'a.npz', images=images, labels=labels, **more)
  return path / 'a.npz'


def tiled(digits, tmp_path):
  """Ten images of four digits each, as IDC saves them; their class is one."""
  rows = [np.flatnonzero(digits.train_labels == c)[:4] for c in range(10)]
  rows = np.concatenate(rows)
  images = np.asarray(encode(digits.train_images[rows] / 255.0, 2))
  return saved(tmp_path, images, digits.train_labels[rows][::4]), images


def note_of(found, text):
  return next((note for note in found.notes if text in note), '')


@pytest.mark.parametrize('by', ['flag', 'like'])
def test_the_factor_is_taken_from_the_flag_or_from_like(digits, tmp_path, by):
  path, images = tiled(digits, tmp_path)
  like = defaults.config()
  like.synthetic.factor = 2
  found = adopted.load(
    path,
    adopted.Told(factor=2 * (by == 'flag')),
    name='digits',
    like=like if by == 'like' else None,
  )
  assert found.distilled.card['factor'] == 2
  assert note_of(found, 'factor 2 taken').endswith('each image is 4 rows')
  seen = store.to_batch(found.distilled)
  assert len(seen.inputs) == 40
  np.testing.assert_allclose(
    seen.inputs, found.distilled.preprocessing(decode(images, 2)), atol=1e-5
  )


def test_an_assumed_factor_is_said(digits, tmp_path):
  path, _ = tiled(digits, tmp_path)
  found = adopted.load(path, adopted.Told(), name='digits')
  assert found.distilled.card['factor'] == 1
  assert 'pass --factor=2' in note_of(found, 'factor 1 assumed')
  told = adopted.load(path, adopted.Told(factor=1), name='digits')
  assert not note_of(told, 'assumed')


def test_seams_of_tiles_are_noticed(digits, tmp_path):
  tiles = np.kron([[0.1, 0.7], [0.6, 0.2]], np.ones((4, 4)))
  images = np.broadcast_to(tiles[..., None], (10, 8, 8, 1))
  path = saved(tmp_path, images, np.arange(10))
  found = adopted.load(path, adopted.Told(), name='digits')
  assert 'pass --factor=2' in note_of(found, 'seams as those of factor 2')


@pytest.mark.parametrize('factor', [-1, 5, 9])
def test_factors_that_cannot_be_are_refused(digits, tmp_path, factor):
  path, _ = tiled(digits, tmp_path)
  with pytest.raises(UserError, match=f'8x8, which factor {factor} cannot'):
    adopted.load(path, adopted.Told(factor=factor), name='digits')


def test_a_wrong_scale_is_noticed(digits, tmp_path):
  """Standardized images that are taken as whitened make no pixels."""
  rows = digits.train_images[:200] / 255
  inputs = (rows - rows.mean()) / rows.std()
  path = saved(tmp_path, inputs * 3, digits.train_labels[:200])
  wrong = adopted.load(path, adopted.Told(scale='whitened'), name='digits')
  assert '--zca_convention=frepo' in note_of(wrong, 'WARNING: pixels are')
  low, high = np.percentile(wrong.distilled.images, (0, 100))
  assert f'pixels go from {low:.3g} to {high:.3g}' in note_of(
    wrong, 'pixels go'
  )
  path = saved(tmp_path, inputs, digits.train_labels[:200])
  wrong = adopted.load(path, adopted.Told(scale='unit'), name='digits')
  assert note_of(wrong, 'WARNING: pixels are').endswith('another --scale')
  right = adopted.load(path, adopted.Told(scale='standardized'), name='digits')
  assert not note_of(right, 'WARNING')
  assert note_of(right, 'vary 1.0 times')


def test_the_convention_of_whitening_can_be_said(digits, tmp_path):
  rows = digits.train_images[:50]
  whiten = fit(digits.train_images, zca=0.1, convention='frepo')
  path = saved(tmp_path, whiten(rows), digits.train_labels[:50])
  told = adopted.Told(scale='whitened', zca_convention='frepo')
  found = adopted.load(path, told, name='digits')
  np.testing.assert_allclose(found.distilled.images, rows / 255, atol=1e-4)
  assert found.distilled.card['data']['zca_convention'] == 'frepo'
  assert 'the convention of frepo, or --zca_conv' in note_of(
    found, 'whitened b'
  )
  for told in (
    adopted.Told(scale='standardized', zca_convention='frepo'),
    adopted.Told(scale='whitened', zca_convention='zca'),
  ):
    with pytest.raises(UserError, match=r'zca.convention'):
      adopted.load(path, told, name='digits')


def test_whitened_tiles_are_refused(digits, tmp_path):
  path = saved(tmp_path, np.ones((10, 8, 8, 1)) / 3, np.arange(10))
  with pytest.raises(UserError, match='tiles'):
    adopted.load(path, adopted.Told(scale='whitened', factor=2), name='digits')


def test_learned_labels_are_judged_by_the_squared_error(digits, tmp_path):
  path = saved(tmp_path, digits.train_images[:10], np.eye(10) * 1.2 - 0.12)
  found = adopted.load(path, adopted.Told(label_kind='free'), name='digits')
  card = found.distilled.card
  assert card['label_kind'] == 'free'
  assert card['evaluation']['loss'] == 'squared'
  centre = card['labels']['centre']
  np.testing.assert_allclose(
    found.distilled.targets - centre, np.eye(10) * 1.2 - 0.12, atol=1e-6
  )
  assert 'by the squared error' in adopted.describe(
    card['evaluation'], card['network']
  )


def test_a_learned_rate_is_taken_from_a_number_or_a_file(digits, tmp_path):
  labels = digits.train_labels[:10]
  path = saved(tmp_path, digits.train_images[:10], labels, syn_lr=0.0625)
  found = adopted.load(path, adopted.Told(), name='digits')
  assert found.distilled.card['evaluation']['learning_rate'] == 0.01
  assert f'--learning_rate={path} takes it' in note_of(found, "'syn_lr'")
  for given in (str(path), '0.0625'):
    told = adopted.Told(learning_rate=given)
    found = adopted.load(path, told, name='digits')
    assert found.distilled.card['evaluation']['learning_rate'] == 0.0625
    assert not note_of(found, 'syn_lr')


@pytest.mark.parametrize('text', ['0', '-1', 'nan', 'none.pt'])
def test_rates_that_are_none_are_refused(text):
  with pytest.raises(UserError, match=r'above 0|does not exist'):
    adopted.learning_rate(text)


def test_a_rate_of_pytorch_is_read(tmp_path):
  torch = pytest.importorskip('torch')
  for value in (torch.tensor(0.25), 0.25, {'syn_lr': 0.25}):
    torch.save(value, tmp_path / 'lr_best.pt')
    assert adopted.learning_rate(str(tmp_path / 'lr_best.pt')) == 0.25
  torch.save(torch.tensor([0.2, 0.3]), tmp_path / 'lr_best.pt')
  with pytest.raises(UserError, match='give the number itself'):
    adopted.learning_rate(str(tmp_path / 'lr_best.pt'))


@pytest.mark.parametrize('version', ['', ':3.0.2', '/3.0.2'])
def test_any_version_of_a_data_set_has_its_preset(version):
  name = f'tfds:cifar10{version}'
  config = preset_for(name)
  assert config is not None
  assert config.data.name == name
  assert config.evaluation.augment == 'color_crop_cutout_flip_scale_rotate'
  assert preset_for('tfds:cifar10_n') is None


def test_a_file_that_is_only_called_like_ours_is_another_s(tmp_path):
  path = tmp_path / store.ARRAYS
  np.savez(path, images=np.zeros((1, 8, 8, 1)), labels=[0])
  assert is_ours(path)
  assert not is_ours(path, told=True)
  (tmp_path / store.CARD).write_text('{}')
  assert is_ours(path, told=True)
  assert third_party.read(path).card is None


def test_shards_and_their_labels_are_one_set(digits, tmp_path):
  for shard in range(2):
    rows = slice(shard * 5, shard * 5 + 5)
    np.save(tmp_path / f'x_{shard}.npy', digits.train_images[rows])
    np.save(tmp_path / f'y_{shard}.npy', digits.train_labels[rows])
  found = adopted.load(
    [tmp_path / 'x_1.npy', tmp_path / 'x_0.npy'],
    adopted.Told(labels=str(tmp_path / 'y_*.npy')),
    name='digits',
  )
  np.testing.assert_array_equal(found.distilled.cells, digits.train_labels[:10])
  np.testing.assert_allclose(
    found.distilled.images, digits.train_images[:10] / 255, atol=1e-6
  )
  assert found.notes[0] == '2 files joined: x_0.npy, x_1.npy'
  assert found.distilled.card['source']['path'].endswith('x_0.npy and 1 more')


def test_every_word_of_the_user_has_its_flag():
  assert set(evaluate._TOLD) == set(adopted.Told._fields)


def test_it_is_said_whose_statistics_those_of_cifar100_are():
  """MTT and DATM took those of CIFAR-10."""
  ours, other = preset_for('tfds:cifar100'), preset_for('tfds:cifar10')
  assert ours is not None
  assert other is not None
  assert 'mtt_cifar100.py' in preprocessing_note(ours)
  assert 'mtt_cifar100.py' not in preprocessing_note(other)
  assert unrolled.mtt('cifar100').data.mean == other.data.mean
