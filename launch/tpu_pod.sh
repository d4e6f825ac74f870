#!/usr/bin/env bash
# Installs this repository on every worker of a Cloud TPU and runs one job.
#
#   launch/tpu_pod.sh NAME ZONE -- FLAGS...
#   launch/tpu_pod.sh my-pod my-zone -- \
#     --config=configs/dm_cifar100.py --workdir=/mnt/shared/run
#
# Needs gcloud, signed in, a TPU VM of that NAME that exists and is ready, and
# on it Python 3.11 or newer and the network, for pip. The work directory lies
# on a file system that all workers mount, as do data sets (RDD_JAX_DATA_DIR is
# not passed on: --config.data.data_dir=/mnt/shared/tfds). Copies the files
# that git tracks, as they are here. A run that was cut off resumes when it
# is started again.
set -euo pipefail

if [[ $# -lt 3 || $3 != -- ]]; then
  echo "usage: $0 NAME ZONE -- FLAGS..." >&2
  exit 2
fi
name=$1 zone=$2
shift 3
tpu=(gcloud compute tpus tpu-vm)
where=(--zone="$zone" --worker=all)
archive=$(mktemp -d)/rdd_jax.tar.gz
trap 'rm -r "$(dirname "$archive")"' EXIT

cd "$(dirname "$0")/.."
git ls-files -z | tar --null --files-from=- -czf "$archive"
"${tpu[@]}" scp "$archive" "$name":rdd_jax.tar.gz "${where[@]}"
flags=$(printf ' %q' "$@")
"${tpu[@]}" ssh "$name" "${where[@]}" --command="set -eu
  mkdir -p rdd_jax && tar -xzf rdd_jax.tar.gz -C rdd_jax && cd rdd_jax
  python3 -m venv ../rdd_jax_env && . ../rdd_jax_env/bin/activate
  pip install --quiet '.[tpu]'
  python -m rdd_jax.main --distributed$flags"
