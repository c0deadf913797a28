"""Files are whole or not there, and come back as they went in."""

import errno
import hashlib
import json
import math
import os
from dataclasses import dataclass

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marl_edu.core import storage
from marl_edu.core.records import by_seed, read_by_seed
from marl_edu.core.settings import plain

files = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Settings:
    env: type = dict
    sizes: tuple[int, ...] = (3, 4)
    rate: float = 0.1


def tensors() -> dict[str, torch.Tensor]:
    tied = torch.arange(6.0).reshape(2, 3)
    return {
        "a": tied,
        "tied": tied,  # shares its memory
        "transposed": tied.T,  # not contiguous
        "flag": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "generator": torch.Generator().manual_seed(3).get_state(),
    }


def test_checkpoint_comes_back_bit_by_bit(tmp_path):
    path, meta = tmp_path / "new" / "a.safetensors", {"update": 3, "rows": [{"x": 0.1 + 0.2}]}
    storage.save_checkpoint(path, tensors(), meta)
    got, got_meta = storage.load_checkpoint(path)
    assert got_meta == meta
    assert got.keys() == tensors().keys()
    for name, value in tensors().items():
        assert got[name].dtype == value.dtype
        assert torch.equal(got[name], value), name
    got["a"].add_(1)  # memory of its own
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_other_programs_read_our_checkpoints(tmp_path):
    storage.save_checkpoint(tmp_path / "a", tensors(), {})
    assert torch.equal(safetensors.torch.load_file(tmp_path / "a")["tied"], tensors()["tied"])


def test_meta_must_be_json(tmp_path):
    with pytest.raises(TypeError, match="meta must hold JSON values"):
        storage.save_checkpoint(tmp_path / "a", {}, {"world": dict})


def test_expect_names_what_differs(tmp_path):
    path = tmp_path / "a.safetensors"
    storage.save_checkpoint(path, {}, {"config": plain(Settings()), "version": 1})
    storage.load_checkpoint(path, {"config": Settings(), "version": 1})
    with pytest.raises(ValueError, match=r"config\.rate is 0\.1 in the file, 0\.2 is taken") as e:
        storage.load_checkpoint(path, {"config": Settings(rate=0.2)})
    assert str(path) in str(e.value) and "sizes" not in str(e.value)
    with pytest.raises(ValueError, match="version is 1 in the file, 2 is taken"):
        storage.load_checkpoint(path, {"version": 2})
    with pytest.raises(ValueError, match="version is 1 in the file, True is taken"):
        storage.load_checkpoint(path, {"version": True})
    with pytest.raises(ValueError, match="other is None in the file"):
        storage.load_checkpoint(path, {"other": 0})


def test_foreign_and_missing_checkpoints(tmp_path):
    path = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"foreign\.safetensors: format None found, only"):
        storage.load_checkpoint(path)
    torch.save({"a": 1}, path)
    with pytest.raises(ValueError, match="damaged or no safetensors"):
        storage.load_checkpoint(path)
    with pytest.raises(FileNotFoundError):
        storage.load_checkpoint(tmp_path / "none")


@files
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused(tmp_path, data):
    """Truncated anywhere, or with any one byte changed."""
    path = tmp_path / "a.safetensors"
    storage.save_checkpoint(path, {"w": torch.arange(8.0)}, {"update": 1})
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(0, 255))
    path.write_bytes(whole[:at] + (bytes([whole[at] ^ flip]) + whole[at + 1 :] if flip else b""))
    refused = ""
    try:
        got, meta = storage.load_checkpoint(path)
    except ValueError as error:
        refused = str(error)
    if refused:
        assert str(path) in refused
    else:  # e.g. blanks that pad the header: nothing that was stored
        assert torch.equal(got["w"], torch.arange(8.0)) and meta == {"update": 1}


@files
@given(junk=st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path, junk):
    path = tmp_path / "junk"
    path.write_bytes(junk)
    with pytest.raises(ValueError, match="junk"):
        storage.load_checkpoint(path)
    if junk:
        with pytest.raises(ValueError, match="junk"):
            storage.read_json(path)


def train(net, optimizer, generator, steps):
    for _ in range(steps):
        x = torch.randn(5, 3, generator=generator)
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.9


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.SGD])
def test_a_resumed_optimiser_goes_on_bit_identically(tmp_path, kind):
    def start():
        net = torch.nn.Linear(3, 2)
        with torch.no_grad():
            for p in net.parameters():
                p.fill_(0.3)
        extra = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        return net, kind(net.parameters(), lr=0.01, **extra), torch.Generator().manual_seed(1)

    net, optimizer, generator = start()
    train(net, optimizer, generator, 4)
    state = {**net.state_dict(), **storage.pack_optimizer(optimizer), "g": generator.get_state()}
    storage.save_checkpoint(tmp_path / "a", state, {})
    train(net, optimizer, generator, 4)

    other, optimizer2, generator2 = start()
    state, _ = storage.load_checkpoint(tmp_path / "a")
    other.load_state_dict({k: state[k] for k in other.state_dict()})
    storage.unpack_optimizer(optimizer2, state)
    generator2.set_state(state["g"])
    train(other, optimizer2, generator2, 4)
    assert torch.equal(net.weight, other.weight) and torch.equal(net.bias, other.bias)
    assert optimizer.param_groups[0]["lr"] == optimizer2.param_groups[0]["lr"]


def test_a_foreign_optimiser_state_is_refused():
    small, large = torch.nn.Linear(3, 2), torch.nn.Linear(4, 2)
    optimizer = torch.optim.Adam(small.parameters())
    small(torch.ones(3)).sum().backward()
    optimizer.step()
    packed = storage.pack_optimizer(optimizer)
    with pytest.raises(ValueError, match="fits no parameter"):
        storage.unpack_optimizer(torch.optim.Adam(large.parameters()), packed)
    with pytest.raises(ValueError, match=r"lack optimizer\.group0\.lr"):
        storage.unpack_optimizer(optimizer, {})
    with pytest.raises(ValueError, match=r"lack critic\.group0\.lr"):
        storage.unpack_optimizer(optimizer, packed, prefix="critic")


class FullDisk:
    """A file whose disk takes ten more bytes."""

    def __init__(self, *how):
        self.how = how

    def __enter__(self):
        self.file = open(*self.how)
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, data):
        self.file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, when):
    path = tmp_path / "a.safetensors"
    storage.save_checkpoint(path, {"w": torch.zeros(2)}, {"update": 1})

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if when == "write":
        monkeypatch.setattr(storage, "open", FullDisk, raising=False)
    else:
        monkeypatch.setattr(os, when, full)
    with pytest.raises(OSError, match=r"No space left on device.*untouched") as error:
        storage.save_checkpoint(path, {"w": torch.ones(2)}, {"update": 2})
    monkeypatch.undo()
    assert error.value.errno == errno.ENOSPC and error.value.filename == str(path)
    got, meta = storage.load_checkpoint(path)
    assert meta == {"update": 1} and torch.equal(got["w"], torch.zeros(2))
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "no temporary file stays"


def test_ctrl_c_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    storage.write_atomic(tmp_path / "a", "old")

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.write_atomic(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not write") as error:
        storage.write_atomic(tmp_path / "file" / "a", "x")
    assert error.value.filename == str(tmp_path / "file" / "a")


def test_finished_results_are_not_overwritten(tmp_path):
    storage.write_json(tmp_path / "a.json", {"x": 1}, overwrite=False)
    with pytest.raises(FileExistsError, match="never overwritten"):
        storage.write_json(tmp_path / "a.json", {"x": 2}, overwrite=False)
    assert storage.read_json(tmp_path / "a.json") == {"x": 1}


@files
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"update": st.integers(0, 10**12), "return": st.floats(allow_nan=False)}
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rows_come_back_exactly(tmp_path, rows):
    storage.write_rows(tmp_path / "a.csv", rows)
    got = storage.read_rows(tmp_path / "a.csv")
    assert got == rows and all(type(row["update"]) is int for row in got)


def test_rows_take_numbers_of_all_kinds(tmp_path):
    row = {"a": torch.tensor(2), "b": torch.tensor(0.5), "c": math.nan, "d": True}
    storage.write_rows(tmp_path / "a.csv", [row])
    (got,) = storage.read_rows(tmp_path / "a.csv")
    assert (got["a"], got["b"], got["d"]) == (2, 0.5, 1) and math.isnan(got["c"])
    storage.write_rows(tmp_path / "a.csv", [])
    assert storage.read_rows(tmp_path / "a.csv") == []


def test_bad_rows(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(ValueError, match=r"columns \['a'\], row 1 has \['b'\]"):
        storage.write_rows(path, [{"a": 1}, {"b": 1}])
    with pytest.raises(TypeError, match="must be a number, got"):
        storage.write_rows(path, [{"a": [1]}])
    for damaged in (b"a\n1\n\xff", b'a\n"1\n', b"a\n1\x00\n"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.csv"):
            storage.read_rows(path)
    for damaged in ("a,b\n1,2\n3\n", "a,b\n1,x\n", "a\n1,2\n"):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"a\.csv, line \d: damaged"):
            storage.read_rows(path)


def test_json_has_no_nan(tmp_path):
    record = {"x": math.nan, "y": [math.inf, torch.tensor(1.5)], "π": {"z": (1, None)}}
    storage.write_json(tmp_path / "a.json", record)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"x": None, "y": [None, 1.5], "π": {"z": [1, None]}}
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"a\.json: damaged"):
        storage.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ValueError, match="a JSON object is taken, got list"):
        storage.read_json(tmp_path / "a.json")


COPIES = [
    "run-2 (1).json",
    "run-2 - Copy.json",
    "run-2 2.json",
    "run-02.json",
    "run-2.conflict.json",
]


@pytest.mark.parametrize(
    "copy", [*COPIES, "run-.json", "run-².json", "run--1.json", "run-1_0.json"]
)
def test_a_copy_is_no_seed(tmp_path, copy):
    for name in ("run-10.json", "run-2.json", "run-2.csv", "rerun-3.json", copy):
        storage.write_json(tmp_path / name, {})
    with pytest.warns(UserWarning, match="is not counted.*is called run-k.json") as caught:
        found = by_seed(tmp_path, "run-")
    assert list(found) == [2, 10] and found[10] == tmp_path / "run-10.json"
    assert [copy in str(warning.message) for warning in caught] == [True]
    assert list(by_seed(tmp_path, "run-", ".csv")) == [2]
    assert by_seed(tmp_path / "none", "run-") == {}


def test_a_copy_under_the_name_of_another_seed_is_refused(tmp_path):
    storage.write_json(tmp_path / "a-seed0.json", {"seed": 0})
    assert read_by_seed(tmp_path, "a-seed") == [(tmp_path / "a-seed0.json", {"seed": 0})]
    storage.write_json(tmp_path / "a-seed4.json", {"seed": 0})
    with pytest.raises(ValueError, match=r"a-seed4\.json is of seed 0: a copy, or renamed"):
        read_by_seed(tmp_path, "a-seed")


@pytest.mark.skipif(os.name != "posix", reason="links and modes")
def test_a_link_stays_a_link_and_a_mode_stays_as_it_is(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o604)
    (tmp_path / "link").symlink_to("a")
    storage.write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o604


def test_a_curve_is_held_against_its_record(tmp_path):
    storage.write_rows(tmp_path / "a.csv", [{"a": 1}, {"a": 2}])
    digest = hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest()
    for record in (None, {}, {"csv_rows": 2, "csv_sha256": digest}, {"csv_rows": None}):
        assert len(storage.read_rows(tmp_path / "a.csv", record)) == 2
    for record, said in (({"csv_rows": 1}, "2 rows"), ({"csv_sha256": "0" * 64}, "another sha256")):
        with pytest.raises(ValueError, match=said):
            storage.read_rows(tmp_path / "a.csv", record)
