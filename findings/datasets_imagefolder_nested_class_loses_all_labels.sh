#!/usr/bin/env bash
# Hugging Face datasets 5.2.0, imagefolder: one nested folder costs all labels.
#
# A user would guess: images one directory below their class are left out, or
# have its label, or the label of the inner directory; others keep theirs.
# Seen: with dog/2.png moved to dog/more/2.png there is no column of labels at
# all, for any image, and nothing is said; every image is still read.
# Output: flat: image, label; one file nested: image
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q datasets==5.2.0 pillow==12.0.0
cd "$scratch"
HF_HOME="$scratch/cache" HF_HUB_OFFLINE=1 "$scratch/venv/bin/python" -W error \
  - 2> log <<'END' || {
from pathlib import Path

import datasets
from PIL import Image

datasets.disable_progress_bars()


def columns(nested: bool) -> tuple[list[str], int]:
  root = Path('nested' if nested else 'flat')
  files = ['cat/0.png', 'cat/1.png', 'dog/2.png', 'dog/3.png']
  if nested:
    files[2] = 'dog/more/2.png'
  for file in files:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8)).save(root / file)
  found = datasets.load_dataset('imagefolder', data_dir=str(root))['train']
  return sorted(found.features), len(found)


(flat, n), (nested, m) = columns(False), columns(True)
print(f'flat: {", ".join(flat)}; one file nested: {", ".join(nested)}')
assert n == m == 4
assert (flat, nested) == (['image', 'label'], ['image']), 'it has changed'
END
  cat log >&2
  exit 1
}
