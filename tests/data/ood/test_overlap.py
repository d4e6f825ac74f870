"""Outliers are of no class of the data, and no image that is tested."""

from __future__ import annotations

from dataclasses import replace
import shutil

import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.config.build import experiment, ood
from rdd_jax.config.presets.ood import trustdd
from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.ood.overlap import WORDNET, of_classes, without_copies

SHAPE = (8, 8, 3)
OURS = ('lawn_mower', 'cat')


@pytest.fixture
def folder(tmp_path) -> str:
  """Ten images of each of three kinds, one of which is a class of the data."""
  for i, kind in enumerate(('Lawn Mower', 'teapot', 'n02123045')):
    for j in range(10):
      directory = tmp_path / 'images' / kind
      directory.mkdir(parents=True, exist_ok=True)
      pixels = np.full(SHAPE, 40 * i + j, np.uint8)
      Image.fromarray(pixels).save(directory / f'{j}.png')
  return f'folder:{tmp_path / "images"}'


def outliers(source: str, **options) -> np.ndarray:
  return data.load_outliers(
    f'{source}@all', SHAPE, rows=99, seed=0, class_names=OURS, **options
  )


def test_a_source_of_the_datas_own_classes_is_refused_by_name(folder):
  with pytest.raises(UserError) as refused:
    outliers(folder)
  for word in ('20 of 30', 'Lawn Mower, n02123045', 'overlap=leave_out'):
    assert word in str(refused.value)


def test_what_is_of_no_class_is_left(folder, capfd):
  found = outliers(folder, overlap='leave_out')
  np.testing.assert_array_equal(found[:, 0, 0, 0], 40 + np.arange(10))
  assert '20 of 30' in capfd.readouterr().out
  assert len(outliers(folder, overlap='keep')) == 30


def test_nothing_left_is_refused(folder):
  shutil.rmtree(f'{folder.removeprefix("folder:")}/teapot')
  with pytest.raises(UserError, match='20 of 20 images are of classes'):
    outliers(folder, overlap='leave_out')


def test_an_unknown_word_is_refused(folder):
  with pytest.raises(UserError, match='refuse, leave_out, keep'):
    outliers(folder, overlap='maybe')


def test_the_data_is_no_outlier_of_itself():
  with pytest.raises(UserError, match='of classes of the data itself'):
    data.load_outliers(
      'python:data.ood.test_overlap:animals',
      SHAPE,
      rows=9,
      seed=0,
      class_names=('cat', 'dog'),
    )


def animals() -> data.Dataset:
  pixels = np.arange(4, dtype=np.uint8)[:, None, None, None]
  images, labels = np.tile(pixels, (1, *SHAPE)), np.array([0, 1, 0, 1])
  return data.from_arrays(
    images, labels, images, labels, class_names=('cat', 'dog'), name='animals'
  )


def test_test_sets_lose_rows_of_the_datas_own_classes(folder):
  like = np.zeros((4, *SHAPE), np.uint8)
  options = {'seed': 0, 'class_names': OURS}
  (left,) = data.load_ood([f'{folder}@all'], like, 99, **options)
  assert set(left.images[:, 0, 0, 0] // 40) == {1}
  with pytest.raises(UserError, match='give other images'):
    data.load_ood([f'{folder}@all'], like, 99, overlap='refuse', **options)


def test_copies_are_found_by_their_pixels_alone():
  rng = np.random.default_rng(0)
  some = rng.integers(0, 256, (20, *SHAPE), np.uint8)
  others = rng.integers(0, 256, (30, *SHAPE), np.uint8)
  others[[3, 17]] = some[[5, 5]]
  near = some[7].copy()
  near[0, 0, 0] ^= 1  # one bit is enough
  kept, count = without_copies(some, others, near[None])
  assert count == 1
  np.testing.assert_array_equal(kept, np.delete(some, 5, 0))
  assert without_copies(some)[1] == 0
  assert without_copies(some, some)[0].shape == (0, *SHAPE)


def test_outliers_that_are_tested_are_left_out_of_training(tmp_path, capfd):
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (40, 8, 8, 1), np.uint8)
  np.savez(tmp_path / 'train.npz', X=images)
  np.savez(tmp_path / 'test.npz', X=images[:15])
  source = f'npz:{tmp_path}/train.npz@all'
  config = trustdd('digits', f'smoke,outliers=oe:{source},slots=2')
  config.outside.sets = (f'npz:{tmp_path}/test.npz@all',)
  dataset = data.load('digits')
  experiment.build(config, dataset, experiment.preprocessing(config, dataset))
  assert '15 images are in the data or in a set' in capfd.readouterr().out


def test_each_kind_of_outliers_has_its_half_of_the_slots(tmp_path):
  images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
  np.savez(tmp_path / 'x.npz', X=images)
  arg = f'smoke,slots=5,outliers=poe+oe:npz:{tmp_path}/x.npz@all'
  config = trustdd('digits', arg)
  made, real = config.transform.outliers, config.transform.others
  assert (made.slots, real.first, real.slots) == (2, 2, 3)
  assert made.weight + real.weight == pytest.approx(
    config.synthetic.outlier_weight
  )
  with pytest.raises(UserError, match='slots=2'):
    trustdd('digits', arg.replace('slots=5', 'slots=1'))


def test_wordnet_ids_are_of_one_class():
  ids = [i for of_class in WORDNET.values() for i in of_class]
  assert len(ids) == len(set(ids))


def test_a_test_set_of_nothing_but_the_datas_classes_is_a_shift(folder, capfd):
  like = np.zeros((4, *SHAPE), np.uint8)
  names = ('lawn_mower', 'cat', 'teapot')
  (kept,) = data.load_ood(
    [f'{folder}@all'], like, 99, seed=0, class_names=names
  )
  assert len(kept.images) == 30
  assert 'as a shift of the data' in capfd.readouterr().out


def test_images_that_are_tested_are_those_that_outliers_lose(folder):
  """Also where rows of the data's classes leave others to be drawn."""
  config = trustdd('digits', 'smoke')
  config.outside.sets, config.outside.rows = (f'{folder}@all',), 5
  dataset = replace(
    data.load('digits'), class_names=(*OURS, *map(str, range(8)))
  )
  benchmark = ood.load(config, dataset)
  assert benchmark is not None
  *_, tested = ood.tested(config, dataset)
  np.testing.assert_array_equal(tested, benchmark.sets[0].images)


def test_a_source_that_nothing_takes_is_refused_and_all_arms_see_it():
  with pytest.raises(UserError, match='takes no source'):
    trustdd('digits', 'outliers=poe:tfds:mnist')
  config = trustdd('digits', 'outliers=oe:tfds:mnist@train')
  assert 'tfds:mnist' in config.outside.seen


@pytest.mark.parametrize('name', ['7', '-1', '1.0'])
def test_numbers_tell_nothing(name):
  found = Split(np.zeros((1, *SHAPE), np.uint8), np.array([0]), (name, 'b'))
  assert of_classes(found, (name,))[1] == ()


def test_wordnet_is_read_in_both_directions():
  found = Split(np.zeros((1, *SHAPE), np.uint8), np.array([0]), ('cat', 'b'))
  assert of_classes(found, ('n02123045',))[1] == ('cat',)
