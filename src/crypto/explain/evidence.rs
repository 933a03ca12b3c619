//! Evidence that a signature gives under a key.
//!
//! An RSA signature opens under the right public key and shows padding, digest algorithm and digest. So key and
//! algorithm are known before any string is tried, and trying a string costs one digest instead of one verification.

use super::super::algorithm::{Algorithm, SignatureScheme};
use super::super::block;
use super::super::encoding::Encoding;
use super::super::hash::Hash;
use super::super::keys::PublicKey;
use super::super::recipe::{KeyPosition, Recipe};
use super::super::sign::VerifyKey;
use super::super::target::SignTarget;
use super::cause::{OtherKey, SignatureCause};
use super::readings::Reading;
use crate::base::sort_by_key;

/// A mask is that of a PSS signature beyond doubt when at least so many zero bytes come out.
const ZEROS_PROVING: usize = 8;

/// Result of a reading under one key.
pub(super) struct Evidence {
    /// Differences from the recipe.
    pub(super) causes: Vec<SignatureCause>,
    /// The key is right beyond doubt, whichever string was signed.
    pub(super) proven: bool,
    /// It is the merchant's own key.
    pub(super) own: bool,
    /// The finding, for people.
    pub(super) about: String,
    test: SignTarget,
}

impl Evidence {
    /// Returns true if `message` is the string that was signed.
    pub(super) fn fits(&self, message: &[u8]) -> bool {
        self.test.fits(message)
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
            if let Some(key) = key.rsa() {
                collect.rsa(key, &reading.bytes);
            }
            if let Some(secret) = key.secret() {
                collect.shared(secret.bytes(), &reading.bytes);
            }
        }
    }
    for reading in readings {
        let causes = reading.causes.clone();
        Collect { recipe, own: false, causes, found: &mut found }.plain_digest(&reading.bytes);
    }
    sort_by_key(&mut found, |evidence| evidence.causes.len());
    found
}

struct Collect<'a> {
    recipe: &'a Recipe,
    own: bool,
    causes: Vec<SignatureCause>,
    found: &'a mut Vec<Evidence>,
}

impl Collect<'_> {
    fn add(
        &mut self,
        cause: Option<SignatureCause>,
        proven: bool,
        about: String,
        test: SignTarget,
    ) {
        let causes = self.causes.iter().cloned().chain(cause).collect();
        self.found.push(Evidence { causes, proven, own: self.own, about, test });
    }

    /// The cause for a construction other than the recipe's.
    fn unlike(&self, scheme: SignatureScheme, position: KeyPosition) -> Option<SignatureCause> {
        let wanted = self.recipe.algorithm;
        let same_side =
            !matches!(scheme, SignatureScheme::Keyed(_)) || position == self.recipe.key_position;
        if scheme == wanted.scheme() {
            let message = || {
                format!(
                    "the key stands {} the string in the digest; it belongs {} it",
                    side(position),
                    side(self.recipe.key_position)
                )
            };
            return (!same_side).then(|| SignatureCause::new("algorithm.key-position", message()));
        }
        let code = match (scheme, wanted.scheme()) {
            (SignatureScheme::Pkcs1(_), SignatureScheme::Pss(_)) => "algorithm.pkcs1",
            (SignatureScheme::Pss(_), SignatureScheme::Pkcs1(_)) => "algorithm.pss",
            (SignatureScheme::Hmac(_), SignatureScheme::Keyed(_)) => "algorithm.hmac",
            (SignatureScheme::Keyed(_), SignatureScheme::Hmac(_)) => "algorithm.keyed",
            (SignatureScheme::Pkcs1(_), SignatureScheme::Pkcs1(_))
            | (SignatureScheme::Pss(_), SignatureScheme::Pss(_))
            | (SignatureScheme::Hmac(_), SignatureScheme::Hmac(_))
            | (SignatureScheme::Keyed(_), SignatureScheme::Keyed(_)) => "algorithm.hash",
            _ => "algorithm.family",
        };
        let message = format!(
            "sign was made with {}; use {wanted} ({})",
            name(scheme),
            name(wanted.scheme())
        );
        Some(SignatureCause::new(code, message))
    }

    fn rsa(&mut self, key: &PublicKey, signature: &[u8]) {
        let Some(block) = key.open(signature) else { return };
        if let Some(content) = block::pkcs1_content(&block) {
            self.pkcs1(content);
        } else {
            self.pss(&block, key.bits());
        }
    }

    fn pkcs1(&mut self, content: &[u8]) {
        for hash in Hash::ALL.iter().copied() {
            if let Some(digest) = content.strip_prefix(&*hash.digest_info())
                && digest.len() == hash.len()
            {
                let scheme = SignatureScheme::Pkcs1(hash);
                let cause = self.unlike(scheme, KeyPosition::After);
                let test = SignTarget::Digest(hash, digest.to_vec());
                return self.add(cause, true, name(scheme), test);
            }
        }
        let wanted = self.recipe.algorithm;
        let advice = format!(
            "use a function that signs, for {wanted}, instead of one that encrypts with the private key"
        );
        let about = "the private-key operation without a digest identifier".to_owned();
        if wanted.scheme() == SignatureScheme::Raw {
            return self.add(None, true, about, SignTarget::Itself(content.to_vec()));
        }
        let hex =
            std::str::from_utf8(content).ok().and_then(|text| Encoding::Hex.decode(text).ok());
        let digests = [
            (Some(content.to_vec()), "algorithm.no-digest-info", "the bare digest"),
            (hex, "algorithm.hex-digest", "the hexadecimal digits of the digest"),
        ];
        for (digest, code, what) in digests {
            let Some(digest) = digest else { continue };
            for hash in Hash::ALL.iter().copied().filter(|hash| hash.len() == digest.len()) {
                let message = format!("sign holds {what} ({}); {advice}", hash.name());
                let test = SignTarget::Digest(hash, digest.clone());
                self.add(Some(SignatureCause::new(code, message)), true, about.clone(), test);
            }
        }
        let message = format!("sign holds the text itself, not its digest; {advice}");
        let cause = SignatureCause::new("algorithm.no-hash", message);
        self.add(Some(cause), true, about, SignTarget::Itself(content.to_vec()));
    }

    fn pss(&mut self, block: &[u8], bits: usize) {
        for hash in Hash::ALL.iter().copied() {
            for mask in Hash::ALL.iter().copied() {
                let pss = block::Pss { hash, mask, salt_len: hash.len() };
                let Some(opened) = pss.open(block, bits) else { continue };
                let scheme = SignatureScheme::Pss(hash);
                let wanted_mask = self.recipe.pss_mask.unwrap_or(hash);
                let wanted_salt = self.recipe.pss_salt.map_or(hash.len(), usize::from);
                let usual = mask == wanted_mask && opened.salt.len() == wanted_salt;
                let cause = if self.recipe.algorithm.scheme() == scheme && !usual {
                    let both = if wanted_mask == hash { " for both" } else { "" };
                    let message = format!(
                        "sign is PSS with {} bytes of salt and a mask by {}; use {wanted_salt} bytes and {wanted_mask}{both} (in Java a PSSParameterSpec, in OpenSSL rsa_pss_saltlen:digest)",
                        opened.salt.len(),
                        mask.name(),
                    );
                    Some(SignatureCause::new("algorithm.pss-parameters", message))
                } else {
                    self.unlike(scheme, KeyPosition::After)
                };
                let is_proven = opened.zeros >= ZEROS_PROVING;
                self.add(cause, is_proven, name(scheme), SignTarget::Pss(hash, opened));
            }
        }
    }

    fn shared(&mut self, key: &[u8], tag: &[u8]) {
        for (key, key_cause) in key_forms(key) {
            for hash in Hash::ALL.iter().copied().filter(|hash| hash.len() == tag.len()) {
                let inside = self.recipe.has_key_inside();
                let positions = KeyPosition::ALL.iter().copied();
                let keyed = positions
                    .filter(|position| inside || *position != KeyPosition::Inside)
                    .map(|position| (SignatureScheme::Keyed(hash), position));
                for (scheme, position) in
                    std::iter::once((SignatureScheme::Hmac(hash), KeyPosition::After)).chain(keyed)
                {
                    let cause = self.unlike(scheme, position);
                    let test =
                        SignTarget::Mac { scheme, position, key: key.clone(), tag: tag.to_vec() };
                    let causes = self.causes.iter().chain(&key_cause).cloned().chain(cause);
                    let (causes, about) = (causes.collect(), name(scheme));
                    self.found.push(Evidence { causes, proven: false, own: self.own, about, test });
                }
            }
        }
    }

    fn plain_digest(&mut self, tag: &[u8]) {
        for hash in Hash::ALL.iter().copied().filter(|hash| hash.len() == tag.len()) {
            let message = format!(
                "sign is the bare {} of the string, made without any key; use {}",
                hash.name(),
                self.recipe.algorithm
            );
            let cause = SignatureCause::new("algorithm.no-key", message);
            self.add(
                Some(cause),
                false,
                hash.name().to_owned(),
                SignTarget::Digest(hash, tag.to_vec()),
            );
        }
    }
}

/// The key's position in words.
fn side(position: KeyPosition) -> &'static str {
    match position {
        KeyPosition::After => "after",
        KeyPosition::Before => "before",
        KeyPosition::Both => "before and after",
        KeyPosition::Inside => "within",
    }
}

/// The shared key as it is, and as people mistake it.
fn key_forms(key: &[u8]) -> Vec<(Vec<u8>, Option<SignatureCause>)> {
    let mut forms = vec![(key.to_vec(), None)];
    let mut mistaken = |form: Option<Vec<u8>>, code, message| {
        if let Some(form) = form {
            forms.push((form, Some(SignatureCause::new(code, message))));
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

fn name(scheme: SignatureScheme) -> String {
    Algorithm::of(scheme).map_or_else(String::new, |algorithm| algorithm.name().to_owned())
}
