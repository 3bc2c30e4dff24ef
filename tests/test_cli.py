"""The command line: exit statuses, messages, purity of --json; in this process, and as a program."""

import errno
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Elaboratable, Fragment

from hwgen import boards, cli, data, golden, models, storage
from hwgen.commands import NAMES, Answer
from hwgen.commands import golden as golden_command
from hwgen.errors import BuildError
from tests.helpers.networks import random_images, random_network

ROOT = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-m", "hwgen"]


@pytest.fixture
def run(capsys):
    """Runs a command in this process; gives (status, standard output, standard error)."""

    def call(*arguments):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def files(tmp_path):
    """A network and its images in a folder with a blank in its name."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    rng = np.random.default_rng(3)
    network = random_network(rng)
    images = random_images(rng, network, 20)
    classes = golden.run(network, images).classes
    labels = classes.copy()
    labels[:5] = (labels[:5] + 1) % network.logits.shape[0]
    storage.save(network, folder / "my network.npz")
    np.savez(folder / "my data.npz", images=images, labels=labels)
    np.savez(folder / "no labels.npz", images=images)
    return folder, network, classes


def one_object(text):
    """The JSON object of a text that holds nothing else."""
    assert text.endswith("}\n") and text.count("\n") == 1
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def one_sentence(text):
    assert text.startswith("hwgen: ") and text.endswith("\n") and text.count("\n") == 1, text
    assert "Traceback" not in text and len(text) < 400
    return text


def test_golden_as_json(run, files):
    folder, network, classes = files
    arguments = ("golden", folder / "my network.npz", "--data", folder / "my data.npz", "--json")
    status, out, err = run(*arguments)
    found = one_object(out)
    assert status == 0 and err == ""
    assert found["accuracy"] == 0.75 and found["images"] == 20 and found["right"] == 15
    assert found["digest"] == network.digest and found["data"] == "my data.npz"
    assert "predictions" not in found and found["seconds"] >= 0
    assert one_object(run(*arguments, "--predictions")[1])["predictions"] == classes.tolist()
    limited = one_object(run(*arguments, "--predictions", "--limit", 7)[1])
    assert limited["predictions"] == classes[:7].tolist() and limited["accuracy"] == 2 / 7


def test_golden_as_text(run, files):
    folder, _, classes = files
    status, out, _ = run("golden", folder / "my network.npz", "--data", folder / "my data.npz")
    assert status == 0 and "accuracy 75.00 % (15 right)" in out
    status, out, _ = run("golden", folder / "my network.npz", "--data", folder / "no labels.npz", "--predictions")
    assert status == 0 and "accuracy unknown" in out
    assert out.splitlines()[2:] == [f"{i} {c}" for i, c in enumerate(classes)]
    found = one_object(run("golden", folder / "my network.npz", "--data", folder / "no labels.npz", "--json")[1])
    assert found["accuracy"] is None and found["right"] is None


def test_every_zoo_model_on_its_own_sample(run):
    measured = []
    for name in models.names():
        status, out, _ = run("golden", name, "--json")
        found = one_object(out)
        assert status == 0 and found["digest"] == models.card(name)["digest"]
        card = models.card(name).get("measured", {}).get(found["data"])
        if card:
            assert (found["images"], found["right"]) == (card["images"], card["right"])
            measured.append(name)
    assert "tfc_w1a1" in measured
    assert len(measured) == len(models.names()) - 1, "all but the one with random weights"


def test_the_accuracy_of_tfc_on_all_of_mnist(run):
    names = ("mnist.npz", "t10k-images-idx3-ubyte.gz")
    if not any((folder / name).is_file() for folder in data.folders() for name in names):
        pytest.skip("MNIST is not here, and tests download nothing")
    status, out, _ = run("golden", "tfc_w1a1", "--data", "mnist:test", "--json")
    found = one_object(out)
    assert status == 0 and found["images"] == 10000 and found["right"] == 9296 and found["accuracy"] == 0.9296


def test_models(run):
    status, out, err = run("models", "--json")
    found = one_object(out)["models"]
    assert status == 0 and err == ""
    assert [model["name"] for model in found] == list(models.names()) and {"tfc_w1a1", "cnv_random"} <= {
        *models.names()
    }
    assert all(isinstance(model["macs"], int) for model in found)
    assert "tfc_w1a1" in run("models")[1] and "0.9296" in run("models")[1]


def test_boards(run):
    status, out, err = run("boards", "--json")
    found = one_object(out)["boards"]
    assert status == 0 and err == ""
    assert [board["name"] for board in found] == list(boards.names())
    assert {board["name"]: board["target"]["rams"] for board in found}["icebreaker"] == 30
    text = run("boards")[1]
    assert all(name in text for name in boards.names())


def test_check(run, files):
    folder, network, _ = files
    status, out, err = run("check", folder / "my network.npz", "--json")
    found = one_object(out)
    assert status == 0 and err == ""
    assert found["digest"] == network.digest and found["weight_bits"] == network.weight_bits
    assert [layer["kind"] for layer in found["layers"]] == [type(layer).__name__ for layer in network.layers]
    assert [tuple(layer["shape"]) for layer in found["layers"]] == [t.shape for t in network.tensors[1:]]
    assert found["macs"] == sum(layer["macs"] for layer in found["layers"]) > 0
    text = run("check", folder / "my network.npz")[1]
    assert network.digest in text and len(text.splitlines()) == len(network.layers) + 4


def test_check_writes_integers_and_networks(run, files, tmp_path):
    folder, network, _ = files
    dump, copy = tmp_path / "dump me.npz", tmp_path / "copy.npz"
    status, out, err = run("check", folder / "my network.npz", "--dump", dump, "--save", copy, "--json")
    assert status == 0 and one_object(out)
    assert err.splitlines() == [f"wrote {dump}", f"wrote {copy}"]
    assert storage.load(copy).digest == network.digest
    with np.load(dump, allow_pickle=False) as found:
        weights = [key for key in found.files if key.endswith(".weights")]
        assert len(weights) >= 2
        for key in weights:
            assert (found[key] == network.layers[int(key.split(".")[0])].weights).all()


def test_export(run, files, tmp_path):
    folder, network, classes = files
    path = tmp_path / "my export.onnx"
    status, out, err = run("export", folder / "my network.npz", "-o", path, "--json")
    found = one_object(out)
    assert status == 0 and err == ""
    assert found["file"] == str(path) and found["bytes"] == path.stat().st_size and found["digest"] == network.digest
    assert found["input"] == {"name": "image", "shape": [1, *network.image_shape], "type": "U8"}
    assert found["output"] == {"name": found["layers"][-1]["tensor"], "shape": [1, network.logits.shape[0]]}
    assert [layer["kind"] for layer in found["layers"]] == [type(layer).__name__ for layer in network.layers[:-1]]
    arguments = ("golden", path, "--data", folder / "my data.npz", "--predictions", "--json")
    assert one_object(run(*arguments)[1])["predictions"] == classes.tolist()
    status, out, err = run("export", path, "-o", path)
    assert status == 0 and "raw pixels" in err and "raw pixels 0..255; output" in out and len(out.splitlines()) == 2
    assert one_object(run(*arguments)[1])["predictions"] == classes.tolist()
    status, out, err = run("export", "tfc_w1a1", "-o", folder / "my data.npz")
    assert status == 2 and "ends in .onnx" in one_sentence(err)


def bad_inputs(folder):
    network, data = folder / "my network.npz", folder / "my data.npz"
    yield (), "the following arguments are required: COMMAND; see `hwgen --help`"
    yield ("brew",), "invalid choice: 'brew'"
    yield ("golden",), "the following arguments are required: MODEL; see `hwgen golden --help`"
    yield ("golden", network, "--frob"), "unrecognized arguments: --frob; see `hwgen golden --help`"
    yield ("golden", network, "--lim", "3"), "unrecognized arguments: --lim 3"
    yield ("golden", network), "names no images of its own; give --data NAME:SPLIT, an .npz or a folder"
    yield ("golden", network, "--data", data, "--limit", "0"), "argument --limit: it is an integer from 1, not '0'"
    yield ("golden", network, "--data", data, "--limit", "x"), "argument --limit: it is an integer from 1, not 'x'"
    yield ("golden", network, "--data", "mnist"), "data is NAME:SPLIT"
    yield ("golden", network, "--data", "mnist-sample:test"), "the images are 28x28x1, but the network takes"
    yield ("golden", network, "--data", folder / "absent.npz"), "absent.npz: there is no such file"
    yield ("golden", network, "--data", network), "it has no array 'images'"
    yield ("golden", "tfc_w1a2"), r"there is no model 'tfc_w1a2' \(near: .*tfc_w1a1"
    yield ("golden", "../models/tfc_w1a1"), "there is no model"
    yield ("golden", folder / "my netwrk.npz"), r"there is no such file \(near: my network.npz"
    yield ("golden", folder / "absent" / "n.onnx"), "n.onnx: there is no such file"
    yield ("check", network, "--input-range", "0..2"), "--input-range is one of auto, .*, not '0..2'"
    yield ("check", network, "--input-range", "0..1"), "already reads raw pixels; leave --input-range"
    yield ("check", network, "--input-mean", "a,b"), "--input-mean is one number, or numbers separated by commas"
    yield ("check", network, "--input-std", "0"), "--input-std is not 0"
    yield ("check", network, "--input-std", "nan"), "--input-std is one finite number"
    yield ("check", data), "my data.npz"
    yield ("check", network, "--dump", folder / "dump.txt"), "the name of the file to write ends in .npz"
    yield ("check", network, "--save", folder / "no" / "n.npz"), "cannot be written: No such file or directory"
    yield ("export", network), "arguments are required: -o/--output; see `hwgen export --help`"
    yield ("export", network, "-o", folder / "n.txt"), "n.txt: the name of the file to write ends in .onnx"
    yield ("export", network, "-o", folder / "no" / "n.onnx"), "cannot be written: No such file or directory"
    yield ("bench", "--only", "coffee"), "no row of the benchmark holds 'coffee'"
    for command in ("plan", "generate", "verify", "build"):
        yield (command, "tfc_w1a1"), f"arguments are required: --board; see `hwgen {command} --help`"
        yield (command, "tfc_w1a1", "--board", "icebreaker", "--p", "0"), "argument --p: it is an integer from 1"
        if command != "plan":
            where = network / "x"
            yield (
                (command, "tfc_w1a1", "--board", "icebreaker", "-o", where),
                "cannot be written .(it is no folder|Not a directory)",
            )
    yield (
        ("generate", "tfc_w1a1", "--board", "icebreaker", "--shell", "apb"),
        "there is no shell 'apb'; --shell is one of core, axi, wishbone",
    )
    yield ("verify", "tfc_w1a1", "--board", "icebreaker", "--images", "2147483647"), "--images is at most 10000"
    yield ("bench", "-o", network), "my network.npz: cannot be written .it is no folder"
    yield ("flash", "icebreaker"), "give either the path of a bitstream, or --model MODEL"
    yield ("flash", "icebraker", "top.bin"), "there is no board 'icebraker'"
    yield ("flash", "icebreaker", "top.bin"), "top.bin: there is no such file"
    yield ("flash", "icebreaker", network), "the name of a bitstream for icebreaker ends in .bin"
    yield ("flash", "icebreaker", "--model", "tfc_w1a2"), "there is no model 'tfc_w1a2'"
    yield ("run", "x.png"), "arguments are required: --port"
    yield ("run", "x.png", "--port", "/dev/none"), "x.png: there is no such file"
    yield ("run", "--port", "/dev/none"), "give an IMAGE, or --self-test; see `hwgen run --help`"
    yield ("run", "--port", "/dev/none", "--self-test"), "--self-test compares with the golden model of --model"
    yield ("bench", "--port", "/dev/none"), "cannot open the serial port /dev/none"
    yield ("bench", "--port", "/dev/none", "--only", "x"), "--only chooses among figures that need no board"
    yield ("bench", "--images", "3"), "--images and --model go with --port"


def test_bad_input_gives_one_sentence_and_status_2(run, files, monkeypatch):
    monkeypatch.setattr(cli, "PATIENCE", 60)  # a busy machine's steps are slow enough to be told
    tried = 0
    for arguments, message in bad_inputs(files[0]):
        for extra in ((), ("--json",)) if arguments else ((),):
            status, out, err = run(*arguments, *extra)
            assert status == 2 and out == "", (arguments, out, err)
            assert re.search(message, one_sentence(err)), (arguments, err)
            tried += 1
    assert tried == 107
    assert sorted(path.name for path in files[0].iterdir()) == ["my data.npz", "my network.npz", "no labels.npz"]


def test_damaged_files_give_one_sentence(run, files):
    folder = files[0]
    whole = (folder / "my network.npz").read_bytes()
    tried = 0
    for number, content in enumerate([b"", b"x" * 999, whole[:-1], whole[: len(whole) // 2], whole[1:] + b"\0"]):
        for suffix in (".npz", ".onnx"):
            path = folder / f"bad{number}{suffix}"
            path.write_bytes(content)
            status, out, err = run("check", path)
            assert status == 2 and out == "" and f"bad{number}" in one_sentence(err)
            tried += 1
    assert tried == 10


def test_help_of_every_command(run):
    status, out, _ = run("--help")
    assert status == 0 and all(f"\n    {name} " in out for name in NAMES)
    for name in NAMES:
        status, out, err = run(name, "--help")
        assert status == 0 and err == ""
        assert "examples:" in out and f"hwgen {name}" in out.split("examples:")[1]
    assert len(NAMES) == 18
    assert re.fullmatch(r"hwgen .+\n", run("--version")[1])


def test_examples_in_help_are_accepted(run):
    parser = cli.parser()
    tried = 0
    for name in NAMES:
        for line in run(name, "--help")[1].split("examples:")[1].splitlines():
            command = re.split(r"\s{3,}", line.strip())[0]
            if command.startswith("hwgen "):
                parser.parse_args(command.split()[1:])
                tried += 1
    assert tried >= 2 * len(NAMES) - 3


ENDINGS = [
    (BuildError("nextpnr failed"), 1, "hwgen: nextpnr failed\n"),
    (KeyboardInterrupt(), 130, "hwgen: interrupted\n"),
    (MemoryError(), 1, "hwgen: there is not enough memory for this; take a smaller model or fewer images\n"),
    (OSError(errno.ENOSPC, "No space left"), 2, "hwgen: a file cannot be written: No space left\n"),
    (PermissionError(errno.EACCES, "Permission denied", "a/b"), 2, "hwgen: a/b: Permission denied\n"),
    (FileNotFoundError(errno.ENOENT, "No such file", "a/b"), 1, "hwgen: internal error, please report it: FileNotF"),
    (
        ZeroDivisionError("oh\nno"),
        1,
        "hwgen: internal error, please report it: ZeroDivisionError: oh (HWGEN_TRACEBACK=1",
    ),
]


@pytest.mark.parametrize(("error", "status", "message"), ENDINGS, ids=[type(e).__name__ for e, *_ in ENDINGS])
def test_other_endings(run, monkeypatch, error, status, message):
    def fail(options, session):
        raise error

    monkeypatch.setattr(golden_command, "run", fail)
    found = run("golden", "x", "--json")
    assert found[0] == status and found[1] == "" and found[2].startswith(message)
    assert found[2].count("\n") == 1


def test_an_internal_error_can_show_where(run, monkeypatch):
    monkeypatch.setattr(golden_command, "run", lambda options, session: 1 // 0)
    monkeypatch.setenv("HWGEN_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in run("golden", "x")[2]


def test_hardware_that_is_given_up_is_not_complained_of(run, monkeypatch, recwarn):
    class Top(Elaboratable):
        def elaborate(self, platform):
            self.part = Top()  # which nothing uses
            raise KeyboardInterrupt

    monkeypatch.setattr(golden_command, "run", lambda options, session: Fragment.get(Top(), None))
    assert run("golden", "x") == (130, "", "hwgen: interrupted\n")
    gc.collect()
    assert not recwarn.list


def test_long_steps_leave_a_line_where_no_terminal_is(monkeypatch, capsys):
    session = cli.TerminalSession()
    with session.step("short"), session.progress("shorter") as advance:
        advance(1, 2)
    monkeypatch.setattr(cli, "PATIENCE", 0.01)
    with session.step("long"):
        time.sleep(0.5)
    with session.progress("longer") as advance:
        advance(1, 2)
        time.sleep(0.5)
    assert capsys.readouterr().err.splitlines() == ["long", "longer"]


def test_a_failed_check_still_prints_its_answer(run, monkeypatch):
    answer = Answer(text="3 mismatches", json={"mismatches": 3}, status=1)
    monkeypatch.setattr(golden_command, "run", lambda options, session: answer)
    assert run("golden", "x") == (1, "3 mismatches\n", "")
    assert run("golden", "x", "--json") == (1, '{"mismatches": 3}\n', "")


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def test_as_a_program_from_elsewhere(files):
    folder = files[0]
    command = [*PROGRAM, "golden", "my network.npz", "--data", "my data.npz", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and one_object(done.stdout)["accuracy"] == 0.75 and done.stderr == ""
    done = subprocess.run([*PROGRAM, "golden", "nope"], cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and one_sentence(done.stderr)


def test_names_that_the_terminal_cannot_show(files):
    folder, network, _ = files
    strange = type(network)(image_shape=network.image_shape, layers=network.layers, name="Ünï")
    storage.save(strange, folder / "ü.npz")
    ascii_only = environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    done = subprocess.run([*PROGRAM, "check", folder / "ü.npz"], env=ascii_only, capture_output=True, timeout=60)
    assert done.returncode == 0 and rb"\xdcn\xef" in done.stdout


def test_a_closed_pipe_is_no_traceback(files):
    done = subprocess.run(
        ["bash", "-c", '"$0" -m hwgen check "$1" | true; echo ${PIPESTATUS[0]}', sys.executable, "cnv_random"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == "" and done.stdout.strip() in ("0", "1")


def test_streams_that_are_closed_or_full():
    """(command, exit status, standard error)"""
    full = "hwgen: standard output cannot be written (No space left on device)\n"
    for command, status, message in (
        ("models >&-", 0, ""),
        ("models >/dev/full", 2, full),
        ("--help >/dev/full", 2, full),
        ("--version >/dev/full", 2, full),
        ("check nope 2>&-", 2, ""),
        ("check nope 2>/dev/full", 2, ""),
        ("models <&- >&- 2>&-", 0, ""),
    ):
        line = ["bash", "-c", f'exec "$0" -m hwgen {command}', sys.executable]
        done = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", message), command


def test_a_current_folder_that_was_removed(tmp_path):
    line = ["bash", "-c", 'mkdir gone; cd gone; rmdir ../gone; exec "$0" -P -m hwgen models', sys.executable]
    done = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and one_sentence(done.stderr).startswith("hwgen: the current folder was removed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_with_130(tmp_path, number):
    program = "import sys, time\nfrom hwgen import cli\nfrom hwgen.commands import boards\n" + (
        "def wait(options, session):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "boards.run = wait\nsys.exit(cli.main(['boards', '--json']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # tests in the background inherit an ignored SIGINT
    )
    assert process.stderr is not None and process.stderr.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == "" and err == "hwgen: interrupted\n"
    assert time.monotonic() - started < 10


def test_starting_imports_nothing_heavy():
    program = "import sys, hwgen.cli; hwgen.cli.parser(); print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "onnx", "torch", "amaranth", "rich", "serial"}
    assert not heavy & set(done.stdout.split())
