//! Verbs on production and work orders that state where the order should be: released, started, finished.
//! What is already there or further is left alone, and the state is always read back.

use serde_json::Value;

use super::Odoo;
use super::answer;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::record::named;

/// What releasing a production order needs.
pub(super) const RELEASE: &[ModelNeeds] = &[ModelNeeds::of("mrp.production")
    .reads(&["state", "reservation_state"])
    .calls(&["action_confirm", "action_assign"])];
/// What starting a work order needs.
pub(super) const START: &[ModelNeeds] = &[ModelNeeds::of("mrp.workorder").reads(&["state"]).calls(&["button_start"])];
/// What finishing a work order needs.
pub(super) const FINISH: &[ModelNeeds] = &[ModelNeeds::of("mrp.workorder").reads(&["state"]).calls(&["button_finish"])];

/// The state of a production order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Not released.
    Draft,
    /// Released.
    Confirmed,
    /// Being made.
    Progress,
    /// All is made, nothing booked.
    ToClose,
    /// Booked; cannot be undone.
    Done,
    /// Given up.
    Cancelled,
}

impl OrderState {
    /// Odoo's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Confirmed => "confirmed",
            Self::Progress => "progress",
            Self::ToClose => "to_close",
            Self::Done => "done",
            Self::Cancelled => "cancel",
        }
    }

    /// From Odoo's word.
    pub(super) fn of(record: &Value) -> Result<Self, Failure> {
        let all = [Self::Draft, Self::Confirmed, Self::Progress, Self::ToClose, Self::Done, Self::Cancelled];
        let word = answer::text(record, "state")?;
        let known = all.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| Failure::protocol(format!("`{word}` is not a state of a production order")))
    }

    /// Released and not yet booked.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Confirmed | Self::Progress | Self::ToClose)
    }
}

/// The state of a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkOrderState {
    /// Waits for another work order (from 19; up to 18 see `Pending`).
    Blocked,
    /// Waits for another work order (up to 18).
    Pending,
    /// Waits for components (up to 18).
    Waiting,
    /// Can be started.
    Ready,
    /// Started.
    Progress,
    /// Finished.
    Done,
    /// Given up.
    Cancelled,
}

impl WorkOrderState {
    /// Odoo's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Progress => "progress",
            Self::Done => "done",
            Self::Cancelled => "cancel",
        }
    }

    fn of(record: &Value) -> Result<Self, Failure> {
        use WorkOrderState::{Blocked, Cancelled, Done, Pending, Progress, Ready, Waiting};
        let all = [Blocked, Pending, Waiting, Ready, Progress, Done, Cancelled];
        let word = answer::text(record, "state")?;
        let known = all.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| Failure::protocol(format!("`{word}` is not a state of a work order")))
    }
}

impl Odoo {
    /// Target: the production order is at least released, with its components reserved as far as they are there.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled order is `Refused`.
    pub async fn release_production_order(&self, id: i64, scope: &Scope) -> Result<OrderState, Failure> {
        let mut order = self.order_state(id, scope).await.map_err(Failure::before_sending)?;
        let mut sent = false;
        if OrderState::of(&order)? == OrderState::Cancelled {
            return Err(Failure::refused(Refusal::Target, format!("production order {id} is cancelled")));
        }
        if OrderState::of(&order)? == OrderState::Draft {
            self.act("mrp.production", "action_confirm", id, scope).await?;
            sent = true;
            order = self.order_state(id, scope).await.map_err(Failure::after_sending)?;
        }
        let state = OrderState::of(&order)?;
        let reserved = order.get("reservation_state").and_then(Value::as_str) == Some("assigned");
        if state.is_open() && !reserved {
            self.act("mrp.production", "action_assign", id, scope).await?;
            sent = true;
            order = self.order_state(id, scope).await.map_err(Failure::after_sending)?;
        }
        match OrderState::of(&order)? {
            OrderState::Draft => {
                Err(Failure::mismatch(format!("state of production order {id}"), &"confirmed", &"draft"))
            }
            state => {
                tracing::debug!(system = %self.config().system, id, state = state.as_str(), sent, "production order released");
                Ok(state)
            }
        }
    }

    async fn order_state(&self, id: i64, scope: &Scope) -> Result<Value, Failure> {
        self.one("mrp.production", id, &["state", "reservation_state"], scope).await
    }

    /// Target: the work order is at least started.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled one is `Refused`.
    pub async fn start_work_order(&self, id: i64, scope: &Scope) -> Result<WorkOrderState, Failure> {
        let reached = |state| matches!(state, WorkOrderState::Progress | WorkOrderState::Done);
        self.move_work_order(id, scope, "button_start", WorkOrderState::Progress, reached).await
    }

    /// Target: the work order is finished.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled one is `Refused`.
    pub async fn finish_work_order(&self, id: i64, scope: &Scope) -> Result<WorkOrderState, Failure> {
        let reached = |state| state == WorkOrderState::Done;
        self.move_work_order(id, scope, "button_finish", WorkOrderState::Done, reached).await
    }

    async fn move_work_order(
        &self,
        id: i64,
        scope: &Scope,
        method: &str,
        meant: WorkOrderState,
        reached: impl Fn(WorkOrderState) -> bool,
    ) -> Result<WorkOrderState, Failure> {
        let record = self.one("mrp.workorder", id, &["state"], scope).await.map_err(Failure::before_sending)?;
        let before = WorkOrderState::of(&record)?;
        if reached(before) {
            return Ok(before);
        }
        if before == WorkOrderState::Cancelled {
            return Err(Failure::refused(Refusal::Target, format!("work order {id} is cancelled")));
        }
        self.act("mrp.workorder", method, id, scope).await?;
        let record = self.one("mrp.workorder", id, &["state"], scope).await.map_err(Failure::after_sending)?;
        let after = WorkOrderState::of(&record)?;
        if reached(after) {
            return Ok(after);
        }
        Err(Failure::mismatch(format!("state of work order {id}"), &meant.as_str(), &after.as_str()))
    }

    /// Presses a button on one record. A wizard in the answer means that nothing was done.
    async fn act(&self, model: &str, method: &str, id: i64, scope: &Scope) -> Result<(), Failure> {
        let answer = self.call(Call::write(model, method, scope).on(&[id])).await?;
        wizard(&answer).map_or(Ok(()), Err)
    }

    /// One record, which must exist.
    pub(super) async fn one(&self, model: &str, id: i64, fields: &[&str], scope: &Scope) -> Result<Value, Failure> {
        // Archived or not, a record that was named is meant.
        let records = self.read(model, &[id], &named(fields), &scope.with_archived()).await?;
        records.into_iter().next().ok_or_else(|| {
            Failure::refused(Refusal::Missing, format!("`{model}` {id} does not exist or is not in this company"))
        })
    }
}

/// The refusal that a button's answer means if it opens a form for a person. An answer that shows the records themselves, as
/// after making a backorder, is none.
pub(super) fn wizard(answer: &Value) -> Option<Failure> {
    let part = |name: &str| answer.get(name).and_then(Value::as_str);
    let opens = part("type")? == "ir.actions.act_window";
    let shown = part("res_model").unwrap_or_default();
    if !opens || matches!(shown, "mrp.production" | "mrp.workorder") {
        return None;
    }
    let title = part("name").unwrap_or("a wizard");
    Some(Failure::refused(Refusal::Wizard, format!("odoo asks a person instead: {title} (`{shown}`)")))
}
