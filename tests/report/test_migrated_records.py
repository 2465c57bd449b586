"""scripts/migrate_records.py brings records of former identities and forms to those of today."""

import json
import re
from pathlib import Path

import pytest
from edited_json import edit

from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.report.records import verify
from benchmark.specs.base import canonical_json, digest
from benchmark.specs.stages import Stage
from benchmark.system import file_sha256
from scripts import migrate_records


def old_keys(session):
    """Every stage's key in the identity of before, and that identity, by today's key."""
    data, old = session.data, {}

    def key(value):
        if isinstance(value, Stage):
            return old[value.key][0]
        if value.split.startswith("relevance:"):
            return migrate_records.old_relevance_sha256(
                data.find(value.role, value.name), value.split.partition(":")[2]
            )
        return migrate_records.old_images_sha256(data.manifest(value.role, value.name, value.split))

    for stage in session.plan.stages:
        identity = {**stage.identity, "inputs": {name: key(value) for name, value in stage.inputs}}
        identity |= {"spec": {"target": "dtd"}} if stage.kind.name == "purity" else {}
        # Fields lie in the order of the store's records.
        old[stage.key] = digest(identity), json.loads(canonical_json(identity))
    return old


def age(folder, session):
    """Give the records of a folder the identity of before, with the keys that follow from it, in place."""
    old = old_keys(session)
    for place in ("records", "predictions", "picks"):
        for path in list((folder / place).iterdir()):
            path.rename(path.with_stem(old[path.stem][0]))
    for path in [folder / "cells.json", *(folder / "picks").iterdir()]:
        path.write_text(re.sub("[0-9a-f]{64}", lambda match: old.get(match[0], [match[0]])[0], path.read_text()))
    for key, identity in old.values():
        path = folder / "records" / f"{key}.json"
        value = json.loads(path.read_text())
        files = {**value["files"], "spec.json": key}
        if "picks.txt" in files:
            files["picks.txt"] = file_sha256(folder / "picks" / f"{key}.txt")
        value = {**value, "key": key, "identity": identity, "files": files}
        value["sha256"] = digest({name: field for name, field in value.items() if name != "sha256"})
        path.write_text(json.dumps(value) + "\n")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_records_of_the_identity_before_become_those_of_a_run_of_today(saved, copy):
    folder, session = saved
    age(copy, session)
    aged = contents(copy)
    assert verify(copy).problems == []
    # A random coreset depends on the pool alone, whose identity is what it was.
    assert len(aged.keys() & contents(folder).keys() - {Path("cells.json")}) < 8
    assert "records brought to the identity of today" in migrate_records.migrate_aside(copy, session.data)
    assert contents(copy) == contents(folder)
    assert migrate_records.migrate_aside(copy, session.data) == "has the identity of today"
    assert contents(copy) == contents(folder)


def test_records_of_other_images_than_those_at_hand_are_left_as_they_were(saved, copy, monkeypatch):
    age(copy, saved[1])
    aged = contents(copy)
    monkeypatch.setattr(migrate_records, "old_images_sha256", lambda manifest: f"other {manifest.label}")
    with pytest.raises(UserError, match=r"a record of kind [a-z]+ has the input [a-z]+ [0-9a-f]{12}, which is unknown"):
        migrate_records.migrate_aside(copy, saved[1].data)
    assert contents(copy) == aged and [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_records_whose_images_are_not_at_hand_are_left_as_they_were(saved, copy, tmp_path):
    age(copy, saved[1])
    aged = contents(copy)
    empty = Data(tmp_path / "empty", standins=False, cache=tmp_path / "store")
    with pytest.raises(UserError, match=r"data root .*empty does not exist"):
        migrate_records.migrate_aside(copy, empty)
    assert contents(copy) == aged


def test_records_in_bfloat16_are_called_so(saved, copy):
    def to_bfloat16(record):
        record["identity"]["spec"]["recipe"]["precision"] = "bfloat16"

    edit(copy / "records" / f"{saved[1].cells['X', 'dtd', 0].pretrain.key}.json", to_bfloat16)
    migrate_records.migrate(copy, saved[1].data)
    assert "measured with precision bfloat16" in (copy / "table.md").read_text()


def test_records_of_the_form_before_digests_are_brought_to_this_one(saved, copy):
    """Of the files that a committed folder does not keep there is no digest; the rest is as it was."""
    written = {}
    for path in (copy / "records").iterdir():
        value = written[path] = json.loads(path.read_text())
        old = {**value, "files": sorted(value["files"])}
        del old["format"], old["sha256"]
        path.write_text(json.dumps(old))
    with pytest.raises(UserError, match="its format is None"):
        verify(copy)
    for path, value in written.items():
        files = {name: sha256 for name, sha256 in value["files"].items() if name in ("spec.json", "picks.txt")}
        new = migrate_records.with_digests(json.loads(path.read_text()), copy)
        assert new["files"] == dict.fromkeys(value["files"]) | files
        assert {**new, "files": 0, "sha256": 0} == {**value, "files": 0, "sha256": 0}
        path.write_text(json.dumps(new))
    assert verify(copy).problems == []
