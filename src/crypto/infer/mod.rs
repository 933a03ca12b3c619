//! The recipe of a signature, inferred from signed requests.
//!
//! An RSA signature gives its digest away under the public key, so a string is tried with one digest. A code under a
//! shared key is tried with one code. The [choices] are combined by weight in [search], and [undecided] names the
//! settings that the samples leave open.
//!
//! A wrong recipe cannot fit by accident. A hit is a digest or code of 128 bits or more that agrees in all its bits
//! ([`PROOF_BITS_MIN`]); some 2^24 strings are tried, so the chance of one accident is below 2^-100. Shortened codes
//! are no evidence and are refused. Whatever fits is then checked on every sample by the code that checks requests.

mod arrange;
mod choices;
mod forms;
mod opened;
mod sample;
mod search;
mod undecided;

use serde::Serialize;

use super::algorithm::SignatureScheme;
use super::canonical::{CanonicalStyle, Source, View};
use super::encoding::Encoding;
use super::hash::Hash;
use super::mask::Hide;
use super::recipe::Recipe;
use crate::base::{Operation, sort_by_key};
use opened::{Facts, Opened};
pub use sample::{BODY_BYTES_MAX, Held, PROOF_BITS_MIN, Sample, SampleError, SearchBudget};
pub use undecided::Undecided;

/// The members that PAYON's page lists for an operation, in its order.
pub type PageMembers<'p> = &'p dyn Fn(Operation) -> Vec<&'p str>;

/// The outcome in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// One recipe fits, and the samples decide every setting.
    Found,
    /// A recipe fits, and the samples leave settings open.
    Several,
    /// No recipe that was tried fits.
    None,
}

/// The answer of the inference.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inference {
    /// In one word.
    pub outcome: Outcome,
    /// The recipe that every sample verifies under.
    pub recipe: Option<Recipe>,
    /// The proof for each sample.
    pub proofs: Vec<Proof>,
    /// The settings that the samples leave open.
    pub undecided: Vec<Undecided>,
    /// The certain facts of each sample.
    pub samples: Vec<SampleFacts>,
    /// Strings that were tried.
    pub tried: u64,
    /// Without a recipe: every candidate was tried; else the budget ended the search.
    pub complete: bool,
    /// Further words.
    pub notes: Vec<String>,
}

/// The proof that a recipe holds for a sample.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The sample.
    pub sample: String,
    /// The string that was signed; secrets are masked, a shared key is written as `<key>`.
    pub signed: String,
    /// The digest or code that agrees; absent where the string itself was padded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// Its hexadecimal digits; of a keyed one, too, since it stands in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bits that agree.
    pub bits: usize,
    /// The fingerprint of the key; absent for a shared one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The certain facts of a sample, whether or not a recipe was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleFacts {
    /// The sample.
    pub sample: String,
    /// The operation, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// The signature's length in bytes; absent where it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// The RSA key is right or wrong beyond doubt; absent where that does not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fits: Option<bool>,
    /// The padding of an RSA signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<&'static str>,
    /// The digest algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// The digest in hexadecimal digits; for PSS the salted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// For PSS: the length of the salt in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt_bytes: Option<usize>,
    /// All of that in words.
    pub facts: Vec<String>,
}

/// Looks for the recipe that all of `samples` were signed after. It takes seconds of one processor at most, as
/// `budget` says.
pub fn infer(
    samples: &[Sample<'_>],
    held: &Held,
    documented: PageMembers<'_>,
    hide: Hide<'_>,
    budget: &SearchBudget<'_>,
) -> Inference {
    let mut inference = Inference {
        outcome: Outcome::None,
        recipe: None,
        proofs: Vec::new(),
        undecided: Vec::new(),
        samples: Vec::new(),
        tried: 0,
        complete: true,
        notes: Vec::new(),
    };
    // The sample with the most members tells the most.
    let mut ordered = samples.iter().collect::<Vec<_>>();
    sort_by_key(&mut ordered, |sample| std::cmp::Reverse(sample.fields.iter().count()));
    let documented = documented_order(samples, documented);
    let encodings = encodings(samples, held);
    let facts_of = |sample: &Sample<'_>| {
        let encoding = encodings.first().copied().or_else(|| readable(&sample.sign));
        let bytes = encoding.and_then(|encoding| encoding.decode(&sample.sign).ok());
        let opened = bytes.and_then(|bytes| Some(opened::open(held, encoding?, &bytes)));
        SampleFacts::of(sample, opened.map(|opened| opened.facts))
    };
    inference.samples = samples.iter().map(facts_of).collect();
    if encodings.is_empty() && !samples.is_empty() {
        inference.notes.push(
            "the signatures are not all in one encoding, or have lengths that no signature under these keys has".into(),
        );
    }
    for encoding in encodings {
        let Some(lead) = ordered.first() else { break };
        let Ok(bytes) = encoding.decode(&lead.sign) else { continue };
        let Opened { leads, .. } = opened::open(held, encoding, &bytes);
        let left = budget.candidates.saturating_sub(inference.tried);
        let budget = SearchBudget { candidates: left, keep_going: budget.keep_going };
        let found = search::search(&ordered, &leads, &documented, held, &budget);
        inference.tried += found.tried;
        inference.complete &= found.is_complete;
        if let Some(recipe) = found.recipe {
            inference.conclude(recipe, samples, held, hide);
            return inference;
        }
        if found.partial.is_some() {
            inference.notes.push(
                "a recipe fits some of the samples and not the others: they were signed in different ways, or one of them \
                 was changed after it was signed"
                    .into(),
            );
        }
    }
    inference
}

impl Inference {
    fn conclude(&mut self, recipe: Recipe, samples: &[Sample<'_>], held: &Held, hide: Hide<'_>) {
        self.proofs = samples.iter().map(|sample| proof(&recipe, sample, held, hide)).collect();
        self.undecided = undecided::undecided(&recipe, samples, held);
        self.outcome = if self.undecided.is_empty() { Outcome::Found } else { Outcome::Several };
        self.complete = true;
        self.recipe = Some(recipe);
    }
}

fn proof(recipe: &Recipe, sample: &Sample<'_>, held: &Held, hide: Hide<'_>) -> Proof {
    let secret = held.secret.as_ref();
    let source = Source::new(recipe, &sample.fields, secret);
    let signed = CanonicalStyle::of(recipe).text(&source, View::Masked(hide));
    let message = recipe.message(&sample.fields, secret);
    let (hash, digest) = match recipe.algorithm.scheme() {
        SignatureScheme::Pkcs1(hash) | SignatureScheme::Pss(hash) => {
            (Some(hash), hash.digest(&[&message]))
        }
        SignatureScheme::Raw => (recipe.predigest, message),
        SignatureScheme::Hmac(hash) | SignatureScheme::Keyed(hash) => {
            (Some(hash), recipe.encoding.decode(&sample.sign).unwrap_or_default())
        }
    };
    let key = held.key.as_ref().filter(|_| recipe.algorithm.is_rsa());
    Proof {
        sample: sample.name.clone(),
        signed,
        hash,
        bits: digest.len() * 8,
        // The text itself, where it was not digested, may hold what is masked above.
        digest: hash.map(|_| Encoding::Hex.encode(&digest)),
        key: key.map(|key| key.fingerprint().to_owned()),
    }
}

impl SampleFacts {
    fn of(sample: &Sample<'_>, facts: Option<Facts>) -> Self {
        let is_read = facts.is_some();
        let facts = facts.unwrap_or_default();
        let mut said = facts.said;
        if !is_read {
            said.push("sign is neither Base64 nor hexadecimal".to_owned());
        }
        Self {
            sample: sample.name.clone(),
            operation: sample.operation.map(Operation::name),
            bytes: is_read.then_some(facts.bytes),
            key_fits: facts.key_fits,
            padding: facts.padding,
            hash: facts.hash,
            digest: facts.digest.map(|digest| Encoding::Hex.encode(&digest)),
            salt_bytes: facts.salt,
            facts: said,
        }
    }
}

/// The documented members of the samples' operations, each once.
fn documented_order<'p>(samples: &[Sample<'_>], documented: PageMembers<'p>) -> Vec<&'p str> {
    let mut names = Vec::new();
    let mut known = samples.iter().filter_map(|sample| sample.operation).collect::<Vec<_>>();
    if known.is_empty() {
        // The signed operations share one order (documented).
        known.push(Operation::PreAuthCompletion);
    }
    // The longest list first, so that shorter ones keep its order.
    sort_by_key(&mut known, |operation| std::cmp::Reverse(documented(*operation).len()));
    for operation in known {
        for name in documented(operation) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The encodings in which every sample has a signature of a possible length, the likeliest first.
fn encodings(samples: &[Sample<'_>], held: &Held) -> Vec<Encoding> {
    let is_possible = |bytes: &[u8]| {
        let is_rsa = held.key.as_ref().is_some_and(|key| key.len_bytes() == bytes.len());
        let is_code = Hash::ALL.iter().any(|hash| hash.len() == bytes.len());
        is_rsa || (held.secret.is_some() && is_code)
    };
    let reads = |encoding: &Encoding| {
        let decode = |sample: &Sample<'_>| encoding.decode(&sample.sign);
        samples.iter().all(|sample| decode(sample).is_ok_and(|bytes| is_possible(&bytes)))
    };
    let writes = |encoding: &Encoding| {
        samples.iter().all(|sample| {
            encoding.decode(&sample.sign).is_ok_and(|bytes| encoding.encode(&bytes) == sample.sign)
        })
    };
    let families: [&[Encoding]; 4] = [
        &[Encoding::Hex, Encoding::HexUpper],
        &[Encoding::Base64OfHex],
        &[Encoding::Base64, Encoding::Base64Unpadded, Encoding::Base64Lines],
        &[Encoding::Base64Url, Encoding::Base64UrlPadded],
    ];
    let mut found: Vec<Encoding> = Vec::new();
    for family in families {
        let exact = family.iter().find(|encoding| reads(encoding) && writes(encoding));
        found.extend(exact.or_else(|| family.iter().find(|encoding| reads(encoding))));
        // So many hexadecimal digits are no Base64 of something else.
        if found.iter().any(|found| {
            matches!(found, Encoding::Hex | Encoding::HexUpper | Encoding::Base64OfHex)
        }) {
            break;
        }
    }
    found
}

/// An encoding that the text is in.
fn readable(text: &str) -> Option<Encoding> {
    let known = [Encoding::Hex, Encoding::Base64, Encoding::Base64Url];
    known.into_iter().find(|encoding| encoding.decode(text).is_ok_and(|bytes| !bytes.is_empty()))
}
