//! Verbs on work orders that state where the work should be: started, paused, finished. What is already there or further is
//! left alone, and state and clock are always read back.

use serde_json::Value;

use super::Odoo;
use super::answer;
use super::call::Scope;
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;

/// What starting a work order needs.
pub(super) const START: &[ModelNeeds] = &[ModelNeeds::of("mrp.workorder").reads(&["state"]).calls(&["button_start"])];
/// What pausing a work order needs.
pub(super) const PAUSE: &[ModelNeeds] =
    &[ModelNeeds::of("mrp.workorder").reads(&["state", "is_user_working"]).calls(&["button_pending"])];
/// What finishing a work order needs.
pub(super) const FINISH: &[ModelNeeds] = &[ModelNeeds::of("mrp.workorder").reads(&["state"]).calls(&["button_finish"])];

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

/// A work order as its verbs need it.
struct Work {
    state: WorkOrderState,
    /// The clock of our own account runs.
    ours: bool,
    /// Somebody's clock runs.
    anybody: bool,
}

impl Odoo {
    /// Target: the work order is at least started, and somebody works on it. A paused one goes on.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled one is `Refused`.
    pub async fn start_work_order(&self, id: i64, scope: &Scope) -> Result<WorkOrderState, Failure> {
        let reached = |work: &Work| match work.state {
            WorkOrderState::Done => true,
            WorkOrderState::Progress => work.anybody,
            _ => false,
        };
        self.move_work_order(id, scope, ("button_start", "started"), reached).await
    }

    /// Target: the work order is started, and nobody works on it now. Only the clock of the account can be stopped.
    ///
    /// # Errors
    /// [`Failure`]; one that was not started, is over, or on which a person works, is `Refused`.
    pub async fn pause_work_order(&self, id: i64, scope: &Scope) -> Result<WorkOrderState, Failure> {
        let work = self.work(id, scope).await.map_err(Failure::before_sending)?;
        if work.state != WorkOrderState::Progress {
            let message = format!("work order {id} is {}, so there is no work to pause", work.state.as_str());
            return Err(Failure::refused(Refusal::Target, message));
        }
        if work.anybody && !work.ours {
            let message = format!("somebody else works on work order {id}; only they stop their clock");
            return Err(Failure::refused(Refusal::Target, message));
        }
        self.move_work_order(id, scope, ("button_pending", "paused"), |work| !work.ours).await
    }

    /// Target: the work order is finished.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled one is `Refused`.
    pub async fn finish_work_order(&self, id: i64, scope: &Scope) -> Result<WorkOrderState, Failure> {
        let reached = |work: &Work| work.state == WorkOrderState::Done;
        self.move_work_order(id, scope, ("button_finish", "finished"), reached).await
    }

    async fn move_work_order(
        &self,
        id: i64,
        scope: &Scope,
        (method, meant): (&str, &str),
        reached: impl Fn(&Work) -> bool,
    ) -> Result<WorkOrderState, Failure> {
        let before = self.work(id, scope).await.map_err(Failure::before_sending)?;
        if reached(&before) {
            return Ok(before.state);
        }
        if before.state == WorkOrderState::Cancelled {
            return Err(Failure::refused(Refusal::Target, format!("work order {id} is cancelled")));
        }
        self.act("mrp.workorder", method, id, scope).await?;
        let after = self.work(id, scope).await.map_err(Failure::after_sending)?;
        if reached(&after) {
            return Ok(after.state);
        }
        let found = format!("{}{}", after.state.as_str(), if after.ours { ", its clock runs" } else { "" });
        Err(Failure::mismatch(format!("state of work order {id}"), &meant, &found))
    }

    async fn work(&self, id: i64, scope: &Scope) -> Result<Work, Failure> {
        let known = self.fields("mrp.workorder").await?;
        let clocks = ["is_user_working", "working_user_ids"].into_iter().filter(|name| known.contains_key(*name));
        let fields: Vec<&str> = ["state"].into_iter().chain(clocks).collect();
        let record = self.one("mrp.workorder", id, &fields, scope).await?;
        let state = WorkOrderState::of(&record)?;
        let ours = record.get("is_user_working").and_then(Value::as_bool);
        let working = record.get("working_user_ids").and_then(Value::as_array).map(|users| !users.is_empty());
        let anybody = match (ours, working) {
            // A server that tells of no clock is taken by its state.
            (None, None) => state == WorkOrderState::Progress,
            (ours, working) => ours == Some(true) || working == Some(true),
        };
        Ok(Work { state, ours: ours.unwrap_or(false), anybody })
    }
}
