"""What is converted comes back, whole or less what was said to be lost."""

from __future__ import annotations

from dataclasses import replace
import json
import os
import sys

from absl.testing import flagsaver
from artifact.set_cases import distilled
import chex
import numpy as np
import pytest

from rdd_jax import convert, data
from rdd_jax.artifact import export, store, third_party
from rdd_jax.artifact.load import self_described
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import formats, of_card


@pytest.fixture(params=[1, 2])
def saved(request, tmp_path):
  store.save(tmp_path / 'set', distilled(request.param))
  return tmp_path / 'set'


def arrays(d: Distilled) -> dict:
  return store.to_arrays(d)


@pytest.mark.parametrize('to', ['npz', 'safetensors'])
def test_one_file_keeps_everything(saved, tmp_path, to: str):
  pytest.importorskip({'npz': 'numpy'}.get(to, to))
  (line,) = convert.convert(saved, to, tmp_path / 'out')
  path = tmp_path / 'out' / f'set.{to}'
  assert str(path) in line
  before, after = store.load(saved), self_described(path)
  assert after is not None
  chex.assert_trees_all_equal(arrays(before), arrays(after))
  assert {**after.card, 'sha256': before.card['sha256']} == before.card
  # And back to where it came from, to the byte.
  store.save(tmp_path / 'again', after)
  for name in (store.ARRAYS, store.CARD):
    again = (tmp_path / 'again' / name).read_bytes()
    assert again == (saved / name).read_bytes()


@pytest.mark.parametrize('to', ['npz', 'safetensors'])
def test_a_file_of_one_format_converts_to_the_other(saved, tmp_path, to):
  pytest.importorskip('safetensors')
  other = {'npz': 'safetensors', 'safetensors': 'npz'}[to]
  convert.convert(saved, other, tmp_path / 'a')
  convert.convert(tmp_path / 'a' / f'set.{other}', to, tmp_path / 'b')
  convert.convert(saved, to, tmp_path / 'c')
  both = [(tmp_path / d / f'set.{to}').read_bytes() for d in 'bc']
  assert both[0] == both[1]


def test_damage_to_a_single_file_is_noticed(tmp_path):
  pytest.importorskip('safetensors')
  path = tmp_path / 'set.safetensors'
  export.write_safetensors(path, distilled())
  whole = bytearray(path.read_bytes())
  whole[-10] ^= 1
  path.write_bytes(whole)
  with pytest.raises(UserError, match=r'SHA-256 .*; copy or convert it again'):
    self_described(path)


@pytest.mark.parametrize('write', [export.write_npz, export.write_safetensors])
def test_a_newer_schema_is_refused_in_any_file(tmp_path, write):
  pytest.importorskip('safetensors')
  path = tmp_path / ('a.npz' if write is export.write_npz else 'a.safetensors')
  write(path, distilled(schema=2))
  with pytest.raises(UserError, match='schema 2, newer than 1'):
    self_described(path)


@pytest.mark.parametrize('factor', [1, 2, 3])
def test_decoded_rows_are_those_that_networks_see(factor):
  before = distilled(factor)
  after = export.decoded(before)
  assert after.card['factor'] == 1
  chex.assert_trees_all_close(
    store.to_batch(before), store.to_batch(after), rtol=1e-6
  )


def test_a_tfds_directory_keeps_rows_and_brings_test_rows(saved, tmp_path):
  tfds = pytest.importorskip('tensorflow_datasets')
  out = tmp_path / 'out'
  lines = convert.convert(saved, 'tfds', out)
  assert f"load('tfds:distilled_digits', data_dir='{out}')" in lines[1]
  rows = export.decoded(store.load(saved))
  known = rows.cells < 10
  builder = tfds.builder_from_directory(out / 'distilled_digits' / '1.0.0')
  assert builder.info.supervised_keys == ('image', 'label')
  for split, chosen in (('train', known), ('outliers', ~known)):
    found = list(builder.as_data_source(split))
    assert len(found) == builder.info.splits[split].num_examples
    for name, array in (
      ('pixels', rows.images),
      ('target', rows.targets),
      ('weight', rows.weights),
      ('cell', rows.cells),
    ):
      stored = np.stack([record[name] for record in found])
      np.testing.assert_array_equal(stored, array[chosen])
    labels = [record['label'] for record in found]
    assert labels == (
      rows.cells[known].tolist() if split == 'train' else [-1] * len(found)
    )
  loaded = data.load('tfds:distilled_digits', data_dir=str(out))
  clipped = np.rint(255 * rows.images.clip(0, 1)).astype(np.uint8)
  np.testing.assert_array_equal(loaded.train_images, clipped[known])
  np.testing.assert_array_equal(loaded.train_labels, rows.cells[known])
  tests = data.load('digits')
  np.testing.assert_array_equal(loaded.test_images, tests.test_images)
  np.testing.assert_array_equal(loaded.test_labels, tests.test_labels)
  assert 'tensorflow' not in sys.modules


def test_without_its_data_set_there_are_no_test_rows(tmp_path):
  pytest.importorskip('tensorflow_datasets')
  gone = {'name': 'tfds:gone', 'data_dir': str(tmp_path)}
  store.save(tmp_path / 'set', distilled(data=gone))
  out = tmp_path / 'out'
  lines = convert.convert(tmp_path / 'set', 'tfds', out, str(tmp_path))
  assert "load_split('tfds:distilled_tfds_gone', 'train'" in lines[1]
  assert 'no test rows, as their data set cannot be read' in lines[2]
  name = 'tfds:distilled_tfds_gone'
  split = data.load_split(name, 'train', data_dir=str(out))
  assert len(split.labels) == 11
  with pytest.raises(UserError, match='has no split'):
    data.load(name, data_dir=str(out))


def test_a_folder_keeps_8_bit_pixels_and_classes(saved, tmp_path):
  out = tmp_path / 'out'
  lines = convert.convert(saved, 'folder', out)
  rows = export.decoded(store.load(saved))
  order = np.argsort(rows.cells, kind='stable')
  order = order[rows.cells[order] < 10]
  raw = third_party.read(out, channels=1)
  found = third_party.understand(raw, (8, 8, 1), rows.card['class_names'], 'it')
  np.testing.assert_array_equal(found.labels.cells, rows.cells[order])
  clipped = np.rint(255 * rows.images.clip(0, 1)).astype(np.uint8)
  np.testing.assert_array_equal(found.images, clipped[order])
  told = ' '.join(lines)
  for lost in ('were clipped', '8 bits', 'soft labels', 'weights', 'outlier'):
    assert lost in told
  assert ('of tiles became 48' in told) == (rows.images.shape[0] == 48)


def test_nothing_is_said_to_be_lost_that_is_not():
  before = distilled()
  plain = replace(
    before,
    images=before.images.clip(0, 1)[:10],
    targets=np.eye(10, dtype=np.float32),
    weights=np.ones(10, np.float32),
    cells=before.cells[:10],
  )
  assert export.losses(plain) == ['pixels were rounded to 8 bits']


def test_names_that_are_no_directories_give_way_to_numbers(tmp_path):
  names = ('../up', *'123456789')
  export.write_folder(tmp_path / 'a', distilled(class_names=names))
  assert {p.name for p in (tmp_path / 'a').iterdir()} == set('0123456789')


def test_the_command(saved, tmp_path, capsys):
  out = tmp_path / 'out'
  with flagsaver.flagsaver((convert._TO, 'npz'), (convert._OUT, str(out))):
    convert.main(['convert', str(saved)])
    assert 'all of it' in capsys.readouterr().out
    with pytest.raises(UserError, match='is in use; choose another --out'):
      convert.main(['convert', str(saved)])
    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(os, 'access', lambda *_: False)
      with pytest.raises(UserError, match=r'--out=.* cannot be written to'):
        convert.convert(saved, 'npz', tmp_path / 'closed')
  np.savez(tmp_path / 'x.npz', x=np.zeros(3))
  with pytest.raises(UserError, match='no card of ours; make it an artefact'):
    convert.convert(tmp_path / 'x.npz', 'npz', tmp_path / 'new')
  with pytest.raises(UserError, match='--to=png: give one of npz'):
    convert.convert(saved, 'png', tmp_path / 'new')
  with pytest.raises(UserError, match=r'python -m rdd_jax.convert RUNS/NAME'):
    convert.main(['convert', str(saved)])


def test_the_card_of_a_file_names_the_data_set_that_judges(saved, tmp_path):
  convert.convert(saved, 'npz', tmp_path / 'out')
  found = self_described(tmp_path / 'out' / 'set.npz')
  assert found is not None
  dataset = of_card.load(json.loads(json.dumps(found.card)))
  assert len(dataset.test_labels) == 500


def test_what_fails_leaves_no_directory(saved, tmp_path, monkeypatch):
  def fails(distilled, out, data_dir):
    (out / 'half').mkdir()
    (out / 'half' / 'file').write_text('half')
    raise UserError('it cannot')

  monkeypatch.setitem(formats.FORMATS, 'npz', fails)
  with pytest.raises(UserError, match='it cannot'):
    convert.convert(saved, 'npz', tmp_path / 'new' / 'out')
  assert not (tmp_path / 'new').exists()
