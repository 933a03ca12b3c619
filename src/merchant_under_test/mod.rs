//! A shop of the user's under test: started, made to work, asked what it believes, killed and started again, all as its
//! merchant file says. It knows the shop from outside only, and the gateway not at all.

mod beliefs;
mod call;
mod hidden_key;
mod process;
mod running;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use beliefs::ShopBelief;
pub use call::{ShopAnswer, StepCall};
pub use process::ShopError;
pub use running::{GatewayPlace, Restarted, RunningShop};

use sha2::{Digest as _, Sha256};

use crate::base::{Diagnostic, read_file};
use crate::crypto::Encoding;
use crate::scenario::MerchantFile;

/// A merchant file with its place.
#[derive(Clone, Debug)]
pub struct LoadedMerchant {
    /// Its content.
    pub file: MerchantFile,
    /// Path that was given.
    pub path: PathBuf,
    /// Directory to which its paths are relative.
    pub folder: PathBuf,
    /// Digest of its text and of the files that its command names, in hexadecimal digits.
    pub digest: String,
}

/// A merchant file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MerchantFileError {
    /// It cannot be read.
    #[error("cannot read the merchant file {path}: {error}")]
    Unreadable {
        /// The path.
        path: String,
        /// Error.
        error: std::io::Error,
    },
    /// It is too large to be one.
    #[error("{0} is larger than 1 MiB, which no merchant file is")]
    TooLarge(String),
    /// It has mistakes.
    #[error("the merchant file cannot be used:\n{}", lines(.0))]
    Mistakes(Vec<Diagnostic>),
}

fn lines(problems: &[Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl LoadedMerchant {
    /// Reads a merchant file.
    pub fn load(path: &Path) -> Result<Self, MerchantFileError> {
        let shown = path.display().to_string();
        let unreadable = |error| MerchantFileError::Unreadable { path: shown.clone(), error };
        let bytes = read_file(path).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => MerchantFileError::TooLarge(shown.clone()),
            _ => unreadable(error),
        })?;
        let file = MerchantFile::read(&shown, &bytes).map_err(MerchantFileError::Mistakes)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let mut merchant = Self { file, path: path.to_owned(), folder, digest: String::new() };
        merchant.digest = merchant.digest_with(&bytes);
        Ok(merchant)
    }

    /// A digest of the text of the file, and of each file below its directory that the start command names by a word. What such a
    /// program reads itself is not part of it.
    fn digest_with(&self, text: &[u8]) -> String {
        let mut digest = Sha256::new().chain_update(text);
        let words = self.file.start.iter().flat_map(|start| start.command.plain_words());
        for word in words.filter(|word| Path::new(word).is_relative()) {
            if let Ok(bytes) = read_file(&self.directory().join(word)) {
                digest.update(bytes);
            }
        }
        Encoding::Hex.encode(&digest.finalize()[..16])
    }

    /// Directory in which the shop's commands run.
    pub(super) fn directory(&self) -> PathBuf {
        let own = self.file.start.as_ref().and_then(|start| start.directory.as_deref());
        own.map_or_else(|| self.folder.clone(), |own| self.folder.join(own))
    }
}
