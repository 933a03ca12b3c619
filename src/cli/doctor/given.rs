//! The merchant's settings, from options and from a file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::report::{DoctorReport, FILE};
use crate::base::{did_you_mean, read_file, recognised, without_mark};
use crate::cli::base_url::BaseUrl;

/// Ends of the names of a file's entries, in capitals, with the setting that each gives.
const NAMES: [(&str, Setting); 9] = [
    ("MERCHANT_ID", Setting::Merchant),
    ("TERM_ID", Setting::Terminal),
    ("TERMINAL_ID", Setting::Terminal),
    ("PRIVATE_KEY", Setting::Key),
    ("GATEWAY_PUBLIC_KEY", Setting::GatewayKey),
    ("NOTI_URL", Setting::NotiUrl),
    ("PAYON_SIM_URL", Setting::Url),
    ("GATEWAY_URL", Setting::Url),
    ("PAYON_URL", Setting::Url),
];

/// Entries without a setting that `payon-sim space create --env` writes.
const OTHERS: [&str; 3] = ["PAYON_SIM_CONTROL_URL", "PAYON_SIM_SPACE", "PAYON_SIM_PUBLIC_KEY"];

/// A setting that an entry of a file gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Merchant,
    Terminal,
    Key,
    GatewayKey,
    NotiUrl,
    Url,
}

impl Setting {
    /// The setting that an entry of this name gives.
    fn of(name: &str) -> Option<Self> {
        let name = plain(name);
        NAMES.iter().find(|(end, _)| name.ends_with(end)).map(|(_, setting)| *setting)
    }
}

/// A name in capitals, with a low line between its words.
fn plain(name: &str) -> String {
    name.to_uppercase().replace(['.', '-'], "_")
}

/// ` (did you mean …?)` where the last words of a name are nearly those of a setting.
fn meant(name: &str) -> String {
    let name = plain(name);
    let hints = NAMES.iter().map(|(end, _)| {
        let words = end.split('_').count();
        let last: Vec<&str> = name.rsplitn(words + 1, '_').take(words).collect();
        did_you_mean(&last.into_iter().rev().collect::<Vec<_>>().join("_"), [*end])
    });
    hints.into_iter().find(|hint| !hint.is_empty()).unwrap_or_default()
}

/// Options and names of entries that settings are looked for under.
pub(super) fn names() -> String {
    let ends = NAMES.map(|(end, _)| end).join(", ");
    format!(
        "give --merchant, --terminal, --key, --gateway-key or --noti-url, or --env FILE with entries whose names end with {ends}"
    )
}

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
    /// The file that was read, and its entries that gave no setting.
    file: Option<(String, Vec<String>)>,
}

impl Given {
    /// Says which entries of the file gave no setting: a warning where one has nearly the name of a setting, or where
    /// `url`, which was given otherwise, stands above the file's.
    pub(super) fn tell_unused(&self, url: &str, report: &mut DoctorReport) {
        if let Some(own) = self.url.as_ref().filter(|own| own.as_str() != url) {
            let found = format!("the address of the file, {own}, was not used: {url} was given");
            report.warn(FILE, found, "leave --url and PAYON_SIM_URL out to use the file's");
        }
        match &self.file {
            Some((file, unused)) if !unused.is_empty() => {
                let found =
                    format!("entries of {file} that give no setting: {}", unused.join(", "));
                if unused.iter().any(|entry| entry.contains('(')) {
                    report.warn(FILE, found, "look at the spelling of their names");
                } else {
                    report.skip(FILE, found);
                }
            }
            _ => {}
        }
    }
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
    let (mut given, mut unused) = (Given::default(), Vec::new());
    let mut names: Vec<(Setting, String)> = Vec::new();
    for (number, line) in (1..).zip(lines) {
        // The error would repeat the line, which may hold a key.
        let (name, value) = line.map_err(|_| {
            anyhow!("{shown}: entry {number} is not NAME=value, with quotes around a value of several lines")
        })?;
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let Some(setting) = Setting::of(&name) else {
            unused.push(format!("{name}{}", meant(&name)));
            continue;
        };
        if let Some((_, earlier)) = names.iter().find(|(given, _)| *given == setting) {
            unused.push(format!("{earlier} (a later entry, {name}, gives the same)"));
            names.retain(|(given, _)| *given != setting);
        }
        names.push((setting, name.clone()));
        match setting {
            Setting::Merchant => given.merchant = Some(value),
            Setting::Terminal => given.terminal = Some(value),
            Setting::Key => given.key = Some(KeyText::of_value(&name, value, dir)?),
            Setting::GatewayKey => given.gateway_key = Some(KeyText::of_value(&name, value, dir)?),
            Setting::NotiUrl => given.noti_url = Some(value),
            Setting::Url => {
                given.url = Some(value.parse().with_context(|| format!("{shown}: {name}"))?);
                given.url_with_slash = value.ends_with('/').then_some(name);
            }
        }
    }
    given.file = Some((shown.to_string(), unused));
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
            PAYON_SIM_SPACE=e\nPAYON_SIM_URL=http://127.0.0.1:1\n";
        fs::write(&file, text).expect("written");
        let given = read_env(&file).expect("read");
        assert_eq!(given.merchant.as_deref(), Some("M1"));
        assert_eq!(given.terminal.as_deref(), Some("T1"));
        assert_eq!(given.key.expect("a key").bytes, b"in a file");
        assert_eq!(given.gateway_key.expect("a key").bytes, b"-----BEGIN\nEND-----");
        assert_eq!(given.noti_url.as_deref(), Some("http://shop.test/noti"));
        assert_eq!(given.url.expect("a URL").as_str(), "http://127.0.0.1:1");
        assert_eq!(given.file.expect("read").1, ["OTHER"]);
        let text = "SHOP_MERCHNT_ID=M1\nA_TERM_ID=1\nB_TERM_ID=2\nDB_URL=x\nPublic.Key=y\n";
        fs::write(&file, text).expect("written");
        let expected = [
            "SHOP_MERCHNT_ID (did you mean MERCHANT_ID?)",
            "A_TERM_ID (a later entry, B_TERM_ID, gives the same)",
            "DB_URL",
            "Public.Key",
        ];
        assert_eq!(read_env(&file).expect("read").file.expect("read").1, expected);
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
