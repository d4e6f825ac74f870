"""Who counts as a process of the run, and what is made of what it says."""

from __future__ import annotations

from contextlib import closing
import socket
import threading

import pytest

from rdd_jax.runtime import peers, stopping
from rdd_jax.runtime.peers import FAILED, FINISHED, GONE, STOPPED, Peer


def test_only_who_knows_the_secret_is_connected():
  with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]
    known = [Peer('127.0.0.1', 1, port, 'secret'), Peer('other', 2, 0, '')]
    strangers = [socket.create_connection(('127.0.0.1', port)) for _ in '123']
    for stranger, said in zip(
      strangers, (b'1 guess\n', b'2 secret\n', b'\xff'), strict=True
    ):
      stranger.sendall(said)
    ours = peers._connected(known[0], 'no.such.host.invalid', 1)
    links: dict[int, socket.socket] = {}
    peers._accept(server, known, links)
    assert list(links) == [1]
    links[1].sendall(b'yes')
    assert ours.recv(9) == b'yes'
    for stranger in strangers:
      assert stranger.recv(9) == b''
    for link in (ours, links[1], *strangers):
      link.close()


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


@pytest.mark.parametrize(
  ('said', 'more', 'ends'),
  [
    (f'{FINISHED} 1\n', False, None),
    (f'{STOPPED} 1\n', False, None),
    (f'{GONE} 2\n', True, (GONE, 2)),
    (f'{FAILED} 1\n', True, (FAILED, 1)),
    ('', False, (GONE, 1)),
  ],
)
def test_what_a_process_says(
  said: str,
  more: bool,
  ends: tuple[str, int] | None,
  monkeypatch: pytest.MonkeyPatch,
):
  """Nothing more, without a word, is the end of one that was killed."""
  ended, done = [], threading.Event()

  def end(how: str, rank: int) -> None:
    ended.append((how, rank))
    done.set()

  signals = []
  monkeypatch.setattr(peers, '_end', end)
  monkeypatch.setattr(peers.os, 'kill', lambda *given: signals.append(given))
  monkeypatch.setattr(stopping, 'asked', lambda: False)
  mine, theirs = socket.socketpair()
  monkeypatch.setattr(peers, '_watch', peers._Watch())
  with closing(mine):
    peers._watch.links = {1: mine}
    theirs.sendall(said.encode())
    theirs.close()
    assert peers._heard(1) is more
    assert done.wait(5 if ends else 0) is bool(ends)
  assert ended == ([ends] if ends else [])
  assert len(signals) == (said.startswith(STOPPED))


def test_the_end_of_others_is_nothing_to_one_that_leaves(
  monkeypatch: pytest.MonkeyPatch,
):
  monkeypatch.setattr(peers, '_end', pytest.fail)
  mine, theirs = socket.socketpair()
  monkeypatch.setattr(peers, '_watch', peers._Watch())
  with closing(mine):
    peers._watch.links, peers._watch.left = {1: mine}, True
    theirs.close()
    assert not peers._heard(1)
