//! Programs of others that judge what we write. `cargo xtask test` installs them and names them in the environment; a test that
//! needs one fails without it.

use std::path::PathBuf;

/// A Python that has openapi-spec-validator, schemathesis, standardwebhooks, cloudevents and aiosmtpd.
pub(crate) fn python() -> PathBuf {
    peer("SELVAGE_TEST_PYTHON")
}

/// The Redocly CLI.
pub(crate) fn redocly() -> PathBuf {
    peer("SELVAGE_TEST_REDOCLY")
}

/// The directory in whose `node_modules` the packages of npm are that judge, sign, verify and speak CloudEvents.
pub(crate) fn npm() -> PathBuf {
    peer("SELVAGE_TEST_NPM")
}

fn peer(variable: &str) -> PathBuf {
    #[allow(clippy::disallowed_methods, reason = "tests are told by xtask where the peers are")]
    let path = std::env::var_os(variable);
    path.map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is not set: export what `cargo xtask services` prints");
    })
}
