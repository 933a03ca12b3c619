//! Programs of others, run against the binary: what they are given, and their end within a time.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::binary::Gateway;
use crate::support::{Client, SpaceHandle};

/// A gateway in a process of its own, and a fresh space in it with one merchant.
pub(crate) struct Shop {
    pub(crate) space: SpaceHandle,
    _gateway: Gateway,
}

impl Shop {
    pub(crate) async fn open(name: &str) -> Self {
        let gateway = Gateway::start(&["--seed", "7"]);
        let (client, wish) = (Client::new(), json!({ "name": name, "seed": 7, "merchants": 1 }));
        let url = format!("{}/_sim/v1/spaces", gateway.control_url);
        let made = client.post(&url, &wish).await.expect(201);
        Self { space: SpaceHandle::new(client, made), _gateway: gateway }
    }

    /// What programs read from their environment, as tests/clients/README.md tells.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 6] {
        let made = |pointer| {
            let found = self.space.made.pointer(pointer).and_then(serde_json::Value::as_str);
            found.unwrap_or_else(|| panic!("no text at {pointer} of {}", self.space.made))
        };
        [
            ("BASE_URL", made("/baseUrl")),
            ("CONTROL_URL", made("/controlUrl")),
            ("MERCHANT_ID", made("/merchants/0/merchantId")),
            ("TERM_ID", made("/merchants/0/termId")),
            ("PRIVATE_KEY", made("/merchants/0/privateKey")),
            ("GATEWAY_PUBLIC_KEY", made("/gatewayPublicKey")),
        ]
    }
}

/// A file of this repository.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program of the Python packages that `.ci/install-clients.sh` installs.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    installed_by("clients", &format!("venv/bin/{program}"))
}

/// A program in `target/ext/{part}`, where `.ci/install-{part}.sh` installs it. Without it a test is left out, except
/// on CI.
pub(crate) fn installed_by(part: &str, program: &str) -> Option<PathBuf> {
    let path = file("target/ext").join(part).join(program);
    if path.exists() {
        return Some(path);
    }
    let lacking = format!("{program} is not installed; .ci/install-{part}.sh does that");
    assert!(std::env::var_os("CI").is_none(), "{lacking}");
    println!("skipped: {lacking}");
    None
}

/// What a program prints, if it ends well within `patience`. Otherwise all that it said is in the
/// panic.
pub(crate) async fn run(command: &mut Command, patience: Duration) -> String {
    // The program's name without its environment, which holds keys.
    let program = Path::new(command.as_std().get_program()).display().to_string();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut from_out = child.stdout.take().expect("piped");
    let mut from_err = child.stderr.take().expect("piped");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ended = tokio::time::timeout(patience, async {
        let reads = (from_out.read_to_end(&mut out), from_err.read_to_end(&mut err));
        let (read_out, read_err, status) = tokio::join!(reads.0, reads.1, child.wait());
        read_out.and(read_err).expect("readable");
        status.expect("it ends")
    })
    .await;
    let [out, err] = [out, err].map(|text| String::from_utf8_lossy(&text).into_owned());
    let well = ended.as_ref().is_ok_and(ExitStatus::success);
    assert!(well, "{program}: {ended:?} (it has {patience:?})\n{out}\n{err}");
    out
}
