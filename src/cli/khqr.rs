//! `payon-sim khqr`: reading, drawing and making Cambodia's QR payment codes.

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::exit;
use super::input::{ProfileArg, merchant, read_all};
use super::talk::FormatArgs;
use crate::base::{Amount, Currency, Millis, wall_clock};
use crate::khqr::{Account, Payload, inspect, svg, terminal};

/// Actions on codes.
#[derive(Subcommand, Debug)]
pub(super) enum KhqrVerb {
    /// Say what a payload holds and what is wrong with it; exits with 1 where something is
    Decode {
        /// The payload; read from the standard input when left out
        qr: Option<String>,
        /// Judge its expiry at this moment in place of now, such as 2026-01-31T12:00:00+07:00
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<Millis>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Draw a payload as a QR code, for the terminal or as SVG
    Draw {
        /// The payload; read from the standard input when left out
        qr: Option<String>,
        /// Print one <svg> element in place of characters
        #[arg(long)]
        svg: bool,
    },
    /// Make a payload: for a merchant of the profile, or for any account
    Make(Box<MakeArgs>),
}

/// Content of the payload. Empty texts are left out of it.
#[derive(Args, Debug)]
pub(super) struct MakeArgs {
    /// Account, name and city of this merchant of the profile
    #[arg(long, value_name = "ID", required_unless_present = "account")]
    merchant: Option<String>,
    /// Bakong account id, name@bank: a person's, or with --merchant-id a merchant's
    #[arg(long, value_name = "NAME@BANK", conflicts_with = "merchant", requires = "name")]
    account: Option<String>,
    /// The bank's number for the merchant (tag 30); wants --bank
    #[arg(long, value_name = "NUMBER", requires_all = ["account", "bank"])]
    merchant_id: Option<String>,
    /// The acquiring bank
    #[arg(long, value_name = "NAME", requires = "account")]
    bank: Option<String>,
    /// Account or phone number at the bank (tag 29)
    #[arg(long, value_name = "NUMBER", requires = "account", conflicts_with = "merchant_id")]
    information: Option<String>,
    /// Name of the payee, at most 25 characters
    #[arg(long)]
    name: Option<String>,
    /// City
    #[arg(long)]
    city: Option<String>,
    /// Merchant category code, four digits
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    /// USD or KHR
    #[arg(long, default_value = "USD", value_parser = currency)]
    currency: Currency,
    /// Amount to be paid, such as 1.50; without it the code is static
    #[arg(long)]
    amount: Option<String>,
    /// Bill number
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    bill_number: String,
    /// Mobile number
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    mobile_number: String,
    /// Store label
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    store_label: String,
    /// Terminal label
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    terminal_label: String,
    /// Purpose of the transaction
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    purpose: String,
    /// Time at which the code is made, in place of now, such as 2026-01-31T12:00:00+07:00
    #[arg(long, value_name = "TIME", value_parser = moment)]
    created: Option<Millis>,
    /// Until when it can be paid, in place of the profile's life of a QR order
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Millis>,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Carries out the verb.
pub(super) fn run(verb: KhqrVerb) -> anyhow::Result<ExitCode> {
    match verb {
        KhqrVerb::Decode { qr, at, format } => {
            let inspection = inspect(&payload(qr)?, at.unwrap_or_else(wall_clock));
            if format.is_json() {
                exit::print_json(&inspection)?;
            } else {
                exit::print(&inspection.to_string())?;
            }
            return Ok(if inspection.valid { ExitCode::SUCCESS } else { exit::failed() });
        }
        KhqrVerb::Draw { qr, svg: false } => exit::print_exact(&terminal(&payload(qr)?)?)?,
        KhqrVerb::Draw { qr, svg: true } => exit::print_exact(&(svg(&payload(qr)?)? + "\n"))?,
        KhqrVerb::Make(args) => exit::print_exact(&(make(&args)?.encode()? + "\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The payload that was given. A line break at its end is not part of it.
fn payload(given: Option<String>) -> anyhow::Result<String> {
    let Some(qr) = given else {
        let bytes = read_all("a KHQR payload")?;
        let text = String::from_utf8(bytes).context("a KHQR payload is UTF-8 text")?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    };
    Ok(qr)
}

fn make(args: &MakeArgs) -> anyhow::Result<Payload<'_>> {
    let profile = args.profile.load()?;
    let text = |text: &Option<String>| Cow::from(text.clone().unwrap_or_default());
    let (account, name, city) = if let Some(id) = &args.merchant {
        let merchant = merchant(&profile, id)?;
        let khqr = merchant.khqr.clone();
        let account = Account::Merchant {
            id: khqr.account.into(),
            merchant_id: khqr.merchant_id.into(),
            bank: khqr.bank.into(),
        };
        (account, merchant.name.clone(), Some(merchant.city.clone()))
    } else {
        let (id, bank) = (text(&args.account), text(&args.bank));
        let account = match args.merchant_id.clone() {
            Some(merchant_id) => Account::Merchant { id, merchant_id: merchant_id.into(), bank },
            None => Account::Individual { id, information: text(&args.information), bank },
        };
        (account, String::new(), None)
    };
    let name = args.name.clone().unwrap_or(name);
    let mut payload = Payload::new(account, name, args.currency);
    if let Some(amount) = &args.amount {
        let amount = Amount::parse(amount, args.currency)
            .map_err(|error| anyhow!("--amount {amount}: {error}"))?;
        let created = args.created.unwrap_or_else(wall_clock);
        let life = profile.rules.qr_lifetime_ms;
        let expires = args.expires.unwrap_or_else(|| created.plus(life));
        payload = payload.with_amount(amount, created, expires);
    }
    payload.city = args.city.clone().or(city).map_or(payload.city, Into::into);
    payload.category = args.category.as_ref().map_or(payload.category, Into::into);
    payload.bill_number = (&args.bill_number).into();
    payload.mobile_number = (&args.mobile_number).into();
    payload.store_label = (&args.store_label).into();
    payload.terminal_label = (&args.terminal_label).into();
    payload.purpose = (&args.purpose).into();
    Ok(payload)
}

fn currency(text: &str) -> Result<Currency, &'static str> {
    Currency::parse(text).ok_or("USD or KHR")
}

fn moment(text: &str) -> Result<Millis, &'static str> {
    Millis::parse_rfc3339(text)
        .ok_or("give date, time and offset, such as 2026-01-31T12:00:00+07:00")
}
