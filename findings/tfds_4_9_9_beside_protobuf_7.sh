#!/usr/bin/env bash
# tensorflow-datasets 4.9.9 cannot open a prepared directory beside protobuf 7.
#
# Guess: as its metadata bounds protobuf from below alone, what pip resolves
# opens a directory that `tfds build` or `download_and_prepare` made.
# Seen: `builder_from_directory` raises AttributeError: it asks a field of the
# restored `dataset_info.json` for its `label`, which protobuf 7 took away.
# tensorflow-datasets 4.9.10 opens the directory beside the same protobuf.
# Output: 4.9.9: AttributeError: ... has no attribute 'label' / 4.9.10: tiny
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
pip="$scratch/venv/bin/pip" python="$scratch/venv/bin/python"
mkdir -p "$scratch/tiny/1.0.0"
cat > "$scratch/tiny/1.0.0/dataset_info.json" <<'END'
{"name": "tiny", "version": "1.0.0", "fileFormat": "array_record",
 "citation": "none", "moduleName": "tiny",
 "splits": [{"name": "train", "shardLengths": ["1"], "numBytes": "8",
             "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"}]}
END
cat > "$scratch/tiny/1.0.0/features.json" <<'END'
{"pythonClassName": "tensorflow_datasets.core.features.features_dict.FeaturesDict",
 "featuresDict": {"features": {"label": {
   "pythonClassName": "tensorflow_datasets.core.features.scalar.Scalar",
   "tensor": {"shape": {}, "dtype": "int64", "encoding": "none"}}}}}
END
opens() {
  "$pip" install -q "tensorflow-datasets==$1" protobuf==7.36.2 importlib_resources array_record==0.8.6
  "$python" -c "
import tensorflow_datasets as tfds
print(tfds.builder_from_directory('$scratch/tiny/1.0.0').info.name)" 2>&1 | tail -n 1
}
old=$(opens 4.9.9) new=$(opens 4.9.10)
echo "4.9.9: $old"
echo "4.9.10: $new"
[[ $old == *"has no attribute 'label'"* && $new == tiny ]] || {
  echo 'the behavior has changed'
  exit 1
}
