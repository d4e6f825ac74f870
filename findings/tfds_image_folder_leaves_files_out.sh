#!/usr/bin/env bash
# tensorflow-datasets 4.9.10, ImageFolder: a folder of images loses some.
#
# A user would guess: every readable image below ROOT/train/CLASS is an
# example, or an error or warning says which are not; and class 2 of twelve
# classes called 0 to 11 has the label 2.
# Seen: of six images, of which each opens in TensorFlow or Pillow, two are
# examples: .webp, .bmp and .gif are left out, and so is a .png one directory
# below its class. Nothing is said. Labels are in the order of text, so that
# '10' has the label 2 and '2' the label 4; as_dataset, str2int and int2str
# agree among themselves, and disagree with a file of integer labels.
# Output: 2 examples of 6 images; '2' has the label 4, '10' the label 2
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q tensorflow-datasets==4.9.10 \
  tensorflow-cpu==2.20.0 pillow==12.0.0
cd "$scratch"
TF_CPP_MIN_LOG_LEVEL=3 "$scratch/venv/bin/python" - 2> log <<'END' || {
from pathlib import Path
import warnings

from PIL import Image
import tensorflow_datasets as tfds

warnings.simplefilter('error')
root = Path('photos/train')
for name in map(str, range(12)):
  (root / name).mkdir(parents=True)
image = Image.new('RGB', (8, 8), (200, 30, 30))
(root / '2' / 'more').mkdir()
files = ['a.png', 'b.JPG', 'c.webp', 'd.bmp', 'e.gif', 'more/f.png']
for file in files:
  image.save(root / '2' / file)
builder = tfds.ImageFolder('photos')
count = builder.info.splits['train'].num_examples
label = builder.info.features['label'].str2int
rows = list(builder.as_dataset(split='train').as_numpy_iterator())
assert len(rows) == count
assert {int(row['label']) for row in rows} == {label('2')}
print(
  f"{count} examples of {len(files)} images; '2' has the label "
  f"{label('2')}, '10' the label {label('10')}"
)
assert (count, label('2'), label('10')) == (2, 4, 2), 'the behavior has changed'
END
  cat log >&2
  exit 1
}
