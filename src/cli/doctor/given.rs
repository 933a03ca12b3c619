//! The merchant's settings, from options and from a file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use crate::base::{read_file, recognised, without_mark};
use crate::cli::base_url::BaseUrl;

/// The settings as options.
#[derive(Args, Debug)]
pub(super) struct GivenArgs {
    /// The merchantId that the merchant uses
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// The termId that it uses
    #[arg(long, value_name = "ID")]
    terminal: Option<String>,
    /// The private key that it signs with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The gateway's public key that it encrypts PINs and checkout links with
    #[arg(long, value_name = "FILE")]
    gateway_key: Option<PathBuf>,
    /// Address that takes push-backs; a HEAD request is sent there, and nothing else
    #[arg(long, value_name = "URL")]
    noti_url: Option<String>,
    /// A file of lines NAME=value that holds any of these
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
}

/// The merchant's settings.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Of the gateway, in the file.
    pub(super) url: Option<BaseUrl>,
    /// The name of that entry where its value ends with a slash.
    pub(super) url_with_slash: Option<String>,
    pub(super) merchant: Option<String>,
    pub(super) terminal: Option<String>,
    pub(super) key: Option<KeyText>,
    pub(super) gateway_key: Option<KeyText>,
    pub(super) noti_url: Option<String>,
}

/// A key as it was found.
#[derive(Debug)]
pub(super) struct KeyText {
    /// Place.
    pub(super) place: String,
    /// Its bytes: text where it is well.
    pub(super) bytes: Vec<u8>,
}

impl KeyText {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let place = path.display().to_string();
        let bytes = read_file(path).with_context(|| format!("cannot read the key {place}"))?;
        Ok(Self { place, bytes })
    }

    /// A key that stands in a file of names and values, as such or as the name of a file beside it.
    fn of_value(name: &str, value: String, dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(&value);
        if path.is_file() {
            return Self::read(&path);
        }
        Ok(Self { place: name.to_owned(), bytes: value.into_bytes() })
    }
}

impl GivenArgs {
    /// Adds the values of the file that the options do not give.
    pub(super) fn read(self) -> anyhow::Result<Given> {
        let mut given = self.env.as_deref().map(read_env).transpose()?.unwrap_or_default();
        if let Some(path) = &self.key {
            given.key = Some(KeyText::read(path)?);
        }
        if let Some(path) = &self.gateway_key {
            given.gateway_key = Some(KeyText::read(path)?);
        }
        given.merchant = self.merchant.or(given.merchant);
        given.terminal = self.terminal.or(given.terminal);
        given.noti_url = self.noti_url.or(given.noti_url);
        Ok(given)
    }
}

fn read_env(path: &Path) -> anyhow::Result<Given> {
    let shown = path.display();
    let dir = path.parent().unwrap_or(Path::new(""));
    let bytes = read_file(path)
        // Its cause is the same words again.
        .map_err(|error| anyhow!("cannot read {shown}: {error}"))?;
    let text = without_mark(&bytes);
    if std::str::from_utf8(text).is_err() {
        let came = recognised(text).unwrap_or("not UTF-8 text; save it as UTF-8");
        return Err(anyhow!("{shown} is {came}"));
    }
    let lines = dotenvy::from_read_iter(text);
    let mut given = Given::default();
    for (number, line) in (1..).zip(lines) {
        // The error would repeat the line, which may hold a key.
        let (name, value) = line.map_err(|_| {
            anyhow!("{shown}: entry {number} is not NAME=value, with quotes around a value of several lines")
        })?;
        let ends = |end: &str| name.to_uppercase().replace('.', "_").ends_with(end);
        if ends("MERCHANT_ID") {
            given.merchant = Some(value);
        } else if ends("TERM_ID") || ends("TERMINAL_ID") {
            given.terminal = Some(value);
        } else if ends("PRIVATE_KEY") {
            given.key = Some(KeyText::of_value(&name, value, dir)?);
        } else if ends("GATEWAY_PUBLIC_KEY") {
            given.gateway_key = Some(KeyText::of_value(&name, value, dir)?);
        } else if ends("NOTI_URL") {
            given.noti_url = Some(value);
        } else if ends("PAYON_SIM_URL") || ends("GATEWAY_URL") || ends("PAYON_URL") {
            given.url = Some(value.parse().with_context(|| format!("{shown}: {name}"))?);
            given.url_with_slash = value.ends_with('/').then_some(name);
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_of_names_and_values_is_understood() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join(".env");
        fs::write(dir.path().join("key.pem"), "in a file").expect("written");
        let text = "# mine\nexport SHOP_PAYON_MERCHANT_ID=\"M1\"\nterm_id = T1\nPRIVATE_KEY=key.pem\n\
            PAYON_SIM_GATEWAY_PUBLIC_KEY='-----BEGIN\nEND-----'\nNOTI_URL=http://shop.test/noti\nOTHER=1\n\
            PAYON_SIM_URL=http://127.0.0.1:1\n";
        fs::write(&file, text).expect("written");
        let given = read_env(&file).expect("read");
        assert_eq!(given.merchant.as_deref(), Some("M1"));
        assert_eq!(given.terminal.as_deref(), Some("T1"));
        assert_eq!(given.key.expect("a key").bytes, b"in a file");
        assert_eq!(given.gateway_key.expect("a key").bytes, b"-----BEGIN\nEND-----");
        assert_eq!(given.noti_url.as_deref(), Some("http://shop.test/noti"));
        assert_eq!(given.url.expect("a URL").as_str(), "http://127.0.0.1:1");
        fs::write(&file, "PRIVATE_KEY MIIsecret").expect("written");
        let error = read_env(&file).expect_err("refused").to_string();
        assert!(
            error.ends_with(
                "entry 1 is not NAME=value, with quotes around a value of several lines"
            ),
            "{error}"
        );
    }
}
