//! The blocks that RSA signatures hold: PKCS#1 v1.5 and PSS (RFC 8017).

use rsa::rand_core::{CryptoRng, RngCore};

use super::hash::Hash;
use super::keys::PublicKey;

/// The content of a PKCS#1 v1.5 signature block.
pub(super) fn pkcs1_content(block: &[u8]) -> Option<&[u8]> {
    let rest = block.strip_prefix(&[0, 1])?;
    let padding = rest.iter().take_while(|byte| **byte == 0xff).count();
    let content = rest[padding..].strip_prefix(&[0])?;
    (padding >= 8 && !content.is_empty()).then_some(content)
}

/// The parameters of PSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pss {
    pub(super) hash: Hash,
    pub(super) mask: Hash,
    pub(super) salt_len: usize,
}

/// A PSS block taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PssOpened {
    pub(super) salt: Vec<u8>,
    pub(super) digest: Vec<u8>,
    /// Zero bytes before the salt: the more, the surer that the block is one of PSS.
    pub(super) zeros: usize,
}

impl PssOpened {
    /// The block is that of `message`.
    pub(super) fn fits(&self, hash: Hash, message: &[u8]) -> bool {
        hash.digest(&[&[0; 8], &hash.digest(&[message]), &self.salt]) == self.digest
    }
}

impl Pss {
    /// Takes a block apart (RFC 8017, 9.1.2, up to the comparison), with a salt of any length; `None` when it is none.
    pub(super) fn open(&self, block: &[u8], bits: usize) -> Option<PssOpened> {
        let (hash, mask) = (self.hash, self.mask);
        // With a modulus of 8k + 1 bits the encoded message is a byte shorter than the block.
        let block = if bits % 8 == 1 { block.strip_prefix(&[0])? } else { block };
        let (digest_end, trailer) = (block.len().checked_sub(1)?, block.last()?);
        let masked_end = digest_end.checked_sub(hash.len())?;
        let (masked, digest) = (&block[..masked_end], &block[masked_end..digest_end]);
        let top = top(bits);
        if *trailer != 0xbc || masked.first()? & !top != 0 {
            return None;
        }
        let mut data = masked.to_vec();
        apply_mask(mask, digest, &mut data);
        *data.first_mut()? &= top;
        let zeros = data.iter().take_while(|byte| **byte == 0).count();
        let salt = data[zeros..].strip_prefix(&[1])?.to_vec();
        Some(PssOpened { salt, digest: digest.to_vec(), zeros })
    }

    /// The block of `message` with a fresh salt (RFC 8017, 9.1.1); `None` where the key is too small.
    pub(super) fn block(
        &self,
        message: &[u8],
        key: &PublicKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Option<Vec<u8>> {
        let length = (key.bits() - 1).div_ceil(8);
        let zeros = length.checked_sub(self.hash.len() + self.salt_len + 2)?;
        let mut salt = vec![0; self.salt_len];
        random.fill_bytes(&mut salt);
        let digest = self.hash.digest(&[&[0; 8], &self.hash.digest(&[message]), &salt]);
        let mut data = [&*vec![0; zeros], &[1], &salt].concat();
        apply_mask(self.mask, &digest, &mut data);
        *data.first_mut()? &= top(key.bits());
        let lead = vec![0; key.len_bytes() - length];
        Some([lead, data, digest, vec![0xbc]].concat())
    }
}

/// The bits of the first byte that a block may use.
fn top(bits: usize) -> u8 {
    let unused = (8 - (bits - 1) % 8) % 8;
    0xff_u8.checked_shr(unused as u32).unwrap_or(0)
}

fn apply_mask(mask: Hash, seed: &[u8], data: &mut [u8]) {
    for (counter, part) in (0_u32..).zip(data.chunks_mut(mask.len())) {
        let stream = mask.digest(&[seed, &counter.to_be_bytes()]);
        part.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
}
