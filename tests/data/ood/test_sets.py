"""Out-of-distribution sets: what each name gives, and what leaves it alone."""

from __future__ import annotations

import logging

import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.ood import generated, sets
from rdd_jax.images import corruptions

DRAWN = tuple(generated.KINDS)
MADE = ('rotation', 'rotation90', 'rotation180', 'mean_of_two', 'cutmix')


def images(n=12, shape=(9, 9, 3), seed=0):
  return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def load(names, like=None, rows=6, seed=0, **kwargs):
  like = images() if like is None else like
  return data.load_ood(names, like, rows, seed=seed, **kwargs)


def alone(name, *args, **kwargs):
  (found,) = load([name], *args, **kwargs)
  return found


def correlation(x):
  """Of pixels with those to their right."""
  left, right = x[:, :, :-1].ravel(), x[:, :, 1:].ravel()
  return np.corrcoef(left.astype(float), right.astype(float))[0, 1]


def npz(path, n=10, split='test', shape=(5, 7, 1)):
  """Rows that are told apart by their grey, which resizing keeps."""
  pixels = np.broadcast_to(
    np.arange(n, dtype=np.uint8).reshape(-1, 1, 1, 1), (n, *shape)
  )
  more = {f'{split}_images': pixels, f'{split}_labels': np.zeros(n, int)}
  stored = dict(np.load(path)) if path.exists() else {}
  np.savez(path, **{**stored, **more})
  return f'npz:{path}'


@pytest.fixture
def source(tmp_path):
  npz(tmp_path / 'set.npz', split='train', n=20)
  return npz(tmp_path / 'set.npz')


@pytest.mark.parametrize(
  'shape', [(9, 9, 3), (8, 8, 1), (1, 1, 3), (33, 33, 1)]
)
def test_all_sets_have_the_shape_of_the_data(shape):
  names = (*DRAWN, 'rotation90', 'digits')
  found = load(names, images(shape=shape))
  assert tuple(s.name for s in found) == names
  for each in found:
    assert each.images.shape == (6, *shape), each.name
    assert each.images.dtype == np.uint8, each.name


def test_oblong_images_are_drawn_mixed_and_turned_upside_down():
  like = images(shape=(5, 8, 3))
  names = (*DRAWN, 'rotation180', 'cutmix', 'digits')
  assert {s.images.shape for s in load(names, like)} == {(6, 5, 8, 3)}
  for name in ('rotation', 'rotation90', 'corrupted:rotation'):
    with pytest.raises(UserError, match=rf'{name} of 5x8 .* take rotation180'):
      load([name], like)


def test_noise_of_any_number_of_channels():
  names = ('gaussian', 'uniform', 'rademacher', 'blobs', 'mean_of_two')
  found = load(names, images(shape=(6, 6, 2)))
  assert {s.images.shape for s in found} == {(6, 6, 6, 2)}


@pytest.mark.parametrize('name', ['patches', 'digits', 'folder:nowhere'])
@pytest.mark.parametrize('missing', ['raise', 'skip'])
def test_photographs_and_sources_need_one_or_three_channels(name, missing):
  with pytest.raises(UserError, match=f'{name} has .* of 2 channels'):
    load([name], images(shape=(6, 6, 2)), missing=missing)


def test_near_and_families():
  found = load((*DRAWN, *MADE, 'digits', 'near:digits@train', 'near:blobs'))
  assert {s.name for s in found if s.near} == {*MADE, 'digits@train', 'blobs'}
  families = {s.name: s.families for s in found}
  for name in ('gaussian', 'uniform', 'rademacher'):
    assert families[name] == ('noise', 'frequency')
  assert families['blobs'] == ('flat',)
  for name in ('patches', 'digits'):
    assert families[name] == ()
  assert families['rotation'] == families['rotation90'] == ('rotation',)
  assert families['mean_of_two'] == ('mix',)
  assert families['cutmix'] == ('paste',)
  known = {tag for tags in families.values() for tag in tags}
  assert known <= set(corruptions.FAMILIES)


def test_families_can_be_left_out_of_training_and_tested():
  like = images(shape=(8, 8, 3))
  # The laws of all of them are in test_corruptions.py.
  for found in load(['corrupted:tiles', 'corrupted:noise'], like):
    assert (found.name, found.near) == (f'corrupted:{found.families[0]}', True)
    assert found.images.shape == (6, 8, 8, 3)
    same = (found.images[:, None] == like).all((2, 3, 4))
    assert not same.any(), found.name


@pytest.mark.parametrize('name', ['blobs', 'patches', 'rotation', 'digits'])
def test_a_set_depends_on_its_seed_and_no_other_set(name):
  first = alone(name).images
  np.testing.assert_array_equal(alone(name).images, first)
  among = load(['uniform', name, 'gaussian'])[1].images
  np.testing.assert_array_equal(among, first)
  assert not np.array_equal(alone(name, seed=1).images, first)


def test_sets_of_one_seed_are_drawn_apart():
  first, second = load(['uniform', 'gaussian'])
  levels = [
    np.argsort(s.images.ravel(), kind='stable') for s in (first, second)
  ]
  assert not np.array_equal(levels[0], levels[1])


def test_a_name_said_twice_is_there_once_and_near_if_ever():
  found = load(['digits', 'near:digits', 'digits'])
  assert [(s.name, s.near) for s in found] == [('digits', True)]
  (found,) = load('uniform')
  assert found.name == 'uniform'


def test_noise_is_as_its_name_says():
  like = images(shape=(16, 16, 3))
  found = {s.name: s.images for s in load(DRAWN, like, rows=100)}
  pixels = {name: x / 255 for name, x in found.items()}
  assert set(np.unique(found['rademacher'])) == {0, 255}
  assert pixels['rademacher'].mean() == pytest.approx(0.5, abs=0.01)
  assert pixels['uniform'].std() == pytest.approx(12**-0.5, abs=0.01)
  # Of a normal with mean and deviation 0.5, 15.9 % are above 1.
  assert (found['gaussian'] == 255).mean() == pytest.approx(0.159, abs=0.01)
  assert (found['gaussian'] == 0).mean() == pytest.approx(0.159, abs=0.01)
  shapes = found['blobs']
  assert shapes[shapes > 0].min() == round(0.75 * 255)
  assert 0.1 < (shapes > 0).mean() < 0.4


def test_photographs_are_smooth_and_noise_is_not():
  found = load(DRAWN, images(shape=(16, 16, 3)), rows=60)
  smooth = {s.name: correlation(s.images) for s in found}
  assert smooth['patches'] > 0.9
  assert smooth['blobs'] > 0.5
  for name in ('gaussian', 'uniform', 'rademacher'):
    assert abs(smooth[name]) < 0.05


def test_patches_differ_and_have_colour_only_where_the_data_has():
  found = alone('patches', images(shape=(16, 16, 3)), rows=30).images
  assert len(np.unique(found.reshape(30, -1), axis=0)) == 30
  assert not (found[..., 0] == found[..., 2]).all()
  assert alone('patches', images(shape=(16, 16, 1))).images.shape[3] == 1


def test_patches_larger_than_the_photographs():
  found = alone('patches', images(2, (450, 450, 1)), rows=1).images
  assert found.shape == (1, 450, 450, 1)


def test_turned_images_are_those_of_the_data():
  like = images()
  turns = {'rotation90': (1,), 'rotation180': (2,), 'rotation': (1, 2, 3)}
  for name, quarters in turns.items():
    turned = np.concatenate([np.rot90(like, q, (1, 2)) for q in quarters])
    for row in alone(name, like).images:
      assert (row == turned).all((1, 2, 3)).sum() == 1, name


def test_a_single_row_is_mixed_with_another():
  like = images()
  for name in ('mean_of_two', 'cutmix'):
    found = alone(name, like, rows=1).images
    assert found.shape == (1, 9, 9, 3)
    assert not (found == like).all((1, 2, 3)).any()


def test_parts_of_a_large_set_are_corrupted_apart(monkeypatch):
  monkeypatch.setattr(sets, '_CHUNK', 4)
  like = np.repeat(images(1), 13, axis=0)
  found = alone('corrupted:noise', like, rows=13).images
  assert len(np.unique(found.reshape(13, -1), axis=0)) == 13


def test_rows_are_those_asked_for_or_all(source):
  for rows, given in ((4, 4), (10, 10), (50, 10)):
    found = alone(source, rows=rows).images
    assert found.shape == (given, 9, 9, 3)
    greys = found[:, 0, 0, 0].tolist()
    assert greys == sorted(set(greys))
  assert len(alone('rotation', rows=50).images) == 12
  assert len(alone('blobs', rows=50).images) == 50


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
    (f'{source}@validation', 'lacks validation_images'),
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
  assert greys.max() >= 10  # test has no such row
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
