"""A journal is filtered by kind, time, order and text, and leaves as JSON lines, CSV and Parquet with nothing lost."""

import json

import polars as pl
import pytest
from engine.session.retold import retold

from planar.engine.session.archive import journal
from planar.engine.session.lines import Wanted, export, lines
from planar.errors import ConfigError


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    retold(folder, "grid_maker")
    return journal(folder)


def test_every_entry_is_a_line_with_the_time_of_the_session(entries):
    every = list(lines(entries))
    assert [line.number for line in every] == [entry.number for entry in entries]
    for line in every:
        if line.kind == "step":
            assert line.time == line.body["time"] != line.written
        if line.kind == "told":
            assert line.time == line.body["numbers"][1]


def test_a_kind_that_is_not_there_is_refused_with_those_that_are(entries):
    assert {line.kind for line in lines(entries, Wanted(kinds=("step", "begin")))} == {"step", "begin"}
    with pytest.raises(ConfigError, match=r"no entries of kind 'tolds'. Did you mean 'told'\? It has begin, candle,"):
        list(lines(entries, Wanted(kinds=("tolds",))))


def test_a_span_of_time_has_its_beginning_and_not_its_end(entries):
    times = [line.time for line in lines(entries, Wanted(kinds=("step",)))]
    found = [line.time for line in lines(entries, Wanted(kinds=("step",), since=times[3], until=times[6]))]
    assert found == times[3:6]


def test_the_lines_of_an_order_are_its_own_from_the_asking_to_the_end(entries):
    asked = next(line for line in lines(entries, Wanted(kinds=("step",))) if len(line.orders) > 2)
    id = asked.orders[1]
    first, *rest = lines(entries, Wanted(order=id))
    assert (first.number, len(first.text)) == (asked.number, 1)
    assert f"order {id}: " in first.text[0]
    assert {line.kind for line in rest} <= {"told", "step"}
    assert all(id in line.orders for line in rest)
    assert rest


def test_a_text_is_found_in_sentences_whatever_its_letters(entries):
    found = list(lines(entries, Wanted(text="eth/usdt: Order 7")))
    assert {line.kind for line in found} == {"step", "told"}
    assert all("ETH/USDT: order 7" in sentence for line in found for sentence in line.text)
    assert all(line.text for line in found)


def test_what_is_exported_is_what_there_is(entries, tmp_path):
    every = list(lines(entries))
    for name in ("all.jsonl", "all.csv", "all.parquet"):
        assert export(every, tmp_path / name) == len(every)
    rows = [json.loads(row) for row in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert rows == [json.loads(json.dumps(line._asdict())) for line in every]
    for frame in (pl.read_csv(tmp_path / "all.csv"), pl.read_parquet(tmp_path / "all.parquet")):
        assert frame["time"].to_list() == [line.time for line in every]
        assert [json.loads(body) for body in frame["body"]] == [line.body for line in every]
    with pytest.raises(ConfigError, match=r"is written as .jsonl, .csv, .parquet: name a file that ends so"):
        export(every, tmp_path / "all.xlsx")
    with pytest.raises(ConfigError, match=r"cannot be written: No such file"):
        export(every, tmp_path / "nowhere" / "all.csv")
