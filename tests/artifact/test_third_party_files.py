"""Files as others publish them: experiments, shards, lists, npy; or no set."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
import zipfile

from artifact.third_party_cases import BYTES, LABELS, understood
import numpy as np
import pytest

from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.experiments import choose_experiment
from rdd_jax.artifact.third_party.pick import pick_images
from rdd_jax.core.errors import UserError


def results(path, experiments):
  """Writes `res_*.pt` as DC, DSA and DM do."""
  torch = pytest.importorskip('torch')
  pairs = [
    [torch.tensor(images.astype(np.float32) / 255), torch.tensor(LABELS)]
    for images in experiments
  ]
  accuracies = {'ConvNet': [np.float64(0.4), np.float32(0.5)] * len(pairs)}
  found = path / 'res_DC_CIFAR10_ConvNet_10ipc.pt'
  torch.save(
    {'data': pairs, 'accs_all_exps': accuracies, 'n': np.int64(3)}, found
  )
  return found


def test_results_with_numpy_scalars_are_read(tmp_path):
  raw = third_party.read(results(tmp_path, [BYTES]))
  assert list(raw.arrays) == ['data.0.0', 'data.0.1']
  found = understood(raw)
  np.testing.assert_allclose(found.images, BYTES / 255, atol=1e-6)
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  assert not any('experiment' in note for note in found.notes)


def test_numpy_s_numbers_are_read_by_their_old_names(tmp_path):
  """As NumPy 1 wrote them."""
  given = results(tmp_path, [BYTES])
  with zipfile.ZipFile(given) as source:
    entries = {item: source.read(item) for item in source.namelist()}
  with zipfile.ZipFile(tmp_path / 'old.pt', 'w') as old:
    for item, text in entries.items():
      old.writestr(item, text.replace(b'numpy._core.', b'numpy.core.'))
  raw = third_party.read(tmp_path / 'old.pt')
  np.testing.assert_array_equal(raw.arrays['data.0.1'], LABELS)


def test_one_of_several_experiments_is_taken_and_said(tmp_path):
  raw = third_party.read(results(tmp_path, [BYTES, 255 - BYTES]))
  found = understood(raw)
  np.testing.assert_allclose(found.images, BYTES / 255, atol=1e-6)
  assert '2 experiments: number 0 assumed; --experiment=1' in found.notes[0]
  other = understood(raw, experiment=1)
  np.testing.assert_allclose(other.images, 1 - BYTES / 255, atol=1e-6)
  named = understood(raw, images_key='data.1.0', labels_key='data.1.1')
  np.testing.assert_array_equal(named.images, other.images)
  with pytest.raises(UserError, match='pass --experiment=0 to 1'):
    understood(raw, experiment=2)
  with pytest.raises(UserError, match='leave --experiment out'):
    choose_experiment({'a': BYTES}, 0, 'it')


def test_labels_may_be_lists(tmp_path):
  torch = pytest.importorskip('torch')
  images = torch.tensor(BYTES)
  accuracies = [0.5] * len(BYTES)
  for labels in (LABELS.tolist(), np.eye(3)[LABELS].tolist(), LABELS):
    torch.save(
      {'images': images, 'labels': labels, 'acc': accuracies}, tmp_path / 'a.pt'
    )
    found = understood(third_party.read(tmp_path / 'a.pt'))
    np.testing.assert_array_equal(found.labels.cells, LABELS)


def test_half_precision_is_read_and_sparse_refused(tmp_path):
  torch = pytest.importorskip('torch')
  images = torch.tensor(BYTES.astype(np.float32))
  torch.save([images.to(torch.bfloat16), torch.tensor(LABELS)], tmp_path / 'a')
  (tmp_path / 'a').rename(tmp_path / 'a.pt')
  raw = third_party.read(tmp_path / 'a.pt')
  assert raw.arrays['0'].dtype == np.float32
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    torch.save({'images': images.to_sparse()}, tmp_path / 'b.pt')
  with pytest.raises(UserError, match=r'sparse tensor .*to_dense') as caught:
    third_party.read(tmp_path / 'b.pt')
  assert '\n' not in str(caught.value)


def test_weights_of_networks_are_no_images():
  layers = {
    'features.0.weight': np.zeros((8, 3, 3, 3)),
    'features.0.bias': np.zeros(8),
    'classifier.weight': np.zeros((10, 8)),
  }
  with pytest.raises(UserError, match='weights of a network'):
    pick_images(layers, '', 'it')


def test_npy_images_and_labels(tmp_path):
  np.save(tmp_path / 'x.npy', BYTES)
  np.save(tmp_path / 'y.npy', LABELS)
  labels = third_party.read(tmp_path / 'y.npy')
  found = understood(third_party.read(tmp_path / 'x.npy'), labels=labels)
  np.testing.assert_array_equal(found.images, BYTES)
  np.testing.assert_array_equal(found.labels.cells, LABELS)
  np.save(tmp_path / 'z.npy', np.array([{}], object))
  (tmp_path / 'w.npy').write_bytes(b'no')
  for name in 'zw':
    with pytest.raises(UserError, match='no npy of plain numbers'):
      third_party.read(tmp_path / f'{name}.npy')


def test_shards_are_joined_by_their_numbers(tmp_path):
  for number, rows in ((0, [0, 1]), (2, [2, 3]), (10, [4, 5])):
    shard = {'images': BYTES[rows], 'labels': LABELS[rows]}
    np.savez(tmp_path / f'images_best_{number}.npz', **shard)
  by_pattern = third_party.expand([tmp_path / 'images_best_*.npz'])
  by_name = third_party.expand(
    [tmp_path / f'images_best_{n}.npz' for n in (10, 0, 2)]
  )
  assert by_pattern == by_name
  raw, notes = third_party.read_all(by_name, third_party.read)
  np.testing.assert_array_equal(raw.arrays['images'], BYTES)
  np.testing.assert_array_equal(raw.arrays['labels'], LABELS)
  assert 'images_best_2.npz, images_best_10.npz' in notes[0]
  np.savez(tmp_path / 'other.npz', images=BYTES[:, :3], labels=LABELS)
  with pytest.raises(UserError, match='no shards of one set'):
    third_party.read_all((*by_name, tmp_path / 'other.npz'), third_party.read)
  with pytest.raises(UserError, match='is a directory'):
    third_party.read_all((*by_name, tmp_path), third_party.read)
  with pytest.raises(UserError, match='nothing matches'):
    third_party.expand([tmp_path / 'none_*.npz'])


def test_a_tensor_that_was_expanded_is_not_written_out(tmp_path):
  """One number on disk, and terabytes in memory."""
  torch = pytest.importorskip('torch')
  file = tmp_path / 'a.pt'
  torch.save(torch.zeros(1, dtype=torch.bfloat16).expand(2**20, 2**20), file)
  assert file.stat().st_size < 2**12
  with pytest.raises(UserError, match=r'tensor of .* would take 4\.0 TiB'):
    third_party.read(file)


def test_an_archive_of_torch_that_unfolds(tmp_path, monkeypatch):
  torch = pytest.importorskip('torch')
  torch.save(torch.zeros(2**20, dtype=torch.uint8), tmp_path / 'plain.pt')
  with zipfile.ZipFile(tmp_path / 'plain.pt') as source:
    entries = {item: source.read(item) for item in source.namelist()}
  folded = tmp_path / 'a.pt'
  with zipfile.ZipFile(folded, 'w', zipfile.ZIP_DEFLATED) as made:
    for item, text in entries.items():
      made.writestr(item, text)
  assert folded.stat().st_size < 2**13
  monkeypatch.setattr('psutil.virtual_memory', Small)
  with pytest.raises(UserError, match=r'would take 1\.0 MiB of memory'):
    third_party.read(folded)


class Small:
  available = 2**19


def test_a_safetensors_header_that_claims_more_than_there_is(tmp_path):
  pytest.importorskip('safetensors')
  told = {'dtype': 'F32', 'shape': [2**40], 'data_offsets': [0, 2**42]}
  header = json.dumps({'images': told}).encode()
  file = tmp_path / 'a.safetensors'
  file.write_bytes(len(header).to_bytes(8, 'little') + header + b'\0' * 64)
  with pytest.raises(UserError, match='is damaged or no safetensors file'):
    third_party.read(file)


def test_a_pickle_that_names_a_module_imports_nothing(tmp_path, monkeypatch):
  """`weights_only` refuses it, whatever the file is called."""
  torch = pytest.importorskip('torch')
  (tmp_path / 'bait_of_a_pickle.py').write_text('class Thing: pass\n')
  monkeypatch.syspath_prepend(tmp_path)
  import bait_of_a_pickle  # type: ignore[import-not-found]

  torch.save({'images': bait_of_a_pickle.Thing()}, tmp_path / 'a.pt')
  raw = pickle.dumps(bait_of_a_pickle.Thing())
  (tmp_path / 'b.pt').write_bytes(raw)
  np.save(tmp_path / 'c.npy', np.array([bait_of_a_pickle.Thing()], object))
  del sys.modules['bait_of_a_pickle']
  for name in ('a.pt', 'b.pt', 'c.npy'):
    with pytest.raises(UserError, match='is damaged or'):
      third_party.read(tmp_path / name)
  assert 'bait_of_a_pickle' not in sys.modules
