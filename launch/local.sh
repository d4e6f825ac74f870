#!/usr/bin/env bash
# Runs one job as N processes of this machine, which talk over the loopback:
# one process per GPU of a node, or on CPU a rehearsal of a cluster.
#
#   launch/local.sh N FLAGS...
#   launch/local.sh 2 --config=configs/quickstart.py --workdir=/tmp/two
#   launch/local.sh 4 --config=configs/mtt_cifar10.py:ipc=10
#
#   DEVICES=2     CPU devices per process (default 1)
#   PYTHON=...    the interpreter (default python)
#
# Needs nothing more on CPU; on GPUs, pip install -e '.[cuda]' and as many of
# them as processes. It is not the only way: one process, python -m
# rdd_jax.main, drives all GPUs that it sees, or the first two by
# --config.devices=2. Process i sees GPU i; on CPU this has no effect. When a
# process fails or is killed, the others say which it was and end, and its exit
# status is returned; what has not ended after five seconds is killed.
# Checkpoints survive that. Ctrl-C and SIGTERM let all of them save; again, they
# are killed.
set -euo pipefail

if [[ $# -lt 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: $0 N FLAGS..." >&2
  exit 2
fi
count=$1
shift
python=${PYTHON:-python}
port=$("$python" -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

export RDD_JAX_COORDINATOR=127.0.0.1:$port RDD_JAX_NUM_PROCESSES=$count
export JAX_COORDINATOR_BIND_ADDRESS=$RDD_JAX_COORDINATOR
export XLA_FLAGS="${XLA_FLAGS:-} \
--xla_force_host_platform_device_count=${DEVICES:-1}"
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null || true; wait' EXIT
stop() {
  trap "exit $1" INT TERM USR1
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 138' USR1
for ((i = 0; i < count; i++)); do
  RDD_JAX_PROCESS_ID=$i JAX_LOCAL_DEVICE_IDS=$i \
    "$python" -m rdd_jax.main --distributed "$@" &
  pids+=($!)
done
status=0
for ((i = 0; i < count && status == 0; i++)); do wait -n || status=$?; done
for ((i = 0; i < 50 && status != 0; i++)); do
  [[ -z $(jobs -pr) ]] || sleep 0.1
done
exit "$status"
