#!/usr/bin/env bash
# tensorflow-datasets 4.9.10, builder_from_directory: data imports a module.
#
# A user would guess: reading a prepared directory, which is data, runs no code
# but that of TFDS.
# Seen: features.json names a Python class for each feature, and TFDS imports
# the module of any name that it does not know (`cls_from_name`), so that its
# top level runs; only then it says that there is no such feature.
# Output: the module was imported
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q tensorflow-datasets==4.9.10 \
  'importlib_resources>=6.0'
cd "$scratch"
echo 'print("the module was imported")' > named_in_data.py
mkdir set
cat > set/dataset_info.json <<'END'
{"name": "set", "version": "1.0.0", "fileFormat": "array_record"}
END
cat > set/features.json <<'END'
{"pythonClassName": "named_in_data.Feature", "jsonFeature": {"json": "{}"}}
END
PYTHONPATH=. "$scratch/venv/bin/python" - > out 2> log <<'END' || true
import tensorflow_datasets as tfds

tfds.builder_from_directory('set')
END
cat out
grep -q 'the module was imported' out || {
  cat log >&2
  echo 'the behavior has changed' >&2
  exit 1
}
