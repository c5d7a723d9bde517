//! The three dialects of Odoo's external interface and how one is chosen: by asking, unless the configuration says.
//! What a call means is the same in all of them.

use serde_json::Value;

use super::call::{Call, CallClass};
use super::failure::{Failure, Refusal};
use super::keys::Key;
use super::server::OdooVersion;
use super::wire::{Reply, Request};
use super::{Odoo, classify, execute, json2, jsonrpc, server, xmlrpc};

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `/jsonrpc`, up to 18 (and still there in later ones).
    JsonRpc,
    /// `/json/2`, from 19.
    Json2,
    /// `/xmlrpc/2`, as long as JSON-RPC, for servers where that is closed.
    XmlRpc,
}

impl Dialect {
    /// What a reply means.
    pub(super) fn result(self, reply: &Reply, class: CallClass) -> Result<Value, Failure> {
        match self {
            Self::JsonRpc => jsonrpc::result(reply, class),
            Self::Json2 => json2::result(reply, class),
            Self::XmlRpc => xmlrpc::result(reply, class),
        }
    }
}

/// The statuses of a server, or of the proxy before it, that does not have an address or does not let anyone to it.
const CLOSED: [u16; 4] = [403, 404, 405, 410];

impl Odoo {
    /// The version of the server and the dialect to speak: JSON-2 where it has it, JSON-RPC otherwise, and XML-RPC where
    /// that is closed.
    pub(super) async fn choose(&self) -> Result<(OdooVersion, Dialect), Failure> {
        match self.config().dialect {
            Some(Dialect::Json2) => {
                let version = self.web_version().await?;
                let version = version.ok_or_else(|| Failure::protocol("the server does not say its version"))?;
                return Ok((version, Dialect::Json2));
            }
            Some(dialect) => return Ok((self.common_version(dialect).await?, dialect)),
            None => {}
        }
        if let Some(version) = self.web_version().await?.filter(has_json2) {
            return Ok((version, Dialect::Json2));
        }
        let asked = self.exchange(&jsonrpc::request("common", "version", &[]), CallClass::Read).await?;
        let (told, dialect) = if CLOSED.contains(&asked.status) {
            let told = self.serve(Dialect::XmlRpc, "common", "version", &[]).await;
            // Where neither is there, the better known one is what the message is about.
            (told.map_err(|_| classify::status(asked.status, CallClass::Read))?, Dialect::XmlRpc)
        } else {
            (jsonrpc::result(&asked, CallClass::Read)?, Dialect::JsonRpc)
        };
        let version = server::version_of(&told)?;
        let dialect = if has_json2(&version) { Dialect::Json2 } else { dialect };
        Ok((version, dialect))
    }

    async fn common_version(&self, dialect: Dialect) -> Result<OdooVersion, Failure> {
        server::version_of(&self.serve(dialect, "common", "version", &[]).await?)
    }

    /// A method of a service that is no model's, which the older dialects have.
    pub(super) async fn serve(
        &self,
        dialect: Dialect,
        service: &str,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Failure> {
        let reply = self.exchange(&self.service(dialect, service, method, args)?, CallClass::Read).await?;
        dialect.result(&reply, CallClass::Read)
    }

    /// The request of a call.
    pub(super) fn request(&self, dialect: Dialect, key: Key<'_>, user: i64, call: &Call) -> Result<Request, Failure> {
        if dialect == Dialect::Json2 {
            return Ok(json2::request(key, self.lang(), call));
        }
        let args = execute::execute_kw(self.config(), key.secret, self.lang(), user, call)?;
        let request = self.service(dialect, "object", "execute_kw", &args)?;
        Ok(Request { sent_by: Some(key.mark), ..request })
    }

    fn service(&self, dialect: Dialect, service: &str, method: &str, args: &[Value]) -> Result<Request, Failure> {
        match dialect {
            Dialect::JsonRpc => Ok(jsonrpc::request(service, method, args)),
            Dialect::XmlRpc => xmlrpc::request(service, method, args),
            Dialect::Json2 => Err(Failure::refused(Refusal::Unsendable, "JSON-2 has no services beside its models")),
        }
    }
}

fn has_json2(version: &OdooVersion) -> bool {
    version.major >= 19
}
