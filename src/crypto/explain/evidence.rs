//! What a signature gives away under a key.
//!
//! An RSA signature opens under the right public key and shows padding, digest algorithm and digest. So key and
//! algorithm are known before any string is tried, and trying a string costs one digest instead of one verification.

use super::super::encoding::Encoding;
use super::super::hash::Hash;
use super::super::keys::PublicKey;
use super::super::recipe::{Algorithm, KeyPosition, Recipe, Scheme};
use super::super::sign::{VerifyKey, mac};
use super::readings::Reading;
use super::{Cause, OtherKey};

/// A mask is that of a PSS signature beyond doubt when at least so many zero bytes come out.
const ZEROS_PROVING: usize = 8;

/// What a reading shows under one key.
pub(super) struct Evidence {
    /// What differs from the recipe.
    pub(super) causes: Vec<Cause>,
    /// The key is right beyond doubt, whichever string was signed.
    pub(super) proven: bool,
    /// It is the merchant's own key.
    pub(super) own: bool,
    /// What was found, for people.
    pub(super) about: String,
    test: Test,
}

/// How to tell whether a string is the one.
enum Test {
    Digest(Hash, Vec<u8>),
    Itself(Vec<u8>),
    Pss { hash: Hash, salt: Vec<u8>, digest: Vec<u8> },
    Mac { scheme: Scheme, position: KeyPosition, key: Vec<u8>, tag: Vec<u8> },
}

impl Evidence {
    /// Whether `message` is the string that was signed.
    pub(super) fn fits(&self, message: &[u8]) -> bool {
        match &self.test {
            Test::Digest(hash, digest) => hash.digest(&[message]) == *digest,
            Test::Itself(content) => content == message,
            Test::Pss { hash, salt, digest } => {
                hash.digest(&[&[0; 8], &hash.digest(&[message]), salt]) == *digest
            }
            Test::Mac { scheme, position, key, tag } => {
                mac(*scheme, *position, key, message).is_some_and(|found| found == *tag)
            }
        }
    }
}

/// All that `readings` give away under the merchant's key and the other ones.
pub(super) fn evidence(
    recipe: &Recipe,
    own: &VerifyKey,
    others: &[OtherKey],
    readings: &[Reading],
) -> Vec<Evidence> {
    let mut found = Vec::new();
    let other_keys = others.iter().filter(|other| other.key != *own);
    let other_keys = other_keys.map(|other| (&other.key, vec![other.cause.clone()]));
    for (key, key_causes) in std::iter::once((own, Vec::new())).chain(other_keys) {
        for reading in readings {
            let causes = [&reading.causes[..], &key_causes].concat();
            let mut collect =
                Collect { recipe, own: key_causes.is_empty(), causes, found: &mut found };
            match key {
                VerifyKey::Rsa(key) => collect.rsa(key, &reading.bytes),
                VerifyKey::Shared(secret) => collect.shared(secret.bytes(), &reading.bytes),
            }
        }
    }
    for reading in readings {
        let causes = reading.causes.clone();
        Collect { recipe, own: false, causes, found: &mut found }.plain_digest(&reading.bytes);
    }
    found.sort_by_key(|evidence| evidence.causes.len());
    found
}

struct Collect<'a> {
    recipe: &'a Recipe,
    own: bool,
    causes: Vec<Cause>,
    found: &'a mut Vec<Evidence>,
}

impl Collect<'_> {
    fn add(&mut self, cause: Option<Cause>, proven: bool, about: String, test: Test) {
        let causes = self.causes.iter().cloned().chain(cause).collect();
        self.found.push(Evidence { causes, proven, own: self.own, about, test });
    }

    /// The cause for a construction other than the recipe's.
    fn unlike(&self, scheme: Scheme, position: KeyPosition) -> Option<Cause> {
        let wanted = self.recipe.algorithm;
        let same_side = !matches!(scheme, Scheme::Keyed(_)) || position == self.recipe.key_position;
        if scheme == wanted.scheme() {
            let message = || {
                format!(
                    "the key stands {position} the string in the digest; it belongs {} it",
                    self.recipe.key_position
                )
            };
            return (!same_side).then(|| Cause::new("algorithm.key-position", message()));
        }
        let code = match (scheme, wanted.scheme()) {
            (Scheme::Pkcs1(_), Scheme::Pss(_)) => "algorithm.pkcs1",
            (Scheme::Pss(_), Scheme::Pkcs1(_)) => "algorithm.pss",
            (Scheme::Hmac(_), Scheme::Keyed(_)) => "algorithm.hmac",
            (Scheme::Keyed(_), Scheme::Hmac(_)) => "algorithm.keyed",
            (Scheme::Pkcs1(_), Scheme::Pkcs1(_))
            | (Scheme::Pss(_), Scheme::Pss(_))
            | (Scheme::Hmac(_), Scheme::Hmac(_))
            | (Scheme::Keyed(_), Scheme::Keyed(_)) => "algorithm.hash",
            _ => "algorithm.family",
        };
        let message = format!(
            "sign was made with {}; use {wanted} ({})",
            name(scheme),
            name(wanted.scheme())
        );
        Some(Cause::new(code, message))
    }

    fn rsa(&mut self, key: &PublicKey, signature: &[u8]) {
        let Some(block) = key.open(signature) else { return };
        if let Some(content) = pkcs1_content(&block) {
            self.pkcs1(content);
        } else {
            self.pss(&block, key.bits());
        }
    }

    fn pkcs1(&mut self, content: &[u8]) {
        for hash in Hash::ALL {
            if let Some(digest) = content.strip_prefix(&*hash.digest_info())
                && digest.len() == hash.len()
            {
                let scheme = Scheme::Pkcs1(hash);
                let cause = self.unlike(scheme, KeyPosition::After);
                let test = Test::Digest(hash, digest.to_vec());
                return self.add(cause, true, name(scheme), test);
            }
        }
        let wanted = self.recipe.algorithm;
        let advice = format!(
            "use a function that signs, for {wanted}, instead of one that encrypts with the private key"
        );
        let about = "the private-key operation without a digest identifier".to_owned();
        let hex =
            std::str::from_utf8(content).ok().and_then(|text| Encoding::Hex.decode(text).ok());
        let digests = [
            (Some(content.to_vec()), "algorithm.no-digest-info", "the bare digest"),
            (hex, "algorithm.hex-digest", "the hexadecimal digits of the digest"),
        ];
        for (digest, code, what) in digests {
            let Some(digest) = digest else { continue };
            for hash in Hash::ALL.into_iter().filter(|hash| hash.len() == digest.len()) {
                let message = format!("sign holds {what} ({}); {advice}", hash.name());
                let test = Test::Digest(hash, digest.clone());
                self.add(Some(Cause::new(code, message)), true, about.clone(), test);
            }
        }
        let message = format!("sign holds the text itself, not its digest; {advice}");
        let cause = Cause::new("algorithm.no-hash", message);
        self.add(Some(cause), true, about, Test::Itself(content.to_vec()));
    }

    fn pss(&mut self, block: &[u8], bits: usize) {
        for hash in Hash::ALL {
            for mask in Hash::ALL {
                let Some(opened) = pss_open(block, bits, hash, mask) else { continue };
                let scheme = Scheme::Pss(hash);
                let usual = mask == hash && opened.salt.len() == hash.len();
                let cause = if self.recipe.algorithm.scheme() == scheme && !usual {
                    let message = format!(
                        "sign is PSS with {} bytes of salt and a mask by {}; use {} bytes and {} for both (in Java a PSSParameterSpec, in OpenSSL rsa_pss_saltlen:digest)",
                        opened.salt.len(),
                        mask.name(),
                        hash.len(),
                        hash.name()
                    );
                    Some(Cause::new("algorithm.pss-parameters", message))
                } else {
                    self.unlike(scheme, KeyPosition::After)
                };
                let test = Test::Pss { hash, salt: opened.salt, digest: opened.digest };
                self.add(cause, opened.zeros >= ZEROS_PROVING, name(scheme), test);
            }
        }
    }

    fn shared(&mut self, key: &[u8], tag: &[u8]) {
        for (key, key_cause) in key_forms(key) {
            for hash in Hash::ALL.into_iter().filter(|hash| hash.len() == tag.len()) {
                for (scheme, position) in [
                    (Scheme::Hmac(hash), KeyPosition::After),
                    (Scheme::Keyed(hash), KeyPosition::After),
                    (Scheme::Keyed(hash), KeyPosition::Before),
                ] {
                    let cause = self.unlike(scheme, position);
                    let test = Test::Mac { scheme, position, key: key.clone(), tag: tag.to_vec() };
                    let causes = self.causes.iter().chain(&key_cause).cloned().chain(cause);
                    let (causes, about) = (causes.collect(), name(scheme));
                    self.found.push(Evidence { causes, proven: false, own: self.own, about, test });
                }
            }
        }
    }

    fn plain_digest(&mut self, tag: &[u8]) {
        for hash in Hash::ALL.into_iter().filter(|hash| hash.len() == tag.len()) {
            let message = format!(
                "sign is the bare {} of the string, made without any key; use {}",
                hash.name(),
                self.recipe.algorithm
            );
            let cause = Cause::new("algorithm.no-key", message);
            self.add(Some(cause), false, hash.name().to_owned(), Test::Digest(hash, tag.to_vec()));
        }
    }
}

/// The shared key as it is, and as people mistake it.
fn key_forms(key: &[u8]) -> Vec<(Vec<u8>, Option<Cause>)> {
    let mut forms = vec![(key.to_vec(), None)];
    let mut mistaken = |form: Option<Vec<u8>>, code, message| {
        if let Some(form) = form {
            forms.push((form, Some(Cause::new(code, message))));
        }
    };
    let text = std::str::from_utf8(key).unwrap_or_default();
    mistaken(
        Encoding::Hex.decode(text).ok(),
        "key.decoded",
        "the shared key was decoded from hexadecimal; use its text as it stands",
    );
    mistaken(
        Encoding::Base64.decode(text).ok(),
        "key.decoded",
        "the shared key was decoded from Base64; use its text as it stands",
    );
    mistaken(
        Some([key, b"\n"].concat()),
        "key.newline",
        "a line feed stands at the end of the shared key, as reading it from a file leaves it",
    );
    forms
}

fn name(scheme: Scheme) -> String {
    if let Some(known) = Algorithm::ALL.iter().find(|algorithm| algorithm.scheme() == scheme) {
        return known.name().to_owned();
    }
    match scheme {
        Scheme::Pkcs1(hash) => format!("RSA with PKCS#1 v1.5 padding and {}", hash.name()),
        Scheme::Pss(hash) => format!("RSA with PSS padding and {}", hash.name()),
        Scheme::Hmac(hash) => format!("HMAC with {}", hash.name()),
        Scheme::Keyed(hash) => format!("a keyed {} digest", hash.name()),
    }
}

/// What a PKCS#1 v1.5 signature block holds after its padding.
fn pkcs1_content(block: &[u8]) -> Option<&[u8]> {
    let rest = block.strip_prefix(&[0, 1])?;
    let padding = rest.iter().take_while(|byte| **byte == 0xff).count();
    let content = rest[padding..].strip_prefix(&[0])?;
    (padding >= 8 && !content.is_empty()).then_some(content)
}

struct PssOpened {
    salt: Vec<u8>,
    digest: Vec<u8>,
    zeros: usize,
}

/// Takes a PSS block apart (RFC 8017, 9.1.2, up to the comparison); `None` when it is none.
fn pss_open(block: &[u8], bits: usize, hash: Hash, mask: Hash) -> Option<PssOpened> {
    // With a modulus of 8k + 1 bits the encoded message is a byte shorter than the block.
    let block = if bits % 8 == 1 { block.strip_prefix(&[0])? } else { block };
    let (digest_end, trailer) = (block.len().checked_sub(1)?, block.last()?);
    let masked_end = digest_end.checked_sub(hash.len())?;
    let (masked, digest) = (&block[..masked_end], &block[masked_end..digest_end]);
    let unused = (8 - (bits - 1) % 8) % 8;
    let top = 0xff_u8.checked_shr(unused as u32).unwrap_or(0);
    if *trailer != 0xbc || masked.first()? & !top != 0 {
        return None;
    }
    let mut data = masked.to_vec();
    for (counter, part) in (0_u32..).zip(data.chunks_mut(mask.len())) {
        let stream = mask.digest(&[digest, &counter.to_be_bytes()]);
        part.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
    *data.first_mut()? &= top;
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    let salt = data[zeros..].strip_prefix(&[1])?.to_vec();
    Some(PssOpened { salt, digest: digest.to_vec(), zeros })
}
