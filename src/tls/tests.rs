use super::*;

fn directory() -> PathBuf {
    let path = std::env::temp_dir().join(format!("palco-tls-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn files(cert: &Path, key: &Path) -> TlsSettings {
    TlsSettings {
        tls: TlsMode::Files,
        tls_cert: Some(cert.to_owned()),
        tls_key: Some(key.to_owned()),
        ..TlsSettings::default()
    }
}

#[tokio::test]
async fn what_cannot_be_served_is_told_at_the_start() {
    let data = directory();
    let (cert, key) = (data.join("cert.pem"), data.join("key.pem"));
    let start = |settings: &TlsSettings| {
        let error = super::start(settings, &data, Vec::new).err().unwrap();
        error.to_string()
    };
    assert!(start(&files(&cert, &key)).contains("cert.pem: No such file"));
    let one = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    std::fs::write(&cert, "nothing").unwrap();
    std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    assert!(start(&files(&cert, &key)).contains("cert.pem: no certificate in it"));
    std::fs::write(&cert, one.cert.pem()).unwrap();
    assert!(start(&files(&cert, &key)).starts_with("TLS: "), "another's key");
    let acme = TlsSettings { tls: TlsMode::Acme, ..TlsSettings::default() };
    assert_eq!(start(&acme), "TLS: --acme-domain is needed");
    std::fs::write(&key, one.signing_key.serialize_pem()).unwrap();
    assert!(super::start(&files(&cert, &key), &data, Vec::new).unwrap().is_some());
    std::fs::remove_dir_all(data).unwrap();
}

#[tokio::test]
async fn a_certificate_of_our_own_is_kept_and_its_key_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = directory();
    let settings = TlsSettings { tls: TlsMode::SelfSigned, ..TlsSettings::default() };
    let make = || super::start(&settings, &data, || vec!["192.0.2.1".parse().unwrap()]).unwrap();
    assert!(!make().unwrap().lasting);
    let first = std::fs::read(data.join("self-signed.pem")).unwrap();
    drop(make());
    assert_eq!(std::fs::read(data.join("self-signed.pem")).unwrap(), first);
    let mode = std::fs::metadata(data.join("self-signed.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_dir_all(data).unwrap();
}
