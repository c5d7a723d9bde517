//! A mail server of others: aiosmtpd in a Python of its own, which ends with the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A mail server, and what it was given.
pub(crate) struct Smtp {
    child: Child,
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Smtp {
    /// Starts one that is so: see `peer.py`.
    pub(crate) fn start(how: &Value) -> Self {
        #[allow(clippy::disallowed_methods, reason = "where the peers of tests are is said by the environment")]
        let python = std::env::var("SELVAGE_TEST_PYTHON").expect(
            "SELVAGE_TEST_PYTHON is not set: run the tests with `cargo xtask test`, or see `cargo xtask services`",
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../selvage-delivery/tests/mail/peer.py");
        let mut child = Command::new(python)
            .args(["-W", "ignore"])
            .arg(script)
            .arg(how.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.next().expect("the mail server starts").parse().unwrap();
        let mails = Arc::default();
        let given: Arc<Mutex<Vec<Value>>> = Arc::clone(&mails);
        std::thread::spawn(move || lines.for_each(|line| given.lock().unwrap().push(line.parse().unwrap())));
        Self { child, port, mails }
    }

    /// What it was given until now.
    pub(crate) fn mails(&self) -> Vec<Value> {
        self.mails.lock().unwrap().clone()
    }

    /// The same, once there are so many: what it took is told a little later.
    pub(crate) async fn so_many(&self, mails: usize) -> Vec<Value> {
        for _ in 0..6_000 {
            let given = self.mails();
            if given.len() >= mails {
                return given;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{mails} mails were to be given, but: {:#?}", self.mails());
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the certificates that tests have: `authority.pem` signed `listener.pem`.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../selvage-gateway/tests/gateway/data/tls/clients").join(name)
}
