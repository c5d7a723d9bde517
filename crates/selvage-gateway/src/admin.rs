//! The listener for operators: `/metrics`, `/decide`, `/livez`, `/readyz`. Apart from the data path, since metrics name consumers
//! and interfaces, which outsiders need not know.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::answer;
use crate::body::Reply;
use crate::explain::{Question, explain_request};
use crate::exposition;
use crate::path;
use crate::refusal::Refusal;
use crate::worker::Shared;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// Serves operators until told to stop.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&shared);
                    let service = service_fn(move |request| std::future::ready(answer(&shared, &request)));
                    let mut builder = Builder::new();
                    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    tokio::task::spawn_local(async move {
                        let _ = connection.await;
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            _ = stop.changed() => return,
        }
    }
}

fn answer(shared: &Shared, request: &Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    Ok(match request.uri().path() {
        "/metrics" => {
            let mut response = Response::new(Reply::whole(exposition::metrics(shared)));
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        "/decide" => decide(shared, request.uri().query()),
        "/livez" => answer::text(StatusCode::OK, "ok\n", answer::PLAIN),
        "/readyz" => match shared.unready() {
            Some(why) => answer::text(StatusCode::SERVICE_UNAVAILABLE, why, answer::PLAIN),
            None => answer::text(StatusCode::OK, "ok\n", answer::PLAIN),
        },
        _ => answer::text(StatusCode::NOT_FOUND, "not found\n", answer::PLAIN),
    })
}

/// `/decide?as=CONSUMER&method=GET&path=/…[&at=TIME]`: how this node would decide, by what it runs now. Nothing is spent.
fn decide(shared: &Shared, query: Option<&str>) -> Response<Reply> {
    let Some(question) = question(query) else {
        let detail =
            "ask as /decide?as=CONSUMER&method=GET&path=/interface/v1/things, with &at=TIME for another time\n";
        return answer::text(StatusCode::BAD_REQUEST, detail, answer::PLAIN);
    };
    let snapshot = Arc::clone(&shared.live.load().snapshot);
    let mut explanation = explain_request(&snapshot, &question);
    let path = question.path.split('?').next().unwrap_or_default();
    let deaf = shared.books.deaf(shared.books.nanos(Instant::now()));
    // What this node can hear is known here alone.
    if explanation.passes() && snapshot.route(path).is_some_and(|(served, _)| deaf > served.serves_for) {
        explanation.was_refused(&Refusal::unheard(deaf).problem);
    }
    match serde_json::to_value(&explanation) {
        Ok(body) => answer::json(StatusCode::OK, &body, "application/json"),
        Err(_) => answer::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn question(query: Option<&str>) -> Option<Question> {
    let parameters = path::decode_query(query)?;
    let find = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    Some(Question {
        consumer: find("as")?.parse().ok()?,
        method: Method::from_bytes(find("method")?.as_bytes()).ok()?,
        path: find("path").filter(|path| path.starts_with('/'))?.to_owned(),
        at: find("at").map(str::parse).transpose().ok()?.unwrap_or_else(Timestamp::now),
    })
}
