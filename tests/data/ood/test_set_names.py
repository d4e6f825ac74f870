"""Names of out-of-distribution sets: sources, splits, presets, and errors."""

from __future__ import annotations

import logging

from data.ood.sets_cases import alone, correlation, images, load
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.ood import sets


def test_split_after_the_at_sign(source):
  assert len(alone(f'{source}@train', rows=50).images) == 20
  assert alone(f'{source}@train').name == f'{source}@train'
  train, test = load(['digits@train', 'digits'], images(), rows=2000)
  assert (len(train.images), len(test.images)) == (1297, 500)


@pytest.mark.parametrize(
  ('name', 'parts'),
  [
    ('tfds:mnist', ('tfds:mnist', 'test')),
    ('tfds:a/b:1.0.0@validation[:5%]', ('tfds:a/b:1.0.0', 'validation[:5%]')),
    ('folder:/data@home/set', ('folder:/data@home/set', 'test')),
    ('folder:/me@home@train', ('folder:/me@home', 'train')),
  ],
)
def test_split_source(name, parts):
  assert sets.split_source(name) == parts


def test_folder_of_colour_becomes_grey(tmp_path):
  directory = tmp_path / 'test' / 'any'
  directory.mkdir(parents=True)
  for i, pixels in enumerate(images(3, (20, 11, 3))):
    Image.fromarray(pixels).save(directory / f'{i}.png')
  found = alone(f'folder:{tmp_path}', images(shape=(7, 7, 1)))
  assert found.images.shape == (3, 7, 7, 1)


def test_missing_data_raises_or_is_left_out_aloud(tmp_path, caplog):
  gone = [f'folder:{tmp_path}/gone', f'npz:{tmp_path}/gone.npz', 'tfds:mnist']
  where = str(tmp_path)
  for name in gone:
    with pytest.raises(UserError, match=r'not a (directory|file)|prepared'):
      load([name], data_dir=where)
  with caplog.at_level(logging.WARNING, 'absl'):
    found = load(['uniform', *gone, 'digits'], missing='skip', data_dir=where)
  assert [s.name for s in found] == ['uniform', 'digits']
  assert caplog.text.count('is left out') == 3
  assert 'gone is not a directory' in caplog.text


def test_data_that_is_there_but_wrong_is_never_left_out(tmp_path, source):
  (tmp_path / 'text.npz').write_text('not arrays')
  np.savez(
    tmp_path / 'none.npz',
    test_images=np.zeros((0, 4, 4, 1), np.uint8),
    test_labels=np.zeros(0, int),
  )
  for name, match in (
    (f'{source}@validation', 'has no images of validation'),
    (f'npz:{tmp_path}/text.npz', 'not an npz'),
    (f'npz:{tmp_path}/none.npz', 'non-empty'),
    ('digits@validation', 'no split'),
  ):
    with pytest.raises(UserError, match=match):
      load([name], missing='skip')


@pytest.mark.parametrize('missing', ['raise', 'skip'])
@pytest.mark.parametrize(
  ('name', 'match'),
  [
    ('gausian', "unknown .* 'gausian'; did you mean 'gaussian'"),
    ('tdfs:mnist', 'did you mean .tfds:mnist'),
    ('openood', 'openood_cifar10'),
    ('near:openood_cifar10', 'unknown'),
    ('xyz', 'there is gaussian, .*cutmix, .*corrupted:warp, .*tfds:NAME'),
    ('npz:', 'unknown out-of-distribution set'),
    ('corrupted:wrap', "corruption family 'wrap': did you mean 'warp'"),
  ],
)
def test_unknown_names_are_told_what_there_is(name, match, missing):
  with pytest.raises(UserError, match=match) as caught:
    load(['uniform', name], missing=missing)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'rows': 0}, 'rows is 0'),
    ({'like': images() / 255}, r'float64\[12, 9, 9, 3\]'),
    ({'like': images()[0]}, r'uint8\[9, 9, 3\]'),
    ({'like': images(1)}, 'at least two'),
    ({'missing': 'ignore'}, "'ignore'; give 'raise' or 'skip'"),
  ],
)
def test_wrong_arguments(changes, match):
  with pytest.raises(UserError, match=match):
    load(**{'names': ['uniform'], **changes})


def test_presets_expand_to_sources_that_tfds_knows(tmp_path):
  tfds = pytest.importorskip('tensorflow_datasets')
  # Tiny ImageNet has no builder in TFDS: it is prepared by hand.
  known = {*tfds.list_builders(with_community_datasets=False), 'tiny_imagenet'}
  for preset, names in sets.PRESETS.items():
    for name in names:
      place, _ = sets.split_source(name.removeprefix('near:tfds:'))
      builder, _, config = place.removeprefix('tfds:').partition('/')
      assert builder in known
      if config:
        configs = tfds.builder_cls(builder).BUILDER_CONFIGS
        assert config in [c.name for c in configs]
    assert load([preset], data_dir=str(tmp_path), missing='skip') == []
    with pytest.raises(UserError, match='is not prepared'):
      load([preset], data_dir=str(tmp_path))


def test_outliers_are_training_rows_by_seed(source):
  found = data.load_outliers(source, (6, 4, 3), rows=8, seed=0)
  assert (found.shape, found.dtype) == ((8, 6, 4, 3), np.uint8)
  greys = found[:, 0, 0, 0]
  assert len(set(greys.tolist())) == 8
  every = data.load_outliers(source, (6, 4, 3), rows=99, seed=0)
  assert every.max() >= 10  # test has no such row
  again, other = (
    data.load_outliers(source, (6, 4, 3), rows=8, seed=s) for s in (0, 1)
  )
  np.testing.assert_array_equal(again, found)
  assert not np.array_equal(other, found)
  test = data.load_outliers(f'{source}@test', (6, 4, 3), rows=99, seed=0)
  assert len(test) == 10
  for rows, name, shape, match in (
    (0, source, (6, 4, 3), 'rows is 0'),
    (8, 'gaussian', (6, 4, 3), 'unknown data set'),
    (8, source, (6, 4, 2), '2 channels'),
  ):
    with pytest.raises(UserError, match=match):
      data.load_outliers(name, shape, rows=rows, seed=0)


def test_real_sets(data_dir):
  names = ('tfds:mnist@test[:40]', 'near:tfds:tiny_imagenet@validation[:40]')
  like = images(shape=(32, 32, 3))
  found = load(names, like, rows=30, data_dir=data_dir)
  assert [s.near for s in found] == [False, True]
  for each in found:
    assert each.images.shape == (30, 32, 32, 3)
    assert correlation(each.images) > 0.8
  outliers, rest = (
    data.load_outliers(
      f'tfds:tiny_imagenet@validation{part}',
      (32, 32, 3),
      rows=40,
      seed=0,
      data_dir=data_dir,
    )
    for part in ('[:40]', '[40:80]')
  )
  # The rows that were tested on are among the first forty, not the next.
  kept = {row.tobytes() for row in found[1].images}
  assert kept <= {row.tobytes() for row in outliers}
  assert not kept & {row.tobytes() for row in rest}
