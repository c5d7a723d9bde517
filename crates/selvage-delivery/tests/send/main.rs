//! What is sent, as receivers see it: over real connections, to a receiver that does all that receivers do, by accident or by will.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod hostile;
mod peers;
mod receiver;
mod sent;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use selvage_delivery::send::Sender;
use selvage_delivery::{AddressPolicy, Endpoint, EndpointLimits, EndpointTls, Message, MessageId, Signing};

/// Two that both sides know, and one of which receivers have the other half.
const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=";
const PRIVATE: &str = "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn sender() -> Sender {
    Sender::new(Arc::new(|name| match name.0.as_str() {
        "hook/old" => Some(OLD.to_owned()),
        "hook/new" => Some(NEW.to_owned()),
        "hook/private" => Some(PRIVATE.to_owned()),
        "hook/unfit" => Some("hunter2".to_owned()),
        _ => None,
    }))
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        name: "wms/completed".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        signing: Signing::None,
        addresses: AddressPolicy { granted: vec!["127.0.0.0/8".parse().unwrap()] },
        tls: EndpointTls::default(),
        limits: EndpointLimits { rate: None, concurrency: 8, timeout: Duration::from_secs(2) },
    }
}

fn message(id: &str) -> Message {
    Message {
        id: MessageId::new(id),
        kind: "manufacturing.work-order.completed".to_owned(),
        content_type: "application/cloudevents+json",
        body: Bytes::from_static(
            br#"{"specversion":"1.0","sequence":"0001000000000000042","data":{"name":"R\u00e4der"}}"#,
        ),
        appended_at: Timestamp::UNIX_EPOCH,
        attempts_before: 0,
    }
}
