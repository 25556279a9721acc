//! Secrets that a client keeps and the store knows only by their hash: sessions, password resets.

use aws_lc_rs::{digest, rand};

/// What a session's secret begins with: tells it from a signed token, and in a leak.
pub(crate) const SESSION_PREFIX: &str = "palco_s_";
/// 256 bits: not to be guessed, however many there are.
const SECRET_BYTES: usize = 32;

/// A fresh secret: `prefix` and 64 hexadecimal digits.
pub(crate) fn fresh(prefix: &str) -> String {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).expect("invariant: the operating system has randomness");
    format!("{prefix}{}", hex(&bytes))
}

/// What the store keeps. A plain hash will do: the secret has all its entropy already.
pub(crate) fn hashed(secret: impl AsRef<[u8]>) -> String {
    hex(digest::digest(&digest::SHA256, secret.as_ref()).as_ref())
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_fresh_and_kept_as_its_hash() {
        let (one, other) = (fresh(SESSION_PREFIX), fresh(SESSION_PREFIX));
        assert_ne!(one, other);
        assert_eq!(one.len(), SESSION_PREFIX.len() + 64);
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            hashed("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
