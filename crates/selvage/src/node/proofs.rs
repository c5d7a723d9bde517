//! What this node shows to systems that ask who it is: certificates and keys from among the secrets, for the release that
//! runs. They are never printed. INVARIANT: SECRET-FREE

use selvage_gateway::{Proof, ProofNames, Proofs};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::EnvironmentName;
use selvage_model::source::Spanned;

use super::release;

/// What the systems of a fabric are shown in this environment.
///
/// # Errors
/// The secrets that are not there, and those that cannot be used.
pub(crate) fn of(
    fabric: &Fabric,
    environment: &EnvironmentName,
    secret: impl Fn(&SecretName) -> Option<String>,
) -> anyhow::Result<Proofs> {
    let (mut proofs, mut findings) = (Proofs::new(), Vec::new());
    let here = fabric.systems.values().filter_map(|system| system.environment(environment));
    for declared in here.filter_map(|here| here.tls.as_ref()?.client.as_ref()) {
        let names = ProofNames::of(declared);
        if proofs.contains_key(&names) {
            continue;
        }
        let mut text = |name: &Spanned<SecretName>| {
            let text = secret(&name.value);
            if text.is_none() {
                findings.push(absent(name));
            }
            text
        };
        let (Some(certificate), Some(key)) = (text(&declared.certificate), text(&declared.key)) else { continue };
        match Proof::new(lines(&certificate).as_bytes(), lines(&key).as_bytes()) {
            Ok(proof) => drop(proofs.insert(names, proof)),
            // What it is made of stays out of the message.
            Err(error) => {
                let (certificate, key) = (&declared.certificate.value.0, &declared.key.value.0);
                let message = format!("the secrets `{certificate}` and `{key}` cannot be shown to a system: {error}");
                let finding = Finding::error(code::CLIENT_PROOF_UNFIT, &declared.certificate.place, message);
                findings.push(finding.fix("put the certificate and the key that belongs to it there, both in PEM"));
            }
        }
    }
    if findings.is_empty() { Ok(proofs) } else { Err(release::as_error(&findings)) }
}

/// In a file of `name=value` lines the ends of a PEM's lines are written `\n`.
fn lines(text: &str) -> String {
    text.replace("\\n", "\n")
}

fn absent(name: &Spanned<SecretName>) -> Finding {
    let message = format!("the secret `{}` is not there", name.value.0);
    let fix = format!("put `{}` among the secrets that --secrets names", name.value.0);
    Finding::error(code::SECRET_ABSENT, &name.place, message).fix(fix)
}
