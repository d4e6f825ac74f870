"""Ends this process when another one of its run is gone, and says which.

Processes that wait for one that was killed may wait until JAX's heartbeats say
so, which abort them with the traces of all threads. So each process holds a
connection to process 0, on which it says how it leaves. The operating system
closes it when a process ends, however that ends; where a host vanishes, TCP's
probes notice within half a minute. Process 0 tells the others.
"""

from __future__ import annotations

import atexit
from contextlib import suppress
from functools import partial
import json
import os
import secrets
import selectors
import signal
import socket
import threading
import time
from typing import NamedTuple

from absl import logging
import jax
from jax.experimental import multihost_utils
import numpy as np

from rdd_jax.runtime import stopping

LONGEST = 512  # bytes of what a process says of itself
JOINING = 30.0  # seconds in which all connect
OWN = 3.0  # seconds for an error of one's own, where another process has failed
PROBES = {'TCP_KEEPIDLE': 10, 'TCP_KEEPINTVL': 5, 'TCP_KEEPCNT': 3}

# How a process leaves, as it says itself; that it is gone, others say.
FINISHED, STOPPED, FAILED, GONE = 'finished', 'stopped', 'failed', 'gone'


class Peer(NamedTuple):
  """A process of the run.

  Attributes:
    host: its name.
    pid: its number there.
    port: where process 0 listens; 0 of others.
    secret: what whoever connects has to know.
  """

  host: str
  pid: int
  port: int
  secret: str


class _Watch:
  """The other processes, and the connections to them by their rank."""

  def __init__(self) -> None:
    self.peers: list[Peer] = []
    self.links: dict[int, socket.socket] = {}
    self.left = False  # this process has said how it ends
    self.alone = threading.Event()  # all others have ended, or said so


_watch = _Watch()


def watch(address: str = '') -> None:
  """Watches the other processes; all call it at the same time.

  Where they cannot connect, that is said, and JAX's heartbeats are left.

  Args:
    address: a host name of process 0; by default, what it calls itself.
  """
  if jax.process_count() == 1:
    return
  rank = jax.process_index()
  server = None
  if rank == 0:
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    server = socket.create_server(
      ('', 0), family=family, dualstack_ipv6=family == socket.AF_INET6
    )
  mine = Peer(
    socket.gethostname(),
    os.getpid(),
    server.getsockname()[1] if server else 0,
    secrets.token_hex(8),
  )
  _watch.peers = _exchanged(mine)
  try:
    if server:
      with server:
        _accept(server, _watch.peers, _watch.links)
    else:
      _watch.links = {0: _connected(_watch.peers[0], address, rank)}
  except OSError as error:
    logging.warning(
      'process %d cannot watch the others (%s): if one is lost, this one ends '
      'by a heartbeat of JAX',
      rank,
      error,
    )
  for link in _watch.links.values():
    _probe(link)
  threading.Thread(target=_listen, daemon=True).start()
  stopping.on_leaving(partial(leave, STOPPED))
  atexit.register(leave, FINISHED)  # before jax waits for all


def leave(how: str) -> None:
  """Tells the others how this process leaves; the first time that counts.

  Args:
    how: `FINISHED`, `STOPPED` or `FAILED`.
  """
  if _watch.links:
    _leave(how, jax.process_index())


def settle(seconds: float = OWN) -> None:
  """Waits after an error that a lost process may be the cause of.

  This process ends meanwhile if there is one.

  Args:
    seconds: to wait.
  """
  if _watch.links:
    time.sleep(seconds)


def _exchanged(mine: Peer) -> list[Peer]:
  """What each process says of itself, by rank."""
  text = json.dumps(mine).encode()[:LONGEST].ljust(LONGEST)
  rows = multihost_utils.process_allgather(np.frombuffer(text, np.uint8))
  return [Peer(*json.loads(row.tobytes())) for row in np.asarray(rows)]


def _accept(
  server: socket.socket, peers: list[Peer], links: dict[int, socket.socket]
) -> None:
  """Adds connections to all others, each of which has said who it is.

  Those that came in time stay where another one did not: closed, they would
  say that this process is gone.
  """
  end = time.monotonic() + JOINING
  while len(links) < len(peers) - 1:
    server.settimeout(max(end - time.monotonic(), 0.01))
    link, _ = server.accept()
    link.settimeout(1.0)
    with suppress(OSError, ValueError):
      rank, _, secret = link.recv(LONGEST).decode().strip().partition(' ')
      if secret == peers[0].secret and 0 < int(rank) < len(peers):
        links[int(rank)] = link
        continue
    link.close()


def _connected(first: Peer, address: str, rank: int) -> socket.socket:
  """A connection to process 0, by the first of its names that leads there."""
  error: OSError | None = None
  for host in filter(None, (address, first.host)):
    try:
      link = socket.create_connection((host, first.port), JOINING / 3)
      link.sendall(f'{rank} {first.secret}\n'.encode())
      return link
    except OSError as found:
      error = found
  raise error or OSError('process 0 has no name')


def _probe(link: socket.socket) -> None:
  """Has TCP notice that a host is gone."""
  link.settimeout(None)
  link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
  for name, value in PROBES.items():
    if hasattr(socket, name):
      link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _listen() -> None:
  """Waits for what others say, or for their end."""
  with selectors.DefaultSelector() as selector:
    for rank, link in _watch.links.items():
      selector.register(link, selectors.EVENT_READ, rank)
    while selector.get_map():
      for key, _ in selector.select():
        if not _heard(key.data):
          selector.unregister(key.fileobj)
  _watch.alone.set()


def _heard(rank: int) -> bool:
  """Acts on what a process says; whether there may be more of it."""
  try:
    lines = _watch.links[rank].recv(LONGEST).decode().splitlines()
  except (OSError, ValueError):
    lines = []
  for line in lines or [f'{GONE} {rank}']:
    how, _, number = line.partition(' ')
    if how == STOPPED and not stopping.asked():
      os.kill(os.getpid(), signal.SIGTERM)
    if how in (FAILED, GONE) and not _watch.left:
      # In a thread of its own, as this one goes on listening.
      threading.Thread(target=_end, args=(how, int(number))).start()
    if how in (FINISHED, STOPPED):
      return False
  return bool(lines)


def _end(how: str, rank: int) -> None:
  """Ends this process for another one, after those that it tells of it."""
  if how == FAILED:
    time.sleep(OWN)  # an error of all is said by all
  peers = _watch.peers
  line = said(how, rank, peers[rank], len(peers))
  _leave(how, rank)
  stopping.end(line)


def _leave(how: str, rank: int) -> None:
  """Tells the others of an end, once; process 0 waits for theirs, for a bit.

  For without it JAX aborts them.
  """
  if _watch.left:
    return
  _watch.left = True
  for link in _watch.links.values():
    with suppress(OSError):
      link.sendall(f'{how} {rank}\n'.encode())
  if how != FINISHED and 0 not in _watch.links:
    _watch.alone.wait(OWN + 0.5 if how == FAILED else 1.0)


def said(how: str, rank: int, peer: Peer, count: int) -> str:
  """Returns the line of a process that ends for another one.

  >>> said(GONE, 1, Peer('node7', 4711, 0, ''), 2)[:60]
  'error: process 1 of 2 (4711 on node7) is gone, and so this o'
  """
  what = 'is gone' if how == GONE else 'has failed, as it says itself'
  return (
    f'error: process {rank} of {count} ({peer.pid} on {peer.host}) {what}, '
    'and so this one ends; what was saved is intact; to resume, start all '
    f'again: {stopping.command()}'
  )
