//! A way to the broker that can lose its answers: what is asked arrives, what is answered does not, and then the line breaks. It can
//! also let nobody through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// The next answer is lost.
    losing: Arc<AtomicBool>,
    pub(crate) lost: Arc<AtomicUsize>,
    /// New connections end at once.
    denying: Arc<AtomicBool>,
}

/// The monitoring address of a server that writes before it answers.
pub(crate) struct Monitoring;

impl Monitoring {
    /// Its address, where the server has this name.
    pub(crate) async fn of(name: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let body = format!(r#"{{"server_name": "{name}", "jetstream": {{"config": {{"sync_always": true}}}}}}"#);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let _ = client.read(&mut [0; 4_096]).await;
                let _ = client.write_all(answer.as_bytes()).await;
            }
        });
        address
    }
}

impl Proxy {
    pub(crate) async fn to(server: &str) -> Self {
        let server = server.split_once("://").unwrap().1.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let proxy = Self { url, losing: Arc::default(), lost: Arc::default(), denying: Arc::default() };
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if serving.denying.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(serving.clone().carry(client, server));
            }
        });
        proxy
    }

    /// From now on the next answer is lost, and with it the connection.
    pub(crate) fn lose_an_answer(&self) {
        self.losing.store(true, Ordering::SeqCst);
    }

    /// From now on nobody gets through anew.
    pub(crate) fn deny(&self) {
        self.denying.store(true, Ordering::SeqCst);
    }

    /// Everybody gets through again.
    pub(crate) fn allow(&self) {
        self.denying.store(false, Ordering::SeqCst);
    }

    async fn carry(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(length @ 1..) = read else { return };
                    server.write_all(&asked[..length]).await.unwrap();
                }
                read = server.read(&mut answered) => {
                    let Ok(length @ 1..) = read else { return };
                    if self.losing.swap(false, Ordering::SeqCst) {
                        self.lost.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    client.write_all(&answered[..length]).await.unwrap();
                }
            }
        }
    }
}
