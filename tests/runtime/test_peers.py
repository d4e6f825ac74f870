"""Who connects to process 0, and who does not."""

from __future__ import annotations

import socket
import threading

import pytest

from rdd_jax.runtime import peers
from rdd_jax.runtime.peers import Peer


def test_those_that_came_stay_where_another_one_did_not(monkeypatch):
  """Closed, their links would tell them that process 0 is gone."""
  monkeypatch.setattr(peers, 'JOINING', 0.5)
  links: dict[int, socket.socket] = {}
  with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]
    first = Peer('127.0.0.1', 1, port, 'secret')
    found: list[socket.socket] = []

    def join() -> None:
      found.append(peers._connected(first, '', 1))
      stranger = socket.create_connection(('127.0.0.1', port))
      stranger.sendall(b'2 guess\n')
      found.append(stranger)

    other = threading.Thread(target=join)
    other.start()
    with pytest.raises(OSError, match='timed out'):
      peers._accept(server, [first, first, first], links)
    other.join()
  assert list(links) == [1]
  joined, stranger = found
  joined.settimeout(0.2)
  with pytest.raises(TimeoutError):  # open, and nothing is said
    joined.recv(1)
  assert stranger.recv(1) == b''  # closed
  for link in (*links.values(), *found):
    link.close()
