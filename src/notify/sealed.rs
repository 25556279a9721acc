//! A message for one browser, which the push service between cannot read (RFC 8291), and who it comes from (RFC 8292).
//!
//! On the cryptographic library that is here anyway: the crates that do this bring a second one of their own.

use std::{fs, io, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palco_protocol::http::PushKeys;
use serde::Serialize;

/// A P-256 point, uncompressed.
const POINT_BYTES: usize = 65;
const AUTH_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
/// The one record of a message (RFC 8188, section 2): as long as push services take (RFC 8030, section 7.2).
const RECORD_BYTES: u32 = 4_096;
/// How long a signature of ours counts, at most a day (RFC 8292, section 2).
const SIGNED_FOR_S: u64 = 12 * 60 * 60;

/// A browser's keys, read.
pub(crate) struct BrowserKeys {
    public: Vec<u8>,
    auth: Vec<u8>,
}

impl BrowserKeys {
    /// `None` if they are none.
    pub(crate) fn read(keys: &PushKeys) -> Option<Self> {
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let (public, auth) = (decode(&keys.p256dh)?, decode(&keys.auth)?);
        let well_formed = public.len() == POINT_BYTES && auth.len() == AUTH_BYTES;
        // A point that is not on the curve shows in a trial.
        let trial = PrivateKey::generate(&ECDH_P256).ok()?;
        agreement::agree(&trial, UnparsedPublicKey::new(&ECDH_P256, &public), (), |_| Ok(()))
            .ok()?;
        well_formed.then_some(Self { public, auth })
    }

    /// Encrypts a message of at most some 3,900 bytes.
    pub(super) fn seal(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt)?;
        self.seal_with(message, &PrivateKey::generate(&ECDH_P256)?, salt)
    }

    fn seal_with(
        &self,
        message: &[u8],
        own: &PrivateKey,
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, Unspecified> {
        let own_public = own.compute_public_key()?;
        // RFC 8291, section 3.4.
        let info = [b"WebPush: info\0", &self.public[..], own_public.as_ref()].concat();
        let peer = UnparsedPublicKey::new(&ECDH_P256, &self.public);
        let ikm: [u8; 32] =
            agreement::agree(own, peer, Unspecified, |shared| expand(&self.auth, shared, &info))?;
        // RFC 8188, sections 2.2 and 2.3.
        let key: [u8; 16] = expand(&salt, &ikm, b"Content-Encoding: aes128gcm\0")?;
        let nonce: [u8; NONCE_LEN] = expand(&salt, &ikm, b"Content-Encoding: nonce\0")?;

        let mut body = Vec::with_capacity(message.len() + 128);
        body.extend_from_slice(&salt);
        body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
        body.push(POINT_BYTES as u8);
        body.extend_from_slice(own_public.as_ref());
        // The last record is padded with a 2.
        let mut record = [message, &[2]].concat();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
        body.append(&mut record);
        Ok(body)
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF (RFC 5869).
fn expand<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(ikm).expand(&[info], Length(N))?.fill(&mut out)?;
    Ok(out)
}

/// Who pushes: a key of this server, kept in the data directory, and whom a push service can write to.
pub(crate) struct Vapid {
    sign: EncodingKey,
    public: String,
    contact: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: u64,
    sub: &'a str,
}

impl Vapid {
    /// Reads the key, or makes one.
    pub(crate) fn open(data: &Path, contact: &str) -> io::Result<Self> {
        let path = data.join("vapid.key");
        let pkcs8 = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(&path)?,
            read => read?,
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
        let pair = pair.map_err(|error| {
            let what = format!("{} is no P-256 key: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })?;
        Ok(Self {
            sign: EncodingKey::from_ec_der(&pkcs8),
            public: BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
            contact: contact.to_owned(),
        })
    }

    /// In base64url.
    pub(crate) fn public_key(&self) -> &str {
        &self.public
    }

    /// The `Authorization` of a push to this origin.
    pub(super) fn authorization(&self, origin: &str) -> String {
        let exp = jsonwebtoken::get_current_timestamp() + SIGNED_FOR_S;
        let claims = Claims { aud: origin, exp, sub: &self.contact };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.sign)
            .expect("invariant: claims serialise and the key is of P-256");
        format!("vapid t={token}, k={}", self.public)
    }
}

fn create_key(path: &Path) -> io::Result<Vec<u8>> {
    let key =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rand::SystemRandom::new())
            .map_err(io::Error::other)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    Ok(key.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_rfc_is_sealed_to_the_byte() {
        let bytes = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let keys = PushKeys {
            p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
                .to_owned(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
        };
        let own = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let own = PrivateKey::from_private_key(&ECDH_P256, &own).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let sealed = BrowserKeys::read(&keys)
            .unwrap()
            .seal_with(b"When I grow up, I want to be a watermelon", &own, salt)
            .unwrap();
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn keys_that_are_none_are_not_read() {
        let off_the_curve = BASE64_URL_SAFE_NO_PAD.encode([4; POINT_BYTES]);
        for (p256dh, auth) in [
            (off_the_curve.as_str(), "BTBZMqHH6r4Tts7J_aSIgg"),
            ("", "BTBZMqHH6r4Tts7J_aSIgg"),
            (
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "BTBZ",
            ),
            (
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "?",
            ),
        ] {
            let keys = PushKeys { p256dh: p256dh.to_owned(), auth: auth.to_owned() };
            assert!(BrowserKeys::read(&keys).is_none(), "{p256dh} {auth}");
        }
    }
}
