"""Cases that the tests of tfds share."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
from PIL import Image
import pytest

from rdd_jax.core.errors import UserError

tfds = pytest.importorskip('tensorflow_datasets')


def _png(image):
  stream = io.BytesIO()
  Image.fromarray(image.squeeze()).save(stream, 'png')
  return stream.getvalue()


def _write(
  root,
  name,
  splits,
  shape,
  file_format='array_record',
  names=('cat', 'dog'),
  more=(),
):
  """Writes encoded rows {split: [(bytes, label)]} as TFDS lays them out.

  Each of the further labels `more` is one class ahead of that before it.
  """
  from array_record.python import array_record_module
  from tensorflow_datasets.proto import tf_example_pb2

  directory = root / name / '1.0.0'
  directory.mkdir(parents=True)
  features = tfds.features.FeaturesDict(
    {
      'image': tfds.features.Image(shape=shape),
      **{
        key: tfds.features.ClassLabel(names=list(names))
        for key in ('label', *more)
      },
    }
  )
  features.save_config(str(directory))
  info = {
    'name': name,
    'version': '1.0.0',
    'fileFormat': file_format,
    'splits': [],
  }
  for split, rows in splits.items():
    file = directory / f'{name}-{split}.array_record-00000-of-00001'
    writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
    for encoded, label in rows:
      example = tf_example_pb2.Example()
      fields = example.features.feature
      fields['image'].bytes_list.value.append(encoded)
      for ahead, key in enumerate(('label', *more)):
        fields[key].int64_list.value.append(
          label if label < 0 else (label + ahead) % len(names)
        )
      writer.write(example.SerializeToString())
    writer.close()
    info['splits'].append(
      {
        'name': split,
        'shardLengths': [str(len(rows))],
        'numBytes': '1',
        'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
      }
    )
  (directory / 'dataset_info.json').write_text(json.dumps(info))
  return directory


def _damage(directory, rows, numbers, byte=0, **how):
  """Inverts a byte of each of some records of a train split, which has rows.

  Which bytes are a record's is seen from a file in which it alone is another:
  the first 40 are checksums and sizes, and the others what it holds.
  """
  (file,) = directory.glob('*-train.*')
  found, root = bytearray(file.read_bytes()), directory.parents[1] / 'others'
  for number in numbers:
    others = list(rows)
    others[number] = (_png(np.zeros((3, 2), np.uint8)), 0)
    _write(root, str(number), {'train': others}, (8, 6, 1), **how)
    (other,) = root.glob(f'{number}/*/*-train.*')
    pairs = zip(file.read_bytes(), other.read_bytes(), strict=False)
    place = next(i for i, (a, b) in enumerate(pairs) if a != b) + byte
    found[place] ^= 0xFF
  file.write_bytes(found)
  shutil.rmtree(root)


def _fails(match, call, *args, **kwargs):
  with pytest.raises(UserError, match=match) as caught:
    call(*args, **kwargs)
  assert '\n' not in str(caught.value)
