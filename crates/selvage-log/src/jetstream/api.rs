//! What is asked of JetStream, over the plain client: streams, publishes, reads, purges. Every wait is bounded.
//! The broker's own words: <https://github.com/nats-io/nats-architecture-and-design> (ADR-31 direct get, ADR-50 atomic batches).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_nats::header::HeaderMap;
use async_nats::{Client, ConnectOptions, Message, ServerInfo};
use selvage_model::event::MOST_BODY;
use selvage_model::name::InterfaceRef;
use selvage_store::BrokerStream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BrokerCredentials, JetStreamConfig, durability, lock};
use crate::error::LogError;

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Subjects of a stream, over which lanes are spread. Never changed: a lane stays on its subject.
pub(super) const PARTITIONS: usize = 16;
/// What a message has beside its body: headers with id, lane, checksum, batch.
const HEADERS: usize = 4_096;

/// The first server that publishes several messages or none; an older one takes them one by one, and tells nobody.
const OLDEST: (u32, u32) = (2, 12);

const NO_STREAM: u64 = 10_059;
const NO_MESSAGE: u64 = 10_037;
const WRONG_SEQUENCE: u64 = 10_071;
const WRONG_SEQUENCE_CONSTANT: u64 = 10_164;
const ANOTHER_CONFIGURATION: u64 = 10_058;

pub(super) struct Api {
    client: Client,
    config: JetStreamConfig,
    asked: Mutex<Asked>,
}

/// A connection to a server, unlike every other one to the same or another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Connection {
    server: String,
    client: u64,
}

/// What was asked whether it writes before it answers.
#[derive(Default)]
struct Asked {
    /// The connection after which it was asked.
    connection: Option<Connection>,
    /// The servers that do, by name; `None` where somebody answers for all of them.
    servers: Option<BTreeSet<String>>,
}

/// How a stream stands at the broker.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct State {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) bytes: u64,
    /// When it was made: another one under its name was made at another time.
    #[serde(skip)]
    pub(super) made: String,
}

impl State {
    /// As the store knows it.
    pub(super) fn found(&self) -> BrokerStream<'_> {
        BrokerStream { last: self.last_seq, made: &self.made }
    }
}

/// A message to be published.
pub(super) struct Outgoing {
    pub(super) partition: usize,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What came of publishing.
pub(super) enum Published {
    /// The last message has this sequence; the others stand right before it.
    Last(u64),
    /// The stream's last sequence is another than expected: somebody published, or the broker lost something.
    Overtaken,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    allow_atomic: bool,
}

#[derive(Deserialize)]
struct Reply {
    error: Option<Failure>,
    state: Option<State>,
    created: Option<String>,
    config: Option<Config>,
    seq: Option<u64>,
    count: Option<u64>,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    name: String,
}

impl Api {
    /// Connects, and asks what has to be known of a broker before it is used.
    pub(super) async fn connect(config: &JetStreamConfig) -> Result<Self, LogError> {
        let servers: Vec<&str> = config.url.split(',').collect();
        let client = options(config)?.connect(servers.as_slice()).await;
        let client = client.map_err(|error| LogError::unavailable(format!("cannot connect to NATS: {error}")))?;
        let api = Self { client, config: config.clone(), asked: Mutex::default() };
        api.confirm().await?;
        Ok(api)
    }

    /// The present connection, whose server was asked. Another server may be at its end after each break, and the same one may have
    /// been started anew with other settings: all of them are asked again.
    ///
    /// INVARIANT: DURABLE-ACK
    pub(super) async fn confirm(&self) -> Result<Connection, LogError> {
        let connection = self.connection();
        if lock(&self.asked).connection.as_ref() == Some(&connection) {
            return Ok(connection);
        }
        fit(&self.client.server_info())?;
        let servers = durability::check(&self.config).await?;
        *lock(&self.asked) = Asked { connection: Some(connection.clone()), servers };
        Ok(connection)
    }

    fn connection(&self) -> Connection {
        let info = self.client.server_info();
        Connection { server: info.server_id, client: info.client_id }
    }

    /// Whether every server that keeps the stream was asked.
    fn kept_safely(&self, cluster: Option<&Cluster>) -> Result<(), LogError> {
        let (asked, Some(cluster)) = (lock(&self.asked), cluster) else { return Ok(()) };
        let Some(asked) = &asked.servers else { return Ok(()) };
        let mut keepers = cluster.leader.iter().chain(cluster.replicas.iter().map(|replica| &replica.name));
        match keepers.find(|keeper| !asked.contains(*keeper)) {
            None => Ok(()),
            Some(keeper) => Err(LogError::BrokerUnsafe {
                reason: format!("server `{keeper}` keeps the stream, and its monitoring address was not named"),
            }),
        }
    }

    /// Makes a stream, or finds it as it has to be.
    pub(super) async fn open(&self, stream: &InterfaceRef) -> Result<State, LogError> {
        let name = self.name(stream);
        let config = json!({
            "name": name, "subjects": [format!("{}.*", self.subject(stream))], "storage": "file", "retention": "limits",
            "discard": "new", "num_replicas": self.config.replicas, "deny_delete": true, "allow_direct": true, "allow_atomic": true,
            "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msg_size": -1,
            "duplicate_window": self.config.duplicate_window.as_nanos() as u64,
        });
        match self.ask(&format!("STREAM.CREATE.{name}"), &config).await? {
            // Who keeps it is told when it is looked at, and not when it is made.
            Reply { error: None, config: Some(Config { allow_atomic: true }), .. } => {
                let (state, cluster) = self.find(stream).await?.ok_or_else(|| self.gone(stream))?;
                self.kept_safely(cluster.as_ref()).map(|()| state)
            }
            Reply { error: None, .. } => {
                Err(LogError::BrokerUnfit { reason: format!("its stream `{name}` does not take batches whole") })
            }
            Reply { error: Some(failure), .. } if failure.err_code == ANOTHER_CONFIGURATION => {
                let reason = format!("its stream `{name}` is not configured as Selvage would: {}", failure.description);
                Err(LogError::BrokerUnfit { reason })
            }
            Reply { error: Some(failure), .. } => Err(refused(&failure)),
        }
    }

    /// How a stream stands.
    pub(super) async fn info(&self, stream: &InterfaceRef) -> Result<State, LogError> {
        self.find(stream).await?.map(|(state, _)| state).ok_or_else(|| self.gone(stream))
    }

    fn gone(&self, stream: &InterfaceRef) -> LogError {
        LogError::BrokerUnfit { reason: format!("its stream `{}` is gone", self.name(stream)) }
    }

    /// How a stream stands that is written to: it is made where it is gone, and every server that keeps it was asked.
    pub(super) async fn info_or_open(&self, stream: &InterfaceRef) -> Result<State, LogError> {
        // A server without a name of its own has another one each time that it starts.
        self.confirm().await?;
        match self.find(stream).await? {
            Some((state, cluster)) => self.kept_safely(cluster.as_ref()).map(|()| state),
            None => self.open(stream).await,
        }
    }

    async fn find(&self, stream: &InterfaceRef) -> Result<Option<(State, Option<Cluster>)>, LogError> {
        let reply = self.ask(&format!("STREAM.INFO.{}", self.name(stream)), &json!({})).await?;
        match reply {
            Reply { error: Some(failure), .. } if failure.err_code == NO_STREAM => Ok(None),
            Reply { error: Some(failure), .. } => Err(refused(&failure)),
            Reply { state: Some(state), created: Some(made), cluster, .. } => {
                Ok(Some((State { made, ..state }, cluster)))
            }
            Reply { .. } => Err(LogError::unavailable("the broker told no state")),
        }
    }

    /// Whether the leader has a message with this sequence.
    pub(super) async fn has(&self, stream: &InterfaceRef, sequence: u64) -> Result<bool, LogError> {
        let reply = self.ask(&format!("STREAM.MSG.GET.{}", self.name(stream)), &json!({"seq": sequence})).await?;
        match reply.error {
            None => Ok(true),
            Some(failure) if failure.err_code == NO_MESSAGE => Ok(false),
            Some(failure) => Err(refused(&failure)),
        }
    }

    /// Messages from a sequence on, as many as one replica gives at once.
    pub(super) async fn messages(
        &self,
        stream: &InterfaceRef,
        from: u64,
        records: usize,
        bytes: usize,
    ) -> Result<Vec<Message>, LogError> {
        use futures_util::StreamExt as _;
        let inbox = self.client.new_inbox();
        let mut answers = within(self.client.subscribe(inbox.clone())).await?;
        let asked = json!({"seq": from, "batch": records, "max_bytes": bytes}).to_string().into_bytes();
        within(self.client.publish_with_reply(self.direct(stream), inbox, asked.into())).await?;
        let mut messages = Vec::new();
        loop {
            let answer = tokio::time::timeout(ANSWER_WITHIN, answers.next()).await;
            let Ok(Some(message)) = answer else {
                return Err(LogError::unavailable("the broker does not answer a read"));
            };
            match message.status.map(|status| status.as_u16()) {
                None | Some(200) => messages.push(message),
                Some(204 | 404) => return Ok(messages),
                Some(status) => return Err(LogError::unavailable(format!("the broker answers a read with {status}"))),
            }
        }
    }

    /// Publishes messages, all of them or none, where the stream's last sequence is the expected one. What another connection than the
    /// one that was confirmed answers is no answer.
    pub(super) async fn publish(
        &self,
        stream: &InterfaceRef,
        connection: &Connection,
        expected: u64,
        mut messages: Vec<Outgoing>,
    ) -> Result<Published, LogError> {
        if let Some(first) = messages.first_mut() {
            first.headers.insert("Nats-Expected-Last-Sequence", expected.to_string());
        }
        let Some(mut last) = messages.pop() else { return Ok(Published::Last(expected)) };
        let batch = uuid::Uuid::new_v4().simple().to_string();
        let subject = |partition: usize| format!("{}.{partition}", self.subject(stream));
        let before = messages.len();
        for (index, mut message) in messages.into_iter().enumerate() {
            number(&mut message, &batch, index + 1);
            let publishing =
                self.client.publish_with_headers(subject(message.partition), message.headers, message.body.into());
            within(publishing).await?;
        }
        if before > 0 {
            number(&mut last, &batch, before + 1);
            last.headers.insert("Nats-Batch-Commit", "1");
        }
        let answer = self.request(&subject(last.partition), last.headers, last.body).await?;
        let reply: Reply = decode(&answer)?;
        if self.connection() != *connection {
            return Err(LogError::unavailable("the connection broke meanwhile"));
        }
        match (reply.error, reply.seq) {
            (Some(failure), _) if matches!(failure.err_code, WRONG_SEQUENCE | WRONG_SEQUENCE_CONSTANT) => {
                Ok(Published::Overtaken)
            }
            (Some(failure), _) => Err(refused(&failure)),
            (None, Some(_)) if before > 0 && reply.count != Some(before as u64 + 1) => {
                Err(LogError::BrokerUnfit { reason: "it did not take a batch whole".to_owned() })
            }
            (None, Some(sequence)) => Ok(Published::Last(sequence)),
            (None, None) => Err(LogError::unavailable("the broker acknowledged nothing")),
        }
    }

    /// Takes everything before a sequence.
    pub(super) async fn purge(&self, stream: &InterfaceRef, before: u64) -> Result<(), LogError> {
        let reply = self.ask(&format!("STREAM.PURGE.{}", self.name(stream)), &json!({"seq": before})).await?;
        reply.error.map_or(Ok(()), |failure| Err(refused(&failure)))
    }

    fn name(&self, stream: &InterfaceRef) -> String {
        format!("{}-{}-v{}", self.config.prefix, stream.name, stream.major)
    }

    fn subject(&self, stream: &InterfaceRef) -> String {
        format!("{}.{}.v{}", self.config.prefix, stream.name, stream.major)
    }

    fn direct(&self, stream: &InterfaceRef) -> String {
        format!("$JS.API.DIRECT.GET.{}", self.name(stream))
    }

    async fn ask(&self, what: &str, content: &Value) -> Result<Reply, LogError> {
        let content = content.to_string().into_bytes();
        decode(&self.request(&format!("$JS.API.{what}"), HeaderMap::new(), content).await?)
    }

    async fn request(&self, subject: &str, headers: HeaderMap, content: Vec<u8>) -> Result<Message, LogError> {
        within(self.client.request_with_headers(subject.to_owned(), headers, content.into())).await
    }
}

/// How the client connects.
fn options(config: &JetStreamConfig) -> Result<ConnectOptions, LogError> {
    let mut options = ConnectOptions::new().name("selvage").connection_timeout(ANSWER_WITHIN);
    options = match config.credentials.clone() {
        Some(BrokerCredentials::User { user, password }) => options.user_and_password(user, password),
        Some(BrokerCredentials::Token(token)) => options.token(token),
        Some(BrokerCredentials::Seed(seed)) => options.nkey(seed),
        Some(BrokerCredentials::Account(account)) => options.credentials(&account).map_err(|_| {
            LogError::BrokerUnfit { reason: "the credentials of its account cannot be read".to_owned() }
        })?,
        None => options,
    };
    if let Some(authorities) = config.tls.authorities.clone() {
        // Who names authorities does not want to be talked out of them.
        options = options.require_tls(true).add_root_certificates(authorities);
    }
    if let Some((certificate, key)) = config.tls.certificate.clone() {
        options = options.require_tls(true).add_client_certificate(certificate, key);
    }
    Ok(options)
}

/// What is handed to the client may wait as long as the broker is away.
async fn within<T, E: std::error::Error>(work: impl Future<Output = Result<T, E>>) -> Result<T, LogError> {
    match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Ok(answer) => answer.map_err(|error| lost(&error)),
        Err(_) => Err(LogError::unavailable("the broker does not answer")),
    }
}

/// Whether a server takes batches, and messages as large as an event may be.
fn fit(info: &ServerInfo) -> Result<(), LogError> {
    let mut version = info.version.split('.').map_while(|part| part.parse::<u32>().ok());
    if (version.next(), version.next()) < (Some(OLDEST.0), Some(OLDEST.1)) {
        let reason = format!("its version is {}, and 2.12 or later is needed", info.version);
        return Err(LogError::BrokerUnfit { reason });
    }
    let most = info.max_payload;
    if most < MOST_BODY + HEADERS {
        return Err(LogError::BrokerUnfit {
            reason: format!("its `max_payload` is {most}, less than an event may have"),
        });
    }
    Ok(())
}

fn number(message: &mut Outgoing, batch: &str, number: usize) {
    message.headers.insert("Nats-Batch-Id", batch);
    message.headers.insert("Nats-Batch-Sequence", number.to_string());
}

/// A header's value.
pub(super) fn header<'a>(message: &'a Message, name: &str) -> Result<&'a str, LogError> {
    let value = message.headers.as_ref().and_then(|headers| headers.get(name));
    value.map(|value| value.as_str()).ok_or_else(|| LogError::unavailable(format!("a message has no header `{name}`")))
}

fn decode(message: &Message) -> Result<Reply, LogError> {
    serde_json::from_slice(&message.payload).map_err(|_| LogError::unavailable("the answer is not JetStream's"))
}

fn refused(failure: &Failure) -> LogError {
    // Insufficient resources, of the server or the account, and storage that fails.
    let full = matches!(failure.err_code, 10_002 | 10_023 | 10_047 | 10_077);
    if full {
        LogError::Full { source: None }
    } else {
        LogError::unavailable(format!("the broker says: {}", failure.description))
    }
}

fn lost(error: &dyn std::error::Error) -> LogError {
    LogError::unavailable(format!("the broker: {error}"))
}
