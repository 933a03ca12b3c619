//! The content of a signature under the keys that the user holds.
//!
//! An RSA signature opens under the public key and shows padding, digest algorithm and digest. A code under a shared
//! key shows only its length.

use super::super::algorithm::{Algorithm, SignatureScheme};
use super::super::block::{Pss, pkcs1_content};
use super::super::encoding::Encoding;
use super::super::hash::Hash;
use super::super::keys::{PublicKey, Secret};
use super::super::recipe::{KeyPosition, Recipe};
use super::super::target::SignTarget;
use super::super::words::SecretForm;
use super::sample::{Held, PROOF_BITS_MIN};
use crate::base::sort_by_key;

/// Zero bytes in a PSS block that leave no doubt.
const ZEROS_PROVING: usize = 8;

/// A way in which the signature may have been made, as far as it shows.
pub(super) struct Lead {
    /// Deviations from what is usual.
    pub(super) weight: usize,
    /// The settings that are known: algorithm, its parameters, the form of the shared key.
    pub(super) recipe: Recipe,
    pub(super) target: SignTarget,
    pub(super) role: HeldKey,
    /// The shared key as text, for strings that it is a part of.
    pub(super) key_text: Option<String>,
}

/// The place of the shared key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldKey {
    /// The target knows the key; the string has it only by exception.
    Beside,
    /// The string must have the key.
    Inside,
    /// The target joins the key with a first digest of the string.
    AfterDigest,
}

/// The facts that a signature shows, and the ways in which it may have been made.
pub(super) struct Opened {
    pub(super) leads: Vec<Lead>,
    pub(super) facts: Facts,
}

/// The certain part.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) bytes: usize,
    pub(super) key_fits: Option<bool>,
    pub(super) padding: Option<&'static str>,
    pub(super) hash: Option<Hash>,
    pub(super) digest: Option<Vec<u8>>,
    pub(super) salt: Option<usize>,
    /// In words.
    pub(super) said: Vec<String>,
}

/// Reads the bytes of one signature.
pub(super) fn open(held: &Held, encoding: Encoding, signature: &[u8]) -> Opened {
    let mut opened =
        Opened { leads: Vec::new(), facts: Facts { bytes: signature.len(), ..Facts::default() } };
    let base = Recipe { encoding, ..Recipe::default() };
    if let Some(key) = &held.key {
        opened.rsa(key, held.secret.as_ref(), &base, signature);
    }
    if let Some(secret) = &held.secret {
        opened.shared(secret, &base, signature, held.key.is_some());
    }
    sort_by_key(&mut opened.leads, |lead| lead.weight);
    opened
}

impl Opened {
    fn say(&mut self, fact: String) {
        self.facts.said.push(fact);
    }

    fn rsa(&mut self, key: &PublicKey, secret: Option<&Secret>, base: &Recipe, signature: &[u8]) {
        if signature.len() != key.len_bytes() {
            self.facts.key_fits = Some(false);
            let (bytes, expected) = (signature.len(), key.len_bytes());
            return self.say(format!(
                "sign has {bytes} bytes, and a signature of the key {} has {expected}: it was not made with this key",
                key.fingerprint()
            ));
        }
        let Some(block) = key.open(signature) else {
            self.facts.key_fits = Some(false);
            return self.say(format!(
                "sign is a number above the modulus of the key {}: it was not made with this key",
                key.fingerprint()
            ));
        };
        if let Some(content) = pkcs1_content(&block) {
            self.facts.key_fits = Some(true);
            self.facts.padding = Some("PKCS#1 v1.5");
            self.say(format!(
                "sign was made with the private half of the key {} ({} bits): its block is well-formed, with PKCS#1 v1.5 padding",
                key.fingerprint(),
                key.bits()
            ));
            self.pkcs1(content, secret, base);
        } else {
            self.pss(key, &block, secret, base);
        }
    }

    fn pkcs1(&mut self, content: &[u8], secret: Option<&Secret>, base: &Recipe) {
        for hash in Hash::ALL.iter().copied() {
            if let Some(digest) = content.strip_prefix(&*hash.digest_info())
                && digest.len() == hash.len()
            {
                self.facts.hash = Some(hash);
                self.facts.digest = Some(digest.to_vec());
                self.say(format!("the digest in it is {hash}: {}", Encoding::Hex.encode(digest)));
                let target = SignTarget::Digest(hash, digest.to_vec());
                return self.lead(0, SignatureScheme::Pkcs1(hash), target, secret, base);
            }
        }
        let shown = if is_digest(content) {
            self.facts.digest = Some(content.to_vec());
            format!(": {}", Encoding::Hex.encode(content))
        } else {
            String::new()
        };
        self.say(format!(
            "no digest identifier is in it: {} bytes were padded as they are{shown}",
            content.len()
        ));
        if content.len() * 8 < PROOF_BITS_MIN {
            return self.say(format!("fewer than {PROOF_BITS_MIN} bits prove no recipe"));
        }
        self.lead(0, SignatureScheme::Raw, SignTarget::Itself(content.to_vec()), secret, base);
    }

    fn pss(&mut self, key: &PublicKey, block: &[u8], secret: Option<&Secret>, base: &Recipe) {
        for hash in Hash::ALL.iter().copied() {
            let scheme = SignatureScheme::Pss(hash);
            if Algorithm::of(scheme).is_none() {
                continue;
            }
            for mask in Hash::ALL.iter().copied() {
                let pss = Pss { hash, mask, salt_len: hash.len() };
                let Some(opened) = pss.open(block, key.bits()) else { continue };
                let recipe = Recipe {
                    pss_mask: (mask != hash).then_some(mask),
                    pss_salt: (opened.salt.len() != hash.len()).then_some(opened.salt.len() as u16),
                    ..base.clone()
                };
                if opened.zeros >= ZEROS_PROVING {
                    self.facts.key_fits = Some(true);
                    self.facts.padding = Some("PSS");
                    self.facts.hash = Some(hash);
                    self.facts.salt = Some(opened.salt.len());
                    self.facts.digest = Some(opened.digest.clone());
                    self.say(format!(
                        "sign was made with the private half of the key {} ({} bits): its block is well-formed, with PSS padding, \
                         {hash} for the message, {mask} for the mask and {} bytes of salt ({}); the salted digest is {}",
                        key.fingerprint(),
                        key.bits(),
                        opened.salt.len(),
                        Encoding::Hex.encode(&opened.salt),
                        Encoding::Hex.encode(&opened.digest)
                    ));
                }
                self.lead(
                    usize::from(mask != hash),
                    scheme,
                    SignTarget::Pss(hash, opened),
                    secret,
                    &recipe,
                );
            }
        }
        if self.facts.key_fits.is_some() {
            return;
        }
        let is_foreign = self.leads.is_empty();
        self.facts.key_fits = is_foreign.then_some(false);
        self.say(if is_foreign {
            format!(
                "under the key {} sign shows neither PKCS#1 v1.5 nor PSS padding: it was not made with this key, or it was \
                 damaged on the way",
                key.fingerprint()
            )
        } else {
            format!(
                "under the key {} sign shows no PKCS#1 v1.5 padding; PSS with a long salt is possible, and cannot be proven \
                 without the string",
                key.fingerprint()
            )
        });
    }

    fn lead(
        &mut self,
        weight: usize,
        scheme: SignatureScheme,
        target: SignTarget,
        secret: Option<&Secret>,
        base: &Recipe,
    ) {
        let Some(algorithm) = Algorithm::of(scheme) else { return };
        let key_text = secret.and_then(|secret| text(secret, SecretForm::Text));
        let recipe = Recipe { algorithm, ..base.clone() };
        self.leads.push(Lead { weight, recipe, target, role: HeldKey::Beside, key_text });
    }

    fn shared(&mut self, secret: &Secret, base: &Recipe, tag: &[u8], is_second: bool) {
        let hashes = Hash::ALL.iter().copied().filter(|hash| hash.len() == tag.len());
        let hashes = hashes.collect::<Vec<_>>();
        if hashes.is_empty() {
            if !is_second {
                self.say(format!(
                    "sign has {} bytes: that is no code under a shared key, which has 16, 20, 28, 32, 48 or 64 bytes",
                    tag.len()
                ));
            }
            return;
        }
        self.say(format!(
            "sign has {} bytes, as {} has: an HMAC or a digest; neither the key nor the string shows in it",
            tag.len(),
            hashes.iter().map(|hash| hash.name()).collect::<Vec<_>>().join(" or ")
        ));
        for hash in hashes {
            self.hmac(secret, base, hash, tag);
            self.keyed(secret, base, hash, tag);
        }
    }

    fn hmac(&mut self, secret: &Secret, base: &Recipe, hash: Hash, tag: &[u8]) {
        let scheme = SignatureScheme::Hmac(hash);
        let Some(algorithm) = Algorithm::of(scheme) else { return };
        for (weight, key_form) in [
            (0, SecretForm::Text),
            (1, SecretForm::Hex),
            (1, SecretForm::Base64),
            (2, SecretForm::Md5Hex),
            (2, SecretForm::Sha256Hex),
        ] {
            let Some(key) = secret.in_form(key_form) else { continue };
            let position = KeyPosition::After;
            let target =
                SignTarget::Mac { scheme, position, key: key.into_owned(), tag: tag.into() };
            let recipe = Recipe { algorithm, key_form, ..base.clone() };
            let key_text = text(secret, key_form);
            self.leads.push(Lead { weight, recipe, target, role: HeldKey::Beside, key_text });
        }
    }

    fn keyed(&mut self, secret: &Secret, base: &Recipe, hash: Hash, tag: &[u8]) {
        let scheme = SignatureScheme::Keyed(hash);
        let Some(algorithm) = Algorithm::of(scheme) else { return };
        for (weight, key_form) in
            [(0, SecretForm::Text), (3, SecretForm::Md5Hex), (3, SecretForm::Sha256Hex)]
        {
            let key_position = KeyPosition::Inside;
            let recipe = Recipe { algorithm, key_position, key_form, ..base.clone() };
            let target = SignTarget::Digest(hash, tag.to_vec());
            let key_text = text(secret, key_form);
            self.leads.push(Lead { weight, recipe, target, role: HeldKey::Inside, key_text });
        }
        for (weight, key_form) in
            [(0, SecretForm::Text), (2, SecretForm::Hex), (2, SecretForm::Base64)]
        {
            let Some(key) = secret.in_form(key_form) else { continue };
            for key_position in [KeyPosition::After, KeyPosition::Before, KeyPosition::Both] {
                let target = SignTarget::Mac {
                    scheme,
                    position: key_position,
                    key: key.clone().into_owned(),
                    tag: tag.into(),
                };
                let recipe = Recipe { algorithm, key_position, key_form, ..base.clone() };
                let role = if key_form == SecretForm::Text {
                    HeldKey::AfterDigest
                } else {
                    HeldKey::Beside
                };
                self.leads.push(Lead { weight, recipe, target, role, key_text: None });
            }
        }
    }
}

/// The bytes may be a digest, raw or in hexadecimal digits. Any other text is not shown, since it may hold secrets.
fn is_digest(content: &[u8]) -> bool {
    let has_length =
        |factor: usize| Hash::ALL.iter().any(|hash| hash.len() * factor == content.len());
    let is_text = content.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (has_length(1) && !is_text) || (has_length(2) && content.iter().all(u8::is_ascii_hexdigit))
}

fn text(secret: &Secret, form: SecretForm) -> Option<String> {
    secret.in_form(form).and_then(|key| String::from_utf8(key.into_owned()).ok())
}
