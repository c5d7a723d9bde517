//! A receiver that is told byte for byte what to do, and says what it got.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A message as it came: its head, lines in lower case, and its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Got {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Answering = Arc<dyn Fn(TcpStream, usize) -> Pin<Box<dyn Future<Output = Option<TcpStream>> + Send>> + Send + Sync>;

/// It ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Receiver {
    /// One that answers each message with these bytes.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::doing(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move { stream.write_all(&answer).await.ok().map(|()| stream) }
        })
        .await
    }

    /// One that answers with this status.
    pub(crate) async fn status(status: &str) -> Self {
        Self::saying(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await
    }

    /// One that does this with the connection once it has a message, which has this number; it goes on where it gets it back.
    pub(crate) async fn doing<F, Doing>(doing: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Doing + Send + Sync + 'static,
        Doing: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        let doing: Answering = Arc::new(move |stream, number| Box::pin(doing(stream, number)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (got, connections) = (Arc::<Mutex<Vec<Got>>>::default(), Arc::<AtomicUsize>::default());
        let (seen, count) = (Arc::clone(&got), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&doing), Arc::clone(&seen)));
            }
        });
        Self { address, got, connections, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks/in", self.address)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, doing: Answering, seen: Arc<Mutex<Vec<Got>>>) {
    let mut bytes = Vec::new();
    while let Some(got) = hear(&mut stream, &mut bytes).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(got);
            seen.len()
        };
        match doing(stream, number).await {
            Some(back) => stream = back,
            None => return,
        }
    }
}

async fn hear(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Got> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut got = Got { line, headers, body: Vec::new() };
    let length: usize = got.header("content-length").unwrap().parse().unwrap();
    while bytes.len() < end + 4 + length {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    got.body = bytes[end + 4..end + 4 + length].to_vec();
    bytes.drain(..end + 4 + length);
    Some(got)
}
