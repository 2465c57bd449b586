"""What a user names as a sampler: found, identified by what its picks depend on, and wrong names told in one line."""

import hashlib
import json
import sys

import numpy as np
import pytest

from baselines import SAMPLERS, BudgetError, Random, SimCore
from benchmark.errors import UnknownName, UserError
from benchmark.stages.sample.names import parse_fields, resolve

SOURCE = '''
from dataclasses import dataclass
import numpy as np
from baselines import Selection, parse_budget

@dataclass(frozen=True)
class First:
    """The first rows of the pool."""
    skip: int = 0

    def select(self, target, pool, *, budget, seed=0):
        picks = np.arange(parse_budget(budget, len(pool) - self.skip), dtype=np.int64) + self.skip
        return Selection(picks, np.zeros(len(picks), np.float32), "budget")

class Closed:
    def __init__(self):
        raise RuntimeError("no licence\\nfound")

    def select(self, target, pool, *, budget, seed=0): ...

class Needy:
    def __init__(self, k): ...
    select = First.select

class Open:
    def __init__(self, **fields):
        self.fields = fields
    select = First.select

class NoSampler:
    pass

made = First()
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def picks_of(plugin, budget=2):
    return plugin.make().select(None, np.ones((6, 2)), budget=budget).indices.tolist()


def test_a_sampler_of_the_registry():
    plugin = resolve("simcore")
    assert (plugin.kind, plugin.name, plugin.make()) == ("registry", "simcore", SimCore())
    assert plugin.identity["sampler"] == "simcore" and plugin.identity["version"] == SAMPLERS["simcore"].version
    assert (
        plugin.identity["fields"]["tau"] == 0.95 and plugin.identity["fields"]["k"] == 100
    )  # defaults are written out
    assert json.loads(json.dumps(plugin.identity)) == plugin.identity


def test_fields_of_a_sampler_of_the_registry():
    plugin = resolve("simcore:k=50,tau=0.9,overshoot=keep")
    assert plugin.make() == SimCore(k=50, tau=0.9, overshoot="keep")
    assert plugin.name == "simcore:k=50,tau=0.9,overshoot=keep"
    assert plugin.identity["fields"]["k"] == 50
    assert resolve("simcore-k1").make() == SimCore(k=1) and resolve("simcore-k1:tau=1").make() == SimCore(k=1, tau=1)
    assert resolve("random").make() == Random()


def test_names_that_make_the_same_sampler_differ_in_name_only():
    assert resolve("simcore:k=100").identity == resolve("simcore").identity != resolve("simcore:k=99").identity


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("k=50,tau=0.9", {"k": 50, "tau": 0.9}),
        ("eps=1e-3,big=2E+4,word=e3", {"eps": 0.001, "big": 20000.0, "word": "e3"}),
        ("on=true,none=null,name=keep", {"on": True, "none": None, "name": "keep"}),
        ("levels=[100,10],k=2", {"levels": (100, 10), "k": 2}),
        ("path=a:b,c,k=2", {"path": "a:b,c", "k": 2}),
        ("text='1'", {"text": "1"}),
    ],
)
def test_field_values(text, fields):
    assert parse_fields(text) == fields
    assert [type(value) for value in parse_fields(text).values()] == [type(value) for value in fields.values()]


@pytest.mark.parametrize("kind", ["file", "module"])
def test_a_class_of_a_file_or_a_module(here, kind):
    sha256 = write(here / "deep" / "mine.py", SOURCE)
    origin = {"file": "deep/mine.py", "module": "deep.mine"}[kind]
    plugin = resolve(f"{origin}:First:skip=3")
    assert plugin.kind == kind and picks_of(plugin) == [3, 4]
    assert plugin.identity == {"class": "First", "sha256": sha256, "fields": {"skip": 3}}
    assert plugin.name == {"file": "mine.py:First:skip=3", "module": "deep.mine:First:skip=3"}[kind]
    assert plugin.make() is not plugin.make()
    assert resolve(f"{origin}:Open:what=ever").make().fields == {"what": "ever"}


def test_the_identity_of_a_file_is_its_content_and_not_its_place(here):
    write(here / "a.py", SOURCE)
    write(here / "b" / "other.py", SOURCE)
    first = resolve("a.py:First")
    assert resolve(str(here / "b" / "other.py") + ":First").identity == first.identity
    write(here / "a.py", SOURCE.replace("+ self.skip", "+ 0 + 1"))  # as long, and within the same second
    changed = resolve("a.py:First")
    assert changed.identity != first.identity
    assert picks_of(changed) == [1, 2] and picks_of(first) == [0, 1]


def test_a_class_is_identified_by_the_file_that_defines_it(here):
    sha256 = write(here / "pack" / "inner.py", SOURCE)
    write(here / "pack" / "__init__.py", "from pack.inner import First\n")
    assert resolve("pack:First").identity["sha256"] == sha256


def test_a_file_may_import_its_neighbours(here):
    write(here / "elsewhere" / "neighbour_of_mine.py", SOURCE)
    write(here / "elsewhere" / "mine.py", "from neighbour_of_mine import First\n")
    assert picks_of(resolve("elsewhere/mine.py:First")) == [0, 1]


def test_an_entry_point_of_an_installed_package(here, monkeypatch):
    sha256 = write(here / "site" / "their_package.py", SOURCE)
    metadata = here / "site" / "their_package-1.0.dist-info"
    write(metadata / "METADATA", "Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    write(
        metadata / "entry_points.txt",
        "[benchmark.samplers]\ntheirs = their_package:First\ngone = their_package:Gone\n",
    )
    monkeypatch.syspath_prepend(here / "site")
    plugin = resolve("theirs:skip=1")
    assert (plugin.kind, plugin.name, picks_of(plugin)) == ("entry point", "theirs:skip=1", [1, 2])
    assert plugin.identity["sha256"] == sha256
    with pytest.raises(UserError, match=r"entry point gone \(their_package:Gone\): AttributeError"):
        resolve("gone")
    with pytest.raises(UnknownName, match="did you mean theirs"):
        resolve("their")


def test_a_file_of_ids(here):
    write(here / "lists" / "picks.txt", "# by hand\nb/2.jpg\n\na/1.jpg\nd 4.jpg\n")
    plugin = resolve("lists/picks.txt")
    sampler = plugin.make(["a/1.jpg", "b/2.jpg", "c/3.jpg", "d 4.jpg"])
    pool = np.ones((4, 2))
    assert (plugin.kind, plugin.name) == ("ids", "picks.txt")
    assert sampler.select(None, pool, budget=2).indices.tolist() == [1, 0]
    everything = sampler.select(None, pool, budget=None)
    assert everything.indices.tolist() == [1, 0, 3] and everything.stopped_by == "exhausted"
    with pytest.raises(BudgetError, match=r"budget 4 is 4 images but picks.txt has 3: give at most 3"):
        sampler.select(None, pool, budget=4)
    with pytest.raises(ValueError, match="for a pool of 4 rows, this one has 6"):
        sampler.select(None, np.ones((6, 2)), budget=1)
    with pytest.raises(UserError, match=r"picks.txt: 2 of its 3 ids are not in the pool, the first is 'a/1.jpg'"):
        plugin.make(["b/2.jpg"])


def test_the_identity_of_a_list_is_its_ids_in_their_order(here):
    write(here / "a.txt", "x\ny\n")
    write(here / "b.txt", "# the same\nx\r\n\ny")
    write(here / "c.txt", "y\nx\n")
    one, same, other = (resolve(name).identity for name in ("a.txt", "b.txt", "c.txt"))
    assert one == same != other
    assert one == {"ids_sha256": hashlib.sha256(b"x\ny\n").hexdigest(), "ids": 2}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simcor", "unknown sampler 'simcor'; did you mean simcore"),
        ("", "unknown sampler ''; known: "),
        ("simcore:kk=3", "has no field 'kk'; its fields: k, tau, reference_round"),
        ("simcore:k=0", "simcore:k=0 cannot be made: ValueError: k must be an int of at least 1, got 0"),
        ("simcore:k=1,k=2", "field 'k' is given twice"),
        ("simcore:k=[1", "field k: '[1' is not a value"),
        ("random:k=3", "Random has no field 'k'; it has none"),
        (
            "absent.module:First",
            "absent.module cannot be imported: ModuleNotFoundError: No module named 'absent'",
        ),
        ("absent.py:First", "absent.py cannot be read: No such file"),
        ("mine.py", "'mine.py' says no class: give mine.py:MySampler"),
        ("mine.py:Frist", "mine.py has no 'Frist'; its samplers: Closed, First, Needy, Open"),
        ("mine:Frist", "mine has no 'Frist'"),
        ("mine:made", "mine:made is no class but a First"),
        ("mine:NoSampler", "mine:NoSampler is no sampler: it has no method select(target, pool, *, budget, seed)"),
        ("mine:Closed", "mine:Closed cannot be made: RuntimeError: no licence found"),
        ("mine:Needy", "missing 1 required positional argument: 'k'"),
        ("mine:First:skipp=3", "First has no field 'skipp'; its fields: skip"),
        ("broken.py:First", "broken.py cannot be run: SyntaxError: "),
        ("exits.py:First", "exits.py cannot be run: SystemExit: 4"),
        ("exits:First", "module exits cannot be imported: SystemExit: 4"),
        ("lists/absent.txt", "there is no file 'lists/absent.txt'"),
        ("my_pkg.module", "there is no file 'my_pkg.module'; a class is given as pkg.module:MySampler"),
        ("empty.txt", "empty.txt holds no ids"),
        ("twice.txt", "twice.txt line 3: id 'a' is in line 1 already"),
        ("binary.txt", "binary.txt cannot be read as a list of ids"),
        ("picks.txt:k=3", "picks.txt: a list of ids has no fields"),
    ],
)
def test_a_wrong_name_is_an_error_of_one_line(here, name, message):
    write(here / "mine.py", SOURCE)
    write(here / "broken.py", "def select(:\n")
    write(here / "exits.py", "raise SystemExit(4)\n")
    write(here / "empty.txt", "# nothing\n\n")
    write(here / "twice.txt", "a\nb\na\n")
    write(here / "picks.txt", "a\n")
    (here / "binary.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError) as caught:
        resolve(name)
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_sampler_whose_library_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "baselines.simcore", None)
    with pytest.raises(UserError, match="sampler simcore: ModuleNotFoundError"):
        resolve("simcore")
