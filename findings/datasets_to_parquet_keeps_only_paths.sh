#!/usr/bin/env bash
# Hugging Face datasets 5.2.0: a parquet file of an imagefolder has no images.
#
# A user would guess: to_parquet writes the images of a data set, so that the
# file can be sent to somebody.
# Seen: of the column `image`, a struct of bytes and path, bytes are null and
# paths absolute, of the machine that wrote it. save_to_disk, of the same data
# set, embeds the bytes.
# Output: to_parquet: 0 of 4 with bytes; save_to_disk: 4 of 4 with bytes
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
import pyarrow as pa
import pyarrow.parquet as pq

datasets.disable_progress_bars()
for i, name in enumerate(['cat', 'cat', 'dog', 'dog']):
  file = Path('photos', name, f'{i}.png')
  file.parent.mkdir(parents=True, exist_ok=True)
  Image.effect_noise((64, 64), 90).save(file)
found = datasets.load_dataset('imagefolder', data_dir='photos')['train']
found.to_parquet('photos.parquet')
found.save_to_disk('saved')
rows = pq.read_table('photos.parquet')['image'].to_pylist()
(file,) = Path('saved').glob('*.arrow')
with pa.memory_map(str(file)) as source:
  saved = pa.ipc.open_stream(source).read_all()['image'].to_pylist()
with_bytes = [sum(row['bytes'] is not None for row in r) for r in (rows, saved)]
print(
  f'to_parquet: {with_bytes[0]} of 4 with bytes; save_to_disk: '
  f'{with_bytes[1]} of 4 with bytes'
)
assert all(Path(row['path']).is_absolute() for row in rows)
assert with_bytes == [0, 4], 'it has changed'
END
  cat log >&2
  exit 1
}
