//! Verbs on production orders that state where the order should be. What is already there or further is left alone, and
//! the state is always read back; it is never written.

use serde_json::Value;

use super::Odoo;
use super::answer;
use super::call::Scope;
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;

/// What releasing a production order needs.
pub(super) const RELEASE: &[ModelNeeds] = &[ModelNeeds::of("mrp.production")
    .reads(&["state", "reservation_state"])
    .calls(&["action_confirm", "action_assign"])];

/// What giving a production order up needs.
pub(super) const CANCEL: &[ModelNeeds] =
    &[ModelNeeds::of("mrp.production").reads(&["state"]).calls(&["action_cancel"])];

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
            let assigned = self.act("mrp.production", "action_assign", id, scope).await;
            let what = || format!("the release of production order {id}");
            assigned.map_err(|failure| if sent { failure.after_booking(&what()) } else { failure })?;
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

    /// Target: the production order is given up. What was booked of it before, on another part, stays booked.
    ///
    /// # Errors
    /// [`Failure`]; a done order is `Refused`: Odoo would answer yes, or no, and do nothing.
    pub async fn cancel_production_order(&self, id: i64, scope: &Scope) -> Result<OrderState, Failure> {
        let order = self.order_state(id, scope).await.map_err(Failure::before_sending)?;
        match OrderState::of(&order)? {
            OrderState::Cancelled => return Ok(OrderState::Cancelled),
            OrderState::Done => {
                let message = format!("production order {id} is done, and what is booked cannot be undone");
                return Err(Failure::refused(Refusal::Target, message));
            }
            _ => self.act("mrp.production", "action_cancel", id, scope).await?,
        }
        let order = self.order_state(id, scope).await.map_err(Failure::after_sending)?;
        match OrderState::of(&order)? {
            OrderState::Cancelled => Ok(OrderState::Cancelled),
            state => Err(Failure::mismatch(format!("state of production order {id}"), &"cancel", &state.as_str())),
        }
    }

    async fn order_state(&self, id: i64, scope: &Scope) -> Result<Value, Failure> {
        self.one("mrp.production", id, &["state", "reservation_state"], scope).await
    }
}
