//! The database behind the server: accounts, tables, faults and journal, and the transaction around each call.
//! A call is all or nothing; one runs at a time, and none waits for the network.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value as Json, json};

use super::automation::{Automation, Delivery, Rule};
use super::call::Call;
use super::execute::Answer;
use super::fault::Faults;
use super::hidden::{self, Hidden};
use super::journal::{Journal, JournalEntry};
use super::refusal::Refusal;
use super::schema::Model;
use super::seed;
use super::store::Store;
use super::transaction::{Environment, Rights, Transaction};
use super::value::{Id, Stamp, Value, float};
use super::webhook::{Inbound, Sender};
use super::{Account, OdooConfig, OdooVersion};

/// An account with the user that it opens.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: Id,
    pub(crate) name: String,
    pub(crate) account: Account,
}

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) version: OdooVersion,
    pub(crate) name: String,
    logins: Mutex<Vec<Login>>,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    hidden: Mutex<Vec<Hidden>>,
    calls: AtomicU64,
    /// Microseconds by which the clock is before the machine's.
    ahead: AtomicI64,
    rules: Mutex<Vec<Rule>>,
    inbound: Mutex<Vec<Inbound>>,
    longest: Mutex<Option<Duration>>,
    /// Posts what rules have to tell.
    pub(crate) sender: Sender,
}

impl Database {
    /// Makes the database with its seed.
    pub(crate) fn open(config: &OdooConfig) -> Result<Self, String> {
        let mut store = Store::default();
        let logins = seed::fill(&mut store, config).map_err(|refusal| refusal.message)?;
        store.commit();
        Ok(Self {
            version: config.version,
            name: config.database.clone(),
            logins: Mutex::new(logins),
            store: Mutex::new(store),
            faults: Mutex::default(),
            journal: Mutex::default(),
            hidden: Mutex::default(),
            calls: AtomicU64::new(0),
            ahead: AtomicI64::new(micros(config.clock)),
            rules: Mutex::default(),
            inbound: Mutex::default(),
            longest: Mutex::new(config.longest_transaction),
            sender: Sender::default(),
        })
    }

    /// The moment of the database's own clock.
    pub(crate) fn now(&self) -> Stamp {
        Stamp::now().plus_micros(self.ahead.load(Ordering::Relaxed))
    }

    /// From now on the clock is so much before the machine's, or behind it.
    pub(crate) fn set_clock(&self, ahead: SignedDuration) {
        self.ahead.store(micros(ahead), Ordering::Relaxed);
    }

    /// The login that password or key open.
    pub(crate) fn login(&self, name: &str, key: &str) -> Option<Login> {
        self.who(|login| login.account.login == name && login.account.key == key)
    }

    /// The user with that id, if the key is its own.
    pub(crate) fn user(&self, id: i64, key: &str) -> Option<Login> {
        self.who(|login| login.user.0 == id && login.account.key == key)
    }

    /// The user that the key alone names.
    pub(crate) fn bearer(&self, key: &str) -> Option<Login> {
        self.who(|login| login.account.key == key)
    }

    fn who(&self, is_meant: impl Fn(&Login) -> bool) -> Option<Login> {
        lock(&self.logins).iter().find(|login| is_meant(login)).cloned()
    }

    /// Gives an account another key; the one before opens nothing from now on.
    pub(crate) fn change_key(&self, name: &str, key: &str) {
        for login in lock(&self.logins).iter_mut().filter(|login| login.account.login == name) {
            key.clone_into(&mut login.account.key);
        }
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub(crate) fn hidden(&self) -> MutexGuard<'_, Vec<Hidden>> {
        lock(&self.hidden)
    }

    /// Runs a call of a transaction that `started` then, and commits it, or rolls all of it back; and what rules have to tell
    /// of it.
    pub(crate) fn run(&self, login: &Login, call: &Call, started: Stamp) -> (Result<Answer, Refusal>, Vec<Delivery>) {
        match self.transact(login, call, started) {
            Ok((answer, deliveries)) => (Ok(answer), deliveries),
            Err(refusal) => (Err(refusal), Vec::new()),
        }
    }

    fn transact(&self, login: &Login, call: &Call, started: Stamp) -> Result<(Answer, Vec<Delivery>), Refusal> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let hidden = self.hidden().clone();
        hidden::refuse(&hidden, self.version, login, call)?;
        let mut store = lock(&self.store);
        // What a call that panicked left behind.
        store.rollback();
        let env = self.environment(&store, login, call, started)?;
        let mut tx = Transaction { store: &mut store, env };
        let outcome = tx.execute(call);
        let made = outcome.as_ref().map(|answer| tx.new_logins(call, answer)).unwrap_or_default();
        let deliveries = if outcome.is_ok() { tx.deliveries(&lock(&self.rules), call) } else { Vec::new() };
        if outcome.is_err() {
            store.rollback();
        } else {
            let changed = store.commit();
            lock(&self.logins).extend(made);
            if !call.method.reads() {
                self.journal().append(entry(login, call, &outcome, changed));
            }
        }
        outcome.map(|answer| (hidden::without(&hidden, login, call, answer), deliveries))
    }

    /// Puts a rule in force.
    pub(crate) fn automate(&self, automation: &Automation) -> Result<i64, String> {
        let admin = self.admin()?;
        let mut store = lock(&self.store);
        let env = Environment {
            version: self.version,
            user: admin.user,
            user_name: admin.name,
            rights: Rights::Admin,
            companies: store.ids(Model::Company),
            context: Map::new(),
            now: self.now(),
        };
        let rule = Transaction { store: &mut store, env }.add_rule(automation).map_err(|refusal| refusal.message)?;
        store.commit();
        let id = rule.id.0;
        lock(&self.rules).push(rule);
        Ok(id)
    }

    /// How long a call may last.
    pub(crate) fn longest(&self) -> Option<Duration> {
        *lock(&self.longest)
    }

    pub(crate) fn set_longest(&self, longest: Option<Duration>) {
        *lock(&self.longest) = longest;
    }

    /// Ends every rule.
    pub(crate) fn clear_rules(&self) {
        lock(&self.rules).clear();
        lock(&self.inbound).clear();
    }

    /// Adds a rule that a webhook from outside runs; its path.
    pub(crate) fn accept(&self, rule: Inbound) -> String {
        let path = format!("/web/hook/{}", rule.uuid);
        lock(&self.inbound).push(rule);
        path
    }

    /// The rule of that path.
    pub(crate) fn inbound(&self, uuid: &str) -> Option<Inbound> {
        lock(&self.inbound).iter().find(|rule| rule.uuid == uuid).cloned()
    }

    /// Whether there is such a record.
    pub(crate) fn exists(&self, model: Model, id: Id) -> bool {
        lock(&self.store).row(model, id).is_some()
    }

    fn admin(&self) -> Result<Login, String> {
        let admin = self.who(|login| login.account.rights == Rights::Admin);
        admin.ok_or_else(|| "the simulated Odoo has no administrator".to_owned())
    }

    fn environment(&self, store: &Store, login: &Login, call: &Call, now: Stamp) -> Result<Environment, Refusal> {
        let user = store.row(Model::User, login.user).unwrap_or_default();
        let own = user.references("company_ids");
        let companies = match call.context.get("allowed_company_ids").and_then(Json::as_array) {
            Some(asked) if !asked.is_empty() => asked.iter().filter_map(Json::as_i64).map(Id).collect(),
            _ => {
                let first = user.reference("company_id");
                first.into_iter().chain(own.iter().copied().filter(|id| Some(*id) != first)).collect::<Vec<_>>()
            }
        };
        if companies.iter().any(|company| !own.contains(company)) {
            return Err(Refusal::access("Access to unauthorized or invalid companies."));
        }
        Ok(Environment {
            version: self.version,
            user: login.user,
            user_name: login.name.clone(),
            rights: login.account.rights,
            companies,
            context: call.context.clone(),
            now,
        })
    }

    /// Every record of a model as it is stored.
    pub(crate) fn raw(&self, model: Model) -> Vec<Json> {
        let store = lock(&self.store);
        let record = |id: Id| {
            let mut record = Map::new();
            record.insert("id".to_owned(), id.into());
            let row = store.row(model, id).unwrap_or_default();
            for (field, value) in row.values() {
                record.insert(field.to_owned(), raw(value));
            }
            Json::Object(record)
        };
        store.ids(model).into_iter().map(record).collect()
    }

    pub(crate) fn call_as_admin(
        &self,
        model: &str,
        method: &str,
        args: &[Json],
        kwargs: &Map<String, Json>,
    ) -> Result<Json, String> {
        let admin = self.admin()?;
        let told = |refusal: Refusal| format!("{}: {}", refusal.exception.name(), refusal.message);
        let call = Call::positional(model, method, args, kwargs).map_err(told)?;
        let (outcome, deliveries) = self.run(&admin, &call, self.now());
        if let (false, Ok(runtime)) = (deliveries.is_empty(), tokio::runtime::Handle::try_current()) {
            let sender = self.sender.clone();
            runtime.spawn(async move { sender.send(deliveries).await });
        }
        match outcome.map_err(told)? {
            Answer::Value(value) => Ok(value),
            Answer::Nothing => Ok(Json::Null),
        }
    }

    /// What there is, in numbers.
    pub(crate) fn state(&self) -> Json {
        let store = lock(&self.store);
        let counts: Map<String, Json> =
            Model::ALL.iter().map(|model| (model.name().to_owned(), json!(store.count(*model)))).collect();
        json!({
            "version": self.version.series(),
            "database": self.name,
            "records": counts,
            "calls": self.calls.load(Ordering::Relaxed),
            "committed": self.journal().count(),
            "faults": self.faults().list().len(),
        })
    }
}

fn micros(time: SignedDuration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or_default()
}

fn entry(login: &Login, call: &Call, outcome: &Result<Answer, Refusal>, changed: bool) -> JournalEntry {
    let made: Vec<i64> = match outcome {
        Ok(Answer::Value(Json::Number(id))) => id.as_i64().into_iter().collect(),
        Ok(Answer::Value(Json::Array(ids))) => ids.iter().filter_map(Json::as_i64).collect(),
        Ok(Answer::Value(Json::Object(load))) => {
            let ids = load.get("ids").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            ids.iter().filter_map(Json::as_i64).collect()
        }
        _ => Vec::new(),
    };
    JournalEntry {
        sequence: 0,
        at: Stamp::now().micros(),
        login: login.account.login.clone(),
        model: call.model.name().to_owned(),
        method: call.method.name().to_owned(),
        ids: if call.ids.is_empty() { made } else { call.ids.iter().map(|id| id.0).collect() },
        changed,
    }
}

fn raw(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Number(number) => float(*number),
        Value::Text(text) => json!(&**text),
        Value::Stamp(stamp) => json!(stamp.micros()),
        Value::Ref(id) => json!(id.0),
        Value::Refs(ids) => ids.iter().map(|id| Json::from(*id)).collect(),
        Value::PerCompany(values) => {
            Json::Object(values.iter().map(|(company, number)| (company.to_string(), float(*number))).collect())
        }
    }
}

/// A panic in one call must not take the others down: the undo log is what keeps the tables whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
