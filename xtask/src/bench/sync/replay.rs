//! The yardstick: recorded requests sent one after another by a plain client on one connection, each answer read to its end
//! and dropped. It understands nothing of them but their status.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::recorder::Recorded;

/// How long they take.
pub(super) async fn run(odoo: SocketAddr, requests: &[Recorded]) -> Result<Duration> {
    let began = Instant::now();
    let stream = TcpStream::connect(odoo).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    for request in requests {
        send(&mut sender, odoo, request).await?;
    }
    Ok(began.elapsed())
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, odoo: SocketAddr, recorded: &Recorded) -> Result<()> {
    let request = Request::post(recorded.path.as_str())
        .header("host", odoo.to_string())
        .header("content-type", "application/json")
        .body(Full::new(recorded.body.clone()))?;
    sender.ready().await.context("the connection was closed")?;
    let response = sender.send_request(request).await?;
    ensure!(response.status() == 200, "answered {}", response.status());
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}
