//! The kits in `kits/`, run by the frameworks that they are for: the stories of docs/kits.md, a test that fails, and a
//! runner that is killed.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::binary::has_tool;
use crate::programs::{file, installed_by};

/// How long a framework may take; the slowest, Java, is compiled first.
const PATIENCE: Duration = Duration::from_secs(180);
/// Lines of code of a kit: without blank ones, comments and imports.
const KIT_LINES_MAX: usize = 200;
/// Lines of a test of the whole story.
const STORY_LINES_MAX: usize = 15;

/// A kit under a framework.
struct Kit {
    /// Fence of its story in docs/kits.md.
    language: &'static str,
    /// Changes that make the story one of this framework.
    changes: &'static [(&'static str, &'static str)],
    test_file: &'static str,
    /// Test that is refused by the gateway, in place of the story.
    failing: &'static str,
    /// Test that writes the address of its space into the file `url` and does not end.
    hanging: &'static str,
    /// Prepares a directory with a test file, and gives the command that runs it there.
    command: fn(&Path) -> Command,
}

const PYTEST: Kit = Kit {
    language: "python",
    changes: &[],
    test_file: "test_payon.py",
    failing: "def test_payon(payon):\n    order = payon.register()\n    payon.pay(order)\n    \
        assert payon.call('/pg/refund', {'txId': order['txId'], 'amount': '1.00', 'sign': 'bm8='})['resultCode'] == '0000'\n",
    hanging: "import time\ndef test_payon(payon):\n    open('url', 'w').write(payon.base_url)\n    time.sleep(600)\n",
    command: |_| {
        let python = file("target/ext/kits/venv/bin/python");
        let mut command = Command::new(python);
        command.args(["-m", "pytest", "-p", "payon_sim.plugin", "-p", "no:cacheprovider"]);
        command.env("PYTHONPATH", file("kits/python")).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    },
};

const NODE_FAILING: &str = "test('fails', withSpace(async (payon) => {\n  const order = await payon.register()\n  await payon.pay(order)\n  \
    const answer = await payon.call('/pg/refund', { txId: order.txId, amount: '1.00', sign: 'bm8=' })\n  \
    if (answer.resultCode !== '0000') throw new Error('refused')\n}))\n";

const NODE: Kit = Kit {
    language: "js",
    changes: &[],
    test_file: "payon.test.mjs",
    failing: NODE_FAILING,
    hanging: "import { writeFileSync } from 'node:fs'\ntest('hangs', withSpace(async (payon) => {\n  \
        writeFileSync('url', payon.baseUrl)\n  await new Promise((end) => setTimeout(end, 600_000))\n}))\n",
    command: |dir| {
        package(dir, "payon-sim", &file("kits/node"));
        let mut command = Command::new("node");
        command.arg("payon.test.mjs");
        command
    },
};

const VITEST: Kit = Kit {
    changes: &[("'node:test'", "'vitest'")],
    command: |dir| {
        package(dir, "payon-sim", &file("kits/node"));
        package(dir, "vitest", &file("target/ext/kits/node_modules/vitest"));
        let mut command = Command::new("node");
        command.arg("node_modules/vitest/vitest.mjs").args(["run", "--root", "."]);
        command
    },
    ..NODE
};

const JEST: Kit = Kit {
    // Jest reads CommonJS, and its `test` is there already.
    changes: &[
        ("import assert from 'node:assert/strict'", "const assert = require('node:assert/strict')"),
        ("import { test } from 'node:test'\n", ""),
        ("import { withSpace } from 'payon-sim'", "const { withSpace } = require('payon-sim')"),
    ],
    test_file: "payon.test.js",
    command: |dir| {
        package(dir, "payon-sim", &file("kits/node"));
        fs::write(dir.join("package.json"), "{}").unwrap();
        let mut command = Command::new("node");
        command.arg(file("target/ext/kits/node_modules/jest/bin/jest.js")).arg("--no-watchman");
        command
    },
    ..NODE
};

const JUNIT: Kit = Kit {
    language: "java",
    changes: &[],
    test_file: "PayonTest.java",
    failing: "@ExtendWith(PayonExtension.class)\nclass PayonTest {\n  @Test\n  void fails(PayonSpace payon) {\n    \
        var order = payon.register(\"1.00\");\n    payon.pay(order);\n    \
        var members = java.util.Map.of(\"txId\", order.get(\"txId\"), \"amount\", \"1.00\", \"sign\", \"bm8=\");\n    \
        assertEquals(\"0000\", payon.call(\"/pg/refund\", members, false).get(\"resultCode\").asText());\n  }\n}\n",
    hanging: "@ExtendWith(PayonExtension.class)\nclass PayonTest {\n  @Test\n  void hangs(PayonSpace payon) throws Exception {\n    \
        java.nio.file.Files.writeString(java.nio.file.Path.of(\"url\"), payon.baseUrl);\n    Thread.sleep(600_000);\n  }\n}\n",
    command: |dir| {
        let jars = JARS.map(|jar| format!("/usr/share/java/{jar}.jar")).join(":");
        let sources = ["PayonExtension", "PayonServer", "PayonSpace"];
        let sources =
            sources.map(|name| file("kits/java/src/payonsim").join(format!("{name}.java")));
        let mut compiler = Command::new("javac");
        compiler.args(["-Xlint:all,-path", "-Werror", "-d", ".", "-cp", &jars]).args(sources);
        let compiled = compiler.arg("PayonTest.java").current_dir(dir).output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let mut command = Command::new("java");
        command.args(["-cp", &format!(".:{jars}"), "org.junit.platform.console.ConsoleLauncher"]);
        command.args(["--select-class", "PayonTest", "--disable-banner", "--details=tree"]);
        command
    },
};

/// What JUnit's console, the tests and the kit are made of, as Debian's packages put it into /usr/share/java.
const JARS: [&str; 13] = [
    "junit-jupiter-api",
    "junit-jupiter-engine",
    "junit-platform-commons",
    "junit-platform-console",
    "junit-platform-engine",
    "junit-platform-launcher",
    "junit-platform-reporting",
    "apiguardian-api",
    "opentest4j",
    "picocli",
    "jackson-annotations",
    "jackson-core",
    "jackson-databind",
];

const PHPUNIT: Kit = Kit {
    language: "php",
    changes: &[],
    test_file: "PayonTest.php",
    failing: "final class PayonTest extends TestCase\n{\n    use UsesPayon;\n    public function testFails(): void\n    {\n        \
        $order = $this->payon->register();\n        $this->payon->pay($order);\n        \
        $answer = $this->payon->call('/pg/refund', ['txId' => $order['txId'], 'amount' => '1.00', 'sign' => 'bm8=']);\n        \
        $this->assertSame('0000', $answer['resultCode']);\n    }\n}\n",
    hanging: "final class PayonTest extends TestCase\n{\n    use UsesPayon;\n    public function testHangs(): void\n    {\n        \
        file_put_contents('url', $this->payon->baseUrl);\n        sleep(600);\n    }\n}\n",
    command: |_| {
        let mut command = Command::new("phpunit");
        command.args(["--do-not-cache-result", "--bootstrap"]).arg(file("kits/php/autoload.php"));
        command.arg("PayonTest.php");
        command
    },
};

/// Makes a package found from `dir`.
fn package(dir: &Path, name: &str, place: &Path) {
    fs::create_dir_all(dir.join("node_modules")).unwrap();
    symlink(place, dir.join("node_modules").join(name)).unwrap();
}

impl Kit {
    /// The story of docs/kits.md for this kit.
    fn story(&self) -> String {
        let page = fs::read_to_string(file("docs/kits.md")).unwrap();
        let fence = format!("\n```{}\n", self.language);
        let (_, rest) = page.split_once(&fence).unwrap();
        rest.split_once("```\n").unwrap().0.to_owned()
    }

    /// A test beside the story's imports.
    fn other(&self, test: &str) -> String {
        let story = self.story();
        let starts = ["def ", "test(", "@ExtendWith", "final class"];
        let at = starts.iter().filter_map(|start| story.find(&format!("\n{start}"))).min();
        format!("{}\n{test}", at.map_or("", |at| &story[..at]))
    }

    fn prepare(&self, test: &str) -> (TempDir, tokio::process::Command) {
        let dir = tempfile::tempdir().unwrap();
        let test =
            self.changes.iter().fold(test.to_owned(), |test, (from, to)| test.replace(from, to));
        fs::write(dir.path().join(self.test_file), test).unwrap();
        let mut command = (self.command)(dir.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PAYON_SIM_") {
                command.env_remove(name);
            }
        }
        command.env("PAYON_SIM_BIN", env!("CARGO_BIN_EXE_payon-sim")).current_dir(dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        (dir, command)
    }

    /// Runs a test; whether it is good, and all that was printed.
    async fn run(&self, test: &str) -> (bool, String) {
        let (_dir, mut command) = self.prepare(test);
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let Output { status, stdout, stderr } =
            ended.expect("the framework ends").expect("it starts");
        let printed = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        (status.success(), printed)
    }

    /// The story is green, a test that fails says what the simulator knows, and no simulator outlives its runner.
    async fn all(&self) {
        let (is_good, printed) = self.run(&self.story()).await;
        assert!(is_good, "{printed}");
        let (is_good, printed) = self.run(&self.other(self.failing)).await;
        assert!(!is_good, "{printed}");
        for part in ["sign.invalid", "    signature: ", "push-back 1 of "] {
            assert!(printed.contains(part), "{part:?} is not in\n{printed}");
        }
    }

    async fn killed(&self) {
        let (dir, mut command) = self.prepare(&self.other(self.hanging));
        let mut child = command.spawn().unwrap();
        let address = came("the address of the space", || {
            let url = fs::read_to_string(dir.path().join("url")).ok()?;
            Some(url.strip_prefix("http://")?.split_once("/space/")?.0.to_owned())
        });
        let address = address.await;
        assert!(TcpStream::connect(&address).is_ok());
        child.kill().await.unwrap();
        came("the end of the simulator", || TcpStream::connect(&address).is_err().then_some(()))
            .await;
    }
}

/// Looks until there is something, for as long as a framework may take.
async fn came<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let found = async {
        loop {
            match look() {
                Some(found) => return found,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

fn has_java() -> bool {
    has_tool("javac") && JARS.iter().all(|jar| has_file(&format!("/usr/share/java/{jar}.jar")))
}

fn has_file(path: &str) -> bool {
    let is_there = Path::new(path).exists();
    if !is_there {
        let lacking = format!("{path} is not there; .ci/install-kits.sh installs it");
        assert!(std::env::var_os("CI").is_none(), "{lacking}");
        println!("skipped: {lacking}");
    }
    is_there
}

#[tokio::test]
async fn pytest_runs_the_python_kit() {
    if installed_by("kits", "venv/bin/pytest").is_some() {
        PYTEST.all().await;
        PYTEST.killed().await;
    }
}

#[tokio::test]
async fn node_test_runs_the_node_kit() {
    if has_tool("node") {
        NODE.all().await;
        NODE.killed().await;
    }
}

#[tokio::test]
async fn vitest_and_jest_run_the_node_kit() {
    if installed_by("kits", "node_modules/vitest/vitest.mjs").is_some() {
        VITEST.all().await;
        JEST.all().await;
    }
}

#[tokio::test]
async fn junit_runs_the_java_kit() {
    if has_java() {
        JUNIT.all().await;
        JUNIT.killed().await;
    }
}

#[tokio::test]
async fn phpunit_runs_the_php_kit() {
    if has_tool("phpunit") {
        PHPUNIT.all().await;
        PHPUNIT.killed().await;
    }
}

#[test]
fn a_kit_joins_a_simulator_that_runs() {
    if installed_by("kits", "venv/bin/pytest").is_none() {
        return;
    }
    let (_dir, command) = PYTEST.prepare(&PYTEST.story());
    let line = command.as_std();
    let mut exec = Command::new(env!("CARGO_BIN_EXE_payon-sim"));
    exec.args(["exec", "--"]).arg(line.get_program()).args(line.get_args());
    for (name, value) in line.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        exec.env(name, value);
    }
    // A program that is not there cannot be started.
    exec.env("PAYON_SIM_BIN", "/nowhere").current_dir(line.get_current_dir().unwrap());
    let ended = exec.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}

#[test]
fn kits_and_stories_are_short() {
    let mut too_long = Vec::new();
    for (kit, folder, ends) in [
        ("python", "kits/python/payon_sim", ".py"),
        ("node", "kits/node", ".cjs"),
        ("java", "kits/java/src/payonsim", ".java"),
        ("php", "kits/php/src", ".php"),
    ] {
        let files = fs::read_dir(file(folder)).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> = files.filter(|it| it.to_string_lossy().ends_with(ends)).collect();
        assert!(!files.is_empty(), "{folder}");
        let lines =
            files.iter().map(|path| code_lines(&fs::read_to_string(path).unwrap())).sum::<usize>();
        if lines > KIT_LINES_MAX {
            too_long.push(format!("{kit}: {lines} lines"));
        }
    }
    for kit in [PYTEST, NODE, JUNIT, PHPUNIT] {
        let story = kit.story();
        let first = story.split("\n\n\n").next().unwrap();
        let lines = code_lines(first);
        if lines > STORY_LINES_MAX {
            too_long.push(format!("the story in {}: {lines} lines", kit.language));
        }
    }
    assert!(too_long.is_empty(), "{too_long:?}");
}

/// Lines without blank ones, comments and imports.
fn code_lines(text: &str) -> usize {
    let others = [
        "//",
        "/*",
        "*",
        "# ",
        "#[",
        "import ",
        "from ",
        "use ",
        "package ",
        "namespace ",
        "declare(",
        "<?php",
    ];
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !others.iter().any(|start| line.starts_with(start)))
        .count()
}
