"""What the binary is made of: the packages compiled into it, their licences, and an SBOM in the format of CycloneDX."""

import json
import re
import subprocess
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

LICENCE_FILE = re.compile(r"(?i)^(un)?licen[cs]e|^copying|^notice|^copyright")


def read(root, target):
    """The packages that cargo compiles into the binary for `target`, the program itself first."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.check_output(command, cwd=root))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    sums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
    compiled = compiled_packages(root, target)
    first = metadata["resolve"]["root"]
    found, waiting = {}, [first]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        package = packages[here]
        # Those only for building or testing are not in the binary.
        needs = [dep["pkg"] for dep in nodes[here]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        needs = [need for need in needs if (packages[need]["name"], packages[need]["version"]) in compiled]
        waiting += needs
        found[here] = {
            "name": package["name"],
            "version": package["version"],
            "licence": (package["license"] or "").replace("/", " OR "),
            "sum": sums[package["name"], package["version"]],
            "folder": Path(package["manifest_path"]).parent,
            "needs": [(packages[need]["name"], packages[need]["version"]) for need in needs],
        }
    program = found.pop(first)
    return [program, *sorted(found.values(), key=lambda part: (part["name"], part["version"]))]


def compiled_packages(root, target):
    """Name and version of what is compiled: the metadata also list packages that a feature would take only with another."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--target", target, "--prefix", "none", "--format", "{p}"]
    lines = subprocess.check_output(command, cwd=root, text=True).splitlines()
    return {(name, version.removeprefix("v")) for name, version in (line.split()[:2] for line in lines if line)}


def toolchain():
    """What gcc and rustc link into a static binary beside the packages."""
    rustc = subprocess.check_output(["rustc", "--version"], text=True).split()[1]
    glibc = subprocess.check_output(["ldd", "--version"], text=True).splitlines()[0].split()[-1]
    return [
        {"name": "rust-std", "version": rustc, "licence": "MIT OR Apache-2.0"},
        {"name": "glibc", "version": glibc, "licence": "LGPL-2.1-or-later"},
    ]


def licence_files(folder):
    """The licence texts of a package, also of what it brings along from others."""
    for path in sorted(folder.rglob("*")):
        named = LICENCE_FILE.match(path.name) or path.parent.name.upper() == "LICENSES"
        if named and path.is_file() and path.suffix not in (".rs", ".c", ".h"):
            yield path


def licences(parts):
    """One text: each package with its licence, and each licence text once."""
    program, *packages = parts
    lines = [
        f"Parts of the binary of {program['name']} {program['version']} that others wrote.\n",
        "The GNU C Library is linked statically. It is under the LGPL 2.1 or later; whoever wants to use another",
        "version of it builds payon-sim from its published sources against that. Its source is at",
        "https://sourceware.org/glibc/.\n",
    ]
    for part in toolchain() + packages:
        lines.append(f"{part['name']} {part['version']}: {part['licence']}")
    texts = {}
    for part in packages:
        files = list(licence_files(part["folder"]))
        if not files:
            raise SystemExit(f"error: {part['name']} {part['version']} comes without a licence text")
        for path in files:
            text = path.read_text(errors="replace").replace("\r\n", "\n").strip()
            texts.setdefault(text, []).append(f"{part['name']} {part['version']}: {path.relative_to(part['folder'])}")
    for text, users in sorted(texts.items(), key=lambda entry: entry[1]):
        lines.append("\n" + "=" * 100)
        lines += users
        lines.append("-" * 100 + "\n" + text)
    lgpl = Path("/usr/share/common-licenses/LGPL-2.1")
    lines += ["\n" + "=" * 100, "glibc", "-" * 100, lgpl.read_text().strip()]
    return "\n".join(lines) + "\n"


def sbom(parts, commit, profile, when):
    """The list of parts in CycloneDX 1.5, with the commit and cargo's profile."""

    def reference(name, version):
        return f"pkg:cargo/{name}@{version}"

    def component(part, kind):
        shown = {"type": kind, "name": part["name"], "version": part["version"]}
        shown["licenses"] = [{"expression": part["licence"]}]
        if "needs" in part:
            shown["bom-ref"] = shown["purl"] = reference(part["name"], part["version"])
        else:
            shown["bom-ref"] = f"{part['name']}@{part['version']}"
        if part.get("sum"):
            shown["hashes"] = [{"alg": "SHA-256", "content": part["sum"]}]
        return shown

    program, *packages = parts
    linked = toolchain()
    depends = [
        {"ref": reference(part["name"], part["version"]), "dependsOn": sorted({reference(*need) for need in part["needs"]})}
        for part in parts
    ]
    depends[0]["dependsOn"] += [f"{part['name']}@{part['version']}" for part in linked]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, reference(program['name'], program['version']) + commit)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": component(program, "application"),
            "properties": [
                {"name": "payon-sim:commit", "value": commit},
                {"name": "payon-sim:profile", "value": profile},
            ],
        },
        "components": [component(part, "library") for part in packages + linked],
        "dependencies": depends,
    }
    return json.dumps(document, indent=1) + "\n"
