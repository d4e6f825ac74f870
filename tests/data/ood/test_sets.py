"""Out-of-distribution sets: what each name gives, and what leaves it alone."""

from __future__ import annotations

from data.ood.sets_cases import alone, correlation, images, load
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.data.ood import generated, sets
from rdd_jax.images import corruptions

DRAWN = tuple(generated.KINDS)


MADE = ('rotation', 'rotation90', 'rotation180', 'mean_of_two', 'cutmix')


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
