//! Deciding: only whose approval a change takes may approve or reject it; anybody may comment. A rejection closes a version, and
//! who rejected may open it again; the last approval ratifies an emergency.

use selvage_governance::approval::{Standing, is_lent};
use selvage_model::change::{Change, ChangeState, DecisionVerdict, Delegation};
use selvage_model::code;

use super::{Desk, DeskError};

/// What somebody says about a change.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// The change.
    pub change: String,
    /// The version that was looked at; may be left out where there was never another, and for comments.
    pub version: Option<u32>,
    /// Who.
    pub person: String,
    /// What.
    pub verdict: DecisionVerdict,
    /// Why.
    pub because: String,
}

impl Desk {
    /// Keeps a decision, and says how the change stands after it.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where the person's word does not count for it; those of the store.
    pub async fn decide(&self, deciding: Deciding) -> Result<(Change, Standing), DeskError> {
        let Deciding { change, version, person, verdict, because } = deciding;
        let before = self.store.change(&change).await?;
        if verdict != DecisionVerdict::Comment {
            self.may_decide(&before, &person).await?;
        }
        let version = match version {
            Some(version) => version,
            None if verdict == DecisionVerdict::Comment || before.version == 1 => before.version,
            // Who decides has seen one of them, and it is not said which.
            None => {
                let now = before.version;
                let message = format!("{} was altered: it is version {now} by now", before.id);
                let fix = format!("look at it with `selvage change show {}`, and say `--version {now}`", before.id);
                return Err(DeskError::refused(code::VERSION_UNSAID, message, fix));
            }
        };
        let change = self.store.decide_change(&before.id, version, &person, verdict, &because).await?;
        let standing = self.standing(&change).await?;
        let change = self.follow(change, &standing, &person, &because).await?;
        Ok((change, standing))
    }

    /// What becomes of a change by a decision.
    async fn follow(&self, change: Change, standing: &Standing, by: &str, because: &str) -> Result<Change, DeskError> {
        let to = match change.state {
            ChangeState::Open if standing.rejected.is_some() => ChangeState::Rejected,
            ChangeState::Rejected if standing.rejected.is_none() => ChangeState::Open,
            ChangeState::Released if change.ratify_until.is_some() && standing.is_approved() => {
                self.store.ratify_change(&change.id, by).await?;
                return Ok(self.store.change(&change.id).await?);
            }
            _ => return Ok(change),
        };
        Ok(self.store.settle_change(&change, to, by, because).await?)
    }

    /// Refuses whose decision the change does not take; a seat that is lent counts while it is.
    pub(crate) async fn may_decide(&self, change: &Change, person: &str) -> Result<(), DeskError> {
        let refuse = |message: String| {
            let fix = format!("`selvage change show {}` names who is waited for; anybody may comment", change.id);
            Err(DeskError::refused(code::NOT_YOURS_TO_DECIDE, message, fix))
        };
        if person == change.author {
            return refuse(format!("`{person}` proposed it, and nobody decides about their own change"));
        }
        let sitting = self.sitting().await?;
        let seats = change.requirements.iter().flat_map(|requirement| &requirement.seats);
        let fills = |seat: &selvage_model::change::Seat| {
            let lent = |it: &Delegation| it.to == person && is_lent(seat, it, change, &sitting);
            seat.people.iter().any(|one| one == person) || sitting.delegations.iter().any(lent)
        };
        if seats.into_iter().any(fills) {
            return Ok(());
        }
        refuse(format!("the change does not take a decision of `{person}`"))
    }

    /// Takes a change back.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for anybody but its author; those of the store.
    pub async fn withdraw(&self, id: &str, by: &str, because: &str) -> Result<Change, DeskError> {
        let change = self.store.change(id).await?;
        if by != change.author {
            let message = format!("`{}` proposed it, and takes it back or nobody", change.author);
            return Err(DeskError::refused(code::NOT_YOURS_TO_DECIDE, message, "reject it where you may decide"));
        }
        if !matches!(change.state, ChangeState::Open | ChangeState::Rejected) {
            let (state, version) = (change.state, change.version);
            let step = "withdrawn".to_owned();
            return Err(selvage_store::StoreError::ChangeStands { id: change.id, state, version, step }.into());
        }
        Ok(self.store.settle_change(&change, ChangeState::Withdrawn, by, because).await?)
    }
}
