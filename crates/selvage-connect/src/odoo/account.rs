//! The account by which a handle speaks: which user it is and which companies are its own. It never asks for what another
//! account may see.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer;
use super::call::{Call, CallClass, Scope};
use super::config::Secret;
use super::dialect::Dialect;
use super::failure::Failure;
use super::keys::Key;
use super::server::Server;
use super::{Odoo, execute};

/// An administrator may give the account another company, or take one away; that is noticed after so long.
const COMPANIES_FOR: Duration = Duration::from_secs(300);

/// The account's own companies, when last asked.
pub(super) type Own = Option<(Instant, Arc<[i64]>)>;

impl Odoo {
    /// Who the account is, by the key that the server accepts.
    pub(super) async fn log_in<'c>(&'c self, dialect: Dialect, mut key: Key<'c>) -> Result<i64, Failure> {
        loop {
            let user = match dialect {
                Dialect::Json2 => self.user_of_login(key).await,
                Dialect::JsonRpc | Dialect::XmlRpc => self.authenticate(dialect, key.secret).await,
            };
            match self.key_instead(key, &user) {
                Some(other) => key = other,
                None => return user,
            }
        }
    }

    /// Who the account is, in the older dialects: they log in.
    async fn authenticate(&self, dialect: Dialect, secret: &Secret) -> Result<i64, Failure> {
        let args = execute::authenticate(self.config(), secret)?;
        match self.serve(dialect, "common", "authenticate", &args).await? {
            Value::Bool(false) | Value::Null => Err(Failure::Unauthenticated),
            user => answer::id_of(&user).ok_or_else(|| Failure::protocol("authenticate did not answer with a user")),
        }
    }

    /// JSON-2 has no login step, so the user is looked up; a key that does not open the account is refused by this first call.
    async fn user_of_login(&self, key: Key<'_>) -> Result<i64, Failure> {
        let call = Call::read("res.users", "search_read", &Scope::default())
            .arg("domain", json!([["login", "=", self.config().login]]))
            .arg("fields", json!(["login"]));
        let users = answer::records(self.once(Dialect::Json2, key, 0, &call).await?)?;
        users.first().map_or(Err(Failure::Unauthenticated), |user| answer::id(user, "id"))
    }

    /// The call with its companies named: where it names none, those of the account, as Odoo itself would take them.
    pub(super) async fn in_companies(&self, server: &Server, mut call: Call) -> Result<Call, Failure> {
        if call.scope.companies.is_empty() {
            call.scope.companies = self.own_companies(server).await?.to_vec();
        }
        Ok(call)
    }

    /// The account's own companies, the one that it begins in first; none where it may not know them.
    async fn own_companies(&self, server: &Server) -> Result<Arc<[i64]>, Failure> {
        let known = self.inner.own.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, own)) = known.filter(|(asked, _)| asked.elapsed() < COMPANIES_FOR) {
            return Ok(own);
        }
        let call = Call::read("res.users", "read", &Scope::default())
            .on(&[server.user])
            .arg("fields", json!(["company_id", "company_ids"]));
        let mut key = self.key()?;
        let answer = loop {
            let answer = self.once(server.dialect, key, server.user, &call).await;
            match self.key_instead(key, &answer) {
                Some(other) => key = other,
                None => break answer,
            }
        };
        let own: Arc<[i64]> = match answer {
            Ok(answer) => answer::records(answer)?.first().map(companies_of).unwrap_or_default().into(),
            // Some accounts may not read this of themselves; Odoo then takes what they have without being told.
            Err(Failure::Refused { .. }) => Arc::from([]),
            Err(failure) => return Err(failure.before_sending()),
        };
        *self.inner.own.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&own)));
        Ok(own)
    }

    /// One exchange of a call as it stands, without repetition.
    async fn once(&self, dialect: Dialect, key: Key<'_>, user: i64, call: &Call) -> Result<Value, Failure> {
        let request = self.request(dialect, key, user, call)?;
        let reply = self.exchange(&request, CallClass::Read).await?;
        dialect.result(&reply, CallClass::Read)
    }
}

fn companies_of(user: &Value) -> Vec<i64> {
    let first = user.get("company_id").and_then(answer::id_of);
    let all = user.get("company_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let others = all.iter().filter_map(Value::as_i64).filter(|id| Some(*id) != first);
    first.into_iter().chain(others).collect()
}
