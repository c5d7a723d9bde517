//! Boards: who sits on which seat, and to whom seats are lent for a time. A seat is lent by who sits on it, and taken back by them, by who fills
//! it for them, or by who sits over everybody there. Who is lent a seat lends it no further.

use std::sync::Arc;

use jiff::Timestamp;
use selvage_governance::seat::{Act, may};
use selvage_model::change::Delegation;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::organisation::Domain;
use selvage_store::StoreError;

use super::{Desk, DeskError};

const SEE: &str = "`selvage board seats` shows who sits where";

/// Boards as they were released last, and seats that are lent.
pub struct Boards {
    /// What says who sits where.
    pub fabric: Arc<Fabric>,
    /// The seats that are lent now, oldest first.
    pub lent: Vec<Delegation>,
    /// When that was looked at.
    pub now: Timestamp,
}

impl Boards {
    /// The domains that have a board.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.fabric.domains.values().filter(|domain| !domain.board.is_empty())
    }

    /// To whom a seat is lent.
    pub fn lent<'a>(&'a self, domain: &'a Domain, discipline: &'a str) -> impl Iterator<Item = &'a Delegation> {
        self.lent.iter().filter(move |it| it.domain == domain.name && it.discipline == discipline)
    }

    /// Whether somebody may take a seat back that is lent.
    pub fn may_take_back(&self, it: &Delegation, person: &str) -> bool {
        it.from == person || it.to == person || may(&self.fabric, person, Act::Oversee, &it.domain)
    }
}

impl Desk {
    /// Boards as they were released last, and seats that are lent.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn boards(&self) -> Result<Boards, DeskError> {
        let fabric = self.released().await?;
        let (now, lent) = self.store.delegations().await?;
        Ok(Boards { fabric, lent, now })
    }

    /// Lends a seat of a board: by who sits on it, as the domain released it last.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for a seat that is not theirs, and a time that has passed; those of the store.
    pub async fn lend(&self, new: &Delegation) -> Result<Delegation, DeskError> {
        let refuse = |message: String| Err(DeskError::refused(code::SEAT_NOT_YOURS, message, SEE));
        let boards = self.boards().await?;
        if new.until <= boards.now {
            let message = format!("{:.0} has passed", new.until);
            return Err(DeskError::refused(code::SEAT_OVER, message, "lend it until a time that comes"));
        }
        let board = boards.fabric.domains.get(&new.domain);
        let seat = board.and_then(|board| board.board.iter().find(|(name, _)| name.value == new.discipline));
        match seat {
            Some((_, people)) if people.contains(&new.from) => Ok(self.store.delegate(new).await?),
            Some(_) => {
                refuse(format!("`{}` does not sit for {} on the board of {}", new.from, new.discipline, new.domain))
            }
            None => refuse(format!("the board of {} has no seat for {}", new.domain, new.discipline)),
        }
    }

    /// Takes a seat back before its time.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for anybody who neither lent it, nor fills it, nor sits over it; [`StoreError::NotFound`] where it is not lent;
    /// those of the store.
    pub async fn take_back(&self, id: &str, by: &str) -> Result<Delegation, DeskError> {
        let boards = self.boards().await?;
        let Some(found) = boards.lent.iter().find(|it| it.id == id) else {
            return Err(StoreError::NotFound { what: "delegation", id: id.to_owned() }.into());
        };
        if !boards.may_take_back(found, by) {
            let message = format!("`{by}` neither lent this seat, nor fills it, nor sits over {}", found.domain);
            return Err(DeskError::refused(code::SEAT_NOT_YOURS, message, SEE));
        }
        self.store.end_delegation(id, by).await?;
        Ok(found.clone())
    }
}
