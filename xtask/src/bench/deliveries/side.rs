//! A node of the deliveries benchmark with its endpoints: its fabric, its publisher, and what arrived.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::receivers::{Receivers, now, secret};
use crate::daemon::Daemon;
use crate::selvage::Node;

const FABRIC: &str = include_str!("../../../fabrics/deliveries/fabric.yaml");
const LANES: u64 = 16;
/// So many events may be published at once.
const BATCH: usize = 250;
/// Nothing arrived for so long.
const SILENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One endpoint of ten dies.
pub(super) fn dies(number: usize) -> bool {
    number % 10 == 9
}

/// A node, whom it delivers to, and who publishes.
pub(super) struct Side {
    receivers: Receivers,
    publisher: SendRequest<Full<Bytes>>,
    key: String,
    /// How many events were published.
    published: usize,
    _node: Daemon,
}

impl Side {
    /// A node that delivers to so many endpoints; returns once each of them was delivered to.
    pub(super) async fn start(name: &str, endpoints: usize, directory: &Path) -> Result<Self> {
        let (bytes, text) = secret()?;
        let receivers = Receivers::start(endpoints, &bytes).await?;
        let fabric = directory.join(format!("{name}-fabric"));
        std::fs::create_dir_all(&fabric)?;
        std::fs::write(fabric.join("fabric.yaml"), manifests(&receivers, endpoints)?)?;
        let secrets = directory.join(format!("{name}-secrets"));
        std::fs::write(&secrets, format!("bench/hooks={text}\n"))?;
        let node = Node::embedded(name, &fabric, &directory.join(format!("{name}-data")))?;
        let node = node.with(&["--secrets", &secrets.display().to_string()]);
        let key = node.issue_key("bench-client")?;
        let daemon = node.start(directory).await?;
        let socket = TcpStream::connect(node.address).await?;
        socket.set_nodelay(true)?;
        let (publisher, driving) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(driving);
        let mut side = Self { receivers, publisher, key, published: 0, _node: daemon };
        side.publish(1).await?;
        side.arrived(|_| true).await?;
        side.receivers.take_times();
        Ok(side)
    }

    /// One endpoint of ten takes nothing any more.
    pub(super) fn die(&self) {
        self.receivers.die();
    }

    /// Publishes so many events as fast as it can, and says how many deliveries a second came of it at endpoints that are well.
    pub(super) async fn burst(&mut self, events: usize, endpoints: usize) -> Result<f64> {
        let began = Instant::now();
        let mut left = events;
        while left > 0 {
            let some = left.min(BATCH);
            self.publish(some).await?;
            left -= some;
        }
        self.arrived(|number| !dies(number)).await?;
        let deliveries = events * (0..endpoints).filter(|number| !dies(*number)).count();
        self.receivers.take_times();
        Ok(deliveries as f64 / began.elapsed().as_secs_f64())
    }

    /// Publishes so many events a second for so long, and says how long the deliveries to endpoints that are well took.
    pub(super) async fn paced(&mut self, rate: f64, seconds: u64) -> Result<Vec<Duration>> {
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        let ends = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < ends {
            ticks.tick().await;
            self.publish(1).await?;
        }
        self.arrived(|number| !dies(number)).await?;
        let times = self.receivers.take_times();
        ensure!(!times.is_empty(), "nothing was delivered");
        Ok(times)
    }

    /// Fails where something came that may not.
    pub(super) fn judge(&self) -> Result<()> {
        let wrong = self.receivers.wrong();
        ensure!(wrong.is_empty(), "{} deliveries were wrong: {}", wrong.len(), wrong.join("; "));
        Ok(())
    }

    async fn publish(&mut self, count: usize) -> Result<()> {
        let first = self.published as u64;
        let events: Vec<Value> = (first..first + count as u64).map(event).collect();
        let request = Request::post("/bench/v1/events")
            .header("host", "bench")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/cloudevents-batch+json")
            .body(Full::from(Value::from(events).to_string()))?;
        // A node opens its streams a moment after it is ready.
        let began = Instant::now();
        loop {
            self.publisher.ready().await?;
            let answer = self.publisher.send_request(request.clone()).await?;
            let status = answer.status().as_u16();
            let told = answer.into_body().collect().await?.to_bytes();
            match status {
                200 | 202 => break,
                503 if began.elapsed() < SILENCE => tokio::time::sleep(LOOK_EVERY * 20).await,
                _ => bail!("the node answers {status}: {}", String::from_utf8_lossy(&told)),
            }
        }
        self.published += count;
        Ok(())
    }

    /// Returns once these endpoints have everything that was published.
    async fn arrived(&self, of: impl Fn(usize) -> bool) -> Result<()> {
        let mut progress = (Instant::now(), 0);
        loop {
            let least = self.receivers.least(&of);
            if least >= self.published {
                return Ok(());
            }
            if least > progress.1 {
                progress = (Instant::now(), least);
            }
            ensure!(progress.0.elapsed() < SILENCE, "an endpoint has {least} of {} events", self.published);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn event(number: u64) -> Value {
    let machine = format!("line-{}", number % LANES);
    json!({
        "specversion": "1.0", "id": number.to_string(), "source": "/bench", "type": "bench.machine.stopped",
        "data": {"machine": machine, "number": number, "at": now(), "note": "x".repeat(300)},
    })
}

/// The fabric with a subscription for each endpoint.
fn manifests(receivers: &Receivers, endpoints: usize) -> Result<String> {
    let at = |text: String, name: &str, address: std::net::SocketAddr| text.replace(name, &address.to_string());
    let text = at(FABRIC.to_owned(), "WELL", receivers.well);
    let text = at(text, "REFUSING", receivers.refusing);
    let mut text = at(text, "SILENT", receivers.silent);
    // A thousand endpoints with eight messages each under way would need more sockets than a process commonly may have.
    let at_once = if endpoints > 100 { 1 } else { 8 };
    for number in 0..endpoints {
        let system = match (dies(number), number % 20 == 19) {
            (false, _) => "well",
            (true, true) => "silent",
            (true, false) => "refusing",
        };
        writeln!(
            text,
            "---\nkind: Subscription\nconsumer: bench-client\ninterface: bench@1\nname: e-{number}\n\
             events: [bench.machine.stopped]\nfrom: oldest\n\
             deliver: {{system: {system}, path: /hooks/{number}, signing: standard-webhooks, \
             secret: {{secret: bench/hooks}}, max_in_flight: {at_once}, timeout: 5s}}"
        )?;
    }
    Ok(text)
}
