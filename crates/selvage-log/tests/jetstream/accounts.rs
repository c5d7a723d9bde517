//! Servers that ask who connects, each a real one of its own: a user's key, a user of an account by its operator's word, and certificates
//! of both sides. Who cannot show them gets nothing.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use selvage_log::{BrokerCredentials, BrokerTls, EventLog as _, JetStreamConfig, JetStreamLog, LogError};
use selvage_model::code;
use selvage_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{at, named, orders, record};

/// A NATS server of this test.
struct Server {
    process: Child,
    port: u16,
    monitoring: u16,
    directory: TempDir,
}

impl Server {
    /// Returns once it is there; `more` is what its configuration says beside addresses and storage.
    async fn start(more: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let [port, monitoring] = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
        let config = format!(
            "listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitoring}\n\
             jetstream {{ store_dir: {:?}, sync_interval: always }}\n{more}\n",
            directory.path().join("data")
        );
        let file = directory.path().join("nats.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(named("SELVAGE_TEST_NATS_SERVER"));
        let said = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = command.arg("-c").arg(file).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let server = Self { process, port, monitoring, directory };
        let began = Instant::now();
        while [port, monitoring].iter().any(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            let said = std::fs::read_to_string(server.directory.path().join("log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(30), "{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// What comes of an event that is appended by who shows this.
    async fn appends(&self, name: &str, credentials: Option<&str>, tls: BrokerTls) -> Result<(), LogError> {
        let config = JetStreamConfig {
            credentials: credentials.map(|text| BrokerCredentials::from_text(text).unwrap()),
            tls,
            monitoring: vec![format!("http://127.0.0.1:{}", self.monitoring)],
            ..JetStreamConfig::new(format!("nats://127.0.0.1:{}", self.port))
        };
        let store = format!("sqlite:{}", self.directory.path().join(name).display());
        let log = JetStreamLog::connect(&config, Store::open(&store).await.unwrap()).await?;
        log.open(&orders()).await?;
        let appended = log.append(&orders(), vec![record(0)]).await?;
        assert_eq!(appended[0].position, at(1, 1));
        log.end().await;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_kept_out(outcome: Result<(), LogError>) {
    let refused = outcome.unwrap_err();
    assert_eq!(refused.code(), code::LOG_UNAVAILABLE, "{refused}");
}

#[tokio::test]
async fn a_user_is_known_by_its_key() {
    let (user, other) = (KeyPair::new_user(), KeyPair::new_user());
    let server = Server::start(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", user.public_key())).await;
    is_kept_out(server.appends("none", None, BrokerTls::default()).await);
    is_kept_out(server.appends("other", Some(&other.seed().unwrap()), BrokerTls::default()).await);
    server.appends("user", Some(&user.seed().unwrap()), BrokerTls::default()).await.unwrap();
}

/// What one key says of another, as operators and accounts do.
fn told(by: &KeyPair, of: &KeyPair, what: &Value) -> String {
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let claims = json!({"jti": "test", "iat": 1_700_000_000, "iss": by.public_key(), "sub": of.public_key(), "name": "test", "nats": what});
    let signed = format!("{head}.{}", encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(by.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// The file that a user of the account is given.
fn creds(account: &KeyPair, user: &KeyPair) -> String {
    let what = json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n\
         ------END USER NKEY SEED------\n",
        told(account, user, &what),
        user.seed().unwrap()
    )
}

#[tokio::test]
async fn a_user_of_an_account_shows_what_the_account_signed() {
    let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let limits = |streams: i64| {
        json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
               "mem_storage": streams, "disk_storage": streams, "streams": streams, "consumer": streams})
    };
    let of_account = |streams| json!({"limits": limits(streams), "type": "account", "version": 2});
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        told(&operator, &operator, &json!({"type": "operator", "version": 2})),
        system.public_key(),
        system.public_key(),
        told(&operator, &system, &of_account(0)),
        account.public_key(),
        told(&operator, &account, &of_account(-1)),
    );
    let server = Server::start(&config).await;
    is_kept_out(server.appends("none", None, BrokerTls::default()).await);
    let of_another = creds(&KeyPair::new_account(), &KeyPair::new_user());
    is_kept_out(server.appends("another", Some(&of_another), BrokerTls::default()).await);
    let user = creds(&account, &KeyPair::new_user());
    server.appends("user", Some(&user), BrokerTls::default()).await.unwrap();
}

#[tokio::test]
async fn server_and_node_show_certificates() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../selvage-gateway/tests/gateway/data/tls/systems");
    let files = files.canonicalize().unwrap();
    let file = |name: &str| -> PathBuf { files.join(name) };
    let config = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        file("server.pem"),
        file("server.key"),
        file("authority.pem")
    );
    let server = Server::start(&config).await;
    let certificate = Some((file("client.pem"), file("client.key")));
    let strange = BrokerTls { authorities: None, certificate: certificate.clone() };
    is_kept_out(server.appends("strange", None, strange).await);
    let unshown = BrokerTls { authorities: Some(file("authority.pem")), certificate: None };
    is_kept_out(server.appends("unshown", None, unshown).await);
    let both = BrokerTls { authorities: Some(file("authority.pem")), certificate };
    server.appends("both", None, both).await.unwrap();
}
