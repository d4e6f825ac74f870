"""What a data set's files say of themselves imports nothing, fills nothing."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
import struct
import sys

from data.readers.tfds_cases import _png, _write
import numpy as np
from PIL import Image
import pyarrow as pa
from pyarrow import parquet
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.readers import tfds_builder

PIXELS = np.zeros((4, 4, 1), np.uint8)
ROWS = [(_png(PIXELS), 0), (_png(PIXELS), 1)]


@pytest.fixture
def prepared(tmp_path):
  splits = {'train': ROWS, 'test': ROWS}
  return _write(tmp_path, 'mine', splits, (4, 4, 1))


@pytest.fixture
def bait(tmp_path, monkeypatch):
  """A module that nothing imports but by a name in a file."""
  (tmp_path / 'bait_of_a_file.py').write_text('class Feature: pass\n')
  monkeypatch.syspath_prepend(tmp_path)
  yield 'bait_of_a_file'
  sys.modules.pop('bait_of_a_file', None)


def _nested(features, name):
  """Puts the name where TFDS looks: of the whole, of a part, of old files."""
  whole, part, old, deep = (json.loads(features) for _ in range(4))
  whole['pythonClassName'] = name
  part['featuresDict']['features']['label']['pythonClassName'] = name
  old = {'type': name, 'content': {}}
  deep['featuresDict']['features']['label'] = {
    'pythonClassName': 'tensorflow_datasets.core.features.sequence_feature.'
    'Sequence',
    'jsonFeature': {
      'json': json.dumps({'feature': {'type': name, 'content': {}}})
    },
  }
  return {'whole': whole, 'part': part, 'old': old, 'deep': deep}


@pytest.mark.parametrize('place', ['whole', 'part', 'old', 'deep'])
def test_a_feature_s_class_is_not_imported(prepared, bait, tmp_path, place):
  file = prepared / 'features.json'
  made = _nested(file.read_text(), f'{bait}.Feature')[place]
  file.write_text(json.dumps(made))
  with pytest.raises(ValueError, match=r'.') as error:
    data.load('tfds:mine', data_dir=str(tmp_path))
  assert bait not in sys.modules
  if place != 'deep':  # which this version of TFDS does not read so
    assert 'was not imported' in str(error.value)
    assert isinstance(error.value, UserError)


def test_the_bait_would_be_taken(prepared, bait, tmp_path):
  """By TFDS alone: or else the test above could not fail."""
  import tensorflow_datasets as tfds

  file = prepared / 'features.json'
  made = _nested(file.read_text(), f'{bait}.Feature')['part']
  file.write_text(json.dumps(made))
  with pytest.raises(ValueError, match='Unrecognized FeatureConnector'):
    tfds.builder_from_directory(str(prepared))
  assert bait in sys.modules


def test_opening_leaves_tfds_as_it_was(prepared):
  import tensorflow_datasets as tfds

  before = tfds.features.FeatureConnector.cls_from_name
  assert 'label' in tfds_builder.open_builder(prepared).info.features
  assert tfds.features.FeatureConnector.cls_from_name == before


@pytest.mark.parametrize('name', ['../mine', '/mine', 'a/../../mine'])
def test_a_name_stays_in_the_data_directory(prepared, tmp_path, name):
  inner = tmp_path / 'inner'
  inner.mkdir()
  with pytest.raises(UserError, match='is no name of a data set'):
    data.load(f'tfds:{name}', data_dir=str(inner))


def test_more_rows_than_memory_holds(prepared, tmp_path):
  file = prepared / 'dataset_info.json'
  info = json.loads(file.read_text())
  info['splits'][0]['shardLengths'] = [str(2**58)]
  file.write_text(json.dumps(info))
  with pytest.raises(UserError, match=r'would take 2.0 EiB of memory'):
    data.load_split('tfds:mine', 'train', data_dir=str(tmp_path))


def _idx(path: Path, shape: tuple[int, ...], held: int, gz: bool) -> None:
  raw = bytes((0, 0, 8, len(shape))) + struct.pack(f'>{len(shape)}I', *shape)
  name = f'train-{"images" if len(shape) == 3 else "labels"}-idx{len(shape)}'
  raw += b'\0' * held
  file = path / f'{name}-ubyte{".gz" if gz else ""}'
  file.write_bytes(gzip.compress(raw) if gz else raw)


@pytest.mark.parametrize('gz', [False, True])
@pytest.mark.parametrize(
  ('shape', 'held', 'match'),
  [
    ((2**31, 2**15, 2**15), 64, 'would take 2.0 EiB of memory'),
    ((2, 4, 4), 2**24, 'holds more than 32 bytes'),
    ((2, 4, 4), 31, 'holds 31 bytes'),
  ],
)
def test_an_idx_file_is_as_long_as_its_header_says(
  tmp_path, gz, shape, held, match
):
  _idx(tmp_path, shape, held, gz)
  with pytest.raises(UserError, match=match):
    data.load_split(f'idx:{tmp_path}', 'train')


def test_a_parquet_file_of_more_rows_than_memory_holds(tmp_path, monkeypatch):
  """A million equal numbers take some hundred bytes."""
  file = tmp_path / 'train.parquet'
  parquet.write_table(pa.table({'label': np.zeros(10**6, np.int64)}), file)
  assert file.stat().st_size < 2**16

  class Memory:
    available = 2**20

  monkeypatch.setattr('psutil.virtual_memory', Memory)
  with pytest.raises(UserError, match=r'would take 7.6 MiB of memory'):
    data.load(f'parquet:{file}')


@pytest.mark.parametrize('split', ['../other', '/etc', 'a/b'])
def test_splits_that_datasets_saved_stand_below_it(tmp_path, split):
  root = tmp_path / 'saved'
  root.mkdir()
  (root / 'dataset_dict.json').write_text(json.dumps({'splits': [split]}))
  with pytest.raises(UserError, match='names no split'):
    data.load(f'hf:{root}')


def _bomb(monkeypatch) -> bytes:
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
  stream = io.BytesIO()
  Image.new('L', (15, 10)).save(stream, 'png')  # of which Pillow only warns
  return stream.getvalue()


def test_an_image_beyond_the_bound(monkeypatch):
  encoded = _bomb(monkeypatch)
  with pytest.raises(UserError, match='it has more than 100 pixels, the limit'):
    images.stack([('it', encoded)], 1, None, None)


def test_what_would_start_a_program_is_no_image():
  """Pillow reads EPS by Ghostscript."""
  encoded = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n'
  with pytest.raises(UserError, match='it is not a readable image'):
    images.stack([('it', encoded)], 1, None, None)


def test_more_images_than_memory_holds():
  with pytest.raises(UserError, match='images like it would take'):
    images.stack([('it', ROWS[0][0])], 2**58, None, None)
