"""Parquet files, and labels that keep the likeliest classes alone."""

from __future__ import annotations

import io
import json

from artifact.third_party_cases import BYTES, LABELS, NAMES, understood
import numpy as np
from PIL import Image
import pytest

from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.labels import targets_of
from rdd_jax.artifact.third_party.top_k import find_top_k
from rdd_jax.core.errors import UserError

SOFT = np.random.default_rng(3).dirichlet(np.ones(5), 6)
TOP = np.argsort(-SOFT, axis=1)[:, :2]


def png(pixels) -> bytes:
  stream = io.BytesIO()
  Image.fromarray(pixels.squeeze()).save(stream, 'png')
  return stream.getvalue()


def table(path, names=None, **columns):
  """Writes a parquet file as Hugging Face's `datasets` does."""
  pa = pytest.importorskip('pyarrow')
  from pyarrow import parquet

  written = pa.table(columns)
  if names:
    feature = {'_type': 'ClassLabel', 'names': list(names)}
    info = json.dumps({'info': {'features': {'label': feature}}})
    written = written.replace_schema_metadata({'huggingface': info})
  parquet.write_table(written, path)
  return path


def encoded(images=BYTES):
  return [{'bytes': png(image), 'path': None} for image in images]


def test_a_parquet_file_of_encoded_images(tmp_path):
  path = table(tmp_path / 'a.parquet', image=encoded(), label=LABELS)
  raw = third_party.read(path, channels=3)
  found = understood(raw)
  np.testing.assert_array_equal(found.images, BYTES)
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  gray = third_party.read(path, channels=1)
  assert gray.arrays['image'].shape == (*BYTES.shape[:3], 1)


@pytest.mark.parametrize('soft', [False, True])
def test_classes_are_those_that_the_file_names(tmp_path, soft):
  order = [1, 2, 0]  # of its classes among ours
  names = [NAMES[i] for i in order]
  path = table(
    tmp_path / 'a.parquet',
    names,
    image=encoded(),
    label=[order.index(label) for label in LABELS],
    soft_label=np.eye(3)[LABELS][:, order].tolist(),
  )
  key = 'soft_label' if soft else ''
  found = understood(third_party.read(path), labels_key=key)
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  np.testing.assert_array_equal(found.labels.targets, np.eye(3)[LABELS])


def test_labels_may_be_words_and_images_numbers(tmp_path):
  words = [NAMES[label] for label in LABELS]
  path = table(tmp_path / 'a.parquet', pixels=BYTES.tolist(), label=words)
  raw = third_party.read(path)
  found = understood(raw, images_key='pixels')
  np.testing.assert_array_equal(found.images, BYTES)
  np.testing.assert_array_equal(found.labels.cells, LABELS)


def test_shards_keep_the_names_of_classes(tmp_path):
  swapped = NAMES[::-1]
  paths = [
    table(
      tmp_path / f'train-{i}.parquet',
      swapped,
      image=encoded(BYTES[rows]),
      label=2 - LABELS[rows],
    )
    for i, rows in enumerate((slice(4), slice(4, 6)))
  ]
  raw, _ = third_party.read_all(paths, third_party.read)
  np.testing.assert_array_equal(understood(raw).labels.cells, LABELS)
  table(paths[1], NAMES, image=encoded(BYTES[4:]), label=LABELS[4:])
  with pytest.raises(UserError, match='name other classes'):
    third_party.read_all(paths, third_party.read)


def test_parquet_that_cannot_be_read_is_one_line(tmp_path):
  path = table(tmp_path / 'a.parquet', image=encoded(), label=LABELS)
  with pytest.raises(UserError, match=r"give one, .*/a\*\.parquet'"):
    third_party.read(tmp_path)
  path.write_bytes(path.read_bytes()[:-20])
  with pytest.raises(UserError, match='no parquet file') as caught:
    third_party.read(path)
  assert '\n' not in str(caught.value)
  wrong = [png(BYTES[0]), b'no image']
  with pytest.raises(UserError, match='image without an image inside'):
    third_party.read(table(path, image=wrong, label=[0, 1]))
  wrong = [png(BYTES[0]), png(BYTES[0][:3])]
  with pytest.raises(UserError, match='2 sizes, such as 8x3 and 8x6'):
    third_party.read(table(path, image=wrong, label=[0, 1]))


def as_one(values):
  return {'labels': np.stack([TOP, values], 1).astype(np.float16)}


def as_two(values):
  return {'values': values.astype(np.float32), 'indices': TOP.astype(np.int16)}


@pytest.mark.parametrize('write', [as_one, as_two])
def test_the_likeliest_classes_share_the_rest(write):
  kept = np.take_along_axis(SOFT, TOP, 1)
  labels = find_top_k(write(kept), 6)
  assert labels is not None
  found = targets_of(labels, 6, 5, '', 'it')
  expected = np.repeat((1 - kept.sum(1, keepdims=True)) / 3, 5, 1)
  np.put_along_axis(expected, TOP, kept, 1)
  np.testing.assert_allclose(found.targets, expected, atol=2e-3)
  np.testing.assert_allclose(found.targets.sum(1), 1, atol=1e-6)
  np.testing.assert_array_equal(found.cells, SOFT.argmax(1))
  assert (found.kind, found.notes[0][:6]) == ('probabilities', 'top-2 ')
  hard = targets_of(labels, 6, 5, 'hard', 'it')
  np.testing.assert_array_equal(hard.targets, np.eye(5)[SOFT.argmax(1)])


def test_logits_of_the_likeliest_classes_leave_nothing_to_others():
  kept = np.log(np.take_along_axis(SOFT, TOP, 1)) + 3
  labels = find_top_k(as_two(kept), 6)
  assert labels is not None
  with pytest.raises(UserError, match='pass --label_kind=logits'):
    targets_of(labels, 6, 5, '', 'it')
  found = targets_of(labels, 6, 5, 'logits', 'it')
  expected = np.zeros((6, 5))
  top = np.take_along_axis(SOFT, TOP, 1)
  np.put_along_axis(expected, TOP, top / top.sum(1, keepdims=True), 1)
  np.testing.assert_allclose(found.targets, expected, atol=1e-5)


@pytest.mark.parametrize(
  ('index', 'kind', 'wrong'),
  [
    (np.full((6, 2), [0, 5]), '', 'whole, from 0 to 4'),
    (np.full((6, 2), [1, 1]), '', 'each once'),
    (np.full((6, 2), [0, 0.5]), '', 'whole'),
    (TOP, 'free', 'cannot be free'),
  ],
)
def test_top_labels_that_are_none_are_refused(index, kind, wrong):
  labels = np.stack([index, np.full((6, 2), 0.4)], 1)
  with pytest.raises(UserError, match=wrong):
    targets_of(labels, 6, 5, kind, 'it')


def test_a_file_has_images_and_top_labels(tmp_path):
  top = np.stack([LABELS, (LABELS + 1) % 3], 1)
  values = np.full((6, 2), [0.8, 0.1], np.float32)
  np.savez(tmp_path / 'a.npz', images=BYTES, indices=top, values=values)
  found = understood(third_party.read(tmp_path / 'a.npz'))
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  assert any('top-2 labels' in note for note in found.notes)
  one_hot = np.eye(3, dtype=np.int64)[LABELS]
  both = {'labels': one_hot, 'logits': np.ones((6, 3))}
  assert find_top_k(both, 6) is None


def test_labels_of_crops_are_refused_by_name(tmp_path):
  (tmp_path / 'fkd' / 'epoch_0').mkdir(parents=True)
  batch = tmp_path / 'fkd' / 'epoch_0' / 'batch_0.tar'
  batch.write_bytes(b'')
  for path in (tmp_path / 'fkd', batch):
    with pytest.raises(UserError, match=r'random crops and mixtures .*FKD'):
      third_party.read(path)
