//! The secrets that prove calls of webhooks, from among the node's, for the release that runs. They are never printed.
//! INVARIANT: SECRET-FREE

use selvage_gateway::{WebhookKey, WebhookKeys};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};
use selvage_model::manifest::system::SecretName;

use super::release;

/// What proves the calls of each webhook of a fabric.
///
/// # Errors
/// The secrets that are not there, and those that their interface cannot use.
pub(crate) fn keys(fabric: &Fabric, secret: impl Fn(&SecretName) -> Option<String>) -> anyhow::Result<WebhookKeys> {
    let (mut keys, mut findings) = (WebhookKeys::new(), Vec::new());
    for (reference, interface) in &fabric.interfaces {
        let InterfaceBody::Webhook(webhook) = &interface.body else { continue };
        let is_served = matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_));
        let Some(signing) = webhook.signing.as_ref().filter(|_| is_served) else { continue };
        let own = keys.entry(reference.clone()).or_default();
        for name in &webhook.secrets {
            let called = &name.value.0;
            let Some(text) = secret(&name.value) else {
                let finding =
                    Finding::error(code::SECRET_ABSENT, &name.place, format!("the secret `{called}` is not there"));
                findings.push(finding.fix(format!("put `{called}` among the secrets that --secrets names")));
                continue;
            };
            match WebhookKey::new(&signing.value, &text) {
                Ok(key) => own.extend(key),
                // What it is stays out of the message.
                Err(error) => {
                    let message = format!("the secret `{called}` cannot prove calls of `{reference}`: {error}");
                    let finding = Finding::error(code::WEBHOOK_SECRET_UNFIT, &name.place, message);
                    findings.push(finding.fix("ask the sender how its secret is written, and put it there as it is"));
                }
            }
        }
    }
    if findings.is_empty() { Ok(keys) } else { Err(release::as_error(&findings)) }
}
