"""What packaging/test does with the files of packaging/containers and the pages of docs/ci.md: it reads them and does, on
this machine, what Docker, Kubernetes and the runners of CI would do with them."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 30


class Wrong(Exception):
    """A file is not as it should be."""


def check(condition, problem):
    if not condition:
        raise Wrong(problem)


def until(what, look):
    """What `look` gives, as soon as that is something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise Wrong(f"{what} does not come within {PATIENCE_S} s")


def call(url, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=PATIENCE_S) as answer:
        return json.load(answer)


def environment(**more):
    """A clean environment."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


class Processes:
    """Processes that end with the test."""

    def __init__(self):
        self.all = []

    def start(self, command, **options):
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )
        self.all.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.all:
            process.kill()
            process.wait()


def interpolated(value, variables):
    """A value of a compose file: ${NAME:-default} and ${NAME:?message}."""
    if isinstance(value, dict):
        return {name: interpolated(part, variables) for name, part in value.items()}
    if isinstance(value, list):
        return [interpolated(part, variables) for part in value]
    if not isinstance(value, str):
        return value

    def one(found):
        name, how, rest = found.groups()
        if variables.get(name):
            return variables[name]
        check(how == ":-", f"{name} is not set: {rest}")
        return rest

    return re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", one, value)


def compose(yaml, file, binary, version, image_environment, scratch):
    """Starts the services of a compose file as processes, each at an address of its own under the service's name, and
    takes an order through each shop."""
    given = yaml.safe_load(file.read_text())
    key = subprocess.check_output([binary, "keys", "export", "--merchant", "C0000143", "--private"], text=True).strip()
    services = interpolated(given, {"PRIVATE_KEY": key})["services"]
    addresses = {name: f"127.0.1.{at}" for at, name in enumerate(services, 1)}
    lines = "".join(f"{address} {name}\n" for name, address in addresses.items())
    hosts = scratch / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{lines}")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    gateway = services["gateway"]
    check(gateway["image"] == f"payon-sim:{version}", f"the image is {gateway['image']}, not of version {version}")
    check(gateway["ports"] == ["127.0.0.1:36605:36605"], "the port of the gateway is for this machine only")
    token = gateway["environment"]["PAYON_SIM_CONTROL_TOKEN"]
    told = []
    try:
        with Processes() as processes:
            settings = {name: str(value) for name, value in gateway["environment"].items()}
            processes.start([binary], env=environment(**image_environment, **settings))
            test = gateway["healthcheck"]["test"]
            check(test[0] == "CMD", f"the health check is {test}; the image has no shell")
            probe = [binary if part == "/payon-sim" else part for part in test[1:]]
            healthy = lambda: subprocess.run(probe, env=environment(**settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
            until("a healthy gateway", healthy)
            for name in (name for name in services if name != "gateway"):
                shop = services[name]
                if not shutil.which(shop["command"][0]):
                    raise Wrong(f"{shop['command'][0]} is not here to be the shop {name}")
                check(shop["depends_on"]["gateway"]["condition"] == "service_healthy", f"{name} does not wait for the gateway")
                mounts = dict(volume.split(":")[:2][::-1] for volume in shop["volumes"])
                command = [re.sub(r"^/shop", lambda _: str((file.parent / mounts["/shop"]).resolve()), part) for part in shop["command"]]
                settings = {key: str(value) for key, value in shop["environment"].items()}
                check(settings["SHOP_URL"] == f"http://{name}:{settings['PORT']}", f"push-backs for {name} go to {settings['SHOP_URL']}")
                check(settings["HOST"] == "0.0.0.0", f"{name} cannot be reached from outside of its container")
                # All on one machine, two cannot have the same port at all its addresses.
                own = {"HOST": addresses[name], "BOOKS": str(scratch / f"{name}.books")}
                processes.start(command, env=environment(**{**settings, **own}), cwd=scratch)
                url = settings["SHOP_URL"]
                until(f"the shop {name}", lambda: call(f"{url}/healthz"))
                order = call(f"{url}/orders", {"amount": "10.00"})
                check(order["checkoutUrl"].startswith(gateway["environment"]["PAYON_SIM_PUBLIC_URL"]), f"the payer is sent to {order['checkoutUrl']}")
                call(f"http://gateway:36605/_sim/v1/orders/{settings['MERCHANT_ID']}/{order['txId']}/pay", {}, token)
                until(f"the payment at {name}", lambda: call(f"{url}/orders/{order['id']}")["state"] == "PAID")
                sent = call(f"http://gateway:36605/_sim/v1/pushbacks?txId={order['txId']}", None, token)["pushbacks"]
                check([one["state"] for one in sent] == ["acknowledged"], f"the push-backs to {name}: {sent}")
                told.append(name)
    finally:
        subprocess.run(["umount", "/etc/hosts"], check=True)
    return f"{', '.join(told)} paid"


def kubernetes(yaml, file, binary, version, image_environment, scratch):
    """Checks a manifest, and starts its container's command as a process with the scenarios mounted as a kubelet does."""
    parts = {(part["kind"], part["metadata"]["name"]): part for part in yaml.safe_load_all(file.read_text())}
    name = "payon-gateway"
    check(name != "payon-sim", "a Service named payon-sim would set PAYON_SIM_PORT")
    deployment, service = parts["Deployment", name]["spec"], parts["Service", name]["spec"]
    template = deployment["template"]
    pod = template["spec"]
    (container,) = pod["containers"]
    check(deployment["replicas"] == 1, "two gateways would have two ledgers")
    check(pod["enableServiceLinks"] is False, "Services would be described in the environment")
    labels = template["metadata"]["labels"]
    check(deployment["selector"]["matchLabels"].items() <= labels.items(), "the Deployment does not select its pods")
    check(service["selector"].items() <= labels.items(), "the Service does not select the pods")
    (port,) = container["ports"]
    check(service["ports"][0]["targetPort"] == port["name"] and port["containerPort"] == 36605, "the Service leads elsewhere")
    check(container["image"] == f"payon-sim:{version}", f"the image is {container['image']}, not of version {version}")
    (volume,), (mount,) = pod["volumes"], container["volumeMounts"]
    check(volume["name"] == mount["name"], "the mounted volume is another one")
    scenarios = parts["ConfigMap", volume["configMap"]["name"]]["data"]
    (variable,) = container["env"]
    secret = variable["valueFrom"]["secretKeyRef"]
    token = parts["Secret", secret["name"]]["stringData"][secret["key"]]

    mounted = scratch / "scenarios"
    mounted.mkdir()

    def write(generation, change):
        """As the kubelet does it: files in a hidden folder, to which a link leads that is replaced in one step."""
        folder = mounted / f"..{generation}"
        folder.mkdir()
        for entry, text in scenarios.items():
            (folder / entry).write_text(change(text))
            if not (mounted / entry).is_symlink():
                (mounted / entry).symlink_to(Path("..data") / entry)
        (mounted / "..tmp").symlink_to(folder.name)
        (mounted / "..tmp").rename(mounted / "..data")

    write("first", lambda text: text)
    arguments = [str(mounted) if part == mount["mountPath"] else part for part in container["args"]]
    settings = environment(**image_environment, **{variable["name"]: token})
    with Processes() as processes:
        processes.start([binary, *arguments], env=settings)
        base = f"http://127.0.0.1:{port['containerPort']}"
        for probe in ("readinessProbe", "livenessProbe"):
            until(f"an answer to the {probe}", lambda: call(base + container[probe]["httpGet"]["path"]))
        rules = lambda: json.dumps(call(f"{base}/_sim/v1/rules", None, token))
        check("declined-amount" in rules(), f"the scenario is not armed: {rules()}")
        write("second", lambda text: text.replace("declined-amount", "declined-again"))
        until("the changed scenario", lambda: "declined-again" in rules())
    return "the scenarios are armed and followed"


def pages(yaml, file, archive, scratch):
    """Runs the shell steps of the pages, as the runners of CI do."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", file.read_text(), re.S | re.M)
    told = []
    for number, block in enumerate(blocks):
        page = yaml.safe_load(block)
        work = scratch / f"page-{number}"
        (work / "vendor").mkdir(parents=True)
        shutil.copy(archive, work / "vendor")
        tests = work / "run-tests"
        tests.write_text('#!/bin/sh\nset -eu\ntest -n "$PAYON_SIM_URL"\npython3 "$STORY" "${PAYON_SIM_CONTROL_URL-$PAYON_SIM_URL}"\ntouch passed\n')
        tests.chmod(0o755)
        own = environment(STORY=str(Path(__file__).with_name("story.py")), CI="true")
        if "jobs" in page:
            (job,) = page["jobs"].values()
            github(job, work, own)
        else:
            (job,) = page.values()
            script = "\n".join([*job["before_script"], *job["script"]])
            shell(script, work, own)
        check((work / "passed").exists(), f"page {number} of {file.name} has not run the tests")
        told.append("GitHub" if "jobs" in page else "GitLab")
    check(len(told) == 3, f"pages found: {told}")
    return ", ".join(told)


def github(job, work, own):
    """The `run` steps of a job: a shell each, which hands on what it appends to two files."""
    temp = work / "temp"
    temp.mkdir()
    path, variables = temp / "path", temp / "env"
    path.touch()
    variables.touch()
    names = {"RUNNER_TEMP": str(temp), "GITHUB_PATH": str(path), "GITHUB_ENV": str(variables)}
    try:
        for step in job["steps"]:
            if "run" not in step:
                check("uses" in step, f"a step does nothing: {step}")
                continue
            now = {**own, **names, **dict(line.split("=", 1) for line in variables.read_text().splitlines())}
            now["PATH"] = ":".join([*path.read_text().splitlines()[::-1], now["PATH"]])
            shell(step["run"], work, now)
    finally:
        # The runner ends what a job has left running.
        for pid in left_over(f"RUNNER_TEMP={temp}"):
            os.kill(pid, signal.SIGKILL)


def shell(script, work, own):
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=work, env=own, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S,
    )
    check(done.returncode == 0, f"this ends with {done.returncode}:\n{script}\n{done.stdout}")


def left_over(mark):
    """Processes that have `mark` in their environment."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                yield int(entry.name)
        except OSError:
            continue
