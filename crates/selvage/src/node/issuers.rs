//! The keys of issuers, fetched beside the data path: what they show is asked for now and then, and soon where a token names
//! a key that is not known. One question at a time to each; while an issuer is away its last keys go on.
//! No request waits for this. INVARIANT: SHIELDED-PATH

mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use reqwest::{Client, redirect};
use selvage_gateway::{IssuerKeys, KeysOfIssuers};
use selvage_model::code;
use selvage_model::manifest::issuer::{Issuer, IssuerEnvironment, Signing};
use selvage_model::name::EnvironmentName;
use selvage_store::Store;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::release::Follower;
use super::rotation::Secrets;
use figures::Figure;
pub(crate) use figures::IssuerFigures;

/// How often it is looked whether somebody is to be asked.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often an issuer is asked while all is well: new keys are shown for longer than this before they sign.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// However many tokens name unknown keys, their issuer is asked no more often.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// How long until it is asked again after it did not answer: doubled each time, up to the last.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_LAST: Duration = Duration::from_secs(60);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that an answer may have.
const MOST_BYTES: usize = 256 * 1024;

/// Where an issuer's keys are had.
#[derive(Clone, PartialEq)]
struct Source {
    /// The issuer's name in the fabric.
    name: String,
    url: String,
    /// Where its keys are, where that is said.
    keys: Option<String>,
    /// Selvage itself derives them.
    signing: Option<Signing>,
}

/// What is known of an issuer.
struct Known {
    source: Source,
    keys: Option<Arc<IssuerKeys>>,
    asked: Option<Instant>,
    due: Instant,
    in_flight: bool,
    failures: u32,
    /// A token named a key that is not known, and the issuer was not asked since.
    missed: bool,
    figure: Figure,
    /// The secret and the span of time that own keys were derived for.
    derived: Option<(String, i64)>,
}

/// Follows the issuers of whatever release is active, for as long as the node runs.
pub(crate) async fn follow(follower: Arc<Follower>, secrets: Secrets, figures: Arc<IssuerFigures>) {
    let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return tracing::error!("issuers cannot be asked for their keys: {error}"),
    };
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut asking: JoinSet<(Source, anyhow::Result<IssuerKeys>)> = JoinSet::new();
    let (store, environment) = (follower.store.clone(), follower.environment.clone());
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                let let_go = declare(&mut known, sources(&follower));
                let mut others = let_go;
                for known in known.values_mut() {
                    others |= known.derive(&secrets);
                }
                if others {
                    install(&follower, &known);
                }
                figures.show(known.values_mut().filter_map(Known::figure).collect());
                for source in due(&mut known) {
                    let (client, store, environment) = (client.clone(), store.clone(), environment.clone());
                    asking.spawn(async move {
                        let keys = match ask(&client, &source).await {
                            Ok((keys, shown)) => {
                                keep(&store, &environment, (&source.url, &shown));
                                Ok(keys)
                            }
                            Err(error) => Err(error),
                        };
                        (source, keys)
                    });
                }
            }
            Some(Ok((source, answer))) = asking.join_next() => {
                if known.get_mut(&source.url).is_some_and(|known| known.source == source && known.take(answer)) {
                    install(&follower, &known);
                }
            }
        }
    }
}

/// The issuers that the active release declares here.
fn sources(follower: &Follower) -> Vec<Source> {
    let fabric = Arc::clone(&follower.current.active().release.fabric);
    let here = fabric.issuers.values().filter_map(|issuer| Some((issuer, issuer.environment(&follower.environment)?)));
    let source = |(issuer, it): (&Issuer, &IssuerEnvironment)| Source {
        name: issuer.name.to_string(),
        url: it.url.value.clone(),
        keys: it.keys.as_ref().map(|keys| keys.value.clone()),
        signing: it.signing.clone(),
    };
    here.map(source).collect()
}

/// Knows these and no others; whether keys were let go.
fn declare(known: &mut BTreeMap<String, Known>, sources: Vec<Source>) -> bool {
    let before = known.values().filter(|known| known.keys.is_some()).count();
    known.retain(|_, known| sources.contains(&known.source));
    let let_go = known.values().filter(|known| known.keys.is_some()).count() < before;
    for source in sources {
        known.entry(source.url.clone()).or_insert_with(|| Known {
            source,
            keys: None,
            asked: None,
            due: Instant::now(),
            in_flight: false,
            failures: 0,
            missed: false,
            figure: Figure::default(),
            derived: None,
        });
    }
    let_go
}

/// Those to be asked now.
fn due(known: &mut BTreeMap<String, Known>) -> Vec<Source> {
    let now = Instant::now();
    let mut due = Vec::new();
    for known in known.values_mut().filter(|known| !known.in_flight && known.source.signing.is_none()) {
        let rested = known.asked.is_none_or(|asked| now.duration_since(asked) >= AT_MOST_EVERY);
        known.count_missed();
        if now >= known.due || (rested && known.missed) {
            (known.in_flight, known.asked, known.missed) = (true, Some(now), false);
            due.push(known.source.clone());
        }
    }
    due
}

impl Known {
    /// Takes note of tokens that named keys that are not known.
    fn count_missed(&mut self) {
        let missed = self.keys.as_ref().map_or(0, |keys| keys.take_missed());
        self.missed |= missed > 0;
        self.figure.unknown += missed;
    }

    /// What is told of it; nothing of Selvage's own keys, for which nobody is asked.
    fn figure(&mut self) -> Option<Figure> {
        self.source.signing.is_none().then_some(())?;
        self.count_missed();
        let keys = self.keys.as_ref().map_or(0, |keys| keys.len());
        Some(Figure { name: self.source.name.clone(), keys, ..self.figure.clone() })
    }

    /// Derives Selvage's own keys where others are due; whether they are others now.
    fn derive(&mut self, secrets: &Secrets) -> bool {
        let Some(signing) = &self.source.signing else { return false };
        let now = Timestamp::now();
        let name = &signing.secret.value;
        let secret = secrets.get(name).unwrap_or_default();
        let derived = Some((secret, IssuerKeys::period(signing, now)));
        if self.derived == derived {
            return false;
        }
        self.derived = derived;
        let secret = self.derived.as_ref().map_or("", |(secret, _)| secret);
        match IssuerKeys::derive(secret, signing, now) {
            Ok(keys) => self.keys = Some(Arc::new(keys)),
            Err(error) => {
                // Keys of a secret that was taken away are worth nothing any more.
                self.keys = None;
                tracing::error!("{}: no tokens are issued: the secret `{}`: {error}", code::SECRET_ABSENT, name.0);
            }
        }
        true
    }

    /// Takes an answer; whether the keys are others now.
    fn take(&mut self, answer: anyhow::Result<IssuerKeys>) -> bool {
        self.in_flight = false;
        let url = &self.source.url;
        match answer {
            Ok(keys) => {
                (self.failures, self.due) = (0, Instant::now() + EVERY);
                (self.figure.answered, self.figure.last) = (self.figure.answered + 1, Some(Instant::now()));
                if self.keys.as_ref().is_some_and(|known| known.same_as(&keys)) {
                    return false;
                }
                tracing::info!(issuer = url, keys = keys.len(), "an issuer's keys are used now");
                self.keys = Some(Arc::new(keys));
                true
            }
            Err(error) => {
                let wait = AGAIN.saturating_mul(1 << self.failures.min(8)).min(AGAIN_AT_LAST);
                self.due = Instant::now() + wait;
                // Once, until it answers again.
                if self.failures == 0 {
                    let meanwhile = if self.keys.is_some() { "its last keys go on" } else { "its tokens are refused" };
                    tracing::warn!("the keys of {url} could not be had, {meanwhile}: {error:#}");
                }
                self.failures += 1;
                self.figure.failed += 1;
                false
            }
        }
    }
}

fn install(follower: &Follower, known: &BTreeMap<String, Known>) {
    let keys: KeysOfIssuers =
        known.iter().filter_map(|(url, known)| Some((url.clone(), Arc::clone(known.keys.as_ref()?)))).collect();
    if let Err(error) = follower.take_keys(&Arc::new(keys)) {
        tracing::error!("an issuer's keys were not taken: {error:#}");
    }
}

/// Keeps what an issuer shows, for whoever makes a decision of now again one day. Nobody waits for that.
fn keep(store: &Store, environment: &EnvironmentName, (issuer, shown): (&str, &Value)) {
    let (store, environment, issuer, shown) = (store.clone(), environment.clone(), issuer.to_owned(), shown.clone());
    tokio::spawn(async move {
        if let Err(error) = store.note_issuer_keys(&environment, &issuer, &shown).await {
            tracing::warn!("the keys of {issuer} were not kept for later: {error}");
        }
    });
}

/// Asks an issuer where its keys are, and for them; with the set as it was shown.
async fn ask(client: &Client, source: &Source) -> anyhow::Result<(IssuerKeys, Value)> {
    let address = match &source.keys {
        Some(address) => address.clone(),
        None => discover(client, &source.url).await?,
    };
    // An issuer that is asked over TLS does not show its keys without it.
    ensure!(address.starts_with("https://") || source.url.starts_with("http://"), "its keys are not behind TLS");
    let set = get(client, &address).await?;
    let keys = IssuerKeys::read(&set).map_err(|error| anyhow::anyhow!("{address}: {error}"))?;
    Ok((keys, set))
}

/// OpenID Connect Discovery 1.0, else RFC 8414.
async fn discover(client: &Client, url: &str) -> anyhow::Result<String> {
    let mut failure = None;
    for address in metadata(url) {
        match get(client, &address).await {
            Ok(metadata) => {
                let said = metadata.get("issuer").and_then(Value::as_str).unwrap_or_default();
                if said.trim_end_matches('/') != url {
                    bail!("{address} speaks for another issuer");
                }
                let keys = metadata.get("jwks_uri").and_then(Value::as_str);
                return keys.map(str::to_owned).with_context(|| format!("{address} does not say where the keys are"));
            }
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    Err(failure.unwrap_or_else(|| anyhow::anyhow!("`{url}` is no address")))
}

fn metadata(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default();
    let origin = url.strip_suffix(path).unwrap_or(url);
    vec![
        format!("{url}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

async fn get(client: &Client, address: &str) -> anyhow::Result<Value> {
    let mut response =
        client.get(address).send().await.map_err(reqwest::Error::without_url).context(address.to_owned())?;
    ensure!(response.status().is_success(), "{address} answers {}", response.status());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        ensure!(body.len() + chunk.len() <= MOST_BYTES, "{address} answers more than {MOST_BYTES} bytes");
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).with_context(|| format!("{address} does not answer JSON"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn metadata_lies_below_the_issuer_or_beside_its_path() {
        assert_eq!(
            metadata("https://login.example/realms/plant"),
            [
                "https://login.example/realms/plant/.well-known/openid-configuration",
                "https://login.example/.well-known/oauth-authorization-server/realms/plant"
            ]
        );
        assert_eq!(
            metadata("http://[::1]:80").last().unwrap(),
            "http://[::1]:80/.well-known/oauth-authorization-server"
        );
    }

    /// A server that answers each path as it is told; its address.
    async fn server(answer: fn(&str, &str) -> (u16, String)) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = url.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 2048];
                let read = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let (status, body) = answer(head.split(' ').nth(1).unwrap(), &own);
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} x\r\nLocation: /elsewhere\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        url
    }

    const KEYS: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    async fn asked(answer: fn(&str, &str) -> (u16, String)) -> String {
        let url = server(answer).await;
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        match ask(&client, &Source { name: String::new(), url, keys: None, signing: None }).await {
            Ok((keys, _)) => format!("{} keys", keys.len()),
            Err(error) => format!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn an_issuer_is_believed_only_about_itself_and_within_bounds() {
        let fine = asked(|path, url| match path {
            "/.well-known/openid-configuration" => (200, format!(r#"{{"issuer":"{url}/","jwks_uri":"{url}/keys"}}"#)),
            _ => (200, KEYS.to_owned()),
        });
        assert_eq!(fine.await, "1 keys");
        let beside = asked(|path, url| match path {
            "/.well-known/oauth-authorization-server" => {
                (200, format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}"#))
            }
            "/keys" => (200, KEYS.to_owned()),
            _ => (404, String::new()),
        });
        assert_eq!(beside.await, "1 keys");
        let another = asked(|_, url| (200, format!(r#"{{"issuer":"https://evil.example","jwks_uri":"{url}/keys"}}"#)));
        assert!(another.await.contains("speaks for another issuer"));
        let silent = asked(|_, url| (200, format!(r#"{{"issuer":"{url}"}}"#)));
        assert!(silent.await.contains("does not say where the keys are"));
        let page = asked(|path, url| match path {
            "/.well-known/openid-configuration" => (200, format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}"#)),
            _ => (200, "<html>".to_owned()),
        });
        assert!(page.await.contains("does not answer JSON"));
        let large = asked(|_, _| (200, "x".repeat(MOST_BYTES + 1)));
        assert!(large.await.contains("answers more than"));
        let elsewhere = asked(|_, _| (302, String::new()));
        assert!(elsewhere.await.contains("answers 302"));
        let empty = asked(|path, url| match path {
            "/.well-known/openid-configuration" => (200, format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}"#)),
            _ => (200, r#"{"keys":[]}"#.to_owned()),
        });
        assert!(empty.await.contains("none of the 0 keys can be used"));
    }

    #[test]
    fn unknown_keys_make_few_questions_and_failures_fewer() {
        let source = Source { name: "a".to_owned(), url: "https://a.example".to_owned(), keys: None, signing: None };
        let mut known = BTreeMap::new();
        declare(&mut known, vec![source.clone()]);
        assert_eq!(due(&mut known).len(), 1);
        assert_eq!(due(&mut known).len(), 0, "one at a time");
        let one = known.get_mut(&source.url).unwrap();
        assert!(!one.take(Err(anyhow::anyhow!("away"))));
        let first = one.due;
        one.take(Err(anyhow::anyhow!("away")));
        assert!(one.due > first, "longer each time");
        let figures = IssuerFigures::default();
        assert_eq!(figures.text(), "", "nobody is asked");
        figures.show(vec![one.figure().unwrap()]);
        for line in [
            "selvage_issuer_fetches_total{issuer=\"a\",outcome=\"answered\"} 0",
            "selvage_issuer_fetches_total{issuer=\"a\",outcome=\"failed\"} 2",
            "selvage_issuer_keys{issuer=\"a\"} 0",
            "selvage_issuer_unknown_keys_total{issuer=\"a\"} 0",
        ] {
            assert!(figures.text().lines().any(|it| it == line), "{line}: {}", figures.text());
        }
        assert!(!figures.text().contains("age_seconds{"), "it never showed any");
        assert!(!declare(&mut known, Vec::new()) && known.is_empty());
    }
}
