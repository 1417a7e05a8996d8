"""Pages travel compressed, and their size tells less than it could."""

import gzip

from tests.visitor import Visitor


def test_a_page_is_compressed_and_reads_the_same(sanne: Visitor) -> None:
    answer = sanne.client.get("/inbox", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert b"<html" in gzip.decompress(answer.data)
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_the_same_page_has_many_sizes(visitor: Visitor) -> None:
    sizes = {len(visitor.client.get("/offline", headers={"Accept-Encoding": "gzip"}).data) for _ in range(30)}
    assert len(sizes) > 10


def test_who_cannot_read_it_gets_it_plain(sanne: Visitor) -> None:
    assert "Content-Encoding" not in sanne.client.get("/inbox").headers
    assert "Content-Encoding" not in sanne.client.get("/inbox", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_small_answers_are_left_alone(visitor: Visitor) -> None:
    assert "Content-Encoding" not in visitor.client.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers
