//! Reasons why a key is refused.

/// The smallest modulus taken, in bits. It is weak, yet common in the region (assumed).
pub const BITS_MIN: usize = 1024;
/// The largest modulus taken, in bits (assumed).
pub const BITS_MAX: usize = 4096;

/// Reason why a text is not the key that was wanted. Messages never repeat any of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but blanks.
    #[error("the key is empty; PEM or the Base64 of a DER key is expected")]
    Empty,
    /// A PEM block without its end.
    #[error("the PEM block has no END line: the text was cut off")]
    PemCut,
    /// Neither PEM nor Base64.
    #[error("the key is neither PEM nor Base64; paste all of the file, or its Base64 on one line")]
    NotBase64,
    /// Base64 of something else.
    #[error(
        "the text decodes, but holds no RSA key; PKCS#1, PKCS#8, SubjectPublicKeyInfo and X.509 are understood"
    )]
    NotAKey,
    /// A key or container of another kind.
    #[error("this is {0}; an RSA key is needed")]
    NotRsa(&'static str),
    /// A private key under a password.
    #[error(
        "the private key is encrypted; decrypt it first (`openssl pkey -in key.pem -out plain.pem`)"
    )]
    Encrypted,
    /// A private key where a public one belongs.
    #[error(
        "this is a private key and a public one is needed; hand out only the public half (`openssl pkey -pubout`), \
         and replace the pair if it was meant to stay secret"
    )]
    PrivateGiven,
    /// A public key where a private one belongs.
    #[error("this is a public key and a private one is needed")]
    PublicGiven,
    /// Fewer than [`BITS_MIN`] bits.
    #[error("the key has {0} bits; at least {BITS_MIN} are needed")]
    TooSmall(usize),
    /// More than [`BITS_MAX`] bits.
    #[error("the key has {0} bits; at most {BITS_MAX} are taken")]
    TooLarge(usize),
    /// The numbers of the key do not belong together.
    #[error("the key is damaged: its numbers do not belong together")]
    Damaged,
}
