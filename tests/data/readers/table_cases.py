"""Folders written again as tables, for tests of their reading."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from rdd_jax import data
from rdd_jax.data.readers import listing
from rdd_jax.data.readers.report import Report

FIELDS = ('images', 'labels', 'names')


def write_csv(file, header, rows, **options):
  """Writes a CSV file of rows."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n', **options)
  writer.writerows([header, *rows])
  file.parent.mkdir(parents=True, exist_ok=True)
  file.write_text(text.getvalue(), encoding='utf-8')
  return file


def listed(root, part=''):
  """The images of a folder of classes, in its order: path, name and class."""
  classes = listing.subdirectories(root / part)
  found = listing.list_classes(root / part, classes, root, Report(''))
  return [(root / file.name, file.name, classes[file.label]) for file in found]


def features(classes):
  """The metadata that Hugging Face's datasets writes into a schema."""
  return {
    'image': {'_type': 'Image'},
    'label': {'names': list(classes), '_type': 'ClassLabel'},
  }


def as_arrow(rows, classes=None):
  """A table of encoded images; labels are numbers of classes, or words."""
  pictures = pa.array(
    [{'bytes': path.read_bytes(), 'path': path.name} for path, _, _ in rows],
    pa.struct([('bytes', pa.binary()), ('path', pa.string())]),
  )
  labels = [label for _, _, label in rows]
  if classes:
    labels = [classes.index(label) for label in labels]
  table = pa.table({'image': pictures, 'label': labels})
  if not classes:
    return table
  known = json.dumps({'info': {'features': features(classes)}})
  return table.replace_schema_metadata({'huggingface': known})


def write_parquet(file, *args):
  """Writes such a table, in several row groups."""
  file.parent.mkdir(parents=True, exist_ok=True)
  parquet.write_table(as_arrow(*args), file, row_group_size=7)
  return file


def write_saved(root, *args):
  """Writes such a table as `Dataset.save_to_disk` does, in two shards."""
  root.mkdir(parents=True, exist_ok=True)
  table = as_arrow(*args)
  half = len(table) // 2
  names = [f'data-0000{i}-of-00002.arrow' for i in range(2)]
  for name, part in zip(names, (table[:half], table[half:]), strict=True):
    with pa.ipc.new_stream(str(root / name), table.schema) as stream:
      stream.write_table(part, max_chunksize=5)
  state = {'_data_files': [{'filename': name} for name in names]}
  (root / 'state.json').write_text(json.dumps(state))
  (root / 'dataset_info.json').write_text('{}')
  return root


def same(found, expected, fields=FIELDS):
  """Checks that two data sets have the same rows."""
  assert found.class_names == expected.class_names
  for split in ('train', 'test'):
    for field in fields:
      np.testing.assert_array_equal(
        getattr(found, f'{split}_{field}'),
        getattr(expected, f'{split}_{field}'),
      )


def load(name, capsys, **options):
  """Loads a data set; returns it and what was printed after its name."""
  capsys.readouterr()
  found = data.load(name, **options)
  lines = capsys.readouterr().out.splitlines()
  assert all(line.startswith(f'{name}: ') for line in lines)
  return found, [line.removeprefix(f'{name}: ') for line in lines]
