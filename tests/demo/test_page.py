"""The page in headless Chromium, and what its server answers."""

import http.client
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from hwgen import boards, cli, data, golden, models
from hwgen.data import pictures
from hwgen.data.fitting import fit
from hwgen.demo.classifier import Classifier
from hwgen.demo.server import application
from hwgen.host import Device
from hwgen.plan import plan
from hwgen.sim.virtual_board import virtual_board

BUILD = Path("build/rtl_tests")
DESK, PHONE = (1280, 900), (390, 844)
SHOTS = Path("build/demo")


@pytest.fixture(scope="module")
def at_work():
    """A classifier with a virtual board, and some images."""
    network, board = models.load("tfc_w1a1").network, boards.load("icebreaker")
    planned = plan(network, board)
    images = data.load("mnist-sample:test", 3).images
    with virtual_board(planned, board, BUILD) as virtual, Device.open(virtual.port) as device:
        status = {"simulated_seconds": 0.5, "seconds": 2.0}
        yield Classifier(device, planned, BUILD, status=lambda: status), images


class Page:
    """A server of the page, for the time of a context; `answer` may change what it says of an image."""

    def __init__(self, classifier, images, answer=lambda found: found):
        network = classifier.plan.network
        about = {
            "model": "tfc_w1a1",
            "board": "a virtual board",
            "shape": list(network.image_shape),
            "bits": 8,
            "classes": [],
            "array": [4, 32, 1],
            "clock_mhz": 12.0,
        }
        made = application(lambda samples: answer(classifier.classify(samples)), about, list(images), "digit")
        self.server = uvicorn.Server(uvicorn.Config(made, log_level="warning", lifespan="off"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.server.should_exit = True
        self.thread.join()
        self.listener.close()

    def ask(self, method, path, body=None):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()


def test_server(at_work):
    classifier, images = at_work
    expected = golden.run(classifier.plan.network, images)
    with Page(classifier, images) as page:
        assert page.ask("GET", "/")[0] == 200
        status, samples = page.ask("GET", "/samples/1")
        assert (status, samples) == (200, images[1].tobytes())
        assert page.ask("GET", "/samples/3")[0] == 404
        for i, image in enumerate(images):
            status, answer = page.ask("POST", "/classify", image.tobytes())
            found = json.loads(answer)
            assert status == 200 and found["equal"] and found["logits"] == expected.logits[i].tolist()
            assert [layer["cycles"] for layer in found["layers"][:-1]] == list(classifier.plan.cycles_per_stage[:-1])
            for layer in found["layers"]:
                assert layer["equal"] and layer["golden"] == layer["simulated"]
        paper = io.BytesIO()
        Image.fromarray(255 - np.pad(images[0].squeeze().repeat(4, 0).repeat(4, 1), ((90, 20), (10, 300)))).save(
            paper, "PNG"
        )
        shape, picture = (1, 28, 28), pictures.decode(io.BytesIO(paper.getvalue()))
        assert page.ask("POST", "/picture", paper.getvalue()) == (200, fit(picture, shape, "digit", 8)[0].tobytes())
        for body, reason in (
            (b"GIF89a", "this picture cannot be taken: "),
            (bytes((20 << 20) + 1), "the picture has over 20 MB"),
        ):
            status, answer = page.ask("POST", "/picture", body)
            assert status == 400 and json.loads(answer)["error"].startswith(reason)
        for body in (b"", bytes(783), bytes(785), bytes(1 << 20)):
            status, answer = page.ask("POST", "/classify", body)
            assert (status, json.loads(answer)) == (400, {"error": "an image has 784 bytes: 28 x 28 x 1"})


def test_a_difference_is_found(at_work, monkeypatch):
    """A golden model with another first layer: its output differs, and what comes after it."""
    classifier, images = at_work
    right = golden.run(classifier.plan.network, images[:1])
    stage = classifier.plan.stages[0].compiled.stage
    outputs = list(right.outputs)
    outputs[stage.layer] = -outputs[stage.layer]
    wrong = golden.Result(outputs=tuple(outputs), logits=right.logits + 1, classes=right.classes)
    monkeypatch.setattr(golden, "run", lambda network, image: wrong)
    found = classifier.classify(images[0].tobytes())
    assert not found["equal"]
    assert [layer["equal"] for layer in found["layers"]] == [False, True, True, False]


def test_command(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["demo", "tfc_w1a1", "--board", "icebreaker", "--http", str(port), "-o", str(BUILD)]
        assert cli.main(arguments) == 2
    assert f"port {port} of 127.0.0.1 cannot be had (Address already in use); name another" in capsys.readouterr().err


def test_served_until_an_interrupt(tmp_path):
    command = [sys.executable, "-c", "import sys; from hwgen.cli import main; sys.exit(main())", "demo", "tfc_w1a1"]
    with subprocess.Popen(
        [*command, "--board", "icebreaker", "--http", "0", "-o", str(BUILD)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "the page is at" in line)
        address = line.split("the page is at ")[1].split()[0]
        with urllib.request.urlopen(address + "about", timeout=30) as answer:
            assert json.load(answer)["shape"] == [1, 28, 28]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture
def browser(tmp_path):
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("Chromium and its driver are not installed on this machine: the page is not tried in a browser")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    flags = ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking")
    for flag in (*flags, "disable-component-update", "disable-sync", f"user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as browser:
        yield browser


def opened(browser, page, size):
    """The page at a size of the window, once it is ready."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size is PHONE},
    )
    browser.get(page.url)
    WebDriverWait(browser, 30).until(lambda b: b.execute_script("return document.body.dataset.ready"))


def light(browser):
    """State and text of the light, once there is an answer."""
    from selenium.webdriver.support.ui import WebDriverWait

    script = "const l = document.getElementById('light'); return [l.dataset.state, l.innerText.trim()]"
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(script)[0] != "none")
    return browser.execute_script(script)


def shot(browser, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    size = browser.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", dict(
        width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
    ))  # fmt: skip
    browser.save_screenshot(str(SHOTS / f"{name}.png"))


def sent(browser, network):
    """What the golden model says of the image as the board got it."""
    script = """const ink = document.getElementById('seen').getContext('2d');
        return Array.from(ink.getImageData(0, 0, 28, 28).data)"""
    pixels = np.array(browser.execute_script(script), np.uint8).reshape(1, 28, 28, 4)[..., :1]
    assert pixels.max() > 128
    return golden.run(network, pixels)


def shown(browser):
    """Class and logits on the page."""
    rows = browser.execute_script(
        "return Array.from(document.querySelectorAll('#logits .row'), r => r.lastElementChild.textContent)"
    )
    return browser.execute_script("return document.getElementById('class').textContent"), [int(text) for text in rows]


@pytest.mark.parametrize("size", (DESK, PHONE), ids=("desk", "phone"))
def test_digit_that_is_drawn(browser, at_work, size):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    classifier, images = at_work
    with Page(classifier, images) as page:
        opened(browser, page, size)
        pad = browser.find_element(By.ID, "pad")
        stroke = ActionChains(browser, duration=20).move_to_element_with_offset(pad, -45, -80).click_and_hold()
        for x, y in ((90, 0), (-20, 40), (-20, 40), (-15, 70)):  # a seven
            stroke = stroke.move_by_offset(x, y)
        stroke.release().perform()
        state = light(browser)
        assert state == ["equal", "every layer and every logit equals the golden model"]
        expected = sent(browser, classifier.plan.network)
        assert shown(browser) == (str(expected.classes[0]), expected.logits[0].tolist())
        assert expected.classes[0] == 7
        assert len(browser.find_elements(By.CSS_SELECTOR, "#timeline .row")) == 4
        assert len(browser.find_elements(By.CSS_SELECTOR, "#maps canvas")) == 8
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        shot(browser, f"drawn-{size[0]}")


def test_digit_by_keyboard(browser, at_work):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    classifier, images = at_work
    with Page(classifier, images) as page:
        opened(browser, page, DESK)
        keys = ActionChains(browser).send_keys(Keys.TAB, *[Keys.ARROW_UP] * 8, " ", *[Keys.ARROW_DOWN] * 16)
        keys.send_keys(Keys.ENTER).perform()
        assert light(browser)[0] == "equal"
        expected = sent(browser, classifier.plan.network)
        assert shown(browser) == (str(expected.classes[0]), expected.logits[0].tolist())
        assert expected.classes[0] == 1
        # Tab goes on to the buttons; Enter on the third takes a sample.
        ActionChains(browser).send_keys(Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER).perform()
        seven = golden.run(classifier.plan.network, images[:1])
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(browser, 60).until(lambda b: shown(b)[1] == seven.logits[0].tolist())


def test_light_of_a_difference(browser, at_work):
    from selenium.webdriver.common.by import By

    classifier, images = at_work
    with Page(classifier, images, lambda found: {**found, "equal": False}) as page:
        opened(browser, page, DESK)
        browser.find_element(By.ID, "sample").click()
        assert light(browser) == ["different", "the board's logits differ from the golden model's"]


def test_light_of_a_board_that_went_away(browser, at_work):
    from selenium.webdriver.common.by import By

    from hwgen.errors import BuildError

    def gone(found):
        raise BuildError("the board went away")

    classifier, images = at_work
    with Page(classifier, images, gone) as page:
        opened(browser, page, DESK)
        browser.find_element(By.ID, "sample").click()
        assert light(browser) == ["error", "the board went away"]
