"""A distilled set comes back as it was, or says in one line why not."""

from __future__ import annotations

import json
import re

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.artifact import store
from rdd_jax.artifact.card import make_card
from rdd_jax.artifact.store import ARRAYS, CARD, Distilled, load, save, to_batch
from rdd_jax.core.errors import UserError
from rdd_jax.images.preprocessing import fit, standardize


def card(factor: int = 1) -> dict:
  return make_card(
    data={'name': 'digits'},
    class_names=('zero', 'one'),
    label_kind='soft',
    factor=factor,
    network={'name': 'convnet', 'width': 32},
    student=None,
    outside={},
    shift={},
    evaluation={'epochs': 300},
    seeds={'distillation': 0, 'networks': [0, 1]},
    numbers={'accuracy': {'mean': np.float32(0.5), 'values': np.zeros(2)}},
  )


def distilled(factor: int = 1, zca: bool = False) -> Distilled:
  rng = np.random.default_rng(0)
  preprocessing = standardize([0.3, 0.4, 0.5], [0.2, 0.2, 0.3])
  if zca:
    pixels = rng.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    preprocessing = fit(pixels, zca=0.1)
  return Distilled(
    images=(2 * rng.normal(size=(5, 4, 4, 3))).astype(np.float32),
    targets=rng.dirichlet(np.ones(2), 5).astype(np.float32),
    weights=np.array([1, 1, 1, 1, 0.5], np.float32),
    cells=np.array([0, 0, 1, 1, 2], np.int32),
    preprocessing=preprocessing,
    card=card(factor),
  )


def arrays(d: Distilled) -> tuple:
  return d.images, d.targets, d.weights, d.cells, d.preprocessing


@pytest.mark.parametrize('zca', [False, True])
@pytest.mark.parametrize('name', ['', ARRAYS])
def test_a_set_comes_back_bit_by_bit(tmp_path, zca, name):
  before = distilled(zca=zca)
  save(tmp_path / 'new' / 'place', before)
  after = load(tmp_path / 'new' / 'place' / name)
  chex.assert_trees_all_equal(arrays(before), arrays(after))
  assert after.images.dtype == np.float32
  assert after.cells.dtype == np.int32
  assert after.card['class_names'] == ['zero', 'one']
  assert after.card['numbers']['accuracy'] == {'mean': 0.5, 'values': [0, 0]}
  assert after.card['versions']['jax']
  assert after.card['arrays']['images'] == [5, 4, 4, 3]


def test_saving_again_gives_the_same_bytes_and_leaves_nothing_behind(tmp_path):
  save(tmp_path, distilled())
  first = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
  save(tmp_path, load(tmp_path))
  assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == first
  assert set(first) == {ARRAYS, CARD}


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
  save(tmp_path, distilled())

  def fail(*_):
    raise OSError('no space left')

  monkeypatch.setattr(store.os, 'replace', fail)
  with pytest.raises(OSError, match='no space left'):
    save(tmp_path, distilled(factor=2))
  monkeypatch.undo()
  assert load(tmp_path).card['factor'] == 1
  assert len(list(tmp_path.iterdir())) == 2


def _without(key):
  def damage(path):
    whole = json.loads((path / CARD).read_text())
    whole.pop(key)
    (path / CARD).write_text(json.dumps(whole))

  return damage


def _set(key, value):
  def damage(path):
    whole = json.loads((path / CARD).read_text())
    (path / CARD).write_text(json.dumps({**whole, key: value}))

  return damage


def _cut(name, to):
  def damage(path):
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: int(to * len(data))])

  return damage


def _flip(path):
  data = bytearray((path / ARRAYS).read_bytes())
  data[len(data) // 2] ^= 1
  (path / ARRAYS).write_bytes(data)


def _other_arrays(path):
  save(path / 'other', distilled(zca=True))
  (path / 'other' / ARRAYS).replace(path / ARRAYS)


def _signed(**changed):
  """Arrays that are wrong although the card vouches for them."""

  def damage(path):
    with np.load(path / ARRAYS) as npz:
      kept = {k: v for k, v in {**npz, **changed}.items() if v is not None}
    np.savez(path / ARRAYS, **kept)
    digest = store.hashlib.sha256((path / ARRAYS).read_bytes()).hexdigest()
    _set('sha256', digest)(path)

  return damage


@pytest.mark.parametrize(
  'damage',
  [
    lambda path: (path / ARRAYS).unlink(),
    lambda path: (path / CARD).unlink(),
    _cut(ARRAYS, 0.5),
    _cut(ARRAYS, 0),
    _cut(CARD, 0.5),
    _cut(CARD, 0),
    _flip,
    _other_arrays,
    lambda path: (path / CARD).write_bytes(b'\xff\xfe\x00'),
    lambda path: (path / CARD).write_text('[]'),
    _without('schema'),
    _without('sha256'),
    _without('factor'),
    _set('schema', 99),
    _set('factor', 'two'),
    _signed(images=None),
    _signed(targets=np.zeros((4, 2), np.float32)),
    _signed(images=np.zeros((5, 3), np.float32)),
    _signed(cells=np.array([{}] * 5)),
    _signed(cells=np.zeros(5, np.float32)),
    _signed(**{'preprocessing.mean': None}),
    _signed(**{'preprocessing.hue': np.zeros(3)}),
  ],
)
def test_damage_is_told_in_one_line(tmp_path, damage):
  save(tmp_path, distilled())
  damage(tmp_path)
  with pytest.raises(UserError) as caught:
    load(tmp_path)
  assert '\n' not in str(caught.value)
  assert re.search(r'; \w+', str(caught.value))  # what to do


def _changed(name, index, value):
  """One entry of an array made wrong, and vouched for."""

  def damage(path):
    with np.load(path / ARRAYS) as npz:
      array = npz[name].copy()
    array[index] = value
    _signed(**{name: array})(path)

  return damage


@pytest.mark.parametrize(
  ('damage', 'wrong', 'remedy'),
  [
    (_set('schema', 2), 'schema 2, newer than 1', 'install rdd_jax'),
    (_set('schema', 0), 'schema 0, which never was', 'copy the card'),
    (_set('class_names', []), 'class_names []', 'copy the card'),
    (_flip, 'SHA-256 is', 'copy both files again'),
    (_signed(images=None), 'lacks images (it has cells', 'so named'),
    (
      _signed(targets=np.ones((5, 3), np.float32)),
      'targets is [5, 3] where the card says [5, 2]',
      'copy both',
    ),
    (_changed('targets', 1, np.nan), 'targets has 2 entries that', 'distil'),
    (_changed('images', (0, 0), np.inf), 'images has 12 entries', 'distil'),
    (_changed('targets', 2, 0.7), 'row 2 sums to 1.4', '"free"'),
    (_changed('weights', 0, -1), 'weights are in [-1, 1]', 'none below 0'),
    (_changed('weights', slice(5), 0), 'weights are in [0, 0]', 'some above'),
    (_changed('cells', 0, -2), 'cells go down to -2', 'give the class'),
    (_changed('preprocessing.std', 0, 0), 'std goes down to 0', 'above 0'),
    (_set('class_names', list('abc')), '2 columns for 3 class_names', 'reject'),
  ],
)
def test_what_is_wrong_is_named_with_its_remedy(
  tmp_path, damage, wrong, remedy
):
  save(tmp_path, distilled())
  damage(tmp_path)
  with pytest.raises(UserError) as caught:
    load(tmp_path)
  assert wrong in str(caught.value)
  assert remedy in str(caught.value)


def test_a_reject_class_is_a_column_more_than_there_are_names(tmp_path):
  save(tmp_path, distilled())
  _set('class_names', ['one'])(tmp_path)
  assert load(tmp_path).targets.shape[1] == 2


def test_free_targets_need_not_lie_on_the_simplex(tmp_path):
  save(tmp_path, distilled())
  _changed('targets', 2, 0.7)(tmp_path)
  _set('label_kind', 'free')(tmp_path)
  assert load(tmp_path).targets[2].sum() == pytest.approx(1.4)


@pytest.mark.parametrize(
  ('dropped', 'wrong'),
  [
    ('preprocessing.centre', 'of whitening only whiten, unwhiten'),
    ('preprocessing.whiten', 'of whitening only centre, unwhiten'),
  ],
)
def test_half_a_whitening_is_refused(dropped, wrong):
  arrays = store.to_arrays(distilled(zca=True))
  del arrays[dropped]
  with pytest.raises(UserError, match=wrong):
    store.from_arrays(arrays, card(), 'it')


def test_whitening_of_another_size_is_refused():
  arrays = store.to_arrays(distilled(zca=True))
  arrays['images'] = np.zeros((5, 5, 4, 3), np.float32)
  with pytest.raises(UserError, match=r'give floats\[60\]'):
    store.from_arrays(arrays, card(), 'it')


def test_a_path_where_nothing_is_says_so(tmp_path):
  for path in (tmp_path / 'nowhere', tmp_path / 'x.npz', tmp_path / CARD):
    with pytest.raises(UserError, match='give the directory of a'):
      load(path)


def test_a_tiled_set_is_decoded_for_training():
  batch = to_batch(distilled(factor=2))
  assert batch.inputs.shape == (20, 4, 4, 3)
  np.testing.assert_array_equal(batch.cells, np.repeat([0, 0, 1, 1, 2], 4))
  np.testing.assert_allclose(batch.targets.sum(1), 1, rtol=1e-6)
  np.testing.assert_array_equal(batch.weights[-5:], [1, 0.5, 0.5, 0.5, 0.5])


def test_rows_of_a_plain_set_are_its_preprocessed_images():
  d = distilled()
  batch = to_batch(d)
  np.testing.assert_array_equal(
    batch.inputs, d.preprocessing(jnp.asarray(d.images))
  )
