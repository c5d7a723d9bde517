//! A receiver of webhooks that misbehaves as it is told, message by message: refuses, hangs, is late, takes a message and loses the
//! answer, or does not listen at all. It keeps what it got, and judges nothing.

use std::future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// The longest head and body together that it hears.
const MOST_BYTES: usize = 4 * 1024 * 1024;
const BACKLOG: u32 = 128;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It is taken, and the answer says so.
    Take,
    /// It is taken, and the answer comes after so long.
    TakeLate(Duration),
    /// It is taken, and the answer is lost: the connection ends.
    TakeSilently,
    /// It is not taken, and this status is answered.
    Refuse(u16),
    /// It is not taken, and nothing is answered for as long as the sender waits.
    Hang,
}

impl Conduct {
    /// Whether the receiver has the message then, whatever its sender knows.
    pub fn takes(self) -> bool {
        matches!(self, Self::Take | Self::TakeLate(_) | Self::TakeSilently)
    }
}

/// A message as it came, and what became of it.
#[derive(Clone, Debug)]
pub struct Got {
    /// The path that it was sent to.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// What became of it.
    pub conduct: Conduct,
}

impl Got {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the receiver does with a message; its `conduct` is not known yet.
pub type Conducting = Arc<dyn Fn(&Got) -> Conduct + Send + Sync>;

/// A receiver; it ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    conducting: Conducting,
    got: Arc<Mutex<Vec<Got>>>,
    /// Until it listens.
    socket: Option<TcpSocket>,
    serving: JoinSet<()>,
}

impl Receiver {
    /// One that has a port of this machine and does not listen there yet: whoever connects is refused.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn closed(conducting: Conducting) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        Ok(Self { address, conducting, got: Arc::default(), socket: Some(socket), serving: JoinSet::new() })
    }

    /// Listens from now on. Called within a runtime.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn open(&mut self) -> io::Result<()> {
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let listener = socket.listen(BACKLOG)?;
        self.serving.spawn(accept(listener, Arc::clone(&self.conducting), Arc::clone(&self.got)));
        Ok(())
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came, in the order in which it came.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn accept(listener: TcpListener, conducting: Conducting, got: Arc<Mutex<Vec<Got>>>) {
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(serving.spawn(serve(stream, Arc::clone(&conducting), Arc::clone(&got)))),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = serving.join_next() => {}
        }
    }
}

/// One message after the other, until the connection ends.
async fn serve(mut stream: TcpStream, conducting: Conducting, got: Arc<Mutex<Vec<Got>>>) {
    let mut bytes = Vec::new();
    while let Some(mut message) = hear(&mut stream, &mut bytes).await {
        let conduct = {
            // Under the lock: what is decided of a message and what is kept of it are in one order.
            let mut got = got.lock().unwrap_or_else(PoisonError::into_inner);
            message.conduct = conducting(&message);
            let conduct = message.conduct;
            got.push(message);
            conduct
        };
        let status = match conduct {
            Conduct::Take => 204,
            Conduct::TakeLate(late) => {
                tokio::time::sleep(late).await;
                204
            }
            Conduct::TakeSilently => return,
            Conduct::Refuse(status) => status,
            Conduct::Hang => return future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
        let answer = if status == 204 { "HTTP/1.1 204 So\r\n\r\n".to_owned() } else { answer };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn hear(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Got> {
    let (end, mut got, length) = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let got = head(bytes.get(..end)?)?;
            let length: usize = got.header("content-length")?.parse().ok()?;
            break (end + 4, got, length);
        }
        more(stream, bytes).await?;
    };
    while bytes.len() < end + length {
        more(stream, bytes).await?;
    }
    got.body = bytes.get(end..end + length)?.to_vec();
    bytes.drain(..end + length);
    Some(got)
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0 && bytes.len() <= MOST_BYTES).then_some(())
}

fn head(bytes: &[u8]) -> Option<Got> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>()?;
    Some(Got { path, headers, body: Vec::new(), conduct: Conduct::Take })
}
