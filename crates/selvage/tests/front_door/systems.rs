//! Systems that ask who the node is, through the front door: a direct interface and one that Odoo serves, both behind TLS
//! with authorities of the plant's own, and a certificate that is renewed while the node runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use reqwest::{Client, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::fixture::{Place, Served, eventually, selvage};

fn sample(name: &str) -> Vec<u8> {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../selvage-gateway/tests/gateway/data/tls/systems");
    std::fs::read(tests.join(name)).unwrap()
}

/// TLS before a system: whoever shows a certificate of the plant is let through. Keeps what was shown.
struct Relay {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Relay {
    async fn before(system: String) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&sample("authority.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_slice(&sample("server.pem")).unwrap()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(&sample("server.key")).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shown) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&shown);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept, system) = (acceptor.clone(), Arc::clone(&kept), system.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
                    kept.lock().unwrap().push(certificate);
                    let mut system = TcpStream::connect(system.trim_start_matches("http://")).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut system).await;
                });
            }
        });
        Self { address, shown }
    }

    /// Whom the certificate names that was shown last.
    fn last(&self) -> Option<&'static str> {
        let shown = self.shown.lock().unwrap();
        let names = ["node-client", "node-renewed"];
        let last = shown.last()?;
        names.into_iter().find(|name| last.windows(name.len()).any(|part| part == name.as_bytes()))
    }
}

/// The secrets as files, with this certificate for systems.
fn put_secrets(place: &Place, name: &str) {
    let secrets = place.path("mounted");
    for directory in ["odoo", "plant"] {
        std::fs::create_dir_all(secrets.join(directory)).unwrap();
    }
    let put = |to: &str, bytes: &[u8]| {
        std::fs::write(place.path("aside"), bytes).unwrap();
        std::fs::rename(place.path("aside"), secrets.join(to)).unwrap();
    };
    put("odoo/read", selvage_factory::READ_KEY.as_bytes());
    put("odoo/mrp", selvage_factory::PRODUCTION_KEY.as_bytes());
    put("plant/certificate", &sample(&format!("{name}.pem")));
    put("plant/key", &sample(&format!("{name}.key")));
}

/// The sample whose warehouse and Odoo are known by the plant's authorities only.
fn declare(place: &Place, wms: &Relay, odoo: &Relay) {
    let authorities = place.fabric().join("tls");
    std::fs::create_dir_all(&authorities).unwrap();
    std::fs::write(authorities.join("plant.pem"), sample("authority.pem")).unwrap();
    let tls = "tls: {authorities: tls/plant.pem, client: {certificate: {secret: plant/certificate}, key: {secret: plant/key}}}";
    let url = |relay: &Relay| format!("\"https://{}\"", relay.address);
    let before = format!("{{url: \"{}\"}}", place.factory.wms_url());
    place.edit("systems.yaml", &before, &format!("{{url: {}, {tls}}}", url(wms)));
    let before = format!("    url: \"{}\"\n", place.factory.odoo_url());
    place.edit("systems.yaml", &before, &format!("    url: {}\n    {tls}\n", url(odoo)));
}

/// A consumer of both interfaces.
struct Caller {
    client: Client,
    key: String,
}

impl Caller {
    fn of(place: &Place) -> Self {
        Self { client: Client::new(), key: place.key(&place.data(), "shop-floor-board") }
    }

    async fn get(&self, served: &Served, path: &str) -> StatusCode {
        self.client.get(format!("{}{path}", served.base)).bearer_auth(&self.key).send().await.unwrap().status()
    }

    async fn both(&self, served: &Served) -> [StatusCode; 2] {
        [
            self.get(served, "/legacy-stock/v1").await,
            self.get(served, "/inventory/v2/inventory-positions?limit=1").await,
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_systems_are_shown_is_renewed_while_the_node_runs() {
    let place = Place::new().await;
    let wms = Relay::before(place.factory.wms_url()).await;
    let odoo = Relay::before(place.factory.odoo_url()).await;
    declare(&place, &wms, &odoo);
    place.edit("consumers.yaml", "limits: {rate: 5/s}", "limits: {rate: 100/s}");
    put_secrets(&place, "client");
    let mounted = place.path("mounted").display().to_string();
    let caller = Caller::of(&place);
    let served = place.serve_with(&place.data(), &mounted, &["--watch"]);
    assert_eq!(caller.both(&served).await, [StatusCode::OK; 2]);
    assert_eq!((wms.last(), odoo.last()), (Some("node-client"), Some("node-client")));

    // A key without its certificate, as between the two steps of a renewal, changes nothing.
    std::fs::write(place.path("mounted/plant/key"), sample("renewed.key")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(caller.both(&served).await, [StatusCode::OK; 2]);
    assert_eq!(wms.last(), Some("node-client"));

    put_secrets(&place, "renewed");
    eventually("the renewed certificate is shown to both", async || {
        assert_eq!(caller.both(&served).await, [StatusCode::OK; 2]);
        ((wms.last(), odoo.last()) == (Some("node-renewed"), Some("node-renewed"))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_is_told_before_the_node_serves() {
    let place = Place::new().await;
    let (wms, odoo) = (Relay::before(String::new()).await, Relay::before(String::new()).await);
    declare(&place, &wms, &odoo);
    let [fabric, data, mounted] = ["fabric", "data", "mounted"].map(|name| place.path(name).display().to_string());
    let mut arguments = vec!["serve", "--fabric", &fabric, "--data", &data, "--secrets", &mounted];
    for address in ["--listen", "--console", "--admin"] {
        arguments.extend([address, "127.0.0.1:0"]);
    }
    put_secrets(&place, "client");
    std::fs::remove_file(place.path("mounted/plant/key")).unwrap();
    let serve = || {
        let output = selvage(&arguments);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = serve();
    assert!(told.contains("`plant/key` is not there") && told.contains("systems.yaml:"), "{told}");
    std::fs::write(place.path("mounted/plant/key"), sample("renewed.key")).unwrap();
    let told = serve();
    assert!(told.contains("FAB4172") && !told.contains("PRIVATE"), "{told}");
}
